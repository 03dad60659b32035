package turn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/pion/logging"
	pion "github.com/pion/turn/v5"
	"github.com/prometheus/client_golang/prometheus"

	"nearlight/signaling"
)

// Config is what a server may be told. Listen, Key and, where Listen names no address, Advertise must be set.
type Config struct {
	// Listen is HOST:PORT: UDP and TCP, and TLS on the same TCP port where TLS is set.
	Listen string
	// Advertise is what players and edges reach this machine at, one address of a family; it is where relayed packets come from. Empty
	// means Listen's.
	Advertise []netip.Addr
	// Name is the host in the URLs that players get, which a certificate has to be for; empty means the first of Advertise.
	Name string
	TLS  *tls.Config // nil: none
	Key  *Key
	// Trusted are networks that may be relayed to though they are not public: an edge's own, a machine's loopback.
	Trusted []netip.Prefix
	// Ports are the first and the last of the ports that relayed packets come from; 0 lets the system choose.
	FirstPort, LastPort uint16

	Limits  Limits
	Log     *slog.Logger          // nil means none
	Metrics prometheus.Registerer // nil means none
	Now     func() time.Time      // nil means time.Now
}

// Limits bound what players can make the server hold or carry. A zero field means its default.
type Limits struct {
	Allocations           int   // of all; DefaultAllocations
	AllocationsPerSession int   // DefaultAllocationsPerSession
	AllocationsPerAddress int   // of one IPv4 address or IPv6 /64; DefaultAllocationsPerAddress
	Connections           int   // over TCP; DefaultConnections
	ConnectionsPerAddress int   // DefaultConnectionsPerAddress
	SessionRate           int64 // octets a second, both ways; DefaultSessionRate
	AddressRate           int64 // the same of one address; DefaultAddressRate
}

// The default limits.
const (
	DefaultAllocations           = 2000
	DefaultAllocationsPerSession = 16 // a browser takes one for each URL and each of its own addresses, and a restart as many again
	DefaultAllocationsPerAddress = 256
	DefaultConnections           = 4000
	DefaultConnectionsPerAddress = 256
	DefaultSessionRate           = 60_000_000 / 8
	DefaultAddressRate           = 400_000_000 / 8
)

func (l Limits) withDefaults() Limits {
	for _, field := range []struct {
		value    *int
		fallback int
	}{
		{&l.Allocations, DefaultAllocations}, {&l.AllocationsPerSession, DefaultAllocationsPerSession},
		{&l.AllocationsPerAddress, DefaultAllocationsPerAddress}, {&l.Connections, DefaultConnections},
		{&l.ConnectionsPerAddress, DefaultConnectionsPerAddress},
	} {
		if *field.value <= 0 {
			*field.value = field.fallback
		}
	}
	if l.SessionRate <= 0 {
		l.SessionRate = DefaultSessionRate
	}
	if l.AddressRate <= 0 {
		l.AddressRate = DefaultAddressRate
	}
	return l
}

// realm is the same for all, so that servers behind one name can be exchanged.
const realm = "nearlight"

// Server is a TURN server whose port is open.
type Server struct {
	config  Config
	log     *slog.Logger
	metrics *metrics
	host    string // of Listen
	udp     *net.UDPConn
	tcp     *net.TCPListener
	ledger  *ledger

	mu     sync.Mutex
	ending bool
	open   map[io.Closer]struct{} // relay sockets and connections
	gone   sync.WaitGroup         // one for each in open
}

