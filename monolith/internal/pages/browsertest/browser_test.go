package browsertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

const (
	perTest   = 8 * time.Minute  // on a machine that does much else
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
	name   string
	width  int64
	height int64
	scheme string // light or dark
	script bool
}

func looks() []look {
	return []look{
		{"phone-light", 390, 844, "light", true},
		{"desktop-light", 1280, 900, "light", true},
		{"phone-dark-without-script", 390, 844, "dark", false},
		{"desktop-dark", 1280, 900, "dark", true},
	}
}

// tab is one person's window: its cookies are its own.
type tab struct {
	t    *testing.T
	ctx  context.Context
	base string
	look look
}

// open returns a new tab that looks at a blog.
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
	return tb
}

func (tb *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, perAction)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		tb.fail(err)
	}
}

// fail says where the browser was, and shows it.
func (tb *tab) fail(err error) {
	tb.t.Helper()
	tb.save("failed")
	where, _ := chromedp.Run(tb.ctx, chromedp.Location())
	text, _ := chromedp.Run(tb.ctx, chromedp.Text(chromedp.CSS("body")))
	require.NoError(tb.t, err, "at %s, where the page says:\n%s", where, text)
}

// goes opens an address and returns the status.
func (tb *tab) goes(path string) int {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, perAction)
	defer cancel()
	answer, err := chromedp.RunResponse(ctx, chromedp.Navigate(tb.base+path))
	require.NoError(tb.t, err, path)
	return int(answer.Status)
}

// press clicks what leads to another page, and waits for that.
func (tb *tab) press(selector string) int {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, perAction)
	defer cancel()
	answer, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector)))
	if err != nil {
		tb.fail(fmt.Errorf("press %s: %w", selector, err))
	}
	return int(answer.Status)
}

// button presses the button of a page's content that has the label.
func (tb *tab) button(label string) int {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, perAction)
	defer cancel()
	answer, err := chromedp.RunResponse(ctx, chromedp.Click(fmt.Sprintf(`//main//button[starts-with(normalize-space(), %q)]`, label)))
	if err != nil {
		tb.fail(fmt.Errorf("press the button %q: %w", label, err))
	}
	return int(answer.Status)
}

// types writes into an empty field.
func (tb *tab) types(field, text string) {
	tb.t.Helper()
	tb.do(chromedp.SendKeys(chromedp.CSS(fmt.Sprintf("main [name=%q]", field)), text))
}

// retypes replaces what stands in a field.
func (tb *tab) retypes(field, text string) {
	tb.t.Helper()
	tb.do(chromedp.SetValue(chromedp.CSS(fmt.Sprintf("main [name=%q]", field)), text))
}

func (tb *tab) text() string {
	tb.t.Helper()
	text, err := chromedp.Run(tb.ctx, chromedp.Text(chromedp.CSS("body")))
	require.NoError(tb.t, err)
	return strings.Join(strings.Fields(text), " ")
}

func (tb *tab) says(text string) {
	tb.t.Helper()
	require.Contains(tb.t, tb.text(), text)
}

func (tb *tab) path() string {
	tb.t.Helper()
	where, err := chromedp.Run(tb.ctx, chromedp.Location())
	require.NoError(tb.t, err)
	return strings.TrimPrefix(where, tb.base)
}

// save keeps a picture of the whole page.
func (tb *tab) save(name string) {
	tb.t.Helper()
	picture, err := chromedp.Run(tb.ctx, chromedp.FullScreenshot(100))
	require.NoError(tb.t, err)
	file := filepath.Join(tb.t.ArtifactDir(), tb.look.name+"-"+name+".png")
	require.NoError(tb.t, os.WriteFile(file, picture, 0o644))
}
