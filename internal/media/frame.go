package media

// Plane is one 8-bit sample plane: row y starts at Data[y*Stride]. Data may lie outside Go's heap (shared memory).
type Plane struct {
	Data   []byte
	Stride int // bytes from one row to the next
}

// Surface is a picture that lies in a GPU's memory, where only what runs on that GPU can read it. Package internal/cuda has
// the kinds that there are; their documentation says who frees them, and when.
type Surface interface {
	// Place says where the picture lies, for messages, for example "memory of GPU 0".
	Place() string
}

// Frame is one picture in I420 (4:2:0 planar, BT.601 matrix, limited range: what libyuv's ARGBToI420 produces), or in I444, which
// differs in the size of U and V alone, or one on a GPU.
//
// The planes hold Coded samples, Visible of which (from the top left corner) are the picture; the rest repeats the
// last row and column. Whoever makes a frame owns it; it is lent to an encoder for one Encode call.
type Frame struct {
	Visible Size
	Coded   Size // Visible.Even()
	Y, U, V Plane
	// Chroma says how large U and V are. It means nothing beside a Surface, which has a format of its own.
	Chroma Chroma

	// Surface, where not nil, holds the picture in place of the planes, which are then empty, and is as large as Coded. It
	// is lent like the frame. Drivers that cannot read it refuse the frame (Check).
	Surface Surface

	// Input is the sequence of the last input injected into the app before this frame's damage was seen, 0 for none.
	Input uint32
	// Still marks a repeat of an unchanged picture, sent to sharpen it; it has no new motion.
	Still bool

	Times StageTimes
}

// NewFrame allocates a frame in I420 for a picture of the given visible size.
func NewFrame(visible Size) *Frame { return NewFrameIn(Chroma420, visible) }

// NewFrameIn is NewFrame for planes of either kind. Rows start at multiples of 64 bytes, which is what the widest SIMD loads
// of libyuv and x264 like.
func NewFrameIn(chroma Chroma, visible Size) *Frame {
	coded := visible.Even()
	plane := func(size Size) Plane {
		stride := (size.Width + 63) &^ 63
		return Plane{Data: make([]byte, stride*size.Height), Stride: stride}
	}
	colour := chroma.Of(coded)
	return &Frame{Visible: visible, Coded: coded, Chroma: chroma, Y: plane(coded), U: plane(colour), V: plane(colour)}
}

// Slice is one piece of an access unit, ready to be packetized: for H.264 and HEVC one or more whole NAL units in
// Annex B form (start codes included), for VP8 and VP9 the whole frame, for AV1 the whole temporal unit, whose OBUs tell
// their sizes (AV1 section 5.2).
//
// Data is valid only until the function that received the slice returns.
type Slice struct {
	Data     []byte
	Keyframe bool // the access unit is one a decoder can start at (H.264: IDR)
	Last     bool // no further slice belongs to this access unit (the RTP marker bit, RFC 6184 section 5.1)
	// Skips is how many access units, right before this one, it can be decoded without: 0 where it refers to the one before it,
	// as all do but those that an encoder makes after a loss, and for a keyframe.
	Skips int
}
