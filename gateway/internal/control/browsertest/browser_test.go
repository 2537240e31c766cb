package browsertest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	perTest   = 5 * time.Minute  // on a machine that does much else
	perAction = 30 * time.Second // what is not there by then never comes
)

func TestMain(m *testing.M) {
	wish := os.Getenv("BANYAN_BROWSER")
	_, err := findBrowser(wish)
	switch {
	case wish == "none":
		fmt.Println("browser tests do not run: BANYAN_BROWSER is none")
	case err != nil && wish == "":
		fmt.Println("browser tests do not run:", err)
	case err != nil:
		fmt.Fprintln(os.Stderr, "browser tests can't run:", err)
		os.Exit(1)
	default:
		os.Exit(m.Run())
	}
}

// findBrowser returns the program that the wish names, or any that is installed.
func findBrowser(wish string) (string, error) {
	if wish != "" && wish != "required" {
		return exec.LookPath(wish)
	}
	for _, name := range []string{
		"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "headless-shell",
		"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium",
	} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no Chromium or Chrome is installed: install one (apt-get install chromium), " +
		"or name one with BANYAN_BROWSER=/path/to/chromium")
}

// startBrowser starts one, and ends it with t.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	path, err := findBrowser(os.Getenv("BANYAN_BROWSER"))
	require.NoError(t, err)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.Flag("hide-scrollbars", true))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses root with it
	}
	ctx, cancel := context.WithTimeout(context.Background(), perTest)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(ctx), "start %s", path)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) }) // waits until it has ended, so that its folder can go
	return ctx
}

// look is what a page is looked at with.
type look struct {
	name          string
	width, height int64
	scheme        string // light or dark
	script        bool
}

// tab is one person's window.
type tab struct {
	t    *testing.T
	ctx  context.Context
	base string
	look look
}

// open returns a new tab. Whatever its page complains of fails the test.
func open(t *testing.T, browser context.Context, base string, l look) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(ctx)) // opens it; under a deadline it would end with that
	tb := &tab{t: t, ctx: ctx, base: base, look: l}
	options := []chromedp.EmulateViewportOption{}
	if l.width < 600 {
		options = append(options, chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	tb.do(chromedp.EmulateViewport(l.width, l.height, options...))
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
	require.NoError(t, err)
	_, err = chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !l.script})
	require.NoError(t, err)
	require.NoError(t, chromedp.Listen(ctx, tb.hear))
	tb.do(chromedp.Navigate(base + "/_strangler/"))
	return tb
}

// hear notes what the browser complains of: a script that fails, a style or script
// that the content security policy refuses, a file that isn't there.
func (tb *tab) hear(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		assert.Fail(tb.t, "a script failed", "%+v", e.ExceptionDetails)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			assert.Fail(tb.t, "the browser complains", "%s: %s", e.Entry.URL, e.Entry.Text)
		}
	}
}

func (tb *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, perAction)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		tb.save("failed")
		require.NoError(tb.t, err, "the page says:\n%s", tb.text("body"))
	}
}

// as runs a part of a test with the tab.
func (tb *tab) as(name string, part func(*tab)) {
	whole := tb.t
	defer func() { tb.t = whole }()
	whole.Run(name, func(t *testing.T) {
		tb.t = t
		part(tb)
	})
}

// eval returns what an expression is worth in the page.
func eval[T any](tb *tab, expression string) T {
	tb.t.Helper()
	value, err := chromedp.Run(tb.ctx, chromedp.EvaluateAsDevTools[T](expression))
	require.NoError(tb.t, err, expression)
	return value
}

// comes waits until an expression is true in the page.
func (tb *tab) comes(what, expression string) {
	tb.t.Helper()
	ok := assert.Eventually(tb.t, func() bool { return eval[bool](tb, expression) }, perAction, 50*time.Millisecond, what)
	if !ok {
		tb.save("failed")
		require.Fail(tb.t, what, "the page says:\n%s", tb.text("body"))
	}
}

// says waits until a part of the page contains a text.
func (tb *tab) says(selector, text string) {
	tb.t.Helper()
	tb.comes(selector+" says "+text, fmt.Sprintf("[...document.querySelectorAll(%q)].some((e) => e.textContent.replace(/\\s+/g, ' ').includes(%q))", selector, text))
}

func (tb *tab) text(selector string) string {
	tb.t.Helper()
	return strings.Join(strings.Fields(eval[string](tb, fmt.Sprintf("document.querySelector(%q)?.textContent ?? ''", selector))), " ")
}

// presses clicks what the selector names, as soon as it is seen.
func (tb *tab) presses(selector string) {
	tb.t.Helper()
	tb.do(chromedp.Click(chromedp.CSS(selector)))
}

func (tb *tab) types(selector, text string) {
	tb.t.Helper()
	tb.do(chromedp.Click(chromedp.CSS(selector)))
	eval[bool](tb, fmt.Sprintf("(document.querySelector(%q).value = '') === ''", selector))
	tb.do(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// keep saves a picture if artifacts are asked for: it takes a while.
func (tb *tab) keep(name string) {
	tb.t.Helper()
	if f := flag.Lookup("test.artifacts"); f != nil && f.Value.String() == "true" {
		tb.save(name)
	}
}

// save keeps a picture of the whole page.
func (tb *tab) save(name string) {
	tb.t.Helper()
	picture, err := chromedp.Run(tb.ctx, chromedp.FullScreenshot(100))
	require.NoError(tb.t, err)
	file := filepath.Join(tb.t.ArtifactDir(), tb.look.name+"-"+name+".png")
	require.NoError(tb.t, os.WriteFile(file, picture, 0o600))
}
