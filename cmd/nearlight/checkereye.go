package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"time"

	"nearlight/checker/challenge/redraw"
	"nearlight/checker/duty"
	"nearlight/checker/exam"
	"nearlight/checker/eye"
	"nearlight/internal/media"
	"nearlight/internal/scene/arena"
	"nearlight/signaling/client"
)

// checkerGarbage is the heap's growth in percent at which a checker's garbage is collected, where it has a process of its own: its heap is some 30 MB, and collecting less often
// leaves more of its core.
const checkerGarbage = 400

// visitor looks at edges for a checker.
type visitor struct {
	signaling client.Config
	logger    *slog.Logger
}

// see visits an edge as a player would, and returns what eye.Look does. app is played where there is no challenge.
func (v visitor) see(ctx context.Context, visit duty.Visit, app string) (eye.Sight, error) {
	limits := exam.Limits(visit.Task)
	what := eye.Visit{Signaling: v.signaling, Token: visit.Token, App: app, Edge: visit.Task.Edge, Challenge: visit.Challenge, Limits: &limits, Ready: visit.Ready, Painter: openPainter, Log: v.logger}
	if visit.Challenge != nil {
		what.App = challengeApp
	} else if plan := visit.Task.Plan; plan != nil {
		what.Size, what.FrameRate = media.Size{Width: plan.Width, Height: plan.Height}, float64(plan.FrameRate)
		what.Length = time.Duration(plan.Length) * time.Millisecond
	}
	return eye.Look(ctx, what)
}

// found is what a visit in which the edge served has come to.
func found(s eye.Sight) exam.Found {
	f := exam.Found{Served: true, RoundTrip: s.RoundTrip, Asked: s.Asked, Latency: s.Latency, Upscaled: s.Quality.Upscaled, Challenge: s.Challenge}
	if s.Challenge != nil {
		f.From, f.Until = onClock(s.Typed), onClock(s.Until)
	}
	return f
}

// onClock is an instant of the past by this machine's clock.
func onClock(i media.Instant) time.Time { return time.Now().Add(i.Sub(media.Now())) }

// look visits an edge for a task.
func (v visitor) look(ctx context.Context, visit duty.Visit) (exam.Found, netip.Addr, error) {
	sight, err := v.see(ctx, visit, visit.App)
	switch {
	case errors.Is(err, eye.ErrTaken):
		return exam.Found{}, netip.Addr{}, fmt.Errorf("%w: %w", duty.ErrBusy, err)
	case errors.Is(err, eye.ErrUnserved):
		v.logger.Info("an edge did not serve", "edge", visit.Task.Edge, "reason", err)
		from := sight.Address
		if !from.IsValid() { // it came to no connection
			from, err = v.own()
			return exam.Found{}, from, err
		}
		return exam.Found{}, from, nil
	case err != nil:
		return exam.Found{}, netip.Addr{}, err
	case sight.Dropped > 0:
		return exam.Found{}, netip.Addr{}, tooSlow(sight)
	case sight.Edge != visit.Task.Edge:
		return exam.Found{}, netip.Addr{}, fmt.Errorf("it was edge %v that was seen", sight.Edge)
	}
	return found(sight), sight.Address, nil
}

func tooSlow(s eye.Sight) error {
	return fmt.Errorf("this machine was too slow for the stream: %d packets found no room", s.Dropped)
}

func openPainter(task arena.Task, size media.Size) (eye.Painter, error) {
	painter, err := redraw.Open(task, size)
	if err != nil {
		return nil, err
	}
	return painter, nil
}

// own is this machine's address on the way to signaling. Nothing is sent.
func (v visitor) own() (netip.Addr, error) {
	at, err := url.Parse(v.signaling.URL)
	if err != nil {
		return netip.Addr{}, err
	}
	port := at.Port()
	if port == "" {
		port = "443"
	}
	conn, err := net.Dial("udp", net.JoinHostPort(at.Hostname(), port))
	if err != nil {
		return netip.Addr{}, err
	}
	local := conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
	return local, conn.Close()
}
