package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"golang.org/x/sync/errgroup"

	"nearlight/edge/app"
	"nearlight/edge/display"
	"nearlight/edge/leaselog"
	"nearlight/edge/sandbox"
	"nearlight/encoder"
	"nearlight/internal/identity"
	"nearlight/internal/media"
	"nearlight/signaling"
	"nearlight/signaling/client"
	"nearlight/signaling/lease"
	"nearlight/signaling/token"
	"nearlight/streamer"
	"nearlight/streamer/control"
)

// Config describes a node. All but Token, Endorsed, Regions, Price, Place, Display, NVIDIA, Audio, Time, Local, Congestion, Stamp, Trace and
// Spans must be set.
type Config struct {
	Name     string
	Slots    int // sessions at a time
	Engine   *streamer.Engine
	Encoders encoder.Ladder // those that may be used
	// Time measures how long encoders take here for pictures of the usual size; nil leaves it unknown. It is called once, while
	// sessions may already run.
	Time     func(context.Context, encoder.Ladder, encoder.Config) encoder.Timings
	Token    string // the edge's own, for signaling; "" where its key does
	Verifier *token.Verifier
	Identity identity.Signer    // the edge's key, which its name is made of and its leases are signed by
	Leases   *leaselog.Log      // where they are written down: of that key's
	Endorsed *identity.Endorsed // what a studio's root has signed of that key; nil for nothing
	Regions  []string           // that the edge lies in
	Price    uint64             // for a second, in the payment token's smallest unit
	Place    *signaling.Place   // where it is; nil leaves that to signaling to find out
	Display  display.Kind       // empty means display.Xvfb; with display.Offscreen, Offered is our own scene and what checkers ask of it
	NVIDIA   string             // folder of NVIDIA's libraries; empty means where the system looks
	Audio    bool               // sessions have sound; off screen none has
	Sandbox  *sandbox.Sandbox
	Folder   string // for sessions' files; made if missing

	Size      media.Size // of a session that asks for none
	MaxSize   media.Size // the largest that a session may ask for
	FrameRate int
	Bitrate   media.Bitrate // upper bound
	// Chroma is what pictures are captured in, and coded in for players who decode it in H.264; others get 4:2:0.
	Chroma media.Chroma

	Offered   []app.Description // what players may start, the one to start by default first
	Installer *app.Installer

	Media      []netip.AddrPort    // where players' packets arrive, for signaling's TURN servers; may be empty
	Local      bool                // players are on this machine's network
	Congestion streamer.Controller // empty: streamer.Nearlight
	Stamp      bool                // draw the marker into every frame, for measuring apps that do not draw it themselves

	Trace func(media.StageTimes)               // called for each frame that was sent, from its session's pipeline; nil for none
	Heard func(control.Message, media.Instant) // called for each input when it comes, from its player's connection; nil for none

	Metrics prometheus.Registerer
	Spans   trace.Tracer // of sessions' lives; nil for none
	Logger  *slog.Logger
}

// Node runs sessions. It implements client.EdgeHandler.
type Node struct {
	config  Config
	logger  *slog.Logger
	metrics *metrics
	warm    warmScreen
	ready   readiness
	timings atomic.Pointer[encoder.Timings] // nil until measured
	drawnOn atomic.Pointer[encoder.GPU]     // by the newest screen; nil before the first
	terms   terms
	use     use

	born time.Time // of the clock of leases

	mu       sync.Mutex
	leases   *lease.Table
	draining bool
	link     *client.Edge
	ctx      context.Context // of Run: sessions end with it; nil before and after
	sessions map[signaling.SessionID]*running
	spent    spentTokens
	slots    []bool        // taken
	freed    chan struct{} // closed and made anew whenever a slot is given back
	owned    sync.WaitGroup
}

var _ client.EdgeHandler = (*Node)(nil)

// running is a session under way.
type running struct {
	*session
	ctx    context.Context // of the session: who looks on at it ends with it
	stop   context.CancelCauseFunc
	ending bool // its player knows, and its slot is being tidied up
	// hardship is what the machine holds of a session that it does not keep up with; nil: it does.
	hardship *hardship
}

