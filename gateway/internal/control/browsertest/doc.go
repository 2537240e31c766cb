// Package browsertest looks at the gateway's page with a real browser, headless
// Chromium driven over its DevTools protocol, while a real gateway answers real
// traffic. It has tests only.
//
// BANYAN_BROWSER says which browser:
//
//	(unset)    Chromium or Chrome where one is installed; without one the tests say so and don't run
//	required   the same, but without one they fail: what CI sets
//	none       no browser test runs
//	a path     that browser
//
// Screenshots are saved as artifacts:
//
//	go test ./internal/control/browsertest -artifacts -outputdir "$PWD"
package browsertest
