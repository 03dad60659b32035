package epoch

import (
	"bytes"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write testdata anew")

// TestTheSampleIsWhatItWas holds the form of logs: one that was written must be readable for ever, and come to the same.
func TestTheSampleIsWhatItWas(t *testing.T) {
	const path = "testdata/sample.log"
	if *update {
		if err := os.WriteFile(path, varied(t), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	checked, err := Verify(bytes.NewReader(kept))
	if err != nil || len(checked.Differences) > 0 || !checked.Sealed {
		t.Errorf("%+v, %v", checked, err)
	}
	if !bytes.Equal(kept, varied(t)) {
		t.Error("the same entries are written in another form")
	}
}
