package e2e

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"nearlight/internal/e2e/e2etest"
	"nearlight/signaling"
)

// alone is a signaling server by itself, a simulated edge, and players who stay.
func alone(t *testing.T, slots, players int) (e *ensemble, counted *visits) {
	e, counted = newEnsemble(t, 1, func(int) []string { return nil }), new(visits)
	var running sync.WaitGroup
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	e.connect(ctx, &running, 1, slots)
	e.known(1)
	e.crowd(ctx, &running, players, forGood, counted)
	e2etest.Eventually(t, e2etest.Patience, "all play", func() bool { return counted.begun() == players })
	return e, counted
}

// halfOpen opens sockets that will never say what they want, each from one of a few addresses of this machine.
func halfOpen(t *testing.T, at string, n int) []net.Conn {
	t.Helper()
	conns := make([]net.Conn, n)
	var dialing sync.WaitGroup
	const dialers = 16
	for d := range dialers {
		dialing.Go(func() {
			from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+d))}, Timeout: e2etest.Patience}
			for i := d; i < n; i += dialers {
				conn, err := from.DialContext(t.Context(), "tcp", at)
				if err != nil {
					t.Error(err)
					return
				}
				conns[i] = conn
				begun := []string{"", "G", "GET " + signaling.PlayerPath + " HTTP/1.1\r\nHost: localhost\r\n", "POST /whep/s-1 HTTP/1.1\r\nHost: local"}[i/dialers%4]
				if _, err := io.WriteString(conn, begun); err != nil {
					t.Error(err)
				}
			}
		})
	}
	dialing.Wait()
	return conns
}

func TestTenThousandHalfOpenSocketsKeepNobodyOutAndAreClosed(t *testing.T) {
	const sockets = 10_000
	e, counted := alone(t, 2, 1)
	node := e.nodes[0]
	files := node.Metric(t, "process_open_fds")
	began := time.Now()
	conns := halfOpen(t, e.listen[0], sockets)
	defer func() {
		for _, conn := range conns {
			if conn != nil {
				conn.Close()
			}
		}
	}()
	t.Logf("open after %v, %.0f files, %.1f MiB", time.Since(began).Round(time.Millisecond), node.Metric(t, "process_open_fds"), node.Metric(t, "process_resident_memory_bytes")/(1<<20))

	// Another player comes in meanwhile, and the one who plays is not disturbed.
	ctx, leave := context.WithCancel(t.Context())
	var coming sync.WaitGroup
	e.crowd(ctx, &coming, 1, forGood, counted)
	took := e2etest.Eventually(t, e2etest.Patience, "another player comes in", func() bool { return counted.begun() == 2 })
	t.Logf("another player is in after %v", took.Round(time.Millisecond))
	if took > 5*time.Second {
		t.Errorf("it takes %v", took)
	}
	leave()
	coming.Wait()
	e2etest.Eventually(t, 2*e2etest.Patience, "the sockets that say nothing are closed", func() bool { return node.Metric(t, "process_open_fds") < files+50 })
	if counted.reconnection(1) != 0 {
		t.Error("the player who played had to connect again")
	}
}

// huge is the size of a message, and of its frame, that nobody is to keep.
const huge = 100 << 20

// push writes zeros until so many are written or the other side has had enough.
func push(to io.Writer, n int) {
	zeros := make([]byte, 64<<10)
	for written := 0; written < n; written += len(zeros) {
		if _, err := to.Write(zeros); err != nil {
			return
		}
	}
}

func TestAMessageOfAHundredMegabytesIsRefusedUnread(t *testing.T) {
	e, counted := alone(t, 1, 1)
	node := e.nodes[0]
	memory := node.Metric(t, "process_resident_memory_bytes")
	for path, token := range map[string]string{signaling.PlayerPath: "player", signaling.EdgePath: "edge"} {
		for kind, say := range map[string]func(*websocket.Conn){
			"one frame": func(ws *websocket.Conn) { // RFC 6455 section 5.2: last, text, masked, 64 bits of length, a mask of zeros
				header := binary.BigEndian.AppendUint64([]byte{0x81, 0x80 | 127}, huge)
				if _, err := ws.NetConn().Write(append(header, 0, 0, 0, 0)); err == nil {
					push(ws.NetConn(), huge)
				}
			},
			"many frames": func(ws *websocket.Conn) {
				if w, err := ws.NextWriter(websocket.TextMessage); err == nil {
					push(w, huge)
				}
			},
		} {
			ws, _, err := attacker().DialContext(t.Context(), "ws://"+e.listen[0]+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			said := make(chan struct{})
			go func() {
				defer close(said)
				say(ws)
			}()
			_ = ws.SetReadDeadline(time.Now().Add(e2etest.Patience))
			var words string // the server's last ones, unless what is still under way resets the connection first
			for {
				_, data, err := ws.ReadMessage()
				if err != nil {
					break
				}
				words = string(data)
			}
			if words != "" && !strings.Contains(words, string(signaling.CodeBadMessage)) {
				t.Errorf("%s, %s: %s", token, kind, words)
			}
			ws.Close()
			<-said
		}
	}
	body, feed := io.Pipe()
	go func() {
		push(feed, huge)
		feed.Close()
	}()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+e.listen[0]+signaling.WHEPPath+"s-1", body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/sdp")
	request.Header.Set("Authorization", "Bearer "+e.parts.token(t, "player"))
	if response, err := http.DefaultClient.Do(request); err == nil { // it may be cut off before the answer is read
		response.Body.Close()
		if response.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("a body of 100 MB: %s", response.Status)
		}
	}
	body.Close()
	bounded(t, node, memory)
	if got := node.Metric(t, fmt.Sprintf("nearlight_signaling_refusals_total{code=%q}", signaling.CodeBadMessage)); got < 4 {
		t.Errorf("%v refusals", got)
	}
	if counted.reconnection(1) != 0 || counted.begun() != 1 {
		t.Errorf("the player was disturbed: %v", counted)
	}
}
