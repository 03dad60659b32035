package congestion

import "time"

const (
	// minimumSlot and minimumSlots make a window of 8 s: long enough that a link that is kept at nine tenths was empty several times
	// within it, short enough that clocks which drift apart by 200 parts in a million shift it by 1.6 ms.
	minimumSlot  = 250 * time.Millisecond
	minimumSlots = 32

	longWindow = minimumSlot * minimumSlots
	// shortWindow is for a queue that somebody else keeps filled: its least over the last second is taken for empty.
	shortWindow = time.Second
)

// minimum is the least value of a sliding window. What is least is what waited nowhere, so that differences to it are waits,
// even where the two clocks behind a value have nothing in common.
type minimum struct {
	slots [minimumSlots]struct {
		number int64 // which slot of time this is
		value  time.Duration
		used   bool
	}
}

func slotOf(at Instant) (number int64, index int) {
	number = int64(at) / int64(minimumSlot)
	index = int(number % minimumSlots)
	if index < 0 {
		index += minimumSlots
	}
	return number, index
}

func (m *minimum) observe(at Instant, value time.Duration) {
	number, index := slotOf(at)
	slot := &m.slots[index]
	if !slot.used || slot.number != number {
		if slot.used && slot.number > number {
			return // older than the window
		}
		slot.number, slot.value, slot.used = number, value, true
		return
	}
	slot.value = min(slot.value, value)
}

// over returns the least of the last window, of at most longWindow. When that holds nothing, it is the newest slot's that there
// is: after a silence the old minimum is all that is known.
func (m *minimum) over(at Instant, window time.Duration) (least time.Duration, known bool) {
	now, _ := slotOf(at)
	oldest := now - int64(window/minimumSlot) + 1
	var newest int64
	var stale time.Duration
	found := false
	for i := range m.slots {
		slot := &m.slots[i]
		if !slot.used {
			continue
		}
		if slot.number >= oldest && (!found || slot.value < least) {
			least, found = slot.value, true
		}
		if !known || slot.number > newest {
			newest, stale, known = slot.number, slot.value, true
		}
	}
	if !found {
		return stale, known
	}
	return least, true
}

func (m *minimum) reset() { *m = minimum{} }
