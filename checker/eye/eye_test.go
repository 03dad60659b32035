package eye

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"nearlight/checker/challenge"
	"nearlight/internal/decode"
	"nearlight/internal/identity"
	"nearlight/internal/media"
	"nearlight/internal/scene/arena"
	"nearlight/signaling"
	"nearlight/signaling/client"
	"nearlight/signaling/signalingtest"
	"nearlight/streamer/control"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// visit is a short one.
func visit(t *testing.T, signaled client.Config, raw string) Visit {
	t.Helper()
	if decoder, err := decode.Open(media.H264); err != nil {
		t.Skipf("SKIPPED %s: %v", t.Name(), err)
	} else if err := decoder.Close(); err != nil {
		t.Fatal(err)
	}
	return Visit{
		Signaling: signaled, Token: raw, Codecs: []media.Codec{media.H264}, FrameRate: scriptedRate, Length: 3 * time.Second, Patience: 10 * time.Second,
		reasons: 300 * time.Millisecond,
	}
}

func TestAnHonestEdgeIsSeenAsItIs(t *testing.T) {
	e, raw := newScripted(t)
	v := visit(t, serve(t, e.play), raw)
	sight, err := Look(t.Context(), v)
	if err != nil {
		t.Fatalf("%v, after %+v", err, sight)
	}
	l, q := sight.Latency, sight.Quality
	for what, holds := range map[string]bool{
		"the edge has signed":      sight.Edge == e.key.Address(),
		"the session is told":      sight.Session == "s-1",
		"it is seen from here":     sight.Address.IsValid() && sight.RoundTrip > 0,
		"its key answers":          sight.Asked >= sight.RoundTrip && sight.Asked < time.Second,
		"pictures came":            l.Frames > 5 && l.Size == scriptedSize,
		"for a while":              l.Watched > time.Second/4,
		"to the end":               sight.Looked >= v.Length && sight.Looked >= l.Watched,
		"keys are answered":        l.ClickToPhoton.N > 0 && l.Impossible == 0,
		"the edge's clock is ours": l.GlassToGlass.N > 0 && l.Ahead == 0 && l.GlassToGlass.P50 < v.Patience,
		"nothing is lost":          l.Lost == 0 && sight.Dropped == 0,
		"each picture is new":      q.Still == 0 && q.Pictures == l.Frames,
		"some were looked into":    q.Looked >= 1 && q.Looked < 20,
		"blocks are seen":          q.Blockiness > 1,
		"quantisers are read":      q.Quantised == q.Pictures && q.Quantiser > 0,
		"nothing was challenged":   sight.Challenge == nil,
	} {
		if !holds {
			t.Errorf("not so: %s\n%+v", what, sight)
		}
	}
}

func TestAnEdgeThatEndsTooSoonIsSeenUntilThen(t *testing.T) {
	told := signaling.Errorf(signaling.CodeTokenInUse, "So it says.")
	for _, step := range []struct {
		name string
		set  func(e *scripted)
		want error // in the chain, besides ErrUnserved
	}{
		{"without a word", func(e *scripted) { e.frames = 15 }, nil},
		{"in its own words", func(e *scripted) {
			e.after = func(l *signalingtest.Line) { l.Say(signaling.Ended{Session: "s-1", Reason: told}) }
		}, told},
		{"for another connection", func(e *scripted) {
			e.after = func(l *signalingtest.Line) { l.Say(signaling.Offer{SDP: "v=0\r\n"}) }
		}, errAgain},
		{"for another machine", func(e *scripted) { e.after = func(l *signalingtest.Line) { l.Say(signaling.Moved{Reason: told}) } }, told},
		{"with what nobody can decode", func(e *scripted) {
			e.code = func(n int) []byte {
				if n < 15 {
					return nil
				}
				return append([]byte{0, 0, 0, 1, 0x41}, bytes.Repeat([]byte{0xff}, 4000)...)
			}
		}, decode.ErrBitstream},
	} {
		t.Run(step.name, func(t *testing.T) {
			e, raw := newScripted(t)
			step.set(e)
			v := visit(t, serve(t, e.play), raw)
			v.Length = time.Minute
			sight, err := Look(t.Context(), v)
			if !errors.Is(err, ErrUnserved) || step.want != nil && !errors.Is(err, step.want) {
				t.Errorf("%v, want %v", err, step.want)
			}
			if sight.Latency.Frames == 0 || sight.Edge != e.key.Address() {
				t.Errorf("what was seen is forgotten: %+v", sight)
			}
		})
	}
}

