package e2e

import (
	"errors"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"nearlight/internal/e2e/e2etest"
	"nearlight/signaling"
	"nearlight/streamer/control"
)

// What a flood may do to others on a machine that also runs other tests: the picture goes on, if not at its full rate, and
// memory stays bounded.
const (
	leastFrames = 15  // a second, of 59.7; over less than a second it is chance
	longestStop = 1.0 // seconds without a frame

	// How many bytes more than before. A program that is watched for races keeps several times as much for each byte of
	// its heap (https://go.dev/doc/articles/race_detector#Runtime_Overheads).
	mostMemory        = 64 << 20
	mostMemoryWatched = 5 * mostMemory
)

// attacker dials from an address of its own, as a stranger would: what it does is not held against the players.
func attacker() *websocket.Dialer {
	from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}, Timeout: e2etest.Patience}
	return &websocket.Dialer{NetDialContext: from.DialContext, Subprotocols: []string{signaling.Subprotocol}, HandshakeTimeout: e2etest.Patience}
}

// garbage is what an attacker says on a socket, one kind after the other.
func garbage(up *e2etest.Program) []func(*websocket.Conn) error {
	text := func(s string) func(*websocket.Conn) error {
		return func(ws *websocket.Conn) error { return ws.WriteMessage(websocket.TextMessage, []byte(s)) }
	}
	return []func(*websocket.Conn) error{
		text("hello"),
		text(`{"type":"play","token":"`),
		text(`{"type":"play","token":"forged","codecs":["h264"]}`),
		text(`{"type":"register","token":"forged","name":"x","slots":1,"free":1,"codecs":["h264"],"apps":[]}`),
		text(`{"type":"register","token":"` + up.Token + `","name":"x","slots":1,"free":1,"codecs":["h264"],"apps":[]}`),
		text(strings.Repeat("[", 10_000)),
		text(strings.Repeat("x", 1<<20)),
		func(ws *websocket.Conn) error { return ws.WriteMessage(websocket.BinaryMessage, make([]byte, 1000)) },
		func(ws *websocket.Conn) error {
			var errs []error
			for range 500 {
				errs = append(errs, ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second)))
			}
			return errors.Join(errs...)
		},
		func(ws *websocket.Conn) error { // no WebSocket at all
			_, err := ws.NetConn().Write([]byte(strings.Repeat("\xff", 4096)))
			return err
		},
	}
}

func TestAFloodOfMalformedMessagesOnSignalingDisturbsNobody(t *testing.T) {
	t.Parallel()
	up := start(t, e2etest.Clock(), "--slots", "2")
	player := up.Play(t, e2etest.Request{})
	player.Plays(t, 30)
	memory := up.Metric(t, "process_resident_memory_bytes")
	began := time.Now()

	var attackers sync.WaitGroup
	for _, path := range []string{signaling.PlayerPath, signaling.EdgePath} {
		for _, say := range garbage(up) {
			attackers.Go(func() {
				dialer := attacker()
				for range 6 {
					ws, _, err := dialer.DialContext(t.Context(), strings.Replace(up.URL, "http", "ws", 1)+path, nil)
					if err != nil {
						continue // turned away at the door
					}
					// A write fails when the server has had enough; it is read until then, as its last words must not block it.
					for range 50 {
						if say(ws) != nil {
							break
						}
					}
					_ = ws.SetReadDeadline(time.Now().Add(e2etest.Patience))
					for err == nil {
						_, _, err = ws.ReadMessage()
					}
					_ = ws.Close()
				}
			})
		}
	}
	attackers.Wait()
	player.Plays(t, 1)
	undisturbed(t, player, began)
	for _, code := range []signaling.Code{signaling.CodeBadMessage, signaling.CodeBadToken, signaling.CodeRateLimited} {
		if up.Metric(t, `nearlight_signaling_refusals_total{code="`+string(code)+`"}`) == 0 {
			t.Errorf("no refusal is counted as %s", code)
		}
	}
	e2etest.Eventually(t, e2etest.Patience, "the attackers' sockets are gone", func() bool {
		return up.Metric(t, `nearlight_signaling_connections{role="player"}`) == 1 && up.Metric(t, `nearlight_signaling_connections{role="edge"}`) == 1
	})
	bounded(t, up, memory)
	up.Play(t, e2etest.Request{}).Plays(t, 10) // and others still come in
}

