package latency

import (
	"time"

	"nearlight/internal/media"
)

// Report is what a Meter has found. What was not seen is 0: Frames and each distribution's N say whether it was.
type Report struct {
	Frames    uint64        // presented
	FirstTime time.Duration // from Config.Began to the first frame
	Watched   time.Duration // from the first frame to the last

	// ClickToPhoton is from the sending of an input to the first frame whose marker answers it, on the checker's clock alone. An answer also
	// counts for inputs before it that have none yet.
	ClickToPhoton Percentiles
	// Unanswered are inputs for which no answer came within Config.Patience, or before so many others were sent that it is forgotten. Waiting are those
	// that may still get one.
	Unanswered, Waiting uint64
	// Impossible are frames whose marker answers an input that was never sent, or that was sent after the frame was under way: the edge guesses.
	// They answer nothing.
	Impossible uint64
	// Disordered are inputs that were not measured, as their sequence was not above the one before.
	Disordered uint64

	// GlassToGlass is from the instant in the marker to the frame's presentation, by the edge's clock: advice. GlassError is by how much each of its figures
	// may be off, if the edge is honest: half the round trip of the exchange that its clock was read by, and what clocks part by since.
	GlassToGlass Percentiles
	GlassError   time.Duration
	// Ahead are frames whose marker shows an instant yet to come, by more than the error. They are not in GlassToGlass.
	Ahead uint64

	// FrameRate is frames a second; FreshRate leaves those out that showed nothing new. Kept is FreshRate as a share of what was promised, at most 1.
	FrameRate, FreshRate, Kept float64
	// Missed is how many deadlines passed without a fresh frame, MissedRatio as a share of all deadlines.
	Missed      uint64
	MissedRatio float64
	// FrameTime is the time between two frames, Jitter its standard deviation, HarmonicRate the sum of the frame times over the sum of their squares.
	FrameTime    Percentiles
	Jitter       time.Duration
	HarmonicRate float64
	// Freezes, Frozen, Pauses and Paused are freezeCount, totalFreezesDuration, pauseCount and totalPausesDuration of webrtc-stats.
	Freezes, Pauses uint64
	Frozen, Paused  time.Duration

	// Repeated frames show the picture of the one before, Backwards an older one. Unshown are pictures that were drawn and never came, by their counter.
	Repeated, Backwards, Unshown uint64

	Bitrate   media.Bitrate // of the frames after the first
	Lost      uint64        // packets
	LossRatio float64       // of all packets

	Size, SmallestSize, LargestSize media.Size // the last frame's, and the extremes by area
	SizeChanges                     uint64
	SmallerRatio                    float64 // share of the time with a picture below the promised size, in either direction

	SoundGaps     uint64        // times that something was missing
	SoundMissing  time.Duration // for how long in all
	SoundGapRatio float64       // share of all that should have been heard
}

// Report sums up what was told so far. The meter may go on.
func (m *Meter) Report() Report {
	r := Report{
		ClickToPhoton: m.inputs.times.Percentiles(), Unanswered: m.inputs.unanswered, Waiting: m.inputs.count - m.inputs.oldest,
		Impossible: m.inputs.impossible, Disordered: m.inputs.disordered,
		GlassToGlass: m.glass.Percentiles(), GlassError: m.clock.worst, Ahead: m.ahead,
		FrameTime: m.cadence.times.Percentiles(), Jitter: m.cadence.jitter(), HarmonicRate: m.cadence.harmonic(),
		Freezes: m.cadence.freezes, Frozen: m.cadence.frozen, Pauses: m.cadence.pauses, Paused: m.cadence.pausedLength,
		Frames: m.frames, Missed: m.pictures.missed,
		Repeated: m.pictures.repeated, Backwards: m.pictures.backwards, Unshown: m.pictures.unshown,
		Lost: m.lost, LossRatio: share(float64(m.lost), float64(m.lost+m.received)),
		Size: m.last.Size, SmallestSize: m.sizes.least, LargestSize: m.sizes.most, SizeChanges: m.sizes.changes,
		SoundGaps: m.sound.gaps, SoundMissing: m.sound.silent,
		SoundGapRatio: share(m.sound.silent.Seconds(), (m.sound.silent + m.sound.heard).Seconds()),
	}
	if !m.began {
		return r
	}
	r.FirstTime = max(m.first.Decoded.Sub(m.config.Began), 0)
	r.Watched = m.last.Decoded.Sub(m.first.Decoded)
	seconds := r.Watched.Seconds()
	r.FrameRate = share(float64(m.frames-1), seconds)
	r.FreshRate = share(float64(m.pictures.count-1), seconds)
	r.Kept = min(share(r.FreshRate, m.config.FrameRate), 1)
	r.MissedRatio = share(float64(r.Missed), float64(r.Missed+m.pictures.count-1))
	r.Bitrate = media.Bitrate(share(8*float64(m.bytes), seconds))
	r.SmallerRatio = share(m.sizes.smaller.Seconds(), seconds)
	return r
}

// share is a part of a whole, 0 of nothing.
func share(part, whole float64) float64 {
	if whole <= 0 {
		return 0
	}
	return part / whole
}
