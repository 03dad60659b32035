package congestion

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestDefaultsAreWithinEachOther(t *testing.T) {
	for _, step := range []struct {
		config        Config
		want, ceiling Bitrate
		why           string
	}{
		{Config{}, 3 * mbps, 20 * mbps, "the defaults"},
		{Config{Ceiling: 2 * mbps}, 2 * mbps, 2 * mbps, "a start above the ceiling"},
		{Config{Ceiling: 500_000}, 500_000, 500_000, "a floor above the ceiling"},
		{Config{Floor: 5 * mbps}, 5 * mbps, 20 * mbps, "a start below the floor"},
		{Config{Ceiling: -1, Floor: -1, Start: -1, FrameInterval: -1}, 3 * mbps, 20 * mbps, "nonsense"},
	} {
		c := New(0, step.config)
		if got := c.Target(); got != step.want {
			t.Errorf("%s: the target is %d, want %d", step.why, got, step.want)
		}
		if got := c.Next(0).Budget; got <= 0 || got > int(step.want)/8/60+1 {
			t.Errorf("%s: the first budget is %d bytes", step.why, got)
		}
	}
}

func TestAChangedCeilingHoldsAtOnceAndTheFloorComesBack(t *testing.T) {
	c := New(0, Config{Ceiling: 20 * mbps, Floor: 2 * mbps, Start: 10 * mbps})
	c.SetCeiling(1 * mbps)
	if got := c.Target(); got != 1*mbps {
		t.Errorf("under a ceiling of 1 Mbit/s the target is %d", got)
	}
	c.SetCeiling(0)
	c.SetCeiling(20 * mbps)
	if got := c.Target(); got != 2*mbps {
		t.Errorf("under a higher ceiling the target is %d, want the floor", got)
	}
}

func TestTheTargetIsAlwaysANumber(t *testing.T) {
	c := New(0, Config{})
	for _, rate := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 0, 1e300} {
		c.set(rate)
		if !(c.rate >= c.floor && c.rate <= c.ceiling) {
			t.Errorf("set to %v, the target is %v", rate, c.rate)
		}
	}
}

func TestStatesAndCausesHaveNames(t *testing.T) {
	for s := Starting; s <= Starved; s++ {
		if s.String() == "" {
			t.Errorf("state %d has no name", s)
		}
	}
	for c := None; c <= Silence; c++ {
		if c.String() == "" {
			t.Errorf("cause %d has no name", c)
		}
	}
}

func TestAFrameLeavesWithinHalfItsIntervalAtTwiceTheTarget(t *testing.T) {
	c := New(0, Config{Ceiling: 20 * mbps, Start: 12 * mbps, FrameInterval: second / 50})
	grant := c.Next(0)
	if grant.Budget != 12*mbps/8/50 || grant.Pacing != 24*mbps || grant.Spread != 10*milli || grant.Trains < 2 || grant.Skip {
		t.Errorf("granted %+v", grant)
	}
}

func TestRetransmissionsAndAudioAreTakenOffTheNextBudget(t *testing.T) {
	c := New(0, Config{Ceiling: 20 * mbps, Start: 12 * mbps})
	full := c.Next(0).Budget
	c.PacketSent(SentPacket{Sequence: 1, Size: 1200, Sent: 1, Kind: Retransmission})
	c.PacketSent(SentPacket{Sequence: 2, Size: 300, Sent: 2, Kind: Audio, Frame: -1})
	if got := c.Next(Instant(second / 60)).Budget; got != full-1500 {
		t.Errorf("after 1500 other bytes the budget is %d, want %d", got, full-1500)
	}
	if got := c.Next(Instant(second / 30)).Budget; got != full {
		t.Errorf("the next one is %d, want %d", got, full)
	}
}

func TestAnOverdueAcknowledgementCutsBeforeAnyReport(t *testing.T) {
	p := lively()
	before := p.c.Target()
	dead := p.now
	p.link.rate = func(time.Duration) float64 { return 0 }
	p.run(dead + 110*milli)
	f := p.c.Figures(Instant(p.now))
	if f.Cause != Overdue || f.State != Braking || p.c.Target() > before*9/10 {
		t.Errorf("110 ms after the link died it is %v for %v at %d", f.State, f.Cause, f.Target)
	}
	if !p.c.Next(Instant(p.now)).Skip {
		t.Error("another frame is wanted")
	}
}

