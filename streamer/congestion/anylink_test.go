package congestion

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// speak sends a packet of audio every 20 ms over the same link.
func (p *player) speak() {
	p.after(20*milli, p.speak)
	p.sequence++
	sequence := p.sequence
	const size = 160
	p.c.PacketSent(SentPacket{Sequence: sequence, Frame: -1, Size: size, Sent: Instant(p.now), Kind: Audio})
	p.link.send(size, func(bool) { p.note(Report{Sequence: sequence, Arrived: true, Arrival: p.clock()}) }, nil)
}

func TestScenarioAnyLinkThatStaysIsUsed(t *testing.T) {
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 9))
		framesPerSecond := []time.Duration{30, 60, 60, 120}[random.IntN(4)]
		rate := 2 * math.Pow(25, random.Float64()) * mbps // 2 to 50 Mbit/s
		trip := time.Duration(2+random.IntN(150)) * milli
		queue := second/framesPerSecond + time.Duration(10+random.IntN(280))*milli
		loss := []float64{0, 0, 0.005, 0.02}[random.IntN(4)]
		jitter := []int64{1, 1, int64(milli), int64(4 * milli)}[random.IntN(4)]

		w := newWorld(seed)
		p := newPlayer(w, &link{world: w, rate: constant(rate), delay: trip / 2, limit: queueOf(rate, queue), random: loss}, Config{Ceiling: 60 * mbps})
		p.pace(framesPerSecond)
		// Audio is not held up by it: now and then it overtakes.
		p.jitter = func() time.Duration { return time.Duration(w.random.Int64N(jitter)) }
		p.start(0)
		p.speak()
		w.run(20 * second)
		o := p.measure(3*second, 20*second)
		if o.use < 0.8 || loss == 0 && o.p95 > max(20*milli, second/framesPerSecond) {
			t.Errorf("%.1f Mbit/s, %v there and back, queue of %v, loss %v, jitter up to %v, %d frames/s: %v, cuts %v", rate/mbps, trip, queue,
				loss, time.Duration(jitter), int(framesPerSecond), o, p.c.figures.Cuts)
		}
	}
}
