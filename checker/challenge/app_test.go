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
	left    time.Duration // when the edge has sent its last packet
	arrived time.Duration // at the checker, its last packet
	shown   time.Duration // there: when it is decoded, after those before it
	change  func(*media.Frame)
	fewer   int // objects that are left out
}

// roundTrip is one that the checker has measured.
type roundTrip struct{ at, took time.Duration }

// run is a challenge as an edge answers it.
type run struct {
	plan    challenge.Plan
	way     way
	seed    uint64
	packets int // of a picture
	sent    []time.Duration
	nonce   []arena.Nonce
	shots   []shot
	trips   []roundTrip
}

// An honest edge of the tests draws for 5 ms, and takes 4 more until the last packet has left.
const (
	drawing   = 5 * time.Millisecond
	afterward = 4 * time.Millisecond
)

// packetsOf is how many packets a picture takes at the usual rate: 0.145 bits a pixel, and twice as many pixels each way where there are more pictures, as in
// what edges with a GPU are asked.
func packetsOf(plan challenge.Plan) int {
	if plan.FrameRate > fps {
		return 15
	}
	return 4
}

// honest is the run of an edge that does what it should, by the virtual clock, up to what it sends.
func honest(seed uint64, plan challenge.Plan, w way) *run {
	random := rand.New(rand.NewPCG(seed, 40))
	r := &run{plan: plan, way: w, seed: seed, packets: packetsOf(plan)}
	begins := random.Float64()
	for i := range int(plan.Length / plan.Every) {
		r.sent, r.nonce = append(r.sent, time.Duration(i)*plan.Every+plan.Wait(i, begins)), append(r.nonce, arena.Nonce(random.Uint32()))
	}
	taken, trips := w.talked(seed, r.sent, plan.Length, time.Duration(random.Float64()*float64(askedEvery)))
	r.trips = trips
	frame := time.Second / time.Duration(plan.FrameRate)
	newest, index := time.Duration(0), -1
	for due := time.Duration(random.Float64() * float64(frame)); due < plan.Length; due += frame {
		for index+1 < len(taken) && taken[index+1] <= due {
			index++
			newest = taken[index]
		}
		if index < 0 {
			continue
		}
		since := (due - newest).Truncate(time.Microsecond)
		s := shot{nonce: r.nonce[index], since: since, left: due + drawing + afterward}
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
		f.Times.Damaged = media.Instant(time.Hour + s.left)
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

// taker notes what a checker sees, in the order of its clock.
type taker struct {
	watch         *challenge.Watch
	run           *run
	nonces, trips int
}

func take(t testing.TB, r *run, seed uint64) *taker {
	t.Helper()
	w, err := challenge.NewWatch(r.plan, rand.NewPCG(seed, 2))
	must(t, err)
	return &taker{watch: w, run: r}
}

// until notes nonces and round trips up to an instant.
func (k *taker) until(at time.Duration) {
	for ; k.nonces < len(k.run.sent) && k.run.sent[k.nonces] <= at; k.nonces++ {
		k.watch.Sent(k.run.nonce[k.nonces], began.Add(k.run.sent[k.nonces]))
	}
	for ; k.trips < len(k.run.trips) && k.run.trips[k.trips].at <= at; k.trips++ {
		k.watch.RoundTrip(k.run.trips[k.trips].took)
	}
}

// watched is what a checker notes of a run that was carried, drawn and coded; it is looked at whenever that is due, and in the end.
func (a *app) watched(t testing.TB, r *run, c coder, rate media.Bitrate, look func(at time.Duration, w *challenge.Watch)) *challenge.Watch {
	t.Helper()
	k := take(t, r, 1)
	looks := newLooks(k, look)
	a.stream(t, r, c, rate, func(n int, f *media.Frame) {
		looks.before(r.shots[n].shown)
		must(t, k.watch.Picture(f, began.Add(r.shots[n].arrived)))
	})
	looks.before(math.MaxInt64)
	return k.watch
}

// looks has a watch looked at each so often.
type looks struct {
	taker *taker
	next  time.Duration
	look  func(at time.Duration, w *challenge.Watch)
}

// lookEvery is how often a verdict is asked for while a challenge runs.
const lookEvery = 250 * time.Millisecond

func newLooks(k *taker, look func(at time.Duration, w *challenge.Watch)) *looks {
	return &looks{taker: k, next: lookEvery, look: look}
}

// before looks as often as is due before something happens.
func (l *looks) before(at time.Duration) {
	for ; l.next < at && l.next <= l.taker.run.plan.Length; l.next += lookEvery {
		l.taker.until(l.next)
		if l.look != nil {
			l.look(l.next, l.taker.watch)
		}
	}
	l.taker.until(at)
}

// painter is the checker's own.
func painter(t testing.TB) *redraw.Painter {
	t.Helper()
	p, err := redraw.Open(task, size)
	must(t, err)
	t.Cleanup(p.Close)
	return p
}
