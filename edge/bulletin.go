package edge

import (
	"log/slog"
	"slices"
	"sync"

	"nearlight/streamer"
	"nearlight/streamer/control"
)

// bulletin keeps the newest of each thing that a player has to know, and tells it to whoever is connected, spectators too: at
// once when it changes, and all of it to who comes (back) later. It is safe for concurrent use.
type bulletin struct {
	logger *slog.Logger

	mu     sync.Mutex
	peers  []*streamer.Peer // whose control channels are open
	app    *control.Notice
	video  *control.Notice
	audio  *control.Notice
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

func (b *bulletin) setAudio(n control.AudioNotice) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.audio = &control.Notice{Body: n}
	b.send(b.audio)
}

func (b *bulletin) setCursor(c *control.Cursor) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cursor = c
	b.send(c)
}

// tellEach sends what is only worth knowing now, and is another thing for each peer.
func (b *bulletin) tellEach(what func(*streamer.Peer) control.NoticeBody) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, peer := range b.peers {
		b.tellOne(peer, &control.Notice{Body: what(peer)})
	}
}

// add tells a peer all there is, and what follows.
func (b *bulletin) add(peer *streamer.Peer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.peers = append(b.peers, peer)
	if b.app != nil {
		b.tellOne(peer, b.app)
	}
	if b.video != nil {
		b.tellOne(peer, b.video)
	}
	if b.audio != nil {
		b.tellOne(peer, b.audio)
	}
	if b.cursor != nil {
		b.tellOne(peer, b.cursor)
	}
}

// remove tells a peer no more. One that was never added is no matter.
func (b *bulletin) remove(peer *streamer.Peer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.peers = slices.DeleteFunc(b.peers, func(p *streamer.Peer) bool { return p == peer })
}

func (b *bulletin) send(m control.Message) {
	for _, peer := range b.peers {
		b.tellOne(peer, m)
	}
}

func (b *bulletin) tellOne(peer *streamer.Peer, m control.Message) {
	if err := peer.Send(m); err != nil {
		b.logger.Debug("tell the player", "error", err)
	}
}
