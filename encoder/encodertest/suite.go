package encodertest

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"nearlight/encoder"
	"nearlight/internal/media"
)

// Run checks every promise of package encoder.
func Run(t *testing.T, open Opener) {
	for _, p := range promises() {
		t.Run(p.name, func(t *testing.T) { p.test(t, open) })
	}
}

type promise struct {
	name       string
	test       func(*testing.T, Opener)
	ofPictures bool // bears on how pictures come in and what comes out, and takes little time (RunIn)
}

func promises() []promise {
	return []promise{
		{"every picture comes out at once and resembles what went in", testOneInOneOut, true},
		{"the stream tells players that nothing is reordered, and its colours", testHeaders, true},
		{"each sampling that is claimed is coded, and no other", testSamplings, true},
		{"no keyframe comes unasked, and each that is asked for comes at once", testKeyframes, false},
		{"the rate is used and not exceeded", testRate, false},
		{"a poor connection shows a large picture that can be played", testPoorConnection, false},
		{"rates change within the stream", testRateChange, false},
		{"a budget bounds one frame", testBudget, false},
		{"a keyframe that is given room does not show", testRoomyKeyframe, false},
		{"a repeated picture gets sharper", testStill, false},
		{"the size changes at a keyframe", testResize, true},
		{"odd sizes are padded by replication", testOddSizes, true},
		{"extremes of size, rate and threads work", testExtremes, false},
		{"a speed changes within the stream or is refused", testSpeeds, false},
		{"what cannot be served is refused", testRefusals, true},
		{"a loss is mended as claimed", testRecovery, false},
		{"an emit that fails ends the access unit", testEmitFails, false},
		{"a frame costs no allocation", testAllocations, true},
		{"closing is final and leaves nothing behind", testClose, true},
	}
}

func testOneInOneOut(t *testing.T, open Opener) {
	s := start(t, open, base)
	for n := range 60 {
		s.encode(encoder.Request{})
		// The first keyframe has one frame's bits, and the picture grows sharp over some frames after it.
		if psnr := s.receive(); n >= 30 && psnr < 30 {
			t.Fatalf("picture %d: %.1f dB, want at least 30", n, psnr)
		}
		if s.result.QP < 0 || s.result.QP > 51 {
			t.Fatalf("picture %d: quantiser %v", n, s.result.QP)
		}
	}
}

func testHeaders(t *testing.T, open Opener) {
	for speed := 0; ; speed++ {
		config := base
		config.Speed = speed
		s := start(t, open, config)
		capabilities := s.encoder.Capabilities()
		form := formOf(t, capabilities.Codec)
		if form.headers == nil {
			t.Skipf("%s leaves nothing to be told", capabilities.Codec)
		}
		s.encode(encoder.Request{})
		form.headers(t, s.unit, capabilities)
		if speed == capabilities.Speeds-1 {
			return
		}
	}
}

func testKeyframes(t *testing.T, open Opener) {
	s := start(t, open, base)
	for n := range 150 {
		if n == 60 {
			s.next += 1000 // a cut to another scene
		}
		asked := n == 100
		s.encode(encoder.Request{Keyframe: asked})
		if s.result.Keyframe != (asked || n == 0) {
			t.Fatalf("picture %d: keyframe is %v", n, s.result.Keyframe)
		}
		if asked {
			s.join() // a spectator who comes now sees the picture
		}
		s.receive()
	}
}

func testStill(t *testing.T, open Opener) {
	s := start(t, open, base)
	s.warm(60)
	before := s.receiveAgain(1)
	after := s.receiveAgain(60)
	if after < before+4 && after < 48 {
		t.Errorf("%.1f dB became %.1f dB after 60 repeats, want 4 more or 48", before, after)
	}
	s.next++ // and motion goes on, at its usual quality
	s.frame.Still = false
	for n := range 40 {
		s.encode(encoder.Request{})
		if psnr := s.receive(); psnr < 25 {
			t.Errorf("picture %d after the pause: %.1f dB", n, psnr)
		}
	}
}

// receiveAgain repeats the last picture and returns how well it is shown in the end.
func (s *stream) receiveAgain(times int) (psnr float64) {
	s.t.Helper()
	for range times {
		s.frame.Still = true
		s.frame.Times.Damaged++
		s.encodeFrame(encoder.Request{})
		psnr = s.receive()
	}
	return psnr
}

