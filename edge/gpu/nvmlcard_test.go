//go:build cgo

package gpu

import (
	"errors"
	"io/fs"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/dgxa100"

	"nearlight/internal/media"
)

var (
	noCard  = fstest.MapFS{}
	oneCard = pci(map[string]map[string]string{"0000:65:00.0": {"vendor": "0x10de", "class": "0x030000", "max_link_width": "16"}})
)

// not answers every figure that nobody has set with one code. A function that stays unset panics when it is called.
func not(d *mock.Device, ret nvml.Return) {
	fill(&d.GetCurrPcieLinkGenerationFunc, func() (int, nvml.Return) { return 0, ret })
	fill(&d.GetMaxPcieLinkGenerationFunc, func() (int, nvml.Return) { return 0, ret })
	fill(&d.GetCurrPcieLinkWidthFunc, func() (int, nvml.Return) { return 0, ret })
	fill(&d.GetMaxPcieLinkWidthFunc, func() (int, nvml.Return) { return 0, ret })
	fill(&d.GetMemoryInfoFunc, func() (nvml.Memory, nvml.Return) { return nvml.Memory{}, ret })
	fill(&d.GetUtilizationRatesFunc, func() (nvml.Utilization, nvml.Return) { return nvml.Utilization{}, ret })
	fill(&d.GetEncoderUtilizationFunc, func() (uint32, uint32, nvml.Return) { return 0, 0, ret })
	fill(&d.GetDecoderUtilizationFunc, func() (uint32, uint32, nvml.Return) { return 0, 0, ret })
	fill(&d.GetTemperatureFunc, func(nvml.TemperatureSensors) (uint32, nvml.Return) { return 0, ret })
	fill(&d.GetTemperatureThresholdFunc, func(nvml.TemperatureThresholds) (uint32, nvml.Return) { return 0, ret })
	fill(&d.GetPowerUsageFunc, func() (uint32, nvml.Return) { return 0, ret })
	fill(&d.GetEnforcedPowerLimitFunc, func() (uint32, nvml.Return) { return 0, ret })
	fill(&d.GetClockInfoFunc, func(nvml.ClockType) (uint32, nvml.Return) { return 0, ret })
	fill(&d.GetCurrentClocksEventReasonsFunc, func() (uint64, nvml.Return) { return 0, ret })
	fill(&d.GetMigModeFunc, func() (int, int, nvml.Return) { return 0, 0, ret })
	fill(&d.GetEncoderCapacityFunc, func(nvml.EncoderType) (int, nvml.Return) { return 0, ret })
	fill(&d.GetEncoderSessionsFunc, func() ([]nvml.EncoderSessionInfo, nvml.Return) { return nil, ret })
}

func fill[F any](function *F, with F) {
	if reflect.ValueOf(*function).IsNil() {
		*function = with
	}
}

