package arena

import (
	"time"

	"nearlight/internal/marker"
	"nearlight/internal/media"
	"nearlight/internal/scene"
	"nearlight/internal/scene/play"
)

// MaxSince bounds the time since a nonce: whoever waits longer sees the last picture.
const MaxSince = time.Hour

// reach is how far pictures see, as a share of the game's.
const reach = 0.6

// NewStudio is a studio for the pictures of one task.
func NewStudio() *scene.Studio {
	s := scene.NewStudio()
	s.BuildLimit, s.Reach = 0, reach // every piece of ground is there when it is seen, so that a picture depends on nothing before it
	return s
}

// Show draws what is typed. Before a task is, it draws the empty land of seed 0.
type Show struct {
	reader   reader
	task     Task
	studio   *scene.Studio
	script   *Script
	nonce    Nonce
	index    uint16 // of the nonce since the task began, 0 for none
	taken    media.Instant
	since    time.Duration // of the last picture
	sequence uint32
	counter  uint16
	pictures int
}

// NewShow makes a show without a task.
func NewShow() *Show {
	s := &Show{studio: NewStudio()}
	s.script = s.task.Script(0)
	return s
}

// Begin starts the clock.
func (s *Show) Begin(_ media.Size, _ time.Duration, now media.Instant) { s.taken = now }

// Take applies an event that came before now.
func (s *Show) Take(e play.Event, now media.Instant) {
	s.sequence = e.Sequence
	if e.Kind != play.KeyDown {
		return
	}
	switch value, task, nonce := s.reader.press(e.Symbol); {
	case task:
		s.task = Task{Seed: uint32(value >> 16), Objects: uint16(value)}
		s.studio = NewStudio()
		s.studio.Gather(s.task.Land(), scene.Vec3{}, Radius)
		s.script, s.nonce, s.index, s.taken = s.task.Script(0), 0, 0, now
	case nonce:
		s.nonce = Nonce(value)
		s.script, s.taken = s.task.Script(s.nonce), now
		s.index++
	}
}

// SetPeriod changes the time that there is for a picture, which a challenge's pictures do not depend on.
func (*Show) SetPeriod(time.Duration) {}

// Input is the sequence of the last input that was taken: what the next picture answers.
func (s *Show) Input() uint32 { return s.sequence }

// Still is false: the eye never rests.
func (*Show) Still() bool { return false }

// Picture makes the picture of an instant, which is valid until the next one.
func (s *Show) Picture(size media.Size, now media.Instant) *scene.Picture {
	s.since = max(now.Sub(s.taken), 0).Truncate(time.Microsecond)
	return s.studio.ComposeTableau(s.script.At(s.since), size)
}

// Mark puts marker and claim into a picture: at is the instant just before it is drawn.
func (s *Show) Mark(picture *scene.Picture, at media.Instant) {
	s.counter++
	Said{
		Marker: marker.New(at, s.sequence, s.counter),
		Claim:  Claim{Nonce: s.nonce, Index: s.index, Since: s.since},
	}.mark(picture)
}

// Shown tells that the last picture was shown.
func (s *Show) Shown(time.Duration) { s.pictures++ }

// Pictures is how many were shown.
func (s *Show) Pictures() int { return s.pictures }

// Reach is how far pictures see, as a share of the game's.
func (*Show) Reach() float64 { return reach }
