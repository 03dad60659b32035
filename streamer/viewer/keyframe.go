package viewer

import "bytes"

// isH264Keyframe looks for an IDR slice (ITU-T H.264 table 7-1).
func isH264Keyframe(unit []byte) bool {
	const idr, typeMask = 5, 0x1f
	return hasNAL(unit, func(header byte) bool { return header&typeMask == idr })
}

// isHEVCKeyframe looks for a slice of an intra random access point (ITU-T H.265 table 7-1).
func isHEVCKeyframe(unit []byte) bool {
	const firstIRAP, lastIRAP = 16, 23
	return hasNAL(unit, func(header byte) bool {
		kind := header >> 1 & 0x3f
		return kind >= firstIRAP && kind <= lastIRAP
	})
}

// hasNAL reports whether any NAL unit of an Annex B stream begins with a byte that is wanted.
func hasNAL(stream []byte, wanted func(header byte) bool) bool {
	for {
		begin := bytes.Index(stream, []byte{0, 0, 1})
		if begin < 0 || begin+3 >= len(stream) {
			return false
		}
		stream = stream[begin+3:]
		if wanted(stream[0]) {
			return true
		}
	}
}

// isVP8Keyframe reads the frame's tag (RFC 6386 section 9.1).
func isVP8Keyframe(unit []byte) bool { return len(unit) > 0 && unit[0]&1 == 0 }

// isVP9Keyframe reads the uncompressed header of a frame (VP9 section 6.2) of profiles 0 to 2: marker, profile,
// show_existing_frame and frame_type.
func isVP9Keyframe(unit []byte) bool {
	const marker, markerMask, existing, inter = 0x80, 0xc0, 0x08, 0x04
	return len(unit) > 0 && unit[0]&markerMask == marker && unit[0]&(existing|inter) == 0
}

// isAV1Keyframe looks for a frame that is new and of type KEY_FRAME (AV1 section 5.9.2).
func isAV1Keyframe(unit []byte) bool {
	const (
		extension, hasSize   = 0x04, 0x02
		frameHeader, frame   = 3, 6
		existing, otherTypes = 0x80, 0x60
	)
	for len(unit) > 1 {
		header := unit[0]
		unit = unit[1:]
		if header&extension != 0 {
			unit = unit[1:]
		}
		size, used := len(unit), 0
		if header&hasSize != 0 {
			size, used = leb128(unit)
		}
		if size > len(unit)-used {
			return false
		}
		payload := unit[used : used+size]
		if kind := header >> 3 & 15; (kind == frameHeader || kind == frame) && len(payload) > 0 && payload[0]&(existing|otherTypes) == 0 {
			return true
		}
		unit = unit[used+size:]
	}
	return false
}

// leb128 reads a number (AV1 section 4.10.5) and how many octets it takes; one that does not end exceeds any size.
func leb128(from []byte) (n, used int) {
	for i, octet := range from[:min(len(from), 5)] {
		n |= int(octet&0x7f) << (7 * i)
		if octet&0x80 == 0 {
			return n, i + 1
		}
	}
	return 1 << 32, 0
}