func testResize(t *testing.T, open Opener) {
	config := base
	config.MaxSize = media.Size{Width: 960, Height: 640}
	s := start(t, open, config)
	if !s.encoder.Capabilities().LiveResize {
		t.Skip("the driver does not claim LiveResize")
	}
	id := s.encoder.Capabilities().ProfileLevelID
	s.warm(10)
	for _, size := range []media.Size{{Width: 960, Height: 540}, {Width: 320, Height: 640}, {Width: 333, Height: 187}} {
		if err := s.encoder.Reconfigure(encoder.Reconfiguration{Size: size}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.encoder.Encode(s.frame, encoder.Request{}, discard); !errors.Is(err, media.ErrFrame) {
			t.Errorf("a picture of the old size: got %v, want media.ErrFrame", err)
		}
		s.resize(size)
		s.encode(encoder.Request{})
		if !s.result.Keyframe {
			t.Fatalf("the first picture of %v is no keyframe", size)
		}
		s.receive()
		s.warm(10)
		if s.result.Keyframe {
			t.Errorf("a second keyframe after the change to %v", size)
		}
	}
	if err := s.encoder.Reconfigure(encoder.Reconfiguration{Size: media.Size{Width: 962, Height: 540}}); !errors.Is(err, media.ErrSize) {
		t.Errorf("a size beyond the largest: got %v, want media.ErrSize", err)
	}
	s.warm(2)
	if s.result.Keyframe {
		t.Error("a refused change made a keyframe")
	}
	if now := s.encoder.Capabilities().ProfileLevelID; now != id {
		t.Errorf("profile-level-id was %s and is %s: the player was told once", id, now)
	}
}

func testOddSizes(t *testing.T, open Opener) {
	for _, size := range []media.Size{{Width: 641, Height: 361}, {Width: 17, Height: 16}, {Width: 16, Height: 16}, {Width: 333, Height: 500}} {
		config := base
		config.Size = size
		if refusesSize(t, open, config) {
			continue
		}
		s := start(t, open, config)
		if coded := s.encoder.CodedSize(); !size.Fits(coded) || !coded.Fits(media.Size{Width: size.Width + 63, Height: size.Height + 63}) {
			t.Errorf("%v: coded size is %v", size, coded)
		}
		var psnr float64
		for range 20 {
			s.encode(encoder.Request{})
			psnr = s.receive()
		}
		if psnr < 25 {
			t.Errorf("%v: %.1f dB", size, psnr)
		}
	}
}

func testExtremes(t *testing.T, open Opener) {
	for _, c := range []encoder.Config{
		{Size: media.Size{Width: 4096, Height: 16}},
		{Size: media.Size{Width: 16, Height: 2304}},
		{Size: media.Size{Width: 2160, Height: 3840}},
		{Size: media.Size{Width: 17, Height: 17}, Threads: encoder.MaxThreads},
		{Size: media.Size{Width: 640, Height: 360}, Threads: encoder.MaxThreads},
		{Size: media.Size{Width: 640, Height: 360}, Bitrate: encoder.MinBitrate, FrameRate: encoder.MaxFrameRate},
		{Size: media.Size{Width: 640, Height: 360}, Bitrate: 200 * media.Mbps, FrameRate: 1},
	} {
		if refusesSize(t, open, c) {
			continue
		}
		s := start(t, open, c)
		for range 3 {
			s.encode(encoder.Request{})
			s.receive()
		}
		s.encoder.Close() // before the next one takes as much memory
	}
}

func testSpeeds(t *testing.T, open Opener) {
	s := start(t, open, base)
	s.warm(5)
	for speed := range s.encoder.Capabilities().Speeds {
		err := s.encoder.Reconfigure(encoder.Reconfiguration{Speed: &speed})
		if err != nil && !errors.Is(err, encoder.ErrUnsupported) {
			t.Errorf("speed %d: %v", speed, err)
		}
		for range 5 {
			s.encode(encoder.Request{})
			s.receive()
			if s.result.Keyframe {
				t.Errorf("speed %d (%v) made a keyframe", speed, err)
			}
		}
	}
}

func testRefusals(t *testing.T, open Opener) {
	start(t, open, base) // skips where there is no driver
	with := func(change func(*encoder.Config)) encoder.Config {
		config := base
		change(&config)
		return config
	}
	for name, c := range map[string]struct {
		config encoder.Config
		want   error
	}{
		"no size":         {encoder.Config{}, media.ErrSize},
		"1x1":             {with(func(c *encoder.Config) { c.Size = media.Size{Width: 1, Height: 1} }), media.ErrSize},
		"8K":              {with(func(c *encoder.Config) { c.Size = media.Size{Width: 7680, Height: 4320} }), media.ErrSize},
		"8K later":        {with(func(c *encoder.Config) { c.MaxSize = media.Size{Width: 7680, Height: 4320} }), media.ErrSize},
		"negative size":   {with(func(c *encoder.Config) { c.Size = media.Size{Width: -640, Height: -360} }), media.ErrSize},
		"max below size":  {with(func(c *encoder.Config) { c.MaxSize = media.Size{Width: 320, Height: 180} }), media.ErrSize},
		"8 bit/s":         {with(func(c *encoder.Config) { c.Bitrate = 8 }), encoder.ErrUnsupported},
		"10 Gbit/s":       {with(func(c *encoder.Config) { c.Bitrate = 10_000 * media.Mbps }), encoder.ErrUnsupported},
		"negative rate":   {with(func(c *encoder.Config) { c.FrameRate = -60 }), encoder.ErrUnsupported},
		"1000 frames/s":   {with(func(c *encoder.Config) { c.FrameRate = 1000 }), encoder.ErrUnsupported},
		"unknown speed":   {with(func(c *encoder.Config) { c.Speed = 99 }), encoder.ErrUnsupported},
		"too many thread": {with(func(c *encoder.Config) { c.Threads = 1000 }), encoder.ErrUnsupported},
	} {
		opened, err := open(c.config)
		if err == nil {
			opened.Close()
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		if opened != nil && err != nil {
			t.Errorf("%s: an encoder beside an error", name)
		}
	}
	s := start(t, open, base)
	s.push(3)
	short := media.NewFrame(base.Size)
	short.V.Data = short.V.Data[:100]
	for name, frame := range map[string]*media.Frame{
		"zero frame": {}, "short plane": short, "wrong size": media.NewFrame(media.Size{Width: 320, Height: 180}),
	} {
		if _, err := s.encoder.Encode(frame, encoder.Request{}, discard); !errors.Is(err, media.ErrFrame) {
			t.Errorf("%s: got %v, want media.ErrFrame", name, err)
		}
	}
	for name, r := range map[string]encoder.Reconfiguration{
		"bitrate": {Bitrate: -1}, "10 Gbit/s": {Bitrate: 10_000 * media.Mbps}, "frame rate": {FrameRate: 100_000},
	} {
		if err := s.encoder.Reconfigure(r); !errors.Is(err, encoder.ErrUnsupported) {
			t.Errorf("reconfigure %s: got %v, want encoder.ErrUnsupported", name, err)
		}
	}
	s.push(3)
	if s.result.Keyframe {
		t.Error("a refused picture or change disturbed the stream")
	}
}

func testEmitFails(t *testing.T, open Opener) {
	s := start(t, open, base)
	s.push(5)
	broken, calls := errors.New("socket is gone"), 0
	s.scene.Draw(s.frame, s.next)
	_, err := s.encoder.Encode(s.frame, encoder.Request{}, func(media.Slice) error {
		calls++
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want emit's own error", err)
	}
	if calls != 1 {
		t.Errorf("emit was called %d times, want no call after it failed", calls)
	}
	s.encode(encoder.Request{Keyframe: true})
	s.receive()
}

func testAllocations(t *testing.T, open Opener) {
	if instrumented {
		t.Skip("the race detector and the address sanitizer allocate")
	}
	s := start(t, open, base)
	s.push(3)
	if allocations := testing.AllocsPerRun(30, func() {
		if _, err := s.encoder.Encode(s.frame, encoder.Request{}, discard); err != nil {
			t.Fatal(err)
		}
	}); allocations > 0 {
		t.Errorf("%.1f allocations a frame", allocations)
	}
}

func testClose(t *testing.T, open Opener) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	cycle := func() {
		s := start(t, open, base)
		s.push(2)
		for range 2 {
			if err := s.encoder.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.encoder.Encode(s.frame, encoder.Request{}, discard); !errors.Is(err, encoder.ErrClosed) {
			t.Errorf("Encode: got %v, want ErrClosed", err)
		}
		if err := s.encoder.Reconfigure(encoder.Reconfiguration{Bitrate: media.Mbps}); !errors.Is(err, encoder.ErrClosed) {
			t.Errorf("Reconfigure: got %v, want ErrClosed", err)
		}
		if _, err := s.encoder.Invalidate(1, 2); !errors.Is(err, encoder.ErrClosed) {
			t.Errorf("Invalidate: got %v, want ErrClosed", err)
		}
		s.encoder.Capabilities()
		s.encoder.CodedSize()
	}
	cycle()
	before := threads(t)
	for range 8 {
		cycle()
	}
	if after := threads(t); after > before+4 { // the Go runtime may have started some
		t.Errorf("%d threads became %d over 8 encoders", before, after)
	}
}

func threads(t *testing.T) int {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", os.Getpid()))
	if err != nil {
		t.Skip(err)
	}
	return len(entries)
}

func discard(media.Slice) error { return nil }