func TestSignalingThatComesBackWithAnotherConnectionIsNotTheEdgesFault(t *testing.T) {
	e, raw := newScripted(t)
	e.after = func(l *signalingtest.Line) {
		l.Say(signaling.Matched{Session: "s-1", Edge: signaling.EdgeName{ID: "edge", Name: "double"}})
	}
	v := visit(t, serve(t, e.play), raw)
	v.Length = time.Minute
	sight, err := Look(t.Context(), v)
	if !errors.Is(err, ErrTrouble) || sight.Latency.Frames == 0 {
		t.Errorf("%v, after %d pictures", err, sight.Latency.Frames)
	}
}

func TestWhoEndsALookIsTheCheckersTrouble(t *testing.T) {
	e, raw := newScripted(t)
	ctx, cancel := context.WithCancel(t.Context())
	e.after = func(*signalingtest.Line) { cancel() }
	v := visit(t, serve(t, e.play), raw)
	v.Length = time.Minute
	sight, err := Look(ctx, v)
	if !errors.Is(err, ErrTrouble) || !errors.Is(err, context.Canceled) || sight.Latency.Frames == 0 {
		t.Errorf("%v, after %d pictures", err, sight.Latency.Frames)
	}
}

func TestWhatEndsALookBeforeThePictureIsToldApart(t *testing.T) {
	match := func(l *signalingtest.Line) {
		l.Say(signaling.Matched{Session: "s-1", Edge: signaling.EdgeName{ID: "edge", Name: "double"}})
	}
	failed := func(code signaling.Code) func(*signalingtest.Line) {
		return func(l *signalingtest.Line) { l.Say(signaling.Failed{Error: signaling.NewError(code)}) }
	}
	for _, step := range []struct {
		name    string
		conduct func(l *signalingtest.Line)
		want    error
		code    signaling.Code // "" for none
	}{
		{"no slot is free", failed(signaling.CodeFull), ErrTaken, signaling.CodeFull},
		{"others wait", func(l *signalingtest.Line) { l.Say(signaling.Queued{Position: 1, Waiting: 1}) }, ErrTaken, signaling.CodeFull},
		{"the edge is not there", failed(signaling.CodeNoEdge), ErrUnserved, signaling.CodeNoEdge},
		{"the token is not good", failed(signaling.CodeBadToken), ErrTrouble, signaling.CodeBadToken},
		{"a code of tomorrow", failed("of-tomorrow"), ErrTrouble, "of-tomorrow"},
		{"the edge declines", func(l *signalingtest.Line) { match(l); failed(signaling.CodeBadToken)(l) }, ErrUnserved, signaling.CodeBadToken},
		{"signaling stops", func(l *signalingtest.Line) { match(l); failed(signaling.CodeShuttingDown)(l) }, ErrTrouble, signaling.CodeShuttingDown},
		{"the app fails", func(l *signalingtest.Line) {
			match(l)
			l.Say(signaling.Ended{Session: "s-1", Reason: signaling.NewError(signaling.CodeAppFailed)})
		}, ErrUnserved, signaling.CodeAppFailed},
		{"somebody else goes on with the session", func(l *signalingtest.Line) {
			match(l)
			l.Say(signaling.Ended{Session: "s-1", Reason: signaling.NewError(signaling.CodeReplaced)})
		}, ErrTrouble, signaling.CodeReplaced},
		{"the offer names nobody", func(l *signalingtest.Line) { match(l); l.Say(signaling.Offer{SDP: "v=0\r\n"}) }, ErrUnserved, signaling.CodeUnproven},
		{"nothing comes", func(l *signalingtest.Line) {
			match(l)
			for m := l.Hear(); m != nil; m = l.Hear() {
				if _, is := m.(signaling.Check); is {
					l.Say(signaling.Checked{Edge: signaling.Alive})
				}
			}
		}, ErrUnserved, ""},
		{"nothing comes, and signaling is silent", match, ErrTrouble, ""},
	} {
		t.Run(step.name, func(t *testing.T) {
			raw, _ := issue(t, identity.Address{1})
			v := visit(t, serve(t, func(l *signalingtest.Line, _ signaling.Play) { step.conduct(l) }), raw)
			v.Patience = 300 * time.Millisecond
			_, err := Look(t.Context(), v)
			if !errors.Is(err, step.want) {
				t.Errorf("%v, want %v", err, step.want)
			}
			var reason *signaling.Error
			if has := errors.As(err, &reason); has != (step.code != "") || has && reason.Code != step.code {
				t.Errorf("%v, want the code %q", err, step.code)
			}
		})
	}
	t.Run("signaling cannot be reached", func(t *testing.T) {
		raw, _ := issue(t)
		if _, err := Look(t.Context(), visit(t, client.Config{URL: "http://127.0.0.1:1"}, raw)); !errors.Is(err, ErrTrouble) {
			t.Error(err)
		}
	})
}

