package wayland

import (
	"testing"

	"nearlight/internal/media"
)

// ServePainter starts a compositor whose screen lies in a GPU's memory and has the size that it is told for each picture: it has paint draw each picture into the buffer that it was
// given, and calls inShared for each that it was asked for in shared memory instead. It ends with the test; what is returned is
// its socket.
func ServePainter(t *testing.T, size func() media.Size, upsideDown bool, paint func(DevicePlane) error, inShared func()) string {
	var flags uint32
	if upsideDown {
		flags = frameYInvert
	}
	return serve(t, &fake{
		offer: func(f *fake, frame uint32) {
			size := size()
			f.event(frame, frameBuffer, shmFormatXRGB8888, uint32(size.Width), uint32(size.Height), uint32(size.Width*bytesPerPixel))
			f.event(frame, frameLinuxDmabuf, uint32(FormatXRGB8888), uint32(size.Width), uint32(size.Height))
			f.event(frame, frameBufferDone)
		},
		created: accept,
		copied: func(f *fake, frame, buffer uint32) {
			if buffer != number {
				inShared()
			} else if err := paint(f.plane); err != nil {
				f.t.Error(err)
			}
			f.ready(frame, flags)
		},
	}).socket
}
