package e2etest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"nearlight/internal/identity"
	"nearlight/internal/media"
	"nearlight/signaling"
	"nearlight/signaling/binding"
	"nearlight/signaling/client"
	"nearlight/streamer/control"
	"nearlight/streamer/viewer"
	"nearlight/streamer/viewer/rendezvous"
)

// Request says how a Player plays. The zero value plays whatever the program runs.
type Request struct {
	Token  string              // "" means the link's
	App    string              //
	Codecs []string            // nil means H.264
	Resume signaling.SessionID // go on with this session
	Watch  signaling.SessionID // look on at this session
	Size   *signaling.Size     // nil means the edge's choice
	Key    identity.Signer     // the session's, for tokens that demand one; nil means a new one
	Wait   bool                // go on at another edge; the other one's offer is noted, and not answered

	// Offer replaces the edge's offer before it is taken, and Answer the player's answer before it is sent; nil leaves
	// them as they are.
	Offer  func(offer string) string
	Answer func(offer, answer string) string

	// Look gets each decoded picture, valid until it returns, and Told each message of the edge; nil looks at none.
	Look func(viewer.Frame)
	Told func(control.Message)
}

// Shown is one decoded picture as a test looks at it.
type Shown struct {
	At    time.Time
	Size  media.Size
	Luma  float64 // mean
	Bytes int     // as received
}

// Player is one player. What it has seen is read by its methods; all may be used from several goroutines.
type Player struct {
	viewer  *viewer.Viewer
	signal  *client.Player
	meet    *rendezvous.Rendezvous
	offer   func(offer string) string         // nil takes the offer as it is
	answer  func(offer, answer string) string // nil sends the answer as it is
	look    func(viewer.Frame)
	told    func(control.Message)
	stop    context.CancelFunc
	done    chan struct{}
	offered string // the newest offer, as it was taken; signaled's

	mu      sync.Mutex
	changed chan struct{} // closed and made anew with everything that happens
	session signaling.SessionID
	frames  []Shown
	apps    []control.AppNotice
	video   *control.VideoNotice
	audio   []control.AudioNotice
	heard   Heard
	sound   []int16 // the newest of what was heard
	cursors int
	beats   int
	ways    int // offers of new ways for the connection
	moved   *Moved
	opened  time.Time
	ended   *signaling.Ended
	reason  error // of the end of signaling
	failed  error
}

// Moved is how a player was handed to another edge.
type Moved struct {
	Reason  *signaling.Error
	At      time.Time
	Session signaling.SessionID // "" until there is another
	Offered time.Time           // by the other edge
}

// Moved waits until another edge has offered itself.
func (p *Player) Moved(t testing.TB) Moved {
	t.Helper()
	p.await(t, Patience, "another edge's offer", func() bool { return p.moved != nil && !p.moved.Offered.IsZero() })
	p.mu.Lock()
	defer p.mu.Unlock()
	return *p.moved
}

// Play starts to play. The player leaves when the test ends, if not before.
func (p *Program) Play(t testing.TB, r Request) *Player {
	t.Helper()
	player, err := newPlayer(p.URL, p.Token, r)
	if err != nil {
		t.Fatal(err)
	}
	player.start()
	t.Cleanup(player.Leave)
	return player
}

func newPlayer(url, token string, r Request) (*Player, error) {
	p := &Player{changed: make(chan struct{}), done: make(chan struct{})}
	var err error
	if p.viewer, err = viewer.New(viewer.Config{Decode: true, Hear: p.hear, Microphone: true}, p); err != nil {
		return nil, err
	}
	play := signaling.Play{Token: token, App: r.App, Codecs: r.Codecs, Resume: r.Resume, Watch: r.Watch, Size: r.Size, Wait: r.Wait}
	if r.Token != "" {
		play.Token = r.Token
	}
	if r.Codecs == nil {
		play.Codecs = []string{string(media.H264)}
	}
	if p.signal, err = client.NewPlayer(client.Config{URL: url}, play); err != nil {
		return nil, err
	}
	p.offer, p.answer = r.Offer, r.Answer
	p.look, p.told = r.Look, r.Told
	if r.Key == nil {
		if r.Key, err = identity.NewKey(); err != nil {
			return nil, err
		}
	}
	bond, err := binding.NewPlayer(play.Token, r.Key, time.Now)
	if err != nil {
		bond = nil // no token at all: signaling says so
	}
	p.meet = rendezvous.New(p.viewer, bond, p.send)
	return p, nil
}

// start connects, and goes on until the session ends or the player leaves.
func (p *Player) start() {
	playing, stop := context.WithCancel(context.Background())
	p.stop = stop
	var parts sync.WaitGroup
	parts.Go(func() {
		if err := p.viewer.Run(playing); err != nil && !errors.Is(err, context.Canceled) {
			p.note(func() { p.failed = errors.Join(p.failed, err) })
		}
	})
	parts.Go(func() {
		select {
		case <-p.viewer.Open():
			p.note(func() { p.opened = time.Now() })
		case <-playing.Done():
		}
	})
	parts.Go(func() {
		defer stop()
		err := p.signal.Run(playing, p.signaled)
		p.note(func() { p.reason = err })
	})
	go func() {
		parts.Wait()
		close(p.done)
	}()
}

