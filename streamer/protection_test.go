package streamer

import (
	"bytes"
	"testing"
	"time"

	"github.com/pion/rtp"

	"nearlight/internal/media"
	"nearlight/streamer/fec"
)

// protectedTrack is one to a player who takes repair packets, over a link that has lost so much for long.
func protectedTrack(t testing.TB, sent *sentPackets, loss float64, roundTrip time.Duration) *videoTrack {
	t.Helper()
	track := boundTrack(t, sent)
	track.outbound.wire.repairSSRC, track.outbound.wire.repairType = 9, 106
	for range 2000 {
		track.outbound.protection.policy.Observe(loss)
	}
	track.outbound.setRoundTrip(roundTrip)
	track.outbound.rate = steadyRate{rate: 100 * media.Mbps}
	return track
}

// steadyRate has one rate for all time.
type steadyRate struct {
	noRate
	rate media.Bitrate
}

func (r steadyRate) target() media.Bitrate { return r.rate }

// images are what was sent from a packet on, as it is protected, and the repair packets among it.
func images(t *testing.T, sent *sentPackets, from int) (images, repairs [][]byte) {
	t.Helper()
	for i, h := range sent.headers[from:] {
		payload := sent.payloads[from+i]
		if h.SSRC == 9 {
			repairs = append(repairs, payload)
			continue
		}
		if err := h.SetExtension(5, []byte{0, 0}); err != nil {
			t.Fatal(err)
		}
		image, err := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, image)
	}
	return images, repairs
}

// restored is how many packets a player makes again from what it has.
func restored(t *testing.T, packets, repairs [][]byte) (made [][]byte) {
	t.Helper()
	var r fec.Restorer
	for _, p := range packets {
		r.Media(p)
	}
	for _, p := range repairs {
		if err := r.Repair(p); err != nil {
			t.Fatal(err)
		}
	}
	for p := r.Restored(); p != nil; p = r.Restored() {
		made = append(made, p)
	}
	return made
}

func TestRepairPacketsMakeUpForAnyTwoLostPackets(t *testing.T) {
	sent := &sentPackets{keep: true}
	track := protectedTrack(t, sent, 0.05, 80*ms)
	write(t, track, 20_000, media.Now(), true, 0)
	packets, repairs := images(t, sent, 0)
	for i := range packets {
		for j := range i + 1 {
			var rest [][]byte
			for at, p := range packets {
				if at != i && at != j {
					rest = append(rest, p)
				}
			}
			made := restored(t, rest, repairs)
			want := 2
			if i == j {
				want = 1
			}
			if len(made) != want {
				t.Errorf("of packets %d and %d %d are made again by %d repair packets", i, j, len(made), len(repairs))
			}
			for _, p := range made {
				if !bytes.Equal(p, packets[i]) && !bytes.Equal(p, packets[j]) {
					t.Errorf("packets %d and %d are made again as %x", i, j, p)
				}
			}
		}
	}
	if share := track.outbound.protection.share(); share >= 1 || share < 0.9 {
		t.Errorf("%.3f of the rate is left after one frame", share)
	}
}

func TestAFramesRepairPacketsMendTheFrameBeforeItAsWell(t *testing.T) {
	sent := &sentPackets{keep: true}
	track := protectedTrack(t, sent, 0.05, 80*ms)
	at := media.Now()
	write(t, track, 6000, at, true, 0)
	first, _ := images(t, sent, 0)
	before := len(sent.headers)
	write(t, track, 6000, at.Add(ms), false, 0)
	second, repairs := images(t, sent, before)
	if len(repairs) == 0 {
		t.Fatal("no repair packet for the second frame")
	}
	for lost := range first { // with all repair packets of its own
		var rest [][]byte
		for i, p := range first {
			if i != lost {
				rest = append(rest, p)
			}
		}
		if made := restored(t, append(rest, second...), repairs); len(made) != 1 || !bytes.Equal(made[0], first[lost]) {
			t.Errorf("packet %d of the frame before is made again as %x", lost, made)
		}
	}
}

