package session

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strings"

	"banyan.dev/platform/session/store"
)

const (
	instanceHeader = "X-Banyan-Instance"
	revokePath     = "/sessions/revoke"
	listPath       = "/sessions/list"
	// questionLimit bounds a peer's question: some thousand hashes.
	questionLimit = 1 << 20
)

// revokeQuestion asks a peer to end sessions in the store it has now.
type revokeQuestion struct {
	Hashes []string `json:"hashes"`
	Known  bool     `json:"known"`
}

// listQuestion asks a peer for the sessions of a user that it sees.
type listQuestion struct {
	UserID string `json:"user"`
}

// AdminHandler serves what lies under /sessions/ on the admin port: the status,
// and to peers that show the admin token the sign-outs and lists. Mount it without
// stripping the path.
func (m *Manager) AdminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sessions/status", func(w http.ResponseWriter, _ *http.Request) { answer(w, m.Status()) })
	mux.Handle("POST "+revokePath, m.peersOnly(m.answerRevoke))
	mux.Handle("POST "+listPath, m.peersOnly(m.answerList))
	return mux
}

// peersOnly lets in who shows the admin token, and does nothing when we ask
// ourselves: the settings list all replicas, and none knows which it is.
func (m *Manager) peersOnly(next http.HandlerFunc) http.Handler {
	want := sha256.Sum256([]byte(m.cfg.AdminToken))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		got := sha256.Sum256([]byte(token))
		if m.cfg.AdminToken == "" || subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
			http.Error(w, "this needs the admin token as Authorization: Bearer", http.StatusUnauthorized)
			return
		}
		if r.Header.Get(instanceHeader) == m.peers.instance {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, questionLimit)
		next(w, r)
	})
}

func (m *Manager) answerRevoke(w http.ResponseWriter, r *http.Request) {
	var question revokeQuestion
	if err := json.NewDecoder(r.Body).Decode(&question); err != nil {
		http.Error(w, "the question is not as expected: "+err.Error(), http.StatusBadRequest)
		return
	}
	ctx, cancel := bounded(r.Context())
	defer cancel()
	v := m.gate.enter()
	defer m.gate.leave(v)
	for _, hash := range question.Hashes {
		if err := m.revokeHere(ctx, v, hash, question.Known); err != nil {
			m.cfg.Logger.ErrorContext(r.Context(), "peer not served", "error", m.failed("revoke for a peer", err))
			http.Error(w, "the store failed", http.StatusServiceUnavailable)
			return
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

func (m *Manager) answerList(w http.ResponseWriter, r *http.Request) {
	var question listQuestion
	if err := json.NewDecoder(r.Body).Decode(&question); err != nil {
		http.Error(w, "the question is not as expected: "+err.Error(), http.StatusBadRequest)
		return
	}
	v := m.gate.enter()
	defer m.gate.leave(v)
	list, err := v.store.List(r.Context(), question.UserID)
	if err != nil {
		m.cfg.Logger.ErrorContext(r.Context(), "peer not served", "error", m.failed("list for a peer", err))
		http.Error(w, "the store failed", http.StatusServiceUnavailable)
		return
	}
	for i := range list {
		list[i].Data = nil // what the session carries is of no interest to a list
	}
	answer(w, append([]store.Record{}, list...))
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(value) // the asker has gone; it asks again
}
