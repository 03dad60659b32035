package main

import (
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"nearlight/checker/notary"
	"nearlight/signaling"
	"nearlight/web"
)

// Deadlines of the HTTP server. Sockets of signaling set their own after the upgrade.
const (
	readHeaderTimeout = 5 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10
)

// contentSecurityPolicy lets the pages run what we built and talk to where they came from, and nothing else.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; " +
	"connect-src 'self' ws: wss:; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// site is everything behind the HTTP port: pages, pictures of the catalogue, signaling and metrics.
type site struct {
	pages     fs.FS
	pictures  fs.FS // NAME.svg of the catalogue
	signaling http.Handler
	checks    http.Handler // nil where no log of checks is kept
	metrics   prometheus.Gatherer
	measured  *measurement // nil but for benchmarks
}

// builtPages are the pages within this program. Without them a placeholder is served, and the log says so.
func builtPages(logger *slog.Logger) fs.FS {
	pages, built := web.Pages()
	if !built {
		logger.Warn("the pages were not built into this program; run: make build")
	}
	return pages
}

func (s site) handler() http.Handler {
	mux := http.NewServeMux()
	for _, p := range []string{
		signaling.PlayerPath, signaling.EdgePath, signaling.AppsPath, signaling.HealthPath, signaling.LivePath, signaling.ReadyPath, signaling.WHEPPath,
	} {
		mux.Handle(p, s.signaling)
	}
	if s.checks != nil {
		mux.Handle(notary.Path, s.checks)
	}
	mux.Handle("GET /pictures/", http.StripPrefix("/pictures/", cached(http.FileServerFS(s.pictures))))
	mux.Handle("GET /metrics", metricsHandler(s.metrics))
	mux.Handle("GET /"+consolePage, http.NotFoundHandler()) // it is served to operators alone
	mux.Handle("/", cached(http.FileServerFS(s.pages)))
	if s.measured != nil {
		mux.HandleFunc("POST /bench/report", s.measured.report)
	}
	return secured(mux)
}

// secured sets the headers that every answer carries. Cross-origin isolation also gives the page's clock microseconds
// instead of a tenth of a millisecond (W3C High Resolution Time, section 5.1).
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentSecurityPolicy)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Embedder-Policy", "require-corp")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Permissions-Policy", "autoplay=(self), fullscreen=(self), microphone=(self), gamepad=(self), clipboard-read=(self), clipboard-write=(self)")
		next.ServeHTTP(w, r)
	})
}

// cached lets a browser keep what has its content's hash in its name for ever, and asks it to check the rest.
func cached(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(path.Clean(r.URL.Path), "/assets/") {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		} else {
			w.Header().Set("Cache-Control", "no-cache")
		}
		next.ServeHTTP(w, r)
	})
}
