package main

import (
	"crypto/rand"
	"crypto/tls"
	"log/slog"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"

	"nearlight/internal/certificate"
	"nearlight/signaling"
	"nearlight/signaling/server"
	"nearlight/signaling/turn"
)

// relayFlags are how players reach edges where no direct way leads.
type relayFlags struct {
	ice        string
	listen     string
	secretFile string
	advertise  []string
	name       string
	cert, key  string
	ports      string
	trust      []string
	only       bool

	now func() time.Time // by which the certificate's files are looked at again; nil means time.Now
}

func (f *relayFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.ice, "ice-servers", "", iceServersUsage)
	flags.StringVar(&f.listen, "turn-listen", "", "HOST:PORT of a TURN server within this process, over UDP and TCP, for players who reach no edge directly, such as 0.0.0.0:3478")
	flags.StringVar(&f.secretFile, "turn-secret-file", "", "file with the secret that signs its credentials, which other servers may share (default: one made on the spot)")
	flags.StringSliceVar(&f.advertise, "turn-advertise", nil, "addresses at which players and edges reach it, one of a family (default: that of --turn-listen)")
	flags.StringVar(&f.name, "turn-name", "", "its host name, as players are told it and its certificate has it (default: the first of --turn-advertise)")
	flags.StringVar(&f.cert, "turn-tls-cert", "", "file with the certificate and its chain (PEM) by which it speaks TLS too, on the same port; it may be renewed at any time (default with --turn-name: the pages' certificate)")
	flags.StringVar(&f.key, "turn-tls-key", "", "file with the certificate's key (PEM)")
	flags.StringVar(&f.ports, "turn-ports", "", "FIRST-LAST, the UDP ports that it relays from (default: any)")
	flags.StringSliceVar(&f.trust, "turn-trust", nil, "networks of edges, such as 10.1.0.0/16: it relays to what they say of themselves, which else has to be a public address, "+
		"and the one that they connect to signaling from")
	flags.BoolVar(&f.only, "relay-only", false, "hide players and edges from each other: all media goes through TURN")
}

// relay is what came of the flags.
type relay struct {
	turn   *turn.Server // nil: none within this process
	config *server.Relay
}

// close gives back the port of a server that was never run.
func (r *relay) close() error {
	if r.turn == nil {
		return nil
	}
	return r.turn.Close()
}

// open reads the files and takes the port. local are networks of this machine that are trusted as well, pages is how the pages speak TLS, nil if they do
// not.
func (f *relayFlags) open(local []netip.Prefix, pages *tls.Config, metrics prometheus.Registerer, logger *slog.Logger) (*relay, error) {
	listed, err := readICEServers(f.ice, time.Now)
	if err != nil {
		return nil, err
	}
	r := &relay{}
	config := turn.Config{Listen: f.listen, Name: f.name, Trusted: local, Metrics: metrics, Log: logger}
	for _, text := range f.trust {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, usage("--turn-trust %s: want a network, such as 10.1.0.0/16", text)
		}
		config.Trusted = append(config.Trusted, network.Masked())
	}
	if f.listen != "" {
		if err := f.complete(&config, pages, logger); err != nil {
			return nil, err
		}
		if r.turn, err = turn.New(config); err != nil {
			return nil, usage("--turn-listen: %w", err)
		}
	}
	if f.only && r.turn == nil && f.ice == "" {
		return nil, usage("--relay-only needs a TURN server: --turn-listen, or --ice-servers with one of ours")
	}
	peers := func(reach server.Reach) []netip.AddrPort { return turn.Peers(reach.Media, reach.From, config.Trusted) }
	r.config = &server.Relay{Servers: func(session signaling.SessionID, reach server.Reach) []signaling.ICEServer {
		grant := turn.Grant{Session: session, Peers: peers(reach), Hidden: f.only, Expires: time.Now().Add(credentialLife)}
		if len(grant.Peers) == 0 && len(reach.Media) > 0 && r.turn != nil {
			logger.Warn("TURN does not relay to the session's edge: its address is not public, or not the one it connects from; --turn-trust names networks that are to be trusted",
				"session", session, "media", reach.Media, "from", reach.From)
		}
		var told []signaling.ICEServer
		if listed != nil {
			told = listed(grant)
		}
		if r.turn != nil {
			own, err := r.turn.ICEServer(grant)
			if err != nil {
				logger.Error("a player is told of no TURN server of ours", "session", session, "error", err)
				return told
			}
			told = append(told, own)
		}
		return told
	}}
	if f.only {
		r.config.StandIns = func(reach server.Reach) []netip.AddrPort {
			real := peers(reach)
			told := make([]netip.AddrPort, len(real))
			for i, peer := range real {
				told[i] = turn.StandIn(peer, i)
			}
			return told
		}
	}
	return r, nil
}

// complete reads what a TURN server of our own needs.
func (f *relayFlags) complete(config *turn.Config, pages *tls.Config, logger *slog.Logger) error {
	secret := rand.Text()
	if f.secretFile != "" {
		text, err := os.ReadFile(f.secretFile)
		if err != nil {
			return usage("read the TURN server's secret (--turn-secret-file): %w", err)
		}
		secret = strings.TrimSpace(string(text))
	}
	var err error
	if config.Key, err = turn.NewKey(secret); err != nil {
		return usage("--turn-secret-file: %w; make one with: openssl rand -base64 32", err)
	}
	for _, text := range f.advertise {
		ip, err := netip.ParseAddr(text)
		if err != nil {
			return usage("--turn-advertise %s: want an address, such as 203.0.113.9", text)
		}
		config.Advertise = append(config.Advertise, ip)
	}
	shown := pages
	if f.cert != "" || f.key != "" {
		if shown, err = certificate.FromFiles(certificate.Files{Certificate: f.cert, Key: f.key, Log: logger, Now: f.now}); err != nil {
			return usage("the TURN server's certificate (--turn-tls-cert, --turn-tls-key): %w", err)
		}
	} else if f.name == "" {
		shown = nil // players would be told of an address, which the pages' certificate is not for
	}
	if shown != nil { // without the protocols of the pages, which no client of TURN asks for (RFC 7443 has its own)
		config.TLS = &tls.Config{GetCertificate: shown.GetCertificate, MinVersion: tls.VersionTLS12}
	}
	if f.ports != "" {
		first, last, _ := strings.Cut(f.ports, "-")
		from, err := strconv.ParseUint(first, 10, 16)
		to, failed := strconv.ParseUint(last, 10, 16)
		if err != nil || failed != nil || from == 0 || from > to {
			return usage("--turn-ports %s: want FIRST-LAST, such as 50000-50999", f.ports)
		}
		config.FirstPort, config.LastPort = uint16(from), uint16(to)
	}
	return nil
}