// note changes what the player knows and wakes who waits for it.
func (p *Player) note(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	close(p.changed)
	p.changed = make(chan struct{})
}

// signaled handles what signaling says.
func (p *Player) signaled(m signaling.Message) {
	var err error
	switch m := m.(type) {
	case signaling.Moved:
		p.note(func() { p.moved = &Moved{Reason: m.Reason, At: time.Now()} })
	case signaling.Matched:
		moved := false
		p.note(func() {
			if moved = p.moved != nil; moved {
				p.moved.Session = m.Session
			}
			p.session = m.Session
		})
		if moved {
			return
		}
		err = p.meet.Hear(m)
	case signaling.Ended:
		p.note(func() { p.ended = &m })
	case signaling.Offer:
		moved := false
		p.note(func() {
			if moved = p.moved != nil; moved {
				p.moved.Offered = time.Now()
			}
		})
		if moved {
			return
		}
		if p.offer != nil {
			m.SDP = p.offer(m.SDP)
		}
		p.offered = m.SDP
		err = p.meet.Hear(m)
		if m.Restart {
			p.note(func() { p.ways++ })
		}
	case signaling.Bound:
		err = p.meet.Hear(m)
	case signaling.Candidate:
		moved := false
		p.note(func() { moved = p.moved != nil })
		if moved {
			return
		}
		err = p.meet.Hear(m)
	}
	if err != nil {
		p.note(func() { p.failed = errors.Join(p.failed, err) })
	}
	if errors.Is(err, &signaling.Error{Code: signaling.CodeUnproven}) {
		p.stop() // as a page would
	}
}

// send sends what the player says to signaling, an answer as Request.Answer leaves it.
func (p *Player) send(m signaling.Message) error {
	if answer, is := m.(signaling.Answer); is && p.answer != nil {
		answer.SDP = p.answer(p.offered, answer.SDP)
		m = answer
	}
	return p.signal.Send(m)
}

// Unproven waits until the player has refused the connection because nobody could show whose it is, or its edge has: whoever looks first.
func (p *Player) Unproven(t testing.TB) {
	t.Helper()
	p.await(t, Patience, "the player refuses the connection", func() bool {
		return errors.Is(p.failed, &signaling.Error{Code: signaling.CodeUnproven}) || p.ended != nil && p.ended.Reason.Code == signaling.CodeUnproven
	})
}

// Restart asks for new ways to the edge, and waits until they were offered and answered.
func (p *Player) Restart(t testing.TB) {
	t.Helper()
	p.mu.Lock()
	before := p.ways
	p.mu.Unlock()
	if err := p.signal.Send(signaling.Restart{}); err != nil {
		t.Fatal(err)
	}
	if !p.until(Patience, func() bool { return p.ways > before }) {
		t.Fatalf("no new ways were offered within %v", Patience)
	}
}

// Frame implements viewer.Watcher.
func (p *Player) Frame(f viewer.Frame) {
	if !p.meet.Proven() {
		return
	}
	if p.look != nil {
		p.look(f)
	}
	shown := Shown{At: time.Now(), Size: f.Picture.Visible, Luma: meanLuma(f.Picture), Bytes: f.Bytes}
	p.note(func() { p.frames = append(p.frames, shown) })
}

// meanLuma looks at every eighth sample of every eighth row.
func meanLuma(f *media.Frame) float64 {
	const step = 8
	sum, n := 0, 0
	for y := 0; y < f.Visible.Height; y += step {
		row := f.Y.Data[y*f.Y.Stride:]
		for x := 0; x < f.Visible.Width; x += step {
			sum += int(row[x])
			n++
		}
	}
	return float64(sum) / float64(n)
}

// Message implements viewer.Watcher.
func (p *Player) Message(m control.Message) {
	if p.told != nil {
		p.told(m)
	}
	p.note(func() {
		switch m := m.(type) {
		case *control.Alive:
			p.beats++
		case *control.Cursor:
			p.cursors++
		case *control.Notice:
			switch body := m.Body.(type) {
			case control.AppNotice:
				p.apps = append(p.apps, body)
			case control.VideoNotice:
				p.video = &body
			case control.AudioNotice:
				p.audio = append(p.audio, body)
			}
		}
	})
}

// Candidate implements viewer.Watcher.
func (p *Player) Candidate(c *webrtc.ICECandidateInit) {
	if err := p.meet.Tell(c); err != nil {
		p.note(func() { p.failed = errors.Join(p.failed, err) })
	}
}

// Send sends one message to the edge.
func (p *Player) Send(t testing.TB, m control.Message) {
	t.Helper()
	if err := p.viewer.Send(m); err != nil {
		t.Fatal(err)
	}
}

// SendRaw sends any bytes to the edge, as a hostile player might.
func (p *Player) SendRaw(on control.Channel, data []byte) error { return p.viewer.SendRaw(on, data) }

// Leave says goodbye, and returns when nothing of the player is left. It may be called more than once.
func (p *Player) Leave() {
	p.stop()
	<-p.done
}
