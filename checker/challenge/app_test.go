package challenge_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"nearlight/checker/challenge"
	"nearlight/checker/challenge/redraw"
	"nearlight/encoder"
	"nearlight/internal/decode"
	"nearlight/internal/media"
	"nearlight/internal/scene"
	"nearlight/internal/scene/arena"
	"nearlight/internal/scene/gles"
	"nearlight/internal/yuv"
)

var (
	task = arena.Task{Seed: 5, Objects: 40}
	size = media.Size{Width: 640, Height: 360}
)

// shot is one picture of a run, on the virtual clock.
type shot struct {
	said    arena.Said
	nonce   arena.Nonce // what it really shows
	since   time.Duration
	arrived time.Duration // at the checker
	change  func(*media.Frame)
	fewer   int // objects that are left out
}

// run is a challenge as an edge answers it.
type run struct {
	plan  challenge.Plan
	sent  []time.Duration
	nonce []arena.Nonce
	shots []shot
	trips []time.Duration
}

// An honest edge of the tests: on a link of 24 ms there and back, it draws for 5 ms, and takes 4 more until the last packet has left.
const (
	trip      = 24 * time.Millisecond
	drawing   = 5 * time.Millisecond
	afterward = 4 * time.Millisecond
)

// shaken is a way's delay with its jitter: some 2 ms, seldom much more.
func shaken(random *rand.Rand, way time.Duration) time.Duration {
	return way + time.Duration(random.ExpFloat64()*float64(time.Millisecond))
}

// honest is the run of an edge that does what it should, by the virtual clock.
func honest(seed uint64, plan challenge.Plan) *run {
	random := rand.New(rand.NewPCG(seed, 40))
	r := &run{plan: plan}
	var taken []time.Duration
	for at := time.Duration(0); at < plan.Length; at += plan.Every {
		sent := at + time.Duration(random.Float64()*float64(plan.Every)/4)
		r.sent, r.nonce = append(r.sent, sent), append(r.nonce, arena.Nonce(random.Uint32()))
		taken = append(taken, sent+shaken(random, trip/2))
	}
	for range int(plan.Length / (200 * time.Millisecond)) {
		r.trips = append(r.trips, shaken(random, trip/2)+shaken(random, trip/2))
	}
	frame := time.Second / time.Duration(plan.FrameRate)
	newest, index, left := time.Duration(0), -1, time.Duration(0)
	for due := time.Duration(random.Float64() * float64(frame)); due < plan.Length; due += frame {
		for index+1 < len(taken) && taken[index+1] <= due {
			index++
			newest = taken[index]
		}
		if index < 0 {
			continue
		}
		since := (due - newest).Truncate(time.Microsecond)
		arrived := due + drawing + afterward + shaken(random, trip/2)
		arrived = max(arrived, left) // packets stay in order
		left = arrived
		s := shot{nonce: r.nonce[index], since: since, arrived: arrived}
		s.said.Claim = arena.Claim{Nonce: s.nonce, Index: uint16(index + 1), Since: since}
		s.said.Marker.Micros, s.said.Marker.Counter = uint64(due/time.Microsecond), uint16(len(r.shots))
		r.shots = append(r.shots, s)
	}
	return r
}

// changed is a copy of a run with every shot passed through change, which may drop it.
func (r *run) changed(change func(n int, s *shot, all []shot) bool) *run {
	c := *r
	c.shots = nil
	for n := range r.shots {
		s := r.shots[n]
		if change(n, &s, r.shots) {
			c.shots = append(c.shots, s)
		}
	}
	return &c
}

// app draws what an edge's app would, honest or not. It remembers what it has drawn.
type app struct {
	context  *gles.Context
	renderer *gles.Renderer
	studio   *scene.Studio
	pixels   []byte
	script   *arena.Script
	of       arena.Nonce
	drawn    map[drawn]*media.Frame
}

// mostDrawn is how many pictures are remembered: those of the honest run, at 0.35 MB each.
const mostDrawn = 480

type drawn struct {
	nonce arena.Nonce
	since time.Duration
	fewer int
}

