package play

import "time"

// quality trades the distance that the eye sees for time. Pictures are never drawn smaller.
//
// It looks at windows of pictures: were many of them slow, it sees less at once; were nearly all quick for several
// windows, it sees a little more again.
type quality struct {
	budget time.Duration
	reach  float64 // a share, see scene.Studio
	seen   int
	slow   int
	quick  int
	calm   int // windows in a row with time to spare
}

const (
	qualityWindow = 30   // pictures
	slowShare     = 0.60 // of the time between two pictures: the rest belongs to encoder and display
	quickShare    = 0.40
	reachLost     = 0.12
	reachGained   = 0.04
	reachLeast    = 0.45
	calmWindows   = 4
)

func newQuality(period time.Duration) quality { return quality{budget: period, reach: 1} }

// observe takes what one picture took and returns how far the next may see.
func (q *quality) observe(took time.Duration) float64 {
	q.seen++
	if float64(took) > slowShare*float64(q.budget) {
		q.slow++
	}
	if float64(took) < quickShare*float64(q.budget) {
		q.quick++
	}
	if q.seen < qualityWindow {
		return q.reach
	}
	switch {
	case q.slow > qualityWindow/3:
		q.reach, q.calm = max(q.reach-reachLost, reachLeast), 0
	case q.quick > qualityWindow*9/10:
		if q.calm++; q.calm >= calmWindows {
			q.reach = min(q.reach+reachGained, 1)
		}
	default:
		q.calm = 0
	}
	q.seen, q.slow, q.quick = 0, 0, 0
	return q.reach
}
