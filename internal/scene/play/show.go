package play

import (
	"time"

	"nearlight/internal/marker"
	"nearlight/internal/media"
	"nearlight/internal/scene"
)

const (
	// maxCatchUp bounds the time that one picture steps the game by: after a longer stall the game goes on where it was.
	maxCatchUp = 100 * time.Millisecond
	// The first ground is built for this size: which pieces are seen depends on the shape alone, and little.
	firstWidth, firstHeight = 1280, 720
)

// DefaultRest is how long nobody may touch a key before the picture stands still and costs nothing.
const DefaultRest = 2 * time.Minute

// Config says what is played.
type Config struct {
	Seed    uint64        // of land and trail
	Measure bool          // mark every picture, and never rest
	Rest    time.Duration // 0 for DefaultRest
}

// Show is one run of the game.
//
//	playing --pause key or long idle--> paused --any key or button--> playing
type Show struct {
	config  Config
	game    *scene.Game
	studio  *scene.Studio
	pilot   *pilot
	quality quality

	stepped  media.Instant // how far the game has come
	touched  media.Instant // the last input
	paused   bool
	stale    bool // what was shown last must be drawn again
	counter  uint16
	pictures int
}

// New builds the game and the ground of its first picture, which takes tens of milliseconds.
func New(config Config) *Show {
	if config.Rest <= 0 {
		config.Rest = DefaultRest
	}
	s := &Show{config: config, game: scene.New(config.Seed), studio: scene.NewStudio()}
	view := s.game.At(0, scene.Controls{}, scene.Pointer{})
	s.studio.Prepare(&view, media.Size{Width: firstWidth, Height: firstHeight})
	return s
}

// Begin starts the game's clock. Pictures are to be made within a share of period.
func (s *Show) Begin(size media.Size, period time.Duration, now media.Instant) {
	s.pilot, s.quality = newPilot(size), newQuality(period)
	s.stepped, s.touched, s.stale = now, now, true
}

// SetPeriod changes the time that there is for a picture.
func (s *Show) SetPeriod(period time.Duration) { s.quality.budget = period }

// Take applies an event that came before now: the next Picture shows what it did.
func (s *Show) Take(e Event, now media.Instant) {
	begun := s.pilot.apply(e)
	switch e.Kind {
	case KeyDown, KeyUp, ButtonDown, ButtonUp, Motion:
		s.touch(e, begun, now)
	case Resized, Exposed:
		s.stale = true
	case Shown:
		s.stale = true
		s.stepped = max(s.stepped, now.Add(-maxCatchUp))
	}
}

// touch is any input: it ends a pause, and begins or restarts a round.
func (s *Show) touch(e Event, begun action, now media.Instant) {
	s.touched = now
	s.stale = true // so that even a paused picture answers
	pressed := e.Kind == KeyDown || e.Kind == ButtonDown
	switch {
	case s.paused:
		if pressed {
			s.paused = false
			s.stepped = now
		}
	case begun&pause != 0:
		s.paused = true
	}
	switch {
	case begun&restart != 0, begun&(boost|confirm) != 0 && s.game.MayRestart():
		s.game.Restart()
	case s.pilot.used || begun&confirm != 0:
		s.game.Start()
	}
}

// Still reports that the next picture would be the last one again.
func (s *Show) Still() bool { return s.paused && !s.stale }

// Input is the sequence of the last input that was taken: what the next picture answers.
func (s *Show) Input() uint32 { return s.pilot.sequence }

// Picture steps the game up to now and makes its picture, which is valid until the next one.
func (s *Show) Picture(size media.Size, now media.Instant) *scene.Picture {
	if !s.config.Measure && !s.paused && now.Sub(s.touched) > s.config.Rest {
		s.paused = true
	}
	controls := s.pilot.controls()
	if !s.paused {
		s.step(now, controls)
	}
	since := min(now.Sub(s.stepped), scene.Tick)
	if s.paused {
		since = 0
	}
	view := s.game.At(since, controls, s.pilot.pointer())
	view.Paused = s.paused
	return s.studio.Compose(&view, size)
}

// Mark puts a marker into a picture where pictures are measured: at is the instant just before it is drawn.
func (s *Show) Mark(picture *scene.Picture, at media.Instant) {
	if s.config.Measure {
		s.counter++
		picture.Mark(marker.New(at, s.pilot.sequence, s.counter))
	}
}

// Shown tells that the last picture was shown, and how long it took from Picture on.
func (s *Show) Shown(took time.Duration) {
	s.stale = false
	s.pilot.drawn()
	if s.pictures++; s.pictures > 1 { // the first one compiles the driver's code
		s.studio.Reach = s.quality.observe(took)
	}
}

// Pictures is how many were shown.
func (s *Show) Pictures() int { return s.pictures }

// Reach is how far pictures see now, as a share.
func (s *Show) Reach() float64 { return s.quality.reach }

// step moves the game in whole ticks.
func (s *Show) step(now media.Instant, controls scene.Controls) {
	if behind := now.Sub(s.stepped); behind > maxCatchUp {
		s.stepped = now.Add(-maxCatchUp)
	}
	for now.Sub(s.stepped) >= scene.Tick {
		s.game.Step(controls)
		s.stepped = s.stepped.Add(scene.Tick)
	}
}
