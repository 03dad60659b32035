package challenge

import (
	"errors"
	"fmt"
	"math"
	"time"

	"nearlight/internal/media"
	"nearlight/internal/scene/arena"
)

// ErrPlan reports a plan that cannot be carried out or judged.
var ErrPlan = errors.New("challenge: not a plan")

// Plan is one challenge.
type Plan struct {
	Task      arena.Task
	Size      media.Size
	FrameRate int
	Length    time.Duration
	Every     time.Duration // between two nonces
	// Share of the pictures that are sampled, 0 to 1, besides the first two of each nonce.
	Share float64
}

// Bounds of a plan. What is kept of a challenge is bounded by them: at most the samples' luma, and some 100 octets a picture.
const (
	mostLength    = 10 * time.Minute
	leastEvery    = 100 * time.Millisecond // an edge may hold a key for half of it, and takes 400 presses a second
	mostFrameRate = 240
	spare         = 2 // times as many pictures as there should be are taken, and no more
)

// Check returns an error that wraps ErrPlan or media.ErrSize.
func (p Plan) Check() error {
	if err := p.Size.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrPlan, err)
	}
	switch {
	case !arena.Blocks.Fits(p.Size) || p.Size.Width < 2*tile || p.Size.Height < arena.Blocks.Height+2*tile:
		return fmt.Errorf("%w: %v has no room beside the blocks", ErrPlan, p.Size)
	case p.FrameRate < 1 || p.FrameRate > mostFrameRate:
		return fmt.Errorf("%w: %d frames a second", ErrPlan, p.FrameRate)
	case p.Every < leastEvery || p.Length < p.Every || p.Length > mostLength:
		return fmt.Errorf("%w: a nonce each %v for %v", ErrPlan, p.Every, p.Length)
	case !(p.Share >= 0 && p.Share <= 1):
		return fmt.Errorf("%w: %v of the pictures sampled", ErrPlan, p.Share)
	}
	return nil
}

// frames is how many pictures there should be.
func (p Plan) frames() int { return int(p.Length.Seconds() * float64(p.FrameRate)) }

// frame is the time between two pictures.
func (p Plan) frame() time.Duration { return time.Second / time.Duration(p.FrameRate) }

// Wait is how much later than by the grid of Every a nonce is typed: at most a frame. Pictures are due on a grid of their own, of which Every is
// often a multiple, so that nonces on a grid would all wait as long for the next picture, and nobody would know how long. These waits are spread over a frame as
// evenly as can be, whatever it begins with (Kronecker's sequence of the golden ratio), so that their mean is half a frame, hardly left to chance.
func (p Plan) Wait(number int, begins float64) time.Duration {
	_, part := math.Modf(begins + float64(number)*(math.Phi-1))
	return time.Duration(part * float64(p.frame()))
}

// Limits are what an edge has to keep. The decibels and the detail come from what encoders and other renderers leave (loss_test.go).
type Limits struct {
	// Alarm is the share of challenges of a barely honest edge in which one finding may be wrong.
	Alarm float64
	// Same is the least PSNR of a picture and the checker's own drawing of it, in dB.
	Same float64
	// Fresh is by how many dB a picture is nearer to what it says it shows than to the instants a frame before and after.
	Fresh float64
	// Tiles is the least PSNR in the worst of twenty tiles, on average over samples that an encoder has had some frames for.
	Tiles float64
	// Detail is how much of the finest detail is left, 1 being all, on the same average.
	Detail float64
	// Repeat is the PSNR of two pictures in a row from which on they are the same.
	Repeat float64
	// Overhead is what an honest edge takes from input to packet, beyond the wait for its next picture.
	Overhead time.Duration
	// Late is by how much more than its quickest picture of a nonce another one may take, and a round trip; it is missed beyond.
	Late time.Duration
	// Shares of an honest edge's nonces, frames and pictures that fare badly on the way.
	Unanswered, Missed, Wrong, Repeated float64
}

// DefaultLimits are for an edge with a GPU and a stream of about 0.15 bits a pixel and more.
var DefaultLimits = Limits{
	Alarm: 1e-4,
	Same:  19.5, Fresh: 0.5, Tiles: 20, Detail: 0.34, Repeat: 34,
	Overhead: 12 * time.Millisecond, Late: 60 * time.Millisecond,
	Unanswered: 0.02, Missed: 0.015, Wrong: 0.01, Repeated: 0.005,
}
