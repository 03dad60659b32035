package packetizer

import "bytes"

var startCode = []byte{0, 0, 1}

// nextNAL returns the first NAL unit of an Annex B stream, without its start code and trailing zero bytes (ITU-T H.264
// section B.1; H.265 has the same), and what follows it. nal is nil at the end; it is never empty.
func nextNAL(stream []byte) (nal, rest []byte) {
	for {
		begin := bytes.Index(stream, startCode)
		if begin < 0 {
			return nil, nil
		}
		stream = stream[begin+len(startCode):]
		end := bytes.Index(stream, startCode)
		if end < 0 {
			end = len(stream)
		}
		nal = bytes.TrimRight(stream[:end], "\x00")
		stream = stream[end:]
		if len(nal) > 0 {
			return nal, stream
		}
	}
}
