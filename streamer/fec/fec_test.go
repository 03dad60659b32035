package fec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pion/interceptor/pkg/flexfec"
	"github.com/pion/rtp"
)

// packets makes so many of a stream, of different lengths and with an extension.
func packets(t testing.TB, first uint16, count int) (whole [][]byte, parsed []rtp.Packet) {
	t.Helper()
	for i := range count {
		p := rtp.Packet{
			Header: rtp.Header{
				Version: 2, Marker: i == count-1, PayloadType: 102, SequenceNumber: first + uint16(i), Timestamp: 0xfedcba98 + uint32(i/7), SSRC: 77,
				Extension: true, ExtensionProfile: rtp.ExtensionProfileOneByte,
			},
			Payload: bytes.Repeat([]byte{byte(i + 1)}, 50+37*i%211),
		}
		if err := p.Header.SetExtension(5, []byte{byte(i), 9}); err != nil {
			t.Fatal(err)
		}
		data, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		whole, parsed = append(whole, data), append(parsed, p)
	}
	return whole, parsed
}

func TestAnyOnePacketThatIsMissingIsMadeAgain(t *testing.T) {
	for _, count := range []int{1, 2, 14, 15, 16, 45, 46, 47, 108, MaxSpan} {
		whole, _ := packets(t, 65500, count)
		for lost := 0; lost < count; lost += max(count/5, 1) {
			var parity Parity
			for _, p := range whole {
				if !parity.Add(p) {
					t.Fatalf("a packet of %d is not protected", count)
				}
			}
			var r Restorer
			for i, p := range whole {
				if i != lost {
					r.Media(p)
				}
			}
			if r.Restored() != nil {
				t.Fatal("a packet is made of nothing")
			}
			err := r.Repair(parity.Append(nil))
			if restored := r.Restored(); err != nil || !bytes.Equal(restored, whole[lost]) {
				t.Fatalf("packet %d of %d: %x, %v", lost, count, restored, err)
			}
		}
	}
}

func TestRepairsWaitForWhatTheyProtect(t *testing.T) {
	whole, _ := packets(t, 10, 6)
	var parity Parity
	for _, p := range whole {
		parity.Add(p)
	}
	var r Restorer
	if err := r.Repair(parity.Append(nil)); err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{5, 1, 0, 2, 2} {
		r.Media(whole[i])
		if r.Restored() != nil {
			t.Fatal("two are missing, and one is made")
		}
	}
	r.Media(whole[4])
	if restored := r.Restored(); !bytes.Equal(restored, whole[3]) {
		t.Errorf("made %x", restored)
	}
	r.Media(whole[4])
	if r.Restored() != nil {
		t.Error("it is made twice")
	}
}

// solvable is how many of the missing packets can be made again one by one, which is all that a receiver has to do: rows are sets of
// packets.
func solvable(rows [][]bool, missing []bool) (made int) {
	missing = slices.Clone(missing)
	for again := true; again; {
		again = false
		for _, row := range rows {
			count, at := 0, 0
			for i, protects := range row {
				if protects && missing[i] {
					count, at = count+1, i
				}
			}
			if count == 1 {
				missing[at], again = false, true
				made++
			}
		}
	}
	return made
}

func TestEverythingIsMadeAgainThatCanBeOneByOne(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	several := 0
	for round := range 400 {
		count, repairs := 1+random.IntN(MaxSpan), 1+random.IntN(16)
		whole, _ := packets(t, uint16(round*997), count)
		missing, rows := make([]bool, count), make([][]bool, repairs)
		share := 0.3 * random.Float64()
		for i := range missing {
			missing[i] = random.Float64() < share
		}
		var payloads [][]byte
		for i := range rows {
			rows[i] = make([]bool, count)
			var parity Parity
			for j, p := range whole {
				if rows[i][j] = random.IntN(4) == 0; rows[i][j] {
					parity.Add(p)
				}
			}
			if parity.Protects() > 0 {
				payloads = append(payloads, parity.Append(nil))
			}
		}
		var arriving [][]byte // packets, then repair packets behind an empty one, in any order
		for i, p := range whole {
			if !missing[i] {
				arriving = append(arriving, p)
			}
		}
		media := len(arriving)
		order := random.Perm(media + len(payloads))
		var r Restorer
		made := 0
		for _, i := range order {
			if i < media {
				r.Media(arriving[i])
			} else if err := r.Repair(payloads[i-media]); err != nil {
				t.Fatal(err)
			}
			for p := r.Restored(); p != nil; p = r.Restored() {
				at := int(binary.BigEndian.Uint16(p[2:]) - uint16(round*997))
				if at >= count || !bytes.Equal(p, whole[at]) {
					t.Fatalf("round %d: packet %d is made as something else", round, at)
				}
				if missing[at] {
					made++
				}
			}
		}
		// Some that only came later were made before that: then those that are missing are still all made.
		if want := solvable(rows, missing); made != want {
			t.Fatalf("round %d: %d packets of %d were made again by %d repair packets", round, made, want, repairs)
		} else if want > 1 {
			several++
		}
	}
	if several < 50 {
		t.Errorf("several packets could be made in %d rounds: this tries nothing", several)
	}
}

