package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/pflag"

	"nearlight/signaling/admin"
)

// adminFlags say where operators are answered, and who they are.
type adminFlags struct{ listen, tokens string }

func (f *adminFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.listen, "admin-listen", "", "address of the operator's API and console, for example 127.0.0.1:8090; beyond this machine only with --tls-certificate or --acme; empty for none")
	flags.StringVar(&f.tokens, "admin-tokens", "", "file of operators, NAME and sha256:DIGEST a line, as `nearlight admin token NAME` prints it; read again when it changes")
}

// Deadlines of the operator's server.
const (
	adminReadTimeout  = 10 * time.Second
	adminWriteTimeout = 30 * time.Second // other nodes are asked meanwhile
)

// adminServer answers operators; nil answers none.
type adminServer struct {
	listener net.Listener
	http     http.Server
	logger   *slog.Logger
}

// open opens what the flags name; nil where they name nothing.
func (f *adminFlags) open(network admin.Config, pages fs.FS, speaking speech, logger *slog.Logger) (*adminServer, error) {
	if f.listen == "" {
		if f.tokens != "" {
			return nil, usage("--admin-tokens needs --admin-listen: the address where operators are answered")
		}
		return nil, nil
	}
	if f.tokens == "" {
		return nil, usage("--admin-tokens is missing; make an operator's token with: nearlight admin token NAME")
	}
	if err := ownersAlone(f.tokens); err != nil {
		return nil, usage("--admin-tokens: %w", err)
	}
	operators := &reloaded[admin.Operators]{path: f.tokens, limit: admin.MaxFile, parse: admin.ParseOperators, now: time.Now, logger: logger}
	if err := operators.open(); err != nil {
		return nil, usage("--admin-tokens: %w", err)
	}
	network.Operators = operators.get
	return serveOperators(f.listen, network, pages, speaking, logger)
}

// serveOperators listens for operators.
func serveOperators(listen string, network admin.Config, pages fs.FS, speaking speech, logger *slog.Logger) (*adminServer, error) {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("open %s for operators: %w; choose another with --admin-listen", listen, err)
	}
	if at, ok := listener.Addr().(*net.TCPAddr); speaking.tls == nil && (!ok || !at.IP.IsLoopback()) {
		return nil, errors.Join(usage("--admin-listen %s can be reached from other machines, which would show tokens to the network: "+
			"listen on 127.0.0.1 and come by ssh -L, or serve HTTPS (--tls-certificate, --acme)", listen), listener.Close())
	}
	a := &adminServer{listener: listener, logger: logger}
	if speaking.tls != nil {
		a.listener = speaking.wrap(listener)
	}
	mux := http.NewServeMux()
	mux.Handle(admin.Path, admin.New(network))
	mux.Handle("/", cached(console(pages)))
	a.http = http.Server{
		Handler: guarded(mux), ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: adminReadTimeout, WriteTimeout: adminWriteTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	return a, nil
}

// ownersAlone refuses a file of secrets that others can read.
func ownersAlone(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("others can read the file: %s has the mode %04o; chmod 600 %s", path, info.Mode().Perm(), path)
	}
	return nil
}

// run answers operators until ctx ends.
func (a *adminServer) run(ctx context.Context) error {
	if a == nil {
		return nil
	}
	a.logger.Info("operators are answered", "address", a.listener.Addr().String())
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		shutting, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		stopped <- a.http.Shutdown(shutting)
	})
	if err := a.http.Serve(a.listener); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return fmt.Errorf("serve operators: %w", err)
	}
	return <-stopped
}

// consolePage is the operator's page, as the pages' build calls it.
const consolePage = "admin.html"

// console serves the operator's page at its root, and what it loads.
func console(pages fs.FS) http.Handler {
	files := http.FileServerFS(pages)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "want GET", http.StatusMethodNotAllowed)
		case r.URL.Path == "/":
			http.ServeFileFS(w, r, pages, consolePage)
		case r.URL.Path == "/icon.svg" || len(r.URL.Path) > len("/assets/") && r.URL.Path[:len("/assets/")] == "/assets/":
			files.ServeHTTP(w, r)
		default:
			http.NotFound(w, r)
		}
	})
}

// consolePolicy lets the operator's page run what we built and talk to where it came from, and nothing else.
const consolePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types lit-html"

// guarded sets the headers that every answer to an operator carries.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", consolePolicy)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), clipboard-read=()")
		next.ServeHTTP(w, r)
	})
}
