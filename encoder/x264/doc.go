// Package x264 compresses with libx264, the software encoder that needs the least time for a frame: presets ultrafast,
// superfast and veryfast (Config.Speed 0 to 2), tuned so that no frame is held back, no frame exceeds its share of the
// rate, and no keyframe comes unasked.
//
// # Rate
//
// Each frame, a keyframe too, gets the one-frame share of the rate: a larger keyframe would arrive later, and its burst
// is what gets lost. A keyframe is therefore coarser than its neighbours, and sharp again some frames later. x264 is
// told its budget in bits for each frame, so that changes of rate and frame rate act on the very next one; what is more
// than the frame before had acts one frame later, since x264's bucket has to fill first.
//
// # Streams
//
// Speed 0 is constrained baseline (CAVLC), the others are main (CABAC); every browser decodes both. In 4:4:4 all are High 4:4:4
// Predictive (CABAC), which Chromium decodes in software and hardware decoders mostly do not. A stream that was
// opened at one kind stays of that kind: Reconfigure changes Speed only between 1 and 2. A change of size opens the
// encoder anew, so the next frame is a keyframe.
//
// With encoder.RecoverByReferences the pictures' numbers are made wider than x264 writes them, and may have gaps (numbers.go): decoders
// then bear whatever pictures they never get.
//
// # Concurrency and licence
//
// As package encoder says: one goroutine at a time. x264 has its own slice threads. It is GPL-2.0-or-later, and so is a
// binary that links it; the build tag nogpl leaves it out, and like a build without cgo it then reports
// encoder.ErrUnavailable.
package x264

// Name is what --encoder calls this driver.
const Name = "x264"

// speeds is the number of presets.
const speeds = 3

// ReferencesKept is how many pictures are kept to fall back on with encoder.RecoverByReferences: at 60 frames per
// second a loss may be told 130 ms late. More would ask a higher level, and memory, of every player.
const ReferencesKept = 8
