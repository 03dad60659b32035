// Farapp is edges at known distances, for tests in a browser: a media port that answers probes, behind an emulated link for each distance, and a
// STUN server beside it. Its arguments are round trips ("20ms"); "lost" is an edge from which nothing comes back. It prints one JSON object of UDP ports, in
// the order of its arguments, and ends with its standard input.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"golang.org/x/sync/errgroup"

	"nearlight/internal/netsim"
	"nearlight/streamer/udpmux"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "farapp:", err)
		os.Exit(1)
	}
}

// field is the ports, by distance.
type field struct {
	Probe []uint16 `json:"probe"`
	STUN  []uint16 `json:"stun"`
}

// serveSTUN answers binding requests of anybody, until the socket is closed.
func serveSTUN(server *net.UDPConn) error {
	buffer := make([]byte, 1500)
	for {
		n, from, err := server.ReadFromUDPAddrPort(buffer)
		if errors.Is(err, net.ErrClosed) {
			return nil
		} else if err != nil {
			return err
		}
		request := stun.Message{Raw: buffer[:n]}
		if request.Decode() != nil || request.Type != stun.BindingRequest {
			continue
		}
		answer, err := stun.Build(&request, stun.BindingSuccess, &stun.XORMappedAddress{IP: net.IPv4(192, 0, 2, 1), Port: int(from.Port())}, stun.Fingerprint)
		if err != nil {
			return err
		}
		if _, err := server.WriteToUDPAddrPort(answer.Raw, from); err != nil {
			return err
		}
	}
}

func run(trips []string) (err error) {
	ports, err := udpmux.Open(udpmux.Config{Address: netip.AddrFrom4([4]byte{127, 0, 0, 1}), Loggers: logging.NewDefaultLoggerFactory()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ports.Close()) }()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var relays errgroup.Group
	defer func() { cancel(); err = errors.Join(err, relays.Wait()) }()
	server, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	relays.Go(func() error { return serveSTUN(server) })
	defer server.Close()
	var near field
	for _, text := range trips {
		link := netsim.Config{}
		if text == "lost" {
			link.Loss = netsim.Random{Share: 1}
		} else if link.Delay, err = time.ParseDuration(text); err != nil {
			return err
		}
		link.Delay /= 2
		relay, err := netsim.OpenRelay(netsim.RelayConfig{Routes: []netsim.Route{{Target: ports.Addresses()[0]}, {Target: server.LocalAddr().(*net.UDPAddr).AddrPort()}}, Out: link, Back: link})
		if err != nil {
			return err
		}
		relays.Go(func() error {
			if err := relay.Run(ctx); !errors.Is(err, context.Canceled) {
				return errors.Join(err, relay.Close())
			}
			return relay.Close()
		})
		near.Probe = append(near.Probe, relay.Near(0).Port())
		near.STUN = append(near.STUN, relay.Near(1).Port())
	}
	if err := json.NewEncoder(os.Stdout).Encode(near); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}
