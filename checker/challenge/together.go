package challenge

import "math"

// Shared is the finding of Together.
const Shared = "fewer frames together"

// Together compares an edge's challenge with one that it was given at the same time as others, which say that they are other machines: by how much the
// share of frames fell that it met. A machine of its own fares alike. Both verdicts are of one task, size and frame rate, at which the machine is busy: what
// leaves it half idle tells nothing.
func Together(alone, together Verdict, limits Limits) Finding {
	share := func(v Verdict) float64 { return float64(v.Met) / float64(max(v.Frames, 1)) }
	before, after := share(alone), share(together)
	all := float64(max(alone.Frames+together.Frames, 1))
	pooled := min(float64(alone.Met+together.Met)/all, 1-limits.Missed) // or else two that missed none would have no scatter
	scatter := math.Sqrt(pooled * (1 - pooled) * (1/float64(max(alone.Frames, 1)) + 1/float64(max(together.Frames, 1))))
	return Finding{Name: Shared, Figure: before - after, Limit: limits.Missed + deviations(limits.Alarm)*scatter, Of: together.Frames}
}
