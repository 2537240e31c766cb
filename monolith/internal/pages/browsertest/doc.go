// Package browsertest looks at the pages with a real browser: headless Chromium,
// driven over its DevTools protocol, at the widths of a phone and a desktop, light
// and dark, with script and without. It has tests only.
//
// BANYAN_BROWSER says which browser:
//
//	(unset)    Chromium or Chrome where one is installed; without one the tests say so and don't run
//	required   the same, but without one they fail: what CI sets
//	none       no browser test runs
//	a path     that browser
//
// Each test saves its screenshots as artifacts:
//
//	go test ./internal/pages/browsertest -artifacts -outputdir "$PWD"
package browsertest
