package streamer

import (
	"time"

	"github.com/pion/rtcp"

	"nearlight/streamer/ccfb"
)

// ecnPath finds out whether a path carries ECN's marks, and says which packets ask for them (RFC 6679 section 7.2.1, RFC 9331 section
// 5.4.1 for ECT(1)):
//
//	testing --- enough of those marked came as they were sent, or with a congestion mark -> capable
//	testing --- one came with its field changed, all were lost, or all have the mark ------> refused
//	capable --- some came with their field changed -----------------------------------------> refused
//	capable --- nothing is heard any more --------------------------------------------------> testing
//
// While it tests, one packet of each frame is marked, so that a path that drops such packets costs a repeat each and no picture. Another
// path begins anew. Its zero value tests.
type ecnPath struct {
	state ecnState
	// What is known of the packets marked since the state was entered.
	passed, congested, lost, changed int
	marked                           [loggedPackets]ecnMarked // by number modulo
}

type ecnState uint8

const (
	ecnTesting ecnState = iota
	ecnCapable
	ecnRefused
)

func (s ecnState) String() string { return [...]string{"testing", "capable", "refused"}[s] }

// ecnMarked is a packet that was marked; count is one more than its number, 0 for none.
type ecnMarked struct {
	count int64
	lost  bool // as far as was heard
}

const (
	// ecnTests is how many marked packets decide, ecnAllCongested how many if all of them came with a congestion mark: then it is the
	// path's habit and says nothing.
	ecnTests        = 10
	ecnAllCongested = 60
	// ecnChanges is how many changed fields end what worked: the way may have changed for good.
	ecnChanges = 3
	// ecnAlone is by how much a frame's first packet leaves ahead of the others, where packets are marked: with others right behind it, a
	// low-latency queue (RFC 9332 appendix A) takes it for the head of a queue as soon as a classic packet is before it,
	// which takes 1.2 ms on a link of 10 Mbit/s.
	ecnAlone = 1300 * time.Microsecond
)

// ecnMarks says which packets are marked.
type ecnMarks uint8

const (
	ecnNone  ecnMarks = iota
	ecnFirst          // of each frame the first
	ecnAll
)

// marks says which packets of the next frame are marked. starved means that nothing is heard from the player.
func (e *ecnPath) marks(starved bool) ecnMarks {
	if starved && e.state == ecnCapable {
		e.enter(ecnTesting)
	}
	switch e.state {
	case ecnTesting:
		return ecnFirst
	case ecnCapable:
		return ecnAll
	}
	return ecnNone
}

func (e *ecnPath) enter(state ecnState) {
	*e = ecnPath{state: state, marked: e.marked}
	if state == ecnTesting {
		clear(e.marked[:]) // what was sent before says nothing of what is tested now
	}
}

// sent tells of a marked packet that left.
func (e *ecnPath) sent(number int64) { e.marked[number%loggedPackets] = ecnMarked{count: number + 1} }

// reported takes what the player says of a packet. Reports may overlap, and say first that a packet is lost.
func (e *ecnPath) reported(p ccfb.Packet) {
	m := &e.marked[p.Number%loggedPackets]
	if m.count != p.Number+1 || m.lost && !p.Arrived {
		return
	}
	switch {
	case !p.Arrived:
		m.lost = true
		e.lost++
	default:
		if m.lost {
			e.lost--
		}
		m.count = 0
		switch p.ECN {
		case rtcp.ECNCE:
			e.congested++
			e.passed++
		case rtcp.ECNECT1:
			e.passed++
		default:
			e.changed++
		}
	}
	e.decide()
}

func (e *ecnPath) decide() {
	switch e.state {
	case ecnTesting:
		switch {
		case e.changed > 0, e.lost >= ecnTests && e.passed == 0, e.congested == e.passed && e.passed >= ecnAllCongested:
			e.enter(ecnRefused)
		case e.passed >= ecnTests && e.congested < e.passed:
			e.enter(ecnCapable)
		}
	case ecnCapable:
		if e.changed >= ecnChanges {
			e.enter(ecnRefused)
		}
	}
}

// mark has the next packet say whether it is ECN-capable. The caller holds mu.
func (o *outbound) mark(begins bool) (ect bool) {
	ect = o.marks == ecnAll || o.marks == ecnFirst && begins
	if ect != o.marked {
		o.marked = ect
		o.flow.MarkECN(ect)
	}
	return ect
}

// ahead reports whether the first of so many packets that are due leaves some time before the others: a frame's first, where its mark is to
// tell of the queue that was there. The caller holds mu.
func (o *outbound) ahead(packets int) bool {
	return o.marks == ecnAll && o.schedule.pace > 0 && packets > 1 && o.kept[o.first%keptPackets].begins
}
