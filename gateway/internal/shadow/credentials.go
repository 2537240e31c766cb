package shadow

import (
	"bytes"
	"strings"

	"banyan.dev/gateway/internal/shadow/diff"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/platform/identity"
)

// pass is what may go along though it speaks for a user, in lower case; cookies are
// told apart by case.
type pass struct {
	headers  []string
	cookies  []string
	identity bool
}

func newPass(c config.Credentials) pass {
	p := pass{cookies: c.Cookies, identity: c.Identity}
	for _, name := range c.Headers {
		p.headers = append(p.headers, strings.ToLower(name))
	}
	return p
}

// telling are the parts of header names that mean that a header speaks for a user:
// Authorization, Proxy-Authorization, Cookie, X-Api-Key, X-Auth-Token, X-Csrf-Token,
// X-Amz-Security-Token, Cf-Access-Jwt-Assertion, X-Goog-Iap-Jwt-Assertion,
// X-Amzn-Oidc-Data, Ssl-Client-Cert. A header too many that stays behind makes a
// comparison worse and can be passed by name; one too few gives an account away.
var telling = [...]string{
	"auth", "cookie", "token", "secret", "session", "credential", "password", "passwd", "signature",
	"api-key", "apikey", "access-key", "private-key", "jwt", "csrf", "xsrf", "oidc", "saml", "assertion", "identity", "client-cert",
}

// isCredential tells it by a header's name, in whatever case. An underscore is taken
// for a hyphen, as CGI and its heirs do.
func isCredential(name []byte) bool {
	var buf [64]byte
	lower := buf[:0]
	for _, c := range name {
		switch {
		case c >= 'A' && c <= 'Z':
			c |= 0x20
		case c == '_':
			c = '-'
		}
		lower = append(lower, c)
	}
	for _, part := range telling {
		if bytes.Contains(lower, []byte(part)) {
			return true
		}
	}
	return false
}

// header tells whether a credential may go along as it is.
func (p *pass) header(name []byte) bool {
	if is(name, identity.Header) {
		return p.identity
	}
	for _, h := range p.headers {
		if strings.EqualFold(h, string(name)) {
			return true
		}
	}
	return false
}

// appendCookies appends of a Cookie header's value the cookies that may go along,
// and to withheld the names of the others.
func (p *pass) appendCookies(dst, value []byte, withheld []string) ([]byte, []string) {
	begin := len(dst)
	for pair := range bytes.SplitSeq(value, []byte{';'}) {
		pair = bytes.TrimSpace(pair)
		name, _, named := bytes.Cut(pair, []byte{'='})
		name = bytes.TrimSpace(name)
		if len(pair) == 0 {
			continue
		}
		if !named || !p.cookie(name) {
			// Without = the whole may be the secret.
			if !named {
				name = nil
			}
			withheld = append(withheld, "Cookie "+string(name))
			continue
		}
		if len(dst) > begin {
			dst = append(dst, "; "...)
		}
		dst = append(dst, pair...)
	}
	return dst, withheld
}

func (p *pass) cookie(name []byte) bool {
	for _, c := range p.cookies {
		if c == string(name) {
			return true
		}
	}
	return false
}

// speaksInQuery tells by its name whether a query parameter speaks for a user: as a
// secret, or as something that signs in once (RFC 6749, SAML's bindings, the links in
// mails). It can't be taken out without asking something else, so such a request is
// not copied; nor is its value ever shown.
func speaksInQuery(name string) bool {
	switch lower := strings.ToLower(name); lower {
	case "page_token", "pagetoken", "next_token", "nexttoken", "next_page_token", "nextpagetoken", "continuation_token", "continuationtoken":
		return false // they turn pages
	default:
		if diff.IsSecret(lower) {
			return true
		}
	}
	switch strings.ToLower(name) {
	case "code", "key", "ticket", "samlresponse", "samlrequest", "samlart", "oobcode", "hmac", "magic":
		return true
	}
	return false
}

// secretIn returns the name of the first query parameter of a target that carries a
// credential, or "".
func secretIn(target []byte) string {
	_, query, _ := bytes.Cut(target, []byte{'?'})
	for len(query) > 0 {
		var pair []byte
		pair, query = cutPair(query)
		name, _, _ := bytes.Cut(pair, []byte{'='})
		if plain := unescaped(name); speaksInQuery(plain) {
			return plain
		}
	}
	return ""
}

// cutPair takes the first pair off a query. A semicolon separates too, as some
// owners have it.
func cutPair(query []byte) (pair, rest []byte) {
	i := bytes.IndexAny(query, "&;")
	if i < 0 {
		return query, nil
	}
	return query[:i], query[i+1:]
}
