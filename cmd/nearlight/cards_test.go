package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"nearlight/edge/gpu"
	"nearlight/encoder"
	"nearlight/encoder/nvenc"
	"nearlight/internal/cuda"
	"nearlight/internal/media"
)

// twoCards are two cards that CUDA counts in the other order.
func twoCards() *cards {
	c := newCards("")
	second, first := [16]byte{0x22, 15: 2}, [16]byte{0x11, 15: 1}
	idle := gpu.Load{Graphics: gpu.Known(0.0)}
	c.look = func(context.Context) (gpu.Inventory, error) {
		return gpu.Inventory{GPUs: []gpu.GPU{
			{Index: 0, UUID: "GPU-11000000-0000-0000-0000-000000000001", Address: "0000:01:00.0", Load: idle},
			{Index: 1, UUID: "GPU-22000000-0000-0000-0000-000000000002", Address: "0000:02:00.0", Load: idle},
		}}, nil
	}
	c.devices = func(string) ([]cuda.Device, error) {
		return []cuda.Device{{Ordinal: 0, UUID: second}, {Ordinal: 1, UUID: first}}, nil
	}
	return c
}

// opened is an encoder on a device.
type openedOn struct {
	encoder.Encoder
	device nvenc.Device
}

func (openedOn) Close() error { return nil }

func openOn(d nvenc.Device, _ encoder.Config) (encoder.Encoder, error) {
	return openedOn{device: d}, nil
}

func ordinalOf(t *testing.T, e encoder.Encoder) int {
	t.Helper()
	return e.(*placedEncoder).Encoder.(openedOn).device.Ordinal
}

func TestSessionsAreSpreadOverTheCardsAndGiveTheirPlaceBack(t *testing.T) {
	c := twoCards()
	open := c.encoder(media.H264, openOn)
	var encoders []encoder.Encoder
	for n, want := range []int{1, 0} { // NVML's first card is CUDA's second
		e, err := open(encoder.Config{})
		if err != nil {
			t.Fatal(err)
		}
		encoders = append(encoders, e)
		if got := ordinalOf(t, e); got != want {
			t.Errorf("session %d is on CUDA's device %d, want %d", n, got, want)
		}
	}
	for _, e := range encoders {
		for range 2 { // closing twice gives one place back
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	if len(c.placed) != 0 {
		t.Errorf("after all have ended: %v", c.placed)
	}
}

func TestWhatWasDrawnOnACardIsCodedThere(t *testing.T) {
	c := twoCards()
	open := c.encoder(media.H264, openOn)
	second := encoder.GPU{0x22, 15: 2} // CUDA's first
	for range 3 {                      // however busy it is
		e, err := open(encoder.Config{GPU: second})
		if err != nil {
			t.Fatal(err)
		}
		if got := ordinalOf(t, e); got != 0 {
			t.Errorf("pictures of CUDA's device 0 are coded on %d", got)
		}
	}
	c.look = nil // without NVML
	for drawn, want := range map[encoder.GPU]int{{0x11, 15: 1}: 1, second: 0, {0x33}: 0, {}: 0} {
		e, err := open(encoder.Config{GPU: drawn})
		if err != nil {
			t.Fatal(err)
		}
		if got := ordinalOf(t, e); got != want {
			t.Errorf("without NVML pictures of %x are coded on CUDA's device %d, want %d", drawn, got, want)
		}
	}
}

func TestASessionThatDoesNotOpenTakesNoPlace(t *testing.T) {
	c := twoCards()
	full := errors.New("full")
	if _, err := c.encoder(media.H264, func(nvenc.Device, encoder.Config) (encoder.Encoder, error) { return nil, full })(encoder.Config{}); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	if len(c.placed) != 0 {
		t.Errorf("it counts: %v", c.placed)
	}
}

func TestWithoutFiguresTheFirstCardIsTaken(t *testing.T) {
	for reason, change := range map[string]func(*cards){
		"no NVML": func(c *cards) { c.look = nil },
		"NVML fails": func(c *cards) {
			c.look = func(context.Context) (gpu.Inventory, error) { return gpu.Inventory{}, gpu.ErrUnanswered }
		},
		"CUDA hides the cards": func(c *cards) { c.devices = func(string) ([]cuda.Device, error) { return nil, nil } },
	} {
		c := twoCards()
		change(c)
		e, err := c.encoder(media.H264, openOn)(encoder.Config{})
		if err != nil {
			t.Fatal(err)
		}
		if got := ordinalOf(t, e); got != 0 {
			t.Errorf("%s: on CUDA's device %d", reason, got)
		}
	}
}

func TestAMachineWithoutADriverTriesNoNVENC(t *testing.T) {
	c := newCards("")
	for _, step := range []struct {
		err  error
		want bool
	}{{cuda.ErrNoLibrary, true}, {cuda.ErrNotALibrary, false}, {cuda.ErrNoDevice, false}, {nil, false}} {
		c.devices = func(string) ([]cuda.Device, error) { return nil, step.err }
		if got := c.absent(); got != step.want {
			t.Errorf("%v: absent is %v", step.err, got)
		}
	}
	for _, name := range withoutNVENC(c.ladder()).Names() {
		if strings.HasPrefix(name, nvenc.Name) {
			t.Errorf("%s is still tried", name)
		}
	}
}
