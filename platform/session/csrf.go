package session

import (
	"fmt"
	"net/http"
)

// Protect returns a middleware that refuses unsafe requests (POST, PUT, PATCH,
// DELETE) which a browser says come from another site, by Sec-Fetch-Site and
// Origin. deny answers them; nil answers a plain 403. Trusted origins
// ("https://blog.example") are let through, as is a caller that is no browser.
//
// The idea is Filippo Valsorda's, https://words.filippo.io/csrf/; the check is
// net/http's. It compares Origin with Host, so a gateway in front keeps Host.
func Protect(deny http.Handler, trusted ...string) (func(http.Handler) http.Handler, error) {
	protection, err := CrossOrigin(trusted...)
	if err != nil {
		return nil, err
	}
	if deny != nil {
		protection.SetDenyHandler(deny)
	}
	return protection.Handler, nil
}

// CrossOrigin is the check behind Protect, for a host that wants to ask it
// without a middleware.
func CrossOrigin(trusted ...string) (*http.CrossOriginProtection, error) {
	protection := http.NewCrossOriginProtection()
	for _, origin := range trusted {
		if err := protection.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("trusted origin %q: write scheme://host[:port] without a path: %w", origin, err)
		}
	}
	return protection, nil
}
