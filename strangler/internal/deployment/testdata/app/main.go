// App is the smallest program that keeps the process contract: a monolith that
// remembers nothing, or a gateway that routes nothing. The tests of package deployment
// start, stop and kill it.
package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "validate" {
		if bad := find(read(os.Args[2]), `refuse: (\w+)`); bad != "" {
			fmt.Println(os.Args[2] + ":3: " + bad)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) > 1 {
		fmt.Println("did", os.Args[1:])
		return
	}
	if reason := os.Getenv("FAIL"); reason != "" {
		fmt.Fprintln(os.Stderr, "error:", reason)
		os.Exit(1)
	}
	if os.Getenv("KIND") == "two" {
		slog.New(slog.NewJSONHandler(os.Stdout, nil)).Warn("two is one too many", "replica", os.Getenv("REPLICA"))
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /sessions/status", func(w http.ResponseWriter, _ *http.Request) {
		file := read(os.Getenv("SETTINGS_FILE"))
		answer(w, map[string]any{
			"replica": os.Getenv("REPLICA"), "revision": number(file, `revision: (\d+)`), "settled": true,
			"store": find(file, `store: (\w+)`), "generation": number(file, `generation: (\d+)`),
		})
	})
	mux.HandleFunc("GET /topology", func(w http.ResponseWriter, _ *http.Request) {
		seams := map[string]string{"events": "off"}
		for _, name := range []string{"KIND", "DATABASE_URL", "PEERS", "IDENTITY_KEY", "EVENTS"} {
			if value := os.Getenv(name); value != "" {
				seams[strings.ToLower(name)] = value
			}
		}
		answer(w, map[string]any{"replica": os.Getenv("REPLICA"), "seams": seams})
	})
	mux.HandleFunc("GET /api/status", func(w http.ResponseWriter, _ *http.Request) {
		file := read(os.Getenv("CONFIG_FILE"))
		status := map[string]any{"revision": number(file, `revision: (\d+)`)}
		if refused := find(file, `refuse: (\w+)`); refused != "" {
			status = map[string]any{"revision": 0, "last_refused": map[string]any{"reason": refused}}
		}
		answer(w, status)
	})
	go func() { fmt.Println(http.ListenAndServe(os.Getenv("LISTEN_ADDR"), mux)) }()
	go func() { fmt.Println(http.ListenAndServe(os.Getenv("ADMIN_ADDR"), mux)) }()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	<-stop
	fmt.Println("ended in an orderly way")
}

func read(file string) []byte { content, _ := os.ReadFile(file); return content }

func answer(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }

func find(content []byte, pattern string) string {
	m := regexp.MustCompile(pattern).FindSubmatch(content)
	if m == nil {
		return ""
	}
	return string(m[1])
}

func number(content []byte, pattern string) int {
	n, _ := strconv.Atoi(find(content, pattern))
	return n
}
