package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"nearlight/edge/app"
	"nearlight/edge/sandbox"
	"nearlight/encoder"
	"nearlight/internal/media"
	"nearlight/signaling"
	"nearlight/signaling/client"
	"nearlight/signaling/token"
	"nearlight/streamer"
)

// Config describes a node. All but PlayoutDelay, Stamp and Trace must be set.
type Config struct {
	Name     string
	Slots    int // sessions at a time
	Engine   *streamer.Engine
	Encoders encoder.Ladder
	Encoder  string // a name on the ladder, or encoder.Auto
	Token    string // the edge's own, for signaling
	Verifier *token.Verifier
	Sandbox  *sandbox.Sandbox
	Folder   string // for sessions' files; made if missing

	Size      media.Size // of a session that asks for none
	MaxSize   media.Size // the largest that a session may ask for
	FrameRate int
	Bitrate   media.Bitrate // upper bound

	Offered   []app.Description // what players may start, the one to start by default first
	Installer *app.Installer

	PlayoutDelay streamer.PlayoutDelay
	Stamp        bool // draw the marker into every frame, for measuring apps that do not draw it themselves

	Trace func(media.StageTimes) // called for each frame that was sent, from its session's pipeline; nil for none

	Metrics prometheus.Registerer
	Logger  *slog.Logger
}

// Node runs sessions. It implements client.EdgeHandler.
type Node struct {
	config  Config
	logger  *slog.Logger
	metrics *metrics
	warm    warmScreen
	ready   readiness

	mu       sync.Mutex
	link     *client.Edge
	ctx      context.Context // of Run: sessions end with it; nil before and after
	sessions map[signaling.SessionID]*running
	slots    []bool        // taken
	freed    chan struct{} // closed and made anew whenever a slot is given back
	owned    sync.WaitGroup
}

var _ client.EdgeHandler = (*Node)(nil)

// running is a session under way.
type running struct {
	*session
	stop   context.CancelCauseFunc
	ending bool // its player knows, and its slot is being tidied up
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
	if !config.Size.Fits(config.MaxSize) {
		return nil, fmt.Errorf("size %v is larger than the largest allowed, %v", config.Size, config.MaxSize)
	}
	metrics, err := newMetrics(config.Metrics)
	if err != nil {
		return nil, err
	}
	return &Node{
		config: config, logger: config.Logger, metrics: metrics,
		sessions: map[signaling.SessionID]*running{}, slots: make([]bool, config.Slots), freed: make(chan struct{}),
		ready: readiness{done: make(chan struct{})},
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
	group.Go(func() error { return link.Run(linked) })
	group.Go(func() error { return n.keepWarm(ctx) })
	group.Go(func() error {
		<-ctx.Done()
		n.mu.Lock()
		n.ctx = nil // no session starts from here on
		n.mu.Unlock()
		endSessions(signaling.NewError(signaling.CodeShuttingDown))
		n.owned.Wait()
		unlink() // the link sends what waits, and ends
		return nil
	})
	err := group.Wait()
	return errors.Join(err, n.warm.close())
}

// Registration implements client.EdgeHandler.
func (n *Node) Registration() signaling.Register {
	n.mu.Lock()
	defer n.mu.Unlock()
	register := signaling.Register{
		Token: n.config.Token, Name: n.config.Name, Slots: len(n.slots), Free: n.free(), Codecs: n.codecs(), Apps: n.apps(),
	}
	for id := range n.sessions {
		register.Sessions = append(register.Sessions, id)
	}
	return register
}

// free is how many sessions can begin. One that is being tidied up is not counted: the next one, its player's own
// perhaps, waits for its slot. The caller holds mu.
func (n *Node) free() int {
	free := len(n.slots)
	for _, r := range n.sessions {
		if !r.ending {
			free--
		}
	}
	return max(free, 0)
}

func (n *Node) codecs() []string {
	var codecs []string
	for _, candidate := range n.config.Encoders {
		if codec := string(candidate.Codec); !slices.Contains(codecs, codec) {
			codecs = append(codecs, codec)
		}
	}
	return codecs
}

func (n *Node) apps() []signaling.App {
	apps := make([]signaling.App, 0, len(n.config.Offered))
	for _, d := range n.config.Offered {
		entry := signaling.App{Name: d.Name, Title: d.Title, Summary: d.Summary, Package: d.Package, Installed: d.Installed()}
		for _, key := range d.Keys {
			entry.Keys = append(entry.Keys, signaling.Key{Keys: strings.Join(key.Keys, " "), Does: key.Does})
		}
		apps = append(apps, entry)
	}
	return apps
}

// Registered implements client.EdgeHandler.
func (n *Node) Registered(signaling.EdgeID) { n.ready.registered() }

// Ready is closed when signaling knows the edge and the first display is warm: a player who comes now does not wait for either.
func (n *Node) Ready() <-chan struct{} { return n.ready.done }

// readiness joins the two things that Ready waits for.
type readiness struct {
	mu                 sync.Mutex
	isRegistered, warm bool
	done               chan struct{}
}

func (r *readiness) registered() { r.note(&r.isRegistered) }
func (r *readiness) warmed()     { r.note(&r.warm) }

func (r *readiness) note(what *bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.isRegistered && r.warm
	*what = true
	if !before && r.isRegistered && r.warm {
		close(r.done)
	}
}

// Start implements client.EdgeHandler.
func (n *Node) Start(m signaling.Start) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if m.Resume {
		if r := n.sessions[m.Session]; r != nil {
			r.post(event{resume: true})
		} else {
			n.refuse(m.Session, signaling.NewError(signaling.CodeTimedOut))
		}
		return
	}
	if err := n.start(m); err != nil {
		n.logger.Info("session refused", "session", m.Session, "reason", err)
		n.refuse(m.Session, signaling.AsError(err))
	}
}

