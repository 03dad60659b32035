package microphone

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"nearlight/internal/media"
	"nearlight/internal/opus"
)

// counter decodes packets that say where their samples begin: each sample is its own place in the stream, modulo 2^14, so that a test
// sees what is played. What is made up is -1, what is recovered -2.
type counter struct{ decoded, concealed, recovered int }

const modulus = 1 << 14

// numbered is a packet of that many frames of 10 ms, SILK by its header.
func numbered(timestamp uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{0, 1}, timestamp)
}

func (c *counter) Decode(samples []int16, packet []byte) (int, error) {
	n, err := opus.Samples(packet)
	if err != nil {
		return 0, err
	}
	c.decoded++
	if len(packet) < 6 {
		clear(samples[:n])
		return n, nil
	}
	for i := range n {
		samples[i] = int16((binary.BigEndian.Uint32(packet[2:]) + uint32(i)) % modulus)
	}
	return n, nil
}

func (c *counter) Recover(samples []int16, _ []byte) error {
	c.recovered++
	for i := range samples {
		samples[i] = -2
	}
	return nil
}

func (c *counter) Conceal(samples []int16) error {
	c.concealed++
	for i := range samples {
		samples[i] = -1
	}
	return nil
}

func (*counter) Close() {}

// room is a playout on a clock of its own, with a browser that sends every 10 ms and a sound server that takes every 10 ms.
type room struct {
	t       *testing.T
	decoder *counter
	playout *Playout
	now     media.Instant
	played  []int16
	due     []Packet // not yet come, by arrival
	sent    int
}

func enter(t *testing.T) *room {
	c := &counter{}
	return &room{t: t, decoder: c, playout: newPlayout(c), now: media.Instant(time.Hour)}
}

// say sends frame n, which comes after so long.
func (r *room) say(after time.Duration) {
	r.send(r.sent, after)
	r.sent++
}

func (r *room) send(n int, after time.Duration) {
	timestamp := uint32(n * StepSamples)
	p := Packet{Source: 7, Sequence: uint16(n), Timestamp: timestamp, Arrived: r.now.Add(after), Payload: numbered(timestamp)}
	at := len(r.due)
	for at > 0 && r.due[at-1].Arrived > p.Arrived {
		at--
	}
	r.due = append(r.due[:at], append([]Packet{p}, r.due[at:]...)...)
}

// step lets 10 ms pass, and pulls once.
func (r *room) step() (samples []int16, said bool) {
	r.now = r.now.Add(StepTime)
	r.come()
	samples = make([]int16, StepSamples)
	said = r.playout.Pull(samples, r.now)
	r.played = append(r.played, samples...)
	return samples, said
}

func (r *room) come() {
	for len(r.due) > 0 && r.due[0].Arrived <= r.now {
		r.playout.Push(r.due[0])
		r.due = r.due[1:]
	}
}

// latency is how long ago, in samples, the last sample that was played would have come; -1 for one that was made up.
func (r *room) latency(samples []int16) int {
	last := int(samples[len(samples)-1])
	if last < 0 {
		return -1
	}
	now := (r.sent * StepSamples) % modulus
	return (now - last - 1 + modulus) % modulus
}

func TestWhatIsSaidIsPlayedInOrderAfterAShortDelay(t *testing.T) {
	r := enter(t)
	var last int
	for range 600 {
		r.say(time.Millisecond)
		samples, _ := r.step()
		last = r.latency(samples)
	}
	if counts := r.playout.Counts(); counts != (Counts{Packets: 600}) {
		t.Errorf("%+v", counts)
	}
	if delay := duration(float64(last)); delay > 12*time.Millisecond {
		t.Errorf("at the end what is played came %v ago", delay)
	}
	// But for the way to a shorter delay, each sample follows the one before.
	for i := len(r.played) - 100*StepSamples; i < len(r.played); i++ {
		if want := (int(r.played[i-1]) + 1) % modulus; int(r.played[i]) != want {
			t.Fatalf("sample %d is %d after %d", i, r.played[i], r.played[i-1])
		}
	}
}

