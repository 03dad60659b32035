package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"sync"
	"time"

	"nearlight/edge/gpu"
	"nearlight/encoder"
	"nearlight/encoder/nvenc"
	"nearlight/internal/cuda"
	"nearlight/internal/media"
)

// placePatience is how long a session's start waits for the cards' figures; without them it goes to the first card.
const placePatience = 100 * time.Millisecond

// cards opens NVENC on the card that gpu.Place chooses, and keeps the books of what this edge has open where. With one card, or
// without NVML, that is CUDA's first. It is safe for concurrent use.
type cards struct {
	libraries string                                       // folder of NVIDIA's; empty: where the loader looks
	look      func(context.Context) (gpu.Inventory, error) // nil without NVML
	devices   func(folder string) ([]cuda.Device, error)
	logger    *slog.Logger // nil for none

	mu     sync.Mutex
	placed map[gpu.Address]int
}

func newCards(libraries string) *cards {
	return &cards{libraries: libraries, devices: cuda.Devices, placed: map[gpu.Address]int{}}
}

// absent reports a machine without NVIDIA's driver, on which NVENC need not be tried for every session.
func (c *cards) absent() bool {
	_, err := c.devices(c.libraries)
	return errors.Is(err, cuda.ErrNoLibrary)
}

// opener is how one codec is opened on a device.
type opener func(nvenc.Device, encoder.Config) (encoder.Encoder, error)

// encoder returns how a candidate of the ladder opens.
func (c *cards) encoder(codec media.Codec, open opener) func(encoder.Config) (encoder.Encoder, error) {
	return func(config encoder.Config) (encoder.Encoder, error) {
		device, release := c.place(codec, config.GPU)
		opened, err := open(device, config)
		if err != nil {
			release()
			return nil, err
		}
		return &placedEncoder{Encoder: opened, release: sync.OnceFunc(release)}, nil
	}
}

// placedEncoder gives its place back when it is closed.
type placedEncoder struct {
	encoder.Encoder
	release func()
}

func (e *placedEncoder) Close() error {
	defer e.release()
	return e.Encoder.Close()
}

// device is a card as NVENC is opened on it. H.264 is coded as Main, see ladder.
func (c *cards) device(ordinal int) nvenc.Device {
	return nvenc.Device{Libraries: c.libraries, Ordinal: ordinal, Main: true}
}

// place chooses a card for a session that is coded there, and counts it until release is called. One whose pictures lie on a card
// already is coded on that.
func (c *cards) place(codec media.Codec, drawn encoder.GPU) (_ nvenc.Device, release func()) {
	first := func() (nvenc.Device, func()) { return c.device(c.ordinalOr(drawn, 0)), func() {} }
	if c.look == nil {
		return first()
	}
	ctx, cancel := context.WithTimeout(context.Background(), placePatience)
	defer cancel()
	in, err := c.look(ctx)
	if err != nil || len(in.GPUs) < 2 {
		return first()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	candidates := make([]gpu.Candidate, len(in.GPUs))
	for i, g := range in.GPUs {
		candidates[i] = gpu.Candidate{GPU: g, Placed: c.placed[g.Address]}
	}
	chosen, err := gpu.Place(candidates, gpu.Need{Codec: codec, Rendered: addressOf(in, drawn)})
	if err != nil {
		return first()
	}
	ordinal, err := c.ordinal(in, chosen.Card)
	if err != nil {
		return first()
	}
	if c.logger != nil {
		c.logger.Info("GPU is chosen", "address", chosen.Card, "reason", chosen.Reason)
	}
	c.placed[chosen.Card]++
	return c.device(ordinal), func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.placed[chosen.Card]--
		maps.DeleteFunc(c.placed, func(_ gpu.Address, n int) bool { return n == 0 })
	}
}

// ordinal is CUDA's number of a card that NVML knows by its address: the two count in orders of their own, and agree on UUIDs.
func (c *cards) ordinal(in gpu.Inventory, address gpu.Address) (int, error) {
	for _, g := range in.GPUs {
		if g.Address == address {
			return c.ordinalOf(g)
		}
	}
	return 0, fmt.Errorf("no card at %s", address)
}

func (c *cards) ordinalOf(g gpu.GPU) (int, error) {
	devices, err := c.devices(c.libraries)
	if err != nil {
		return 0, err
	}
	for _, d := range devices {
		if uuid(d.UUID) == g.UUID {
			return d.Ordinal, nil
		}
	}
	return 0, fmt.Errorf("CUDA does not know GPU %d (%s): look at CUDA_VISIBLE_DEVICES", g.Index, g.UUID)
}

// ordinalOr is CUDA's number of a card that it knows itself, or else the one given.
func (c *cards) ordinalOr(card encoder.GPU, otherwise int) int {
	if devices, err := c.devices(c.libraries); err == nil && card != (encoder.GPU{}) {
		for _, d := range devices {
			if d.UUID == card {
				return d.Ordinal
			}
		}
	}
	return otherwise
}

// addressOf is where NVML finds a card that CUDA named, empty where it does not.
func addressOf(in gpu.Inventory, card encoder.GPU) gpu.Address {
	for _, g := range in.GPUs {
		if card != (encoder.GPU{}) && g.UUID == uuid(card) {
			return g.Address
		}
	}
	return ""
}

// uuid writes CUDA's form of a UUID as NVML does.
func uuid(b [16]byte) string {
	return fmt.Sprintf("GPU-%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// session implements gpu.Opener: it opens an encoder of the size given, to see whether the card has room for one.
func (c *cards) session(size media.Size, frameRate int) gpu.Opener {
	return func(g gpu.GPU) (io.Closer, error) {
		ordinal, err := c.ordinalOf(g)
		if err != nil {
			return nil, err
		}
		opened, err := c.device(ordinal).H264(encoder.Config{Size: size, FrameRate: frameRate})
		switch {
		case errors.Is(err, nvenc.ErrNoEncoder):
			return nil, fmt.Errorf("%w: %w", gpu.ErrNoNVENC, err)
		case errors.Is(err, nvenc.ErrSessionLimit):
			return nil, fmt.Errorf("%w: %w", gpu.ErrSessionLimit, err)
		case err != nil:
			return nil, err
		}
		return opened, nil
	}
}
