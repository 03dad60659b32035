package netsim_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"nearlight/internal/media"
	"nearlight/internal/netsim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	nearAddress  = netip.MustParseAddrPort("127.0.0.1:1001")
	otherAddress = netip.MustParseAddrPort("127.0.0.1:1002")
	farAddress   = netip.MustParseAddrPort("127.0.0.1:2001")
)

// runNetwork starts a network, and ends it with the test.
func runNetwork(t *testing.T, out, back netsim.Config) *netsim.Network {
	t.Helper()
	network, err := netsim.NewNetwork(out, back)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- network.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("run: %v", err)
		}
	})
	return network
}

func openConn(t *testing.T, open func(netip.AddrPort) (*netsim.Conn, error), address netip.AddrPort) *netsim.Conn {
	t.Helper()
	conn, err := open(address)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestConnsAreJoinedByTheLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := runNetwork(t, netsim.Config{Delay: 30 * ms, Rate: netsim.Constant(8 * media.Mbps), Headers: 200}, netsim.Config{Delay: 5 * ms})
		near, far := openConn(t, network.Near, nearAddress), openConn(t, network.Far, farAddress)
		start := time.Now()
		if _, err := near.WriteTo(make([]byte, 800), far.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		buffer := make([]byte, 1500)
		n, from, err := far.ReadFrom(buffer)
		if took := time.Since(start); err != nil || n != 800 || from.String() != nearAddress.String() || took != 31*ms {
			t.Errorf("%d octets from %v after %v, %v", n, from, took, err)
		}
		start = time.Now()
		if _, err := far.WriteToAddrPort([]byte("answer"), nearAddress); err != nil {
			t.Fatal(err)
		}
		n, source, err := near.ReadFromAddrPort(buffer)
		if took := time.Since(start); err != nil || string(buffer[:n]) != "answer" || source != farAddress || took != 5*ms {
			t.Errorf("%q from %v after %v, %v", buffer[:n], source, took, err)
		}
		if stats := network.Stats(); stats.Out.Delivered != 1 || stats.Back.Delivered != 1 {
			t.Errorf("%+v", stats)
		}
	})
}

func TestFlowsShareTheBottleneck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := runNetwork(t, netsim.Config{Rate: netsim.Constant(8 * media.Mbps), Headers: 100}, netsim.Config{})
		one, other := openConn(t, network.Near, nearAddress), openConn(t, network.Near, otherAddress)
		far := openConn(t, network.Far, farAddress)
		start := time.Now()
		for _, conn := range []*netsim.Conn{one, other, one} {
			if _, err := conn.WriteToAddrPort(make([]byte, 900), farAddress); err != nil {
				t.Fatal(err)
			}
		}
		for i, want := range []netip.AddrPort{nearAddress, otherAddress, nearAddress} {
			_, from, err := far.ReadFromAddrPort(make([]byte, 1500))
			if took := time.Since(start); err != nil || from != want || took != time.Duration(i+1)*ms {
				t.Errorf("packet %d from %v after %v, %v", i, from, took, err)
			}
		}
	})
}

func TestReadsEndByDeadlineAndByClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := runNetwork(t, netsim.Config{}, netsim.Config{})
		conn := openConn(t, network.Near, nearAddress)
		if err := conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		for range 2 { // it stays in force
			if _, _, err := conn.ReadFrom(nil); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Second {
				t.Errorf("after %v: %v", time.Since(start), err)
			}
		}
		var timeout net.Error
		if _, _, err := conn.ReadFrom(nil); !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("%v is no timeout", err)
		}
		if err := conn.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		var readers sync.WaitGroup
		for range 3 {
			readers.Go(func() {
				if _, _, err := conn.ReadFrom(nil); !errors.Is(err, net.ErrClosed) {
					t.Errorf("read: %v", err)
				}
			})
		}
		synctest.Wait()
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		readers.Wait()
		if _, err := conn.WriteToAddrPort(nil, farAddress); !errors.Is(err, net.ErrClosed) {
			t.Errorf("write: %v", err)
		}
		if err := conn.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("close again: %v", err)
		}
		openConn(t, network.Near, nearAddress) // the address is free again
	})
}

func TestWhatGoesAstrayIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := runNetwork(t, netsim.Config{}, netsim.Config{})
		near := openConn(t, network.Near, nearAddress)
		openConn(t, network.Far, farAddress)
		for range 300 {
			if _, err := near.WriteToAddrPort([]byte("unread"), farAddress); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := near.WriteToAddrPort(nil, otherAddress); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if stats := network.Stats(); stats.Unroutable != 1 || stats.Overrun != 300-256 {
			t.Errorf("%d unroutable, %d overrun", stats.Unroutable, stats.Overrun)
		}
		if _, err := network.Near(nearAddress); err == nil {
			t.Error("an address was given twice")
		}
	})
}

