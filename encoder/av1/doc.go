// Package av1 compresses with libaom in its realtime mode: the best picture that a software encoder here makes at a given
// rate, above all of text, for the most time. Its licence is permissive, so that a build with the tag nogpl has it as well.
//
// # Speeds
//
// Speed 0 is the fastest. Each is one of the library's levels of effort ("cpu-used"), and may change within the stream.
//
// # Rate
//
// The library controls the average over many frames, where a live stream has room for one; its quantisers are therefore
// bound to the one that package quantiser chooses for each frame.
//
// # Content
//
// At each keyframe the picture decides whether the tools for text and menus are on until the next one.
//
// # Streams
//
// One picture in is one shown picture out, in one temporal unit: no lookahead, no hidden frames, no dropped ones, no
// layers. A slice is the whole temporal unit, in the low-overhead form in which each OBU tells its size (AV1 section
// 5.2). A change of size opens the encoder anew, so the next frame is a keyframe, and a keyframe is the only cure for a
// loss (encoder.RecoverByKeyframe).
//
// # Concurrency
//
// As package encoder says: one goroutine at a time. The library has threads of its own. Without cgo Open returns
// encoder.ErrUnavailable.
package av1

// Name is what --encoder calls this driver.
const Name = "av1"
