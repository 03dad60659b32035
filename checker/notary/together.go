package notary

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"maps"
	"math"
	"slices"
	"time"

	"nearlight/checker/epoch"
	"nearlight/checker/exam"
	"nearlight/checker/life"
	"nearlight/internal/identity"
)

// An occasion is capacity checks, or enrolments, of several edges at once that may be one machine (epoch.Together). It takes longer than another check, so that it
// is only set as an epoch begins: no other check waits for its end.

// gathering is by which name occasions are drawn, as a check would be.
const gathering life.Check = "together"

const (
	// longestTogether is how long commitments to an occasion are taken at the most: enough for a stated committee to ask two edges with a GPU.
	longestTogether = 25 * time.Minute
	// apart is for how long an edge that was asked together is not asked again as another's companion: newcomers cannot keep it busy.
	apart = epoch.Millis(4 * 60 * 60 * 1000)
	// An edge whose latest occasion it did not pass is asked again so much later on average, and others so much.
	doubted = epoch.Millis(30 * 60 * 1000)
	usual   = epoch.Millis(24 * 60 * 60 * 1000)
	// regather is how soon an occasion that nobody decided is set again, twice as late each time: others of them may be full, or gone, for a long time.
	regather    = 30 * time.Minute
	latestAgain = 24 * time.Hour
	// drawnIn is in how many occasions at once a checker is drawn on average at the most, as a share of their windows.
	drawnIn = 0.25
)

// company is an edge's latest occasion that was decided.
type company struct {
	at     epoch.Millis // when it was set; 0: there was none
	failed bool
	edges  []identity.Address
}

// gathered takes the verdict on a task of an occasion.
func (e *edge) gathered(t *task, verdict epoch.Verdict) {
	if t.Together == nil {
		return
	}
	last := e.tried[gathering]
	last.at = t.At
	if last.undecided++; verdict.Result != epoch.Undecided {
		last.undecided = 0
		e.company = company{t.At, verdict.Result == epoch.Failed, t.Together.Edges}
	}
	e.tried[gathering] = last
}

// companions are the edges that were asked together in a task of this edge's; nil where it was by itself, or is none.
func (e *edge) companions(id epoch.Hash) []identity.Address {
	if i := slices.IndexFunc(e.verdicts, func(t Told) bool { return t.Task == id }); i >= 0 {
		return e.verdicts[i].together
	}
	return nil
}

// summons is one task of an occasion that is about to be set.
type summons struct {
	edge   identity.Address
	check  life.Check
	appeal epoch.Hash
}

// gather sets the occasions that are due, while the epoch has no task yet.
func (n *Notary) gather(drawn drawing, now epoch.Millis) error {
	most := n.mostTogether()
	if n.begun != 0 || most < 2 {
		return nil
	}
	var near neighbours
	left := n.mostOccasions(most)
	for _, address := range slices.SortedFunc(maps.Keys(n.edges), byAddress) {
		var summoned []summons
		if again := n.appealed(address, drawn, now); again != nil {
			summoned = again
		} else if n.gathers(address, drawn, now) {
			if near == nil {
				near = n.neighbours()
			}
			summoned = n.company(address, near, most, drawn, now)
		}
		if len(summoned) < 2 {
			continue
		}
		if err := n.summon(summoned, drawn.next, now); err != nil {
			return err
		}
		if left--; left == 0 {
			break
		}
	}
	return nil
}

// mostTogether is how many edges a committee has time to ask at once, below 2 where it has none.
func (n *Notary) mostTogether() int {
	windows := int(math.Ceil(spread * float64(n.config.Committee.Minimum)))
	for edges := epoch.MostTogether; edges >= 2; edges-- {
		if n.config.Requirements.Occasion(edges, windows) <= longestTogether {
			return edges
		}
	}
	return 0
}

// windows is how many windows an occasion should have.
func (n *Notary) windows() int { return int(math.Ceil(spread * float64(n.config.Committee.Seats))) }

// mostOccasions is how many are set in one epoch at the most: checkers are to have time for them.
func (n *Notary) mostOccasions(edges int) int {
	windows := min(float64(n.windows()), float64(longestTogether/n.config.Requirements.Window(edges)))
	return max(int(drawnIn*windows*float64(len(n.roster))/float64(n.config.Committee.Seats)), 1)
}

// newcomer reports whether an edge has to be asked together before it is known, or once more before it is enrolled.
func (e *edge) newcomer() bool {
	return e.company.at == 0 && e.life.State == life.Probation || e.life.State == life.Enrolling && (e.company.at == 0 || e.company.failed)
}

// waits reports whether an edge's enrolment waits for the beginning of an epoch, where it can be asked together once more. If it cannot be then, it is enrolled alone.
func (e *edge) waits(check life.Check, beginning bool) bool {
	return check == life.Enrolment && e.company.failed && !beginning
}

// gathers reports whether an edge is to be asked together with others now.
func (n *Notary) gathers(address identity.Address, drawn drawing, now epoch.Millis) bool {
	e := n.edges[address]
	if !e.joins(now) {
		return false
	}
	last := e.tried[gathering]
	if last.undecided > 0 {
		wait := min(regather<<min(last.undecided-1, 10), latestAgain)
		if now < last.at+epoch.Millis((longestTogether+wait).Milliseconds()) {
			return false
		}
	}
	if e.newcomer() {
		return true
	}
	if last.stretch == drawn.stretch {
		return false
	}
	last.stretch = drawn.stretch
	e.tried[gathering] = last
	mean := usual
	if e.company.failed {
		mean = doubted
	}
	return life.Due{Check: gathering, Mean: mean}.Drawn(address, drawn.began)
}

