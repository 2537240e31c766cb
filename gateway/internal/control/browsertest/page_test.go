package browsertest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/current"
)

func TestThePageFollowsTheGateway(t *testing.T) {
	browser, s := startBrowser(t), newStage(t)
	desktop := open(t, browser, s.admin, look{"desktop", 1400, 900, "light", true})
	desktop.says("#live", "live")
	desktop.as("numbers follow", numbersFollow)
	desktop.as("the picture shows what is wired", pictureIsDrawn)
	desktop.as("a difference opens", differenceOpens)
	t.Run("every look fits", func(t *testing.T) { everyLookFits(t, browser, s) })
	desktop.as("steering needs the token", tokenIsAsked)
	desktop.as("a canary gets another share", s.canaryMoves)
	desktop.as("a route is held and released", s.routeIsHeld)
	desktop.as("a refused configuration appears", s.refusalAppears)
	desktop.as("a killed replica turns unwell", s.replicaDies)
	desktop.fits()
	desktop.keep("end")
}

const first = `#routes tbody[data-key="comments-read"]`

func numbersFollow(tb *tab) {
	requests := `Number(document.querySelector('` + first + ` [data-label=Requests]').textContent.replaceAll(",", ""))`
	before := eval[float64](tb, requests)
	tb.comes("requests are counted", requests+" > "+strings.TrimSpace(eval[string](tb, "String("+requests+" + 20)")))
	require.Positive(tb.t, before+1)
	tb.comes("there is a rate", `parseFloat(document.querySelector('`+first+` [data-label=Now]').textContent) > 0`)
	tb.comes("there is a percentile", `/^[\d.]+ m?s$/.test(document.querySelector('`+first+` [data-label=p99]').textContent)`)
	tb.says(first, "monolith 75 % · comments 25 %")
	tb.comes("the bar shows the share", `document.querySelector('`+first+` .bar .canary').getAttribute("width") === "25%"`)
	tb.comes("the canary's part is measured", `/\d % of requests/.test(document.querySelector('`+first+` [data-key=canary]').textContent)`)
	tb.comes("users are kept", `Number(document.querySelector("#owners .spread .n").textContent) > 0`)
}

func pictureIsDrawn(tb *tab) {
	const drawing = "svg.drawing.wide"
	for _, key := range []string{"clients", "gateway", "owner monolith", "owner comments", "store postgres 10.0.0.9:5432 monolith-data", "store kafka  events"} {
		tb.comes(key+" is drawn", `!!document.querySelector('`+drawing+` [data-key="`+key+`"]')`)
	}
	require.NotContains(tb.t, tb.text("body"), "secret")
	width := func(key string) string {
		return `parseFloat(document.querySelector('` + drawing + ` [data-key="` + key + `"] .course').getAttribute("stroke-width"))`
	}
	tb.comes("more flows to the baseline than to the canary", width("baseline monolith")+" > "+width("canary comments")+" && "+width("canary comments")+" > 1.5")
	tb.comes("copies flow to the shadow", width("shadow comments")+" > 1.5")
	dashes := func(key string) string {
		return eval[string](tb, `getComputedStyle(document.querySelector('`+drawing+` [data-key="`+key+`"] .course')).strokeDasharray`)
	}
	require.NotEqual(tb.t, dashes("canary comments"), dashes("shadow comments"), "they differ without colour")
	require.NotEqual(tb.t, dashes("canary comments"), dashes("baseline monolith"))
}

func differenceOpens(tb *tab) {
	tb.says(`#routes tbody[data-key="search"]`, "mismatched")
	tb.presses(`#routes tbody[data-key="search"] summary`)
	tb.says(".difference", "body /owner")
	tb.says(".difference .was", `"monolith"`)
	tb.says(".difference .is", `"comments"`)
	counted := `document.querySelector('#routes tbody[data-key="search"] [data-key=shadow]').textContent`
	before := eval[string](tb, counted)
	tb.comes("counts go on while it is open", counted+" !== "+quoted(before))
	require.True(tb.t, eval[bool](tb, `document.querySelector('#routes tbody[data-key="search"] details').open`), "it stays open")
	tb.says(".difference", "more of those kept differ at the same places")
}

func tokenIsAsked(tb *tab) {
	const steering = `getComputedStyle(document.querySelector("` + "#routes .steer" + `")).display !== "none"`
	require.False(tb.t, eval[bool](tb, steering))
	tb.types("#token-field", token)
	tb.presses("#token button")
	tb.says("#told", "The token is good")
	require.True(tb.t, eval[bool](tb, steering))
	require.Equal(tb.t, token, eval[string](tb, `sessionStorage.getItem("banyan-admin-token")`))
	require.Zero(tb.t, eval[int](tb, `localStorage.length + document.cookie.length`), "it is kept nowhere else")
}

