package nvfbc

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
)

// DefaultFrameRate is what most displays and encoders agree on.
const DefaultFrameRate = 60

// Memory is where pictures lie.
type Memory int

const (
	OnGPU  Memory = iota // in the GPU's, as Frame.Surface, for NVENC
	InHost               // in the processor's, as Frame's planes, for any other encoder
)

func (m Memory) String() string {
	switch m {
	case OnGPU:
		return "on the GPU"
	case InHost:
		return "in host memory"
	}
	return fmt.Sprintf("memory %d", int(m))
}

// Config opens the display that the environment names. Its zero values are useful.
type Config struct {
	Libraries string         // the folder of libnvidia-fbc.so.1 and libcuda.so.1; empty: where the system's loader looks
	Memory    Memory         // where pictures lie
	Device    int            // with OnGPU the GPU that has the screen, as in cuda.Device.Ordinal
	FrameRate int            // cap in frames per second; zero means DefaultFrameRate
	Input     *atomic.Uint32 // sequence of the last input injected into the app; nil leaves Frame.Input zero
	Logger    *slog.Logger   // nil means slog.Default()
}

func (c *Config) settle() error {
	if c.FrameRate == 0 {
		c.FrameRate = DefaultFrameRate
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	switch {
	case c.FrameRate < 0:
		return fmt.Errorf("capture at %d frames per second: must be positive", c.FrameRate)
	case c.Memory != OnGPU && c.Memory != InHost:
		return errors.New("capture to " + c.Memory.String() + ": there is no such")
	}
	return nil
}
