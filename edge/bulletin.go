package edge

import (
	"log/slog"
	"sync"

	"nearlight/streamer"
	"nearlight/streamer/control"
)

// bulletin keeps the newest of each thing that a player has to know, and tells it to whoever is connected: at once when
// it changes, and all of it to a player who comes (back) later. It is safe for concurrent use.
type bulletin struct {
	logger *slog.Logger

	mu     sync.Mutex
	peer   *streamer.Peer // whose control channel is open; nil for none
	app    *control.Notice
	video  *control.Notice
	cursor *control.Cursor
}

func (b *bulletin) setApp(n control.AppNotice) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.app = &control.Notice{Body: n}
	b.send(b.app)
}

func (b *bulletin) setVideo(n control.VideoNotice) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.video = &control.Notice{Body: n}
	b.send(b.video)
}

func (b *bulletin) setCursor(c *control.Cursor) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cursor = c
	b.send(c)
}

// tell sends what is only worth knowing now.
func (b *bulletin) tell(n control.NoticeBody) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.send(&control.Notice{Body: n})
}

// address makes peer the one who is told, and tells it all; nil for nobody.
func (b *bulletin) address(peer *streamer.Peer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.peer = peer
	if b.app != nil {
		b.send(b.app)
	}
	if b.video != nil {
		b.send(b.video)
	}
	if b.cursor != nil {
		b.send(b.cursor)
	}
}

func (b *bulletin) send(m control.Message) {
	if b.peer == nil {
		return
	}
	if err := b.peer.Send(m); err != nil {
		b.logger.Debug("tell the player", "error", err)
	}
}
