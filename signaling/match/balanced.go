package match

// Balanced weighs everything, and the way to the edge most: what the others come to is a few milliseconds at the most.
type Balanced struct{}

var _ Policy = Balanced{}

// Name is "balanced".
func (Balanced) Name() string { return "balanced" }

const (
	fullLoad    = 3 // ms for an edge with its last slot free; the square of it at less: half full is hardly worth a millisecond
	lowestScore = 6 // ms for a score of 0 in place of the best
	twicePrice  = 1 // ms for each time the cheapest price
	mostPrice   = 4 // ms, at most
)

// Terms has those of the way, and load, score and price.
func (Balanced) Terms(list []Term, c *Measured, scale Scale) []Term {
	list = append(linkTerms(list, c), Term{TermLoad, Cost(fullLoad * c.Load * c.Load)})
	if c.Score < MaxScore {
		list = append(list, Term{TermScore, lowestScore * Cost(MaxScore-c.Score) / Cost(MaxScore)})
	}
	if times := scale.times(c.Price); times > 0 {
		list = append(list, Term{TermPrice, Cost(min(twicePrice*times, mostPrice))})
	}
	return list
}
