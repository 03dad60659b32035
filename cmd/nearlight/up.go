package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"nearlight/edge/app"
	"nearlight/internal/identity"
	"nearlight/internal/tracing"
	"nearlight/signaling/client"
	"nearlight/signaling/server"
	"nearlight/signaling/token"
	"nearlight/streamer/udpmux"
)

// tokenLife is how long the link of `up` works. The key dies with the process anyway.
const tokenLife = 30 * 24 * time.Hour

// shutdownTimeout bounds how long open requests may hold up the end.
const shutdownTimeout = 3 * time.Second

type upFlags struct {
	edgeFlags
	listen  string
	ways    relayFlags
	lan     bool
	verbose bool
	bind    bool
	measure string
	stamp   bool
	// microphone lets whoever has the link be heard by the game.
	microphone bool
	crew       crewFlags
}

func newUp() *cobra.Command {
	var f upFlags
	c := &cobra.Command{
		Use:   "up [FLAG...] [-- COMMAND ARG...]",
		Short: "Run the whole network in one process and print a link to play",
		Long: "Runs signaling and an edge in one process and prints `play: URL` when it is ready. Ctrl-C ends it cleanly.\n" +
			"Without --app and COMMAND the link opens a picker of the catalogue's games.",
		Example: "  nearlight up\n  nearlight up --app supertux\n  nearlight up --size 1920x1080 --lan\n  nearlight up -- /usr/games/etr",
		RunE: func(c *cobra.Command, arguments []string) error {
			if _, err := settle(c); err != nil {
				return err
			}
			if err := f.crew.check(); err != nil {
				return err
			}
			if f.crew.checkers > 0 && !c.Flags().Changed("slots") {
				f.slots = 2 // for a player, and for a checker beside
			}
			if len(arguments) > 0 && c.ArgsLenAtDash() != 0 {
				return usage("unexpected %q: a command to run goes after --", arguments[0])
			}
			logger := newLogger(c.ErrOrStderr(), f.verbose)
			traces, err := openTraces(c.Context(), f.traces, "up", logger)
			if err != nil {
				return err
			}
			defer traces.Close()
			network, err := f.open(c.Context(), arguments, traces, logger)
			if err != nil {
				return err
			}
			return network.run(c.Context(), func() error { return network.announce(c.OutOrStdout()) })
		},
	}
	f.register(c.Flags())
	c.Flags().StringVar(&f.listen, "listen", "127.0.0.1:8080", "address of the pages and of signaling")
	f.ways.register(c.Flags())
	c.Flags().BoolVar(&f.lan, "lan", false, "serve the local network, over HTTPS with a certificate made on the spot")
	c.Flags().BoolVar(&f.microphone, "microphone", false, "let players speak into the game: the link's token gets the right, the page a button; off until it is pressed")
	c.Flags().BoolVar(&f.bind, "bind", false, "let the link trust this process's edge alone: players and edge then sign their connection, as with a studio's tokens")
	f.crew.register(c.Flags())
	c.Flags().BoolVar(&f.verbose, "verbose", false, "log details")
	c.Flags().StringVar(&f.measure, "measure", "", "folder for a benchmark's measurements: each frame's times, and what a page reports")
	c.Flags().BoolVar(&f.stamp, "stamp", false, "draw the measuring marker into every frame")
	for _, name := range []string{"measure", "stamp", "checker-conduct"} { // bench and tests use them
		if err := c.Flags().MarkHidden(name); err != nil {
			panic(err)
		}
	}
	return c
}

// network is signaling, an edge and the pages in one process, listening but not yet running.
type network struct {
	edge     *builtEdge
	server   *server.Server
	link     *client.Edge
	listener net.Listener
	http     *http.Server
	lan      *lanAccess // nil without --lan
	token    string
	key      *identity.Key // the edge's, which dies with the process unless --folder keeps it
	measured *measurement  // nil without --measure
	relay    *relay
	checked  *checkedNetwork // nil without --checkers
	logger   *slog.Logger
}

