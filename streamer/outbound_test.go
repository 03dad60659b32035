package streamer

import (
	"encoding/binary"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"nearlight/internal/media"
	"nearlight/streamer/congestion"
	"nearlight/streamer/control"
	"nearlight/streamer/udpmux"
)

// noRate has no opinion on the rate.
type noRate struct{}

var _ rateControl = noRate{}

func (noRate) bind(*wire)                        {}
func (noRate) sent(*sentPacket)                  {}
func (noRate) produced(int)                      {}
func (noRate) grant() Grant                      { return Grant{} }
func (noRate) acknowledged(int64, time.Duration) {}
func (noRate) setFrameRate(int)                  {}
func (noRate) figures() congestion.Figures       { return congestion.Figures{} }
func (noRate) reported(rtcp.Packet) error        { return nil }
func (noRate) target() media.Bitrate             { return media.Mbps }
func (noRate) close() error                      { return nil }
func (noRate) restart()                          {}
func transportNumber(h rtp.Header) uint16        { return binary.BigEndian.Uint16(h.GetExtension(5)) }

func sequences(headers []rtp.Header) (s []uint16) {
	for _, h := range headers {
		s = append(s, h.SequenceNumber)
	}
	return s
}

func TestALostPacketIsSentAgainInTheStreamForRepeats(t *testing.T) {
	sent := &sentPackets{keep: true}
	track := boundTrack(t, sent)
	track.use(media.VP8)
	if err := track.writeSlice(annexBSlice(5000, true), media.Now()); err != nil {
		t.Fatal(err)
	}
	whole := len(sent.headers)
	lost := sent.headers[2]
	if err := track.outbound.again(lost.SequenceNumber, media.Now(), 0); err != nil {
		t.Fatal(err)
	}
	if len(sent.headers) != whole+1 {
		t.Fatalf("%d packets were sent again", len(sent.headers)-whole)
	}
	again, payload := sent.headers[whole], sent.payloads[whole]
	if again.SSRC != 8 || again.PayloadType != 105 || again.Timestamp != lost.Timestamp || again.Marker != lost.Marker {
		t.Errorf("it was sent again as %+v", again)
	}
	if binary.BigEndian.Uint16(payload) != lost.SequenceNumber || !slices.Equal(payload[2:], sent.payloads[2]) {
		t.Error("it was sent again as something else (RFC 4588 section 4)")
	}
	for i, h := range sent.headers[1:] {
		if got, want := transportNumber(h), transportNumber(sent.headers[i])+1; got != want {
			t.Errorf("packet %d has the transport-wide number %d, want %d: repeats count like others", i+1, got, want)
		}
	}
}

func TestAPlayerWithoutAStreamForRepeatsGetsThePacketAsItWas(t *testing.T) {
	sent := &sentPackets{keep: true}
	track := boundTrack(t, sent)
	track.outbound.wire.repeatSSRC = 0
	if err := track.writeSlice(annexBSlice(2000, true), media.Now()); err != nil {
		t.Fatal(err)
	}
	whole := len(sent.headers)
	if err := track.outbound.again(sent.headers[0].SequenceNumber, media.Now(), 0); err != nil {
		t.Fatal(err)
	}
	first, again := sent.headers[0], sent.headers[whole]
	if again.SSRC != first.SSRC || again.SequenceNumber != first.SequenceNumber || again.PayloadType != first.PayloadType ||
		!slices.Equal(again.GetExtension(3), first.GetExtension(3)) || !slices.Equal(sent.payloads[0], sent.payloads[whole]) {
		t.Errorf("%+v was sent again as %+v", first, again)
	}
}

