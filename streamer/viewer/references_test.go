package viewer

import (
	"slices"
	"testing"

	"github.com/pion/rtp"

	"nearlight/internal/media"
	"nearlight/streamer/dependency"
)

const descriptorID = 3

// described makes a stream of frames of two packets each, which refer so many frames back (0 for a keyframe).
func described(t testing.TB, distances ...int) []*rtp.Packet {
	t.Helper()
	packets := stream(100, len(distances), 2)
	for i, p := range packets {
		p.Version, p.Extension, p.ExtensionProfile = 2, true, rtp.ExtensionProfileOneByte
		descriptor := dependency.Append(nil, uint16(65534+i/2), i%2 == 0, i%2 == 1, distances[i/2])
		if err := p.SetExtension(descriptorID, descriptor); err != nil {
			t.Fatal(err)
		}
	}
	return packets
}

func newDescribedAssembler() *assembler {
	a := newAssembler(h264)
	a.dependencyID = descriptorID
	return a
}

// after is which frames come out when all packets but some come, well within the assembler's patience.
func after(t *testing.T, packets []*rtp.Packet, lost ...int) (frames []uint32, losses int) {
	t.Helper()
	a := newDescribedAssembler()
	for i, p := range packets {
		if !slices.Contains(lost, i) {
			a.push(p, media.Instant(i+1))
			units, n := collect(t, a, media.Instant(i+1))
			frames, losses = append(frames, units...), losses+n
		}
	}
	for i := range frames {
		frames[i] /= 1500
	}
	return frames, losses
}

func TestTheAssemblerGoesOnAtAFrameThatNeedsNothingMissing(t *testing.T) {
	for _, row := range []struct {
		reason    string
		distances []int
		lost      []int // packets; frame n has 2n and 2n+1
		frames    []uint32
	}{
		{"nothing is missing", []int{0, 1, 1, 1}, nil, []uint32{0, 1, 2, 3}},
		{"all that follows needs it", []int{0, 1, 1, 1}, []int{2}, []uint32{0}},
		{"a later frame does without it", []int{0, 1, 1, 3, 1}, []int{3}, []uint32{0, 3, 4}},
		{"its first packet and its last are missing", []int{0, 1, 2, 1}, []int{2, 3}, []uint32{0, 2, 3}},
		{"the later one is not whole itself", []int{0, 1, 2, 1}, []int{2, 5}, []uint32{0}},
		{"the later one does without too little", []int{0, 1, 1, 2, 1}, []int{2}, []uint32{0}},
		{"a keyframe needs nothing", []int{0, 1, 1, 0, 1}, []int{2}, []uint32{0, 3, 4}},
		{"two losses, one frame that does without both", []int{0, 1, 1, 1, 4, 1}, []int{2, 6}, []uint32{0, 4, 5}},
	} {
		frames, losses := after(t, described(t, row.distances...), row.lost...)
		if !slices.Equal(frames, row.frames) || losses != 0 {
			t.Errorf("%s: frames %v and %d losses, want %v", row.reason, frames, losses, row.frames)
		}
	}
}

func TestWhatIsGivenUpTakesWhatNeedsItAlong(t *testing.T) {
	a := newDescribedAssembler()
	for i, p := range described(t, 0, 1, 1, 3, 1) {
		if i != 2 && i != 6 { // of the second frame, and of the one that does without it
			a.push(p, 1)
		}
	}
	units, losses := collect(t, a, 1)
	if len(units) != 1 || losses != 0 {
		t.Fatalf("frames %v, %d losses", units, losses)
	}
	units, losses = collect(t, a, 2+media.Instant(patience))
	more, moreLosses := collect(t, a, 3+2*media.Instant(patience))
	if len(units)+len(more) != 0 || losses+moreLosses == 0 {
		t.Errorf("frames %v %v, %d losses", units, more, losses+moreLosses)
	}
}

func TestAStreamWhoseFirstPacketIsLostBeginsWithTheNextKeyframe(t *testing.T) {
	// Only a keyframe's first packet says what the descriptors of all that follow mean.
	if frames, losses := after(t, described(t, 0, 1, 1, 0, 1), 0); !slices.Equal(frames, []uint32{3, 4}) || losses == 0 {
		t.Errorf("frames %v, %d losses", frames, losses)
	}
}

func FuzzDescribedAssembler(f *testing.F) {
	f.Add([]byte{0, 0xc0, 0, 1, 0x80, 0, 0x3a, 0x40, 0, 1, 0xc1, 0, 2, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		a := newDescribedAssembler()
		now := media.Instant(1)
		for len(data) >= 9 {
			p := stream(uint16(data[0]&31), 1, 2)[data[0]>>7]
			p.SequenceNumber, p.Version, p.Extension, p.ExtensionProfile = uint16(data[0]&31), 2, true, rtp.ExtensionProfileOneByte
			if err := p.SetExtension(descriptorID, data[1:9]); err != nil {
				t.Fatal(err)
			}
			a.push(p, now)
			now = now.Add(20_000_000)
			for range 2 * reorderWindow {
				unit, lost, err := a.pop(now)
				if err != nil {
					return
				}
				if unit == nil && !lost {
					break
				}
			}
			data = data[9:]
		}
	})
}
