package gpu

import (
	"fmt"
	"time"

	"nearlight/internal/media"
)

// Inventory is one look at every NVIDIA card.
type Inventory struct {
	Driver string      // version of the driver, for example 550.54.15
	CUDA   CUDAVersion // newest that the driver supports
	GPUs   []GPU       // in NVML's order, which is that of their addresses
}

// CUDAVersion is a version as NVML writes it: 1000 for each major, 10 for each minor; 0 where the driver does not tell.
type CUDAVersion int

func (v CUDAVersion) String() string {
	if v == 0 {
		return "unknown"
	}
	return fmt.Sprintf("%d.%d", v/1000, v%1000/10)
}

// Address is a card's place on the PCI bus as the kernel writes it, domain:bus:device.function in lower-case hexadecimal
// digits, for example 0000:65:00.0. CUDA's cuDeviceGetByPCIBusId and /sys/bus/pci/devices take it as it is.
type Address string

// GPU is one card.
type GPU struct {
	Index   int    // NVML's; CUDA may number cards otherwise
	UUID    string // for example GPU-3cfee1b8-...
	Name    string // for example NVIDIA GeForce RTX 4090
	Address Address
	Link    Link
	Memory  Memory
	Load    Load
	Clocks  Clocks
	Encoder Encoder

	Temperature Reading[Celsius]
	Slowdown    Reading[Celsius] // at which the card halves its clocks; newer cards do not tell
	Power       Reading[Watts]
	PowerLimit  Reading[Watts] // that the driver enforces

	Throttle Reading[Throttle]
	// MIG says that the card is split into instances. An app is then given a slice of it, and most slices have no encoder.
	MIG Reading[bool]

	// Err says what could not be read although the driver has it. It wraps ErrLost where the card itself is gone; of such a
	// card nothing but its identity is told, since figures of a moment ago would pass for its state.
	Err error
}

// Link is a card's connection to the machine.
type Link struct {
	Generation    Reading[int] // of PCI Express, now; it falls while the card idles, to save power
	MaxGeneration Reading[int] // that card and slot both have
	Width         Reading[int] // in lanes, now
	MaxWidth      Reading[int] // that card and slot both have
	CardWidth     Reading[int] // that the card alone has, by the kernel
}

// Memory is a card's own memory.
type Memory struct {
	Total, Used Reading[Bytes]
}

// Free is what is not used.
func (m Memory) Free() Reading[Bytes] {
	total, known := m.Total.Value()
	used, told := m.Used.Value()
	if !known || !told {
		return Reading[Bytes]{}
	}
	return Known(max(total-used, 0))
}

// Load is how busy a card's parts were over the driver's sampling period (a sixth of a second to a second), from 0 to 1.
type Load struct {
	Graphics Reading[float64] // the share of time in which anything was drawn or computed
	Memory   Reading[float64] // the share of time in which memory was read or written
	Encoder  Reading[float64]
	Decoder  Reading[float64]
}

// Clocks are the frequencies at which a card's parts run now.
type Clocks struct {
	Graphics, Memory Reading[Hertz]
	Video            Reading[Hertz] // of encoder and decoder
}

// Encoder is what NVML tells of a card's NVENC.
type Encoder struct {
	// Free is the share of the encoder that is free, from 0 to 1, for each codec that the driver says it has; empty where it
	// says that the card has none. It is the driver's word: only Probe finds out.
	Free     Reading[map[media.Codec]float64]
	Sessions Reading[[]Session]
}

// Session is one open encoder, of whatever program.
type Session struct {
	Process   int         // its process, in the driver's namespace
	Codec     media.Codec // empty for one that we do not know
	Size      media.Size
	FrameRate int           // moving average, in frames per second
	Latency   time.Duration // of one frame in the encoder, moving average; NVML counts microseconds
}

// Units of a card's figures.
type (
	Bytes   int64
	Celsius float64
	Watts   float64
	Hertz   float64
)

// Binary units of memory.
const (
	MiB Bytes = 1 << 20
	GiB Bytes = 1 << 30
)

func (b Bytes) String() string {
	if b < GiB {
		return fmt.Sprintf("%d MiB", b/MiB)
	}
	return fmt.Sprintf("%.1f GiB", float64(b)/float64(GiB))
}
