package main

import (
	"context"
	"fmt"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/sys/unix"

	"nearlight/internal/edgesim"
	"nearlight/signaling"
	"nearlight/signaling/token"
)

// playOne has one player ask for a session at each interval from start to end, and leave it once it has its lease.
func (b *signalingBench) playOne(ctx context.Context, i int, start, end time.Time, interval time.Duration) (times []float64, refused int, err error) {
	signed, err := b.issuer.Issue(token.Claims{Role: token.Player, Rights: []token.Right{token.Play}, Expires: time.Now().Add(24 * time.Hour)})
	if err != nil {
		return nil, 0, err
	}
	ws, err := edgesim.Dial(b.url, source(2, i, playersPerAddress), signaling.PlayerPath)
	if err != nil {
		return nil, 0, err
	}
	defer ws.Close()
	for due := start; due.Before(end); due = due.Add(interval) {
		if err := pauseFor(ctx, time.Until(due)); err != nil {
			return nil, 0, err
		}
		matched, err := ask(ws, signed)
		if err != nil {
			return nil, 0, err
		}
		if !matched {
			refused++
			continue
		}
		times = append(times, milliseconds(time.Since(due)))
		if err := tell(ws, signaling.Leave{}); err != nil {
			return nil, 0, err
		}
	}
	return times, refused, nil
}

// ask plays, and reports whether there is a session with a lease.
func ask(ws *websocket.Conn, signed string) (bool, error) {
	if err := tell(ws, signaling.Play{Token: signed, App: "scene", Codecs: []string{"h264"}}); err != nil {
		return false, err
	}
	for {
		_, data, err := ws.ReadMessage()
		if err != nil {
			return false, fmt.Errorf("a player's connection: %w", err)
		}
		m, err := signaling.Parse(signaling.SignalingToPlayer, data)
		if err != nil {
			return false, err
		}
		switch m := m.(type) {
		case signaling.Matched:
			if m.Lease == nil {
				return false, fmt.Errorf("session %s has no lease", m.Session)
			}
			return true, nil
		case signaling.Ended:
			return false, nil
		case signaling.Failed:
			return false, fmt.Errorf("a player is refused: %w", m.Error)
		}
	}
}

func tell(ws *websocket.Conn, m signaling.Message) error {
	data, err := signaling.Encode(signaling.PlayerToSignaling, m)
	if err != nil {
		return err
	}
	return ws.WriteMessage(websocket.TextMessage, data)
}

// pauseFor waits, or returns why ctx has ended.
func pauseFor(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// descriptorLimit is how many file descriptors a process may hold.
func descriptorLimit() (uint64, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("read the limit of file descriptors: %w", err)
	}
	return limit.Cur, nil
}
