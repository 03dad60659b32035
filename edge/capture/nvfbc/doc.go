// Package nvfbc is the screen of an X server that runs on NVIDIA's driver, as a [capture.Source]. NvFBC, a library of that
// driver, grabs the screen into the GPU's memory, where NVENC reads it: the picture never travels through the processor's.
// For encoders that read host memory the same source hands out I420.
//
// # Which display
//
// NvFBC connects to the X server by itself, to the one that DISPLAY and XAUTHORITY name in the environment of this process;
// it takes no other. The server is an Xorg with the driver nvidia: Xvfb, XWayland and other drivers are refused. Several such
// displays take several processes.
//
// # Which GPUs
//
// NVIDIA allows NvFBC on its professional and data-centre GPUs. GeForce cards are refused, with [ErrNotSupported].
//
// # What wakes it
//
// The X driver makes a frame for each damage (push model), or takes it from a fullscreen app as that presents (direct
// capture); a grab that waits returns with it at once. Of several frames that come meanwhile the newest is grabbed. A grab
// cannot be interrupted: it waits in slices of 10 ms, so that is how late the end of a context, or Close, is noticed. A
// slice that ends without a frame costs a wake-up and no picture. The first picture of a session is taken without waiting,
// so a screen that stands still is seen too. The cap on the frame rate is [capture.Limiter].
//
// The pointer is not in the picture: the browser draws it.
//
// # Pictures
//
// With [OnGPU] a frame's Surface is a cuda.Picture (BGRA, in device memory) of the source's. NvFBC's own buffer is overwritten by
// the next grab, moves from grab to grab and is gone after a mode change; encoders register pictures with the hardware
// once and want none of that. So the source owns one picture and each grab is copied into it within the GPU. It is BGRA
// because that is what the screen holds: NvFBC's NV12 is BT.709, and [media.Frame] is BT.601. The picture is the encoder's to
// read until the next call of Next, which may close it, as Close does.
//
// With [InHost] NvFBC copies the screen to host memory, and libyuv makes I420 of it: for software encoders, and for GPUs
// without NVENC.
//
// # Time stamps
//
// NvFBC says when a frame was begun, on a clock that its documentation does not name. Where that instant lies between the last
// frame's and now on CLOCK_MONOTONIC it is Times.Damaged; else the end of the grab is.
//
// # Mode changes
//
// When the screen changes its mode NvFBC wants a new session. Next makes it, as soon as the change is over, and hands out
// frames of the new size; meanwhile idle passes as on an unchanged screen.
//
// # Concurrency
//
// One goroutine at a time calls Next; everything else may be called from anywhere. The package starts no goroutine of its
// own; a context that ends wakes Next from the goroutine that [context.AfterFunc] makes. NvFBC ties a handle to a thread: each
// call binds it, works and releases it.
//
// # What is proven
//
// The tests run against a double of the library (package fakefbc) that keeps the rules of NVIDIA's documentation, and through the
// double of NVENC to decoded pictures. No GPU has run this. Unproven are: that the structures declared in abi.h are those
// of a driver, that a GPU's driver takes our CUDA context, what binding for each frame costs, the clock of its time stamps, how soon
// a frame wakes the grab, and what a mode change looks like.
package nvfbc
