package committee

import (
	"math"
	"math/rand/v2"
	"testing"
)

// world is 10,000 checkers of equal weight, a part of which collude in the worst way that is known: they know each other and see what
// everybody else has found before they say anything. Then, for each task,
//   - they answer wrongly, all of them, where that wins;
//   - else they hold back, or make a tie, where that leaves the task undecided, and try again at the next drawing;
//   - else they answer like everybody, so that their scores stay what they are.
type world struct {
	checkers int
	threat   Threat
	size     Size
	random   *rand.Rand
}

// drawn draws how many of n checkers get a seat.
func (w *world) drawn(n int) int {
	p := float64(w.size.Seats) / float64(w.checkers)
	seats := 0
	for at := w.skip(p); at < n; at += 1 + w.skip(p) {
		seats++
	}
	return seats
}

// skip is how many checkers are not drawn until one is: a geometric number.
func (w *world) skip(p float64) int { return int(math.Log(1-w.random.Float64()) / math.Log1p(-p)) }

// task reports whether a task ends with a false verdict, and whether it stays undecided.
func (w *world) task() (wrong, undecided bool) {
	colluding := int(math.Round(float64(w.checkers) * w.threat.Collusion))
	for range w.threat.Tries {
		together := w.drawn(colluding)
		right, mistaken := 0, 0
		for range w.drawn(w.checkers - colluding) {
			if w.random.Float64() < w.threat.Mistakes {
				mistaken++
			} else {
				right++
			}
		}
		switch finding := w.decide(right, mistaken+together); {
		case finding.Decided && !finding.Yes:
			return true, false
		case !finding.Decided:
			continue // a tie
		}
		if w.decide(right, mistaken).Decided { // they cannot prevent it
			return false, false
		}
	}
	return false, true
}

// decide asks the committee: the truth is a yes.
func (w *world) decide(right, wrong int) Finding {
	answers := make([]Answer, right+wrong)
	for i := range right {
		answers[i].Yes = true
	}
	return decide(Question{Kind: YesOrNo}, answers, w.size.Minimum)
}

// wilson is the interval that holds the true rate with a confidence of z standard deviations (Wilson 1927).
func wilson(hits, tries int, z float64) (low, high float64) {
	n, p := float64(tries), float64(hits)/float64(tries)
	centre := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return max(centre-half, 0), min(centre+half, 1)
}

// Honest checkers are mistaken in the simulation as often as here: one in fifty passes an edge that is bad, one in two hundred fails one that is
// good, since the links between are not the edge's.
var mistakes = []struct {
	name  string
	share float64
}{{"false pass", 0.02}, {"false fail", 0.005}}

// TestCollusionWinsAsOftenAsTheClosedFormSays prints the table of docs/checking.md.
func TestCollusionWinsAsOftenAsTheClosedFormSays(t *testing.T) {
	size, err := SizeFor(Stated)
	if err != nil {
		t.Fatal(err)
	}
	tasks := 200_000
	if testing.Short() || raceDetector {
		tasks = 20_000
	}
	t.Logf("%d seats on average, %d at least, %d tries, %d tasks of 10000 checkers", size.Seats, size.Minimum, Stated.Tries, tasks)
	for _, collusion := range []float64{0.10, 0.25, 0.33, 0.45} {
		for _, m := range mistakes {
			w := world{10_000, Threat{Collusion: collusion, Mistakes: m.share, Tries: Stated.Tries, Bound: 1}, size, rand.New(rand.NewPCG(1, uint64(collusion*100)))}
			wrong, undecided := 0, 0
			for range tasks {
				f, u := w.task()
				if f {
					wrong++
				}
				if u {
					undecided++
				}
			}
			closed := size.FalseVerdict(w.threat)
			const z = 1.96
			low, high := wilson(wrong, tasks, z)
			t.Logf("| %2.0f %% | %s | %.2g | %.2g (%.2g to %.2g) | %.2g |", 100*collusion, m.name, closed, float64(wrong)/float64(tasks), low, high, float64(undecided)/float64(tasks))
			// Of eight intervals of 95 % one is missed in every third run: the test takes those of 99.99 %.
			if low, high := wilson(wrong, tasks, 3.9); closed < low || closed > high {
				t.Errorf("%s with %.0f %%: the closed form says %g, the simulation %g to %g", m.name, 100*collusion, closed, low, high)
			}
		}
	}
}

func TestMoreSeatsAreNeededForMoreCollusionAndASmallerBound(t *testing.T) {
	before := uint32(0)
	for _, collusion := range []float64{0.05, 0.1, 0.2, 0.25, 0.3, 0.35, 0.4} {
		threat := Stated
		threat.Collusion = collusion
		size, err := SizeFor(threat)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%2.0f %%: %d seats", 100*collusion, size.Seats)
		if size.Seats < before {
			t.Errorf("%g: %d seats, fewer than for less", collusion, size.Seats)
		}
		if size.FalseVerdict(threat) > threat.Bound {
			t.Errorf("%g: the bound does not hold", collusion)
		}
		before = size.Seats
	}
	for _, threat := range []Threat{
		{Collusion: 0.5, Bound: 0.1, Tries: 1}, {Collusion: -0.1, Bound: 0.1, Tries: 1}, {Collusion: math.NaN(), Bound: 0.1, Tries: 1}, {Bound: 0, Tries: 1},
		{Bound: 0.1}, {Collusion: 0.499, Bound: 1e-9, Tries: 1},
	} {
		if size, err := SizeFor(threat); err == nil {
			t.Errorf("%+v is met by %+v", threat, size)
		}
	}
}
