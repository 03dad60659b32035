//go:build cgo

package x11_test

import (
	"strings"
	"testing"
	"time"

	"nearlight/edge/capture/x11"
	"nearlight/internal/media"
	"nearlight/internal/xvfbtest"
)

func TestAScreenThatIsRefusedForAWhileIsWaitedFor(t *testing.T) {
	server := xvfbtest.Start(t, small)
	r := newRefuser(t, server)
	source := open(t, &xvfbtest.Server{Socket: r.socket, Cookie: server.Cookie}, x11.Config{})
	source.SetPatience(time.Minute) // however busy the machine
	p := newPainter(t, server)
	settled(t, source)
	const refusals = 120 // as many as come within a few milliseconds, if nothing waits between them
	r.left.Store(refusals)
	p.fill(0x4080c0, 0, 0, 640, 360)
	p.sync()
	if f := next(t, source, 0); f.Still {
		t.Error("a refused change makes a still picture")
	}
	if got := r.refused.Load(); got != refusals {
		t.Errorf("%d grabs were refused, want %d", got, refusals)
	}
	checkShows(t, settled(t, source), p.screenshot(small))
}

func TestAScreenThatIsRefusedForEverIsAnErrorAndNoBusyLoop(t *testing.T) {
	server := xvfbtest.Start(t, small)
	r := newRefuser(t, server)
	source := open(t, &xvfbtest.Server{Socket: r.socket, Cookie: server.Cookie}, x11.Config{})
	const patience, nap = 200 * time.Millisecond, 5 * time.Millisecond
	source.SetPatience(patience)
	r.left.Store(1 << 40)
	began := media.Now()
	_, err := source.Next(t.Context(), 10*time.Millisecond)
	took := media.Now().Sub(began)
	if err == nil || !strings.Contains(err.Error(), "screen of 640x360 cannot be grabbed") {
		t.Errorf("Next returned %v", err)
	}
	if took < patience {
		t.Errorf("it gave up after %v", took)
	}
	if got, most := r.refused.Load(), int64(patience/nap)+2; got > most {
		t.Errorf("it asked %d times in %v, want at most %d", got, took, most)
	}
}
