package control

import (
	_ "embed"
	"encoding/json"
)

//go:embed testdata/keys.json
var keysJSON string

// Keys returns the evdev code of each physical key by its KeyboardEvent.code (W3C UI Events KeyboardEvent code values),
// as far as the kernel has one. The map is the caller's.
func Keys() map[string]uint16 {
	var keys map[string]uint16
	if err := json.Unmarshal([]byte(keysJSON), &keys); err != nil {
		panic("the embedded table of keys is part of the program: " + err.Error())
	}
	return keys
}
