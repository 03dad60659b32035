//go:build cgo

package gpu

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"nearlight/internal/media"
)

// asker asks for figures one by one. What a card does not have is absent; what goes wrong otherwise is kept; and after a
// sign that the card is lost nothing more is asked, because each further call may hang.
type asker struct {
	has      func(symbol string) bool
	text     func(nvml.Return) string
	lost     bool
	failures []error
}

func ask[T any](a *asker, symbol string, call func() (T, nvml.Return)) Reading[T] {
	if a.lost || !a.has(symbol) {
		return Reading[T]{}
	}
	value, ret := call()
	if ret == nvml.SUCCESS {
		return Known(value)
	}
	a.failed(symbol, ret)
	return Reading[T]{}
}

func (a *asker) failed(symbol string, ret nvml.Return) {
	switch ret {
	case nvml.ERROR_NOT_SUPPORTED, nvml.ERROR_FUNCTION_NOT_FOUND, nvml.ERROR_NO_PERMISSION, nvml.ERROR_NO_DATA,
		nvml.ERROR_NOT_FOUND, nvml.ERROR_ARGUMENT_VERSION_MISMATCH, nvml.ERROR_DEPRECATED:
		return
	case nvml.ERROR_GPU_IS_LOST, nvml.ERROR_GPU_NOT_FOUND, nvml.ERROR_RESET_REQUIRED:
		a.lost = true
		a.failures = []error{fmt.Errorf("%w: %s: %s (%d); %s", ErrLost, symbol, a.text(ret), ret, powerCycle)}
		return
	}
	a.failures = append(a.failures, fmt.Errorf("%s: %s (%d)", symbol, a.text(ret), ret))
}

func (a *asker) err() error { return errors.Join(a.failures...) }

// look reads one card.
func (d *nvmlDriver) look(index int, device nvml.Device) GPU {
	a := &asker{has: d.has, text: d.api.ErrorString}
	g := GPU{
		Index: index,
		UUID:  clean(ask(a, "nvmlDeviceGetUUID", device.GetUUID).Or("")),
		Name:  clean(ask(a, "nvmlDeviceGetName", device.GetName).Or("")),
		Address: convert(ask(a, "nvmlDeviceGetPciInfo_v3", device.GetPciInfo), func(p nvml.PciInfo) Address {
			return addressOf(p.Domain, p.Bus, p.Device)
		}).Or(""),
	}
	identity := g
	g.Link = Link{
		Generation:    ask(a, "nvmlDeviceGetCurrPcieLinkGeneration", device.GetCurrPcieLinkGeneration),
		MaxGeneration: ask(a, "nvmlDeviceGetMaxPcieLinkGeneration", device.GetMaxPcieLinkGeneration),
		Width:         ask(a, "nvmlDeviceGetCurrPcieLinkWidth", device.GetCurrPcieLinkWidth),
		MaxWidth:      ask(a, "nvmlDeviceGetMaxPcieLinkWidth", device.GetMaxPcieLinkWidth),
		CardWidth:     cardWidth(d.sys, g.Address),
	}
	memory := ask(a, "nvmlDeviceGetMemoryInfo", device.GetMemoryInfo)
	g.Memory = Memory{
		Total: convert(memory, func(m nvml.Memory) Bytes { return Bytes(m.Total) }),
		Used:  convert(memory, func(m nvml.Memory) Bytes { return Bytes(m.Used) }),
	}
	rates := ask(a, "nvmlDeviceGetUtilizationRates", device.GetUtilizationRates)
	g.Load = Load{
		Graphics: convert(rates, func(u nvml.Utilization) float64 { return float64(u.Gpu) / 100 }),
		Memory:   convert(rates, func(u nvml.Utilization) float64 { return float64(u.Memory) / 100 }),
		Encoder:  convert(ask(a, "nvmlDeviceGetEncoderUtilization", sampled(device.GetEncoderUtilization)), ofHundred),
		Decoder:  convert(ask(a, "nvmlDeviceGetDecoderUtilization", sampled(device.GetDecoderUtilization)), ofHundred),
	}
	g.Temperature = convert(ask(a, "nvmlDeviceGetTemperature", func() (uint32, nvml.Return) {
		return device.GetTemperature(nvml.TEMPERATURE_GPU)
	}), func(degrees uint32) Celsius { return Celsius(degrees) })
	g.Slowdown = convert(ask(a, "nvmlDeviceGetTemperatureThreshold", func() (uint32, nvml.Return) {
		return device.GetTemperatureThreshold(nvml.TEMPERATURE_THRESHOLD_SLOWDOWN)
	}), func(degrees uint32) Celsius { return Celsius(degrees) })
	g.Power = convert(ask(a, "nvmlDeviceGetPowerUsage", device.GetPowerUsage), ofMilliwatts)
	g.PowerLimit = convert(ask(a, "nvmlDeviceGetEnforcedPowerLimit", device.GetEnforcedPowerLimit), ofMilliwatts)
	g.Clocks = Clocks{
		Graphics: askClock(a, device, nvml.CLOCK_GRAPHICS),
		Memory:   askClock(a, device, nvml.CLOCK_MEM),
		Video:    askClock(a, device, nvml.CLOCK_VIDEO),
	}
	g.Throttle = askThrottle(a, device)
	g.MIG = convert(ask(a, "nvmlDeviceGetMigMode", func() (int, nvml.Return) {
		now, _, ret := device.GetMigMode()
		return now, ret
	}), func(mode int) bool { return mode == nvml.DEVICE_MIG_ENABLE })
	g.Encoder = Encoder{
		Free:     askFree(a, device),
		Sessions: convert(ask(a, "nvmlDeviceGetEncoderSessions", device.GetEncoderSessions), sessionsOf),
	}
	if a.lost {
		g = identity
	}
	g.Err = a.err()
	return g
}

