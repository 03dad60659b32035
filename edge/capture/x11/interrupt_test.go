//go:build cgo

package x11_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"nearlight/edge/capture/x11"
	"nearlight/edge/display"
	"nearlight/edge/sandbox"
	"nearlight/edge/sandbox/sandboxtest"
	"nearlight/internal/media"
	"nearlight/internal/xvfbtest"
)

// leaveInterrupt ends a context that nobody waits for any more: the next call finds its interrupt.
func leaveInterrupt(t *testing.T, source *x11.Source) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := source.Next(ctx, time.Millisecond); err != nil {
		t.Fatal(err)
	}
	cancel()
}

func TestAnInterruptThatWasLeftBehindStopsNoSizeChange(t *testing.T) {
	server := xvfbtest.Start(t, small)
	source := open(t, server, x11.Config{FrameRate: 240})
	p := newPainter(t, server)
	for n := range 20 {
		size := media.Size{Width: 320 + n, Height: 200}
		leaveInterrupt(t, source)
		p.resize(size) // round trips, in which the interrupt comes
		p.fill(uint32(n)<<16|0x4080, 0, 0, 200, 100)
		p.sync()
		f := settled(t, source)
		if f.Visible != size {
			t.Fatalf("frame of %v after the screen became %v", f.Visible, size)
		}
		checkShows(t, f, p.screenshot(size))
	}
}

func TestAnInterruptThatWasLeftBehindIsNoBusyLoop(t *testing.T) {
	const rounds, most = 8, 8 // requests a round: one interrupted, one answered, and some that a late event asks for
	server := xvfbtest.Start(t, small)
	r := newRefuser(t, server)
	source := open(t, &xvfbtest.Server{Socket: r.socket, Cookie: server.Cookie}, x11.Config{FrameRate: 240})
	p := newPainter(t, server)
	const getGeometry = 14
	fixes := p.opcode("XFIXES")
	for what, step := range map[string]struct {
		opcode byte
		change func(n int)
	}{
		"its size":   {getGeometry, func(n int) { p.resize(media.Size{Width: 320 + n, Height: 200}) }},
		"its cursor": {fixes, func(int) { cross(t, p.Conn) }},
	} {
		settled(t, source)
		before := r.asked[step.opcode].Load()
		for n := range rounds {
			leaveInterrupt(t, source)
			step.change(n)
			settled(t, source)
		}
		if got := r.asked[step.opcode].Load() - before; got < rounds || got > rounds*most {
			t.Errorf("asked for %s %d times in %d changes", what, got, rounds)
		}
	}
}

// interruptAt has Next interrupted while its next request of a kind of MIT-SHM's is on its way, after meanwhile was called.
func interruptAt(t *testing.T, source *x11.Source, r *refuser, minor byte, cause, meanwhile func()) {
	t.Helper()
	reached, release := r.holdAt(t, minor)
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := source.Next(ctx, 0)
		ended <- err
	}()
	cause()
	<-reached
	meanwhile()
	cancel()
	if err := await(t, ended); !errors.Is(err, context.Canceled) {
		t.Fatalf("Next returned %v", err)
	}
}

func TestASizeChangeThatIsInterruptedIsTakenInByTheNextCall(t *testing.T) {
	server := xvfbtest.Start(t, small)
	r := newRefuser(t, server)
	source := open(t, &xvfbtest.Server{Socket: r.socket, Cookie: server.Cookie}, x11.Config{})
	p := newPainter(t, server)
	settled(t, source)
	size := media.Size{Width: 320, Height: 200}
	interruptAt(t, source, r, attachFD, func() { p.resize(size) }, func() {})
	p.fill(0x4080c0, 20, 20, 200, 100)
	p.sync()
	f := settled(t, source)
	if f.Visible != size {
		t.Fatalf("frame of %v after the screen became %v", f.Visible, size)
	}
	checkShows(t, f, p.screenshot(size))
}

func TestNoDamageIsLostWhenAGrabIsInterrupted(t *testing.T) {
	server := xvfbtest.Start(t, small)
	r := newRefuser(t, server)
	source := open(t, &xvfbtest.Server{Socket: r.socket, Cookie: server.Cookie}, x11.Config{})
	p := newPainter(t, server)
	settled(t, source)
	p.fill(0x4080c0, 20, 20, 100, 100)
	p.sync()
	settled(t, source)
	interruptAt(t, source, r, getImage,
		func() { p.fill(0xc08040, 400, 200, 100, 100); p.sync() },
		func() { p.fill(0x80c040, 20, 20, 100, 100); p.sync() }) // where the picture before has changed
	checkShows(t, settled(t, source), p.screenshot(small))
}

// As a session has it: the display becomes as large as is asked for while its app draws, and capture is stirred for each
// keyframe that somebody wants.
func TestADisplayThatChangesItsSizeUnderAStirredCaptureIsFollowed(t *testing.T) {
	large := media.Size{Width: 1280, Height: 720}
	identity, err := sandbox.IdentityFor(slot)
	must(t, err)
	d, err := display.Start(t.Context(), display.Config{
		Kind: display.Xvfb, Sandbox: sandboxtest.Probe(t), Identity: identity, Slot: slot, Folder: sandboxtest.Folder(t, identity), Size: large,
	})
	must(t, err)
	defer func() { must(t, d.Close()) }()
	conn, err := d.Dial(t.Context())
	must(t, err)
	app := paint(t, conn)

	var running sync.WaitGroup
	defer running.Wait()
	over, stop := context.WithCancel(t.Context())
	defer stop()
	running.Go(func() {
		for colour := uint32(0); over.Err() == nil; colour += 0x010203 {
			app.fill(colour&0xffffff, 0, 0, 1280, 720)
			app.sync()
		}
	})
	for round := range 4 {
		source, err := x11.Open(t.Context(), x11.Config{Socket: d.Socket(), Cookie: d.Cookie(), FrameRate: 240})
		must(t, err)
		changed := make(chan error, 1)
		running.Go(func() {
			var err error
			for n := range 12 {
				err = errors.Join(err, d.Resize([]media.Size{small, large}[n%2]))
			}
			changed <- errors.Join(err, d.Resize(small))
		})
		for changing := true; changing || source.Size() != small; {
			ctx, stir := context.WithCancel(t.Context())
			running.Go(stir)
			if _, err := source.Next(ctx, time.Millisecond); err != nil && !errors.Is(err, context.Canceled) {
				t.Fatalf("source %d at %v: %v", round, source.Size(), err)
			}
			select {
			case err := <-changed:
				must(t, err)
				changing = false
			default:
			}
		}
		must(t, source.Close())
	}
}
