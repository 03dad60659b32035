//go:build cgo

package nvenc_test

import (
	"fmt"
	"os"
	"testing"

	"nearlight/encoder/nvenc"
	"nearlight/encoder/nvenc/fakedriver"
)

// folderVariable hands the double's folder to a test that runs this program again.
const folderVariable = "FAKEDRIVER_FOLDER"

// double is what the tests run against: its folder, or why there is none.
var double struct {
	folder  string
	missing error
}

func TestMain(m *testing.M) { os.Exit(withDouble(m.Run)) }

func withDouble(run func() int) int {
	if double.folder = os.Getenv(folderVariable); double.folder != "" {
		return run()
	}
	folder, err := os.MkdirTemp("", "nvenc")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	double.folder, double.missing = folder, fakedriver.Build(folder)
	return run()
}

// load skips the test where there is no double, and has it fail for whatever was done wrong or is held at its end.
func load(t testing.TB) *fakedriver.Double {
	t.Helper()
	if double.missing != nil {
		t.Skip(double.missing)
	}
	d, err := fakedriver.Load(double.folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.Inject(fakedriver.None, 0)
		for _, line := range d.Report() {
			t.Error(line)
		}
	})
	return d
}

func device() nvenc.Device { return nvenc.Device{Libraries: double.folder} }