// lively is a controller in the middle of a stream over a link of 10 Mbit/s.
func lively() *player {
	w := newWorld(1)
	p := newPlayer(w, &link{world: w, rate: constant(10 * mbps), delay: 20 * milli, limit: queueOf(10*mbps, 100*milli)}, Config{Ceiling: 20 * mbps})
	p.start(0)
	w.run(3 * second)
	return p
}

func TestForgedAcknowledgementsAreIgnored(t *testing.T) {
	p := lively()
	now := Instant(p.now)
	before := *p.c
	newest := p.c.frames.newest
	for _, ack := range []Ack{
		{Frame: newest + 1}, {Frame: newest + 1000}, {Frame: -5}, {Frame: math.MaxInt64}, {Frame: math.MinInt64},
		{Frame: p.c.frames.acked},      // again
		{Frame: p.c.frames.acked - 10}, // older than what was acknowledged
		{Frame: newest, Received: math.MaxInt64}, {Frame: newest, Received: math.MinInt64},
	} {
		p.c.Acknowledged(now, ack)
	}
	p.c.Acknowledged(now.Add(-second), Ack{Frame: newest}) // before it was sent
	if *p.c != before {
		t.Error("an acknowledgement of what cannot be changed something")
	}
}

func TestForgedReportsAreIgnored(t *testing.T) {
	p := lively()
	now := Instant(p.now)
	feedback, target := p.c.feedback, p.c.Target()
	last := p.sequence
	p.c.Reported(now, []Report{
		{Sequence: last + 1, Arrived: true}, {Sequence: last + 70000, Arrived: true}, {Sequence: -1, Arrived: true, CE: true},
		{Sequence: math.MaxInt64, Arrived: true}, {Sequence: math.MinInt64}, {Sequence: 1, Arrived: true, CE: true}, {Sequence: 1},
	})
	p.c.Reported(now, nil)
	if p.c.feedback != feedback || p.c.Target() != target {
		t.Error("reports of what was never sent, or long forgotten, changed something")
	}
}

func TestAcknowledgementsThatLieDoNotRaiseTheTarget(t *testing.T) {
	w := newWorld(1)
	p := newPlayer(w, &link{world: w, rate: constant(5 * mbps), delay: 20 * milli, limit: queueOf(5*mbps, 100*milli)}, Config{Ceiling: 50 * mbps})
	p.noAcks = true
	for at := time.Duration(0); at < 20*second; at += 10 * milli {
		w.at(at, func() { // each frame is acknowledged as soon as it was sent
			p.c.Acknowledged(Instant(w.now), Ack{Frame: p.frame - 1, Received: w.now})
		})
	}
	p.start(0)
	w.run(20 * second)
	if o := p.measure(5*second, 20*second); o.most > 5*mbps {
		t.Errorf("on 5 Mbit/s the target rose to %.1f", o.most/mbps)
	}
}

func TestFeedbackInAnyOrderIsSurvived(t *testing.T) {
	w := newWorld(5)
	p := newPlayer(w, &link{world: w, rate: constant(10 * mbps), delay: 20 * milli, limit: queueOf(10*mbps, 100*milli)}, Config{Ceiling: 20 * mbps})
	p.shuffle = true
	p.start(0)
	w.run(20 * second)
	o := p.measure(5*second, 20*second)
	show(t, "reports shuffled, late and twice", p, o)
	if o.use < 0.5 || o.most > 12*mbps {
		t.Errorf("with reports in any order: %v", o)
	}
}

func TestSilenceStarvesAndNewsFeeds(t *testing.T) {
	w := newWorld(5)
	alive := true
	rate := func(time.Duration) float64 {
		if alive {
			return 10 * mbps
		}
		return 0
	}
	p := newPlayer(w, &link{world: w, rate: rate, delay: 20 * milli, limit: queueOf(10*mbps, 100*milli)}, Config{Ceiling: 20 * mbps})
	p.start(0)
	w.run(5 * second)
	alive = false
	w.run(10 * second)
	if f := p.c.Figures(Instant(w.now)); f.State != Starved || f.Cause != Silence {
		t.Errorf("five seconds after the last news it is %v for %v", f.State, f.Cause)
	}
	alive = true
	w.run(14 * second)
	if got := p.c.Target(); got < 8*mbps {
		t.Errorf("four seconds after the link came back the target is %d", got)
	}
}

func TestTheSameCallsGiveTheSameAnswers(t *testing.T) {
	a, b := lively(), lively()
	if *a.c != *b.c {
		t.Error("two runs of the same stream differ")
	}
}

