// Package dependency is the dependency descriptor, an RTP header extension that says of each packet which frame it belongs to, and
// which earlier frames that one needs (AOM, "RTP Payload Format For AV1", appendix A): so that a player who has lost a frame
// knows whether it can decode the next.
//
// What is written is the descriptor of a stream with one layer, in which each frame refers to one earlier frame at most. What is read
// is any stream's: the numbers of its frames, and how far back each refers.
//
// # Vocabulary
//
// A structure says once, with a keyframe's first packet, what the frames of a stream look like, as a list of templates. A packet
// names the template of its frame, and what differs from it. A distance is how many frames back one refers to: 1 is the one before.
package dependency

import "errors"

// URI names the extension in an SDP.
const URI = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"

// MaxSize is how many octets Append adds at the most.
const MaxSize = 8

// MaxDistance is the largest distance that can be written: frame_fdiff has up to 12 bits, of which we need 8.
const MaxDistance = 1 << 8

// Errors of Parse.
var (
	// ErrShort reports a descriptor that ends too soon.
	ErrShort = errors.New("dependency descriptor: it ends too soon")
	// ErrStructure reports a structure that breaks the standard's rules or exceeds our bounds.
	ErrStructure = errors.New("dependency descriptor: structure out of bounds")
	// ErrTemplate reports a frame of a template that no structure has told of.
	ErrTemplate = errors.New("dependency descriptor: no such template")
)

// Frame is what one packet's descriptor says.
type Frame struct {
	Number      uint16 // of the frame; counts up modulo 2^16
	First, Last bool   // the packet is its frame's first, its last
	Structure   bool   // a structure is attached: the frame is a keyframe, and the packet its first
	Distances   []int  // how many frames back those are that it refers to; none for a keyframe
}