func TestAPacketThatIsLostIsTakenFromTheNext(t *testing.T) {
	r := enter(t)
	var before Counts
	for n := range 200 {
		if n == 120 {
			before = r.playout.Counts()
		}
		if n == 150 {
			r.sent++
		} else {
			r.say(time.Duration(n%5) * 8 * time.Millisecond)
		}
		r.step()
	}
	if counts := r.playout.Counts(); counts.Lost != before.Lost+1 || counts.Recovered != before.Recovered+1 || counts.Late > before.Late {
		t.Errorf("%+v, and before it was lost %+v", counts, before)
	}
}

func TestPacketsInAnyOrderArePlayedInTheirs(t *testing.T) {
	r := enter(t)
	for range 20 {
		r.say(0)
		r.step()
	}
	for range 100 {
		n := r.sent
		r.send(n+1, 0)
		r.send(n, time.Millisecond) // overtaken
		r.send(n, 2*time.Millisecond)
		r.sent += 2
		r.step()
		r.step()
	}
	counts := r.playout.Counts()
	if counts.Late == 0 || counts.Lost > 2 {
		t.Errorf("%+v", counts)
	}
	for i := len(r.played) - 100*StepSamples; i < len(r.played)-1; i++ {
		// Where the numbers begin anew, what lies between two of them means nothing.
		plain := func(s int16) bool { return s > 4 && s < modulus-4 }
		if step := int(r.played[i+1]) - int(r.played[i]); plain(r.played[i]) && plain(r.played[i+1]) && (step < 0 || step > 2) {
			t.Fatalf("sample %d is %d after %d", i+1, r.played[i+1], r.played[i])
		}
	}
}

func TestTheDelayFollowsTheJitter(t *testing.T) {
	r := enter(t)
	random := rand.New(rand.NewPCG(1, 2))
	phase := func(steps int, jitter time.Duration) (late uint64, aim time.Duration) {
		before := r.playout.Counts().MadeUp
		for range steps {
			after := time.Duration(0)
			if jitter > 0 {
				after = time.Duration(random.Int64N(int64(jitter)))
			}
			r.say(after)
			r.step()
		}
		_, aim = r.playout.Delay()
		return r.playout.Counts().MadeUp - before, aim
	}
	if made, aim := phase(500, 0); made > 1 || aim > 6*time.Millisecond {
		t.Errorf("without jitter: %d made up, %v aimed at", made, aim)
	}
	phase(300, 40*time.Millisecond)
	if made, aim := phase(500, 40*time.Millisecond); made > 20 || aim < 30*time.Millisecond || aim > 50*time.Millisecond {
		t.Errorf("with jitter of 40 ms: %d made up, %v aimed at", made, aim)
	}
	phase(700, 0)
	if now, aim := r.playout.Delay(); aim > 6*time.Millisecond || now > aim+8*time.Millisecond {
		t.Errorf("without jitter again: the delay is %v, %v aimed at", now, aim)
	}
	phase(300, time.Second)
	if _, aim := r.playout.Delay(); aim > duration(mostDelay) {
		t.Errorf("with jitter of a second %v is aimed at", aim)
	}
}

func TestABrowsersClockThatIsOffNeitherStarvesNorPilesUp(t *testing.T) {
	for _, partsPerMillion := range []int{-300, 300} {
		t.Run(fmt.Sprint(partsPerMillion), func(t *testing.T) {
			r := enter(t)
			start := r.now
			made := uint64(0)
			for n := range 60_000 { // ten minutes: at 300 ppm the clocks are 180 ms apart at the end
				for {
					at := start.Add(time.Duration(r.sent) * StepTime * time.Duration(1_000_000-partsPerMillion) / 1_000_000)
					if at > r.now.Add(StepTime) {
						break
					}
					r.say(at.Sub(r.now))
				}
				r.step()
				if n == 1000 {
					made = r.playout.Counts().MadeUp
				}
				if n > 1000 {
					if now, aim := r.playout.Delay(); now > aim+15*time.Millisecond {
						t.Fatalf("after %v the delay is %v, with %v aimed at", r.now.Sub(start), now, aim)
					}
				}
				r.played = r.played[:0]
			}
			counts := r.playout.Counts()
			if counts.MadeUp-made > 60 || counts.Restarts > 0 || counts.Skipped > 0 {
				t.Errorf("%+v", counts)
			}
			t.Logf("%+v", counts)
		})
	}
}

