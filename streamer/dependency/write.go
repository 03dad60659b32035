package dependency

// Our two templates: a keyframe, and a frame that refers to the one before it.
const (
	templateKey   = 0
	templateDelta = 1
)

// Append adds the descriptor of one packet to dst. distance is how many frames back its frame refers to, 0 for a keyframe, whose first
// packet brings the structure. It allocates only when dst is too short.
func Append(dst []byte, number uint16, first, last bool, distance int) []byte {
	w := bitWriter{to: dst}
	w.flag(first)
	w.flag(last)
	if distance == 0 {
		w.bits(templateKey, 6)
	} else {
		w.bits(templateDelta, 6)
	}
	w.bits(uint32(number), 16)
	distance = min(distance, MaxDistance)
	switch {
	case distance == 0 && first:
		w.bits(0b10000, 5) // a structure, and nothing that differs from the template
		w.structure()
	case distance > 1:
		w.bits(0b00010, 5) // the distances differ
		if nibbles := nibblesOf(distance); nibbles > 0 {
			w.bits(uint32(nibbles), 2)
			w.bits(uint32(distance-1), 4*nibbles)
		}
		w.bits(0, 2) // no further distance
	}
	return w.to
}

func nibblesOf(distance int) int {
	if distance <= 1<<4 {
		return 1
	}
	return 2
}

// structure writes that of a stream with one layer (sections A.8.2 and A.8.3). There are no chains: those are for servers that pass
// some layers on.
func (w *bitWriter) structure() {
	const decodeTargets, switchable, sameLayer, noMoreLayers = 1, 2, 0, 3
	w.bits(0, 6)               // template_id_offset
	w.bits(decodeTargets-1, 5) // dt_cnt_minus_one
	w.bits(sameLayer, 2)       // next_layer_idc, after the keyframe's template
	w.bits(noMoreLayers, 2)
	w.bits(switchable, 2) // template_dti of the keyframe
	w.bits(switchable, 2)
	w.bits(0, 1)  // the keyframe refers to nothing
	w.bits(1, 1)  // the other one
	w.bits(0, 4)  // to the frame before it
	w.bits(0, 1)  // and to no other
	w.bits(0, 1)  // chain_cnt of 0: ns(2) has one bit
	w.flag(false) // resolutions_present_flag
}

// bitWriter appends bits, the most significant first; the last octet is filled up with zeros.
type bitWriter struct {
	to   []byte
	free int // bits in the last octet
}

func (w *bitWriter) bits(value uint32, count int) {
	for count > 0 {
		if w.free == 0 {
			w.to, w.free = append(w.to, 0), 8
		}
		n := min(count, w.free)
		part := value >> (count - n) & (1<<n - 1)
		w.to[len(w.to)-1] |= byte(part << (w.free - n))
		w.free -= n
		count -= n
	}
}

func (w *bitWriter) flag(is bool) {
	if is {
		w.bits(1, 1)
		return
	}
	w.bits(0, 1)
}
