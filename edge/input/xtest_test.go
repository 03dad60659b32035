package input

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/randr"
	"github.com/jezek/xgb/xproto"

	"nearlight/internal/media"
	"nearlight/streamer/control"
)

// pressAll holds a key and every button.
func pressAll(p *Player) {
	p.Handle(&control.Key{Seq: 1, Down: true, Code: keyW})
	for b := range uint8(5) {
		p.Handle(&control.Button{Seq: 2 + uint32(b), Down: true, Button: b})
	}
}

func TestEachKeyArrivesByItsPhysicalCodeAndIsAnnouncedFirst(t *testing.T) {
	eachServer(t, func(t *testing.T, start func(width, height int) *server) {
		s := start(320, 200)
		app := s.program(320, 200)
		app.listen()
		in, _ := s.inject()
		player, seq := in.Join(), uint32(0)
		for name, code := range control.Keys() {
			seq++
			player.Handle(&control.Key{Seq: seq, Down: true, Code: code})
			if got := app.announced(); got != seq || in.LastInput() != seq {
				t.Errorf("%s: property %d, last input %d, want %d", name, got, in.LastInput(), seq)
			}
			if got := await[xproto.KeyPressEvent](app).Detail; int(got) != int(code)+8 {
				t.Errorf("%s: keycode %d pressed, want %d", name, got, code+8)
			}
			seq++
			player.Handle(&control.Key{Seq: seq, Code: code})
			if got := app.announced(); got != seq {
				t.Errorf("%s: property %d, want %d", name, got, seq)
			}
			if got := await[xproto.KeyReleaseEvent](app).Detail; int(got) != int(code)+8 {
				t.Errorf("%s: keycode %d released, want %d", name, got, code+8)
			}
		}
		for name, want := range map[string]xproto.Keysym{"KeyA": 'a', "Digit1": '1', "Escape": 0xff1b, "ArrowUp": 0xff52, "ArrowLeft": 0xff51, "ArrowRight": 0xff53,
			"ArrowDown": 0xff54, "Space": ' ', "ShiftLeft": 0xffe1, "ControlRight": 0xffe4, "F12": 0xffc9, "NumpadEnter": 0xff8d, "IntlBackslash": '<'} {
			if got := app.symbol(xproto.Keycode(control.Keys()[name] + 8)); got != want {
				t.Errorf("%s is keysym %#x, want %#x", name, got, want)
			}
		}
		app.nothingHeld()
		if stats := in.Stats(); stats.Errors != 0 || stats.Injected != uint64(seq) {
			t.Errorf("stats %+v, want %d injected", stats, seq)
		}
	})
}

func TestTextArrivesAsItsCharacters(t *testing.T) {
	eachServer(t, func(t *testing.T, start func(width, height int) *server) {
		s := start(320, 200)
		app := s.program(320, 200)
		in, _ := s.inject()
		player := in.Join()
		player.Handle(&control.Key{Seq: 1, Down: true, Code: control.Keys()["ShiftLeft"]}) // Shift held or not, it is the same character
		await[xproto.KeyPressEvent](app)
		for i, text := range []string{"äß€漢😀", "Hello, World\n", "äß", "на здоровье, 乾杯, πάμε, שלום, नमस्ते, cheers! 0123456789 ABCDEFGHIJ klmnopqrstuvxyz ÀÁÂÃÄÅÆÇÈÉ"} {
			typed := make(chan bool) // more characters than free keycodes wait for some
			go func() {
				defer close(typed)
				player.Handle(&control.Text{Seq: uint32(i) + 2, Text: text})
			}()
			for _, want := range text {
				press := await[xproto.KeyPressEvent](app)
				symbol := app.symbol(press.Detail) // looked up late, as an app does
				if want == '\n' && symbol == 0xff0d {
					symbol = '\n'
				}
				if symbol >= 0x01000000 {
					symbol -= 0x01000000
				}
				if rune(symbol) != want {
					t.Fatalf("%q: got %q, want %q", text, rune(symbol), want)
				}
				if release := await[xproto.KeyReleaseEvent](app); release.Detail != press.Detail {
					t.Fatalf("keycode %d released, want %d", release.Detail, press.Detail)
				}
			}
			<-typed
		}
		if errors := in.Stats().Errors; errors != 0 {
			t.Errorf("%d errors", errors)
		}
	})
}

