package challenge

import (
	"math"
	"slices"
	"time"
)

// How long an edge takes, by answers and round trips, some of which wait for what was lost. A lost packet makes an answer late by a round trip or two, and one
// such answer of twenty would move a mean, and its scatter still more, by as much as there is to find. So the latest of them do not count: the mean of the
// others is compared with the same mean of what an edge that takes no time would need, which is a round trip and a wait for the next picture, each combination
// of which is as likely as any. It costs next to nothing: of evenly spread waits the earlier ones tell as much as all do.

// trimmed is the share of answers and of round trips that is left out, the latest. Where 2 % are lost and a picture has 15 packets, a quarter of the
// pictures lose one.
const trimmed = 0.35

// waits is into how many equal parts of a frame the wait for the next picture is divided.
const waits = 16

// lateness is by how many ms answers took longer, and how much of that chance may add.
func (j *judgement) lateness(delays []float64) (figure, chance float64) {
	trips := make([]float64, len(j.w.roundTrips))
	for i, took := range j.w.roundTrips {
		trips[i] = milliseconds(took)
	}
	return lateness(delays, trips, j.w.plan.frame(), len(delays), j.limits.Alarm)
}

// lateness is of so many answers. Without any it is what chance may add to them where they scatter no more than they have to.
func lateness(delays, trips []float64, frame time.Duration, answers int, alarm float64) (figure, chance float64) {
	least := make([]float64, 0, waits*len(trips))
	for _, trip := range trips {
		for i := range waits {
			least = append(least, trip+milliseconds(frame)*(float64(i)+0.5)/waits)
		}
	}
	expected, scattered := earlyMean(least)
	_, shaking := earlyMean(trips)
	mean, scatters := earlyMean(delays)
	scatters = max(scatters, scattered) // an edge's own and its losses', but no less than it has to be: few answers may happen to be alike
	return mean - expected, deviations(alarm) * math.Sqrt(scatters*scatters/float64(answers)+shaking*shaking/float64(len(trips)))
}

// earlyMean is the mean of values without the latest, and that mean's standard deviation for one value: by winsorising, as Tukey and McLaughlin have it for
// trimmed means (Sankhya A 25, 1963).
func earlyMean(values []float64) (mean, deviation float64) {
	if len(values) == 0 {
		return 0, 0
	}
	sorted := slices.Sorted(slices.Values(values))
	kept := len(sorted) - int(trimmed*float64(len(sorted)))
	mean, _ = scatter(sorted[:kept])
	for i := kept; i < len(sorted); i++ {
		sorted[i] = sorted[kept-1]
	}
	_, deviation = scatter(sorted)
	return mean, deviation * float64(len(sorted)) / float64(kept)
}

// clockSlack is what a checker's own instants may be wrong by.
const clockSlack = time.Millisecond

// How far ahead of the quickest round trip a picture may be: spread times as far as the usual one is behind it, divided by the root of their number, since the
// more there are, the nearer the quickest comes to both ways at their best; hundreds of pictures find that. With 20 ms of jitter each way it takes twenty of them to
// be wrong once in 10,000 challenges, or eight that are alike: by chance they all lie within 4 ms as seldom.
const (
	spread     = 10
	leastTrips = 20
	alikeTrips = 8
	alike      = 4 * time.Millisecond
)

// earliest is how soon after it was asked for a picture can have come, if that is known.
func (j *judgement) earliest() (time.Duration, bool) {
	trips := j.w.roundTrips
	if len(trips) < alikeTrips {
		return 0, false
	}
	quickest, usual := slices.Min(trips), j.usualTrip()
	if len(trips) < leastTrips && slices.Max(trips)-quickest > alike {
		return 0, false
	}
	return quickest - time.Duration(spread*float64(usual-quickest)/math.Sqrt(float64(len(trips)))) - clockSlack, true
}

// usualTrip is the median of the round trips, 0 without any.
func (j *judgement) usualTrip() time.Duration {
	if len(j.w.roundTrips) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(j.w.roundTrips))[len(j.w.roundTrips)/2]
}

// late is by how much more than the quickest picture of its nonce another one may take: one whose packet was lost comes a round trip later.
func (j *judgement) late() time.Duration { return j.limits.Late + min(j.usualTrip(), longestTrip) }

// longestTrip is the longest that counts: an edge that is slow to answer is not to be late for it.
const longestTrip = 100 * time.Millisecond
