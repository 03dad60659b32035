package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"nearlight/edge/gpu"
	"nearlight/internal/media"
)

// leastGPUMemory is what must be free on a card for a game of today to start beside its encoder.
const leastGPUMemory = gpu.GiB

const (
	checkFans = "clean its fans and filters and let air through; nvidia-smi -i %d -q -d TEMPERATURE"
	noNVENC   = "no NVENC on this card: sessions are encoded in software"
	buyNVENC  = "nothing, as long as the processor is fast enough (see the encoders below); for more sessions, a GeForce, RTX or L card"
)

// checkGPUs looks at each of NVIDIA's cards. openEncoder opens an encoder session, by which a card's sessions are counted;
// it is nil in a program that has no driver for NVENC.
func checkGPUs(ctx context.Context, open func(context.Context) (*gpu.Library, error), openEncoder gpu.Opener, tell func(finding)) {
	const what = "gpu"
	look, cancel := context.WithTimeout(ctx, gpuPatience)
	defer cancel()
	library, in, err := lookAtGPUs(look, open)
	switch {
	case errors.Is(err, gpu.ErrNone):
		reason, _, _ := strings.Cut(err.Error(), "; ")
		tell(finding{works, what, reason + "; games are drawn by Mesa and encoded by the processor", ""})
		return
	case err != nil:
		tell(trouble(doubts, what, err, ""))
		return
	}
	for _, g := range in.GPUs {
		tellGPU(g, in, tell)
		if !errors.Is(g.Err, gpu.ErrLost) {
			tellGPUEncoder(ctx, g, openEncoder, tell)
		}
	}
	if err := library.Close(); err != nil {
		tell(trouble(doubts, what, err, ""))
	}
}

// tellGPU says what a card is and how it fares, then each thing that costs something.
func tellGPU(g gpu.GPU, in gpu.Inventory, tell func(finding)) {
	what := fmt.Sprintf("gpu %d", g.Index)
	if errors.Is(g.Err, gpu.ErrLost) || g.Err != nil && g.Address == "" {
		tell(trouble(doubts, what, g.Err, ""))
		return
	}
	tell(finding{works, what, strings.Join(append([]string{
		cmpOr(g.Name, "NVIDIA card"), fmt.Sprintf("driver %s with CUDA %v", cmpOr(in.Driver, "unknown"), in.CUDA),
	}, gpuFigures(g)...), ", "), ""})
	if g.Err != nil {
		tell(finding{doubts, what + " figures", fmt.Sprintf("some are not told: %v", g.Err), "dmesg | grep -i nvrm"})
	}
	for _, check := range []struct {
		of      string
		problem func(gpu.GPU) (detail, remedy string) // empty for none
	}{{"link", gpuLink}, {"clocks", gpuClocks}, {"memory", gpuMemory}, {"slices", gpuSlices}} {
		if detail, remedy := check.problem(g); detail != "" {
			tell(finding{doubts, what + " " + check.of, detail, remedy})
		}
	}
}

// gpuFigures are those that the card tells.
func gpuFigures(g gpu.GPU) []string {
	figures := []string{string(g.Address)}
	tell := func(known bool, format string, values ...any) {
		if known {
			figures = append(figures, fmt.Sprintf(format, values...))
		}
	}
	generation, known := g.Link.Generation.Value()
	width, told := g.Link.Width.Value()
	tell(known && told, "PCIe %d x%d", generation, width)
	total, known := g.Memory.Total.Value()
	used, told := g.Memory.Used.Value()
	tell(known && told, "%v of %v used", used, total)
	for _, load := range []struct {
		of    string
		share gpu.Reading[float64]
	}{{"busy", g.Load.Graphics}, {"of its memory's time", g.Load.Memory}, {"of its encoder", g.Load.Encoder}, {"of its decoder", g.Load.Decoder}} {
		share, known := load.share.Value()
		tell(known, "%.0f %% %s", 100*share, load.of)
	}
	temperature, known := g.Temperature.Value()
	tell(known, "%.0f °C", temperature)
	power, known := g.Power.Value()
	limit, told := g.PowerLimit.Value()
	tell(known && told, "%.0f of %.0f W", power, limit)
	tell(known && !told, "%.0f W", power)
	clock, known := g.Clocks.Graphics.Value()
	tell(known, "%.0f MHz", clock/1e6)
	throttle, known := g.Throttle.Value()
	tell(known && throttle != 0 && !throttle.Slowing(), "%s", strings.Join(throttle.Words(), ", "))
	return figures
}

