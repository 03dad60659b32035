package edge

import (
	"context"
	"log/slog"

	"nearlight/edge/audio"
	"nearlight/edge/microphone"
	"nearlight/internal/media"
	"nearlight/streamer"
)

// voice is what a player says into a session, over as many connections as it takes. Only a player whose token has the right has one.
type voice struct{ playout *microphone.Playout }

var (
	_ audio.Voice = (*voice)(nil)
	_ audio.Voice = silence{}
)

// newVoice is nil where the player may not speak, or nothing here could decode it.
func newVoice(allowed bool, logger *slog.Logger) *voice {
	if !allowed {
		return nil
	}
	playout, err := microphone.New()
	if err != nil {
		logger.Warn("the player is not heard by the app", "reason", err)
		return nil
	}
	return &voice{playout}
}

// close ends it; nil may be closed.
func (v *voice) close() {
	if v != nil {
		v.playout.Close()
	}
}

// taker is what a connection gives the player's packets to; nil where the player may not speak.
func (v *voice) taker() func(streamer.MicrophonePacket) {
	if v == nil {
		return nil
	}
	return func(p streamer.MicrophonePacket) { v.playout.Push(microphone.Packet(p)) }
}

// counts are 0 for nobody.
func (v *voice) counts() microphone.Counts {
	if v == nil {
		return microphone.Counts{}
	}
	return v.playout.Counts()
}

// Pull implements audio.Voice.
func (v *voice) Pull(samples []int16, until media.Instant) bool {
	return v.playout.Pull(samples, until)
}

// silence is the voice of a player who may not speak: apps that record get silence, and do not wait for ever.
type silence struct{}

// Pull implements audio.Voice.
func (silence) Pull(samples []int16, _ media.Instant) bool {
	clear(samples)
	return false
}

// speak gives the session's apps what they record until ctx ends, which is the only error.
func (s *session) speak(ctx context.Context, server *audio.Server) error {
	if s.voice == nil {
		return server.Speak(ctx, silence{})
	}
	return server.Speak(ctx, s.voice)
}

// countVoice adds to the node's figures what has happened to the player's voice since before.
func (m *metrics) countVoice(before, now microphone.Counts) {
	for event, added := range map[string]uint64{
		"packet": now.Packets - before.Packets, "refused": now.Refused - before.Refused, "late": now.Late - before.Late, "lost": now.Lost - before.Lost,
		"recovered": now.Recovered - before.Recovered, "made_up": now.MadeUp - before.MadeUp, "hurried": now.Hurried - before.Hurried,
		"skipped": now.Skipped - before.Skipped, "restarted": now.Restarts - before.Restarts,
	} {
		if added > 0 {
			m.voice.WithLabelValues(event).Add(float64(added))
		}
	}
}