// operate feeds a controller with calls made of bytes, and checks after each what must always hold.
func operate(t *testing.T, data []byte) {
	const ceiling, floor = 20 * mbps, 1 * mbps
	c := New(0, Config{Ceiling: ceiling, Floor: floor})
	take := func() int64 {
		if len(data) == 0 {
			return 0
		}
		var b [8]byte
		n := copy(b[:], data[:min(len(data), 3)])
		data = data[n:]
		return int64(binary.LittleEndian.Uint64(b[:]))
	}
	now := Instant(0)
	sequence, frame := int64(0), int64(0)
	for len(data) > 0 {
		kind := data[0]
		data = data[1:]
		// Times are mostly plausible, and sometimes anything.
		wild := int64(1)
		if kind&0x80 != 0 {
			wild = 1 << 40
		}
		switch kind & 0x0f {
		case 0, 1, 2:
			sequence++
			c.PacketSent(SentPacket{Sequence: sequence, Frame: frame, Size: int(take()%1500) + 1, Sent: now, Kind: Kind(kind>>4) & 3})
		case 3:
			frame++
			c.FrameProduced(now, int(take()))
		case 4:
			now = now.Add(time.Duration(take()%50_000_000) * time.Duration(wild))
		case 5:
			var reports [20]Report
			for i := range reports {
				reports[i] = Report{Sequence: sequence - int64(i), Arrived: kind&0x10 == 0, CE: kind&0x20 != 0, Arrival: time.Duration(now) + time.Duration(take()*wild)}
			}
			c.Reported(now, reports[:])
		case 6:
			c.Acknowledged(now, Ack{Frame: frame - take()%5, Received: time.Duration(now) - time.Duration(take()*wild)})
		case 7:
			c.Tick(now)
		case 8:
			c.Tick(Instant(take() * wild * -1))
		case 9:
			c.PacketSent(SentPacket{Sequence: take() * wild, Frame: take() * wild, Size: int(take()), Sent: Instant(take() * wild), Kind: Kind(kind >> 4)})
		case 10:
			c.Reported(Instant(take()*wild), []Report{{Sequence: take() * wild, Arrived: true, Arrival: time.Duration(take() * wild * wild)}})
		case 11:
			c.SetFrameInterval(time.Duration(take() * wild))
		default:
			grant := c.Next(now)
			if grant.Budget < 0 || float64(grant.Budget) > ceiling/8*longestInterval.Seconds()+1 || grant.Fill < 0 || grant.Pacing <= 0 ||
				grant.Spread <= 0 || grant.Trains <= 0 {
				t.Fatalf("grant %+v", grant)
			}
			if float64(grant.Budget) > ceiling/8*c.interval.Seconds() {
				t.Fatalf("a budget of %d bytes is more than the ceiling's share", grant.Budget)
			}
		}
		if got := c.Target(); got < floor || got > ceiling {
			t.Fatalf("target %d", got)
		}
		for _, figure := range []float64{c.rate, c.link, c.loss.mean, c.loss.deviation, c.marks.share, c.cut.saved, c.cut.trial} {
			if math.IsNaN(figure) || math.IsInf(figure, 0) || figure < 0 {
				t.Fatalf("a figure is %v", figure)
			}
		}
	}
	f := c.Figures(now)
	if f.Backlog < 0 || f.Queue < 0 || f.Loss < 0 || f.Loss > 1 || f.Capacity < 0 {
		t.Fatalf("figures %+v", f)
	}
}

func TestRandomCallsNeverLeaveTheBounds(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		data := make([]byte, 3000)
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		operate(t, data)
	}
}

func FuzzController(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
	f.Add([]byte{3, 1, 0, 0, 0, 200, 4, 0, 0, 0, 255, 6, 0, 0, 0, 5, 1, 2, 3, 12, 4, 255, 255, 255, 12, 7})
	f.Add([]byte{0x80, 0x84, 255, 255, 255, 0x85, 9, 9, 9, 0x89, 255, 255, 255, 0x8a, 255, 255, 255, 0x8c})
	f.Fuzz(func(t *testing.T, data []byte) { operate(t, data[:min(len(data), 4000)]) })
}

func FuzzUnwrapper(f *testing.F) {
	f.Add([]byte{0, 0, 255, 255, 0, 128})
	f.Fuzz(func(t *testing.T, data []byte) {
		var u Unwrapper
		for ; len(data) >= 2; data = data[2:] {
			sequence := binary.LittleEndian.Uint16(data)
			if got := u.Extend(sequence); uint16(got) != sequence || got > u.last || got < u.last-1<<15 {
				t.Fatalf("%d extends to %d, the last one is %d", sequence, got, u.last)
			}
		}
	})
}
