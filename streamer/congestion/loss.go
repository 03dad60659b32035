package congestion

import "time"

const (
	// lossWindow is over how many packets loss is counted, roughly: counts are halved when there are more.
	lossWindow = 400
	// lossEnough is how many packets make a share of them worth anything.
	lossEnough = 120
	// lossQueued is the share of packets lost above chance from a long queue that shows it to overflow.
	lossQueued = 0.015
	// lossHeavy is the share above which loss is answered wherever it comes from: no radio link loses so much for long, but a
	// policer does, which drops what is over its rate and delays nothing.
	lossHeavy = 0.12
)

// lossClassifier tells loss from full queues from loss at random. A queue overflows when it is long, so packets lost from it have
// neighbours that waited longer than most; random loss hits packets whatever they waited.
type lossClassifier struct {
	packets, long         float64 // all that were reported, and those next to long waits
	lost, lostLong        float64
	mean, deviation       float64 // of the wait, in seconds
	previous              time.Duration
	runPackets, runLosses int // since the last verdict
}

// reported counts one packet in the order of sending; queue is the wait of an arrived one.
func (l *lossClassifier) reported(arrived bool, queue time.Duration) {
	if arrived {
		wait := queue.Seconds()
		const gain = 1.0 / 64
		difference := wait - l.mean
		l.mean += gain * difference
		l.deviation += gain * (max(difference, -difference) - l.deviation)
		l.previous = queue
	}
	// What was lost waited about as long as the one before it. 1 ms is the least that is called a wait: below it is the clock's grain.
	isLong := l.previous.Seconds() > max(l.mean+l.deviation, 0.001)
	l.packets++
	l.runPackets++
	if isLong {
		l.long++
	}
	if !arrived {
		l.lost++
		l.runLosses++
		if isLong {
			l.lostLong++
		}
	}
	if l.packets > lossWindow {
		l.packets, l.long, l.lost, l.lostLong = l.packets/2, l.long/2, l.lost/2, l.lostLong/2
	}
}

// share is the share of packets lost.
func (l *lossClassifier) share() float64 {
	if l.packets < lossEnough {
		return 0
	}
	return l.lost / l.packets
}

// queued is the share of packets lost from a long queue, beyond those that chance would have put there.
func (l *lossClassifier) queued() float64 {
	if l.packets < lossEnough || l.lost < 3 {
		return 0
	}
	usual := l.long / l.packets
	seen := l.lostLong / l.lost
	// Of few losses many are next to long waits by chance; the spread of a share of n is at most half of 1/sqrt(n).
	margin := 1 / l.lost
	if seen <= usual+0.25+margin {
		return 0
	}
	return l.lost / l.packets * (seen - usual)
}

// settle forgets what was counted, after a cut: what follows is judged by itself.
func (l *lossClassifier) settle() {
	l.packets, l.long, l.lost, l.lostLong = 0, 0, 0, 0
}
