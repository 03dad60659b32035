package microphone

// waitingPacket is a packet that waits to be played.
type waitingPacket struct {
	timestamp int64
	length    int // in samples
	sequence  uint16
	size      int
	data      [longestPayload]byte
}

func (w *waitingPacket) payload() []byte { return w.data[:w.size] }

// queue holds packets in the order of their timestamps. Its memory is its own, once and for all.
type queue struct {
	slots []waitingPacket // made with the first packet
	order [mostWaiting]uint8
	free  [mostWaiting]uint8
	count int
}

func (q *queue) empty() bool { return q.count == 0 }

func (q *queue) clear() {
	for i := range q.free {
		q.free[i] = uint8(i)
	}
	q.count = 0
}

// add takes a packet, unless one with the same timestamp waits, or it is the oldest of too many.
func (q *queue) add(timestamp int64, length int, sequence uint16, payload []byte) bool {
	if q.slots == nil {
		q.slots = make([]waitingPacket, mostWaiting)
		q.clear()
	}
	at := q.count
	for at > 0 && q.slots[q.order[at-1]].timestamp >= timestamp {
		at--
	}
	if at < q.count && q.slots[q.order[at]].timestamp == timestamp {
		return false
	}
	if q.count == mostWaiting {
		if at == 0 {
			return false
		}
		q.drop()
		at--
	}
	slot := q.free[q.count]
	copy(q.order[at+1:q.count+1], q.order[at:q.count])
	q.order[at] = slot
	q.count++
	w := &q.slots[slot]
	w.timestamp, w.length, w.sequence = timestamp, length, sequence
	w.size = copy(w.data[:], payload)
	return true
}

// head is the packet that is played next. It is valid until add.
func (q *queue) head() (*waitingPacket, bool) {
	if q.count == 0 {
		return nil, false
	}
	return &q.slots[q.order[0]], true
}

// drop removes the head; what head returned stays as it is until add.
func (q *queue) drop() {
	slot := q.order[0]
	copy(q.order[:], q.order[1:q.count])
	q.count--
	q.free[q.count] = slot
}