func TestAClickLandsOnItsPixel(t *testing.T) {
	eachServer(t, func(t *testing.T, start func(width, height int) *server) {
		const width, height = 1366, 768
		s := start(width, height)
		app := s.program(width, height)
		in, _ := s.inject()
		player, seq := in.Join(), uint32(0)
		fraction := func(at, size int) uint16 { return uint16((at*65535 + (size-1)/2) / (size - 1)) }
		for _, at := range [][2]int{{0, 0}, {width - 1, 0}, {0, height - 1}, {width - 1, height - 1}, {1, 1}, {width / 2, height / 2}, {width - 2, 333}} {
			for dom, number := range xButton {
				seq += 2
				x, y := fraction(at[0], width), fraction(at[1], height)
				player.Handle(&control.Button{Seq: seq, Down: true, Button: uint8(dom), At: true, X: x, Y: y})
				player.Handle(&control.Button{Seq: seq + 1, Button: uint8(dom), At: true, X: x, Y: y})
				press, release := nextButton[xproto.ButtonPressEvent](app), nextButton[xproto.ButtonReleaseEvent](app)
				if byte(press.Detail) != number || int(press.RootX) != at[0] || int(press.RootY) != at[1] {
					t.Errorf("button %d at %d,%d, want %d at %v", press.Detail, press.RootX, press.RootY, number, at)
				}
				if byte(release.Detail) != number || int(release.RootX) != at[0] || int(release.RootY) != at[1] {
					t.Errorf("button %d released at %d,%d, want %d at %v", release.Detail, release.RootX, release.RootY, number, at)
				}
			}
		}
	})
}

// nextButton is the next event but for motion.
func nextButton[E xgb.Event](p *program) E {
	p.t.Helper()
	for {
		event := p.next()
		if wanted, ok := event.(E); ok {
			return wanted
		}
		if _, ok := event.(xproto.MotionNotifyEvent); !ok {
			p.t.Fatalf("got %T %v", event, event)
		}
	}
}

func TestTurningIsExactAndUnacceleratedWhateverIsLost(t *testing.T) {
	eachServer(t, func(t *testing.T, start func(width, height int) *server) {
		s := start(1280, 720)
		app := s.program(1280, 720)
		app.must(xproto.ChangePointerControlChecked(app.conn, 10, 1, 1, true, true).Check()) // ten times faster from the second pixel on
		in, _ := s.inject()
		player := in.Join()
		player.Handle(&control.Move{Seq: 1, X: 32768, Y: 32768})
		settled := &control.Key{Seq: 2, Down: true, Code: keyW}
		player.Handle(settled)
		for {
			if _, ok := app.next().(xproto.KeyPressEvent); ok {
				break
			}
		}
		x0, y0 := app.pointer()
		random := rand.New(rand.NewPCG(1, 2))
		var messages []*control.Turn
		var dx, dy int32
		for seq := range uint32(500) {
			dx, dy = dx+random.Int32N(400)-190, dy+random.Int32N(300)-151
			dx, dy = max(-9000, min(dx, 9000)), max(-5000, min(dy, 5000)) // stay on the screen
			messages = append(messages, &control.Turn{Seq: seq + 3, DX: dx, DY: dy})
		}
		for i := 0; i+4 < len(messages)-1; i += 3 { // some overtake others
			j := i + random.IntN(4)
			messages[i], messages[j] = messages[j], messages[i]
		}
		for i, m := range messages {
			if i == len(messages)-1 || random.IntN(3) > 0 { // a third is lost
				player.Handle(m)
			}
		}
		player.Handle(&control.Key{Seq: 1000, Code: keyW})
		for {
			if _, ok := app.next().(xproto.KeyReleaseEvent); ok {
				break
			}
		}
		x, y := app.pointer()
		if gotX, gotY := int32(x-x0)*16, int32(y-y0)*16; max(gotX-dx, dx-gotX) >= 16 || max(gotY-dy, dy-gotY) >= 16 {
			t.Errorf("moved by %d,%d units, want %d,%d", gotX, gotY, dx, dy)
		}
	})
}

