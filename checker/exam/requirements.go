package exam

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"nearlight/checker/challenge"
	"nearlight/checker/epoch"
	"nearlight/checker/life"
	"nearlight/internal/identity"
	"nearlight/internal/media"
)

// Requirements are what a network asks of each of its edges.
type Requirements struct {
	Size      media.Size
	FrameRate int
	Objects   uint16        // in each picture of a challenge: its cost
	Length    time.Duration // of a challenge, and of a visit without one
	Every     time.Duration // between two nonces
	Limits    challenge.Limits
	// Alone is how long an edge is challenged by itself before it is together with others, and Shared the largest share of the frames that it may meet fewer then.
	Alone  time.Duration
	Shared float64

	FirstFrame time.Duration // from asking to play, less a round trip
	Kept       float64       // the least share of the frame rate
	Frozen     float64       // the largest share of the time that is frozen
	Upscaled   float64       // the largest share of pictures that look drawn smaller
}

// OnGPU is for edges that draw and encode on a GPU.
var OnGPU = Requirements{
	Size: media.Size{Width: 1280, Height: 720}, FrameRate: 60, Objects: 48, Length: 10 * time.Second, Every: 500 * time.Millisecond, Limits: challenge.DefaultLimits,
	Alone: 4 * time.Second, Shared: challenge.DefaultLimits.Missed,
	FirstFrame: 5 * time.Second, Kept: 0.95, Frozen: 0.01, Upscaled: 0.5,
}

// OnProcessor is for edges that draw and encode on their processor, beside whatever else it does: they are asked whether they draw what they are asked, and
// hardly how fast.
var OnProcessor = Requirements{
	Size: media.Size{Width: 640, Height: 360}, FrameRate: 30, Objects: 24, Length: 6 * time.Second, Every: 500 * time.Millisecond, Limits: slow(challenge.DefaultLimits),
	Alone: 4 * time.Second, Shared: 0.2,
	FirstFrame: 15 * time.Second, Kept: 0.3, Frozen: 0.5, Upscaled: 0.5,
}

func slow(l challenge.Limits) challenge.Limits {
	l.Overhead, l.Late = 250*time.Millisecond, 500*time.Millisecond
	l.Missed, l.Repeated = 0.7, 0.1
	return l
}

// Questions that no challenge has.
const (
	Served     = "served"                 // a slot was there, and a picture came
	FirstFrame = "first frame"            // ms, less a round trip
	Kept       = "frame rate"             // the share of the promised one that came
	Frozen     = "frozen time"            // share
	Upscaled   = "pictures drawn smaller" // share
)

// Unit is the unit of a question's figure, "" for shares and what has none.
func Unit(question string) string {
	switch question {
	case FirstFrame, challenge.Delay:
		return "ms"
	case challenge.Tiles:
		return "dB"
	}
	return ""
}

// tolerance is by how much a checker may be off the others' median before it disagrees: two honest ones are on other networks, at other moments, and
// see other nonces.
func tolerance(question string) float64 {
	switch question {
	case FirstFrame:
		return 5000
	case challenge.Delay:
		return 60
	case challenge.Tiles:
		return 4
	case challenge.Detail:
		return 0.15
	case challenge.Early, challenge.Wrong, challenge.Repeated:
		return 0.1
	}
	return 0.3
}

// Instants are the times of a task.
type Instants struct{ At, CommitBy, RevealBy epoch.Millis }

// Round is the beacon's that a task is drawn by, and when it comes.
type Round struct {
	Number uint64
	At     epoch.Millis
}

// ErrCheck reports a check that no committee carries out.
var ErrCheck = errors.New("exam: no committee carries out this check")

// Task sets a check of an edge. The error wraps ErrCheck.
func (r Requirements) Task(check life.Check, edge identity.Address, coming Round, when Instants) (epoch.Task, error) {
	task := builder{epoch.Task{
		Edge: edge, Check: string(check), Round: coming.Number, At: when.At, DrawnAt: coming.At, CommitBy: when.CommitBy, RevealBy: when.RevealBy,
		Seed:      seed(check, edge, coming.Number, when.At),
		Plan:      &epoch.Plan{Width: r.Size.Width, Height: r.Size.Height, FrameRate: r.FrameRate, Length: millis(r.Length), Every: millis(r.Every), Late: millis(r.Limits.Late)},
		Questions: []epoch.Question{{Name: Served, Kind: "yes-or-no"}},
	}}
	switch check {
	case life.Enrolment, life.Capacity:
		task.Plan.Objects = r.Objects
		for _, f := range plan(task.Task).Required(r.Limits) {
			task.ask(f.Name, f.Limit, f.Least)
		}
	case life.Experience:
		task.ask(FirstFrame, float64(r.FirstFrame.Milliseconds()), false)
		task.ask(Kept, r.Kept, true)
		task.ask(Frozen, r.Frozen, false)
		task.ask(Upscaled, r.Upscaled, false)
	default:
		return epoch.Task{}, fmt.Errorf("%w: %.64q", ErrCheck, check)
	}
	return task.Task, nil
}

type builder struct{ epoch.Task }

// ask adds a question about a figure.
func (b *builder) ask(name string, limit float64, least bool) {
	limit = round(limit)
	q := epoch.Question{Name: name, Kind: "measured", Tolerance: tolerance(name), AtMost: &limit}
	if least {
		q.AtLeast, q.AtMost = &limit, nil
	} else {
		q.Tolerance = max(q.Tolerance, limit) // an edge that may be slow may be so by fits and starts
	}
	b.Questions = append(b.Questions, q)
}

// domain keeps these seeds apart from others of the same beacon.
const domain = "nearlight checker exam 1\x00"

// seed is what the task's land comes from: nobody knows it before the beacon's round.
func seed(check life.Check, edge identity.Address, round uint64, at epoch.Millis) (s epoch.Hash) {
	hash := sha256.New()
	hash.Write([]byte(domain))
	hash.Write(binary.BigEndian.AppendUint64(nil, round))
	hash.Write(edge[:])
	hash.Write(binary.BigEndian.AppendUint64(nil, uint64(at)))
	hash.Write([]byte(check))
	hash.Sum(s[:0])
	return s
}

func millis(d time.Duration) epoch.Millis { return epoch.Millis(d.Milliseconds()) }
