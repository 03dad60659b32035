//go:build cgo

package nvenc_test

import (
	"os"
	"testing"

	"nearlight/encoder/nvenc"
	"nearlight/encoder/nvenc/fakedriver"
	"nearlight/encoder/nvenc/fakedriver/fakedrivertest"
)

// folderVariable hands the double's folder to a test that runs this program again.
const folderVariable = "FAKEDRIVER_FOLDER"

// double is what the tests run against.
var double fakedrivertest.Setup

func TestMain(m *testing.M) { os.Exit(double.Run(m, folderVariable, fakedriver.Build)) }

// load skips the test where there is no double, and has it fail for whatever was done wrong or is held at its end.
func load(t testing.TB) *fakedriver.Double {
	t.Helper()
	return double.Load(t)
}

func device() nvenc.Device { return nvenc.Device{Libraries: double.Folder} }
