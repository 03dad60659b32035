package eye

import (
	"math/rand/v2"
	"time"

	"nearlight/checker/latency"
	"nearlight/checker/quality"
	"nearlight/internal/marker"
	"nearlight/internal/media"
	"nearlight/streamer/viewer"
)

// lookEvery is how often, on average, a picture is looked into, which takes some milliseconds. When, nobody knows before.
const lookEvery = 500 * time.Millisecond

// quantiserSteps is how finely quantisers are counted: as finely as any codec numbers them.
const quantiserSteps = 255

// gaze is what pictures look like. It belongs to whoever hands it pictures.
type gaze struct {
	random     *rand.Rand
	leaveOut   media.Size
	motion     quality.Motion
	detail     *quality.Detail
	quantisers quality.Quantisers
	next       media.Instant // picture to be looked into
	decodable  media.Instant // when the last picture was
	own        latency.Spread

	pictures, still    uint64
	quantised          uint64
	quantiserCounts    [quantiserSteps + 1]uint64
	looked             uint64
	blockiness         float64 // sum
	sharpness, blurred uint64  // pictures of which it is known, and those that look upscaled
}

func newGaze(random *rand.Rand, leaveOut media.Size) *gaze {
	return &gaze{random: random, leaveOut: leaveOut, motion: quality.Motion{LeaveOut: leaveOut}, detail: quality.NewDetail(leaveOut)}
}

// take looks at a picture. The error wraps media.ErrFrame.
func (g *gaze) take(f *viewer.Frame) (latency.Frame, error) {
	seen := latency.Frame{FirstPacket: f.FirstPacket, Decoded: f.Decoded, Size: f.Picture.Visible, Bytes: f.Bytes}
	change, err := g.motion.Watch(f.Picture)
	if err != nil {
		return seen, err
	}
	seen.Content = change.Content
	if stamp, err := marker.Decode(f.Picture.Y, f.Picture.Visible); err == nil {
		seen.Stamp, seen.Marked = stamp, true
	}
	g.pictures++
	if change.Still() {
		g.still++
	}
	if q, err := g.quantisers.Read(f.Codec, f.Coded); err == nil && q.Coarsest > 0 {
		g.quantised++
		g.quantiserCounts[int(min(max(q.Index/q.Coarsest, 0), 1)*quantiserSteps+0.5)]++
	}
	g.decodable = max(g.decodable, f.LastPacket)
	g.own.Observe(g.work(f))
	if f.Decoded < g.next {
		return seen, nil
	}
	g.next = f.Decoded.Add(lookEvery/2 + time.Duration(g.random.Int64N(int64(lookEvery))))
	return seen, g.lookInto(f.Picture)
}

// work is what this machine has taken for the picture, once there was all that it needs.
func (g *gaze) work(f *viewer.Frame) time.Duration { return f.Decoded.Sub(g.decodable) }

func (g *gaze) lookInto(picture *media.Frame) error {
	sharpness, err := g.detail.Look(picture)
	if err != nil {
		return err
	}
	blockiness, err := quality.Blockiness(picture, g.leaveOut)
	if err != nil {
		return err
	}
	g.looked++
	g.blockiness += blockiness
	if sharpness.Known() {
		g.sharpness++
		if sharpness.Upscaled() {
			g.blurred++
		}
	}
	return nil
}

func (g *gaze) sum() Quality {
	return Quality{
		Pictures: g.pictures, Still: share(float64(g.still), g.pictures),
		Quantiser: g.medianQuantiser(), Quantised: g.quantised,
		Looked: g.looked, Blockiness: share(g.blockiness, g.looked),
		Upscaled: share(float64(g.blurred), g.sharpness), Known: g.sharpness,
	}
}

func (g *gaze) medianQuantiser() float64 {
	rest := (g.quantised + 1) / 2
	for step, count := range g.quantiserCounts {
		if count >= rest && rest > 0 {
			return float64(step) / quantiserSteps
		}
		rest -= count
	}
	return 0
}

// share is a part of a whole, 0 of nothing.
func share(part float64, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return part / float64(whole)
}
