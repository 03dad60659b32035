package challenge

import (
	"fmt"
	"slices"
	"time"

	"nearlight/internal/media"
)

// Names of the findings, which are questions of a task (checker/epoch).
const (
	Unanswered = "unanswered nonces" // share of the nonces that no right picture answered
	Delay      = "delay"             // ms from a nonce to its first right picture, less a round trip and the wait for a picture, the mean without the latest
	Early      = "early pictures"    // share that say they are fresher than a round trip allows
	Missed     = "missed frames"     // share of the frames that no new picture came for in time
	Repeated   = "repeated pictures" // share of the pictures that are the one before again
	Wrong      = "wrong pictures"    // share of the samples that do not show what they say
	Tiles      = "worst tiles"       // dB
	Detail     = "detail"            // share of the finest detail
)

// Finding is one figure with its limit.
type Finding struct {
	Name   string
	Figure float64
	Limit  float64
	Least  bool // the limit is the least that passes, not the most
	Of     int  // how many nonces, pictures or samples it comes from
}

// Passed reports whether the figure is within its limit.
func (f Finding) Passed() bool {
	if f.Least {
		return f.Figure >= f.Limit
	}
	return f.Figure <= f.Limit
}

func (f Finding) String() string {
	sign := "at most"
	if f.Least {
		sign = "at least"
	}
	return fmt.Sprintf("%s %.4g, %s %.4g, of %d", f.Name, f.Figure, sign, f.Limit, f.Of)
}

// Verdict is what a challenge comes to.
type Verdict struct {
	Findings []Finding
	Frames   int // that there should have been
	Met      int // that a new picture came for in time
}

// Failed are the names of the findings that are beyond their limits.
func (v Verdict) Failed() (names []string) {
	for _, f := range v.Findings {
		if !f.Passed() {
			names = append(names, f.Name)
		}
	}
	return names
}

// Required are the findings that a whole challenge is to come to, at their limits: what chance adds is what it adds where all pictures come and no round trip
// differs from another.
func (p Plan) Required(l Limits) []Finding {
	nonces, frames := int(p.Length/p.Every), p.frames()
	samples := int(p.Share*float64(frames)) + firsts*nonces
	_, chance := lateness(nil, []float64{0}, p.frame(), max(nonces, 1), l.Alarm)
	share := func(name string, of int, ordinary float64) Finding {
		return Finding{Name: name, Limit: float64(mostOf(of, ordinary, l.Alarm)) / float64(max(of, 1)), Of: of}
	}
	return []Finding{
		share(Unanswered, nonces, l.Unanswered),
		{Name: Delay, Limit: milliseconds(l.Overhead) + l.Missed*milliseconds(p.frame()) + chance, Of: nonces},
		share(Early, frames, 0),
		share(Repeated, frames, l.Repeated),
		share(Missed, frames, l.Missed),
		share(Wrong, samples, l.Wrong),
		{Name: Tiles, Limit: l.Tiles, Least: true, Of: samples},
		{Name: Detail, Limit: l.Detail, Least: true, Of: samples},
	}
}

// leastAnswers is how many answers a mean delay takes, and leastLooks how many samples a mean of how they look.
const (
	leastAnswers = 9 // all but two of those that a check of 6 s has time for
	leastLooks   = 8
)

// Judge redraws what was not yet, and judges all that came and was sent before an instant: the challenge's end, or an earlier one.
func (w *Watch) Judge(p Painter, limits Limits, until media.Instant) (Verdict, error) {
	j := judgement{w: w, limits: limits, easel: media.NewFrame(w.plan.Size)}
	for i := range w.seen {
		if w.seen[i].arrived > until {
			continue // one behind it, none of whose packets was lost, may have come sooner
		}
		j.seen = append(j.seen, &w.seen[i])
		if w.seen[i].sample != nil {
			if err := w.redraw(&w.seen[i], p, j.easel); err != nil {
				return Verdict{}, err
			}
		}
	}
	j.sort()
	j.answers(until)
	j.pictures(until)
	j.samples()
	return j.verdict, nil
}

// judgement is one Judge at work.
type judgement struct {
	w       *Watch
	limits  Limits
	easel   *media.Frame
	seen    []*seen
	of      map[int][]*seen // by nonce
	quick   map[int]time.Duration
	verdict Verdict
}

