// Package nvenc compresses with the encoder of NVIDIA's GPUs (NVENC): H.264 High or Main, HEVC Main, and AV1 Main where the
// build had headers of Video Codec SDK 12 or later (Debian's are 11.1, and cannot). With encoder.Config.Sampling it is H.264
// High 4:4:4 Predictive, HEVC Main 10, Main 4:4:4 or Main 4:4:4 10, and H.264 High 10 where the build had headers of SDK 13.
// The driver's libraries are opened at run time, so that one binary runs everywhere; a machine without them gets an error
// that says so.
//
// Speed 0 to 3 is NVIDIA's preset P1 to P4, tuned for ultra-low latency: constant bitrate with room for one frame, no
// reordering, no lookahead, no keyframe unasked. Easy pictures stay below the rate: a least quantiser bounds what they
// take, a lower one while they stand still. Config.Threads means nothing here.
//
// # What is asked of the device
//
// Everything that devices differ in is asked of the one at hand, nothing is looked up in a table: codecs, sizes (small ones are
// refused, unlike in software), 4:4:4, 10 bits, rate control, live changes of rate and size, reference invalidation, intra refresh. What it
// lacks is an error that wraps encoder.ErrUnsupported and names it. A live change of speed is tried, and refused with
// the same error where the driver does not take it.
//
// Request.Budget is not honoured (Capabilities.FrameBudget is false): NVENC takes a frame's bound only as a change of the
// session's buffer, and what that does to its rate control within one frame could be measured on no hardware yet.
//
// # Pictures
//
// Planes in host memory are copied into the driver's own buffer. A frame whose Surface is a cuda.Picture of the same GPU is
// read where it lies: memory and arrays are registered with the session once and mapped for each frame; a GL texture is
// registered once with CUDA, mapped for each frame and copied on the GPU, because only sessions of GL read textures
// themselves. RGB is converted by NVENC, to 4:4:4 where the stream has that; NV12 has no more than 4:2:0, and is refused there.
//
// Pictures have 8 bits. For a stream with 10, API 11.1 takes pictures of 10 bits only: planes are widened while they are
// copied, and pictures on the GPU are refused (Capabilities.Surfaces is false). From 12.2 on the driver widens them itself.
//
// # Losses
//
// With encoder.RecoverByReferences up to ReferencesKept pictures are kept, and each refers to one, so that what a loss spoils is
// known exactly: NVENC is told to forget those pictures, and where none is left the next one is a keyframe and Invalidate
// says so. With encoder.RecoverByRefresh the length of a sweep is counted in frames of the rate at opening.
//
// # Concurrency and errors
//
// As package encoder says: one goroutine at a time, on whichever thread. An encoder that reports cuda.ErrDeviceLost goes on
// reporting it; Close works. The errors of opening all wrap encoder.ErrUnavailable beside the sentinel that tells them
// apart: cuda.ErrNoLibrary, cuda.ErrNotALibrary, cuda.ErrNoDevice, and those below.
//
// # What is proven
//
// The contract's suite passes against a double of the driver (package fakedriver), which keeps the books that NVIDIA's
// documentation asks callers to keep, and codes with x264 and x265. It proves how this package calls the driver as far as
// the headers say what is right; it proves nothing about a GPU: not speed, not how well the rate is kept, not that a
// driver takes these settings, not invalidation in HEVC, nor the colours that NVENC makes of RGB. What is built only with
// newer headers (AV1, H.264 with 10 bits, the driver's widening) has run nowhere.
package nvenc

import (
	"errors"
	"fmt"

	"nearlight/internal/cuda"
)

// What --encoder calls this driver's three.
const (
	Name     = "nvenc"
	NameHEVC = "nvenc-hevc"
	NameAV1  = "nvenc-av1"
)

// speeds is the number of presets that leave a frame time to be sent: P5 and up are for recordings.
const speeds = 4

// ReferencesKept is how many pictures are kept to fall back on with encoder.RecoverByReferences: at 60 frames per second
// a loss may be told 80 ms late. More would ask a higher level of every player.
const ReferencesKept = 5

// Errors that say why a GPU does not encode.
var (
	// ErrNoEncoder reports a GPU without NVENC, or one without the codec.
	ErrNoEncoder = errors.New("this GPU has no such encoder")
	// ErrSessionLimit reports that the driver's limit of sessions at a time is reached.
	ErrSessionLimit = errors.New("all encode sessions of this GPU are taken")
	// ErrOutOfMemory reports a GPU without memory for a session.
	ErrOutOfMemory = errors.New("the GPU's memory is full")
	// ErrDriverTooOld reports a driver that does not speak the API this program was built for.
	ErrDriverTooOld = errors.New("NVIDIA's driver is too old")
)

// Device says which GPU encodes. The zero Device is the first one, with the libraries that the system's loader finds.
type Device struct {
	Libraries string // the folder that holds libcuda.so.1 and libnvidia-encode.so.1; empty: where the loader looks
	Ordinal   int    // as in cuda.Device
	// Main has H.264 coded as profile Main in place of High, that is without 8x8 transforms. Every browser decodes Main;
	// Chromium without a hardware decoder refuses a session that offers High. It counts in 4:2:0 with 8 bits, which is all that
	// Main has.
	Main bool
}

// Status codes that get a meaning (NVENCSTATUS of nvEncodeAPI.h).
const (
	statusNoEncodeDevice    = 1
	statusUnsupportedDevice = 2
	statusInvalidDevice     = 4
	statusDeviceNotExist    = 5
	statusOutOfMemory       = 10
	statusInvalidVersion    = 15
	statusIncompatibleKey   = 21
)

// statusNames are NVENCSTATUS in order, without their common prefix.
var statusNames = [...]string{
	"SUCCESS", "NO_ENCODE_DEVICE", "UNSUPPORTED_DEVICE", "INVALID_ENCODERDEVICE", "INVALID_DEVICE", "DEVICE_NOT_EXIST", "INVALID_PTR",
	"INVALID_EVENT", "INVALID_PARAM", "INVALID_CALL", "OUT_OF_MEMORY", "ENCODER_NOT_INITIALIZED", "UNSUPPORTED_PARAM", "LOCK_BUSY",
	"NOT_ENOUGH_BUFFER", "INVALID_VERSION", "MAP_FAILED", "NEED_MORE_INPUT", "ENCODER_BUSY", "EVENT_NOT_REGISTERD", "GENERIC",
	"INCOMPATIBLE_CLIENT_KEY", "UNIMPLEMENTED", "RESOURCE_REGISTER_FAILED", "RESOURCE_NOT_REGISTERED", "RESOURCE_NOT_MAPPED",
}

// Error is a call of NvEncodeAPI that failed.
type Error struct {
	Call string // for example NvEncEncodePicture
	Code int    // NVENCSTATUS
	Said string // the driver's own words, where it has some
}

func (e *Error) Error() string {
	name := "unknown code"
	if e.Code >= 0 && e.Code < len(statusNames) {
		name = "NV_ENC_ERR_" + statusNames[e.Code]
	}
	text := fmt.Sprintf("%s: %s (%d)", e.Call, name, e.Code)
	if e.Said != "" {
		text += ": " + e.Said
	}
	return text
}

// Unwrap gives codes their sentinel.
func (e *Error) Unwrap() error {
	switch e.Code {
	case statusDeviceNotExist, statusInvalidDevice:
		return cuda.ErrDeviceLost
	case statusOutOfMemory:
		return ErrOutOfMemory
	}
	return nil
}
