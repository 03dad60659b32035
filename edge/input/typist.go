package input

import (
	"cmp"
	"slices"
	"time"
)

// quarantine is how long a keycode keeps its character after it was typed. An app looks a keycode up when it handles
// the event, not when the key was pressed, so a keycode that is given to another character sooner types the wrong one
// in an app that is busy for that long.
const quarantine = 500 * time.Millisecond

// typist lends keycodes that belong to no physical key to the characters that are being typed, the one that has rested
// longest first. A character keeps its keycode until that is lent again, so repeats cost nothing and no app ever finds
// a keycode emptied before it looked.
type typist struct {
	slots []slot
	of    map[rune]int // index into slots
}

type slot struct {
	code keycode
	char rune // 0: lent to none yet
	used time.Time
}

func newTypist(codes []keycode) *typist {
	t := &typist{of: map[rune]int{}}
	for _, code := range codes {
		t.slots = append(t.slots, slot{code: code})
	}
	return t
}

// lend finds the keycode for each of text's characters, as far as it gets, without lending any that is still in
// quarantine. It returns the keycodes, those of them that must be mapped first, and how long to wait for the next.
func (t *typist) lend(text []rune, now time.Time) (codes []keycode, fresh []slot, wait time.Duration) {
	for _, char := range text {
		i, known := t.of[char]
		if !known {
			i, wait = t.oldest(now)
			if wait > 0 {
				break
			}
			delete(t.of, t.slots[i].char)
			t.slots[i].char, t.of[char] = char, i
			fresh = append(fresh, t.slots[i])
		}
		t.slots[i].used = now
		codes = append(codes, t.slots[i].code)
	}
	slices.SortFunc(fresh, func(a, b slot) int { return cmp.Compare(a.code, b.code) })
	return codes, fresh, wait
}

// oldest is the slot that has rested longest, and how long it must rest yet.
func (t *typist) oldest(now time.Time) (index int, wait time.Duration) {
	for i, s := range t.slots {
		if s.used.Before(t.slots[index].used) {
			index = i
		}
	}
	if used := t.slots[index].used; !used.IsZero() {
		wait = max(0, quarantine-now.Sub(used))
	}
	return index, wait
}

// runs calls do for each run of neighbouring keycodes, so that one request maps them all.
func runs(fresh []slot, do func(first keycode, symbols []keysym)) {
	for len(fresh) > 0 {
		symbols := []keysym{}
		for i, s := range fresh {
			if int(s.code) != int(fresh[0].code)+i {
				break
			}
			symbols = append(symbols, symbolOf(s.char))
		}
		do(fresh[0].code, symbols)
		fresh = fresh[len(symbols):]
	}
}

// symbolOf is the keysym of a character (X protocol, appendix A: Latin-1 as it is, all else by its Unicode number), 0
// for a control character.
func symbolOf(char rune) keysym {
	switch {
	case char < 0x20 || char >= 0x7f && char < 0xa0:
		return 0
	case char < 0x100:
		return keysym(char)
	}
	return 0x01000000 | keysym(char)
}
