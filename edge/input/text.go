package input

import (
	"time"

	"nearlight/streamer/control"
)

// keys for characters that a real key makes on every layout.
const (
	enterKey keycode = 28 + evdevOffset
	tabKey   keycode = 15 + evdevOffset
)

// typeText types m's characters, waiting for free keycodes without holding the injector.
func (p *Player) typeText(m *control.Text) {
	rest := p.admit(m)
	for len(rest) > 0 {
		typed, wait := p.typeSome(m.Seq, rest)
		rest = rest[typed:]
		if wait == 0 {
			continue
		}
		select {
		case <-time.After(wait):
		case <-p.left:
		case <-p.in.done:
		}
	}
}

// admit returns the characters that can and may be typed.
func (p *Player) admit(m *control.Text) []rune {
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	chars := []rune(m.Text)
	if !p.guard.text.AllowN(time.Now(), len(chars)) {
		p.in.counters.drop(TooFast)
		return nil
	}
	kept := chars[:0]
	for _, char := range chars {
		if _, own := ownKey(char); own || symbolOf(char) != 0 && len(p.in.typist.slots) > 0 {
			kept = append(kept, char)
		} else {
			p.in.counters.drop(Unknown)
		}
	}
	return kept
}

// typeSome types as many characters as there are free keycodes, and returns how many that were and how long to wait for more.
func (p *Player) typeSome(seq uint32, text []rune) (typed int, wait time.Duration) {
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	if p.departed || p.in.closed {
		p.in.counters.drop(Late)
		return len(text), 0
	}
	if code, own := ownKey(text[0]); own {
		p.in.begin(p, seq)
		p.tap(code)
		p.injected(seq)
		return 1, 0
	}
	end := 1
	for end < len(text) {
		if _, own := ownKey(text[end]); own {
			break
		}
		end++
	}
	codes, fresh, wait := p.in.typist.lend(text[:end], time.Now())
	if len(codes) == 0 {
		return 0, wait
	}
	p.in.begin(p, seq)
	runs(fresh, p.in.x.remap)
	for _, code := range codes {
		p.tap(code)
	}
	p.injected(seq)
	return len(codes), wait
}

// tap types with a key, unless somebody holds it: then there is no second press to be had.
func (p *Player) tap(code keycode) {
	if p.in.keys[code].holders == 0 {
		p.in.key(code, true)
		p.in.key(code, false)
	}
}

// ownKey is the physical key for characters that are no characters.
func ownKey(char rune) (keycode, bool) {
	switch char {
	case '\n':
		return enterKey, true
	case '\t':
		return tabKey, true
	}
	return 0, false
}
