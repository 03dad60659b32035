package congestion

import "time"

const (
	// lossWindow is over how many packets loss is counted, roughly: counts are halved when there are more.
	lossWindow = 400
	// lossEnough is how many packets make a share of them worth anything.
	lossEnough = 120
	// lossQueued is the share of packets lost above chance from a long queue that shows it to overflow.
	lossQueued = 0.015
	// lossChance is how many more of the losses than of the packets must be next to long waits, as a share.
	lossChance = 0.25
	// lossHeavy is the share above which loss is answered wherever it comes from: no radio link loses so much for long, but a
	// policer does, which drops what is over its rate and delays nothing.
	lossHeavy = 0.12
	// lossGrace is how long a queue that filled while nothing was heard may go on to drop.
	lossGrace = 500 * time.Millisecond
)

// lossClassifier tells loss from full queues from loss at random. A queue overflows when it is long, so packets lost from it have
// neighbours that waited longer than most; random loss hits packets whatever they waited.
type lossClassifier struct {
	packets, long   float64 // all that were reported, and those next to long waits
	lost, lostLong  float64 // of those, what was lost
	runs            float64 // in how many rows of packets
	gone            bool    // the last one is missing
	fresh, held     missing // what this batch of reports says is missing, and the one before
	mean, deviation float64 // of the wait, in nanoseconds
	previous        float64 // the last wait
	after           Instant // loss of what was sent before is known to be something else's doing
}

// missing packets count as lost one batch of reports later, if they did not come by then.
type missing struct{ packets, long, runs float64 }

// reported counts one packet in the order of sending; queue is the wait of an arrived one.
func (l *lossClassifier) reported(arrived bool, queue time.Duration) {
	if arrived {
		wait := float64(queue)
		const gain = 1.0 / 64
		difference := wait - l.mean
		l.mean += gain * difference
		l.deviation += gain * (max(difference, -difference) - l.deviation)
		l.previous = wait
	}
	// What was lost waited about as long as the one before it.
	isLong := l.previous > max(l.mean+l.deviation, float64(queueGrain))
	l.packets++
	if isLong {
		l.long++
	}
	if !arrived {
		if !l.gone {
			l.fresh.runs++
		}
		l.fresh.packets++
		if isLong {
			l.fresh.long++
		}
	}
	l.gone = !arrived
	if l.packets > lossWindow {
		l.packets, l.long, l.lost, l.lostLong, l.runs = l.packets/2, l.long/2, l.lost/2, l.lostLong/2, l.runs/2
	}
}

// found takes back that a packet is missing, since it came after all.
func (l *lossClassifier) found() {
	if l.held.packets > 0 {
		l.held.long -= l.held.long / l.held.packets
		l.held.runs -= l.held.runs / l.held.packets
		l.held.packets--
	}
}

// batch ends a batch of reports.
func (l *lossClassifier) batch() {
	l.lost += l.held.packets
	l.lostLong += l.held.long
	l.runs += l.held.runs
	l.held, l.fresh = l.fresh, missing{}
}

// share is the share of packets lost.
func (l *lossClassifier) share() float64 {
	if l.packets < lossEnough {
		return 0
	}
	return min(l.lost/l.packets, 1)
}

// queued is the share of packets lost from a long queue, beyond those that chance would have put there.
func (l *lossClassifier) queued() float64 {
	if l.packets < lossEnough || l.runs < 3 {
		return 0
	}
	usual := l.long / l.packets
	seen := l.lostLong / l.lost
	// Of few losses many are next to long waits by chance, and what is lost in a row is lost once.
	if seen <= usual+lossChance+1/l.runs {
		return 0
	}
	return l.lost / l.packets * (seen - usual)
}

// settle forgets what was counted, after a cut: what follows is judged by itself.
func (l *lossClassifier) settle() {
	l.packets, l.long, l.lost, l.lostLong, l.runs = 0, 0, 0, 0, 0
	l.fresh, l.held = missing{}, missing{}
}

// excuse forgets what was counted, and the loss of all that was sent before until: a link that stood still lost it.
func (l *lossClassifier) excuse(until Instant) {
	l.settle()
	l.after = until
}
