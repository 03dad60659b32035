package streamer

import (
	"time"

	"nearlight/internal/alarm"
	"nearlight/internal/media"
	"nearlight/streamer/recovery"
)

// Loss is a report on frames that the player does not have.
type Loss struct {
	First, Last media.Instant // capture times: of the first frame that is missing, and of the last one that was sent after it
	// Certain means that nothing will come of the missing frame any more. Else its repeats are on their way, and the stream should do
	// without the frames only if that costs no keyframe.
	Certain bool
}

// Mended counts what was done about losses.
type Mended struct {
	Repeats, Repairs uint64 // packets that were sent
	// Requests for packets that were not answered, and repair packets that were not made, since the frame could not be shown in time any
	// more, or was not needed.
	RepeatsTooLate, RepairsTooLate uint64
}

// mending is what an outbound knows of frames that may be missing. Its owner guards it.
type mending struct {
	frames    recovery.Frames
	roundTrip time.Duration // the newest one that was told
	loss      Loss
	found     bool // loss is to be told
	probed    int64
	probes    int // of the frame probed
	counts    Mended
}

// begun tells of a frame that is put in line.
func (m *mending) begun(head packetHead) {
	m.frames.Sent(head.frame, head.distance == 0, int(head.distance)-1)
}

// missing adds a frame to the loss that is to be told.
func (m *mending) missing(captured, newest media.Instant, certain bool) {
	if !m.found {
		m.loss = Loss{First: captured, Last: newest, Certain: certain}
		m.found = true
		return
	}
	m.loss.First, m.loss.Last = min(m.loss.First, captured), max(m.loss.Last, newest)
	m.loss.Certain = m.loss.Certain || certain
}

// again answers a request for a packet that was lost.
func (o *outbound) again(sequence uint16, now media.Instant, roundTrip time.Duration) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mending.roundTrip = roundTrip
	k := o.kept[sequence%keptPackets]
	if o.wire == nil || k == nil || k.sequence != sequence || k.firstSent == 0 {
		return nil // never sent, or too long ago
	}
	if k.asked == 0 {
		o.protection.policy.Missed(sequence)
	}
	if !o.mending.frames.Needed(k.frame) {
		o.mending.counts.RepeatsTooLate++
		k.asked = now
		return nil
	}
	if k.asked == 0 {
		k.asked = now
	}
	verdict := recovery.Judge(recovery.Packet{Waited: now.Sub(k.asked), Since: now.Sub(k.lastSent), Repeats: k.repeats}, roundTrip)
	if verdict.Lost || verdict.Doubt {
		o.mending.missing(k.captured, o.kept[(o.next-1)%keptPackets].captured, verdict.Lost)
	}
	if verdict.Lost {
		o.mending.counts.RepeatsTooLate++
	}
	o.mending.counts.Repeats += uint64(verdict.Copies)
	for range verdict.Copies {
		if err := o.repeat(k); err != nil {
			return err
		}
	}
	o.settle(media.Now())
	return nil
}

// giveUp answers a request for a packet as if it were lost for good.
func (o *outbound) giveUp(sequence uint16) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if k := o.kept[sequence%keptPackets]; k != nil && k.sequence == sequence && o.mending.frames.Needed(k.frame) {
		o.mending.counts.RepeatsTooLate++
		o.mending.missing(k.captured, o.kept[(o.next-1)%keptPackets].captured, true)
	}
}

// mended is Mended.
func (o *outbound) mended() Mended {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.mending.counts
}

// takeLoss returns what is to be told of missing frames, once. A player who was not told which frames need which cannot go on after a
// loss without a keyframe, so that only what is certain counts; precise says whether it was.
func (o *outbound) takeLoss() (loss Loss, precise, found bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	found = o.mending.found
	o.mending.found = false
	precise = o.wire != nil && o.wire.dependencyID != 0
	return o.mending.loss, precise, found && (precise || o.mending.loss.Certain)
}

// shown tells that the player has shown a frame.
func (o *outbound) shown(frame int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mending.frames.Shown(frame)
}

// tailDue is when the newest packet is sent again if nothing else happens. The caller holds mu.
func (o *outbound) tailDue(now media.Instant) media.Instant {
	m := &o.mending
	k := o.kept[(o.next-1)%keptPackets]
	if k == nil || !k.marker || k.lastSent == 0 || k.frame != m.frames.Newest() {
		return alarm.Never
	}
	if m.probed != k.frame {
		m.probed, m.probes = k.frame, 0
	}
	wait, is := m.frames.Tail(m.probes, m.roundTrip)
	if !is {
		return alarm.Never
	}
	return max(k.lastSent.Add(wait), now)
}

// probeTail sends the newest packet again if it is time, and returns when to look again. The caller holds mu.
func (o *outbound) probeTail(now media.Instant) media.Instant {
	due := o.tailDue(now)
	if due > now || o.wire == nil {
		return due
	}
	o.mending.probes++
	k := o.kept[(o.next-1)%keptPackets]
	if err := o.repeat(k); err != nil {
		return alarm.Never // whoever writes next is told
	}
	o.settle(media.Now())
	return o.tailDue(media.Now())
}
