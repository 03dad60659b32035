//go:build cgo

package viewer

import (
	"errors"
	"fmt"
	"testing"

	"github.com/pion/rtp"

	"nearlight/internal/media"
	"nearlight/internal/opus"
	"nearlight/internal/tone"
	"nearlight/streamer/red"
)

const start = 0xfffffc00 // so that timestamps pass their end

// performance is a tone in packets that each carry the frame before.
type performance struct {
	t       *testing.T
	encoder *opus.Encoder
	packer  *red.Packer
	n       int
}

func perform(t *testing.T) *performance {
	t.Helper()
	e, err := opus.NewEncoder(opus.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return &performance{t: t, encoder: e, packer: red.NewPacker(opusPayloadType, 1000)}
}

// next is the packet of the next frame.
func (p *performance) next() *rtp.Packet {
	p.t.Helper()
	samples, coded := make([]int16, opus.FrameLength), make([]byte, opus.MaxFrame)
	tone.Fill(samples, 440, p.n*opus.FrameSamples)
	length, err := p.encoder.Encode(coded, samples)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.packet(coded[:length])
}

func (p *performance) packet(frame []byte) *rtp.Packet {
	first, timestamp := uint32(start), uint32(p.n*opus.FrameSamples)
	p.n++
	return &rtp.Packet{
		Header:  rtp.Header{Timestamp: first + timestamp, SequenceNumber: uint16(p.n), Marker: p.n == 1},
		Payload: p.packer.Pack(nil, first+timestamp, frame),
	}
}

// heard is one letter for each frame: o for its own packet's, r for a repeat, x for one that was made up, p for a pause.
type heard struct {
	letters string
	times   []uint32
	quiet   int
}

func listener(t *testing.T) (*listening, *heard) {
	t.Helper()
	d, err := opus.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	h := &heard{}
	return &listening{decoder: d, hear: func(s Sound) {
		h.times = append(h.times, s.RTP)
		if s.Level() < 0.1 {
			h.quiet++
		}
		switch {
		case s.Pause:
			h.letters += "p"
		case s.Lost:
			h.letters += "x"
		case s.Repeated:
			h.letters += "r"
		default:
			h.letters += "o"
		}
	}}, h
}

func (h *heard) inOrder() error {
	for i, at := range h.times[1:] {
		if step := at - h.times[i]; step != uint32(opus.FrameSamples) {
			return fmt.Errorf("frame %d follows the one before by %d ticks", i+1, step)
		}
	}
	return nil
}

func TestALostPacketIsHeardFromTheNextOne(t *testing.T) {
	p := perform(t)
	l, h := listener(t)
	for n := range 12 {
		packet := p.next()
		if n%3 == 2 {
			continue
		}
		if err := l.take(packet, true, media.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if h.letters != "ooroorooroo"[:len(h.letters)] || len(h.letters) != 11 {
		t.Errorf("heard %s", h.letters)
	}
	if err := h.inOrder(); err != nil {
		t.Error(err)
	}
	if h.quiet > 1 { // the first frame fades in
		t.Errorf("%d frames are quiet", h.quiet)
	}
}

func TestWhatNothingBringsIsMadeUpAndWhatComesLateIsDropped(t *testing.T) {
	p := perform(t)
	l, h := listener(t)
	var late *rtp.Packet
	for n := range 10 {
		packet := p.next()
		if n == 4 || n == 5 {
			late = packet
			continue
		}
		if err := l.take(packet, true, media.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.take(late, true, media.Now()); err != nil {
		t.Fatal(err)
	}
	if h.letters != "ooooxroooo" {
		t.Errorf("heard %s", h.letters)
	}
	if err := h.inOrder(); err != nil {
		t.Error(err)
	}
}

func TestThePauseAfterWhichSoundBeginsAnewIsNoLoss(t *testing.T) {
	p := perform(t)
	l, h := listener(t)
	take := func(packet *rtp.Packet) {
		t.Helper()
		if err := l.take(packet, true, media.Now()); err != nil {
			t.Fatal(err)
		}
	}
	take(p.next())
	take(p.packet(opus.Pause))
	p.n += 40
	take(p.packet(opus.Pause))
	p.n += 17
	begins := p.next()
	begins.Marker = true
	take(begins)
	take(p.next())
	if h.letters != "oppoo" {
		t.Errorf("heard %s", h.letters)
	}
}

func TestAnEndlessGapMakesUpNoMoreThanIsOfUse(t *testing.T) {
	p := perform(t)
	l, h := listener(t)
	if err := l.take(p.next(), true, media.Now()); err != nil {
		t.Fatal(err)
	}
	p.n += 1 << 20
	if err := l.take(p.next(), true, media.Now()); err != nil {
		t.Fatal(err)
	}
	if len(h.letters) != 2+mostMadeUp {
		t.Errorf("heard %s", h.letters)
	}
}

func TestAMalformedPacketOfSoundIsAnErrorAndNotTheEnd(t *testing.T) {
	p := perform(t)
	l, h := listener(t)
	broken := p.next()
	broken.Payload = []byte{0xff}
	if err := l.take(broken, true, media.Now()); !errors.Is(err, red.ErrPayload) {
		t.Errorf("error %v", err)
	}
	if err := l.take(&rtp.Packet{Payload: []byte{0xff, 0x3f}, Header: rtp.Header{Timestamp: start}}, false, media.Now()); !errors.Is(err, opus.ErrPacket) {
		t.Errorf("error %v", err)
	}
	if err := l.take(p.next(), true, media.Now()); err != nil || h.letters == "" {
		t.Errorf("heard %s: %v", h.letters, err)
	}
}

func FuzzListening(f *testing.F) {
	f.Add([]byte{0x80 | opusPayloadType, 0, 4, 0, opusPayloadType, 1, 2}, uint32(960), true, true)
	f.Add(opus.Pause, uint32(480), false, false)
	f.Fuzz(func(t *testing.T, payload []byte, timestamp uint32, redundant, marker bool) {
		d, err := opus.NewDecoder()
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		frames := 0
		l := &listening{decoder: d, hear: func(Sound) { frames++ }}
		for _, at := range []uint32{0, timestamp} {
			packet := &rtp.Packet{Header: rtp.Header{Timestamp: at, Marker: marker}, Payload: payload}
			_ = l.take(packet, redundant, 1) // whatever it says: it goes on
		}
		if frames > 2*red.MaxBlocks*(1+mostMadeUp) {
			t.Fatalf("%d frames of two packets", frames)
		}
	})
}
