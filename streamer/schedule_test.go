package streamer

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"nearlight/internal/media"
)

// queue is a line of packets, in octets.
type queue []int

func (q queue) length(n int) (int, bool) {
	if n >= len(q) {
		return 0, false
	}
	return q[n], true
}

// send takes what is due, and returns how much.
func (q *queue) send(s *schedule, now media.Instant) (octets int) {
	for n := s.due(now, q.length); n > 0; n-- {
		s.took((*q)[0])
		octets += (*q)[0]
		*q = (*q)[1:]
	}
	return octets
}

func (q *queue) put(s *schedule, packets, size int) {
	for range packets {
		*q = append(*q, size)
		s.add(size)
	}
}

func TestWithoutAPaceEverythingLeavesAtOnce(t *testing.T) {
	var s schedule
	var q queue
	q.put(&s, 300, 1200)
	if q.send(&s, 1); len(q) != 0 {
		t.Errorf("%d packets wait", len(q))
	}
}

// leave runs the schedule until the line is empty and returns how long that took and what left first.
func (q *queue) leave(s *schedule, now media.Instant) (took time.Duration, first int, trains int) {
	began := now
	for len(*q) > 0 {
		octets := 0
		for sent := q.send(s, now); sent > 0; sent = q.send(s, now) {
			octets += sent
		}
		if trains++; trains == 1 {
			first = octets
		}
		if len(*q) > 0 {
			now = s.next
		}
	}
	return now.Sub(began), first, trains
}

func TestAFrameLeavesAtThePaceInAFewTrains(t *testing.T) {
	now := media.Instant(time.Hour)
	for _, row := range []struct {
		pace    media.Bitrate
		within  time.Duration
		packets int
		least   time.Duration
		most    time.Duration
		trains  int
		reason  string
	}{
		{8 * media.Mbps, 0, 20, 11 * time.Millisecond, 14 * time.Millisecond, 9, "24 kB at 8 Mbit/s are 24 ms, less a burst of 10"},
		{8 * media.Mbps, 8 * time.Millisecond, 20, 3 * time.Millisecond, 8 * time.Millisecond, 8, "it has half a frame's time"},
		{8 * media.Mbps, 0, 6, 0, 0, 1, "a small frame leaves at once"},
		{100 * media.Mbps, 0, 20, 0, 2 * time.Millisecond, 3, "a fast link"},
		{2 * media.Mbps, 8 * time.Millisecond, 100, 6 * time.Millisecond, 8 * time.Millisecond, 9, "a keyframe on a slow link has no more time"},
	} {
		s, q := schedule{}, queue{}
		s.setPace(row.pace, row.within)
		q.put(&s, row.packets, 1200)
		took, first, trains := q.leave(&s, now)
		if took < row.least || took > row.most || trains > row.trains || trains < 1 {
			t.Errorf("%s: left in %v (want %v to %v), %d trains (at most %d), first %d octets", row.reason, took, row.least, row.most, trains, row.trains, first)
		}
	}
}

func TestWhatWasNotUsedIsNotSavedUp(t *testing.T) {
	s, q := schedule{}, queue{}
	s.setPace(8*media.Mbps, 0)
	now := media.Instant(time.Hour)
	for range 3 {
		q.put(&s, 50, 1200)
		if _, first, _ := q.leave(&s, now); first > burst+2*1200 {
			t.Errorf("%d octets left at once", first)
		}
		now = now.Add(10 * time.Second)
	}
}

func TestThePaceHoldsWhateverComes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pace := media.Bitrate(rapid.Int64Range(100_000, 100_000_000).Draw(t, "pace"))
		s, q := schedule{}, queue{}
		s.setPace(pace, 0)
		now := media.Instant(time.Hour)
		begin, octets := now, 0
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			q.put(&s, rapid.IntRange(0, 20).Draw(t, "packets"), rapid.IntRange(20, 1200).Draw(t, "size"))
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(20*time.Millisecond)).Draw(t, "gap")))
			for sent := q.send(&s, now); sent > 0; sent = q.send(&s, now) {
				octets += sent
			}
			train := int(float64(pace)*trainTime.Seconds()/8) + 2*trainLeast*1200
			if most := int(float64(pace)*now.Sub(begin).Seconds()/8) + burst + train; octets > most {
				t.Fatalf("%d octets in %v at %v: at most %d may leave", octets, now.Sub(begin), pace, most)
			}
			if len(q) > 0 && s.next <= now {
				t.Fatalf("%d packets wait for an instant that has passed", len(q))
			}
		}
	})
}
