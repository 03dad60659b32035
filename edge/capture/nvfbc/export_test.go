//go:build cgo

package nvfbc

import "time"

// SetPatience says how long a mode change may take.
func (s *Source) SetPatience(d time.Duration) { s.patience = d }
