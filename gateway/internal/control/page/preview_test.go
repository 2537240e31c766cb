package page_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"testing"
	"time"

	"banyan.dev/gateway/internal/control/page"
)

func TestPreview(t *testing.T) {
	addr := os.Getenv("PREVIEW")
	if addr == "" {
		t.Skip()
	}
	mux := http.NewServeMux()
	mux.Handle("/_strangler/assets/", http.StripPrefix("/_strangler/assets/", http.FileServerFS(os.DirFS("assets"))))
	mux.HandleFunc("/_strangler/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'")
		v := sample()
		if r.URL.Query().Has("empty") {
			v = page.View{}
			v.Name = "gateway"
		}
		if err := page.Write(w, v); err != nil {
			fmt.Println(err)
		}
	})
	mux.HandleFunc("/_strangler/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for {
			s, _ := page.Sections(sample())
			text, _ := json.Marshal(map[string]any{"build": page.Build, "sections": s})
			fmt.Fprintf(w, "data: %s\n\n", text)
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-time.After(time.Second):
			}
		}
	})
	panic(http.ListenAndServe(addr, mux))
}
