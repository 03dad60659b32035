package sequence

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Whatever the bus does to frames, each side hands on what the other has sent, in order and once; and once the bus is
// well again, all of it.
func TestMessagesComeInOrderAndOnceWhateverTheBusDoes(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var ends [2]End
		var sent, come [2][]string // sent by, come at
		var air [2][]Frame         // to
		deliver := func(to int, f Frame) {
			bodies, back := ends[to].Receive(f)
			for _, body := range bodies {
				come[to] = append(come[to], string(body))
			}
			air[1-to] = append(air[1-to], back...)
			if n := len(air[1-to]); n > 1000 {
				air[1-to] = air[1-to][n-1000:]
			}
		}
		r.Repeat(map[string]func(*rapid.T){
			"": func(r *rapid.T) {
				for to := range ends {
					if n := len(come[to]); n > len(sent[1-to]) || !slices.Equal(come[to], sent[1-to][:n]) {
						r.Fatalf("sent %v, came %v", sent[1-to], come[to])
					}
				}
			},
			"send": func(r *rapid.T) {
				from := rapid.IntRange(0, 1).Draw(r, "from")
				text := fmt.Sprint(len(sent[from]))
				f, err := ends[from].Send([]byte(text))
				if err != nil {
					r.Skip()
				}
				sent[from] = append(sent[from], text)
				air[1-from] = append(air[1-from], f)
			},
			"keep": func(r *rapid.T) {
				from := rapid.IntRange(0, 1).Draw(r, "from")
				air[1-from] = append(air[1-from], ends[from].Keep())
			},
			"deliver": func(r *rapid.T) {
				to := rapid.IntRange(0, 1).Draw(r, "to")
				if len(air[to]) == 0 {
					r.Skip()
				}
				i := rapid.IntRange(0, len(air[to])-1).Draw(r, "which")
				f := air[to][i]
				if rapid.Bool().Draw(r, "last copy") {
					air[to] = slices.Delete(air[to], i, i+1)
				}
				deliver(to, f)
			},
			"lose": func(r *rapid.T) {
				to := rapid.IntRange(0, 1).Draw(r, "to")
				air[to] = nil
			},
		})
		air = [2][]Frame{}
		for range 3 {
			for from := range ends {
				air[1-from] = append(air[1-from], ends[from].Keep())
			}
			for len(air[0])+len(air[1]) > 0 {
				for to := range ends {
					frames := air[to]
					air[to] = nil
					for _, f := range frames {
						deliver(to, f)
					}
				}
			}
		}
		for to := range ends {
			if !slices.Equal(come[to], sent[1-to]) {
				r.Fatalf("sent %v, came %v", sent[1-to], come[to])
			}
			if !ends[to].Idle() {
				r.Fatalf("%d frames are kept though all have come", len(ends[to].Unacked()))
			}
		}
	})
}

func TestASideThatTakesNothingIsNotSentWithoutBound(t *testing.T) {
	var e End
	for range Window {
		if _, err := e.Send(nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.Send(nil); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
	e.Receive(Frame{Ack: 1 << 40}) // of another link
	if _, err := e.Send(nil); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
	e.Receive(Frame{Ack: Window})
	if _, err := e.Send(nil); err != nil {
		t.Error(err)
	}
	var far End
	if bodies, back := far.Receive(Frame{Seq: Window + 2}); bodies != nil || back != nil || len(far.waiting) > 0 {
		t.Error("what is too far ahead is kept")
	}
}