func TestWhatIsNotNeededOrLongAgoIsNotProtected(t *testing.T) {
	sent := &sentPackets{keep: true}
	track := protectedTrack(t, sent, 0.05, 80*ms)
	o := track.outbound
	at := media.Now()
	write(t, track, 6000, at, true, 0)
	write(t, track, 6000, at.Add(ms), false, 0)
	first := o.protection.starts[0]
	if from := o.protectedFrom(media.Now()); from != o.protection.starts[1] {
		t.Errorf("two frames that are on their way are protected from packet %d on, want %d", from, o.protection.starts[1])
	}
	o.shown(1)
	if from := o.protectedFrom(media.Now()); from != first {
		t.Errorf("a frame that is shown is protected, from packet %d on", from)
	}
	o.mending.frames.Shown(0)
	o.kept[(first-1)%keptPackets].frame = 1 // as if it were not
	if from := o.protectedFrom(media.Now().Add(200 * ms)); from != first {
		t.Errorf("what a repeat mends sooner is protected, from packet %d on", from)
	}
}

func TestRepairPacketsOfAFrameThatNobodyWaitsForAreNotSent(t *testing.T) {
	sent := &sentPackets{keep: true}
	track := protectedTrack(t, sent, 0.05, 80*ms)
	o := track.outbound
	o.schedule.setPace(media.Mbps, 0) // so that the frame has to wait
	at := media.Now()
	write(t, track, 20_000, at, true, 0)
	o.mu.Lock()
	o.mending.frames.Shown(1)
	o.schedule.setPace(0, 0)
	o.mu.Unlock()
	if err := o.sendDue(); err != nil {
		t.Fatal(err)
	}
	if _, repairs := images(t, sent, 0); len(repairs) != 0 || o.mended().RepairsTooLate == 0 {
		t.Errorf("%d repair packets, %+v", len(repairs), o.mended())
	}
}

// heardRate keeps what it is told of packets that left.
type heardRate struct {
	steadyRate
	packets  *[]sentPacket
	produces *int
}

func (r heardRate) sent(p *sentPacket)  { *r.packets = append(*r.packets, *p) }
func (r heardRate) produced(octets int) { *r.produces = octets }

func TestCongestionControlKnowsOfRepairPackets(t *testing.T) {
	sent := &sentPackets{keep: true}
	track := protectedTrack(t, sent, 0.05, 80*ms)
	var told []sentPacket
	var produced int
	track.outbound.rate = heardRate{steadyRate: steadyRate{rate: 100 * media.Mbps}, packets: &told, produces: &produced}
	write(t, track, 20_000, media.Now(), true, 0)
	if len(told) != len(sent.headers) {
		t.Fatalf("it is told of %d packets of %d", len(told), len(sent.headers))
	}
	repairs := 0
	for i, h := range sent.headers {
		if transportNumber(h) != uint16(i) || told[i].number != int64(i) {
			t.Errorf("packet %d has the transport-wide number %d", i, transportNumber(h))
		}
		if is := h.SSRC == 9; is != told[i].repair || told[i].ssrc != h.SSRC || told[i].frame != 1 {
			t.Errorf("of packet %d of stream %d it is told %+v", i, h.SSRC, told[i])
		} else if is {
			repairs++
		}
		if size := h.MarshalSize() + len(sent.payloads[i]); told[i].size != size || size > 1280-48-4-10 {
			t.Errorf("packet %d has %d octets, and is told with %d", i, size, told[i].size)
		}
	}
	if counted := track.outbound.mended().Repairs; repairs == 0 || int(counted) != repairs {
		t.Errorf("%d repair packets, and %d are counted", repairs, counted)
	}
	track.outbound.wire.transportID = 0
	before := len(sent.headers)
	write(t, track, 20_000, media.Now().Add(ms), false, 0)
	for _, h := range sent.headers[before:] {
		if h.SSRC == 9 && h.Extension {
			t.Error("a repair packet has a number that was not negotiated")
		}
	}
}

