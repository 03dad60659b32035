// Package vpx compresses with libvpx: VP8, which every browser decodes and which takes as long as OpenH264, and VP9, which
// looks a decibel better at the same rate and takes twice the time. Their licence is permissive, so that a build with the
// tag nogpl has them as well.
//
// # Speeds
//
// Speed 0 is the fastest. Each is one of the library's fixed levels of effort ("cpu-used"), and may change within the
// stream. VP8's are the negative ones: the positive make it measure its own time and change its mind.
//
// The library's tuning for screens is off: it takes a third more of VP9's time, and wins on text only, a third of the bits
// of what moves.
//
// # Rate
//
// The library controls the average over many frames, where a live stream has room for one; its quantisers are therefore
// bound to the one that package quantiser chooses for each frame.
//
// # Streams
//
// One picture in is one shown picture out: no lookahead, no invisible alternate references, no superframes, no dropped
// frames, no layers. VP9 is profile 0. A change of size opens the encoder anew, so the next frame is a keyframe, and a
// keyframe is the only cure for a loss (encoder.RecoverByKeyframe).
//
// # Concurrency
//
// As package encoder says: one goroutine at a time. The library has threads of its own, for rows of macroblocks (VP8) or
// for tile columns and rows within them (VP9). Without cgo opening returns encoder.ErrUnavailable.
package vpx

// What --encoder calls these drivers.
const (
	NameVP8 = "vp8"
	NameVP9 = "vp9"
)
