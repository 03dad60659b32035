package streamer

import (
	"time"

	"nearlight/streamer/congestion"
	"nearlight/streamer/control"
)

// Link says what is made of the way to the player, for its page.
func (p *Peer) Link() control.LinkFigures {
	f := p.rate.figures()
	return control.LinkFigures{
		State: f.State.String(), Cause: f.Cause.String(), TargetBPS: int64(f.Target), CapacityBPS: int64(f.Capacity),
		QueueMS: float64(f.Queue.Round(time.Microsecond)) / float64(time.Millisecond), Loss: f.Loss,
	}
}

// Behind is how long the way to the player still needs for what was sent, what TCP has not taken of it among it: expected by the estimate of its rate,
// which is a guess until frames have filled it, and seen by the newest report.
func (p *Peer) Behind() (expected, seen time.Duration) {
	f := p.rate.figures()
	expected, seen = f.Backlog, f.Queue
	if f.State == congestion.Starved {
		seen = expected // nothing is reported, which says enough
	}
	if here := p.outbound.flow.Unsent(); here > 0 && f.Target > 0 {
		wait := time.Duration(float64(here*8) / float64(f.Target) * float64(time.Second))
		expected, seen = expected+wait, seen+wait
	}
	return expected, seen
}
