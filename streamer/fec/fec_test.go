package fec

import (
	"bytes"
	"errors"
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
				if i != lost && r.Media(p) != nil {
					t.Fatal("a packet is made of nothing")
				}
			}
			restored, err := r.Repair(parity.Append(nil))
			if err != nil || !bytes.Equal(restored, whole[lost]) {
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
	if restored, err := r.Repair(parity.Append(nil)); restored != nil || err != nil {
		t.Fatal(restored, err)
	}
	for _, i := range []int{5, 1, 0, 2} {
		if r.Media(whole[i]) != nil {
			t.Fatal("two are missing, and one is made")
		}
	}
	if restored := r.Media(whole[4]); !bytes.Equal(restored, whole[3]) {
		t.Errorf("made %x", restored)
	}
	if r.Media(whole[4]) != nil {
		t.Error("it is made twice")
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
		if _, err := r.Repair(row.payload); !errors.Is(err, row.want) {
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
		made := [][]byte{r.Media(a)}
		restored, err := r.Repair(payload)
		if err != nil && restored != nil {
			t.Error("a packet beside an error")
		}
		for _, packet := range append(made, restored, r.Media(b)) {
			if packet != nil && (len(packet) < rtpHeader || len(packet) > maxPacket) {
				t.Errorf("a packet of %d octets", len(packet))
			}
		}
	})
}
