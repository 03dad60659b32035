package arena

import (
	"bytes"
	"strings"
)

// Keysyms of the keys that begin something (X11/keysymdef.h); of letters and digits they are the Latin-1 codes.
const (
	symbolReturn = 0xff0d
	symbolSpace  = ' '
)

// The same keys, by the kernel's code (linux/input-event-codes.h).
const (
	keyReturn = 28
	keySpace  = 57
)

// letters are the keys that values are typed with.
const letters = "abcdefghijklmnopqrstuvwxyz123456"

// codes are the kernel's codes of the letters' keys.
var codes = map[byte]uint16{
	'1': 2, '2': 3, '3': 4, '4': 5, '5': 6, '6': 7,
	'q': 16, 'w': 17, 'e': 18, 'r': 19, 't': 20, 'y': 21, 'u': 22, 'i': 23, 'o': 24, 'p': 25,
	'a': 30, 's': 31, 'd': 32, 'f': 33, 'g': 34, 'h': 35, 'j': 36, 'k': 37, 'l': 38,
	'z': 44, 'x': 45, 'c': 46, 'v': 47, 'b': 48, 'n': 49, 'm': 50,
}

// symbols are the keysyms of all keys that tasks and nonces are typed with, by the kernel's code.
var symbols = func() map[uint16]uint32 {
	all := map[uint16]uint32{keyReturn: symbolReturn, keySpace: symbolSpace}
	for letter, code := range codes {
		all[code] = uint32(letter)
	}
	return all
}()

// Symbol is the keysym of a physical key, by the kernel's code, for who has no display to ask; 0 for a key that nothing is typed with.
func Symbol(evdev uint16) uint32 { return symbols[evdev] }

// How many different keys, in which order, have more values than bits need: 32*31*...*25 is 2^38, and with three factors more 2^52.
const (
	nonceKeys, nonceBits = 8, 32
	taskKeys, taskBits   = 11, 48
)

// Keys are the keys to type a task with, by the kernel's codes, each to be pressed and let go of.
func (t Task) Keys() []uint16 {
	return typed(keySpace, uint64(t.Seed)<<16|uint64(t.Objects), taskKeys)
}

// Keys are the keys to type a nonce with.
func (n Nonce) Keys() []uint16 { return typed(keyReturn, uint64(n), nonceKeys) }

func typed(begin uint16, value uint64, count int) []uint16 {
	keys := []uint16{begin}
	left := []byte(letters)
	for range count {
		choices := uint64(len(left))
		chosen := value % choices
		value /= choices
		keys = append(keys, codes[left[chosen]])
		left = append(left[:chosen], left[chosen+1:]...)
	}
	return keys
}

// reader makes tasks and nonces of what is typed.
//
//	idle --Space--> task --11 letters--> idle
//	  |                |
//	  '---Return--> nonce --8 letters--> idle        a letter for the second time, or any other key: idle
type reader struct {
	wanted int // letters in all; 0 is idle
	count  int
	typed  [taskKeys]byte
}

// press takes a key. At most one of task and nonce is true.
func (r *reader) press(symbol uint32) (value uint64, task, nonce bool) {
	switch symbol {
	case symbolSpace:
		*r = reader{wanted: taskKeys}
		return 0, false, false
	case symbolReturn:
		*r = reader{wanted: nonceKeys}
		return 0, false, false
	}
	known := symbol < 0x80 && strings.IndexByte(letters, byte(symbol)) >= 0
	if r.wanted == 0 || !known || bytes.IndexByte(r.typed[:r.count], byte(symbol)) >= 0 {
		*r = reader{}
		return 0, false, false
	}
	r.typed[r.count] = byte(symbol)
	if r.count++; r.count < r.wanted {
		return 0, false, false
	}
	value = valueOf(r.typed[:r.count])
	task, nonce = r.wanted == taskKeys && value < 1<<taskBits, r.wanted == nonceKeys && value < 1<<nonceBits
	*r = reader{}
	return value, task, nonce
}

// valueOf is the value that different letters in an order stand for.
func valueOf(typed []byte) (value uint64) {
	left := []byte(letters)
	weight := uint64(1)
	for _, letter := range typed {
		chosen := bytes.IndexByte(left, letter)
		value += weight * uint64(chosen)
		weight *= uint64(len(left))
		left = append(left[:chosen], left[chosen+1:]...)
	}
	return value
}