func TestAFloodOnADataChannelDisturbsNotEvenItsSender(t *testing.T) {
	t.Parallel()
	up := start(t, e2etest.Clock())
	player := up.Play(t, e2etest.Request{})
	player.Open(t)
	player.Plays(t, 30)
	memory := up.Metric(t, "process_resident_memory_bytes")

	random := rand.New(rand.NewPCG(1, 2))
	junk := func() []byte {
		b := make([]byte, random.IntN(200))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return b
	}
	const messages = 4000
	for _, channel := range []control.Channel{control.OnMotion, control.OnControl} {
		began := time.Now()
		counted := `nearlight_edge_malformed_messages_total{channel="` + channel.Label() + `"}`
		for i := range messages {
			b := junk()
			switch i % 4 {
			case 0:
				b = append([]byte{0x92}, b...) // of the edge's own
			case 1:
				b = append([]byte{0x10, 0, 0}, b...) // a key that breaks off, or is too long
			case 2:
				b = append([]byte{0xff}, b...)
			}
			if err := player.SendRaw(channel, b); err != nil {
				t.Fatalf("message %d on %s: %v", i, channel.Label(), err)
			}
			if i%100 == 99 { // as fast as they are taken, not as fast as this test can fill its own memory
				e2etest.Eventually(t, e2etest.Patience, "messages are counted", func() bool {
					return channel == control.OnMotion || up.Metric(t, counted) >= float64(i)*0.9
				})
			}
		}
		e2etest.Eventually(t, e2etest.Patience, "malformed messages are counted", func() bool { return up.Metric(t, counted) > messages/10 })
		player.Plays(t, 1)
		undisturbed(t, player, began)
	}

	// Well-formed input that comes too fast is dropped as well, and what comes afterwards works.
	for seq := range uint32(3000) {
		player.Send(t, &control.Key{Seq: seq + 1, Down: seq%2 == 0, Code: evdevD})
	}
	e2etest.Eventually(t, e2etest.Patience, "input that came too fast is counted", func() bool {
		return up.Metric(t, `nearlight_edge_inputs_dropped_total{reason="too_fast"}`) > 0
	})
	before := up.Metric(t, "nearlight_edge_inputs_total")
	player.Send(t, &control.Key{Seq: 3001, Code: evdevD})
	e2etest.Eventually(t, e2etest.Patience, "input reaches the display again", func() bool {
		player.Send(t, &control.Key{Seq: 3002, Down: true, Code: evdevD})
		player.Send(t, &control.Key{Seq: 3003, Code: evdevD})
		return up.Metric(t, "nearlight_edge_inputs_total") > before
	})
	bounded(t, up, memory)
}

func TestAMessageLargerThanAnyEndsAtMostItsChannel(t *testing.T) {
	t.Parallel()
	up := start(t, e2etest.Clock())
	// A hostile player does not keep to the size that the offer allows.
	player := up.Play(t, e2etest.Request{Offer: func(offer string) string {
		return strings.Replace(offer, "a=max-message-size:", "a=max-message-size:10000", 1)
	}})
	player.Open(t)
	player.Plays(t, 10)
	memory := up.Metric(t, "process_resident_memory_bytes")
	for _, size := range []int{5_000, 60_000, 70_000, 1 << 20} {
		if err := player.SendRaw(control.OnMotion, make([]byte, size)); err != nil {
			t.Logf("%d bytes: %v", size, err)
		}
	}
	player.Plays(t, 60)
	bounded(t, up, memory)
	if up.Metric(t, `nearlight_edge_malformed_messages_total{channel="motion"}`) == 0 {
		t.Error("no message was counted as malformed")
	}
	player.Send(t, &control.Key{Seq: 1, Down: true, Code: evdevD}) // the other channel works
	e2etest.Eventually(t, e2etest.Patience, "a key reaches the edge", func() bool { return up.Metric(t, "nearlight_edge_inputs_total") > 0 })
}

// undisturbed checks that a player's picture has gone on since then.
func undisturbed(t *testing.T, player *e2etest.Player, since time.Time) {
	t.Helper()
	frames, last, longest := 0, since, time.Duration(0)
	for _, f := range player.Frames() {
		if f.At.Before(since) {
			continue
		}
		frames++
		longest = max(longest, f.At.Sub(last))
		last = f.At
	}
	took := last.Sub(since).Seconds()
	t.Logf("%d frames in %.1f s, the longest stop %v", frames, took, longest)
	if took >= 1 && float64(frames) < leastFrames*took || longest.Seconds() > longestStop {
		t.Errorf("%d frames in %.1f s, the longest stop %v", frames, took, longest)
	}
	if player.Ended() {
		t.Error("the session has ended")
	}
}

// bounded checks that the program has not grown.
func bounded(t *testing.T, up *e2etest.Program, before float64) {
	t.Helper()
	grown, most := up.Metric(t, "process_resident_memory_bytes")-before, float64(mostMemory)
	if e2etest.RaceDetector {
		most = mostMemoryWatched
	}
	t.Logf("grown by %.1f MiB from %.1f", grown/(1<<20), before/(1<<20))
	if grown > most {
		t.Errorf("grown by %.1f MiB, more than %.0f", grown/(1<<20), most/(1<<20))
	}
}