// start begins a session. The caller holds mu.
func (n *Node) start(m signaling.Start) error {
	if n.ctx == nil {
		return signaling.NewError(signaling.CodeShuttingDown)
	}
	if n.sessions[m.Session] != nil {
		return signaling.Errorf(signaling.CodeBadMessage, "session %s runs already", m.Session)
	}
	// Signaling has checked the token; an edge does not take its word for it.
	claims, err := n.config.Verifier.Verify(m.Token, token.Player)
	if err != nil {
		return err
	}
	if !claims.Allows(token.Play) || !claims.AllowsApp(m.App) {
		return signaling.Errorf(signaling.CodeBadToken, "This link does not allow playing %s.", m.App)
	}
	description, err := n.offered(m.App)
	if err != nil {
		return err
	}
	if n.free() == 0 {
		return signaling.NewError(signaling.CodeFull)
	}
	s := newSession(n, m.Session)
	s.app, s.size = description, n.config.Size
	if m.Size != nil {
		if wanted := (media.Size{Width: m.Size.Width, Height: m.Size.Height}); wanted.Check() == nil && wanted.Fits(n.config.MaxSize) {
			s.size = wanted
		}
	}
	for _, codec := range m.Codecs {
		s.codecs = append(s.codecs, media.Codec(codec))
	}
	ctx, stop := context.WithCancelCause(n.ctx)
	n.sessions[s.id] = &running{session: s, stop: stop}
	n.metrics.sessions.Inc()
	s.logger.Info("session starts", "app", description.Name, "size", s.size)
	n.owned.Go(func() {
		err := s.run(ctx)
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		s.conclude(ctx, err)
		stop(nil)
		n.ended(s, err)
	})
	n.sendStatus(nil)
	return nil
}

// offered finds the app that a player asked for; without a name it is the first on offer.
func (n *Node) offered(name string) (app.Description, error) {
	if name == "" && len(n.config.Offered) > 0 {
		return n.config.Offered[0], nil
	}
	for _, d := range n.config.Offered {
		if d.Name != name {
			continue
		}
		if !d.Installed() {
			return app.Description{}, signaling.Errorf(signaling.CodeNotInstalled, "%s is not installed on this edge.", d.Title)
		}
		return d, nil
	}
	return app.Description{}, signaling.Errorf(signaling.CodeUnknownApp, "This edge does not offer %q.", name)
}

// takeSlot takes a free slot, one whose display is warm if possible, and waits for one that is being tidied up.
func (n *Node) takeSlot(ctx context.Context) (int, error) {
	for {
		slot, freed := n.tryTakeSlot()
		if slot >= 0 {
			return slot, nil
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return -1, ctx.Err()
		}
	}
}

