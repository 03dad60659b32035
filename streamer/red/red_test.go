package red

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

const opus = 111

func frame(n int) []byte { return bytes.Repeat([]byte{byte(n)}, 10+n) }

func TestEachPacketCarriesTheFrameBefore(t *testing.T) {
	p := NewPacker(opus, 1000)
	for n := range 5 {
		timestamp := uint32(0xffffff00) + uint32(480*n) // past the counter's end
		blocks, err := Parse(nil, p.Pack(nil, timestamp, frame(n)), timestamp)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for back := min(n, 1); back >= 0; back-- {
			want = append(want, fmt.Sprint(opus, timestamp-uint32(480*back), frame(n-back)))
		}
		var got []string
		for _, b := range blocks {
			got = append(got, fmt.Sprint(b.PayloadType, b.Timestamp, b.Data))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("packet %d: got %v, want %v", n, got, want)
		}
	}
}

func TestALostPacketIsMissedByNobody(t *testing.T) {
	p := NewPacker(opus, 1000)
	heard := map[uint32]bool{}
	for n := range 100 {
		timestamp := uint32(480 * n)
		payload := p.Pack(nil, timestamp, frame(n%7))
		if n%3 == 1 {
			continue // lost
		}
		blocks, err := Parse(nil, payload, timestamp)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range blocks {
			heard[b.Timestamp] = true
		}
	}
	if len(heard) != 100 {
		t.Errorf("%d of 100 frames are there", len(heard))
	}
}

func TestAFrameBeforeIsLeftOutWhereItDoesNotFit(t *testing.T) {
	for _, c := range []struct {
		why           string
		first, second uint32
		length        int
	}{
		{"as old as can be said", 0, longestOffset, 10},
		{"too old", 0, longestOffset + 1, 10},
		{"of the same time", 5, 5, 10},
		{"later", 5, 4, 10},
		{"as long as can be said", 0, 480, longestRepeat},
		{"too long", 0, 480, longestRepeat + 1},
		{"too long for the packet", 0, 480, 1000},
	} {
		p := NewPacker(opus, 1100)
		p.Pack(nil, c.first, make([]byte, c.length))
		second := frame(1)
		if c.why == "too long for the packet" {
			second = make([]byte, 100)
		}
		blocks, err := Parse(nil, p.Pack(nil, c.second, second), c.second)
		want := 1
		if c.why == "as old as can be said" || c.why == "as long as can be said" {
			want = 2
		}
		if err != nil || len(blocks) != want || !bytes.Equal(blocks[want-1].Data, second) {
			t.Errorf("%s: %d frames, want %d: %v", c.why, len(blocks), want, err)
		}
	}
}

func TestWhatIsNoPayloadIsRefused(t *testing.T) {
	for why, payload := range map[string][]byte{
		"nothing":                      {},
		"no last header":               {0x80 | opus, 0, 4, 1},
		"half a header":                {0x80 | opus, 0},
		"a frame longer than the rest": {0x80 | opus, 0, 4, 3, opus, 1, 2},
		"too many":                     append(bytes.Repeat([]byte{0x80 | opus, 0, 4, 0}, MaxBlocks), opus),
	} {
		if blocks, err := Parse(nil, payload, 0); !errors.Is(err, ErrPayload) || len(blocks) > 0 {
			t.Errorf("%s: %v, %v", why, blocks, err)
		}
	}
}

func TestPackingDoesNotAllocate(t *testing.T) {
	p, payload, coded := NewPacker(opus, 1000), make([]byte, 0, 1000), frame(100)
	blocks := make([]Block, 0, MaxBlocks)
	n := uint32(0)
	if allocations := testing.AllocsPerRun(100, func() {
		n += 480
		payload = p.Pack(payload[:0], n, coded)
		var err error
		if blocks, err = Parse(blocks[:0], payload, n); err != nil {
			t.Fatal(err)
		}
	}); allocations > 0 {
		t.Errorf("%v allocations a packet", allocations)
	}
}

func FuzzParse(f *testing.F) {
	p := NewPacker(opus, 1000)
	f.Add(p.Pack(nil, 480, frame(3)), uint32(480))
	f.Add(p.Pack(nil, 960, frame(4)), uint32(960))
	f.Add([]byte{0x80 | opus, 0, 4, 3, opus, 1, 2}, uint32(0))
	f.Fuzz(func(t *testing.T, payload []byte, timestamp uint32) {
		blocks, err := Parse(nil, payload, timestamp)
		if err != nil {
			if !errors.Is(err, ErrPayload) || len(blocks) > 0 {
				t.Fatalf("%v, %v", blocks, err)
			}
			return
		}
		octets := 0
		for _, b := range blocks {
			octets += len(b.Data)
			if offset := timestamp - b.Timestamp; offset > longestOffset {
				t.Fatalf("a frame %d older than its packet", offset)
			}
		}
		if len(blocks) == 0 || len(blocks) > MaxBlocks || octets != len(payload)-headerLength*(len(blocks)-1)-lastLength {
			t.Fatalf("%d frames of %d octets from %d", len(blocks), octets, len(payload))
		}
	})
}
