package diff

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// shown is how many bytes of a value are told.
const shown = 240

// hidden stands for a value that is not told.
const hiddenText = "(hidden)"

// secrets are the parts of names whose values are not for a page that people look
// over each other's shoulders at.
var secrets = [...]string{
	"passw", "secret", "token", "apikey", "accesskey", "privatekey", "credential", "authoriz", "session", "signature",
	"jwt", "cookie", "csrf", "xsrf", "creditcard", "cardnumber",
}

// short are names that are secrets only as a whole: as a part they mean much else.
var short = [...]string{"auth", "pwd", "pin", "otp", "sid", "sig", "cvv", "cvc", "ssn", "iban"}

// IsSecret tells by the name of a member, header or parameter whether its value
// should be shown to nobody. Case and punctuation don't count.
func IsSecret(name string) bool {
	plain := strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
	for _, s := range short {
		if plain == s {
			return true
		}
	}
	for _, s := range secrets {
		if strings.Contains(plain, s) {
			return true
		}
	}
	return false
}

// isUnderSecret tells whether a member on the way to a place is called like a secret.
func isUnderSecret(p *path) bool {
	for ; p != nil; p = p.up {
		if p.index < 0 && IsSecret(p.token) {
			return true
		}
	}
	return false
}

func showHeader(name, value string) string {
	if IsSecret(name) || strings.EqualFold(name, "WWW-Authenticate") || strings.EqualFold(name, "Authentication-Info") {
		return hiddenText
	}
	return Shorten(value, shown)
}

// show is a value as JSON text in one line.
func show(v *value, hidden bool) string {
	if hidden {
		return hiddenText
	}
	w := writer{limit: shown}
	w.value(v)
	return w.String()
}

// Shorten cuts a text to at most limit bytes and makes it printable: control
// characters and what is no UTF-8 become marks of their own.
func Shorten(s string, limit int) string {
	cut := len(s) > limit
	if cut {
		s = s[:limit]
		for len(s) > 0 && !utf8.RuneStart(s[len(s)-1]) {
			s = s[:len(s)-1]
		}
		if r, n := utf8.DecodeLastRuneInString(s); r == utf8.RuneError && n == 1 {
			s = s[:len(s)-1]
		}
	}
	s = strings.Map(printable, strings.ToValidUTF8(s, "\ufffd"))
	if cut {
		return s + "…"
	}
	return s
}

func printable(r rune) rune {
	if r == '\n' || r == '\t' || unicode.IsPrint(r) {
		return r
	}
	if r < ' ' {
		return '\u2400' + r
	}
	return '\ufffd'
}