// gpuLink compares the link's width with what card and slot have. Its generation says nothing: it falls while a card idles.
func gpuLink(g gpu.GPU) (detail, remedy string) {
	width, known := g.Link.Width.Value()
	if !known {
		return "", ""
	}
	if possible := g.Link.MaxWidth.Or(width); width < possible {
		return fmt.Sprintf("its PCIe link runs at x%d, card and slot have x%d: pictures take longer to and from it", width, possible),
			"switch off, take the card out, clean its contacts, put it back until it clicks; then look at its riser, if it has one"
	}
	if card := g.Link.CardWidth.Or(width); width < card {
		return fmt.Sprintf("its slot gives PCIe x%d, the card has x%d: pictures take longer to and from it", width, card),
			fmt.Sprintf("move it to a slot with %d lanes, usually the one nearest to the processor", card)
	}
	return "", ""
}

func gpuClocks(g gpu.GPU) (detail, remedy string) {
	throttle := g.Throttle.Or(0)
	detail = "slowed down: " + strings.Join(throttle.Words(), ", ")
	switch {
	case throttle.Heat():
		return detail, fmt.Sprintf(checkFans, g.Index)
	case throttle&gpu.PowerBrake != 0:
		return detail, "look at the power supply: is it strong enough, are all of the card's cables in?"
	case throttle.PowerShort():
		return detail, fmt.Sprintf("fewer --slots or a smaller --size; or raise its limit: nvidia-smi -i %d -q -d POWER, then nvidia-smi -i %d -pl WATTS", g.Index, g.Index)
	case throttle.Slowing():
		return detail, fmt.Sprintf("nvidia-smi -i %d -q -d PERFORMANCE", g.Index)
	case g.Hot():
		return fmt.Sprintf("hot, at %.0f °C: it will slow down soon", g.Temperature.Or(0)), fmt.Sprintf(checkFans, g.Index)
	}
	return "", ""
}

func gpuMemory(g gpu.GPU) (detail, remedy string) {
	free, known := g.Memory.Free().Value()
	if !known || free >= leastGPUMemory {
		return "", ""
	}
	return fmt.Sprintf("%v of its memory is free: a game may not start", free), fmt.Sprintf("nvidia-smi -i %d shows which programs hold it: end those that are not needed", g.Index)
}

func gpuSlices(g gpu.GPU) (detail, remedy string) {
	if !g.MIG.Or(false) {
		return "", ""
	}
	return "split by MIG: no session is placed on it, since most slices neither draw nor encode", fmt.Sprintf("nvidia-smi -i %d -mig 0", g.Index)
}

// tellGPUEncoder says what the card encodes, how many sessions it takes and who uses it. What was found by opening
// sessions counts more than the driver's word.
func tellGPUEncoder(ctx context.Context, g gpu.GPU, open gpu.Opener, tell func(finding)) {
	what := fmt.Sprintf("gpu %d encoder", g.Index)
	free, told := g.Encoder.Free.Value()
	detail := "NVENC"
	if len(free) > 0 {
		names := make([]string, 0, len(free))
		for _, codec := range slices.Sorted(maps.Keys(free)) {
			names = append(names, string(codec))
		}
		detail += " for " + strings.Join(names, ", ")
	}
	switch {
	case open != nil:
		capacity, err := gpu.Probe(ctx, open, g, gpu.MostSessions)
		switch {
		case errors.Is(err, gpu.ErrNoNVENC):
			tell(finding{doubts, what, noNVENC, buyNVENC})
			return
		case err != nil:
			tell(trouble(doubts, what, fmt.Errorf("sessions are encoded in software: %w", err), fmt.Sprintf("nvidia-smi -i %d", g.Index)))
			return
		case capacity.Sessions == 0:
			tell(finding{doubts, what, "every session that the card allows is taken: sessions are encoded in software" + gpuSessions(g),
				fmt.Sprintf("end other programs that encode on it: nvidia-smi -i %d", g.Index)})
			return
		}
		detail += fmt.Sprintf(", %v sessions can be opened", capacity)
	case told && len(free) == 0:
		tell(finding{doubts, what, noNVENC, buyNVENC})
		return
	case !told:
		detail = "the driver does not tell what it encodes"
	}
	tell(finding{works, what, detail + gpuSessions(g), ""})
}

// gpuSessions names the encoders that are open.
func gpuSessions(g gpu.GPU) string {
	var sessions []string
	for _, s := range g.Encoder.Sessions.Or(nil) {
		codec := s.Codec
		if codec == "" {
			codec = media.Codec("unknown codec")
		}
		sessions = append(sessions, fmt.Sprintf("%s %v at %d frames per second, %s a frame, process %d", codec, s.Size, s.FrameRate, shown(s.Latency), s.Process))
	}
	if len(sessions) == 0 {
		return ""
	}
	return "; open: " + strings.Join(sessions, "; ")
}
