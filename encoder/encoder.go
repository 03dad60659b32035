// Package encoder is the contract between whoever has pictures and whatever compresses them: one frame in, the slices
// of exactly one access unit out, in order, as they become ready. Drivers live in the folders below and are compared
// in one place only, the Ladder that a program hands them to. Package encodertest is the contract as a test.
//
// # Ownership
//
// A frame is lent to Encode and untouched after it returns. A slice's bytes belong to the encoder and are valid only
// inside the emit call. Nothing that an encoder returns outlives Close.
//
// # Concurrency
//
// One goroutine at a time calls an encoder's methods. emit runs on the goroutine that called Encode, so it may block
// (it then delays only later slices) and may not call back into the encoder.
package encoder

import (
	"errors"
	"time"

	"nearlight/internal/media"
)

// Errors that callers branch on.
var (
	// ErrUnavailable reports a driver that this build or this machine lacks; the message says which and what to do.
	ErrUnavailable = errors.New("encoder unavailable")
	// ErrUnsupported reports a configuration or a request that the driver cannot serve, named in the message.
	ErrUnsupported = errors.New("not supported by this encoder")
	// ErrClosed reports a call after Close.
	ErrClosed = errors.New("encoder is closed")
)

// Config opens an encoder. The zero value of each field but Size is useful.
type Config struct {
	Size      media.Size    // visible size; odd sides are coded one larger (see Encoder.CodedSize)
	MaxSize   media.Size    // largest size Reconfigure may be asked for; zero means Size
	FrameRate int           // frames per second, the basis of the budget per frame; zero means DefaultFrameRate
	Bitrate   media.Bitrate // zero means DefaultBitrate
	Threads   int           // zero lets the driver choose by size and cores
	Speed     int           // 0 fastest, higher is slower and better, up to the driver's last preset (Capabilities.Speeds-1)
	Recovery  Recovery
	GPU       GPU // where the pictures will lie; zero for the host's memory, or where that is not known yet
	// Sampling is what the stream keeps of each pixel; zero is 4:2:0 with 8 bits, which every driver codes and every player
	// decodes. Whoever asks for more has frames for it (see Encode), and a player that was asked.
	Sampling media.Sampling
}

// GPU names a card by its UUID, as its driver does.
type GPU [16]byte

// Defaults, chosen for a game at 720p on a home connection.
const (
	DefaultFrameRate = 60
	DefaultBitrate   = 8 * media.Mbps
)

// Recovery is how an encoder can mend its reference chain after a loss without a keyframe.
type Recovery int

const (
	RecoverByKeyframe   Recovery = iota // nothing but a keyframe mends
	RecoverByReferences                 // Invalidate is honoured: older good frames are referred to
	RecoverByRefresh                    // a column of intra blocks sweeps the picture all the time and mends it in RefreshTime
)

// RefreshTime is how long a sweep of RecoverByRefresh takes at most: short enough to be a blink, long enough that the
// intra blocks stay a small part of each frame.
const RefreshTime = 500 * time.Millisecond

// Request is what the caller asks of one frame.
type Request struct {
	Keyframe bool // make this access unit a keyframe
	// Budget bounds this frame's size in bytes; 0 means the one-frame share of the bitrate.
	Budget int
}

// Result says how one frame was coded.
type Result struct {
	Keyframe bool
	Bytes    int
	// QP is the average quantiser on H.264's scale, 0 (best) to 51, whatever the codec: the step between coded values
	// doubles every six, and is two pixel values at 10, where a picture is nearly lossless.
	QP float64
}

// Capabilities is what an open encoder can do.
type Capabilities struct {
	Codec       media.Codec
	Name        string // as in --encoder, for logs and the overlay, for example x264
	Recovery    Recovery
	References  int  // how many pictures are kept to fall back on with RecoverByReferences; 0 with the others
	LiveResize  bool // Reconfigure may change Size within MaxSize without reopening
	FrameBudget bool // Request.Budget is honoured
	Slices      int  // slices per access unit at the most; 1 means emit is called once
	Speeds      int  // number of presets
	Surfaces    bool // a frame's Surface is read where it lies, if it lies in the memory of this encoder's GPU

	Sampling media.Sampling // as opened
	// Samplings are all that Config.Sampling may ask of this driver, on this device, for this codec. Empty means the zero one
	// alone. The list is shared, and not to be written to.
	Samplings []media.Sampling

	// ProfileLevelID is what an SDP has to say (RFC 6184 section 8.1), for example 42c01f: the stream never needs more
	// at any size up to Config.MaxSize. Empty for codecs other than H.264.
	ProfileLevelID string
}

// Reconfiguration changes a running stream. It never forces a keyframe, except when Size changes.
type Reconfiguration struct {
	Size      media.Size // zero keeps
	FrameRate int        // zero keeps
	Bitrate   media.Bitrate
	// Speed, where not nil, asks for another preset. A driver that cannot change over within the stream, because the
	// presets need other headers, returns ErrUnsupported; opening a new encoder then costs a keyframe.
	Speed *int
}

// Encoder compresses one video stream.
type Encoder interface {
	// Encode compresses f and calls emit for each slice of its one access unit, in decoding order, the last one marked.
	// It never holds a frame back. If emit fails, the remaining slices are dropped and its error is returned; the
	// reference chain is then broken for the receiver and the caller asks for a keyframe or Invalidate.
	// f.Visible must be the encoder's size, and its planes of Config.Sampling's chroma. A driver that cannot read f.Surface
	// refuses the frame with media.ErrFrame.
	Encode(f *media.Frame, r Request, emit func(media.Slice) error) (Result, error)
	// Reconfigure changes rate, frame rate, speed or size from the next frame on; an error leaves the stream as it was.
	Reconfigure(Reconfiguration) error
	// Invalidate tells the encoder that the frames captured from first to last (their Times.Damaged) did not arrive, so
	// that no later frame may refer to them. Where no good reference is left, or the driver cannot, the next frame is a
	// keyframe and keyframe is true; else the next frame refers to the newest one before first, and says so (media.Slice.Skips).
	// With RecoverByRefresh nothing is asked of the next frame: the sweep mends the picture.
	Invalidate(first, last media.Instant) (keyframe bool, err error)
	// CodedSize is the size in the bitstream before cropping: H.264 whole macroblocks, VP8, VP9 and AV1 even sides.
	CodedSize() media.Size
	Capabilities() Capabilities
	// Close frees everything; it may be called more than once.
	Close() error
}

// FrameTime is the time between two frames at the given rate.
func FrameTime(frameRate int) time.Duration { return time.Second / time.Duration(frameRate) }