// geforce is a card of an edge's owner, with two sessions under way.
func geforce() *mock.Device {
	return &mock.Device{
		GetUUIDFunc:                   func() (string, nvml.Return) { return "GPU-3cfee1b8", nvml.SUCCESS },
		GetNameFunc:                   func() (string, nvml.Return) { return "NVIDIA GeForce RTX 4090", nvml.SUCCESS },
		GetPciInfoFunc:                func() (nvml.PciInfo, nvml.Return) { return nvml.PciInfo{Bus: 0x65}, nvml.SUCCESS },
		GetCurrPcieLinkGenerationFunc: func() (int, nvml.Return) { return 1, nvml.SUCCESS },
		GetMaxPcieLinkGenerationFunc:  func() (int, nvml.Return) { return 4, nvml.SUCCESS },
		GetCurrPcieLinkWidthFunc:      func() (int, nvml.Return) { return 8, nvml.SUCCESS },
		GetMaxPcieLinkWidthFunc:       func() (int, nvml.Return) { return 8, nvml.SUCCESS },
		GetMemoryInfoFunc: func() (nvml.Memory, nvml.Return) {
			return nvml.Memory{Total: 24 << 30, Free: 21 << 30, Used: 3 << 30}, nvml.SUCCESS
		},
		GetUtilizationRatesFunc:     func() (nvml.Utilization, nvml.Return) { return nvml.Utilization{Gpu: 37, Memory: 12}, nvml.SUCCESS },
		GetEncoderUtilizationFunc:   func() (uint32, uint32, nvml.Return) { return 8, 167000, nvml.SUCCESS },
		GetDecoderUtilizationFunc:   func() (uint32, uint32, nvml.Return) { return 0, 167000, nvml.SUCCESS },
		GetTemperatureFunc:          func(nvml.TemperatureSensors) (uint32, nvml.Return) { return 64, nvml.SUCCESS },
		GetTemperatureThresholdFunc: func(nvml.TemperatureThresholds) (uint32, nvml.Return) { return 90, nvml.SUCCESS },
		GetPowerUsageFunc:           func() (uint32, nvml.Return) { return 212500, nvml.SUCCESS },
		GetEnforcedPowerLimitFunc:   func() (uint32, nvml.Return) { return 450000, nvml.SUCCESS },
		GetClockInfoFunc: func(clock nvml.ClockType) (uint32, nvml.Return) {
			return map[nvml.ClockType]uint32{nvml.CLOCK_GRAPHICS: 2520, nvml.CLOCK_MEM: 10501, nvml.CLOCK_VIDEO: 1980}[clock], nvml.SUCCESS
		},
		GetCurrentClocksEventReasonsFunc: func() (uint64, nvml.Return) { return nvml.ClocksEventReasonSwPowerCap, nvml.SUCCESS },
		GetMigModeFunc:                   func() (int, int, nvml.Return) { return 0, 0, nvml.ERROR_NOT_SUPPORTED },
		GetEncoderCapacityFunc: func(codec nvml.EncoderType) (int, nvml.Return) {
			return map[nvml.EncoderType]int{nvml.ENCODER_QUERY_H264: 92, nvml.ENCODER_QUERY_HEVC: 90, nvml.ENCODER_QUERY_AV1: 88}[codec], nvml.SUCCESS
		},
		GetEncoderSessionsFunc: func() ([]nvml.EncoderSessionInfo, nvml.Return) {
			return []nvml.EncoderSessionInfo{
				{Pid: 4242, CodecType: uint32(nvml.ENCODER_QUERY_H264), HResolution: 1280, VResolution: 720, AverageFps: 60, AverageLatency: 1500},
				{Pid: 4243, CodecType: uint32(nvml.ENCODER_QUERY_AV1), HResolution: 1920, VResolution: 1080, AverageFps: 30, AverageLatency: 2750},
			}, nvml.SUCCESS
		},
	}
}

// machine has cards, and a driver that knows every function but the missing ones.
func machine(missing []string, devices ...nvml.Device) *mock.Interface {
	return &mock.Interface{
		InitFunc:                       func() nvml.Return { return nvml.SUCCESS },
		ShutdownFunc:                   func() nvml.Return { return nvml.SUCCESS },
		ErrorStringFunc:                func(ret nvml.Return) string { return ret.Error() },
		SystemGetDriverVersionFunc:     func() (string, nvml.Return) { return "550.54.15", nvml.SUCCESS },
		SystemGetCudaDriverVersionFunc: func() (int, nvml.Return) { return 12040, nvml.SUCCESS },
		DeviceGetCountFunc:             func() (int, nvml.Return) { return len(devices), nvml.SUCCESS },
		DeviceGetHandleByIndexFunc:     func(index int) (nvml.Device, nvml.Return) { return devices[index], nvml.SUCCESS },
		ExtensionsFunc: func() nvml.ExtendedInterface {
			return &mock.ExtendedInterface{LookupSymbolFunc: func(symbol string) error {
				for _, name := range missing {
					if matched, err := filepath.Match(name, symbol); err != nil || matched {
						return errors.New("undefined symbol: " + symbol)
					}
				}
				return nil
			}}
		},
	}
}