func TestAGameThatWarpsThePointerBackSeesEveryPixel(t *testing.T) {
	eachServer(t, func(t *testing.T, start func(width, height int) *server) {
		s := start(640, 480)
		app := s.program(640, 480)
		in, _ := s.inject()
		player := in.Join()
		const x0, y0 = 320, 240
		centre := func() {
			app.must(xproto.WarpPointerChecked(app.conn, 0, app.root, 0, 0, 0, 0, x0, y0).Check())
		}
		centre()
		var sumX, sumY, wantX, wantY int32
		for seq := range uint32(200) {
			wantX, wantY = wantX+137, wantY-91 // far off the screen in the end
			player.Handle(&control.Turn{Seq: seq + 1, DX: wantX * 16, DY: wantY * 16})
			for { // the warp's own event may come first
				if at := await[xproto.MotionNotifyEvent](app); at.RootX != x0 || at.RootY != y0 {
					sumX, sumY = sumX+int32(at.RootX)-x0, sumY+int32(at.RootY)-y0
					break
				}
			}
			centre()
		}
		if sumX != wantX || sumY != wantY {
			t.Errorf("the game saw %d,%d, want %d,%d", sumX, sumY, wantX, wantY)
		}
	})
}

func TestTheWheelClicksItsButtons(t *testing.T) {
	eachServer(t, func(t *testing.T, start func(width, height int) *server) {
		s := start(320, 200)
		app := s.program(320, 200)
		in, _ := s.inject()
		player := in.Join()
		for i, m := range []control.Wheel{{DY: 240}, {DY: -120}, {DX: 120}, {DX: -120}} {
			m.Seq = uint32(i) + 1
			player.Handle(&m)
		}
		var got []xproto.Button
		for range 5 {
			got = append(got, await[xproto.ButtonPressEvent](app).Detail)
			await[xproto.ButtonReleaseEvent](app)
		}
		if want := []xproto.Button{5, 5, 4, 7, 6}; !slices.Equal(got, want) {
			t.Errorf("got buttons %v, want %v", got, want)
		}
	})
}

func TestNothingStaysDownWhenAPlayerReleasesLeavesOrTheInjectorCloses(t *testing.T) {
	eachServer(t, func(t *testing.T, start func(width, height int) *server) {
		for name, end := range map[string]func(*Injector, *Player){
			"release": func(_ *Injector, p *Player) { p.Handle(&control.Release{Seq: 100}) },
			"held":    func(_ *Injector, p *Player) { p.Handle(&control.Held{Seq: 100}) },
			"leave":   func(_ *Injector, p *Player) { p.Leave() },
			"close":   func(in *Injector, _ *Player) { in.Close() },
		} {
			t.Run(name, func(t *testing.T) {
				s := start(320, 200)
				app := s.program(320, 200)
				in, _ := s.inject()
				player := in.Join()
				pressAll(player)
				for range 6 {
					app.next()
				}
				end(in, player)
				for range 6 {
					switch event := app.next().(type) {
					case xproto.KeyReleaseEvent, xproto.ButtonReleaseEvent:
					default:
						t.Errorf("got %T", event)
					}
				}
				app.nothingHeld()
			})
		}
	})
}