// joins reports whether an edge can be asked for its capacity now, or be enrolled.
func (e *edge) joins(now epoch.Millis) bool {
	if !e.present || e.open > 0 || e.free < 1 {
		return false
	}
	switch e.life.State {
	case life.Enrolling:
		return slices.ContainsFunc(e.life.Due(), func(d life.Due) bool { return d.Check == life.Enrolment && d.Appeal == epoch.Hash{} && now >= d.From })
	case life.Probation, life.Standby, life.Streaming:
		return true
	}
	return false
}

// check is by which check an edge is asked for its capacity.
func (e *edge) check() life.Check {
	if e.life.State == life.Enrolling {
		return life.Enrolment
	}
	return life.Capacity
}

// neighbours are the edges that have something in common.
type neighbours map[any][]identity.Address

// neighbours lists who may be one machine: by where they connect from (netip.Prefix) and by whom they are endorsed (string).
func (n *Notary) neighbours() neighbours {
	near := make(neighbours)
	for address, e := range n.edges {
		if !e.present {
			continue
		}
		if e.block.IsValid() {
			near[e.block] = append(near[e.block], address)
		}
		if e.backer != "" {
			near[e.backer] = append(near[e.backer], address)
		}
	}
	return near
}

// company is whom an edge is asked together with, itself among them: the same ones as before if it has not passed then, or whom the beacon draws of those in its
// block, and of those with the same endorsement where there are none. There is nobody for an edge by itself.
func (n *Notary) company(address identity.Address, near neighbours, most int, drawn drawing, now epoch.Millis) []summons {
	e := n.edges[address]
	ready := func(other identity.Address) bool {
		o := n.edges[other]
		return other != address && o != nil && o.joins(now) && (o.listed || n.begun == 0)
	}
	var others []identity.Address
	if e.company.failed {
		for _, other := range e.company.edges {
			if ready(other) {
				others = append(others, other)
			}
		}
	}
	for _, same := range []any{e.block, e.backer} {
		if len(others) > 0 || same == any("") {
			break
		}
		for _, other := range near[same] {
			o := n.edges[other]
			rested := now >= max(o.company.at, o.tried[gathering].at)+apart
			if ready(other) && (rested || o.newcomer() || o.company.failed) {
				others = append(others, other)
			}
		}
	}
	ticket := func(other identity.Address) [sha256.Size]byte {
		return sha256.Sum256(slices.Concat([]byte("nearlight checker together 1\x00"), drawn.began[:], address[:], other[:]))
	}
	slices.SortFunc(others, func(a, b identity.Address) int {
		x, y := ticket(a), ticket(b)
		return cmp.Or(bytes.Compare(x[:], y[:]), byAddress(a, b))
	})
	summoned := []summons{{edge: address, check: e.check()}}
	for _, other := range others[:min(len(others), most-1)] {
		summoned = append(summoned, summons{edge: other, check: n.edges[other].check()})
	}
	return summoned
}

// appealed is the occasion that is done again since this edge has appealed, once all who were asked then can be.
func (n *Notary) appealed(address identity.Address, drawn drawing, now epoch.Millis) []summons {
	e := n.edges[address]
	for _, due := range e.life.Due() {
		edges := e.companions(due.Appeal)
		if edges == nil || !n.isDue(address, due, drawn, now) {
			continue
		}
		var summoned []summons
		for _, edge := range edges {
			o := n.edges[edge]
			if o == nil || !o.present || o.open > 0 || o.free < 1 || o.life.State == life.Draining || o.life.State == life.OnLeave {
				break
			}
			s := summons{edge: edge, check: o.check()}
			for _, d := range o.life.Due() { // others may have appealed as well
				if slices.Equal(o.companions(d.Appeal), edges) && n.isDue(edge, d, drawn, now) {
					s.check, s.appeal = d.Check, d.Appeal
				}
			}
			summoned = append(summoned, s)
		}
		if len(summoned) == len(edges) {
			return summoned
		}
	}
	return nil
}

// summon sets the tasks of an occasion.
func (n *Notary) summon(summoned []summons, coming exam.Round, now epoch.Millis) error {
	slices.SortFunc(summoned, func(a, b summons) int { return byAddress(a.edge, b.edge) })
	edges := make([]identity.Address, len(summoned))
	for i, s := range summoned {
		edges[i] = s.edge
		if !n.edges[s.edge].listed {
			if n.begun != 0 {
				return nil // it is in the next epoch
			}
			if err := n.append(n.list(s.edge)); err != nil {
				return err
			}
		}
	}
	taken := min(n.config.Requirements.Occasion(len(edges), n.windows()), longestTogether)
	when := exam.Instants{At: now, CommitBy: coming.At + epoch.Millis(taken.Milliseconds())}
	when.RevealBy = when.CommitBy + epoch.Millis(revealing.Milliseconds())
	for _, s := range summoned {
		set, err := n.config.Requirements.Together(s.check, s.edge, edges, coming, when)
		if err != nil {
			return err
		}
		if s.appeal != (epoch.Hash{}) {
			set.Appeal = &s.appeal
		}
		if err := n.enter(set, s.appeal); err != nil {
			return err
		}
		e := n.edges[s.edge]
		last := e.tried[gathering]
		last.at = now
		e.tried[gathering] = last
	}
	n.config.Log.Info("edges that may be one machine are asked at once", "edges", edges, "commitments until", when.CommitBy.Time())
	return nil
}