func TestWhatWasNeverSentOrIsTooOldIsNotSentAgain(t *testing.T) {
	sent := &sentPackets{keep: true}
	track := boundTrack(t, sent)
	first := track.outbound.next
	for range 2 * keptPackets / 5 {
		if err := track.writeSlice(annexBSlice(5000, true), media.Now()); err != nil {
			t.Fatal(err)
		}
	}
	whole := len(sent.headers)
	for _, sequence := range []uint16{first, first - 1, track.outbound.next, track.outbound.next + keptPackets} {
		if err := track.outbound.again(sequence, media.Now(), 0); err != nil {
			t.Fatal(err)
		}
	}
	if len(sent.headers) != whole {
		t.Errorf("sent again: %v", sequences(sent.headers[whole:]))
	}
}

func TestAFrameOfAnySizeIsSentWholeAndInOrder(t *testing.T) {
	for _, pace := range []media.Bitrate{0, media.Mbps} {
		sent := &sentPackets{keep: true}
		track := boundTrack(t, sent)
		track.outbound.schedule.setPace(pace, 0)
		if err := track.writeSlice(annexBSlice(3<<20, true), media.Now()); err != nil {
			t.Fatal(err)
		}
		track.outbound.schedule.setPace(0, 0)
		if err := track.outbound.sendDue(); err != nil {
			t.Fatal(err)
		}
		for i := range sent.headers[1:] {
			if sent.headers[i+1].SequenceNumber != sent.headers[i].SequenceNumber+1 {
				t.Fatalf("at a pace of %v packet %d is out of order", pace, i+1)
			}
		}
		if !sent.headers[len(sent.headers)-1].Marker || sent.bytes < 3<<20 {
			t.Errorf("at a pace of %v only %d octets were sent", pace, sent.bytes)
		}
	}
}

