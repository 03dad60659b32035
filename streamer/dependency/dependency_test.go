package dependency

import (
	"bytes"
	"errors"
	"slices"
	"testing"
)

func TestAStreamIsReadAsItWasWritten(t *testing.T) {
	var r Reader
	for _, row := range []struct {
		number      uint16
		first, last bool
		distance    int
		octets      int
		reason      string
	}{
		{65535, true, false, 0, 8, "a keyframe's first packet brings the structure"},
		{65535, false, true, 0, 3, "its last does not"},
		{0, true, true, 1, 3, "a frame that refers to the one before costs as little as can be"},
		{1, true, false, 4, 5, "frames are left out"},
		{1, false, true, 4, 5, "as every packet of it says"},
		{2, true, true, 16, 5, "as far as four bits reach"},
		{3, true, true, 17, 6, "and farther"},
		{4, true, true, MaxDistance, 6, "as far as goes"},
		{5, true, true, 0, MaxSize, "another keyframe in one packet"},
	} {
		data := Append(nil, row.number, row.first, row.last, row.distance)
		if len(data) != row.octets {
			t.Errorf("%s: %d octets, want %d", row.reason, len(data), row.octets)
		}
		f, err := r.Read(data)
		if err != nil {
			t.Fatalf("%s: %v", row.reason, err)
		}
		var want []int
		if row.distance > 0 {
			want = []int{row.distance}
		}
		if f.Number != row.number || f.First != row.first || f.Last != row.last || f.Structure != (row.distance == 0 && row.first) || !slices.Equal(f.Distances, want) {
			t.Errorf("%s: read as %+v", row.reason, f)
		}
	}
}

// The bits of the standard's structure, written out: section A.8.2 with one decode target, two templates and no chain.
func TestAKeyframesFirstPacketHasTheBitsOfTheStandard(t *testing.T) {
	want := []byte{
		0b10_000000, 0x12, 0x34, // begins, template 0, the number
		0b10000_000, // structure follows; template_id_offset
		0b000_00000, // dt_cnt_minus_one
		0b00_11_10_10,
		0b0_1_0000_0_0, // fdiffs; chain_cnt
		0b0_0000000,    // no resolutions; padding
	}
	if got := Append(nil, 0x1234, true, false, 0); !bytes.Equal(got, want) {
		t.Errorf("%08b, want %08b", got, want)
	}
}

func TestWhatCannotBeReadIsRefused(t *testing.T) {
	key := Append(nil, 1, true, true, 0)
	for name, row := range map[string]struct {
		before, data []byte
		want         error
	}{
		"nothing":                    {nil, nil, ErrShort},
		"two octets":                 {nil, []byte{0xc1, 0}, ErrShort},
		"a frame without structure":  {nil, Append(nil, 1, true, true, 1), ErrTemplate},
		"a structure that ends":      {nil, key[:5], ErrShort},
		"a template that is not":     {key, []byte{0xc5, 0, 1}, ErrTemplate},
		"a distance that ends":       {key, []byte{0xc1, 0, 1, 0b00010_11_0}, ErrShort},
		"templates without end":      {nil, append([]byte{0xc0, 0, 1, 0x80, 0}, make([]byte, 40)...), ErrStructure},
		"layers beyond the standard": {nil, append([]byte{0xc0, 0, 1, 0x80, 0}, 0b10101010, 0b10_11_0000, 0, 0, 0, 0, 0, 0, 0), ErrStructure},
	} {
		var r Reader
		if row.before != nil {
			if _, err := r.Read(row.before); err != nil {
				t.Fatal(err)
			}
		}
		if f, err := r.Read(row.data); !errors.Is(err, row.want) {
			t.Errorf("%s: %+v, %v; want %v", name, f, err, row.want)
		}
	}
}

func TestWritingAndReadingDoNotAllocate(t *testing.T) {
	var r Reader
	buffer := make([]byte, 0, MaxSize)
	number := uint16(0)
	if n := testing.AllocsPerRun(100, func() {
		for _, distance := range []int{0, 1, 1, 5, 1} {
			buffer = Append(buffer[:0], number, true, true, distance)
			if _, err := r.Read(buffer); err != nil {
				t.Error(err)
			}
			number++
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(Append(nil, 1, true, true, 0), Append(nil, 2, true, true, 7))
	f.Add([]byte{0xc0, 0, 1, 0xf8, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, []byte{0xc1, 0, 1, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var r Reader
		for _, data := range [][]byte{first, second, first} {
			frame, err := r.Read(data)
			if err != nil {
				continue
			}
			if len(frame.Distances) > maxDistances {
				t.Errorf("%d distances", len(frame.Distances))
			}
			for _, d := range frame.Distances {
				if d < 1 || d > 1<<12 {
					t.Errorf("a distance of %d", d)
				}
			}
		}
	})
}
