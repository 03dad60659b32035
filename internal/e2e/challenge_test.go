//go:build cgo

package e2e

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"nearlight/checker/challenge"
	"nearlight/checker/challenge/redraw"
	"nearlight/internal/e2e/e2etest"
	"nearlight/internal/media"
	"nearlight/internal/scene/arena"
	"nearlight/internal/scene/gles"
	"nearlight/streamer/control"
	"nearlight/streamer/viewer"
)

// checking is a checker at work on one edge.
type checking struct {
	t      *testing.T
	player *e2etest.Player

	mu       sync.Mutex
	watch    *challenge.Watch
	err      error
	drawing  bool // the app has drawn a picture
	sequence uint32
	pinged   map[uint32]media.Instant
}

func (c *checking) look(f viewer.Frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := arena.Read(f.Picture.Y, f.Picture.Visible); err == nil {
		c.drawing = true
	}
	if err := c.watch.Picture(f.Picture, f.LastPacket); err != nil {
		c.err = errors.Join(c.err, err)
	}
}

func (c *checking) told(m control.Message) {
	pong, is := m.(*control.Pong)
	if !is {
		return
	}
	now := media.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, known := c.pinged[pong.ID]; known {
		c.watch.RoundTrip(now.Sub(at))
	}
}

func (c *checking) ping(id uint32) {
	c.mu.Lock()
	c.pinged[id] = media.Now()
	c.mu.Unlock()
	c.player.Send(c.t, &control.Ping{ID: id, Sent: 1})
}

// press presses keys and lets go of them.
func (c *checking) press(keys []uint16) {
	for _, key := range keys {
		for _, down := range [...]bool{true, false} {
			c.sequence++
			c.player.Send(c.t, &control.Key{Seq: c.sequence, Code: key, Down: down})
		}
	}
}

// ask types a nonce.
func (c *checking) ask(n arena.Nonce) {
	keys := n.Keys()
	c.press(keys[:len(keys)-1])
	c.mu.Lock()
	c.watch.Sent(n, media.Now()) // before its last key: nothing can answer it sooner
	c.mu.Unlock()
	c.press(keys[len(keys)-1:])
}

func TestAChallengedEdgeDrawsWhatItIsAsked(t *testing.T) {
	plan := challenge.Plan{
		Task: arena.Task{Seed: 2026, Objects: 24}, Size: media.Size{Width: 640, Height: 360}, FrameRate: 30,
		Length: 6 * time.Second, Every: 500 * time.Millisecond, Share: 0.1,
	}
	painter, err := redraw.Open(plan.Task, plan.Size)
	if errors.Is(err, gles.ErrUnavailable) {
		t.Skipf("SKIPPED %s: EGL has no renderer here, so nothing was drawn: %v", t.Name(), err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer painter.Close()
	random := rand.NewPCG(1, uint64(media.Now()))
	watch, err := challenge.NewWatch(plan, rand.NewPCG(2, random.Uint64())) // of its own: pictures are looked at while nonces are made
	if err != nil {
		t.Fatal(err)
	}
	c := &checking{t: t, watch: watch, pinged: make(map[uint32]media.Instant)}
	up := start(t, e2etest.Still(t), "--size", plan.Size.String(), "--max-size", plan.Size.String(), "--fps", "30", "--encoder", "x264")
	c.player = up.Play(t, e2etest.Request{App: "challenge", Look: c.look, Told: c.told})
	c.player.App(t, control.AppRunning)
	c.player.Open(t)
	e2etest.Eventually(t, e2etest.Patience, "the app draws", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.drawing
	})
	c.press(plan.Task.Keys())
	ticker := time.NewTicker(plan.Every) // a challenge takes its time: nonces come while the stream runs
	defer ticker.Stop()
	<-ticker.C // no key is pressed again within the time that an edge holds it
	began := media.Now()
	for id := uint32(1); media.Now().Sub(began) < plan.Length; id++ {
		c.ask(arena.Nonce(random.Uint64()))
		c.ping(id)
		<-ticker.C
	}
	ended := media.Now()
	c.player.Leave()
	if c.err != nil {
		t.Fatal(c.err)
	}
	limits := challenge.DefaultLimits
	// This machine draws, codes, decodes and runs other tests on a few cores: its pace is not what is tested here.
	limits.Overhead, limits.Late, limits.Missed, limits.Repeated = time.Second, time.Second, 0.7, 0.1
	v, err := watch.Judge(painter, limits, ended)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range v.Findings {
		t.Log(f)
		if !f.Passed() {
			t.Errorf("an honest edge does not pass: %v", f)
		}
	}
	if len(v.Findings) < 6 {
		t.Errorf("%d findings only", len(v.Findings))
	}
}