func TestARepairPacketIsWhatPionMakes(t *testing.T) {
	for _, count := range []int{2, 15, 40, 100} {
		whole, parsed := packets(t, 1000, count)
		var parity Parity
		for _, p := range whole {
			parity.Add(p)
		}
		theirs := flexfec.NewFlexEncoder03(120, 5).EncodeFec(parsed, 1)
		if len(theirs) != 1 || !bytes.Equal(theirs[0].Payload, parity.Append(nil)) {
			t.Errorf("%d packets: %x\nwant %x", count, parity.Append(nil)[:MaxHeader], theirs[0].Payload[:MaxHeader])
		}
	}
}

func TestWhatIsTooFarIsNotProtected(t *testing.T) {
	whole, _ := packets(t, 1, MaxSpan+1)
	var parity Parity
	parity.Add(whole[0])
	if parity.Add(whole[MaxSpan]) || parity.Add(whole[0]) || parity.Add(whole[0][:5]) || parity.Protects() != 1 {
		t.Error("a packet is protected that cannot be made again")
	}
	parity.Reset()
	if parity.Protects() != 0 || !parity.Add(whole[MaxSpan]) {
		t.Error("after a reset")
	}
}

func TestRepairPacketsThatCannotBeReadAreRefused(t *testing.T) {
	var parity Parity
	whole, _ := packets(t, 1, 20)
	for _, p := range whole {
		parity.Add(p)
	}
	good := parity.Append(nil)
	change := func(at int, to byte) []byte {
		bad := bytes.Clone(good)
		bad[at] = to
		return bad
	}
	for name, row := range map[string]struct {
		payload []byte
		want    error
	}{
		"nothing":              {nil, ErrShort},
		"half a mask":          {good[:21], ErrShort},
		"a repeat":             {change(0, 0x80), ErrForm},
		"of two streams":       {change(8, 2), ErrForm},
		"longer than a packet": {append(bytes.Clone(good), make([]byte, maxPacket)...), ErrForm},
	} {
		var r Restorer
		if err := r.Repair(row.payload); !errors.Is(err, row.want) || r.Restored() != nil {
			t.Errorf("%s: %v, want %v", name, err, row.want)
		}
	}
}

func TestMakingRepairPacketsDoesNotAllocate(t *testing.T) {
	whole, _ := packets(t, 1, 20)
	var parity Parity
	var payload []byte
	if n := testing.AllocsPerRun(100, func() {
		parity.Reset()
		for _, p := range whole {
			parity.Add(p)
		}
		payload = parity.Append(payload[:0])
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzRestore(f *testing.F) {
	whole, _ := packets(f, 1, 3)
	var parity Parity
	for _, p := range whole {
		parity.Add(p)
	}
	f.Add(parity.Append(nil), whole[0], whole[2])
	f.Fuzz(func(t *testing.T, payload, a, b []byte) {
		var r Restorer
		for range 2 {
			r.Media(a)
			if err := r.Repair(payload); err != nil && r.Restored() != nil {
				t.Error("a packet beside an error")
			}
			r.Media(b)
			for packet := r.Restored(); packet != nil; packet = r.Restored() {
				if len(packet) < rtpHeader || len(packet) > maxPacket {
					t.Errorf("a packet of %d octets", len(packet))
				}
			}
		}
		if r.solved != 0 {
			t.Errorf("%d repair packets are said to be ready", r.solved)
		}
	})
}
