package quality

// vp8Quantiser reads y_ac_qi of a frame's header (RFC 6386 sections 9.2 to 9.6 and 19.2).
func vp8Quantiser(unit []byte) (Quantiser, bool) {
	const tag, keyframeHeader = 3, 7
	if len(unit) < tag {
		return Quantiser{}, false
	}
	keyframe, rest := unit[0]&1 == 0, unit[tag:]
	if keyframe {
		if len(rest) < keyframeHeader || rest[0] != 0x9d || rest[1] != 0x01 || rest[2] != 0x2a {
			return Quantiser{}, false
		}
		rest = rest[keyframeHeader:]
	}
	if len(rest) < 2 {
		return Quantiser{}, false
	}
	d := newBoolDecoder(rest)
	if keyframe {
		d.literal(2) // colour space, clamping
	}
	if d.literal(1) == 1 { // segmentation
		updateMap, updateValues := d.literal(1), d.literal(1)
		if updateValues == 1 {
			d.literal(1) // whether they are absolute
			d.optional(4, 7+1)
			d.optional(4, 6+1)
		}
		if updateMap == 1 {
			d.optional(3, 8)
		}
	}
	d.literal(1 + 6 + 3) // loop filter: type, level, sharpness
	adjusts := d.literal(1) == 1
	if adjusts && d.literal(1) == 1 {
		d.optional(8, 6+1)
	}
	d.literal(2) // partitions
	index := d.literal(7)
	return Quantiser{float64(index), 127}, !d.failed
}

// boolDecoder is the arithmetic decoder of RFC 6386 section 7, for bits that are as likely 0 as 1.
type boolDecoder struct {
	data   []byte
	value  uint32 // two octets
	span   uint32 // "range" in the RFC
	shifts int
	failed bool
}

func newBoolDecoder(data []byte) boolDecoder {
	return boolDecoder{data: data[2:], value: uint32(data[0])<<8 | uint32(data[1]), span: 255}
}

func (d *boolDecoder) bit() int {
	split := 1 + (d.span-1)/2
	bit := 0
	if d.value >= split<<8 {
		bit = 1
		d.span -= split
		d.value -= split << 8
	} else {
		d.span = split
	}
	for d.span < 128 {
		d.value <<= 1
		d.span <<= 1
		if d.shifts++; d.shifts == 8 {
			d.shifts = 0
			if len(d.data) == 0 {
				d.failed = true
				continue
			}
			d.value |= uint32(d.data[0])
			d.data = d.data[1:]
		}
	}
	return bit
}

func (d *boolDecoder) literal(bits int) (value int) {
	for range bits {
		value = value<<1 | d.bit()
	}
	return value
}

// optional passes over so many values of which each is there if the bit before it says so.
func (d *boolDecoder) optional(count, bits int) {
	for range count {
		if d.literal(1) == 1 {
			d.literal(bits)
		}
	}
}

// vp9Quantiser reads base_q_idx of the uncompressed header (VP9 bitstream specification, section 6.2).
func vp9Quantiser(unit []byte) (Quantiser, bool) {
	r := bitReader{data: unit}
	marker, low, high := r.bits(2), r.bit(), r.bit()
	profile := high<<1 | low
	if profile == 3 {
		r.bit()
	}
	if existing := r.flag(); marker != 2 || existing {
		return Quantiser{}, false
	}
	inter, shown, resilient := r.flag(), r.flag(), r.flag()
	switch {
	case !inter:
		vp9Sync(&r)
		vp9Colours(&r, profile)
		vp9Size(&r)
	case vp9Intra(&r, shown, resilient):
		vp9Sync(&r)
		if profile > 0 {
			vp9Colours(&r, profile)
		}
		r.bits(8) // frames to refresh
		vp9Size(&r)
	default:
		r.bits(8 + 3*4) // frames to refresh, references with their signs
		found := false  // among the references is one of the frame's size
		for n := 0; n < 3 && !found; n++ {
			found = r.flag()
		}
		if found {
			vp9Render(&r)
		} else {
			vp9Size(&r)
		}
		r.bit() // precision of vectors
		if switchable := r.flag(); !switchable {
			r.bits(2)
		}
	}
	if !resilient {
		r.bits(2)
	}
	r.bits(2 + 6 + 3) // context; loop filter: level, sharpness
	adjusts := r.flag()
	if adjusts && r.flag() {
		for range 4 + 2 {
			if r.flag() {
				r.bits(6 + 1)
			}
		}
	}
	index := r.bits(8)
	return Quantiser{float64(index), 255}, !r.failed
}

// vp9Intra reads whether a frame that is no keyframe refers to none.
func vp9Intra(r *bitReader, shown, resilient bool) (intra bool) {
	if !shown {
		intra = r.flag()
	}
	if !resilient {
		r.bits(2) // contexts to reset
	}
	return intra
}

func vp9Sync(r *bitReader) {
	if r.bits(24) != 0x498342 {
		r.failed = true
	}
}

func vp9Colours(r *bitReader, profile int) {
	const rgb = 7
	if profile >= 2 {
		r.bit() // 10 or 12 bits
	}
	odd := profile&1 == 1
	if r.bits(3) != rgb {
		r.bit() // range
		if odd {
			r.bits(3) // subsampling
		}
	} else if odd {
		r.bit()
	}
}

func vp9Size(r *bitReader) {
	r.bits(16 + 16)
	vp9Render(r)
}

// vp9Render passes over the size to show the frame in.
func vp9Render(r *bitReader) {
	if r.flag() {
		r.bits(16 + 16)
	}
}
