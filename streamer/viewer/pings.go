package viewer

import (
	"crypto/rand"
	"encoding/binary"
	"sync"
	"time"

	"nearlight/internal/media"
	"nearlight/streamer/control"
)

// Exchange is one question to the edge and its answer. Asked and Answered are on this machine's clock, Edge is what the edge's showed
// somewhere in between.
type Exchange struct {
	Asked, Answered media.Instant
	Edge            media.Instant
}

// RoundTrip is how long it took.
func (e Exchange) RoundTrip() time.Duration { return e.Answered.Sub(e.Asked) }

// keptPings is how many questions may wait for an answer. A power of two.
const keptPings = 16

// pings knows which questions wait. Nobody can answer one before it was asked: they have random names.
type pings struct {
	mu    sync.Mutex
	asked [keptPings]asked
	count int
}

type asked struct {
	id uint32
	at media.Instant // 0: it was answered
}

// add notes a question. It pushes out the oldest.
func (p *pings) add(id uint32, at media.Instant) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked[p.count%keptPings] = asked{id, at}
	p.count++
}

// take finds a question and forgets it: each counts once.
func (p *pings) take(id uint32) (at media.Instant, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.asked {
		if a := &p.asked[i]; a.at != 0 && a.id == id {
			at, a.at = a.at, 0
			return at, true
		}
	}
	return 0, false
}

// Ping asks the edge for its clock. Config.Answered is told the answer, if one comes.
func (v *Viewer) Ping() error {
	var name [4]byte
	_, _ = rand.Read(name[:]) // does not fail
	id, now := binary.BigEndian.Uint32(name[:]), media.Now()
	v.pings.add(id, now)
	return v.Send(&control.Ping{ID: id, Sent: v.Clock(now)})
}

// answer takes what came as an answer.
func (v *Viewer) answer(pong *control.Pong, now media.Instant) {
	if at, known := v.pings.take(pong.ID); known && v.answered != nil {
		v.answered(Exchange{Asked: at, Answered: now, Edge: media.Instant(pong.Edge)})
	}
}
