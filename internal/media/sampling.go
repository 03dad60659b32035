package media

import "fmt"

// Chroma is how many colour samples planes hold beside their luma.
type Chroma int

const (
	Chroma420 Chroma = iota // one for each two by two pixels: what every decoder takes
	Chroma444               // one for each pixel: thin coloured lines and coloured text stay sharp
)

func (c Chroma) String() string {
	if c == Chroma444 {
		return "4:4:4"
	}
	return "4:2:0"
}

// ParseChroma reads 420 or 444.
func ParseChroma(text string) (Chroma, error) {
	switch text {
	case "420":
		return Chroma420, nil
	case "444":
		return Chroma444, nil
	}
	return Chroma420, fmt.Errorf("chroma %q: want 420 or 444", text)
}

// Of is the size of a colour plane beside luma of an even size.
func (c Chroma) Of(luma Size) Size {
	if c == Chroma444 {
		return luma
	}
	return Size{luma.Width / 2, luma.Height / 2}
}

// Sampling is what a coded stream keeps of each pixel. The zero Sampling, 4:2:0 with 8 bits, is what every decoder takes.
type Sampling struct {
	Chroma Chroma
	// TenBit has the stream coded with 10 bits a sample in place of 8. Frames have 8 bits in either case: what it gives then is
	// finer arithmetic in encoder and decoder, and so fewer steps in soft gradients.
	TenBit bool
}

func (s Sampling) String() string {
	if s.TenBit {
		return s.Chroma.String() + " with 10 bits"
	}
	return s.Chroma.String() + " with 8 bits"
}

// Samplings lists every Sampling that there is, the zero one first.
func Samplings() []Sampling {
	return []Sampling{{}, {Chroma444, false}, {Chroma420, true}, {Chroma444, true}}
}
