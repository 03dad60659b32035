package arena

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

// digits are the keys of each digit, at even places and at odd ones.
const digits = "abcdefghijklmnop" + "qrstuvwxyz123456"

const bitsPerDigit = 4

// codes are the kernel's codes of digits' keys.
var codes = map[byte]uint16{
	'1': 2, '2': 3, '3': 4, '4': 5, '5': 6, '6': 7,
	'q': 16, 'w': 17, 'e': 18, 'r': 19, 't': 20, 'y': 21, 'u': 22, 'i': 23, 'o': 24, 'p': 25,
	'a': 30, 's': 31, 'd': 32, 'f': 33, 'g': 34, 'h': 35, 'j': 36, 'k': 37, 'l': 38,
	'z': 44, 'x': 45, 'c': 46, 'v': 47, 'b': 48, 'n': 49, 'm': 50,
}

const (
	nonceDigits = 8
	taskDigits  = 12
)

// Keys are the keys to type a task with, by the kernel's codes, each to be pressed and let go of.
func (t Task) Keys() []uint16 {
	return typed(keySpace, uint64(t.Seed)<<16|uint64(t.Objects), taskDigits)
}

// Keys are the keys to type a nonce with.
func (n Nonce) Keys() []uint16 { return typed(keyReturn, uint64(n), nonceDigits) }

func typed(begin uint16, value uint64, count int) []uint16 {
	keys := []uint16{begin}
	for i := range count {
		digit := value >> (bitsPerDigit * (count - 1 - i)) & 0xf
		keys = append(keys, codes[digits[digit+16*uint64(i&1)]])
	}
	return keys
}

// reader makes tasks and nonces of what is typed.
//
//	idle --Space--> task --12 digits--> idle
//	  |                |
//	  '---Return--> nonce --8 digits--> idle        any other key: idle
type reader struct {
	wanted int // digits in all; 0 is idle
	count  int
	value  uint64
}

// press takes a key. At most one of task and nonce is true.
func (r *reader) press(symbol uint32) (value uint64, task, nonce bool) {
	switch symbol {
	case symbolSpace:
		*r = reader{wanted: taskDigits}
		return 0, false, false
	case symbolReturn:
		*r = reader{wanted: nonceDigits}
		return 0, false, false
	}
	digit, known := digitOf(symbol, r.count&1)
	if r.wanted == 0 || !known {
		*r = reader{}
		return 0, false, false
	}
	r.value = r.value<<bitsPerDigit | digit
	if r.count++; r.count < r.wanted {
		return 0, false, false
	}
	done := *r
	*r = reader{}
	return done.value, done.wanted == taskDigits, done.wanted == nonceDigits
}

// digitOf is the digit of a key at an even (0) or odd (1) place.
func digitOf(symbol uint32, odd int) (digit uint64, known bool) {
	for d := range uint64(16) {
		if symbol == uint32(digits[int(d)+16*odd]) {
			return d, true
		}
	}
	return 0, false
}
