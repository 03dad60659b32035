package encodertest

import (
	"errors"
	"testing"

	"nearlight/encoder"
)

// smallest and largest are the side below which, and the side above which, a driver may refuse a size: hardware has limits there.
const smallest, largest = 256, 2160

// refusesSize reports, and logs, that the driver refuses a size at the edge of what streams may have. It has to be the error
// for that: any other, and any refusal of a common size, is left for start to fail on.
func refusesSize(t *testing.T, open Opener, config encoder.Config) bool {
	t.Helper()
	least, most := min(config.Size.Width, config.Size.Height), max(config.Size.Width, config.Size.Height)
	if least >= smallest && most <= largest {
		return false
	}
	opened, err := open(config)
	if err == nil {
		opened.Close()
	}
	if errors.Is(err, encoder.ErrUnsupported) {
		t.Logf("refused: %v", err)
		return true
	}
	return false
}