// Two peers of pion, which find each other, agree on keys and open a data channel over the links.
func TestPionPeersConnectOverANetwork(t *testing.T) {
	const delay = 25 * ms
	network := runNetwork(t, netsim.Config{Delay: delay, Rate: tenMbps, Seed: 1, Loss: netsim.Random{Share: 0.01}}, netsim.Config{Delay: delay})
	peer := func(conn *netsim.Conn) *webrtc.PeerConnection {
		t.Helper()
		var settings webrtc.SettingEngine
		quiet := &logging.DefaultLoggerFactory{Writer: io.Discard} // it is loud about a conn that is closed
		settings.LoggerFactory = quiet
		settings.SetICEUDPMux(webrtc.NewICEUDPMux(quiet.NewLogger("ice"), conn))
		settings.SetIncludeLoopbackCandidate(true)
		settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
		made, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := made.GracefulClose(); err != nil {
				t.Error(err)
			}
			if err := conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		})
		return made
	}
	near, far := peer(openConn(t, network.Near, nearAddress)), peer(openConn(t, network.Far, farAddress))
	answered := make(chan time.Duration, 1)
	channel, err := near.CreateDataChannel("echo", nil)
	if err != nil {
		t.Fatal(err)
	}
	var sent time.Time
	channel.OnOpen(func() {
		sent = time.Now()
		if err := channel.SendText("hello"); err != nil {
			t.Error(err)
		}
	})
	channel.OnMessage(func(webrtc.DataChannelMessage) { answered <- time.Since(sent) })
	far.OnDataChannel(func(channel *webrtc.DataChannel) {
		channel.OnMessage(func(m webrtc.DataChannelMessage) {
			if err := channel.Send(m.Data); err != nil {
				t.Error(err)
			}
		})
	})
	if err := signal(near, far); err != nil {
		t.Fatal(err)
	}
	select {
	case took := <-answered:
		if took < 2*delay {
			t.Errorf("an answer after %v over a round trip of %v", took, 2*delay)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("no answer within 20 s: %+v", network.Stats())
	}
}

// signal takes the descriptions from one peer to the other.
func signal(offerer, answerer *webrtc.PeerConnection) error {
	offer, err := offerer.CreateOffer(nil)
	if err != nil {
		return fmt.Errorf("offer: %w", err)
	}
	gathered := webrtc.GatheringCompletePromise(offerer)
	if err := offerer.SetLocalDescription(offer); err != nil {
		return err
	}
	<-gathered
	if err := answerer.SetRemoteDescription(*offerer.LocalDescription()); err != nil {
		return err
	}
	answer, err := answerer.CreateAnswer(nil)
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	gathered = webrtc.GatheringCompletePromise(answerer)
	if err := answerer.SetLocalDescription(answer); err != nil {
		return err
	}
	<-gathered
	return offerer.SetRemoteDescription(*answerer.LocalDescription())
}

func TestConnsTellTheECNFieldThatCame(t *testing.T) {
	for _, row := range []struct {
		link   netsim.Config
		want   netsim.ECN // of the last of a burst of ECT(1)
		lost   bool
		reason string
	}{
		{netsim.Config{}, netsim.ECT1, false, "nothing waits"},
		{netsim.Config{Rate: netsim.Constant(10 * media.Mbps), Queue: netsim.DualPI2{}}, netsim.CE, false, "a queue marks"},
		{netsim.Config{Rate: netsim.Constant(10 * media.Mbps), Queue: netsim.DropTail{}}, netsim.ECT1, false, "a queue that does not"},
		{netsim.Config{Middlebox: netsim.ECNBleached}, netsim.NotECT, false, "a path that bleaches"},
		{netsim.Config{Middlebox: netsim.ECNDropped}, 0, true, "a path that drops"},
	} {
		synctest.Test(t, func(t *testing.T) {
			network := runNetwork(t, row.link, netsim.Config{})
			near, far := openConn(t, network.Near, nearAddress), openConn(t, network.Far, farAddress)
			for range 10 {
				if _, err := near.WriteECN(make([]byte, 1222), farAddress, netsim.ECT1); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := near.WriteToAddrPort([]byte("not ECN-capable"), farAddress); err != nil {
				t.Fatal(err)
			}
			var fields []netsim.ECN
			for {
				if err := far.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
					t.Fatal(err)
				}
				n, _, ecn, err := far.ReadECN(make([]byte, 2000))
				if errors.Is(err, os.ErrDeadlineExceeded) {
					break // that is all
				}
				if err != nil {
					t.Fatal(err)
				}
				if n > 100 {
					fields = append(fields, ecn)
				} else if ecn != netsim.NotECT {
					t.Errorf("%s: what was not marked came with %v", row.reason, ecn)
				}
			}
			if row.lost != (len(fields) == 0) || !row.lost && !slices.Contains(fields, row.want) || row.want != netsim.CE && slices.Contains(fields, netsim.CE) {
				t.Errorf("%s: %v came", row.reason, fields)
			}
		})
	}
}