func TestAPauseIsSilentAndTheDelayIsSetAnewAfterIt(t *testing.T) {
	r := enter(t)
	for range 100 {
		r.say(0)
		r.step()
	}
	for round := range 5 {
		// A packet that says that nothing follows, then the same every 400 ms, as Opus has it.
		for n := range 80 {
			if n%40 == 0 {
				timestamp := uint32(r.sent * StepSamples)
				sequence := uint16(100 + round*52 + n/40)
				r.playout.Push(Packet{Source: 7, Sequence: sequence, Timestamp: timestamp, Arrived: r.now, Payload: []byte{0}})
			}
			r.sent++
			if samples, said := r.step(); !said || n > 20 && samples[0] > 0 {
				t.Fatalf("round %d, step %d: %v, %d", round, n, said, samples[0])
			}
		}
		for n := range 50 {
			timestamp := uint32(r.sent * StepSamples)
			r.playout.Push(Packet{Source: 7, Sequence: uint16(100 + round*52 + 2 + n), Timestamp: timestamp, Arrived: r.now, Payload: numbered(timestamp)})
			r.sent++
			samples, _ := r.step()
			if latency := r.latency(samples); n > 10 && (latency < 0 || latency > 25*millisecond) {
				t.Fatalf("round %d, step %d: what is played came %d samples ago", round, n, latency)
			}
		}
	}
	if counts := r.playout.Counts(); counts.Lost > 0 || counts.Restarts > 0 {
		t.Errorf("a pause is taken for a loss: %+v", counts)
	}
}

func TestWhoIsSilentForLongIsNotHeard(t *testing.T) {
	r := enter(t)
	if _, said := r.step(); said {
		t.Error("something is said before anything came")
	}
	for range 50 {
		r.say(0)
		if _, said := r.step(); !said {
			t.Fatal("nothing is said")
		}
	}
	for range 60 {
		r.step()
	}
	samples, said := r.step()
	if said || samples[0] != 0 {
		t.Error("something is said though the microphone is off")
	}
	for range 20 {
		r.sent += 1000 // it went on counting
		for range 30 {
			r.say(0)
			r.step()
		}
		if samples, said := r.step(); !said || samples[0] == 0 {
			t.Fatal("nothing is heard after a pause")
		}
	}
}

func TestAStallOfTheNetworkDoesNotLast(t *testing.T) {
	r := enter(t)
	for range 200 {
		r.say(0)
		r.step()
	}
	for n := range 40 {
		r.say(time.Duration(40-n) * StepTime) // all at once, in the end
		r.step()
	}
	for range 300 {
		r.say(0)
		r.step()
	}
	if now, aim := r.playout.Delay(); now > aim+15*time.Millisecond {
		t.Errorf("three seconds after a stall of 400 ms the delay is %v, with %v aimed at: %+v", now, aim, r.playout.Counts())
	}
}

func TestAnotherStreamTakesOver(t *testing.T) {
	r := enter(t)
	for range 50 {
		r.say(0)
		r.step()
	}
	for n := range 50 {
		timestamp := uint32(1<<31 + n*StepSamples)
		r.playout.Push(Packet{Source: 8, Sequence: uint16(n), Timestamp: timestamp, Arrived: r.now, Payload: numbered(timestamp)})
		samples, _ := r.step()
		if n > 5 && samples[len(samples)-1] < 0 {
			t.Fatalf("step %d is made up", n)
		}
	}
	if counts := r.playout.Counts(); counts.Restarts != 1 {
		t.Errorf("%+v", counts)
	}
}

