package server

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/client"
	"nearlight/signaling/token"
)

// onPipes runs a server in a bubble, where time passes as soon as everyone waits.
func onPipes(t *testing.T, test func(t *testing.T, issuer *token.Issuer, dial func(path string) *websocket.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		key, err := token.NewKey()
		if err != nil {
			t.Fatal(err)
		}
		issuer, err := token.NewIssuer(key, token.Scope{}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		verifier := token.NewVerifier(issuer.Keys(), token.Scope{}, time.Now)
		s, err := New(Config{Verifier: verifier})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		listener := NewPipes()
		web := &http.Server{Handler: s.Handler()}
		var running sync.WaitGroup
		running.Go(func() {
			if err := s.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		running.Go(func() {
			if err := web.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				t.Error(err)
			}
		})
		defer running.Wait()
		defer web.Close()
		defer stop()
		test(t, issuer, func(path string) *websocket.Conn {
			dialer := websocket.Dialer{NetDialContext: listener.Dial, Subprotocols: []string{signaling.Subprotocol}}
			ws, _, err := dialer.DialContext(t.Context(), "ws://localhost"+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			return ws
		})
	})
}

// lastWords reads until the server closes and returns its reason.
func lastWords(t *testing.T, ws *websocket.Conn, d signaling.Direction) *signaling.Error {
	t.Helper()
	defer ws.Close()
	var reason *signaling.Error
	for {
		_, data, err := ws.ReadMessage()
		if err != nil {
			return reason
		}
		m, err := signaling.Parse(d, data)
		if err != nil {
			t.Fatal(err)
		}
		if failed, ok := m.(signaling.Failed); ok {
			reason = failed.Error
		}
	}
}

func TestANewcomerThatSaysNothingIsSentAway(t *testing.T) {
	onPipes(t, func(t *testing.T, _ *token.Issuer, dial func(string) *websocket.Conn) {
		for path, d := range map[string]signaling.Direction{
			signaling.PlayerPath: signaling.SignalingToPlayer, signaling.EdgePath: signaling.SignalingToEdge,
		} {
			began := time.Now()
			reason := lastWords(t, dial(path), d)
			if took := time.Since(began); reason == nil || reason.Code != signaling.CodeTimedOut || took < firstMessageTimeout || took > firstMessageTimeout+closeTimeout {
				t.Errorf("%s: %v after %v", path, reason, took)
			}
		}
	})
}

func TestAnEdgeThatAnswersNoPingsIsLostAndOneThatDoesIsKept(t *testing.T) {
	onPipes(t, func(t *testing.T, issuer *token.Issuer, dial func(string) *websocket.Conn) {
		raw, err := issuer.Issue(token.Claims{Role: token.Edge, Expires: time.Now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		register := func(ws *websocket.Conn) {
			key, err := identity.NewKey()
			if err != nil {
				t.Fatal(err)
			}
			say := func(m signaling.Message) {
				data, err := signaling.Encode(signaling.EdgeToSignaling, m)
				if err != nil {
					t.Fatal(err)
				}
				if err := ws.WriteMessage(websocket.TextMessage, data); err != nil {
					t.Fatal(err)
				}
			}
			say(signaling.Login{Address: key.Address().String()})
			_, data, err := ws.ReadMessage()
			if err != nil {
				t.Fatal(err)
			}
			m, err := signaling.Parse(signaling.SignalingToEdge, data)
			if err != nil {
				t.Fatal(err)
			}
			proof, err := client.Prove(m.(signaling.Challenge), key, "localhost", time.Now())
			if err != nil {
				t.Fatal(err)
			}
			say(signaling.Register{Token: raw, Proof: proof, Slots: 1, Codecs: signaling.List[string]{"h264"}, Leases: make([]signaling.SlotState, 1)})
		}
		alive := dial(signaling.EdgePath)
		register(alive)
		var reading sync.WaitGroup
		reading.Go(func() { lastWords(t, alive, signaling.SignalingToEdge) })
		silent := dial(signaling.EdgePath)
		silent.SetPingHandler(func(string) error { return nil })
		register(silent)
		began := time.Now()
		reason := lastWords(t, silent, signaling.SignalingToEdge)
		want := time.Duration(signaling.SilentPings * float64(signaling.EdgePing))
		if took := time.Since(began); reason == nil || reason.Code != signaling.CodeTimedOut || took < want || took > want+closeTimeout {
			t.Errorf("%v after %v", reason, took)
		}
		time.Sleep(10 * time.Minute) // the bubble's clock
		if err := alive.WriteMessage(websocket.TextMessage, []byte(`{"type":"status","free":1}`)); err != nil {
			t.Errorf("the one that answers is lost: %v", err)
		}
		alive.Close()
		reading.Wait()
	})
}