func TestAFrameHasLeftWhenItsLastPacketHas(t *testing.T) {
	var left []media.StageTimes
	sent := &sentPackets{}
	track := boundTrack(t, sent)
	track.outbound.left = func(times media.StageTimes) { left = append(left, times) }
	at := media.Now()
	if err := track.writeSlice(annexBSlice(30000, true), at); err != nil {
		t.Fatal(err)
	}
	track.outbound.coded(media.StageTimes{Damaged: at, Encoded: media.Now()})
	if len(left) != 1 || left[0].Damaged != at || left[0].Sent < left[0].Encoded {
		t.Fatalf("at no pace: %+v", left)
	}

	track.outbound.schedule.setPace(media.Mbps, 0)
	if err := track.writeSlice(annexBSlice(30000, true), at.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	encoded := media.Now()
	track.outbound.coded(media.StageTimes{Damaged: at.Add(time.Second), Encoded: encoded})
	if len(left) != 1 {
		t.Fatal("it is said to have left before its last packet has")
	}
	track.outbound.schedule.setPace(0, 0)
	if err := track.outbound.sendDue(); err != nil {
		t.Fatal(err)
	}
	if len(left) != 2 || left[1].Sent < encoded {
		t.Errorf("after its last packet: %+v", left)
	}
}

func TestWhatHasToWaitIsSentInTimeByRun(t *testing.T) {
	left := make(chan media.StageTimes, 1)
	sent := &sentPackets{}
	track := boundTrack(t, sent)
	o := track.outbound
	o.left = func(times media.StageTimes) { left <- times }
	ran := make(chan error, 1)
	go func() { ran <- o.run(nil) }()
	o.mu.Lock()
	o.schedule.setPace(20*media.Mbps, 0)
	o.mu.Unlock()
	began := media.Now()
	if err := track.writeSlice(annexBSlice(50000, true), began); err != nil {
		t.Fatal(err)
	}
	o.coded(media.StageTimes{Damaged: began, Encoded: media.Now()})
	// 50 kB but for the first 10, and for the last train, at 20 Mbit/s.
	if took := (<-left).Sent.Sub(began); took < 13*time.Millisecond {
		t.Errorf("it left in %v", took)
	}
	o.stop()
	if err := <-ran; err != nil {
		t.Error(err)
	}
	if err := track.writeSlice(annexBSlice(100, true), began); !errors.Is(err, ErrClosed) {
		t.Errorf("after its end: %v", err)
	}
}

func TestAFrameThatHasToWaitWhollyIsSentWithoutAnotherWrite(t *testing.T) {
	sent := &sentPackets{}
	track := boundTrack(t, sent)
	o := track.outbound
	left := make(chan media.StageTimes, 2)
	o.left = func(times media.StageTimes) { left <- times }
	ran := make(chan error, 1)
	go func() { ran <- o.run(nil) }()
	o.mu.Lock()
	o.schedule.setPace(20*media.Mbps, 0)
	o.mu.Unlock()
	frame := func(size int) {
		now := media.Now()
		if err := track.writeSlice(annexBSlice(size, true), now); err != nil {
			t.Fatal(err)
		}
		o.coded(media.StageTimes{Damaged: now, Encoded: now})
		select {
		case <-left:
		case <-time.After(10 * time.Second):
			t.Fatalf("a frame of %d octets stays in line", size)
		}
	}
	for range 5 {
		frame(30000) // leaves the schedule ahead of the clock
		frame(3000)
	}
	o.stop()
	if err := <-ran; err != nil {
		t.Error(err)
	}
}

func TestAConnectionThatFailsIsToldAndKeepsNothingInLine(t *testing.T) {
	gone := errors.New("gone")
	sent := &sentPackets{fail: gone}
	track := boundTrack(t, sent)
	if err := track.writeSlice(annexBSlice(5000, true), media.Now()); !errors.Is(err, gone) {
		t.Errorf("error %v", err)
	}
	if track.outbound.first != track.outbound.next {
		t.Error("packets stay in line")
	}
	sent.fail = nil
	if err := track.writeSlice(annexBSlice(5000, true), media.Now()); err != nil {
		t.Errorf("once it works again: %v", err)
	}
}

func TestDeparturesComeFromTheSocketOrElseFromTheWrite(t *testing.T) {
	sent := &sentPackets{keep: true}
	track := boundTrack(t, sent)
	o := track.outbound
	before := media.Now()
	if err := track.writeSlice(annexBSlice(2000, true), before); err != nil {
		t.Fatal(err)
	}
	p := o.sent.packets[transportNumber(sent.headers[1])]
	if p.at < before || p.sequence != sent.headers[1].SequenceNumber || p.ssrc != 7 {
		t.Fatalf("nobody told of the departure: %+v", p)
	}
	first := o.sent.next
	o.sent.add(sentPacket{ssrc: 7, sequence: 40000})
	o.sent.add(sentPacket{ssrc: 8, sequence: 40001})
	o.departed(udpmux.Departure{SSRC: 8, Sequence: 40001, Size: 1022, At: 6})
	if o.sent.settled() != nil {
		t.Error("a packet is told of before the one that left before it")
	}
	o.departed(udpmux.Departure{SSRC: 7, Sequence: 40000, Size: 1021, At: 5})
	o.departed(udpmux.Departure{SSRC: 9, Sequence: 1, Size: 1021, At: 7}) // nobody's
	o.sent.assume(9)
	for i, want := range []sentPacket{{sequence: 40000, ssrc: 7, size: 1021, at: 5}, {sequence: 40001, ssrc: 8, size: 1022, at: 6}} {
		want.number = first + int64(i)
		if got := o.sent.settled(); got == nil || *got != want {
			t.Errorf("departure %d is %+v, want %+v", i, got, want)
		}
	}
	if o.sent.settled() != nil {
		t.Error("packets that were never sent are told of")
	}
}

// nobody takes what a player sends, and does nothing.
type nobody struct{}

var _ Receiver = nobody{}

func (nobody) Input(control.Channel, control.Message) {}
func (nobody) Malformed(control.Channel, error)       {}
func (nobody) WantKeyframe()                          {}
func (nobody) Lost(Loss)                              {}
func (nobody) Left(media.StageTimes)                  {}
func (nobody) Candidate(*webrtc.ICECandidateInit)     {}

var quiet = slog.New(slog.DiscardHandler)
