package congestion

import "time"

const (
	// overdueLeast is the least allowance for an acknowledgement over the shortest one of late: a frame's time of decoding varies
	// by some milliseconds, and so does a browser's main thread.
	overdueLeast = 12 * time.Millisecond
	// overdueMost bounds it: later than this, silence is a fault whatever was usual.
	overdueMost = 250 * time.Millisecond
	// overdueFirst is the lateness that is assumed before any was seen.
	overdueFirst = 15 * time.Millisecond
	// overduePatient is the allowance while frames pass the link easily: then a busy receiver is likelier than a slow link, and
	// one whose threads are late by 30 ms at times must not be taken for one.
	overduePatient = 60 * time.Millisecond
	// overdueMemory is the time constant by which a late acknowledgement is forgotten.
	overdueMemory = 3 * time.Second
	// doubtLeast is the least allowance after which the next frame is made smaller, without a cut yet.
	doubtLeast = 5 * time.Millisecond
)

// overdueWatch knows how late acknowledgements usually are, and so when one is missing.
type overdueWatch struct {
	loops minimum       // from a frame's last packet to its acknowledgement
	late  time.Duration // a peak of the lateness, which decays
	at    Instant
	heard bool
	quiet bool // acknowledgements stopped while reports went on: the page is hidden, say
}

// heardAck learns from an acknowledgement that came loop after its frame's last packet. excused means that something else explains
// its lateness, such as a retransmission.
func (w *overdueWatch) heardAck(now Instant, loop time.Duration, excused bool) {
	w.loops.observe(now, loop)
	w.quiet = false
	if !w.heard {
		w.heard, w.late, w.at = true, overdueFirst, now
	}
	if elapsed := now.Sub(w.at); elapsed > 0 {
		// Linear steps of an exponential: enough for a figure that is itself a guess.
		w.late -= time.Duration(float64(w.late) * min(elapsed.Seconds()/overdueMemory.Seconds(), 1))
		w.at = now
	}
	if least, known := w.loops.over(now, longWindow); known && !excused {
		w.late = min(max(w.late, loop-least), overdueMost)
	}
}

// loop is the shortest way there and back of late.
func (w *overdueWatch) loop(now Instant) (time.Duration, bool) { return w.loops.over(now, longWindow) }

// allowance is how long after the shortest loop an acknowledgement may still come.
func (w *overdueWatch) allowance(patient bool) time.Duration {
	allowed := overdueLeast + w.late*5/4
	if patient {
		allowed = max(allowed, overduePatient)
	}
	return min(allowed, overdueMost)
}

// watching reports whether the watch can say anything.
func (w *overdueWatch) watching() bool { return w.heard && !w.quiet }