// open builds everything and takes the ports.
func (f *upFlags) open(ctx context.Context, command []string, traces *tracing.Tracing, logger *slog.Logger) (_ *network, err error) {
	n := &network{logger: logger}
	key, err := token.NewKey()
	if err != nil {
		return nil, err
	}
	issuer, err := token.NewIssuer(key, token.Scope{}, time.Now)
	if err != nil {
		return nil, err
	}
	verifier := token.NewVerifier(issuer.Keys(), token.Scope{}, time.Now)
	home, err := f.openHome(nil, logger)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, home.close())
		}
	}()
	n.key = home.key
	claims := token.Claims{Role: token.Player, Rights: []token.Right{token.Play, token.Install, token.Watch, token.Many}, Expires: time.Now().Add(tokenLife)}
	if f.bind {
		claims.Edges = []identity.Address{n.key.Address()}
	}
	if f.microphone {
		claims.Rights = append(claims.Rights, token.Microphone)
	}
	n.token, err = issuer.Issue(claims)
	if err != nil {
		return nil, err
	}

	mediaAddress := netip.MustParseAddr("127.0.0.1")
	also, err := otherAddresses()
	if err != nil {
		return nil, err
	}
	hosts := []string{"localhost", "127.0.0.1", "[::1]"}
	if f.lan {
		if n.lan, err = openLAN(); err != nil {
			return nil, err
		}
		mediaAddress, also = netip.IPv4Unspecified(), nil // which is every address of both families
		hosts = append(hosts, n.lan.hosts()...)
	}
	registry := newRegistry()
	var local []netip.Prefix // its own edge is on this machine, or on its network
	for _, address := range slices.Concat([]netip.Addr{mediaAddress}, also, n.lan.all()) {
		if address.IsValid() && !address.IsUnspecified() {
			local = append(local, netip.PrefixFrom(address, address.BitLen()))
		}
	}
	if n.relay, err = f.ways.open(local, nil, registry, logger); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.relay.close())
		}
	}()
	config := server.Config{
		Verifier: verifier, EdgeAccess: server.EdgeAccess{Keys: n.isOwn}, Issuer: issuer, Hosts: hosts, Relay: n.relay.config, Log: logger, Metrics: registry,
	}
	if traces.On() {
		config.Spans = traces.Tracer()
	}
	if f.crew.checkers > 0 {
		if n.checked, err = f.crew.open(home.path, issuer, claims, logger); err != nil {
			return nil, err
		}
		defer func() {
			if err != nil {
				err = errors.Join(err, n.checked.close())
			}
		}()
		config.Checks, config.CheckKey = n.checked.log, n.checked.log.key
	}
	n.server, err = server.New(config)
	if err != nil {
		return nil, err
	}
	around := surroundings{
		verifier: verifier, home: home, media: mediaAddress, also: also, ownOnly: n.lan == nil, local: true, stamp: f.stamp, metrics: registry,
		traces: traces, logger: logger,
	}
	if f.measure != "" {
		if n.measured, err = openMeasurement(f.measure); err != nil {
			return nil, err
		}
		around.trace, around.heard = n.measured.frame, n.measured.input
	}
	n.edge, err = f.build(ctx, command, around)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.edge.close())
		}
	}()
	n.listener, err = f.listenHTTP(n.lan)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.listener.Close())
		}
	}()
	pages := builtPages(logger)
	n.link, err = client.NewEdge(n.edgeLink(), n.edge.node)
	if err != nil {
		return nil, err
	}
	if n.checked != nil {
		if err := n.checked.join(n.server, n.edgeLink(), pages, logger); err != nil {
			return nil, err
		}
	}
	n.http = &http.Server{
		Handler:           site{pages: pages, pictures: app.Pictures(), signaling: n.server.Handler(), checks: n.checked.handler(), metrics: registry, measured: n.measured}.handler(),
		ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	return n, nil
}

// isOwn reports whether an address is that of this process's edge, the only one that may register.
func (n *network) isOwn(a identity.Address) bool { return a == n.key.Address() }

// otherAddresses are those of this machine besides 127.0.0.1.
func otherAddresses() ([]netip.Addr, error) {
	others, err := udpmux.InterfaceAddresses()
	if err != nil {
		return nil, err
	}
	if conn, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback}); err == nil {
		_ = conn.Close() // nothing was sent
		others = append([]netip.Addr{netip.IPv6Loopback()}, others...)
	}
	return others, nil
}

