package streamer

import (
	"time"

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
