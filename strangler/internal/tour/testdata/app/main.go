// App is a host that keeps the process contract and passes every request on to a
// blog that the test holds in its memory (BLOG). It tells the blog that it has
// started, so that the blog can forget its sessions as a monolith would. What it is told
// to complain of (COMPLAINS) it says when it is asked for its seams, and how far its
// events are is what LAG says.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/signal"
	"regexp"
	"strconv"
	"syscall"
)

func main() {
	blog, err := url.Parse(os.Getenv("BLOG"))
	if err != nil {
		log.Fatal(err)
	}
	if os.Getenv("CONFIG_FILE") == "" { // a gateway holds no sessions
		res, err := http.Get(blog.String() + "/started")
		if err != nil {
			log.Fatal(err)
		}
		_ = res.Body.Close()
	}
	admin := http.NewServeMux()
	admin.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	logger := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	admin.HandleFunc("GET /lag", func(w http.ResponseWriter, r *http.Request) {
		if os.Getenv("LAG") == "" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, os.Getenv("LAG"))
	})
	admin.HandleFunc("GET /topology", func(w http.ResponseWriter, _ *http.Request) {
		if complaint := os.Getenv("COMPLAINS"); complaint != "" {
			logger.Error(complaint, "topic", "comments", "error", "no leader for "+os.Getenv("ADMIN_TOKEN"))
		}
		fmt.Fprintf(w, `{"seams": {"kind": %q}}`, os.Getenv("KIND"))
	})
	admin.HandleFunc("GET /sessions/status", status("SETTINGS_FILE"))
	admin.HandleFunc("GET /api/status", status("CONFIG_FILE"))
	go func() { log.Print(http.ListenAndServe(os.Getenv("ADMIN_ADDR"), admin)) }()
	go func() {
		log.Print(http.ListenAndServe(os.Getenv("LISTEN_ADDR"), &httputil.ReverseProxy{
			Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(blog) },
		}))
	}()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	<-stop
}

func status(variable string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		content, _ := os.ReadFile(os.Getenv(variable))
		revision := 0
		if m := regexp.MustCompile(`revision: (\d+)`).FindSubmatch(content); m != nil {
			revision, _ = strconv.Atoi(string(m[1]))
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"revision": revision, "store": "memory", "settled": true})
	}
}