// listenHTTP takes the port of the pages; with --lan on every interface and with TLS.
func (f *upFlags) listenHTTP(lan *lanAccess) (net.Listener, error) {
	host, port, err := net.SplitHostPort(f.listen)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return nil, usage("--listen %s: want HOST:PORT, for example 127.0.0.1:8080", f.listen)
	}
	if lan != nil {
		host = ""
	}
	listener, err := listenOn(net.JoinHostPort(host, port))
	if err != nil {
		return nil, err
	}
	if lan != nil {
		listener = tls.NewListener(listener, lan.tls())
	}
	return listener, nil
}

// listenOn opens the port of the pages and of signaling.
func listenOn(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("open %s for the pages: %w; choose another with --listen", address, err)
	}
	return listener, nil
}

// edgeLink is how the edge of this process reaches signaling: through the same socket as any other edge.
func (n *network) edgeLink() client.Config {
	config := client.Config{URL: "http://" + n.localAddress(), Signer: n.key, Log: n.logger}
	if n.lan != nil {
		config.URL, config.TLS = "https://"+n.localAddress(), n.lan.trust()
	}
	return config
}

func (n *network) port() int { return n.listener.Addr().(*net.TCPAddr).Port }

// localAddress is where this machine reaches the pages.
func (n *network) localAddress() string {
	address := n.listener.Addr().(*net.TCPAddr).AddrPort()
	if address.Addr().IsUnspecified() {
		return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), address.Port()).String()
	}
	return address.String()
}

// playURL is the link for a player on this machine, or on the local network with --lan.
func (n *network) playURL() string {
	if n.lan != nil {
		return fmt.Sprintf("https://%s/#token=%s", net.JoinHostPort(n.lan.address.String(), fmt.Sprint(n.port())), n.token)
	}
	return fmt.Sprintf("http://%s/#token=%s", n.localAddress(), n.token)
}

// announce prints the link, and with --lan a QR code of it.
func (n *network) announce(w io.Writer) error {
	if n.lan != nil {
		if err := printQR(w, n.playURL()); err != nil {
			return err
		}
	}
	if n.checked != nil {
		if _, err := fmt.Fprintf(w, "operate: %s\n", n.checked.url()); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "play: %s\n", n.playURL())
	return err
}

// run serves until ctx ends or a part fails; ready is called once the edge is registered. When it returns nothing is left.
func (n *network) run(ctx context.Context, ready func() error) error {
	group, ctx := errgroup.WithContext(ctx)
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()
	group.Go(func() error {
		if err := n.http.Serve(n.listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve the pages: %w", err)
		}
		return nil
	})
	group.Go(func() error { return n.server.Run(serving) })
	if n.relay.turn != nil {
		group.Go(func() error { return n.relay.turn.Run(serving) })
	}
	checking, stopChecking := context.WithCancel(ctx)
	defer stopChecking()
	checked := make(chan error, 1)
	go func() { checked <- n.checked.run(checking) }()
	group.Go(func() error {
		select {
		case <-n.edge.node.Ready():
			return ready()
		case <-ctx.Done():
			return nil
		}
	})
	group.Go(func() error {
		// The edge goes first, so that players hear why their games end; then signaling; then the port.
		err := n.edge.node.Run(ctx, n.link)
		stopChecking()
		err = errors.Join(err, <-checked)
		stopServing()
		shutting, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		err = errors.Join(err, n.http.Shutdown(shutting), n.edge.close(), n.measured.close())
		if isLack(err) {
			return lacks(err)
		}
		return err
	})
	return errors.Join(group.Wait(), n.checked.close()) // signaling tells the log of checks what happens to its end
}

// newLogger logs for people, on standard error.
func newLogger(w io.Writer, verbose bool) *slog.Logger {
	level := slog.LevelInfo
	if verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			a.Value = slog.StringValue(a.Value.Time().Format("15:04:05.000"))
		}
		return a
	}}))
}
