package input

import (
	"testing"

	"nearlight/streamer/control"
)

// Whatever bytes a player sends, nothing breaks, no key is told twice, and nothing is held once it has left.
func FuzzInput(f *testing.F) {
	seed := func(messages ...control.Message) {
		var stream []byte
		for _, m := range messages {
			b, err := control.Append(nil, m)
			if err != nil {
				f.Fatal(err)
			}
			stream = append(append(stream, byte(len(b))), b...)
		}
		f.Add(stream)
	}
	seed(&control.Key{Seq: 1, Down: true, Code: keyW}, &control.Held{Seq: 2}, &control.Key{Seq: 3, Code: keyW})
	seed(&control.Turn{Seq: 1, DX: -1 << 31, DY: 1<<31 - 1}, &control.Wheel{Seq: 2, DX: -32768, DY: 32767})
	seed(&control.Move{Seq: 4, X: 65535}, &control.Button{Seq: 1, Down: true, At: true}, &control.Text{Seq: 5, Text: "ß\n"}, &control.Release{Seq: 6})
	f.Add([]byte{0, 1, 255})
	f.Fuzz(func(t *testing.T, stream []byte) {
		stream = stream[:min(len(stream), 4096)]
		display := newRecorder(t)
		physical, free := fakeKeys()
		in := newInjector(display, physical, free, Config{})
		in.SetSize(1280, 720)
		p := in.Join()
		var parser control.Parser
		for budget := len(free); len(stream) > 0; {
			n := min(int(stream[0]), len(stream)-1)
			message := stream[1 : 1+n]
			stream = stream[1+n:]
			for _, channel := range []control.Channel{control.OnMotion, control.OnControl} {
				m, err := parser.Parse(control.FromPlayer, channel, message)
				if err != nil {
					p.Malformed()
					continue
				}
				if text, ok := m.(*control.Text); ok { // more characters than keycodes take real time; that is tested elsewhere
					if budget -= len([]rune(text.Text)); budget < 0 {
						continue
					}
				}
				p.Handle(m)
			}
		}
		p.Leave()
		if display.held() != 0 {
			t.Fatalf("left with %v %v down", display.down, display.pressed)
		}
	})
}