// New checks the configuration and takes the port.
func New(config Config) (_ *Server, err error) {
	if config.Key == nil {
		return nil, errors.New("turn: no key")
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.FirstPort > config.LastPort {
		return nil, fmt.Errorf("turn: ports from %d to %d", config.FirstPort, config.LastPort)
	}
	config.Limits = config.Limits.withDefaults()
	host, _, err := net.SplitHostPort(config.Listen)
	if err != nil {
		return nil, fmt.Errorf("turn: %s: want HOST:PORT, for example 0.0.0.0:3478", config.Listen)
	}
	address, err := net.ResolveUDPAddr("udp", config.Listen)
	if err != nil {
		return nil, fmt.Errorf("turn: %w", err)
	}
	if len(config.Advertise) == 0 {
		ip, ok := netip.AddrFromSlice(address.IP)
		if !ok || ip.Unmap().IsUnspecified() {
			return nil, fmt.Errorf("turn: %s is every address of this machine; say which one players and edges reach it at (--turn-advertise)", config.Listen)
		}
		config.Advertise = []netip.Addr{ip}
	}
	config.Advertise = slices.Clone(config.Advertise)
	for i, ip := range config.Advertise {
		config.Advertise[i] = ip.Unmap()
		if i > 1 || i == 1 && config.Advertise[0].Is4() == config.Advertise[1].Is4() {
			return nil, errors.New("turn: more than one address of a family to be reached at")
		}
	}
	s := &Server{config: config, log: config.Log, host: host, ledger: newLedger(config.Limits), open: make(map[io.Closer]struct{})}
	s.metrics = newMetrics()
	if config.Metrics != nil {
		for _, c := range s.metrics.collectors(s.ledger) {
			if err := config.Metrics.Register(c); err != nil {
				return nil, fmt.Errorf("turn: register metrics: %w", err)
			}
		}
	}
	if s.udp, s.tcp, err = listen(address); err != nil {
		return nil, fmt.Errorf("turn: open %s: %w", config.Listen, err)
	}
	return s, nil
}

// Port is the number that is listened on.
func (s *Server) Port() int { return s.udp.LocalAddr().(*net.UDPAddr).Port }

// ICEServer is what a player is told who is granted something.
func (s *Server) ICEServer(g Grant) (signaling.ICEServer, error) {
	username, password, err := s.config.Key.Sign(g)
	if err != nil {
		return signaling.ICEServer{}, err
	}
	name := s.config.Name
	if name == "" {
		name = s.config.Advertise[0].String()
	}
	at := net.JoinHostPort(name, strconv.Itoa(s.Port()))
	urls := []string{"turn:" + at + "?transport=udp", "turn:" + at + "?transport=tcp"}
	if s.config.TLS != nil {
		urls = append(urls, "turns:"+at+"?transport=tcp")
	}
	return signaling.ICEServer{URLs: urls, Username: username, Credential: password}, nil
}

// Run serves until ctx ends. It must be called once. All sockets are closed when it returns, with which the library's goroutines end.
func (s *Server) Run(ctx context.Context) error {
	generator := &sockets{s}
	server, err := pion.NewServer(pion.ServerConfig{
		Realm: realm, AuthHandler: s.authenticate, QuotaHandler: s.quota,
		EventHandler: pion.EventHandler{
			OnAllocationCreated: func(from, _ net.Addr, _, _, _ string, relayed net.Addr, _ int) { s.ledger.created(from, relayed) },
			OnAuth: func(_, _ net.Addr, _, _, _ string, _ string, good bool) {
				if !good {
					s.metrics.refused.WithLabelValues("password").Inc()
				}
			},
		},
		PacketConnConfigs: []pion.PacketConnConfig{{PacketConn: s.udp, RelayAddressGenerator: generator, PermissionHandler: s.permit}},
		ListenerConfigs:   []pion.ListenerConfig{{Listener: &listener{TCPListener: s.tcp, server: s}, RelayAddressGenerator: generator, PermissionHandler: s.permit}},
		// Who asks for no family gets IPv4 as RFC 8656 section 7.2 has it, unless this machine has both: then the one it came by.
		StrictAddressFamily: len(s.config.Advertise) == 1,
		LoggerFactory:       &logging.DefaultLoggerFactory{Writer: io.Discard}, // what matters is counted
	})
	if err != nil {
		return errors.Join(fmt.Errorf("turn: %w", err), s.udp.Close(), s.tcp.Close())
	}
	s.log.Info("TURN is ready", "address", s.udp.LocalAddr().String(), "tls", s.config.TLS != nil)
	<-ctx.Done()
	s.mu.Lock()
	s.ending = true
	left := make([]io.Closer, 0, len(s.open))
	for c := range s.open {
		left = append(left, c)
	}
	s.mu.Unlock()
	err = server.Close()
	for _, c := range left {
		_ = c.Close() // it may be closed already
	}
	s.gone.Wait()
	return err
}

// Close gives back the port of a server that is not run; Run does so by itself.
func (s *Server) Close() error {
	if err := errors.Join(s.udp.Close(), s.tcp.Close()); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// keep takes a socket into the server's care, or reports that it is too late. Each is let go of once.
func (s *Server) keep(c io.Closer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending {
		return false
	}
	s.open[c] = struct{}{}
	s.gone.Add(1)
	return true
}

func (s *Server) letGo(c io.Closer) {
	s.mu.Lock()
	delete(s.open, c)
	s.mu.Unlock()
	s.gone.Done()
}

// authenticate returns the key that a user's messages are checked with. The whole name is the user's id: an allocation is used
// with the credential that it was made with.
func (s *Server) authenticate(asked *pion.RequestAttributes) (user string, key []byte, ok bool) {
	if _, err := s.config.Key.Verify(asked.Username, s.config.Now()); err != nil {
		why := "forged"
		if errors.Is(err, ErrExpired) {
			why = "expired"
		}
		s.metrics.refused.WithLabelValues(why).Inc()
		return "", nil, false
	}
	return asked.Username, pion.GenerateAuthKey(asked.Username, asked.Realm, s.config.Key.password(asked.Username)), true
}

// quota reports whether a user may have another allocation, from where it asks.
func (s *Server) quota(user, _ string, from net.Addr) bool {
	g, err := s.config.Key.Verify(user, s.config.Now())
	if err != nil {
		return false
	}
	if !s.ledger.room(g.Session, from) {
		s.metrics.refused.WithLabelValues("quota").Inc()
		return false
	}
	return true
}

// permit refuses permissions for whatever is none of the allocation's peers. It knows no port: each packet is looked at for that.
func (s *Server) permit(from net.Addr, peer net.IP) bool {
	ip, ok := netip.AddrFromSlice(peer)
	if ok && s.ledger.named(from, ip.Unmap()) {
		return true
	}
	s.metrics.refused.WithLabelValues("peer").Inc()
	return false
}

// listen opens one port for UDP and TCP. One that the system chooses for UDP may be taken for TCP: then it chooses again.
func listen(address *net.UDPAddr) (udp *net.UDPConn, tcp *net.TCPListener, err error) {
	const tries = 20
	for try := 1; ; try++ {
		if udp, err = net.ListenUDP("udp", address); err != nil {
			return nil, nil, err
		}
		tcp, err = net.ListenTCP("tcp", &net.TCPAddr{IP: address.IP, Port: udp.LocalAddr().(*net.UDPAddr).Port, Zone: address.Zone})
		if err == nil {
			return udp, tcp, nil
		}
		if err = errors.Join(err, udp.Close()); address.Port != 0 || try == tries {
			return nil, nil, err
		}
	}
}
