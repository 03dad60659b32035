// Package openh264 compresses with Cisco's libopenh264, the software H.264 encoder with a permissive licence
// (BSD-2-Clause): what a build with the tag nogpl has, at about twice x264's time for a frame.
//
// Speed 0 to 2 is the library's complexity, low to high; all are constrained baseline and may change within the stream.
// Pictures are treated as camera video: the library's screen mode searches for scrolled text and repeated colours, which
// games seldom show and always pay for.
//
// # Rate
//
// The library controls the average over many frames, where a live stream has room for one. So its control is off, and
// each frame is coded with the one quantiser that package quantiser chooses. The drivers that bound every frame are to be
// preferred where there is a choice.
//
// # Losses
//
// A keyframe is the only cure here (encoder.RecoverByKeyframe).
//
// # Concurrency
//
// As package encoder says: one goroutine at a time. The library has a thread for each slice. Without cgo Open returns
// encoder.ErrUnavailable.
package openh264

// Name is what --encoder calls this driver.
const Name = "openh264"

// speeds is the number of presets.
const speeds = 3
