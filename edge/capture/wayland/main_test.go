package wayland_test

import (
	"errors"
	"testing"

	"go.uber.org/goleak"

	"nearlight/edge/capture/wayland/gpubuffer/fakegpu"
	"nearlight/encoder/nvenc/fakedriver"
	"nearlight/encoder/nvenc/fakedriver/fakedrivertest"
)

// driver is the double of NVIDIA's driver; the double of a GPU lies in the same folder.
var driver fakedrivertest.Setup

// onDriver runs the tests beside the doubles.
type onDriver struct{ *testing.M }

func (m onDriver) Run() int {
	return driver.Run(m.M, "", func(folder string) error { return errors.Join(fakedriver.Build(folder), fakegpu.Build(folder)) })
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(onDriver{m}) }
