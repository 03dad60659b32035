//go:build linux && cgo && !asan

package gpubuffer_test

import (
	"fmt"
	"testing"

	"nearlight/edge/capture/wayland/gpubuffer"
	"nearlight/edge/capture/wayland/gpubuffer/fakegpu"
	"nearlight/internal/media"
)

func TestAPictureCostsNoAllocation(t *testing.T) {
	for _, nvidia := range []bool{false, true} {
		t.Run(fmt.Sprintf("NVIDIA %v", nvidia), func(t *testing.T) {
			r := onDoubles(t, nvidia)
			b := r.allocate(r.open(gpubuffer.Config{}), formats[0], size, fakegpu.Linear)
			f, part := media.NewFrame(size), whole(size)
			if n := testing.AllocsPerRun(20, func() {
				if err := b.Convert(f, part, false); err != nil {
					t.Fatal(err)
				}
			}); n != 0 {
				t.Errorf("%v: %v allocations a picture", b.Way(), n)
			}
		})
	}
}
