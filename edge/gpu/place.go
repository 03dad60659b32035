package gpu

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"nearlight/internal/media"
)

// ErrNoPlace reports that no card can take a session; the message says of each one why.
var ErrNoPlace = errors.New("no GPU can take the session")

// Candidate is a card and what an edge knows of it beyond the inventory.
type Candidate struct {
	GPU
	// Sessions is how many encoder sessions can still be opened, by Probe and the edge's own books. Where it is absent the
	// driver's word counts.
	Sessions Reading[int]
	Placed   int // sessions that this edge has placed there and that have not ended
}

// Need is what a session asks of a card. The zero value asks for nothing in particular.
type Need struct {
	Codec    media.Codec // that the player decodes; empty for any
	Memory   Bytes       // that app and encoder are expected to take
	Rendered Address     // where the app draws already; empty while that is open
}

// Placement is where a session goes.
type Placement struct {
	Card     Address // where the app draws and, with Hardware, its picture is encoded
	Hardware bool    // NVENC; otherwise the picture is read back and the processor encodes it
	Reason   string  // in one line, for the edge's owner
}

const (
	// hotBelow is how far below its slowdown temperature a card counts as hot: a further session would take it there.
	hotBelow Celsius = 5
	// hotAt is hot for a card that does not tell its slowdown temperature: drivers commonly hold a GeForce to about that.
	hotAt Celsius = 83
	// loadSteps divide a card's load. A difference below a step does not count: loads are samples, and say that little of
	// the next second. A placed session counts a step at least: figures lag by up to a second, in which further sessions may
	// come and must not all go to the same idle card.
	loadSteps = 10
	// loadUnknown is the load of a card that does not tell.
	loadUnknown = 0.5
)

// Place chooses the card of a session. A picture is encoded where it was drawn, since on its way to another card it would
// cross the bus twice, so a session that draws already stays where it is. For others, the order is: cards that run at full
// speed before those that are slowed down or hot, cards that can encode it before those that cannot, then the less loaded,
// then the one with more free memory, then the one with more encoder sessions left, then NVML's order. Cards that are lost,
// split by MIG or short of memory are out. An absent load counts as half, free memory and sessions that are absent as the
// least that will do, and a card that tells no heat as cool. Errors wrap ErrNoPlace.
func Place(candidates []Candidate, need Need) (Placement, error) {
	var fit []Candidate
	var refusals []string
	for _, c := range candidates {
		if why := c.refuses(need); why != "" {
			refusals = append(refusals, fmt.Sprintf("GPU %d: %s", c.Index, why))
			continue
		}
		fit = append(fit, c)
	}
	if len(fit) == 0 {
		if len(refusals) == 0 {
			refusals = []string{"there is none"}
		}
		return Placement{}, fmt.Errorf("%w: %s", ErrNoPlace, strings.Join(refusals, "; "))
	}
	slices.SortStableFunc(fit, func(a, b Candidate) int { return prefer(a, b, need) })
	best := fit[0]
	return Placement{best.Address, best.encodes(need.Codec), best.reason(need, len(candidates))}, nil
}

// refuses says why a card cannot take a session, or nothing.
func (c Candidate) refuses(need Need) string {
	free, known := c.Memory.Free().Value()
	switch {
	case need.Rendered != "" && c.Address != need.Rendered:
		return fmt.Sprintf("the app draws on %s", need.Rendered)
	case errors.Is(c.Err, ErrLost):
		return "lost"
	case c.Address == "":
		return "its place on the bus is not known"
	case need.Rendered != "":
		return "" // it has its memory and its place already
	case c.MIG.Or(false):
		return "split by MIG"
	case known && free < need.Memory:
		return fmt.Sprintf("%v free of the %v that the session needs", free, need.Memory)
	}
	return ""
}

// prefer orders the better card first.
func prefer(a, b Candidate, need Need) int {
	return cmp.Or(
		first(!a.slow(), !b.slow()),
		first(a.encodes(need.Codec), b.encodes(need.Codec)),
		cmp.Compare(a.load(), b.load()),
		cmp.Compare(b.Memory.Free().Or(0), a.Memory.Free().Or(0)),
		cmp.Compare(b.Sessions.Or(0), a.Sessions.Or(0)),
		cmp.Compare(a.Index, b.Index),
	)
}

func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

func (c Candidate) slow() bool { return c.Throttle.Or(0).Slowing() || c.Hot() }

// Hot reports whether a card is about to be slowed down by its temperature.
func (g GPU) Hot() bool {
	temperature, known := g.Temperature.Value()
	limit := hotAt
	if slowdown, told := g.Slowdown.Value(); told {
		limit = slowdown - hotBelow
	}
	return known && temperature >= limit
}

// encodes reports whether a session's picture can be encoded on the card.
func (c Candidate) encodes(codec media.Codec) bool {
	free, told := c.Encoder.Free.Value()
	if _, has := free[codec]; told && codec != "" && !has {
		return false
	}
	return c.Sessions.Or(len(free)) > 0
}

// load is how many steps of a card's load are taken, by its busiest part or by the sessions placed.
func (c Candidate) load() int {
	busiest := max(c.Load.Graphics.Or(loadUnknown), c.Load.Encoder.Or(0))
	return max(int(busiest*loadSteps), c.Placed)
}

func (c Candidate) reason(need Need, among int) string {
	var words []string
	switch {
	case need.Rendered != "":
		words = append(words, "the app draws there")
	case among == 1:
		words = append(words, "the only one")
	default:
		words = append(words, fmt.Sprintf("best of %d", among))
	}
	if load, known := c.Load.Graphics.Value(); known {
		words = append(words, fmt.Sprintf("%.0f %% busy", 100*load))
	}
	if free, known := c.Memory.Free().Value(); known {
		words = append(words, free.String()+" free")
	}
	if c.slow() {
		words = append(words, "slowed down or hot")
	}
	if c.encodes(need.Codec) {
		words = append(words, "encodes there")
	} else {
		words = append(words, "no encoder free there: the processor encodes")
	}
	return fmt.Sprintf("GPU %d: %s", c.Index, strings.Join(words, ", "))
}