func TestARequestIsAPages(t *testing.T) {
	raw, _ := issue(t)
	asked := make(chan signaling.Play, 1)
	v := visit(t, serve(t, func(l *signalingtest.Line, play signaling.Play) {
		asked <- play
		l.Say(signaling.Failed{Error: signaling.NewError(signaling.CodeFull)})
	}), raw)
	v.App, v.Size, v.Codecs = "tux", media.Size{Width: 1280, Height: 720}, []media.Codec{media.VP8, media.H264}
	if _, err := Look(t.Context(), v); !errors.Is(err, ErrTaken) {
		t.Fatal(err)
	}
	play := <-asked
	if play.Token != raw || play.App != "tux" || play.Size != nil || fmt.Sprint(play.Codecs) != "[h264 vp8 h264yuv444]" || play.Wait {
		t.Errorf("asked for %+v", play)
	}
}

func TestWhatIsNoVisitIsNotMade(t *testing.T) {
	plan := challenge.Plan{Size: media.Size{Width: 640, Height: 360}, FrameRate: 30, Length: time.Second, Every: time.Second / 2}
	broken := errors.New("no OpenGL")
	raw, _ := issue(t)
	for name, v := range map[string]Visit{
		"no length":    {Token: raw},
		"no painter":   {Token: raw, Challenge: &plan},
		"no plan":      {Token: raw, Challenge: new(challenge.Plan), Painter: func(arena.Task, media.Size) (Painter, error) { return nil, nil }},
		"nobody draws": {Token: raw, Challenge: &plan, Painter: func(arena.Task, media.Size) (Painter, error) { return nil, broken }},
		"no codec":     {Token: raw, Length: time.Second, Codecs: []media.Codec{}},
		"no token":     {Length: time.Second},
		"no signaling": {Token: raw, Length: time.Second},
	} {
		if _, err := Look(t.Context(), v); !errors.Is(err, ErrTrouble) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Who waits for others that do not come has found nothing of this edge, and types nothing.
func TestAChallengeWaitsForTheOthers(t *testing.T) {
	raw, _ := issue(t)
	v := visit(t, client.Config{URL: "http://127.0.0.1:1"}, raw)
	v.Challenge = &challenge.Plan{Size: media.Size{Width: 640, Height: 360}, FrameRate: 30, Length: time.Second, Every: time.Second / 2}
	v.Painter = func(arena.Task, media.Size) (Painter, error) { return nil, nil }
	apart := errors.New("the others do not come")
	v.Ready = func(context.Context) error { return apart }
	v, _, err := v.prepared()
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLooking(v, [32]byte{})
	if err != nil {
		t.Fatal(err)
	}
	keys := 0
	typing := &keyboard{sent: func(uint32) { keys++ }, send: func(control.Message) error { return nil }}
	err = l.challenge(t.Context(), typing, mathrand.New(mathrand.NewPCG(1, 2)))
	if !errors.Is(err, ErrTrouble) || !errors.Is(err, apart) || keys > 0 || l.nonces > 0 {
		t.Errorf("%v, after %d keys", err, keys)
	}
	typed := make(chan error, 1)
	typed <- err
	if err := l.follow(t.Context(), nil, nil, typed); !errors.Is(err, ErrTrouble) || errors.Is(err, ErrUnserved) {
		t.Errorf("the visit comes to %v", err)
	}
	if err := l.close(); err != nil {
		t.Error(err)
	}
}

// Pictures are due on a grid, of which the time between two nonces is a multiple: on a grid as well all would wait alike.
func TestNoncesAreTypedOnNoGrid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plan := challenge.Plan{Size: media.Size{Width: 640, Height: 360}, FrameRate: 50, Length: 10 * time.Second, Every: 500 * time.Millisecond}
		watch, err := challenge.NewWatch(plan, mathrand.NewPCG(3, 4))
		if err != nil {
			t.Fatal(err)
		}
		l := &looking{visit: Visit{Challenge: &plan}, watch: watch}
		began, frame := time.Now(), time.Second/time.Duration(plan.FrameRate)
		var typed []time.Duration
		k := &keyboard{sent: func(sequence uint32) {
			if sequence > uint32(2*len(plan.Task.Keys())) && (int(sequence)-2*len(plan.Task.Keys()))%(2*len(arena.Nonce(0).Keys())) == 1 {
				typed = append(typed, time.Since(began)%frame)
			}
		}, send: func(control.Message) error { return nil }}
		ctx, stop := context.WithTimeout(t.Context(), plan.Length) // media.Now is outside of the bubble, and does not end it
		defer stop()
		if err := l.challenge(ctx, k, mathrand.New(mathrand.NewPCG(1, 2))); err != nil {
			t.Fatal(err)
		}
		slices.Sort(typed)
		if len(typed) < 18 || len(typed) > 20 {
			t.Fatalf("%d nonces were typed", len(typed))
		}
		for i, next := range append(typed[1:], typed[0]+frame) {
			if next-typed[i] > frame/8 {
				t.Errorf("no nonce is typed between %v and %v after a picture", typed[i], next)
			}
		}
	})
}
