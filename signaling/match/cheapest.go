package match

// Cheapest looks at the price first, as long as the way is good enough to play.
type Cheapest struct{}

var _ Policy = Cheapest{}

// Name is "cheapest".
func (Cheapest) Name() string { return "cheapest" }

const (
	// pricePerTime is the cost of each time the cheapest price: a tenth of it more is worth 20 ms.
	pricePerTime Cost = 200
	// playable is the cost of a way on which games are still well played, beyond which each millisecond counts tenfold: services
	// of this kind recommend 40 ms and stop at 80.
	playable    Cost = 60
	beyondTimes Cost = 10
)

// TermUnplayable is what a way costs that is too long to play well.
const TermUnplayable = "too long to play well"

// Terms has those of the way, what is too long about it, and the price.
func (Cheapest) Terms(list []Term, c *Measured, scale Scale) []Term {
	from := len(list)
	list = linkTerms(list, c)
	if way := sum(list[from:]); way > playable {
		list = append(list, Term{TermUnplayable, (beyondTimes - 1) * (way - playable)})
	}
	if times := scale.times(c.Price); times > 0 {
		list = append(list, Term{TermPrice, pricePerTime * Cost(times)})
	}
	return list
}
