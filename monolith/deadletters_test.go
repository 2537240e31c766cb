package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/inbox"
)

// TestTheAdminPortTellsOfDeadLetters: of all consumers, and to who has the token.
func TestTheAdminPortTellsOfDeadLetters(t *testing.T) {
	w := newWorld(t)
	status, _ := w.adminGet(t, inbox.LettersPath, "")
	require.Equal(t, http.StatusUnauthorized, status)
	require.Equal(t, http.StatusNotFound, w.client(t).send("GET", inbox.LettersPath, nil).status, "the public port tells nobody")
	c := inbox.NewLettersClient(inbox.LettersClientConfig{Name: hostName, URLs: []string{w.admin}, Token: w.cfg.AdminToken})
	t.Cleanup(c.Close)
	for _, consumer := range consumers() {
		page, err := c.List(t.Context(), inbox.Which{Consumer: consumer}, 0)
		require.NoError(t, err)
		require.Empty(t, page.Letters)
	}
	_, err := c.List(t.Context(), inbox.Which{Consumer: "nobody"}, 0)
	require.ErrorIs(t, err, inbox.ErrNoConsumer)
	require.ErrorContains(t, err, "monolith, monolith-mail, monolith-posts")
}
