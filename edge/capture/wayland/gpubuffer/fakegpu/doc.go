// Package fakegpu builds and loads a double of a GPU, for tests of what allocates and imports pictures in one's memory: libgbm.so.1,
// whose buffers are memory that processes share, and libEGL.so.1, which is the system's with what a GPU's has besides
// (folder driver, in C). Mesa's processor code imports no DMA-BUF: its EGL has neither EGL_EXT_image_dma_buf_import nor
// EGL_MESA_image_dma_buf_export. So the double makes a texture of the memory, and keeps the two alike when OpenGL copies from it or clears it.
// Where the double of NVIDIA's driver (encoder/nvenc/fakedriver) is loaded too, it is told of each image.
//
// What passes on it keeps the rules of GBM and EGL as far as their headers and extensions state them. It cannot prove anything about a GPU: neither
// that it allocates, nor what it draws, nor its layouts and fences.
//
// Once loaded, the doubles stand for the system's libraries in the whole process. A Double has one user at a time.
package fakegpu

import "errors"

// ErrNotBuilt reports a machine that cannot build the double; the message says what to install.
var ErrNotBuilt = errors.New("the double of a GPU cannot be built")

// Layouts (DRM format modifiers) that the double has.
const (
	Linear  uint64 = 0
	Own     uint64 = 0x0f00000000000001 // linear too, but with aligned rows, after a margin
	Sampled uint64 = 0x0f00000000000002 // OpenGL can read it, and draw to it by no means
)

// Fault is what goes wrong in the double.
type Fault string

// The faults.
const (
	None         Fault = "none"
	NoDriver     Fault = "no-driver"     // GBM knows no driver for the node
	NoMemory     Fault = "no-memory"     // no buffer can be made
	FivePlanes   Fault = "five-planes"   // a buffer has more planes than there are
	NoPlanes     Fault = "no-planes"     // or none
	NoDescriptor Fault = "no-descriptor" // a buffer cannot be shared
	OtherLayout  Fault = "other-layout"  // a buffer is in a layout that nobody knows
	ShortRows    Fault = "short-rows"    // its rows overlap
	HugeRows     Fault = "huge-rows"     // are of gigabytes
	HugeOffset   Fault = "huge-offset"   // or begin there
	NoImport     Fault = "no-import"     // EGL imports no DMA-BUF
	NoLayouts    Fault = "no-layouts"    // or does not tell its layouts
	NoFormat     Fault = "no-format"     // or has none for the format
	ImportFails  Fault = "import-fails"  // or refuses the buffer
)
