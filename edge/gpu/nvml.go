//go:build cgo

package gpu

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/NVIDIA/go-nvml/pkg/dl"
	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// libraryName is NVML's soname since its first release.
const libraryName = "libnvidia-ml.so.1"

const (
	installDriver = "apt-get install nvidia-driver and reboot; in a container, start it with the card and its libraries (docker run --gpus all)"
	reinstall     = "apt-get install --reinstall libnvidia-ml1"
	loadModule    = "modprobe nvidia; where there is no such module, build it for this kernel: apt-get install linux-headers-amd64 nvidia-kernel-dkms"
	newModule     = "reboot; or, with no program on the card: rmmod nvidia_uvm nvidia_drm nvidia_modeset nvidia && modprobe nvidia"
	openDevices   = "give this user /dev/nvidia*: usermod -aG video,render USER"
	passDevices   = "ls /dev/nvidia*: in a container, pass the card through; on its host, `dmesg | grep -i nvrm` says why"
	powerCycle    = "`dmesg | grep -i xid` says why; power the machine off and on, and look at the card's seat and power cables"
	askKernel     = "dmesg | grep -i nvrm"
)

// Open loads the library by the loader's own search and starts it, which wakes cards that sleep and may take
// seconds. Errors wrap ErrNone on a machine without a card, else ErrNoDriver, ErrMismatch, ErrBroken, or ErrUnanswered when
// ctx ended first.
func Open(ctx context.Context) (*Library, error) {
	return within(ctx, func() (*Library, error) { return open(libraryName, os.DirFS("/sys")) })
}

func open(library string, sys fs.FS) (*Library, error) {
	// go-nvml tells a missing library and a broken one alike; the loader knows which it is.
	loader := dl.New(library, dl.RTLD_LAZY|dl.RTLD_GLOBAL)
	if err := loader.Open(); err != nil {
		return nil, unloadable(library, err, cards(sys))
	}
	defer loader.Close() // of two references to the library, go-nvml takes the other one
	for _, symbol := range indispensable {
		if err := loader.Lookup(symbol); err != nil {
			return nil, fmt.Errorf("%w: %s is not NVIDIA's library, or one of before 2013: it has no %s; %s", ErrBroken, library, symbol, reinstall)
		}
	}
	return initialize(nvml.New(nvml.WithLibraryPath(library)), sys)
}

// indispensable are the functions that are called without looking whether the library has them.
var indispensable = []string{"nvmlInit_v2", "nvmlShutdown", "nvmlErrorString", "nvmlDeviceGetCount_v2", "nvmlDeviceGetHandleByIndex_v2"}

// unloadable explains why the loader did not load the library. The loader begins with the name of the file at fault, which
// may also be one that the library needs.
func unloadable(library string, err error, cards []Address) error {
	if strings.HasPrefix(err.Error(), library+":") && strings.Contains(err.Error(), "No such file") {
		return notInstalled(library, cards)
	}
	return fmt.Errorf("%w: its library cannot be loaded: %w; %s", ErrBroken, err, reinstall)
}

func notInstalled(library string, cards []Address) error {
	if len(cards) == 0 {
		return fmt.Errorf("%w: its library %s is not installed", ErrNone, library)
	}
	return fmt.Errorf("%w: %s is in this machine, %s is not installed; %s", ErrNoDriver, cards[0], library, installDriver)
}

// initialize starts NVML. Where that fails, Shutdown must not be called: without a library it would end the process.
func initialize(api nvml.Interface, sys fs.FS) (*Library, error) {
	if ret := api.Init(); ret != nvml.SUCCESS {
		return nil, uninitialized(api, ret, cards(sys))
	}
	return newLibrary(&nvmlDriver{api, sys}), nil
}

// uninitialized explains what NVML says when it does not start.
func uninitialized(api nvml.Interface, ret nvml.Return, cards []Address) error {
	switch ret {
	case nvml.ERROR_LIB_RM_VERSION_MISMATCH:
		return fmt.Errorf("%w: the driver was updated while its old module stayed loaded; %s", ErrMismatch, newModule)
	case nvml.ERROR_LIBRARY_NOT_FOUND:
		return notInstalled(libraryName, cards)
	case nvml.ERROR_DRIVER_NOT_LOADED:
		if len(cards) == 0 {
			return fmt.Errorf("%w: its library is installed, and there is no card", ErrNone)
		}
		return fmt.Errorf("%w: %s is in this machine, its kernel module is not loaded; %s", ErrNoDriver, cards[0], loadModule)
	case nvml.ERROR_NO_PERMISSION:
		return fmt.Errorf("%w: this user may not open its devices; %s", ErrBroken, openDevices)
	}
	return fmt.Errorf("%w: nvmlInit: %s (%d); %s", ErrBroken, api.ErrorString(ret), ret, askKernel)
}

// nvmlDriver asks NVML.
type nvmlDriver struct {
	api nvml.Interface
	sys fs.FS
}

var _ driver = (*nvmlDriver)(nil)

func (d *nvmlDriver) shutdown() error {
	if ret := d.api.Shutdown(); ret != nvml.SUCCESS {
		return fmt.Errorf("close NVIDIA's library: nvmlShutdown: %s (%d)", d.api.ErrorString(ret), ret)
	}
	return nil
}

func (d *nvmlDriver) inventory() (Inventory, error) {
	count, ret := d.api.DeviceGetCount()
	if ret != nvml.SUCCESS {
		return Inventory{}, fmt.Errorf("%w: nvmlDeviceGetCount: %s (%d); %s", ErrBroken, d.api.ErrorString(ret), ret, askKernel)
	}
	if count == 0 {
		if cards := cards(d.sys); len(cards) > 0 {
			return Inventory{}, fmt.Errorf("%w: %s is in this machine, and the driver may not use it; %s", ErrNoDriver, cards[0], passDevices)
		}
		return Inventory{}, fmt.Errorf("%w: the driver is loaded, and there is no card", ErrNone)
	}
	system := &asker{has: d.has, text: d.api.ErrorString}
	in := Inventory{
		Driver: ask(system, "nvmlSystemGetDriverVersion", d.api.SystemGetDriverVersion).Or(""),
		CUDA:   CUDAVersion(ask(system, "nvmlSystemGetCudaDriverVersion", d.api.SystemGetCudaDriverVersion).Or(0)),
	}
	for i := range count {
		device, ret := d.api.DeviceGetHandleByIndex(i)
		if ret != nvml.SUCCESS {
			in.GPUs = append(in.GPUs, GPU{Index: i, Err: d.unreachable(ret)})
			continue
		}
		in.GPUs = append(in.GPUs, d.look(i, device))
	}
	return in, nil
}

// unreachable explains why a card that the driver counts cannot be asked.
func (d *nvmlDriver) unreachable(ret nvml.Return) error {
	remedy := powerCycle
	switch ret {
	case nvml.ERROR_INSUFFICIENT_POWER:
		remedy = "connect all of the card's power cables"
	case nvml.ERROR_NO_PERMISSION:
		return fmt.Errorf("%w: this user may not open the card; %s", ErrBroken, openDevices)
	}
	return fmt.Errorf("%w: nvmlDeviceGetHandleByIndex: %s (%d); %s", ErrLost, d.api.ErrorString(ret), ret, remedy)
}

// has reports whether this driver's library has a function. To call one that it lacks ends the process: go-nvml leaves its
// symbols to be found when they are called.
func (d *nvmlDriver) has(symbol string) bool { return d.api.Extensions().LookupSymbol(symbol) == nil }
