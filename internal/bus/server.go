package bus

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Cluster joins embedded servers. The zero Cluster is a server alone, which no socket reaches.
type Cluster struct {
	Listen string   // HOST:PORT for the others; empty means alone
	Peers  []string // HOST:PORT of some of the others; those tell of the rest
	// Secret is what all of them share. Routes are not encrypted: they belong on a network of the operator's own.
	Secret string
}

// MinSecret is the shortest secret that a cluster takes, in octets.
const MinSecret = 16

const (
	clusterName = "nearlight"
	clusterUser = "node"
	// readyTimeout is how long the server may take to start; it takes milliseconds.
	readyTimeout = 5 * time.Second
)

func (c Cluster) check() error {
	if c.Listen == "" {
		if len(c.Peers) > 0 {
			return errors.New("bus: peers are named, but no address of our own for the cluster")
		}
		return nil
	}
	if len(c.Secret) < MinSecret {
		return fmt.Errorf("bus: the cluster's secret has %d octets, want %d at least", len(c.Secret), MinSecret)
	}
	for _, address := range append([]string{c.Listen}, c.Peers...) {
		if _, _, err := split(address); err != nil {
			return err
		}
	}
	return nil
}

func split(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	if err != nil || port < 1 || port > 65535 {
		return "", 0, fmt.Errorf("bus: %q is no address of a cluster: want HOST:PORT", address)
	}
	return host, port, nil
}

// startServer runs a server that only this process's connection, by the password, and its routes reach.
func startServer(cluster Cluster, name, password string, log *slog.Logger) (*server.Server, error) {
	if err := cluster.check(); err != nil {
		return nil, err
	}
	options := &server.Options{
		ServerName: name, DontListen: true, NoSigs: true, MaxPayload: MaxMessage, MaxPending: PendingBytes, WriteDeadline: 2 * time.Second,
		PingInterval: pingInterval, MaxPingsOut: maxPings,
	}
	if cluster.Listen != "" {
		// Routes are served only beside a client port, so there is one, which nobody else knows the password of.
		options.DontListen, options.Host, options.Port = false, "127.0.0.1", server.RANDOM_PORT
		options.Username, options.Password = clusterUser, password
		host, port, err := split(cluster.Listen)
		if err != nil {
			return nil, err
		}
		options.Cluster = server.ClusterOpts{
			Name: clusterName, Host: host, Port: port, Username: clusterUser, Password: cluster.Secret, AuthTimeout: 2, ConnectRetries: -1,
			PingInterval: pingInterval, MaxPingsOut: maxPings,
		}
		for _, peer := range cluster.Peers {
			options.Routes = append(options.Routes, &url.URL{Scheme: "nats-route", User: url.UserPassword(clusterUser, cluster.Secret), Host: peer})
		}
	}
	s, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("bus: make the server of this process: %w", err)
	}
	s.SetLoggerV2(serverLog{log}, false, false, false)
	s.Start()
	if !s.ReadyForConnections(readyTimeout) {
		go s.Shutdown() // which waits for what did not start
		return nil, fmt.Errorf("bus: the server of this process is not ready after %v; is %s free?", readyTimeout, cluster.Listen)
	}
	return s, nil
}

func (b *NATS) stopServer() {
	if b.server != nil {
		b.server.Shutdown()
		b.server.WaitForShutdown()
	}
}

// serverLog writes what the server says into our log: its notices are details to us.
type serverLog struct{ to *slog.Logger }

func (l serverLog) Noticef(format string, v ...any) { l.to.Debug(fmt.Sprintf("nats: "+format, v...)) }
func (l serverLog) Warnf(format string, v ...any)   { l.to.Debug(fmt.Sprintf("nats: "+format, v...)) }
func (l serverLog) Errorf(format string, v ...any)  { l.to.Warn(fmt.Sprintf("nats: "+format, v...)) }
func (l serverLog) Fatalf(format string, v ...any)  { l.to.Error(fmt.Sprintf("nats: "+format, v...)) }
func (l serverLog) Debugf(format string, v ...any)  { l.to.Debug(fmt.Sprintf("nats: "+format, v...)) }
func (l serverLog) Tracef(format string, v ...any)  { l.to.Debug(fmt.Sprintf("nats: "+format, v...)) }
