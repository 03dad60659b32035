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
	return Finding{Name: Shared, Figure: before - after, Limit: limits.Missed + fall(pooled, alone.Frames, together.Frames, limits.Alarm), Of: together.Frames}
}

// RequiredTogether is the finding of Together at its limit, where both challenges are whole and the edge misses as many frames as it may. The share may fall by
// so much besides what chance adds.
func RequiredTogether(alone, together Plan, share float64, limits Limits) Finding {
	pooled := max(1-limits.Missed, 0.5) // nothing scatters more than halves
	return Finding{Name: Shared, Limit: share + fall(pooled, alone.frames(), together.frames(), limits.Alarm), Of: together.frames()}
}

// fall is how much less chance may leave of the second of two shares that are one.
func fall(pooled float64, first, second int, alarm float64) float64 {
	return deviations(alarm) * math.Sqrt(pooled*(1-pooled)*(1/float64(max(first, 1))+1/float64(max(second, 1))))
}