func (s *stage) canaryMoves(tb *tab) {
	field := first + ` [data-steer=canary] input`
	tb.types(field, "40.5")
	// A frame comes each second: what is half typed stays.
	at := eval[string](tb, `document.querySelector("#live").textContent`)
	require.Equal(tb.t, "live", at)
	tb.presses(first + ` [data-steer=canary] button`)
	tb.says("#told", "The file is now behind: write percent 40.5 and revision 8")
	tb.says(first, "monolith 59.5 % · comments 40.5 %")
	tb.says("#history", "comments-read: monolith 59.5 %, comments 40.5 %")
	text := string(s.current.Snapshot().Table.Config.Source)
	want := strings.NewReplacer("revision: 7", "revision: 8", "percent: 25,", "percent: 40.5,").Replace(s.text(7))
	require.Equal(tb.t, want, text, "comments and order stay")
}

func (s *stage) routeIsHeld(tb *tab) {
	tb.types(first+` [data-steer=hold] input`, "30")
	tb.do(chromedp.SendKeys(chromedp.CSS(first+` [data-steer=hold] button`), "\r"))
	tb.says(first+" .policy", "Held for")
	tb.says(first+" .policy", "6 wait") // all who visit
	const button = first + ` [data-key=holding] button`
	require.True(tb.t, eval[bool](tb, `document.activeElement === document.querySelector('`+button+`')`), "the focus stays while the button changes its meaning")
	require.True(tb.t, s.route("comments-read").Hold.Held)
	tb.comes("the line is gated", `!!document.querySelector('svg.drawing.wide [data-key="canary comments"] .gate')`)
	tb.says("#summary .health", "Held: comments-read.")
	tb.keep("held")
	tb.presses(first + ` [data-steer=release] button`)
	tb.says(first+" .policy", "Was held:")
	require.Eventually(tb.t, func() bool { return !s.route("comments-read").Hold.Held }, perAction, 10*time.Millisecond)
	tb.comes("the gate is gone", `!document.querySelector('svg.drawing .gate')`)
}

func (s *stage) refusalAppears(tb *tab) {
	require.Error(tb.t, s.current.Apply("file", "gateway.yaml", []byte(strings.Replace(s.text(9), "owner: comments, percent", "owner: coments, percent", 1)), current.Any))
	tb.says(".refused", `"coments" is no owner; known: comments, monolith`)
	tb.says(".refused", "revision 8 stays in force")
	tb.says("#history .was-refused", "coments")
	require.NoError(tb.t, s.current.Apply("file", "gateway.yaml", []byte(s.text(9)), current.Any))
	tb.comes("it is settled", `!document.querySelector(".refused")`)
	tb.says("#history .was-refused", "coments")
}

func (s *stage) replicaDies(tb *tab) {
	s.replicas[1].CloseClientConnections()
	s.replicas[1].Close()
	tb.says("#owners .unwell", "unwell:")
	tb.says("#summary .health", "monolith: 1 of 2 replicas well.")
	tb.comes("its mark in the picture is another shape", `!!document.querySelector('svg.drawing.wide [data-key="owner monolith"] .mark.unwell path')`)
	tb.comes("its owner is partly well", `document.querySelector('svg.drawing.wide [data-key="owner monolith"]').classList.contains("partly")`)
}

func everyLookFits(t *testing.T, browser context.Context, s *stage) {
	grounds := map[string]string{}
	for _, l := range []look{
		{"phone-light", 360, 740, "light", true},
		{"phone-dark-without-script", 360, 740, "dark", false},
		{"tablet-dark", 800, 1100, "dark", true},
		{"desktop-dark", 1400, 900, "dark", true},
		{"desktop-light-without-script", 1400, 900, "light", false},
	} {
		tb := open(t, browser, s.admin, l)
		if l.script {
			tb.says("#live", "live")
		} else {
			tb.says("header", "Script is off")
			tb.says(first, "monolith 75 % · comments 25 %")
			tb.says("#configuration", "percent: 25")
		}
		tb.says("#routes .policy", "mismatched")
		require.True(t, eval[bool](tb, `[...document.querySelectorAll(".flow")].every((e) => getComputedStyle(e).display === "none")`), "who wants no motion gets none")
		tb.fits()
		tb.keep("page")
		grounds[l.scheme] = eval[string](tb, `getComputedStyle(document.body).backgroundColor`)
	}
	require.NotEqual(t, grounds["light"], grounds["dark"])
}

func quoted(s string) string {
	return "`" + strings.NewReplacer("`", "\\`", `\`, `\\`, "$", `\$`).Replace(s) + "`"
}
