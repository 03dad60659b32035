// Package signalingtest has signaling's ends of sockets, for tests of who comes to it.
package signalingtest

import (
	"sync"
	"testing"

	"github.com/gorilla/websocket"

	"nearlight/signaling"
)

// Line is signaling's end of a player's socket. Any number of goroutines may say something, and one hears.
type Line struct {
	t  *testing.T
	ws *websocket.Conn
	mu sync.Mutex
}

// NewLine is the end of a socket.
func NewLine(t *testing.T, ws *websocket.Conn) *Line { return &Line{t: t, ws: ws} }

// Say sends the player a message.
func (l *Line) Say(m signaling.Message) {
	data, err := signaling.Encode(signaling.SignalingToPlayer, m)
	if err != nil {
		l.t.Error(err)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.ws.WriteMessage(websocket.TextMessage, data) // who has left hears nothing
}

// Hear reads one message, nil when the player has gone.
func (l *Line) Hear() signaling.Message {
	_, data, err := l.ws.ReadMessage()
	if err != nil {
		return nil
	}
	m, err := signaling.Parse(signaling.PlayerToSignaling, data)
	if err != nil {
		l.t.Error(err)
	}
	return m
}
