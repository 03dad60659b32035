package server

import (
	"slices"
	"time"

	"nearlight/signaling"
)

// waiting is a player's place in line. Each node has a line of its own; by what nodes tell each other, who has waited longest anywhere
// comes first.
type waiting struct {
	since time.Time
	told  signaling.Queued // as the player was told last
	yield int              // ticks for which it has let somebody of another node go first
}

const (
	// maxLine bounds the line of a node.
	maxLine = 10000
	// maxYield is how many ticks the first in line leaves to another node's: that one may want what there is not.
	maxYield = 2
	// servedKept is from how many players served lately the pace of the line is taken.
	servedKept = 16
	// servedFor is how long they count as lately.
	servedFor = 30 * time.Minute
)

// handsOver reports whether a session that ends for this reason goes on at another edge: the game and the player are well.
func handsOver(code signaling.Code) bool {
	return code == signaling.CodeEdgeGone || code == signaling.CodeShuttingDown || code == signaling.CodeDegraded
}

// over ends a player's session at its node: for good, or at this edge.
func (r *registry) over(p *player, m signaling.Ended) {
	if p.request.Wait && p.request.Watch == "" && handsOver(m.Reason.Code) {
		if p.guest != nil {
			p.guest.tell(body{Moved: m.Reason})
			return
		}
		r.handOver(p, m.Reason)
		return
	}
	r.unclaim(p)
	r.endRequest(p, m.Reason)
	p.send(m)
	r.rest(p)
}

// handOver finds another edge for a player whose own cannot go on.
func (r *registry) handOver(p *player, reason *signaling.Error) {
	p.request.Resume, p.request.Restart = "", false
	p.tries, p.handed = 0, true
	p.asked = true // there is no time to measure: what it has measured before counts
	if reason.Code == signaling.CodeDegraded {
		p.rest, p.had = time.Now().Add(moveRest), ""
	}
	p.log.Info("player is handed to another edge", "why", reason.Code)
	r.metrics.handovers.Inc()
	p.send(signaling.Moved{Reason: reason})
	r.traceRequest(p, spanMove, true)
	if err := r.assign(p); err != nil {
		r.unclaim(p)
		r.endRequest(p, err)
		p.send(signaling.Ended{Reason: reason}) // there is none
		r.rest(p)
	}
}

// enqueue puts a player in line, or refuses it where the line is too long.
func (r *registry) enqueue(p *player, full *signaling.Error) *signaling.Error {
	if p.waiting != nil {
		return nil
	}
	if len(r.line) >= maxLine {
		return full
	}
	r.alarms.stop(p.idle)
	p.waiting = &waiting{since: time.Now()}
	r.step(p, nil, spanLine)
	r.line = append(r.line, p)
	p.log.Info("player waits in line", "position", len(r.line))
	r.tellLine()
	if r.cluster == nil {
		r.watchLine()
	} else {
		r.cluster.told = time.Time{} // the others hear of it at the next tick
	}
	return nil
}

// watchLine looks after the line of a node alone, for as long as there is one; in a cluster tick does.
func (r *registry) watchLine() {
	if r.lineWatched {
		return
	}
	r.lineWatched = true
	var look func()
	look = func() {
		r.serveQueue()
		if r.lineWatched = len(r.line) > 0; r.lineWatched {
			r.after(presenceTick, look)
		}
	}
	r.after(presenceTick, look)
}

// dequeue takes a player out of the line.
func (r *registry) dequeue(p *player) {
	if p.waiting == nil {
		return
	}
	p.waiting = nil
	r.endStep(p, nil)
	if at := slices.Index(r.line, p); at >= 0 {
		r.line = slices.Delete(r.line, at, at+1)
	}
	if r.cluster != nil {
		r.cluster.told = time.Time{}
	}
}

// serveQueue gives edges to those who wait, the first in line first. One who wants what there is not is passed by.
func (r *registry) serveQueue() {
	if len(r.line) == 0 {
		return
	}
	if len(r.vacant)+len(r.reserved) > 0 && !r.ebbing() {
		for _, p := range slices.Clone(r.line) {
			if p.waiting == nil || len(r.vacant) == 0 && !p.errand.checks() || !r.turn(p) {
				continue
			}
			request, candidates, err := r.shortlist(p)
			if err != nil {
				continue
			}
			ranked := r.rank(p, p.recall(candidates))
			if len(ranked) == 0 {
				continue
			}
			r.served = append(r.served, time.Now())
			if len(r.served) > servedKept {
				r.served = slices.Delete(r.served, 0, 1)
			}
			r.metrics.queued.Observe(time.Since(p.waiting.since).Seconds())
			r.dequeue(p)
			p.tries = 0
			if err := r.settle(p, request, ranked); err != nil {
				r.endRequest(p, err)
				p.end(err)
			}
		}
	}
	r.tellLine()
}

// turn reports whether a player may take what there is: nobody has waited longer at another node, or has left it lying.
func (r *registry) turn(p *player) bool {
	if r.older(p.waiting.since) == 0 || p.waiting.yield >= maxYield {
		return true
	}
	p.waiting.yield++
	return false
}

// older is how many at other nodes have waited since before a time.
func (r *registry) older(since time.Time) int {
	if r.cluster == nil {
		return 0
	}
	n, at := 0, since.UnixMilli()
	for _, other := range r.cluster.nodes {
		for _, t := range other.queue {
			if t < at {
				n++
			}
		}
	}
	return n
}

// queueTold is since when players wait here, for the other nodes.
func (r *registry) queueTold() []int64 {
	told := make([]int64, 0, min(len(r.line), maxQueueTold))
	for _, p := range r.line[:min(len(r.line), maxQueueTold)] {
		told = append(told, p.waiting.since.UnixMilli())
	}
	return told
}

// tellLine tells those whose place has changed.
func (r *registry) tellLine() {
	elsewhere := 0
	if r.cluster != nil {
		for _, n := range r.cluster.nodes {
			elsewhere += len(n.queue)
		}
	}
	pace := r.pace()
	for i, p := range r.line {
		position := i + 1 + r.older(p.waiting.since)
		next := signaling.Queued{Position: position, Waiting: max(position, len(r.line)+elsewhere), Estimate: -1}
		if pace > 0 {
			next.Estimate = min(int((time.Duration(position) * pace).Seconds()), 86_400)
		}
		last := p.waiting.told
		// An estimate that moves a little is not worth a message.
		if last.Position == next.Position && last.Waiting == next.Waiting && abs(last.Estimate-next.Estimate) <= max(5, next.Estimate/10) {
			continue
		}
		p.waiting.told = next
		p.send(next)
	}
}

// pace is how long the line lately took to move by one; 0: nobody knows.
func (r *registry) pace() time.Duration {
	for len(r.served) > 0 && time.Since(r.served[0]) > servedFor {
		r.served = slices.Delete(r.served, 0, 1)
	}
	if len(r.served) < 3 {
		return 0
	}
	return time.Since(r.served[0]) / time.Duration(len(r.served))
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
