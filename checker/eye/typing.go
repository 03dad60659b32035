package eye

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"nearlight/internal/media"
	"nearlight/internal/scene/arena"
	"nearlight/streamer/control"
)

// playKeys are what a player presses while nothing is asked: W, A, S and D, by the kernel's codes.
var playKeys = [...]uint16{17, 30, 31, 32}

// How long a key is held and let go of, at random: whoever guesses when the next one comes, and answers ahead, is wrong. An edge makes taps below 50 ms longer.
const (
	leastHold  = 70 * time.Millisecond
	holdSpread = 100 * time.Millisecond
	leastRest  = 150 * time.Millisecond
	restSpread = 300 * time.Millisecond

	leastWonder  = 1200 * time.Millisecond // before the first
	wonderSpread = 500 * time.Millisecond
)

// keyboard presses keys. One goroutine uses it.
type keyboard struct {
	sequence uint32
	sent     func(sequence uint32) // is called right before
	send     func(control.Message) error
}

// key presses a key or lets go of it.
func (k *keyboard) key(code uint16, down bool) error {
	k.sequence++
	k.sent(k.sequence)
	if err := k.send(&control.Key{Seq: k.sequence, Code: code, Down: down}); err != nil {
		return fmt.Errorf("press keys: %w", err)
	}
	return nil
}

// tap presses keys one after the other.
func (k *keyboard) tap(keys ...uint16) error {
	for _, code := range keys {
		if err := errors.Join(k.key(code, true), k.key(code, false)); err != nil {
			return err
		}
	}
	return nil
}

// play presses a key now and then until ctx ends, once a player would have seen what is going on.
func (k *keyboard) play(ctx context.Context, random *rand.Rand) error {
	if !pause(ctx, leastWonder+time.Duration(random.Int64N(int64(wonderSpread)))) {
		return nil
	}
	for {
		code := playKeys[random.IntN(len(playKeys))]
		for _, press := range [...]struct {
			down bool
			then time.Duration
		}{
			{true, leastHold + time.Duration(random.Int64N(int64(holdSpread)))},
			{false, leastRest + time.Duration(random.Int64N(int64(restSpread)))},
		} {
			if err := k.key(code, press.down); err != nil {
				return err
			}
			if !pause(ctx, press.then+lateTimer()) {
				return nil
			}
		}
	}
}

// challenge types a task and then nonces, until the plan is over or ctx ends.
func (l *looking) challenge(ctx context.Context, k *keyboard, random *rand.Rand) error {
	plan := l.visit.Challenge
	if l.visit.Ready != nil {
		if err := l.visit.Ready(ctx); err != nil {
			return trouble(err)
		}
	}
	if err := k.tap(plan.Task.Keys()...); err != nil {
		return err
	}
	ticker := time.NewTicker(plan.Every)
	defer ticker.Stop()
	begins := random.Float64()
	for began, number := media.Instant(0), 0; ; number++ {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C: // before the first one as well: no key is pressed again within the time that an edge holds it
		}
		if !pause(ctx, plan.Wait(number, begins)) {
			return nil
		}
		now := media.Now()
		if began == 0 {
			began = now
		}
		if now.Sub(began) >= plan.Length {
			l.note(func() { l.until = now })
			return nil
		}
		nonce := arena.Nonce(random.Uint32())
		keys := nonce.Keys()
		if err := k.tap(keys[:len(keys)-1]...); err != nil {
			return err
		}
		l.note(func() {
			now := media.Now()
			l.watch.Sent(nonce, now) // before its last key: nothing can answer it sooner
			if l.nonces++; l.nonces == 1 {
				l.typed = now
			}
		})
		if err := k.tap(keys[len(keys)-1]); err != nil {
			return err
		}
	}
}

// pause waits, or returns false when ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