// openApp skips the test where there is no OpenGL.
func openApp(t testing.TB) *app {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	context, err := gles.OpenOffscreen()
	if errors.Is(err, gles.ErrUnavailable) {
		t.Skipf("SKIPPED: nothing was drawn: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	renderer, err := gles.NewRenderer(context)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		must(t, context.Enter())
		renderer.Close()
		context.Close()
	})
	must(t, errors.Join(renderer.Resize(size), context.Leave()))
	return &app{context: context, renderer: renderer, studio: arena.NewStudio(), pixels: make([]byte, 4*size.Width*size.Height), drawn: make(map[drawn]*media.Frame)}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// picture is what a shot shows, without blocks. It is lent.
func (a *app) picture(t testing.TB, s shot) *media.Frame {
	t.Helper()
	key := drawn{s.nonce, s.since, s.fewer}
	if f := a.drawn[key]; f != nil {
		return f
	}
	if a.script == nil || a.of != s.nonce {
		a.script, a.of = task.Script(s.nonce), s.nonce
	}
	tableau := *a.script.At(s.since)
	tableau.Props = tableau.Props[:len(tableau.Props)-s.fewer]
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	must(t, a.context.Enter())
	must(t, errors.Join(a.renderer.Draw(a.studio.ComposeTableau(&tableau, size)), a.renderer.Read(a.pixels)))
	must(t, a.context.Leave())
	f := media.NewFrame(size)
	must(t, yuv.FromBGRX(f, a.pixels, 4*size.Width))
	if len(a.drawn) < mostDrawn {
		a.drawn[key] = f
	}
	return f
}

// stream codes a run's pictures with their blocks, decodes them, and hands them over.
func (a *app) stream(t testing.TB, r *run, c coder, rate media.Bitrate, take func(n int, f *media.Frame)) {
	t.Helper()
	e, err := c.open(encoder.Config{Size: size, FrameRate: r.plan.FrameRate, Bitrate: rate, Threads: 1})
	if errors.Is(err, encoder.ErrUnavailable) {
		t.Skipf("SKIPPED: nothing was coded: %v", err)
	}
	must(t, err)
	defer e.Close()
	d, err := decode.Open(c.codec)
	if errors.Is(err, decode.ErrUnavailable) {
		t.Skipf("SKIPPED: nothing was decoded: %v", err)
	}
	must(t, err)
	defer d.Close()
	f := media.NewFrame(size)
	for n, s := range r.shots {
		p := a.picture(t, s)
		copy(f.Y.Data, p.Y.Data)
		copy(f.U.Data, p.U.Data)
		copy(f.V.Data, p.V.Data)
		if s.change != nil {
			s.change(f)
		}
		s.said.Draw(f)
		f.Times.Damaged = media.Instant(time.Hour + s.arrived)
		var unit []byte
		_, err := e.Encode(f, encoder.Request{}, func(slice media.Slice) error {
			unit = append(unit, slice.Data...)
			return nil
		})
		must(t, err)
		got, err := d.Decode(unit)
		must(t, err)
		take(n, got)
	}
}

// began is when a run begins on the checker's clock.
const began = media.Instant(time.Hour)

// watched is what a checker notes of a run.
func (a *app) watched(t testing.TB, r *run, c coder, rate media.Bitrate) *challenge.Watch {
	t.Helper()
	w, err := challenge.NewWatch(r.plan, rand.NewPCG(1, 2))
	must(t, err)
	next := 0
	sendBefore := func(at time.Duration) {
		for next < len(r.sent) && r.sent[next] <= at {
			w.Sent(r.nonce[next], began.Add(r.sent[next]))
			next++
		}
	}
	for _, took := range r.trips {
		w.RoundTrip(took)
	}
	a.stream(t, r, c, rate, func(n int, f *media.Frame) {
		sendBefore(r.shots[n].arrived)
		must(t, w.Picture(f, began.Add(r.shots[n].arrived)))
	})
	sendBefore(math.MaxInt64)
	return w
}

// painter is the checker's own.
func painter(t testing.TB) *redraw.Painter {
	t.Helper()
	p, err := redraw.Open(task, size)
	must(t, err)
	t.Cleanup(p.Close)
	return p
}
