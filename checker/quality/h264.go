package quality

import "bytes"

// What is remembered of parameter sets, which are numbered (ITU-T H.264 sections 7.4.2.1 and 7.4.2.2).
const (
	sequenceSets = 32
	pictureSets  = 256
	// headerOctets is how much of a NAL unit is looked at: parameter sets and slice headers end long before.
	headerOctets = 512
	mostSlices   = 64 // of a picture
)

// h264Reader finds the quantiser of slices.
type h264Reader struct {
	sequences [sequenceSets]sequenceSet
	pictures  [pictureSets]pictureSet
	header    [headerOctets]byte
}

type sequenceSet struct {
	known                      bool
	separatePlanes, framesOnly bool
	monochrome                 bool
	frameNumberBits, orderType uint8
	orderBits                  uint8
	orderAlwaysZero            bool // delta_pic_order_always_zero_flag
}

type pictureSet struct {
	known               bool
	sequence            uint8
	cabac, bottomOrder  bool
	weighted, redundant bool
	weightedBi          uint8
	references0         uint8
	references1         uint8
	quantiser           int8
}

// Types of NAL units (table 7-1).
const (
	nalSlice    = 1
	nalIDR      = 5
	nalSequence = 7
	nalPicture  = 8
)

// read is the mean over the access unit's slices.
func (h *h264Reader) read(unit []byte) (Quantiser, bool) {
	sum, slices := 0, 0
	for {
		begin := bytes.Index(unit, []byte{0, 0, 1})
		if begin < 0 || begin+3 >= len(unit) {
			break
		}
		unit = unit[begin+3:]
		r := bitReader{data: h.unescaped(unit)}
		r.bit()
		reference, kind := r.bits(2), r.bits(5)
		switch kind {
		case nalSequence:
			h.sequence(&r)
		case nalPicture:
			h.picture(&r)
		case nalSlice, nalIDR:
			if slices == mostSlices {
				continue
			}
			quantiser, known := h.slice(&r, kind == nalIDR, reference != 0)
			if !known {
				return Quantiser{}, false
			}
			sum += quantiser
			slices++
		}
	}
	if slices == 0 {
		return Quantiser{}, false
	}
	return Quantiser{float64(sum) / float64(slices), 51}, true
}

// unescaped is the beginning of a NAL unit without emulation prevention (section 7.4.1). It is valid until the next call.
func (h *h264Reader) unescaped(unit []byte) []byte {
	n, zeros := 0, 0
	for _, octet := range unit {
		if n == len(h.header) {
			break
		}
		if zeros >= 2 && octet <= 1 {
			break // the next unit's start code
		}
		if zeros >= 2 && octet == 3 {
			zeros = 0
			continue
		}
		if octet == 0 {
			zeros++
		} else {
			zeros = 0
		}
		h.header[n] = octet
		n++
	}
	return h.header[:n]
}

// sequence reads a sequence parameter set (section 7.3.2.1.1).
func (h *h264Reader) sequence(r *bitReader) {
	profile := r.bits(8)
	r.bits(8 + 8)
	id := r.unsigned()
	s := sequenceSet{known: true}
	switch profile {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
		const yuv444 = 3
		format := r.unsigned()
		if format == yuv444 {
			s.separatePlanes = r.flag()
		}
		s.monochrome = format == 0
		r.unsigned()
		r.unsigned()
		r.bit()
		if r.flag() {
			lists := 8
			if format == yuv444 {
				lists = 12
			}
			scalingLists(r, lists)
		}
	}
	frameNumberBits := r.unsigned() + 4
	orderType := r.unsigned()
	switch orderType {
	case 0:
		orderBits := r.unsigned() + 4
		r.failed = r.failed || orderBits > 16
		s.orderBits = uint8(orderBits)
	case 1:
		s.orderAlwaysZero = r.flag()
		r.signed()
		r.signed()
		for range min(r.unsigned(), 255) {
			r.signed()
		}
	}
	r.unsigned()
	r.bit()
	r.unsigned()
	r.unsigned()
	s.framesOnly = r.flag()
	if r.failed || id >= sequenceSets || frameNumberBits > 16 || orderType > 2 {
		return
	}
	s.frameNumberBits, s.orderType = uint8(frameNumberBits), uint8(orderType)
	h.sequences[id] = s
}

// scalingLists passes over them (section 7.3.2.1.1.1).
func scalingLists(r *bitReader, lists int) {
	for list := range lists {
		if !r.flag() {
			continue
		}
		size := 64
		if list < 6 {
			size = 16
		}
		for last, next := 8, 8; size > 0 && !r.failed; size-- {
			if next != 0 {
				next = (last + r.signed() + 256) & 0xff
			}
			if next != 0 {
				last = next
			}
		}
	}
}