// errStopped ends a session because signaling said so: nothing needs to be told to it.
var errStopped = errors.New("stopped by signaling")

// NewNode checks the configuration. Nothing is started before Run.
func NewNode(config Config) (*Node, error) {
	if config.Slots < 1 {
		return nil, fmt.Errorf("an edge needs at least one slot, not %d", config.Slots)
	}
	if err := errors.Join(config.Size.Check(), config.MaxSize.Check()); err != nil {
		return nil, err
	}
	if config.Identity == nil || config.Leases == nil {
		return nil, errors.New("an edge needs a key, and a log of the leases that it signs")
	}
	if !config.Size.Fits(config.MaxSize) {
		return nil, fmt.Errorf("size %v is larger than the largest allowed, %v", config.Size, config.MaxSize)
	}
	metrics, err := newMetrics(config.Metrics)
	if err != nil {
		return nil, err
	}
	if config.Spans == nil {
		config.Spans = noop.NewTracerProvider().Tracer("")
	}
	return &Node{
		config: config, logger: config.Logger, metrics: metrics,
		sessions: map[signaling.SessionID]*running{}, slots: make([]bool, config.Slots), freed: make(chan struct{}),
		terms: terms{config.Regions, config.Price}, spent: spentTokens{}, use: newUse(),
		ready: readiness{done: make(chan struct{})}, born: time.Now(), leases: lease.New(config.Leases.Epochs(config.Slots)),
	}, nil
}

// Run serves signaling over link, whose handler the node is, until ctx ends or signaling refuses the edge. When it
// returns, all sessions and displays are gone.
func (n *Node) Run(ctx context.Context, link *client.Edge) error {
	// Sessions outlive ctx for a moment, so that their players are told why they end.
	sessions, endSessions := context.WithCancelCause(context.WithoutCancel(ctx))
	linked, unlink := context.WithCancel(context.WithoutCancel(ctx))
	defer unlink()
	n.mu.Lock()
	n.link, n.ctx = link, sessions
	n.mu.Unlock()

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return n.keepUse(ctx) })
	group.Go(func() error { return link.Run(linked) })
	group.Go(func() error { return n.keepWarm(ctx) })
	group.Go(func() error { return n.keepLeases(ctx) })
	group.Go(func() error { return n.timeEncoders(ctx) })
	group.Go(func() error {
		<-ctx.Done()
		n.mu.Lock()
		n.ctx = nil // no session starts from here on
		n.draining = true
		n.sendStatus(nil) // signaling hands the players of those that end now to other edges
		n.mu.Unlock()
		endSessions(signaling.NewError(signaling.CodeShuttingDown))
		n.owned.Wait()
		n.awaitCounted()
		unlink() // the link sends what waits, and ends
		return nil
	})
	err := group.Wait()
	return errors.Join(err, n.warm.close())
}

// timeEncoders finds out which encoders keep up with the usual sessions.
func (n *Node) timeEncoders(ctx context.Context) error {
	if n.config.Time == nil {
		return nil
	}
	found := n.config.Time(ctx, n.config.Encoders, encoder.Config{Size: n.config.Size, FrameRate: n.config.FrameRate, Bitrate: n.config.Bitrate})
	n.timings.Store(&found)
	if pictures := n.pictures(); pictures != nil {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.send(signaling.Status{Free: n.free(), Pictures: pictures})
	}
	return nil
}

// encoderTimings is what is known of them by now.
func (n *Node) encoderTimings() encoder.Timings {
	if found := n.timings.Load(); found != nil {
		return *found
	}
	return nil
}

// hasSound reports whether sessions have sound.
func (n *Node) hasSound() bool { return n.config.Audio && n.config.Display != display.Offscreen }

// maxMedia is how many addresses signaling takes.
const maxMedia = 16

