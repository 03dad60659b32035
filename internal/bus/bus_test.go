package bus_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"nearlight/internal/bus"
	"nearlight/internal/bus/bustest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	patience = 10 * time.Second
	secret   = "a secret of the cluster"
)

func open(t *testing.T, config bus.Config) *bus.NATS {
	t.Helper()
	b, err := bus.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// inbox subscribes and returns what comes.
func inbox(t *testing.T, b bus.Bus, subject string) <-chan string {
	t.Helper()
	got := make(chan string, bus.Pending)
	cancel, err := b.Subscribe(subject, func(m bus.Message) { got <- string(m.Data) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cancel)
	return got
}

func next(t *testing.T, got <-chan string) string {
	t.Helper()
	select {
	case text := <-got:
		return text
	case <-time.After(patience):
		t.Fatal("nothing comes")
		return ""
	}
}

// until publishes what is numbered from 0 until one of them arrives, and returns its number.
func until(t *testing.T, from bus.Bus, subject string, got <-chan string) {
	t.Helper()
	limit := time.After(patience)
	for {
		_ = from.Publish(subject, []byte("is anybody there?")) // it fails while the connection is being made
		select {
		case <-got:
			for len(got) > 0 {
				<-got
			}
			return
		case <-time.After(20 * time.Millisecond):
		case <-limit:
			t.Fatal("nothing arrives")
		}
	}
}

func TestWhatABusDoes(t *testing.T) {
	network := &bustest.Network{}
	for name, make := range map[string]func(*testing.T) bus.Bus{
		"embedded": func(t *testing.T) bus.Bus { return open(t, bus.Config{}) },
		"in a test": func(t *testing.T) bus.Bus {
			n := network.Join()
			t.Cleanup(n.Close)
			return n
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := make(t)
			if !b.Connected() {
				t.Fatal("not connected")
			}
			first, second := inbox(t, b, "a.b"), inbox(t, b, "a.b")
			for i := range 1000 {
				if err := b.Publish("a.b", fmt.Append(nil, i)); err != nil {
					t.Fatal(err)
				}
			}
			for i := range 1000 {
				for _, got := range []<-chan string{first, second} {
					if text := next(t, got); text != fmt.Sprint(i) {
						t.Fatalf("%s comes, want %d", text, i)
					}
				}
			}
			cancel, err := b.Subscribe("ask", func(m bus.Message) {
				if err := m.Reply(append(m.Data, '!')); err != nil {
					t.Error(err)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithTimeout(t.Context(), patience)
			defer stop()
			if answer, err := b.Request(ctx, "ask", []byte("well")); err != nil || string(answer) != "well!" {
				t.Errorf("%q, %v", answer, err)
			}
			cancel()
			short, stopShort := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer stopShort()
			if _, err := b.Request(short, "silent.subject", nil); !errors.Is(err, bus.ErrNobody) {
				t.Errorf("where nobody listens: %v", err)
			}
			inbox(t, b, "mute")
			if _, err := b.Request(short, "mute", nil); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("where nobody answers: %v", err)
			}
			if err := b.Publish("a.b", bytes.Repeat([]byte{'x'}, bus.MaxMessage+1)); !errors.Is(err, bus.ErrTooLarge) {
				t.Errorf("a large message: %v", err)
			}
			if err := b.Publish("a.b", bytes.Repeat([]byte{'x'}, bus.MaxMessage)); err != nil {
				t.Errorf("the largest message: %v", err)
			}
			for _, subject := range []string{"", ".", "a.", ".a", "a..b", "a.*", ">", "a b", "ä", "a\r\nPUB", strings.Repeat("a", 201)} {
				if err := b.Publish(subject, nil); !errors.Is(err, bus.ErrSubject) {
					t.Errorf("publish to %q: %v", subject, err)
				}
				if _, err := b.Subscribe(subject, func(bus.Message) {}); !errors.Is(err, bus.ErrSubject) {
					t.Errorf("subscribe to %q: %v", subject, err)
				}
			}
		})
	}
}

func TestAHandlerThatIsTooSlowLosesMessagesAndItIsTold(t *testing.T) {
	metrics := prometheus.NewRegistry()
	told := make(chan string, bus.Pending)
	b := open(t, bus.Config{Metrics: metrics, Dropped: func(subject string) { told <- subject }})
	release := make(chan struct{})
	cancel, err := b.Subscribe("slow", func(bus.Message) { <-release })
	if err != nil {
		t.Fatal(err)
	}
	defer cancel()
	defer close(release)
	other := inbox(t, b, "quick")
	for range bus.Pending + 100 {
		if err := b.Publish("slow", []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if subject := next(t, told); subject != "slow" || b.Dropped() == 0 {
		t.Errorf("%s, %d dropped", subject, b.Dropped())
	}
	if err := b.Publish("quick", []byte("still served")); err != nil || next(t, other) != "still served" {
		t.Error(err)
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

func TestAnExternalServerMayComeLateGoAndReturn(t *testing.T) {
	nats := bustest.NewServer(t)
	nats.Stop()
	url := "nats://" + nats.Address()
	a, b := open(t, bus.Config{URL: url}), open(t, bus.Config{URL: url})
	if a.Connected() {
		t.Fatal("connected to nothing")
	}
	if err := a.Publish("x", nil); !errors.Is(err, bus.ErrDisconnected) {
		t.Errorf("without a server: %v", err)
	}
	got := inbox(t, b, "x")
	nats.Start()
	until(t, a, "x", got)
	nats.Stop()
	for a.Connected() {
		time.Sleep(time.Millisecond) // the kernel tells the client that its socket is closed
	}
	if err := a.Publish("x", nil); !errors.Is(err, bus.ErrDisconnected) {
		t.Errorf("while the server is away: %v", err)
	}
	nats.Start()
	until(t, a, "x", got) // the subscription has lasted
}

func TestEmbeddedServersFormAClusterAndAWrongSecretIsKeptOut(t *testing.T) {
	addresses := []string{fmt.Sprintf("127.0.0.1:%d", freePort(t)), fmt.Sprintf("127.0.0.1:%d", freePort(t)), fmt.Sprintf("127.0.0.1:%d", freePort(t))}
	join := func(i int, secret string) *bus.NATS {
		return open(t, bus.Config{Name: fmt.Sprint("node-", i), Cluster: bus.Cluster{Listen: addresses[i], Peers: addresses[:1], Secret: secret}})
	}
	a := join(0, secret)
	b := join(1, secret)
	stranger := join(2, "another secret, as long")
	got, overheard := inbox(t, b, "x"), inbox(t, stranger, "x")
	until(t, a, "x", got)
	if len(overheard) > 0 {
		t.Errorf("a stranger reads %q", <-overheard)
	}
	stranger.Close()
	c := join(2, secret) // it names the first one only, and finds both
	late := inbox(t, c, "y")
	until(t, b, "y", late)
}

func TestSettingsOfAClusterAreChecked(t *testing.T) {
	for _, cluster := range []bus.Cluster{
		{Peers: []string{"127.0.0.1:1"}, Secret: secret},
		{Listen: "127.0.0.1:1", Secret: "short"},
		{Listen: "127.0.0.1", Secret: secret},
		{Listen: "127.0.0.1:0", Secret: secret},
		{Listen: "127.0.0.1:1", Peers: []string{"there"}, Secret: secret},
	} {
		if b, err := bus.Open(bus.Config{Cluster: cluster}); err == nil {
			b.Close()
			t.Errorf("%+v is taken", cluster)
		}
	}
}

func BenchmarkEmbeddedFromPublisherToHandler(b *testing.B) {
	node, err := bus.Open(bus.Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer node.Close()
	arrived := make(chan struct{}, 1)
	if _, err := node.Subscribe("x", func(bus.Message) { arrived <- struct{}{} }); err != nil {
		b.Fatal(err)
	}
	message := bytes.Repeat([]byte{'x'}, 2048)
	b.ReportAllocs()
	for b.Loop() {
		if err := node.Publish("x", message); err != nil {
			b.Fatal(err)
		}
		<-arrived
	}
}
