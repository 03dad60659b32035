package challenge

import (
	"fmt"
	"slices"
)

// Spread is the least, mean and greatest of what was found of samples, and of each two pictures in a row.
type Spread struct{ Same, Fresh, Tiles, Detail, Repeat [3]float64 }

func (s Spread) String() string {
	return fmt.Sprintf("same %.1f, fresh %.1f, tiles %.1f, detail %.2f, in a row %.1f", s.Same, s.Fresh, s.Tiles, s.Detail, s.Repeat)
}

// SpreadOf is of all that Judge has redrawn.
func SpreadOf(w *Watch) Spread {
	var same, fresh, tiles, detail, repeat []float64
	for _, s := range w.seen {
		repeat = append(repeat, s.same)
		if s.sample == nil || !s.sample.known || s.nonce < 0 {
			continue
		}
		same, fresh = append(same, s.sample.like.psnr), append(fresh, s.sample.fresh)
		if s.ordinal >= firsts {
			tiles, detail = append(tiles, s.sample.like.tiles), append(detail, s.sample.like.detail)
		}
	}
	of := func(values []float64) [3]float64 {
		mean, _ := scatter(values)
		return [3]float64{slices.Min(values), mean, slices.Max(values)}
	}
	return Spread{of(same), of(fresh), of(tiles), of(detail), of(repeat)}
}
