//go:build cgo

package x11

import "time"

// SetPatience says for how long the server may refuse every grab.
func (s *Source) SetPatience(d time.Duration) { s.patience = d }
