package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"nearlight/internal/netsim"
	"nearlight/internal/netsim/scenario"
)

// benchLink is an emulated link between a benchmark's player and the edge that it started: the player is told of nothing but the
// near end.
type benchLink struct {
	relay *netsim.Relay
	down  netsim.Config
	up    netsim.Config
	port  uint16 // the edge's, for media
	stop  context.CancelFunc
	ended chan error
}

// openBenchLink opens the link of a scenario, in front of a port that was free.
func openBenchLink(name string, seed uint64) (*benchLink, error) {
	named, err := scenario.Named(name)
	if err != nil {
		return nil, usage("--scenario: %w", err)
	}
	l := &benchLink{ended: make(chan error, 1)}
	if l.port, err = freeMediaPort(); err != nil {
		return nil, err
	}
	l.down, l.up = named[0].Links(seed)
	l.relay, err = netsim.OpenRelay(netsim.RelayConfig{
		Routes: []netsim.Route{{Target: netip.AddrPortFrom(loopbackAddress, l.port)}}, Out: l.up, Back: l.down,
	})
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	go func() { l.ended <- l.relay.Run(ctx) }()
	return l, nil
}

// arguments make an edge use the link.
func (l *benchLink) arguments() []string {
	return []string{"--media-port", fmt.Sprint(l.port), "--advertise", l.relay.Near(0).String()}
}

// begin lets the link's time begin.
func (l *benchLink) begin() error { return l.relay.Change(l.up, l.down) }

func (l *benchLink) close() error {
	l.stop()
	if err := <-l.ended; err != nil && !errors.Is(err, context.Canceled) {
		return errors.Join(err, l.relay.Close())
	}
	return l.relay.Close()
}

// freeMediaPort finds a port that is free for UDP and TCP.
func freeMediaPort() (uint16, error) {
	const tries = 50
	var errs []error
	for range tries {
		udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopbackAddress, 0)))
		if err != nil {
			return 0, err
		}
		address := udp.LocalAddr().(*net.UDPAddr).AddrPort()
		tcp, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(address))
		if err == nil {
			err = tcp.Close()
		}
		if err = errors.Join(err, udp.Close()); err == nil {
			return address.Port(), nil
		}
		errs = append(errs, err)
	}
	return 0, errors.Join(errs...)
}

// scenarioHelp explains the flag that names a link.
func scenarioHelp() string {
	return "an emulated link between player and edge, the first of that name: " + strings.Join(scenario.Names(), ", ") + "; none if empty"
}
