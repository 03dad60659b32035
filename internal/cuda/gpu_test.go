//go:build cgo

package cuda_test

import (
	"bytes"
	"errors"
	"testing"

	"nearlight/internal/cuda"
	"nearlight/internal/cuda/cudatest"
)

func TestGPUMemoryHoldsWhatWasWritten(t *testing.T) {
	c := cudatest.Retain(t)
	memory, err := c.NewPinnedMemory(4 * size.Width * size.Height)
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	for i := range memory.Data {
		memory.Data[i] = byte(i * 11)
	}
	stride := 4 * size.Width
	for _, kind := range []cuda.Kind{cuda.Linear, cuda.Array} {
		from, err := c.NewPicture(kind, cuda.BGRA, size)
		if err != nil {
			t.Fatal(err)
		}
		defer from.Close()
		to, err := c.NewPicture(cuda.Linear, cuda.BGRA, size)
		if err != nil {
			t.Fatal(err)
		}
		defer to.Close()
		got := make([]byte, len(memory.Data))
		if err := errors.Join(from.Write(memory.Data, stride, nil), to.CopyFrom(from), to.Read(got, stride, nil)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, memory.Data) {
			t.Errorf("%v: other bytes came back", kind)
		}
	}
}
