// Package scene is Nearlight's own game as a [capture.Source]: it plays in this very process, is drawn off screen, and its
// pictures are captured without a display between. It answers: how does a picture get from OpenGL to an encoder with the
// fewest copies that this machine allows?
//
// With [Source.Challenge] it is what a checker types that is drawn instead (package arena), by the same way, so that an edge without a display
// can show what it can.
//
// # Two ways
//
// With Config.GPU, a picture is drawn into a texture by the NVIDIA GPU, copied once on that GPU into memory of CUDA, and handed
// over as a frame's Surface: it never leaves the GPU. NVENC reads that memory where it lies; it makes the same copy of a texture
// itself, but only on a thread on which OpenGL is current, and would take the texture's bytes for RGBA, which are BGRA.
// Without, pixels are read back through OpenGL's buffers and converted to I420: from another GPU, or from Mesa's processor
// code, where nothing else is needed. Target says which way it is.
//
// # Pacing
//
// There is no damage to wait for: pictures are due on a grid of the frame rate that was set. Each is made when it is due, from
// all input that has come by then, so that an input is in the very next picture. While the game is paused, Next gives the last
// picture again.
//
// # Stage times
//
// As with a display, a picture's marker says the instant just before it is drawn, and the frame's times begin when it was: Damaged and
// GrabBegun are when OpenGL's fence was passed. Grabbed is when the picture was copied, to memory or on the GPU (there the copy is
// only known to be ahead of what follows); Converted when it was I420, or Grabbed where it stays on the GPU.
//
// # Who owns what
//
// There are two textures and two copies on the GPU. A frame's picture is drawn over by the second Next after the one that
// gave it out, so one that an encoder still reads is left alone; the encoder is done with it when Encode returns. A
// change of size and Close free the pictures: no encoder that was given one is at work then.
//
// # Concurrency
//
// As capture.Source says. The methods of an input target (Announce, Key, Button, MoveTo, MoveBy) may be called from anywhere too. OpenGL
// is current on Next's thread only while Next runs. The package starts no goroutine; the driver may have threads.
//
// # What is proven
//
// Drawing and the read-back run on llvmpipe in the tests. The way over CUDA runs against a double of libcuda whose textures are not
// OpenGL's: it shows which calls are made, and that what they bring is what is encoded. That a GPU's texture and CUDA's copy of it
// are equal is what `make test-gpu` checks on a machine that has one; they were on an H200.
package scene

import (
	"log/slog"

	"nearlight/internal/cuda"
	"nearlight/internal/media"
)

// Config says what is played and where it is drawn. Size is required, the zero values of the rest are useful.
type Config struct {
	Size      media.Size
	FrameRate int           // cap in frames per second; zero means DefaultFrameRate
	Seed      uint64        // of the game's land
	Stamp     bool          // draw a marker (package marker) into each picture, and never pause by itself
	Chroma    media.Chroma  // of the frames, but for Surfaces, which are RGB
	GPU       *cuda.Context // draw there and hand over Surfaces; it stays the caller's, and outlives the source. nil reads back
	Logger    *slog.Logger  // nil means slog.Default()
}

// DefaultFrameRate is what most displays and encoders agree on.
const DefaultFrameRate = 60
