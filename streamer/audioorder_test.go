package streamer

import (
	"testing"

	"nearlight/internal/media"
	"nearlight/streamer/packetizer"
	"nearlight/streamer/red"
)

// boundAudio is the sound beside a picture.
func boundAudio(o *outbound, to *sentPackets) *audioTrack {
	track := newAudioTrack(o)
	track.wire.Store(&audioWire{ssrc: 9, payloadType: opusPayloadType, writer: to, transportID: 5})
	return track
}

func TestSoundLeavesAheadOfThePictureInLineAndIsNumberedWithIt(t *testing.T) {
	sent := &sentPackets{keep: true}
	track := boundTrack(t, sent)
	o := track.outbound
	sound := boundAudio(o, sent)
	o.schedule.setPace(media.Mbps, 0)
	if err := track.writeSlice(annexBSlice(40000, true), media.Now()); err != nil {
		t.Fatal(err)
	}
	before := len(sent.headers)
	if o.first == o.next {
		t.Fatal("nothing is in line")
	}
	newest := o.sent.newest()
	if err := sound.write([]byte{1, 2, 3}, media.Now(), true); err != nil {
		t.Fatal(err)
	}
	if len(sent.headers) != before+1 {
		t.Fatalf("%d packets were sent with one of sound", len(sent.headers)-before)
	}
	last := sent.headers[before]
	if last.SSRC != 9 || !last.Marker || transportNumber(last) != transportNumber(sent.headers[before-1])+1 {
		t.Errorf("the sound was sent as %+v", last)
	}
	if o.sent.newest() != newest {
		t.Error("the sound is taken for a packet of the picture, whose frame would have left later")
	}
}

// kindsOfPackets keeps what kinds of packets the controller would be told of.
type kindsOfPackets struct {
	noRate
	audio, others int
}

func (k *kindsOfPackets) sent(p *sentPacket) {
	if p.audio {
		k.audio++
	} else {
		k.others++
	}
}

func TestTheControllerIsToldWhichPacketsAreSound(t *testing.T) {
	track := boundTrack(t, new(sentPackets))
	o := track.outbound
	kinds := new(kindsOfPackets)
	o.rate = kinds
	sound := boundAudio(o, new(sentPackets))
	for range 3 {
		if err := sound.write([]byte{1, 2, 3}, media.Now(), false); err != nil {
			t.Fatal(err)
		}
	}
	if err := track.writeSlice(annexBSlice(100, true), media.Now()); err != nil {
		t.Fatal(err)
	}
	if kinds.audio != 3 || kinds.others != 1 {
		t.Errorf("told of %d packets of sound and %d others", kinds.audio, kinds.others)
	}
}

func BenchmarkSound(b *testing.B) {
	sound := boundAudio(unbound(b), new(sentPackets))
	sound.packer = red.NewPacker(opusPayloadType, packetizer.MaxPayload)
	frame := make([]byte, 160)
	b.ReportAllocs()
	for b.Loop() {
		if err := sound.write(frame, media.Now(), false); err != nil {
			b.Fatal(err)
		}
	}
}