// tryTakeSlot returns -1 when all slots are taken, and what is closed when one is given back.
func (n *Node) tryTakeSlot() (slot int, freed <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	best := slices.Index(n.slots, false)
	if warm := n.warm.slot(); warm >= 0 && !n.slots[warm] {
		best = warm
	}
	if best >= 0 {
		n.slots[best] = true
	}
	return best, n.freed
}

// conclude tells why a session ends. Its slot counts as free from here on.
func (n *Node) conclude(s *session, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !errors.Is(err, errStopped) {
		n.send(ending(s, err))
	}
	n.vacate(n.sessions[s.id])
}

// vacate says that another session can begin. The caller holds mu.
func (n *Node) vacate(r *running) {
	if !r.ending {
		r.ending = true
		n.sendStatus(nil)
	}
}

// ended frees the slot of a session of which nothing is left.
func (n *Node) ended(s *session, err error) {
	s.logger.Info("session ended", "reason", err)
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.sessions, s.id)
	if s.slot >= 0 {
		n.slots[s.slot] = false
		close(n.freed)
		n.freed = make(chan struct{})
	}
	n.metrics.sessions.Dec()
	n.warm.wake()
}

// ending is what a player is told of the end of its session.
func ending(s *session, err error) signaling.Ended {
	var byApp *appEnded
	var explained *signaling.Error
	message := signaling.Ended{Session: s.id}
	switch {
	case errors.Is(err, errDisplayEnded):
		s.logger.Error("session failed", "error", err)
		message.Reason = signaling.Errorf(signaling.CodeInternal, "The display that the game is drawn on has failed.")
	case errors.As(err, &byApp):
		message.Reason, message.Output = signaling.Errorf(byApp.code, "%s.", byApp.text), byApp.output
	case errors.As(err, &explained):
		message.Reason = explained
	case errors.Is(err, errNotConnected):
		message.Reason = signaling.Errorf(signaling.CodeTimedOut, "No connection to the machine came about.").
			WithHint("A firewall may keep video out of this network; try another one, then play again.")
	case errors.Is(err, errPlayerLost):
		message.Reason = signaling.Errorf(signaling.CodeTimedOut, "The connection was lost for more than %v.", hold)
	default:
		s.logger.Error("session failed", "error", err)
		message.Reason = signaling.AsError(err)
	}
	return message
}

// Answer implements client.EdgeHandler.
func (n *Node) Answer(m signaling.Answer) { n.post(m.Session, event{answer: &m}) }

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

// Install implements client.EdgeHandler.
func (n *Node) Install(m signaling.Install) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ctx == nil {
		return
	}
	ctx := n.ctx
	n.owned.Go(func() { n.install(ctx, m) })
}

func (n *Node) install(ctx context.Context, m signaling.Install) {
	report := func(percent int, line string, done bool, failure *signaling.Error) {
		n.say(signaling.Installing{Request: m.Request, App: m.App, Percent: percent, Line: line, Done: done, Error: failure})
	}
	claims, err := n.config.Verifier.Verify(m.Token, token.Player)
	if err == nil && (!claims.Allows(token.Install) || !claims.AllowsApp(m.App)) {
		err = signaling.Errorf(signaling.CodeBadToken, "This link does not allow installing %s.", m.App)
	}
	index := slices.IndexFunc(n.config.Offered, func(d app.Description) bool { return d.Name == m.App })
	if err == nil && index < 0 {
		err = signaling.Errorf(signaling.CodeUnknownApp, "This edge does not offer %q.", m.App)
	}
	if err != nil {
		report(0, "", true, signaling.AsError(err))
		return
	}
	n.logger.Info("installing", "app", m.App)
	err = n.config.Installer.Install(ctx, n.config.Offered[index], func(percent int, line string) { report(percent, line, false, nil) })
	if err != nil {
		n.logger.Warn("installing failed", "app", m.App, "error", err)
		report(0, "", true, signaling.Errorf(signaling.CodeEdgeRefused, "%v.", err))
		return
	}
	report(100, "", true, nil)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sendStatus(n.apps())
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

func (n *Node) sendStatus(apps []signaling.App) { n.send(signaling.Status{Free: n.free(), Apps: apps}) }
