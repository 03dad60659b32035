// Package gpubuffer answers: how does a compositor's picture get from a GPU's memory to an encoder? A Device is the
// [wayland.Device] of one GPU.
//
// # Buffers
//
// A buffer is allocated by GBM (libgbm, opened at run time) on the GPU's render node, in a layout (DRM format modifier) that the compositor
// takes and OpenGL can draw to. EGL could export a texture of its own instead (EGL_MESA_image_dma_buf_export), but there nobody
// can ask for a layout, and the compositor has the say. GBM is Mesa's, and NVIDIA's driver since 495 brings a backend for it.
//
// # Three ways
//
// The buffer is imported as an EGL image. Then, whichever is the first that the machine has:
//
//   - Shared: CUDA reads the image (cuGraphicsEGLRegisterImage) and copies it, once, into memory that NVENC reads. Drivers
//     of desktop cards may not support that function.
//   - Textured: OpenGL copies the image into a texture, which CUDA copies as it does the textures of edge/capture/scene.
//     A picture that is stored upside down, or has an odd side, always takes this way: CUDA's copy can neither turn nor repeat a row.
//   - ReadBack: without CUDA, OpenGL copies the image into a texture and reads that back; libyuv makes I420 of it.
//
// The first two give a frame a Surface and no planes. It is copied because the compositor draws into the buffer again, while
// a still picture is handed out for seconds, and because CUDA's array of an image need not be one that NVENC takes.
//
// # When a picture is complete
//
// The compositor's word (ready of wlr-screencopy) is that it has told the GPU to copy, not that the GPU has done so: wlroots
// leaves the rest to implicit synchronization, the fences that the kernel keeps with a DMA-BUF. OpenGL of Mesa waits for them by itself,
// CUDA knows nothing of them. So they are waited for here, by poll on the DMA-BUF's descriptor, which is readable once
// who draws into it is done (Linux, Documentation/driver-api/dma-buf.rst), and before any of the three ways. In the other direction
// each picture is copied, and the copy waited for, before Convert returns: only then the buffer is the compositor's again. A
// driver that keeps no fences with its DMA-BUFs, as NVIDIA's does unless its modules are told to, gives nothing to wait for: then
// a picture may hold a part of the one before.
//
// # Concurrency
//
// One goroutine at a time uses a Device and its buffers, on any thread: OpenGL is current only while a call runs.
//
// # What is proven
//
// All three ways run in the tests against doubles: libgbm's with memory of the host's, libEGL's which imports that memory into
// Mesa's processor code (which itself imports no DMA-BUF), libcuda's. That a card allocates, shares and copies is what
// `make test-gpu` checks on a machine that has one; it has run on none yet.
package gpubuffer

import (
	"errors"
	"log/slog"
	"time"
)

// ErrUnavailable reports a machine, or a build, that makes no buffers in a GPU's memory; the message says what is missing.
var ErrUnavailable = errors.New("no buffers in a GPU's memory")

// Config says where buffers are made. Node is required, the zero values of the rest are useful.
type Config struct {
	Node      string       // the GPU's file, for example /dev/dri/renderD128; the compositor draws on the same one
	Libraries string       // folder of NVIDIA's libraries; "" for where the system's loader looks
	InHost    bool         // read pictures back though CUDA is there, for who draws into their planes
	Logger    *slog.Logger // nil means slog.Default()
}

// patience is how long the GPU may take for one picture before it counts as lost.
const patience = time.Second

// Way is how pictures get from a buffer to an encoder.
type Way int

const (
	ReadBack Way = iota
	Textured
	Shared
)

// Trial is what came of trying a Device.
type Trial struct {
	Way    Way
	Layout uint64        // of the buffer: a DRM format modifier
	Took   time.Duration // for one picture, from the compositor's word to a frame
}

func (w Way) String() string {
	switch w {
	case ReadBack:
		return "read back through OpenGL"
	case Textured:
		return "copied by OpenGL into a texture that CUDA reads"
	case Shared:
		return "read by CUDA where they lie"
	}
	return "no way"
}