func (j *judgement) sort() {
	j.of, j.quick = make(map[int][]*seen), make(map[int]time.Duration)
	for _, s := range j.seen {
		if s.nonce < 0 {
			continue
		}
		j.of[s.nonce] = append(j.of[s.nonce], s)
		age := j.age(s)
		if quickest, known := j.quick[s.nonce]; !known || age < quickest {
			j.quick[s.nonce] = age
		}
	}
}

// age is how long ago the instant that a picture says it shows was when it came, if its nonce was taken the moment it was sent: round trip and the edge's work.
func (j *judgement) age(s *seen) time.Duration {
	return s.arrived.Sub(j.w.sent[s.nonce].at) - s.said.Claim.Since
}

// right reports whether a sample shows what it says.
func (j *judgement) right(s *seen) bool {
	return s.sample.like.psnr >= j.limits.Same && s.sample.fresh >= j.limits.Fresh
}

func (j *judgement) find(name string, figure, limit float64, least bool, of int) {
	j.verdict.Findings = append(j.verdict.Findings, Finding{name, figure, limit, least, of})
}

// share is a count that a share of all is ordinary of.
func (j *judgement) share(name string, count, of int, ordinary float64) {
	all := float64(max(of, 1))
	j.find(name, float64(count)/all, float64(mostOf(of, ordinary, j.limits.Alarm))/all, false, of)
}

// answers judges nonces that there was time enough to answer: the next one's, or twice as much for one that is not answered.
func (j *judgement) answers(until media.Instant) {
	asked, unanswered := 0, 0
	var delays []float64
	for i, sent := range j.w.sent {
		waited := until.Sub(sent.at)
		if waited < j.w.plan.Every {
			break
		}
		first := slices.IndexFunc(j.of[i], func(s *seen) bool { return s.sample != nil && j.right(s) })
		if first >= 0 {
			delays = append(delays, milliseconds(j.of[i][first].arrived.Sub(sent.at)))
		}
		if waited >= patience*j.w.plan.Every {
			asked++
			if first < 0 {
				unanswered++
			}
		}
	}
	j.share(Unanswered, unanswered, asked, j.limits.Unanswered)
	if len(delays) < leastAnswers || len(j.w.roundTrips) == 0 {
		return
	}
	figure, chance := j.lateness(delays)
	lost := j.limits.Missed * milliseconds(j.w.plan.frame()) // the first picture is among those that are missed as often as any
	j.find(Delay, figure, milliseconds(j.limits.Overhead)+lost+chance, false, len(delays))
}

// pictures judges all that came, sampled or not.
func (j *judgement) pictures(until media.Instant) {
	earliest, bounded := j.earliest()
	late := j.late()
	due := until.Add(-late) // up to when a picture was due that is not coming any more
	early, known, repeated, compared, met := 0, 0, 0, 0, 0
	for i, s := range j.seen {
		again := s.same >= j.limits.Repeat
		if i > 0 {
			compared++
			if again {
				repeated++
			}
		}
		if s.nonce < 0 {
			continue
		}
		known++
		age := j.age(s)
		if bounded && age < earliest {
			early++
		}
		behind := age - j.quick[s.nonce]
		if !again && behind <= late && s.arrived.Add(-behind) <= due {
			met++
		}
	}
	j.share(Early, early, known, 0)
	j.share(Repeated, repeated, compared, j.limits.Repeated)
	frames := 0
	if len(j.seen) > 0 && due > j.seen[0].arrived {
		frames = int(due.Sub(j.seen[0].arrived).Seconds() * float64(j.w.plan.FrameRate))
	}
	j.verdict.Frames, j.verdict.Met = frames, min(met, frames)
	j.share(Missed, frames-j.verdict.Met, frames, j.limits.Missed)
}

// samples judges what was redrawn.
func (j *judgement) samples() {
	wrong, count := 0, 0
	var tiles, detail []float64
	for _, s := range j.seen {
		if s.sample == nil {
			continue
		}
		count++
		if !j.right(s) {
			wrong++
		}
		if s.nonce >= 0 && s.ordinal >= firsts {
			tiles, detail = append(tiles, s.sample.like.tiles), append(detail, s.sample.like.detail)
		}
	}
	j.share(Wrong, wrong, count, j.limits.Wrong)
	if len(tiles) >= leastLooks {
		mean, _ := scatter(tiles)
		j.find(Tiles, mean, j.limits.Tiles, true, len(tiles))
		mean, _ = scatter(detail)
		j.find(Detail, mean, j.limits.Detail, true, len(detail))
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