// looked starts NVML and looks at every card.
func looked(t *testing.T, api nvml.Interface, sys fs.FS) Inventory {
	t.Helper()
	l, err := initialize(api, sys)
	if err != nil {
		t.Fatal(err)
	}
	in, err := l.Query(t.Context())
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	return in
}

func TestEveryFigureOfACardComesInItsUnit(t *testing.T) {
	got := looked(t, machine(nil, geforce()), oneCard)
	want := Inventory{Driver: "550.54.15", CUDA: 12040, GPUs: []GPU{{
		UUID: "GPU-3cfee1b8", Name: "NVIDIA GeForce RTX 4090", Address: "0000:65:00.0",
		Link:        Link{Generation: Known(1), MaxGeneration: Known(4), Width: Known(8), MaxWidth: Known(8), CardWidth: Known(16)},
		Memory:      Memory{Total: Known(24 * GiB), Used: Known(3 * GiB)},
		Load:        Load{Graphics: Known(0.37), Memory: Known(0.12), Encoder: Known(0.08), Decoder: Known(0.0)},
		Clocks:      Clocks{Graphics: Known(Hertz(2520e6)), Memory: Known(Hertz(10501e6)), Video: Known(Hertz(1980e6))},
		Temperature: Known(Celsius(64)), Slowdown: Known(Celsius(90)), Power: Known(Watts(212.5)), PowerLimit: Known(Watts(450)),
		Throttle: Known(PowerCap),
		Encoder: Encoder{
			Free: Known(map[media.Codec]float64{media.H264: 0.92, media.HEVC: 0.90, media.AV1: 0.88}),
			Sessions: Known([]Session{
				{Process: 4242, Codec: media.H264, Size: media.Size{Width: 1280, Height: 720}, FrameRate: 60, Latency: 1500 * time.Microsecond},
				{Process: 4243, Codec: media.AV1, Size: media.Size{Width: 1920, Height: 1080}, FrameRate: 30, Latency: 2750 * time.Microsecond},
			}),
		},
	}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := got.CUDA.String(); got != "12.4" {
		t.Errorf("CUDA %s", got)
	}
}

func TestOfADGXEachFigureThatIsNotSupportedIsAbsentAndNotZero(t *testing.T) {
	server := dgxa100.New()
	for _, device := range server.Devices {
		not(&device.(*dgxa100.Device).Device, nvml.ERROR_NOT_SUPPORTED)
	}
	server.Devices[3].SetMigMode(nvml.DEVICE_MIG_ENABLE)
	in := looked(t, server, noCard)
	if len(in.GPUs) != 8 || in.Driver != "550.54.15" || in.CUDA != 12040 {
		t.Fatalf("got %+v", in)
	}
	for i, g := range in.GPUs {
		want := GPU{
			Index: i, UUID: server.Devices[i].(*dgxa100.Device).UUID, Name: "Mock NVIDIA A100-SXM4-40GB", Address: "0000:00:00.0",
			Memory: Memory{Total: Known(40 * GiB), Used: Known(Bytes(0))}, // the mock's own
			MIG:    Known(i == 3),
			// Not supported for each codec: the driver's way to say that there is no encoder.
			Encoder: Encoder{Free: Known(map[media.Codec]float64{})},
		}
		if !reflect.DeepEqual(g, want) {
			t.Errorf("got  %+v\nwant %+v", g, want)
		}
	}
}

func TestAFunctionThatTheDriverLacksIsNotCalled(t *testing.T) {
	// Of this card nothing but its identity may be asked: each other function would panic.
	bare := &mock.Device{GetUUIDFunc: geforce().GetUUIDFunc, GetNameFunc: geforce().GetNameFunc, GetPciInfoFunc: geforce().GetPciInfoFunc}
	missing := []string{
		"nvmlSystem*", "nvmlDeviceGet*Pcie*", "nvmlDeviceGetMemory*", "nvmlDeviceGetUtil*", "nvmlDeviceGet*coder*", "nvmlDeviceGetTemp*",
		"nvmlDeviceGet*Power*", "nvmlDeviceGetC*", "nvmlDeviceGetMig*",
	}
	in := looked(t, machine(missing, bare), noCard)
	want := Inventory{GPUs: []GPU{{UUID: "GPU-3cfee1b8", Name: "NVIDIA GeForce RTX 4090", Address: "0000:65:00.0"}}}
	if !reflect.DeepEqual(in, want) {
		t.Errorf("got  %+v\nwant %+v", in, want)
	}
	if in.CUDA.String() != "unknown" {
		t.Errorf("CUDA %v", in.CUDA)
	}
}

func TestADriverFromBefore535TellsThrottleReasonsByTheirOlderName(t *testing.T) {
	card := geforce()
	card.GetCurrentClocksEventReasonsFunc = nil
	card.GetCurrentClocksThrottleReasonsFunc = func() (uint64, nvml.Return) { return nvml.ClocksThrottleReasonHwThermalSlowdown, nvml.SUCCESS }
	in := looked(t, machine([]string{"nvmlDeviceGetCurrentClocksEventReasons"}, card), noCard)
	if in.GPUs[0].Throttle != Known(HardThermal) {
		t.Errorf("got %v", in.GPUs[0].Throttle)
	}
}

func TestACardThatFallsOffTheBusInMidQueryIsToldAsLostAndAskedNoFurther(t *testing.T) {
	for _, ret := range []nvml.Return{nvml.ERROR_GPU_IS_LOST, nvml.ERROR_RESET_REQUIRED, nvml.ERROR_GPU_NOT_FOUND} {
		falling := geforce()
		falling.GetPowerUsageFunc = func() (uint32, nvml.Return) { return 0, ret }
		in := looked(t, machine(nil, geforce(), falling, geforce()), noCard)
		want := GPU{Index: 1, UUID: "GPU-3cfee1b8", Name: "NVIDIA GeForce RTX 4090", Address: "0000:65:00.0"}
		got := in.GPUs[1]
		if !errors.Is(got.Err, ErrLost) || !strings.Contains(got.Err.Error(), "nvmlDeviceGetPowerUsage") || !strings.Contains(got.Err.Error(), "; ") {
			t.Errorf("%v: error %v", ret, got.Err)
		}
		if got.Err = nil; !reflect.DeepEqual(got, want) {
			t.Errorf("%v: got  %+v\nwant %+v", ret, got, want)
		}
		if n := len(falling.GetEnforcedPowerLimitCalls()) + len(falling.GetEncoderSessionsCalls()) + len(falling.GetEncoderCapacityCalls()); n > 0 {
			t.Errorf("%v: asked %d times more", ret, n)
		}
		for _, i := range []int{0, 2} {
			if in.GPUs[i].Err != nil || in.GPUs[i].Power != Known(Watts(212.5)) {
				t.Errorf("%v: card %d, which is well: %+v", ret, i, in.GPUs[i])
			}
		}
	}
}

func TestACardLostWhileItsEncoderIsAskedIsLostToo(t *testing.T) {
	falling := geforce()
	falling.GetEncoderCapacityFunc = func(nvml.EncoderType) (int, nvml.Return) { return 0, nvml.ERROR_GPU_IS_LOST }
	g := looked(t, machine(nil, falling), noCard).GPUs[0]
	if !errors.Is(g.Err, ErrLost) || g.Temperature != (Reading[Celsius]{}) || len(falling.GetEncoderCapacityCalls()) != 1 {
		t.Errorf("got %+v", g)
	}
}

func TestAFigureThatFailsOtherwiseIsAbsentAndItsErrorKept(t *testing.T) {
	card := geforce()
	card.GetTemperatureFunc = func(nvml.TemperatureSensors) (uint32, nvml.Return) { return 77, nvml.ERROR_UNKNOWN }
	card.GetEncoderCapacityFunc = func(codec nvml.EncoderType) (int, nvml.Return) {
		if codec == nvml.ENCODER_QUERY_HEVC {
			return 50, nvml.ERROR_TIMEOUT
		}
		return 90, nvml.SUCCESS
	}
	g := looked(t, machine(nil, card), noCard).GPUs[0]
	if _, known := g.Temperature.Value(); known {
		t.Errorf("temperature %v", g.Temperature)
	}
	if _, known := g.Encoder.Free.Value(); known {
		t.Error("a codec that could not be asked for passes for one that the card lacks")
	}
	if g.Power != Known(Watts(212.5)) || g.Err == nil || errors.Is(g.Err, ErrLost) {
		t.Errorf("got %+v", g)
	}
	for _, symbol := range []string{"nvmlDeviceGetTemperature: ", "nvmlDeviceGetEncoderCapacity: "} {
		if !strings.Contains(g.Err.Error(), symbol) {
			t.Errorf("%q does not name %s", g.Err, symbol)
		}
	}
}

func TestADriverOlderThanAV1SaysThatItsCardHasTheOtherEncoders(t *testing.T) {
	card := geforce()
	card.GetEncoderCapacityFunc = func(codec nvml.EncoderType) (int, nvml.Return) {
		if codec == nvml.ENCODER_QUERY_AV1 {
			return 0, nvml.ERROR_INVALID_ARGUMENT
		}
		return 100, nvml.SUCCESS
	}
	g := looked(t, machine(nil, card), noCard).GPUs[0]
	if want := Known(map[media.Codec]float64{media.H264: 1, media.HEVC: 1}); !reflect.DeepEqual(g.Encoder.Free, want) || g.Err != nil {
		t.Errorf("got %+v, %v", g.Encoder.Free, g.Err)
	}
}

func TestThrottleReasonsAreWords(t *testing.T) {
	for _, c := range []struct {
		bits                 uint64
		words                string
		slowing, heat, power bool
	}{
		{nvml.ClocksEventReasonNone, "", false, false, false},
		{nvml.ClocksEventReasonGpuIdle, "idle", false, false, false},
		{nvml.ClocksEventReasonApplicationsClocksSetting, "clocks set by its owner", false, false, false},
		{nvml.ClocksEventReasonSwPowerCap, "power limit", true, false, true},
		{nvml.ClocksThrottleReasonHwSlowdown, "held back by the card itself", true, false, false},
		{nvml.ClocksEventReasonSyncBoost, "held to the slowest card of its group", false, false, false},
		{nvml.ClocksEventReasonSwThermalSlowdown, "temperature limit", true, true, false},
		{nvml.ClocksThrottleReasonHwThermalSlowdown, "too hot", true, true, false},
		{nvml.ClocksThrottleReasonHwPowerBrakeSlowdown, "power supply asks for less", true, false, true},
		{nvml.ClocksEventReasonDisplayClockSetting, "held to its display's clocks", false, false, false},
		{nvml.ClocksThrottleReasonHwSlowdown | nvml.ClocksThrottleReasonHwThermalSlowdown, "held back by the card itself, too hot", true, true, false},
		{1 << 40, "", false, false, false}, // a reason of a driver that is newer than we are
	} {
		got := throttleOf(c.bits)
		if words := strings.Join(got.Words(), ", "); words != c.words || got.Slowing() != c.slowing || got.Heat() != c.heat || got.PowerShort() != c.power {
			t.Errorf("%#x: %q, slowing %t, heat %t, power %t", c.bits, words, got.Slowing(), got.Heat(), got.PowerShort())
		}
	}
}