func TestAFloodOfMalformedMessagesIsHarmless(t *testing.T) {
	eachServer(t, func(t *testing.T, start func(width, height int) *server) {
		s := start(320, 200)
		app := s.program(320, 200)
		in, _ := s.inject()
		player := in.Join()
		random := rand.New(rand.NewPCG(3, 4))
		var parser control.Parser
		refused := uint64(0)
		for range 100_000 {
			b := make([]byte, random.IntN(20))
			for i := range b {
				b[i] = byte(random.Uint32())
			}
			if len(b) > 0 && random.IntN(2) == 0 {
				b[0] = []byte{1, 2, 3, 0x10, 0x11, 0x12, 0x14}[random.IntN(7)]
			}
			m, err := parser.Parse(control.FromPlayer, control.Channel(1+random.IntN(2)), b)
			if err != nil {
				refused++
				player.Malformed()
				continue
			}
			player.Handle(m)
		}
		player.Leave()
		again := in.Join()
		again.Handle(&control.Key{Seq: 1, Down: true, Code: 88}) // F12
		for {
			if press, ok := app.next().(xproto.KeyPressEvent); ok && press.Detail == 96 {
				break
			}
		}
		again.Leave()
		for {
			if release, ok := app.next().(xproto.KeyReleaseEvent); ok && release.Detail == 96 {
				break
			}
		}
		app.nothingHeld()
		if stats := in.Stats(); stats.Dropped[Malformed] != refused || stats.Errors != 0 {
			t.Errorf("%d refused, stats %+v", refused, stats)
		}
	})
}

func TestClicksFollowTheScreensSize(t *testing.T) {
	eachServer(t, func(t *testing.T, start func(width, height int) *server) {
		s := start(1280, 720)
		app := s.program(1280, 720)
		in, _ := s.inject()
		player := in.Join()
		resize(t, s, 800, 600)
		// The news travels on the injector's own connection; ask until it is there.
		for seq := uint32(1); ; seq++ {
			if w, h := in.Size(); w == 800 && h == 600 {
				break
			}
			if seq > 100_000 {
				w, h := in.Size()
				t.Fatalf("the injector still has %dx%d", w, h)
			}
			app.pointer() // a round trip, so that this is no busy loop
		}
		player.Handle(&control.Button{Seq: 1, Down: true, At: true, X: 65535, Y: 65535})
		if press := nextButton[xproto.ButtonPressEvent](app); press.RootX != 799 || press.RootY != 599 {
			t.Errorf("clicked at %d,%d, want 799,599", press.RootX, press.RootY)
		}
		in.SetSize(400, 300) // a caller that knows earlier
		player.Handle(&control.Button{Seq: 2, At: true, X: 65535, Y: 65535})
		if release := nextButton[xproto.ButtonReleaseEvent](app); release.RootX != 399 || release.RootY != 299 {
			t.Errorf("released at %d,%d, want 399,299", release.RootX, release.RootY)
		}
		in.SetSize(0, 40_000)
		if w, h := in.Size(); w != 400 || h != 300 {
			t.Errorf("took %dx%d for a size", w, h)
		}
	})
}

// resize changes the screen's size as a monitor does: off, another size, and no monitor at all, which X allows.
func resize(t *testing.T, s *server, width, height uint16) {
	t.Helper()
	if s.session != nil {
		if err := s.session.Resize(media.Size{Width: int(width), Height: int(height)}); err != nil {
			t.Fatal(err)
		}
		return
	}
	conn := s.dial()
	defer conn.Close()
	root := xproto.Setup(conn).DefaultScreen(conn).Root
	extension, err := xproto.QueryExtension(conn, 5, "RANDR").Reply()
	if err != nil {
		t.Fatal(err)
	}
	conn.Extensions["RANDR"] = extension.MajorOpcode // not randr.Init, which writes to maps that every connection reads
	resources, err := randr.GetScreenResourcesCurrent(conn, root).Reply()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := randr.SetCrtcConfig(conn, resources.Crtcs[0], 0, 0, 0, 0, 0, randr.RotationRotate0, nil).Reply(); err != nil {
		t.Fatal(err)
	}
	if err := randr.SetScreenSizeChecked(conn, root, width, height, 200, 150).Check(); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkInjectKey(b *testing.B) {
	s := startServer(b, 320, 200)
	in, err := New(s.dial(), Config{})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- in.Run(ctx) }()
	player := in.Join()
	seq := uint32(0)
	b.ReportAllocs()
	for b.Loop() {
		seq++
		player.in.mu.Lock()
		player.in.begin(player, seq)
		player.in.key(keyW+evdevOffset, seq%2 == 1)
		player.injected(seq)
		player.in.mu.Unlock()
	}
	b.StopTimer()
	cancel()
	<-ended
}
