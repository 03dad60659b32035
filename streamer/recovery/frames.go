package recovery

import "time"

// rememberedFrames is how far back frames are known, as far as packets are kept for repeats. A power of two.
const rememberedFrames = 256

// Frames knows which of the frames that were sent the player still needs. The zero value is ready; frames are numbered from 1 up. Its
// owner guards it.
type Frames struct {
	newest   int64
	shown    int64 // the newest one that the player has acknowledged
	keyframe int64 // the newest one: nothing before it is needed
	skipped  [rememberedFrames]int64
}

// Sent tells of a frame that is being sent, and how many right before it it does without.
func (f *Frames) Sent(number int64, keyframe bool, skips int) {
	f.newest = number
	if keyframe {
		f.keyframe = number
		return
	}
	for back := range int64(min(skips, rememberedFrames)) {
		f.skipped[(number-1-back)&(rememberedFrames-1)] = number - 1 - back
	}
}

// Shown tells that the player has shown a frame.
func (f *Frames) Shown(number int64) {
	if number <= f.newest {
		f.shown = max(f.shown, number)
	}
}

// Newest is the number of the newest frame, 0 for none.
func (f *Frames) Newest() int64 { return f.newest }

// Needed reports whether the player waits for a frame, or will.
func (f *Frames) Needed(number int64) bool {
	return number > f.shown && number >= f.keyframe && number > f.newest-rememberedFrames &&
		(number <= 0 || f.skipped[number&(rememberedFrames-1)] != number)
}

// The tail of a stream that pauses. Players ask for what is missing before a packet that came; behind the last one none comes.
const (
	// tailMargin is how much longer than the round trip an acknowledgement may take: a browser tells of a frame with one of its next
	// two.
	tailMargin = 35 * time.Millisecond
	// tailProbes bounds how often the last packet is sent again for one frame: a page that is hidden acknowledges nothing.
	tailProbes = 2
)

// Tail is how long after a frame's last packet that packet is sent again, when the frame is the newest, the player has not shown it and
// so many were sent again before. It either mends the frame, or makes the player ask for the rest. False means not at all.
func (f *Frames) Tail(probes int, roundTrip time.Duration) (time.Duration, bool) {
	if f.newest == 0 || f.shown == 0 || f.shown >= f.newest || probes >= tailProbes {
		return 0, false
	}
	return (roundTrip + tailMargin) << probes, true
}
