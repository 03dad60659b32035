package audio

import (
	"context"
	"errors"
	"time"

	"nearlight/edge/audio/pulse"
	"nearlight/internal/media"
)

// clientName is how a sound server knows the edge.
const clientName = "nearlight"

// Listener takes what is captured. Its methods are called from the goroutine that calls Capture.
type Listener interface {
	// Captured takes samples, which are valid inside the call. captured is when the first of them was played.
	Captured(samples []int16, captured media.Instant)
	// Audible tells whether there is sound to capture: nil when there is from now on, else why there is none.
	Audible(error)
}

// Capture hands on what the session plays until ctx ends. Where the server is gone or sends nothing, it waits for another.
func (s *Server) Capture(ctx context.Context, to Listener) error {
	pause := backOff{}
	for {
		if err := s.Up(ctx); err != nil {
			return err
		}
		began := time.Now()
		err := s.record(ctx, to)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		to.Audible(err)
		if errors.Is(err, pulse.ErrStalled) || errors.Is(err, pulse.ErrProtocol) {
			s.restart()
		}
		wait := pause.after(time.Since(began))
		s.log.Debug("there is no sound for a while", "reason", err, "again_in", wait)
		sleep(ctx, wait)
	}
}

// record captures until it fails.
func (s *Server) record(ctx context.Context, to Listener) error {
	recording, err := pulse.Record(ctx, s.socket(), pulse.Config{Source: monitor, Rate: SampleRate, Fragment: FragmentTime, Client: clientName})
	if err != nil {
		return err
	}
	defer recording.Close()
	const most = 4 * Channels * SampleRate * int(FragmentTime/time.Microsecond) / 1e6
	var samples [most]int16
	for first := true; ; first = false {
		octets, err := recording.Next()
		if err != nil {
			return err
		}
		if first {
			to.Audible(nil)
		}
		for now := media.Now(); len(octets) > 0; {
			n := pulse.Samples(samples[:], octets)
			octets = octets[2*n:]
			left := time.Duration(len(octets)/2+n) * time.Second / (Channels * SampleRate)
			to.Captured(samples[:n], now.Add(-left))
		}
	}
}
