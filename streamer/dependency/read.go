package dependency

import "fmt"

// Bounds of the standard (section A.8.2).
const (
	maxTemplates   = 64
	maxLayers      = 4 // spatial ones
	maxTargets     = 32
	maxDistances   = 32 // of one frame; more than any codec has
	mandatoryOctet = 3
)

// Reader reads the descriptors of one stream, in any order of its packets: it remembers the newest structure. The zero value is ready.
// One goroutine uses it.
type Reader struct {
	known     bool
	offset    int // template_id_offset
	targets   int
	chains    int
	distances [maxTemplates][]int // of each template
	templates int
	custom    []int // distances of the frame at hand
}

// Read reads one packet's descriptor. The result's Distances are valid until the next call.
func (r *Reader) Read(data []byte) (Frame, error) {
	if len(data) < mandatoryOctet {
		return Frame{}, ErrShort
	}
	b := bitReader{from: data}
	f := Frame{First: b.flag(), Last: b.flag()}
	template := int(b.bits(6))
	f.Number = uint16(b.bits(16))
	var customTargets, customDistances, customChains bool
	if len(data) > mandatoryOctet {
		f.Structure = b.flag()
		activeTargets := b.flag()
		customTargets, customDistances, customChains = b.flag(), b.flag(), b.flag()
		if f.Structure {
			if err := r.structure(&b); err != nil {
				r.known = false
				return Frame{}, err
			}
		}
		if activeTargets && r.known {
			b.bits(r.targets)
		}
	}
	if !r.known {
		return f, fmt.Errorf("%w: no structure has come yet", ErrTemplate)
	}
	index := (template + maxTemplates - r.offset) % maxTemplates
	if index >= r.templates {
		return f, fmt.Errorf("%w: %d of %d", ErrTemplate, index, r.templates)
	}
	f.Distances = r.distances[index]
	if customTargets {
		b.bits(2 * min(r.targets, 16))
		b.bits(2 * max(r.targets-16, 0))
	}
	if customDistances {
		r.custom = r.custom[:0]
		for size := b.bits(2); size > 0 && !b.short; size = b.bits(2) {
			if len(r.custom) == maxDistances {
				return f, fmt.Errorf("%w: a frame with more than %d references", ErrStructure, maxDistances)
			}
			r.custom = append(r.custom, int(b.bits(4*int(size)))+1)
		}
		f.Distances = r.custom
	}
	if customChains {
		for range r.chains {
			b.bits(8)
		}
	}
	if b.short {
		return f, ErrShort
	}
	return f, nil
}

// structure reads a structure (sections A.8.2 and A.8.3). On an error nothing of it may be used.
func (r *Reader) structure(b *bitReader) error {
	r.offset = int(b.bits(6))
	r.targets = int(b.bits(5)) + 1
	spatial := 0
	for r.templates = 0; ; {
		if r.templates == maxTemplates {
			return fmt.Errorf("%w: more than %d templates", ErrStructure, maxTemplates)
		}
		r.templates++
		next := b.bits(2)
		if next == 2 {
			spatial++
		}
		if next == 3 || b.short {
			break
		}
	}
	if spatial >= maxLayers {
		return fmt.Errorf("%w: %d spatial layers", ErrStructure, spatial+1)
	}
	for range r.templates * r.targets {
		b.bits(2) // decode target indications
	}
	for i := range r.templates {
		r.distances[i] = r.distances[i][:0]
		for b.flag() {
			if len(r.distances[i]) == maxDistances {
				return fmt.Errorf("%w: a template with more than %d references", ErrStructure, maxDistances)
			}
			r.distances[i] = append(r.distances[i], int(b.bits(4))+1)
		}
	}
	if r.chains = b.nonSymmetric(r.targets + 1); r.chains > 0 {
		for range r.targets {
			b.nonSymmetric(r.chains)
		}
		for range r.templates * r.chains {
			b.bits(4)
		}
	}
	if b.flag() { // resolutions
		for range spatial + 1 {
			b.bits(16)
			b.bits(16)
		}
	}
	if b.short {
		return ErrShort
	}
	r.known = true
	return nil
}

// bitReader takes bits, the most significant first. Behind the end there are zeros, and short says that some were asked for.
type bitReader struct {
	from  []byte
	taken int
	short bool
}

// bits takes at most 32.
func (b *bitReader) bits(count int) (value uint32) {
	if b.taken+count > 8*len(b.from) {
		b.short, b.taken = true, 8*len(b.from)
		return 0
	}
	for range count {
		value = value<<1 | uint32(b.from[b.taken/8]>>(7-b.taken%8)&1)
		b.taken++
	}
	return value
}

func (b *bitReader) flag() bool { return b.bits(1) == 1 }

// nonSymmetric takes a number below n in as few bits as that needs (AV1 section 4.10.7).
func (b *bitReader) nonSymmetric(n int) int {
	width := 0
	for x := n; x != 0; x >>= 1 {
		width++
	}
	shorter := 1<<width - n
	value := int(b.bits(width - 1))
	if value < shorter {
		return value
	}
	return value<<1 - shorter + int(b.bits(1))
}
