package client

import (
	"context"
	"fmt"
	"time"

	"github.com/gorilla/websocket"

	"nearlight/internal/identity"
	"nearlight/signaling"
)

// challengeTimeout is how long signaling may take to challenge an edge.
const challengeTimeout = 10 * time.Second

// login has an edge show its key: it asks for a challenge, and puts the answer into the registration. What is signed names the
// host that was dialed, whatever the server calls itself, so that it cannot be shown to another one.
func (p prepared) login(ctx context.Context, ws *websocket.Conn, host string, register *signaling.Register) error {
	stop := context.AfterFunc(ctx, func() { _ = ws.Close() }) // ends the reader below
	defer stop()
	data, err := signaling.Encode(signaling.EdgeToSignaling, signaling.Login{Address: p.Signer.Address().String()})
	if err != nil {
		return err
	}
	if err := ws.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return fmt.Errorf("signaling/client: login: %w", err)
	}
	if err := ws.WriteMessage(websocket.TextMessage, data); err != nil {
		return fmt.Errorf("signaling/client: login: %w", err)
	}
	ws.SetReadLimit(signaling.MaxMessage)
	if err := ws.SetReadDeadline(time.Now().Add(challengeTimeout)); err != nil {
		return fmt.Errorf("signaling/client: login: %w", err)
	}
	_, data, err = ws.ReadMessage()
	if err != nil {
		return fmt.Errorf("signaling/client: login: %w", err)
	}
	m, err := signaling.Parse(signaling.SignalingToEdge, data)
	if err != nil {
		return fmt.Errorf("signaling/client: login: %w", err)
	}
	switch m := m.(type) {
	case signaling.Failed:
		return fmt.Errorf("signaling/client: login: %w", m.Error)
	case signaling.Challenge:
		register.Proof, err = Prove(m, p.Signer, host, p.Now())
		return err
	}
	return fmt.Errorf("signaling/client: login: a challenge is due, and %s came", signaling.Kind(m))
}

// Prove answers a challenge of the host that was dialed by an edge's key.
func Prove(m signaling.Challenge, by identity.Signer, host string, now time.Time) (*signaling.Proof, error) {
	nonce, err := identity.ParseNonce(m.Nonce)
	if err != nil {
		return nil, err
	}
	issued := now.Truncate(time.Second)
	statement := identity.Login{Role: identity.Edge, Host: host, Nonce: nonce, IssuedAt: issued, ExpiresAt: issued.Add(identity.LoginLife)}
	signature, err := by.Sign(statement.Digest())
	if err != nil {
		return nil, fmt.Errorf("signaling/client: sign a challenge: %w", err)
	}
	return &signaling.Proof{IssuedAt: statement.IssuedAt.Unix(), ExpiresAt: statement.ExpiresAt.Unix(), Signature: signature.String()}, nil
}