// clean makes text that a card's firmware gave fit for logs and for Prometheus, which takes valid UTF-8 alone.
func clean(text string) string { return strings.ToValidUTF8(text, "?") }

// sampled drops the sampling period that NVML adds to a figure.
func sampled(call func() (value, period uint32, ret nvml.Return)) func() (uint32, nvml.Return) {
	return func() (uint32, nvml.Return) {
		value, _, ret := call()
		return value, ret
	}
}

func ofHundred(percent uint32) float64     { return float64(percent) / 100 }
func ofMilliwatts(milliwatts uint32) Watts { return Watts(milliwatts) / 1000 }

func askClock(a *asker, device nvml.Device, clock nvml.ClockType) Reading[Hertz] {
	return convert(ask(a, "nvmlDeviceGetClockInfo", func() (uint32, nvml.Return) { return device.GetClockInfo(clock) }),
		func(megahertz uint32) Hertz { return Hertz(megahertz) * 1e6 })
}

// askThrottle asks by the name that the function has since driver 535, or by its older one.
func askThrottle(a *asker, device nvml.Device) Reading[Throttle] {
	if a.has("nvmlDeviceGetCurrentClocksEventReasons") {
		return convert(ask(a, "nvmlDeviceGetCurrentClocksEventReasons", device.GetCurrentClocksEventReasons), throttleOf)
	}
	return convert(ask(a, "nvmlDeviceGetCurrentClocksThrottleReasons", device.GetCurrentClocksThrottleReasons), throttleOf)
}

func throttleOf(bits uint64) Throttle {
	var t Throttle
	for _, pair := range []struct {
		bit    uint64
		reason Throttle
	}{
		{nvml.ClocksEventReasonGpuIdle, Idle},
		{nvml.ClocksEventReasonApplicationsClocksSetting, FixedClocks},
		{nvml.ClocksEventReasonSwPowerCap, PowerCap},
		{nvml.ClocksThrottleReasonHwSlowdown, HardSlowdown},
		{nvml.ClocksEventReasonSyncBoost, SyncBoost},
		{nvml.ClocksEventReasonSwThermalSlowdown, ThermalCap},
		{nvml.ClocksThrottleReasonHwThermalSlowdown, HardThermal},
		{nvml.ClocksThrottleReasonHwPowerBrakeSlowdown, PowerBrake},
		{nvml.ClocksEventReasonDisplayClockSetting, DisplayClocks},
	} {
		if bits&pair.bit != 0 {
			t |= pair.reason
		}
	}
	return t
}

var codecs = map[nvml.EncoderType]media.Codec{
	nvml.ENCODER_QUERY_H264: media.H264,
	nvml.ENCODER_QUERY_HEVC: media.HEVC,
	nvml.ENCODER_QUERY_AV1:  media.AV1,
}

// askFree asks for each codec how much of the encoder is free. The reading is absent unless every answer is one: a codec
// that could not be asked for must not pass for one that the card lacks.
func askFree(a *asker, device nvml.Device) Reading[map[media.Codec]float64] {
	const symbol = "nvmlDeviceGetEncoderCapacity"
	if a.lost || !a.has(symbol) {
		return Reading[map[media.Codec]float64]{}
	}
	free := map[media.Codec]float64{}
	for kind, codec := range codecs {
		percent, ret := device.GetEncoderCapacity(kind)
		switch {
		case ret == nvml.SUCCESS:
			free[codec] = float64(percent) / 100
		case ret == nvml.ERROR_NOT_SUPPORTED:
		case ret == nvml.ERROR_INVALID_ARGUMENT && codec == media.AV1: // a driver that is older than AV1 encoders
		default:
			a.failed(symbol, ret)
			return Reading[map[media.Codec]float64]{}
		}
	}
	return Known(free)
}

func sessionsOf(infos []nvml.EncoderSessionInfo) []Session {
	sessions := make([]Session, len(infos))
	for i, info := range infos {
		sessions[i] = Session{
			Process: int(info.Pid), Codec: codecs[nvml.EncoderType(info.CodecType)],
			Size:      media.Size{Width: int(info.HResolution), Height: int(info.VResolution)},
			FrameRate: int(info.AverageFps), Latency: time.Duration(info.AverageLatency) * time.Microsecond,
		}
	}
	return sessions
}