// Registration implements client.EdgeHandler.
func (n *Node) Registration() signaling.Register {
	n.mu.Lock()
	defer n.mu.Unlock()
	register := signaling.Register{
		Token: n.config.Token, Name: n.config.Name, Slots: len(n.slots), Free: n.free(), Codecs: n.codecs(), Apps: n.apps(),
		Since: time.Now().UnixMilli(), Leases: n.slotStates(),
	}
	register.Traits = signaling.Traits{Price: n.terms.price, Regions: n.terms.regions, Place: n.config.Place, Pictures: n.pictures()}
	if endorsed := n.config.Endorsed; endorsed != nil {
		text, _ := endorsed.MarshalText() // does not fail
		register.Endorsement = string(text)
	}
	for _, at := range n.config.Media[:min(len(n.config.Media), maxMedia)] {
		register.Media = append(register.Media, at.String())
	}
	for _, r := range n.sessions {
		if !r.ending {
			register.Running = append(register.Running, r.told())
		}
	}
	return register
}

// free is how many sessions can begin: none while the machine does not keep up with those that it has. One that is being tidied up has given its lease back: the next one, its player's own
// perhaps, waits for its slot. The caller holds mu.
func (n *Node) free() int {
	if n.draining || n.hardships() > 0 {
		return 0
	}
	free := 0
	for _, s := range n.leases.Slots(n.sinceStart()) {
		if !s.Taken {
			free++
		}
	}
	return free
}

func (n *Node) codecs() []string {
	var codecs []string
	for _, codec := range n.config.Encoders.Codecs() {
		codecs = append(codecs, string(codec))
	}
	if n.config.Chroma == media.Chroma444 {
		codecs = append(codecs, codecH264In444)
	}
	return codecs
}

func (n *Node) apps() []signaling.App {
	apps := make([]signaling.App, 0, len(n.config.Offered))
	for _, d := range n.config.Offered {
		entry := signaling.App{Name: d.Name, Title: d.Title, Summary: d.Summary, Package: d.Package, Installed: d.Installed(), Hidden: d.Hidden}
		for _, key := range d.Keys {
			entry.Keys = append(entry.Keys, signaling.Key{Keys: strings.Join(key.Keys, " "), Does: key.Does})
		}
		apps = append(apps, entry)
	}
	return apps
}

// Registered implements client.EdgeHandler.
func (n *Node) Registered(m signaling.Registered) {
	n.tellHardships()
	n.ready.registered()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.wanted(m.Usage)
}

// Answer implements client.EdgeHandler.
func (n *Node) Answer(m signaling.Answer) { n.post(m.Session, event{answer: &m}) }

// Offer implements client.EdgeHandler.
func (n *Node) Offer(m signaling.Offer) { n.post(m.Session, event{offer: &m}) }

// Restart implements client.EdgeHandler.
func (n *Node) Restart(id signaling.SessionID) { n.post(id, event{restart: true}) }

// Candidate implements client.EdgeHandler.
func (n *Node) Candidate(m signaling.Candidate) { n.post(m.Session, event{candidate: &m}) }

func (n *Node) post(id signaling.SessionID, e event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if r := n.sessions[id]; r != nil {
		r.post(e)
	}
}

// Probe implements client.EdgeHandler.
func (n *Node) Probe(id signaling.SessionID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sessions[id] != nil
}

// Stop implements client.EdgeHandler.
func (n *Node) Stop(m signaling.Stop) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if r := n.sessions[m.Session]; r != nil {
		r.stop(errStopped)
		n.vacate(r) // at once: the player may be back before the session has noticed
	}
}

// say sends a message to signaling.
func (n *Node) say(m signaling.Message) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.send(m)
}

// send is say for a caller that holds mu.
func (n *Node) send(m signaling.Message) {
	if err := n.link.Send(m); err != nil {
		n.logger.Error("tell signaling", "message", fmt.Sprintf("%T", m), "error", err)
	}
}

func (n *Node) refuse(id signaling.SessionID, reason *signaling.Error) {
	n.send(signaling.Refuse{Session: id, Error: reason})
}

func (n *Node) sendStatus(apps []signaling.App) {
	n.send(signaling.Status{Free: n.free(), Apps: apps, Leases: n.slotStates()})
}