// picture reads a picture parameter set (section 7.3.2.2), as far as the slices' quantiser.
func (h *h264Reader) picture(r *bitReader) {
	id, sequence := r.unsigned(), r.unsigned()
	p := pictureSet{known: true, cabac: r.flag(), bottomOrder: r.flag()}
	groups := r.unsigned()
	references0, references1 := r.unsigned()+1, r.unsigned()+1
	p.weighted = r.flag()
	p.weightedBi = uint8(r.bits(2))
	quantiser := 26 + r.signed()
	r.signed()
	r.signed()
	r.bits(2)
	p.redundant = r.flag()
	if r.failed || id >= pictureSets || sequence >= sequenceSets || groups > 0 || references0 > 32 || references1 > 32 || quantiser < -128 || quantiser > 127 {
		return // slice groups are of a profile that nobody sends
	}
	p.sequence, p.references0, p.references1, p.quantiser = uint8(sequence), uint8(references0), uint8(references1), int8(quantiser)
	h.pictures[id] = p
}

// Kinds of slices (table 7-6), modulo 5.
const (
	sliceP  = 0
	sliceB  = 1
	sliceI  = 2
	sliceSP = 3
	sliceSI = 4
)

// slice reads a slice's header (section 7.3.3) up to its quantiser.
func (h *h264Reader) slice(r *bitReader, idr, reference bool) (quantiser int, known bool) {
	r.unsigned()
	kind := r.unsigned() % 5
	id := r.unsigned()
	if id >= pictureSets || !h.pictures[id].known {
		return 0, false
	}
	p := &h.pictures[id]
	s := &h.sequences[p.sequence]
	if !s.known {
		return 0, false
	}
	if s.separatePlanes {
		r.bits(2)
	}
	r.bits(int(s.frameNumberBits))
	field := false
	if !s.framesOnly {
		if field = r.flag(); field {
			r.bit()
		}
	}
	if idr {
		r.unsigned()
	}
	if s.orderType == 0 {
		r.bits(int(s.orderBits))
		if p.bottomOrder && !field {
			r.signed()
		}
	}
	if s.orderType == 1 && !s.orderAlwaysZero {
		r.signed()
		if p.bottomOrder && !field {
			r.signed()
		}
	}
	if p.redundant {
		r.unsigned()
	}
	references0, references1 := int(p.references0), int(p.references1)
	if kind == sliceB {
		r.bit()
	}
	if (kind == sliceP || kind == sliceSP || kind == sliceB) && r.flag() {
		references0 = r.unsigned() + 1
		if kind == sliceB {
			references1 = r.unsigned() + 1
		}
	}
	if references0 > 32 || references1 > 32 {
		return 0, false
	}
	if kind != sliceI && kind != sliceSI {
		reordered(r)
	}
	if kind == sliceB {
		reordered(r)
	}
	if p.weighted && (kind == sliceP || kind == sliceSP) || p.weightedBi == 1 && kind == sliceB {
		weights(r, s, references0)
		if kind == sliceB {
			weightsOf(r, s, references1)
		}
	}
	if reference {
		marking(r, idr)
	}
	if p.cabac && kind != sliceI && kind != sliceSI {
		r.unsigned()
	}
	quantiser = int(p.quantiser) + r.signed()
	return quantiser, !r.failed && quantiser >= 0 && quantiser <= 51
}

// reordered passes over changes to a list of references (section 7.3.3.1).
func reordered(r *bitReader) {
	const end = 3
	if !r.flag() {
		return
	}
	for r.unsigned() != end && !r.failed {
		r.unsigned()
	}
}

// weights passes over a table of prediction weights (section 7.3.3.2), weightsOf over that of one list.
func weights(r *bitReader, s *sequenceSet, references int) {
	r.unsigned()
	if s.colours() {
		r.unsigned()
	}
	weightsOf(r, s, references)
}

func weightsOf(r *bitReader, s *sequenceSet, references int) {
	for range references {
		if r.flag() {
			r.signed()
			r.signed()
		}
		if s.colours() && r.flag() {
			for range 4 {
				r.signed()
			}
		}
	}
}

// colours reports whether slices have colours beside their luma (ChromaArrayType).
func (s *sequenceSet) colours() bool { return !s.monochrome && !s.separatePlanes }

// marking passes over what becomes of references (section 7.3.3.3).
func marking(r *bitReader, idr bool) {
	if idr {
		r.bits(2)
		return
	}
	if !r.flag() {
		return
	}
	for !r.failed {
		switch r.unsigned() {
		case 0:
			return
		case 3:
			r.unsigned()
			r.unsigned()
		case 1, 2, 4, 6:
			r.unsigned()
		}
	}
}
