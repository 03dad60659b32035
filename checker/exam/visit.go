package exam

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"time"

	"nearlight/checker/challenge"
	"nearlight/checker/epoch"
	"nearlight/checker/latency"
	"nearlight/checker/vrf"
	"nearlight/internal/media"
	"nearlight/internal/scene/arena"
)

// sampled is the share of a challenge's pictures that are drawn again.
const sampled = 1.0 / 7

// Challenge is what the task's edge is to draw, or nil where it is only to be watched. The error wraps challenge.ErrPlan: the task is one that cannot be
// carried out.
func Challenge(task epoch.Task) (*challenge.Plan, error) {
	if task.Plan == nil || task.Plan.Objects == 0 {
		return nil, nil
	}
	return checked(plan(task))
}

func checked(p challenge.Plan) (*challenge.Plan, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	return &p, nil
}

// Limits are by which a challenge's pictures are told right from wrong, and in time from late. What is required of the figures that come of it is in the questions.
func Limits(task epoch.Task) challenge.Limits {
	l := challenge.DefaultLimits
	if task.Plan != nil {
		l.Late = duration(task.Plan.Late)
	}
	return l
}

func plan(task epoch.Task) challenge.Plan {
	return challenge.Plan{
		Task: arena.Task{Seed: binary.BigEndian.Uint32(task.Seed[:]), Objects: task.Plan.Objects},
		Size: media.Size{Width: task.Plan.Width, Height: task.Plan.Height}, FrameRate: task.Plan.FrameRate,
		Length: duration(task.Plan.Length), Every: duration(task.Plan.Every), Share: sampled,
	}
}

func duration(m epoch.Millis) time.Duration { return time.Duration(m) * time.Millisecond }

// Moment is when a checker whose seat this output shows is to measure: nobody else can know it before the proof is shown. The first half of an output has
// drawn the checker (committee.Draw), so that it is the end of it that is as random as ever.
//
// Of an occasion it is the beginning of one of its earlier windows, and the same in all of its tasks, which one output draws: the last quarter is for those who find
// a slot taken.
func Moment(task epoch.Task, output vrf.Output) epoch.Millis {
	random := binary.BigEndian.Uint64(output[vrf.OutputSize-8:])
	if task.Together != nil {
		return window(task, part(random, max(windows(task)*3/4, 1)))
	}
	return task.DrawnAt + part(random, max(task.CommitBy-task.DrawnAt-spare(task), 0))
}

// part is one of so many numbers from 0 on, each as likely as any.
func part(random uint64, of epoch.Millis) epoch.Millis {
	part, _ := bits.Mul64(random, uint64(of))
	return epoch.Millis(part)
}

// Latest is when a visit has to begin at the latest, so that its report can be committed to in time.
func Latest(task epoch.Task) epoch.Millis {
	if task.Together != nil {
		return window(task, windows(task)-1) + millis(Punctual)
	}
	return task.CommitBy - spare(task)/2
}

// spare is what is left at the end of a task's time for the last of them: two visits, each with as long again for its beginning and for drawing its samples again.
func spare(task epoch.Task) epoch.Millis {
	switch {
	case task.Plan == nil:
		return 0
	case task.Together != nil: // the samples of all edges are drawn again by one checker, when its window is over
		return 2 * epoch.Millis(len(task.Together.Edges)) * task.Plan.Length
	}
	return 4 * task.Plan.Length
}

// Found is what a visit has come to.
type Found struct {
	Served    bool // else nothing else counts
	RoundTrip time.Duration
	Asked     time.Duration // the least round trip of a question that the edge's key answers for; 0 without one
	Latency   latency.Report
	Upscaled  float64            // share of the pictures that look drawn smaller
	Challenge *challenge.Verdict // nil without one
	// From and Until are when nonces were typed, by the checker's clock; zero without a challenge.
	From, Until time.Time
	// Alone is the challenge of the same edge by itself, where Challenge was at the same time as others.
	Alone *challenge.Verdict
}

// Answers are those of what was found, to the task's questions in their order. The error is of a question that nothing answers: the task asks more than
// this program knows.
func Answers(task epoch.Task, found Found) ([]epoch.Answer, error) {
	answers := make([]epoch.Answer, len(task.Questions))
	for i, q := range task.Questions {
		answer, err := found.answer(q)
		if err != nil {
			return nil, err
		}
		answers[i] = answer
	}
	return answers, nil
}

func (f Found) answer(q epoch.Question) (epoch.Answer, error) {
	if q.Name == Served {
		return epoch.Answer{Yes: f.Served}, nil
	}
	if !f.Served {
		return epoch.Answer{}, nil // it has failed already, and figures that were not measured are not to look like measured ones
	}
	switch q.Name {
	case FirstFrame:
		return epoch.Answer{Figure: milliseconds(f.Latency.FirstTime), Vantage: milliseconds(f.RoundTrip)}, nil
	case Kept:
		return epoch.Answer{Figure: round(f.Latency.Kept)}, nil
	case Frozen:
		if f.Latency.Watched <= 0 {
			return epoch.Answer{Figure: 1}, nil // one picture, which stood
		}
		return epoch.Answer{Figure: round(min(f.Latency.Frozen.Seconds()/f.Latency.Watched.Seconds(), 1))}, nil
	case Upscaled:
		return epoch.Answer{Figure: round(f.Upscaled)}, nil
	}
	if q.Name == challenge.Shared {
		if f.Challenge == nil || f.Alone == nil {
			return epoch.Answer{}, errors.New("exam: the edge was not asked alone and together with others, of which nothing can be told")
		}
		limits := challenge.DefaultLimits // they are the question's, and only the figure is the answer
		return epoch.Answer{Figure: round(challenge.Together(*f.Alone, *f.Challenge, limits).Figure)}, nil
	}
	if f.Challenge != nil {
		for _, finding := range f.Challenge.Findings {
			if finding.Name == q.Name {
				return epoch.Answer{Figure: round(finding.Figure)}, nil
			}
		}
		if known(q.Name) {
			return epoch.Answer{Figure: worst(q)}, nil
		}
	}
	return epoch.Answer{}, fmt.Errorf("exam: the task asks for %.64q, which this program does not know; a newer one may", q.Name)
}

func known(question string) bool {
	for _, f := range (challenge.Plan{Every: time.Second, Length: time.Second, FrameRate: 1}).Required(challenge.DefaultLimits) {
		if f.Name == question {
			return true
		}
	}
	return false
}

// worst is what a figure is where too little came to measure it: beyond its limit, and within what a committee takes.
func worst(q epoch.Question) float64 {
	switch {
	case q.AtLeast != nil:
		return math.Min(0, *q.AtLeast-1)
	case q.AtMost != nil:
		return math.Max(1, 2**q.AtMost)
	}
	return 0
}

func milliseconds(d time.Duration) float64 { return round(float64(d) / float64(time.Millisecond)) }

// round leaves four digits behind the point: logs are read by people too.
func round(figure float64) float64 { return math.Round(figure*1e4) / 1e4 }