func TestWhatIsNoOpusIsRefusedAndTooMuchAsWell(t *testing.T) {
	r := enter(t)
	for _, payload := range [][]byte{nil, {3}, {0xff, 0xff}, make([]byte, longestPayload+1)} {
		r.playout.Push(Packet{Source: 7, Arrived: r.now, Payload: payload})
	}
	if counts := r.playout.Counts(); counts.Refused != 4 || counts.Packets != 0 {
		t.Errorf("%+v", counts)
	}
	for n := range 10_000 { // in one second
		r.playout.Push(Packet{Source: 7, Sequence: uint16(n), Timestamp: uint32(n), Arrived: r.now.Add(time.Duration(n) * 100 * time.Microsecond), Payload: numbered(0)})
	}
	if counts := r.playout.Counts(); counts.Packets > mostPackets+burst {
		t.Errorf("of 10,000 packets in a second %d are looked at", counts.Packets)
	}
	r.playout.Close()
	r.playout.Push(Packet{Source: 7, Arrived: r.now, Payload: numbered(0)})
	if samples, said := r.step(); said || samples[0] != 0 {
		t.Error("a playout that is closed says something")
	}
}

func TestAFrameIsPlayedWithoutAllocating(t *testing.T) {
	r := enter(t)
	r.say(0)
	r.step()
	samples, n := make([]int16, StepSamples), 1
	payload := numbered(0)
	if allocations := testing.AllocsPerRun(1000, func() {
		r.now = r.now.Add(StepTime)
		r.playout.Push(Packet{Source: 7, Sequence: uint16(n), Timestamp: uint32(n * StepSamples), Arrived: r.now, Payload: payload})
		r.playout.Pull(samples, r.now)
		n++
	}); allocations > 0 {
		t.Errorf("%v allocations", allocations)
	}
}

// FuzzPlayout takes a script of what a player may send: each packet is how long after the last it comes, in milliseconds, how its numbers
// differ from what is due, and a payload.
func FuzzPlayout(f *testing.F) {
	f.Add([]byte{10, 0, 0, 2, 0, 1, 10, 0, 0, 2, 0, 1, 10, 0, 3, 2, 0, 1, 200, 7, 9, 1, 0})
	f.Add([]byte{0, 0x80, 0x80, 3, 0x1b, 1, 2, 0, 0x7f, 0x7f, 1, 4, 255, 0, 0, 4, 0xff, 48, 1, 2})
	f.Fuzz(func(t *testing.T, script []byte) {
		p, err := New()
		if errors.Is(err, opus.ErrUnavailable) {
			t.Skipf("SKIPPED %s: %v", t.Name(), err)
		} else if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		now, pulled := media.Instant(time.Hour), media.Instant(time.Hour)
		samples := make([]int16, StepSamples)
		packet := Packet{Source: 7}
		for len(script) >= 4 {
			now = now.Add(time.Duration(script[0]) * time.Millisecond)
			for ; pulled < now; pulled = pulled.Add(StepTime) {
				p.Pull(samples, pulled)
				if held := p.sound.length(); held > 3*opus.MaxPacketSamples || p.waiting.count > mostWaiting {
					t.Fatalf("%d samples and %d packets wait", held, p.waiting.count)
				}
			}
			packet.Sequence += 1 + uint16(int16(int8(script[1])))
			packet.Timestamp += uint32(StepSamples) + uint32(int32(int8(script[2]))<<12)
			if script[2] == 0x7f {
				packet.Source++
			}
			n := min(int(script[3]), len(script)-4)
			packet.Payload, packet.Arrived = script[4:4+n], now
			script = script[4+n:]
			p.Push(packet)
		}
	})
}

func BenchmarkPullAndPush(b *testing.B) {
	encoder, err := opus.NewSpeechEncoder(opus.SpeechConfig{})
	if err != nil {
		b.Skip(err)
	}
	defer encoder.Close()
	p, err := New()
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	samples, packet := make([]int16, StepSamples), make([]byte, opus.MaxFrame)
	for i := range samples {
		samples[i] = int16(i * 37 % 9000)
	}
	size, err := encoder.Encode(packet, samples)
	if err != nil {
		b.Fatal(err)
	}
	now := media.Instant(time.Hour)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		now = now.Add(StepTime)
		p.Push(Packet{Source: 7, Sequence: uint16(n), Timestamp: uint32(n * StepSamples), Arrived: now, Payload: packet[:size]})
		p.Pull(samples, now)
	}
}
