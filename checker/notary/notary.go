package notary

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"nearlight/checker/committee"
	"nearlight/checker/epoch"
	"nearlight/checker/exam"
	"nearlight/internal/identity"
)

// Beacon is public randomness, as checker/beacon gets it.
type Beacon interface {
	// RoundAt is the latest round whose time has come at an instant; 0 before the first.
	RoundAt(time.Time) uint64
	// TimeOf is when a round comes.
	TimeOf(round uint64) time.Time
	// Value is a round's value, of which is known that it is the beacon's.
	Value(ctx context.Context, round uint64) ([32]byte, error)
}

// Config is how a network checks its edges.
type Config struct {
	Folder       string
	Requirements exam.Requirements
	Committee    committee.Size
	Cap          uint64 // what stake counts up to; 0 is none
	// Uncapped counts several reports of one owner or network: for a whole network on one machine, whose verdicts prove nothing to others.
	Uncapped bool
	// Checkers are who is licensed as an epoch begins; what was found of them in epochs before counts, not what is said here.
	Checkers func() []epoch.Checker
	Beacon   Beacon
	// Chain and BeaconPath are told to checkers (Now).
	Chain      string
	BeaconPath string
	// Terms are what checkers and edges earn in an epoch that begins; nil is nothing. A network that changes the currency counts what was earned anew.
	Terms *epoch.Terms
	Epoch time.Duration // no task is set later than this after the first; 0 is DefaultEpoch
	// Pass makes a token with which a task's edge may be visited until commitments are due, whatever state it is in. An error that wraps ErrNoPass is told to who asks; others are of the disk. It is
	// called without a lock.
	Pass func(epoch.Task) (Pass, error)
	// Host says whether the network is known by the name that an owner's wish was sent to; nil is any.
	Host func(string) bool
	// Lenient lets edges that nobody has checked yet have players meanwhile, as newcomers have: for a network that has just begun.
	Lenient bool
	// Present lists the edges that are there now. It is called without a lock.
	Present func() []Presence
	// Changed is called when what is known of an edge may have changed, without a lock; nil for nobody.
	Changed func(identity.Address)
	Now     func() time.Time // nil is time.Now
	Log     *slog.Logger     // nil is none
}

// Presence is an edge that is there.
type Presence struct {
	Edge identity.Address
	Name string
	Free int // slots
	// Claim is where it says that it is; nil: it does not say.
	Claim *epoch.Claim
	// Block is the /24 or /48 that it connects from, and Endorsed is whoever has endorsed it; their zero values say nothing. Edges that have one of the two in
	// common may be one machine.
	Block    netip.Prefix
	Endorsed string
	// Closed says why nobody can visit it as players do, so that its experience is not checked; "" where somebody can.
	Closed string
}

// DefaultEpoch is how long an epoch takes: an edge that comes while one runs waits for the next.
const DefaultEpoch = 10 * time.Minute

// tick is how often a notary looks what is due.
const tick = time.Second

// Notary keeps one network's logs.
type Notary struct {
	config Config

	mu       sync.Mutex
	log      *epoch.Log
	number   uint64
	entries  uint64       // of the epoch's log
	previous epoch.Hash   // root of the epoch before
	terms    *epoch.Terms // of the epoch
	at       epoch.Millis // of the latest entry: times never go back
	begun    epoch.Millis // when the epoch's first task was set; 0: none is
	tasks    map[epoch.Hash]*task
	newest   uint64 // round of the beacon that is in the log
	edges    map[identity.Address]*edge
	lock     *os.File // held locked
	lives    file
	disk     disk
	// happenings are the lines of lives.log that have come since it was compacted.
	happenings int
	told       map[epoch.Hash]bool                 // verdicts of the epoch that lives.log has already, since a process before this one came to them
	roster     map[identity.Address]*epoch.Checker // the epoch's, with their scores
	decided    []Decided                           // newest last, mostDecided at the most
	grown      chan struct{}                       // closed, and made anew, with each entry
	unset      map[string]bool                     // why checks of experience that are due are not set just now
}

// Open opens the folder, or makes it, and goes on where it stands.
func Open(config Config) (_ *Notary, err error) {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Epoch <= 0 {
		config.Epoch = DefaultEpoch
	}
	if config.Committee.Seats == 0 || config.Committee.Minimum < 1 {
		return nil, errors.New("notary: a committee has seats and a minimum")
	}
	if config.Terms != nil {
		if err := config.Terms.Check(); err != nil {
			return nil, fmt.Errorf("notary: what is earned: %w", err)
		}
	}
	if err := os.MkdirAll(config.Folder, 0o755); err != nil {
		return nil, fmt.Errorf("notary: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(config.Folder, "notary.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("notary: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, lock.Close())
		}
	}()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, fmt.Errorf("notary: another process keeps the log in %s", config.Folder)
	}
	n := &Notary{lock: lock, config: config, edges: make(map[identity.Address]*edge), told: make(map[epoch.Hash]bool), disk: systemDisk, grown: make(chan struct{})}
	if err := n.openLives(); err != nil {
		return nil, err
	}
	if err := n.openEpoch(); err != nil {
		return nil, errors.Join(err, n.lives.Close())
	}
	maps.DeleteFunc(n.told, func(id epoch.Hash, _ bool) bool { return n.tasks[id] == nil })
	return n, nil
}

// Close closes the files. Nothing else may be called after it.
func (n *Notary) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return errors.Join(n.log.Close(), n.lives.Close(), n.lock.Close())
}

// Run sets tasks, comes to verdicts and closes epochs until ctx is done. An error is of the disk: what was taken is safe, and nothing more can be.
func (n *Notary) Run(ctx context.Context) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		if err := n.Tick(ctx); err != nil {
			return fmt.Errorf("notary: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Tick does what is due now. Run calls it each second.
func (n *Notary) Tick(ctx context.Context) error {
	drawn, err := n.draw(ctx)
	if err != nil { // no task is set; those that run go on
		n.config.Log.Warn("no check is set: the beacon gives no round", "error", err)
	}
	come, err := n.come(ctx)
	if err != nil {
		n.config.Log.Warn("checks wait for who is drawn: the beacon gives no round", "error", err)
	}
	changed, err := n.advance(drawn, come, n.config.Present())
	for address := range changed {
		n.tell(address)
	}
	return err
}

func (n *Notary) tell(address identity.Address) {
	if n.config.Changed != nil {
		n.config.Changed(address)
	}
}

// now is the time for the next entry.
func (n *Notary) now() epoch.Millis {
	return max(epoch.Millis(n.config.Now().UnixMilli()), n.at)
}

// append writes entries to the log, and wakes who waits for them.
func (n *Notary) append(entries ...epoch.Entry) error {
	err := n.log.Append(entries...)
	if err == nil {
		n.entries += uint64(len(entries))
	}
	close(n.grown)
	n.grown = make(chan struct{})
	return err
}

func (n *Notary) path(number uint64) string {
	return filepath.Join(n.config.Folder, fmt.Sprintf("epoch-%d.log", number))
}