func TestAKeyframeAndItsRepairPacketsQueueNoLongerThanAKeyframeMay(t *testing.T) {
	sent := &sentPackets{keep: true}
	track := protectedTrack(t, sent, 0.05, 160*ms)
	track.outbound.rate = steadyRate{rate: 4 * media.Mbps} // 50 kB in 100 ms
	for _, row := range []struct{ octets, least, most int }{
		{30_000, 8, 12}, // as many as are worth it
		{42_000, 4, 6},
		{60_000, 1, 1}, // too large by itself, which is the encoder's doing
	} {
		before := len(sent.headers)
		write(t, track, row.octets, media.Now(), true, 0)
		if _, repairs := images(t, sent, before); len(repairs) < row.least || len(repairs) > row.most {
			t.Errorf("%d repair packets for a keyframe of %d octets, want %d to %d", len(repairs), row.octets, row.least, row.most)
		}
	}
}

func TestAKeyframeIsNotFollowedByAnotherForWhatWasLostBeforeIt(t *testing.T) {
	sent := &sentPackets{keep: true}
	track := boundTrack(t, sent)
	o := track.outbound
	at := media.Now()
	write(t, track, 5000, at, true, 0)
	write(t, track, 5000, at.Add(16*ms), false, 0)
	write(t, track, 5000, at.Add(32*ms), true, 0)
	keyframe := o.protection.starts[0]
	for after := 10 * ms; after < time.Second; after += 10 * ms {
		for _, h := range sent.headers {
			if h.SSRC != 7 || int16(h.SequenceNumber-keyframe) >= 0 {
				continue
			}
			if err := o.again(h.SequenceNumber, at.Add(32*ms+after), 40*ms); err != nil {
				t.Fatal(err)
			}
			o.giveUp(h.SequenceNumber)
		}
	}
	if loss, _, found := o.takeLoss(); found {
		t.Errorf("told of %+v", loss)
	}
	if o.mended().Repeats != 0 || o.mended().RepeatsTooLate == 0 {
		t.Errorf("%+v", o.mended())
	}
}

func TestALongFramesRepairPacketsReachAllOfIt(t *testing.T) {
	sent := &sentPackets{keep: true}
	track := protectedTrack(t, sent, 0.02, 80*ms)
	write(t, track, 250_000, media.Now(), true, 0)
	packets, repairs := images(t, sent, 0)
	for lost := 0; lost < len(packets); lost += 7 {
		var rest [][]byte
		for i, p := range packets {
			if i != lost {
				rest = append(rest, p)
			}
		}
		if made := restored(t, rest, repairs); len(made) != 1 || !bytes.Equal(made[0], packets[lost]) {
			t.Errorf("packet %d of %d is not made again by %d repair packets", lost, len(packets), len(repairs))
		}
	}
	for i, p := range repairs {
		if size := 12 + 8 + len(p); size > 1280-48-4-10 {
			t.Errorf("repair packet %d has %d octets", i, size)
		}
	}
	if len(repairs) > len(packets)/3+1 {
		t.Errorf("%d repair packets for %d", len(repairs), len(packets))
	}
}

func TestProtectingDoesNotAllocate(t *testing.T) {
	sent := &sentPackets{}
	track := protectedTrack(t, sent, 0.05, 80*ms)
	slice, at := annexBSlice(30_000, true), media.Now()
	for range keptPackets / 20 { // until all that packets are kept in is there
		at = at.Add(ms)
		if err := track.writeSlice(slice, at); err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(200, func() {
		at = at.Add(ms)
		if err := track.writeSlice(slice, at); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func BenchmarkWriteProtectedSlice(b *testing.B) {
	sent := &sentPackets{}
	track := protectedTrack(b, sent, 0.05, 80*ms)
	slice, at := annexBSlice(35_000, true), media.Now()
	b.ReportAllocs()
	b.SetBytes(int64(len(slice.Data)))
	for b.Loop() {
		at = at.Add(ms)
		if err := track.writeSlice(slice, at); err != nil {
			b.Fatal(err)
		}
	}
}
