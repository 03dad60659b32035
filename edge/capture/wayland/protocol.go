package wayland

// Interfaces, and the versions of them that are used.
const (
	shmInterface, shmVersion               = "wl_shm", 1
	outputInterface, outputVersion         = "wl_output", 1
	screencopyInterface, screencopyVersion = "zwlr_screencopy_manager_v1", 3 // 3 brings buffer_done and linux_dmabuf
	dmabufInterface, dmabufVersion         = "zwp_linux_dmabuf_v1", 3        // 3 brings modifiers; 4 would hand over descriptors
)

// displayObject is the one object that is there from the start (wl_display).
const displayObject = 1

// Opcodes of the core protocol (wayland.xml): the position of a request or event in its interface.
const (
	displaySync        = 0
	displayGetRegistry = 1
	displayError       = 0
	displayDeleteID    = 1

	registryBind         = 0
	registryGlobal       = 0
	registryGlobalRemove = 1

	shmCreatePool     = 0
	poolCreateBuffer  = 0
	poolDestroy       = 1
	bufferDestroy     = 0
	shmFormatARGB8888 = 0 // all other formats are called as linux-dmabuf and DRM call them
	shmFormatXRGB8888 = 1
)

// Opcodes of wlr-screencopy-unstable-v1.xml.
const (
	managerCaptureOutput = 0

	frameCopy           = 0
	frameDestroy        = 1
	frameCopyWithDamage = 2

	frameBuffer      = 0
	frameFlags       = 1
	frameReady       = 2
	frameFailed      = 3
	frameDamage      = 4
	frameLinuxDmabuf = 5
	frameBufferDone  = 6

	frameYInvert = 1 // of frameFlags
)

// Opcodes of linux-dmabuf-unstable-v1.xml.
const (
	dmabufCreateParams = 1
	dmabufModifier     = 1

	paramsDestroy = 0
	paramsAdd     = 1
	paramsCreate  = 2
	paramsCreated = 0
	paramsFailed  = 1
)

// Format is a pixel format as DRM names it (drm_fourcc.h): four characters, the first one lowest.
type Format uint32

// The formats that are understood: in memory blue, green, red and one more octet, or red, green, blue and one more.
const (
	FormatXRGB8888 Format = 'X' | 'R'<<8 | '2'<<16 | '4'<<24
	FormatARGB8888 Format = 'A' | 'R'<<8 | '2'<<16 | '4'<<24
	FormatXBGR8888 Format = 'X' | 'B'<<8 | '2'<<16 | '4'<<24
	FormatABGR8888 Format = 'A' | 'B'<<8 | '2'<<16 | '4'<<24
)

const bytesPerPixel = 4

// shmFormat is the format that wl_shm calls by a number.
func shmFormat(number uint32) Format {
	switch number {
	case shmFormatARGB8888:
		return FormatARGB8888
	case shmFormatXRGB8888:
		return FormatXRGB8888
	}
	return Format(number)
}

// shmNumber is wl_shm's number of a format.
func (f Format) shmNumber() uint32 {
	switch f {
	case FormatARGB8888:
		return shmFormatARGB8888
	case FormatXRGB8888:
		return shmFormatXRGB8888
	}
	return uint32(f)
}

func (f Format) String() string {
	name := []byte{byte(f), byte(f >> 8), byte(f >> 16), byte(f >> 24)}
	for i, c := range name {
		if c < ' ' || c > '~' {
			name[i] = '?'
		}
	}
	return string(name)
}

// known reports whether pixels of this format can be converted.
func (f Format) known() bool {
	return f == FormatXRGB8888 || f == FormatARGB8888 || f.RedFirst()
}

// RedFirst reports whether a pixel's first octet in memory is red; else it is blue.
func (f Format) RedFirst() bool { return f == FormatXBGR8888 || f == FormatABGR8888 }
