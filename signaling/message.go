package signaling

import (
	"log/slog"
	"strings"
	"time"
)

// Subprotocol is the WebSocket subprotocol of this version.
const Subprotocol = "nearlight.v1"

// PlayerPath and EdgePath are where a server listens for sockets; AppsPath and HealthPath answer plain GETs.
const (
	PlayerPath = "/signal/player"
	EdgePath   = "/signal/edge"
	AppsPath   = "/api/apps"
	HealthPath = "/healthz"
	LivePath   = "/livez"
	ReadyPath  = "/readyz"
	WHEPPath   = "/whep/" // and the session to look on at
)

// Signaling pings players and edges at these intervals. Either side counts the other as lost when nothing came from it for
// SilentPings of them.
const (
	PlayerPing  = 10 * time.Second
	EdgePing    = 5 * time.Second
	SilentPings = 2.5
)

// SessionID names one session, EdgeID one edge, RequestID one installation; all are chosen by signaling.
type (
	SessionID string
	EdgeID    string
	RequestID string
)

// Size is a picture's width and height in pixels.
type Size struct {
	Width  int `json:"width"`
	Height int `json:"height"`
}

// List is a slice that JSON shows as [] when it is nil.
type List[T any] []T

// App is one entry of an edge's catalogue.
type App struct {
	Name      string    `json:"name"`
	Title     string    `json:"title"`
	Summary   string    `json:"summary"`
	Keys      List[Key] `json:"keys"`
	Package   string    `json:"package"`
	Installed bool      `json:"installed"`
	Hidden    bool      `json:"hidden,omitempty"` // players are not told of it
}

// Key says what one key, or a few together, does in an app.
type Key struct {
	Keys string `json:"keys"`
	Does string `json:"does"`
}

// ICEServer is one STUN or TURN server, as RTCIceServer has it.
type ICEServer struct {
	URLs       List[string] `json:"urls"`
	Username   string       `json:"username,omitempty"`
	Credential string       `json:"credential,omitempty"`
}

// String names a server without what opens it, so that no log shows that.
func (s ICEServer) String() string { return strings.Join(s.URLs, " ") }

// GoString is String: %#v shows no credential either.
func (s ICEServer) GoString() string { return s.String() }

// LogValue is String for slog, whose handlers would write the fields.
func (s ICEServer) LogValue() slog.Value { return slog.StringValue(s.String()) }

// EdgeName is what a player is told about its edge.
type EdgeName struct {
	ID   EdgeID `json:"id"`
	Name string `json:"name"`
}

// Stages of a session that are reported before the picture comes.
const (
	StageStarting   = "starting"   // display and app are being started
	StageConnecting = "connecting" // player and edge are finding a way to each other
)

// Message is one message of the protocol: one of the types below, by value.
type Message interface {
	kind() string
	check(*checks)
}

// Play asks for a session, or, with Resume, for one that was left by accident.
type Play struct {
	Token  string    `json:"token"`
	App    string    `json:"app,omitempty"`  // "": the token's, or whatever the edge runs by itself
	Size   *Size     `json:"size,omitempty"` // nil: the edge's choice
	Codecs []string  `json:"codecs"`         // best first
	Resume SessionID `json:"resume,omitempty"`
	// Restart, with Resume, says that the player still has its connection to the edge: an offer for that one will do.
	Restart bool      `json:"restart,omitempty"`
	Watch   SessionID `json:"watch,omitempty"` // look on at this session instead of playing one
	// Wait says that the player waits in line where every machine is in use (Queued), and goes on with another machine when its own cannot
	// (Moved).
	Wait bool `json:"wait,omitempty"`
	// Measures says that the player answers Measure.
	Measures bool `json:"measures,omitempty"`
}

// Offer carries the edge's session description to the player, or to the edge that of a player that offers, for new ways.
type Offer struct {
	Session SessionID `json:"session,omitempty"` // towards and from edges only, here and in the types below
	SDP     string    `json:"sdp"`
	// Restart says that the offer looks for new ways for the connection that stands (RFC 8445 section 2.4). Without it the offer
	// is a new connection's.
	Restart bool `json:"restart,omitempty"`
	// Edge is there where the edge has a key: a player that answers with Player gets Bound.
	Edge *EdgeKey `json:"edge,omitempty"`
}

// EdgeKey says by which key an edge will sign the connection, and what makes that key one to trust.
type EdgeKey struct {
	Address     string `json:"address"`
	Epoch       uint64 `json:"epoch"`                 // of the lease; 0 where there is none
	Endorsement string `json:"endorsement,omitempty"` // of a studio's root, as identity.Endorsed writes it
	// Signature is the edge's of its offer, whoever the player is: the statement Binding without a player (internal/identity).
	Signature string `json:"signature,omitempty"`
}

// PlayerKey is a player's signature of the connection, the statement Binding (internal/identity), by its session's key.
type PlayerKey struct {
	Address   string `json:"address"`
	Signature string `json:"signature"`
}

// Bound is the edge's signature of the same statement, in answer to the player's.
type Bound struct {
	Session   SessionID `json:"session,omitempty"`
	Signature string    `json:"signature"`
}

// Answer carries the player's session description to the edge, or the edge's to a player that offered.
type Answer struct {
	Session SessionID  `json:"session,omitempty"`
	SDP     string     `json:"sdp"`
	Player  *PlayerKey `json:"player,omitempty"` // nil: the player signs nothing
}

// Candidate is one ICE candidate (RFC 8838); an empty one ends the sender's list.
type Candidate struct {
	Session   SessionID `json:"session,omitempty"`
	Candidate string    `json:"candidate"`
	Mid       string    `json:"mid"`
	Line      int       `json:"line"`
}

// Check asks signaling whether the player's edge is alive.
type Check struct{}

// Restart asks the edge for new ways for a connection that nothing comes through any more: an Offer answers it.
type Restart struct {
	Session SessionID `json:"session,omitempty"`
}

// Unheard tells a player that its edge hears nothing from it any more, though signaling does.
type Unheard struct {
	Session SessionID `json:"session,omitempty"`
}

// Degraded tells signaling that a session's machine does not keep up with it any more, so that its player may be better off at another; without
// a reason it does again.
type Degraded struct {
	Session SessionID `json:"session"`
	Reason  *Error    `json:"reason,omitempty"`
}

// Install asks for an app to be installed: a player without Request, signaling towards an edge with it.
type Install struct {
	Request RequestID `json:"request,omitempty"`
	Token   string    `json:"token"`
	App     string    `json:"app"`
}

// Leave ends the player's session at once.
type Leave struct{}

// Matched tells a player its session and its edge.
type Matched struct {
	Session    SessionID       `json:"session"`
	Edge       EdgeName        `json:"edge"`
	ICEServers List[ICEServer] `json:"iceServers"`
	Share      string          `json:"share,omitempty"` // a token that is good for looking on at the session, and nothing else
	// RelayOnly asks the player to reach its edge through a TURN server alone: neither is told the other's address.
	RelayOnly bool   `json:"relayOnly,omitempty"`
	Lease     *Lease `json:"lease,omitempty"` // nil for a spectator, and where another node of signaling got it
}

// Moved tells a player that its machine cannot go on, and that another one is being found: Matched or Queued follows, or Ended.
type Moved struct {
	Reason *Error `json:"reason"`
}

// Queued tells a player who waits for a machine how far it is. It comes again when that changes.
type Queued struct {
	Position int `json:"position"` // 1: the next one
	Waiting  int `json:"waiting"`  // how many wait, this player too
	Estimate int `json:"estimate"` // seconds until its turn, by how long others waited lately; -1: nobody knows
}

// Progress says which stage the start of a session has reached.
type Progress struct {
	Session SessionID `json:"session,omitempty"`
	Stage   string    `json:"stage"`
	Detail  string    `json:"detail"`
}

// Checked answers Check.
type Checked struct {
	Edge string `json:"edge"` // Alive or Gone
}

// The answers to Check.
const (
	Alive = "alive"
	Gone  = "gone"
)

// Installing says how far an installation is; the last one has Done set, and Error if it failed.
type Installing struct {
	Request RequestID `json:"request,omitempty"`
	App     string    `json:"app"`
	Percent int       `json:"percent"`
	Line    string    `json:"line"`
	Done    bool      `json:"done"`
	Error   *Error    `json:"error,omitempty"`
}

// Ended ends a session: why, and the last lines that the app printed.
type Ended struct {
	Session SessionID    `json:"session,omitempty"`
	Reason  *Error       `json:"reason"`
	Output  List[string] `json:"output"`
}

// Failed refuses a request; the sender closes the connection after it.
type Failed struct {
	Error *Error `json:"error"`
}

// Login says whose key an edge is about to show: a Challenge answers it, and Register with Proof answers that.
type Login struct {
	Address string `json:"address"` // as EIP-55 writes it
}

// Challenge is what an edge's signature has to be about to be fresh.
type Challenge struct {
	Nonce string `json:"nonce"` // 0x and 64 lower-case hexadecimal digits
}

// Proof answers a Challenge: the signature of the statement Login (internal/identity) with the nonce, the host that the edge has dialed,
// the role "edge" and these times, in seconds since 1970.
type Proof struct {
	IssuedAt  int64  `json:"issuedAt"`
	ExpiresAt int64  `json:"expiresAt"`
	Signature string `json:"signature"` // 0x and 130 lower-case hexadecimal digits
}

// Register presents an edge, whose key Proof shows. Sessions is set when it comes back after a lost connection.
type Register struct {
	Token    string       `json:"token,omitempty"` // "" where the operator lets the key in
	Proof    *Proof       `json:"proof,omitempty"` // signaling takes none without
	Name     string       `json:"name"`
	Slots    int          `json:"slots"`
	Free     int          `json:"free"`
	Codecs   List[string] `json:"codecs"`
	Apps     List[App]    `json:"apps"`
	Sessions []SessionID  `json:"sessions,omitempty"`
	// Media is where the edge takes players' packets, ADDRESS:PORT each, for signaling's TURN servers to relay to.
	Media []string `json:"media,omitempty"`
	// Since grows with each connection of the edge: it tells which of two signaling nodes that know the edge has it now.
	Since int64 `json:"since,omitempty"`
	// Running is what the edge runs, told so that a signaling node that has never heard of it can go on. With it Sessions is left out.
	Running []Running `json:"running,omitempty"`
	// Leases is how the edge's slots are: one entry for each, in order.
	Leases []SlotState `json:"leases,omitempty"`
	// Endorsement is what a studio's root has signed of the edge's key, as identity.Endorsed writes it: its players may be given this edge.
	Endorsement string `json:"endorsement,omitempty"`
	Traits
}

// SlotState is a slot as its edge says it is.
type SlotState struct {
	Epoch Epoch `json:"epoch"`
	Taken bool  `json:"taken"`
}

// Leased tells signaling that a slot is the session's.
type Leased struct {
	Session SessionID `json:"session"`
	Lease   *Lease    `json:"lease"`
}

// Status tells signaling what has changed at an edge.
type Status struct {
	Free int   `json:"free"`
	Apps []App `json:"apps,omitzero"` // nil: as before
	// Leases is how the slots are; nil: as before.
	Leases []SlotState `json:"leases,omitzero"`
	// Pictures is in place of those before; nil: as before.
	Pictures []Picture `json:"pictures,omitzero"`
}

// Refuse declines a session that was to start.
type Refuse struct {
	Session SessionID `json:"session"`
	Error   *Error    `json:"error"`
}

// Living answers Probe: the edge and the session live.
type Living struct {
	Session SessionID `json:"session"`
}

// Registered tells an edge its id.
type Registered struct {
	Edge EdgeID `json:"edge"`
	// Usage is how often Usage is wanted of each session, in seconds; 0: never.
	Usage int `json:"usage,omitempty"`
}

// Start asks an edge to run a session, or, with Resume, to offer again for one that it still holds. The token is the
// player's own: the edge verifies it too.
type Start struct {
	Session SessionID    `json:"session"`
	Token   string       `json:"token"`
	App     string       `json:"app,omitempty"`
	Size    *Size        `json:"size,omitempty"`
	Codecs  List[string] `json:"codecs"` // those that both sides know, the player's best first
	Resume  bool         `json:"resume"`
	Restart bool         `json:"restart,omitempty"` // with Resume: the player still has its connection
	Watch   SessionID    `json:"watch,omitempty"`   // the session that this one looks on at
	// Lease is the slot that is meant: Leased, or Refuse, answers first. It must be there unless the session looks on at another (Watch), which
	// takes no slot, or goes on in the one that it has (Resume).
	Lease *Proposal `json:"lease,omitempty"`
	// Offer is the description of a spectator that offers, as WHEP has it: Answer answers it, with all candidates; "" for others.
	Offer string `json:"offer,omitempty"`
	// Trace is the span that the edge's are below, a traceparent of version 00 (W3C Trace Context); "" where nothing is traced.
	Trace string `json:"trace,omitempty"`
}

// Probe asks an edge whether it lives; Living answers within a second.
type Probe struct {
	Session SessionID `json:"session"`
}

// Stop asks an edge to end a session.
type Stop struct {
	Session SessionID `json:"session"`
	Reason  *Error    `json:"reason"`
}

func (Play) kind() string       { return "play" }
func (Offer) kind() string      { return "offer" }
func (Answer) kind() string     { return "answer" }
func (Bound) kind() string      { return "bound" }
func (Candidate) kind() string  { return "candidate" }
func (Check) kind() string      { return "check" }
func (Restart) kind() string    { return "restart" }
func (Unheard) kind() string    { return "unheard" }
func (Degraded) kind() string   { return "degraded" }
func (Install) kind() string    { return "install" }
func (Leave) kind() string      { return "leave" }
func (Matched) kind() string    { return "matched" }
func (Moved) kind() string      { return "moved" }
func (Queued) kind() string     { return "queued" }
func (Leased) kind() string     { return "leased" }
func (Progress) kind() string   { return "progress" }
func (Checked) kind() string    { return "checked" }
func (Installing) kind() string { return "installing" }
func (Ended) kind() string      { return "ended" }
func (Failed) kind() string     { return "error" }
func (Login) kind() string      { return "login" }
func (Challenge) kind() string  { return "challenge" }
func (Register) kind() string   { return "register" }
func (Status) kind() string     { return "status" }
func (Refuse) kind() string     { return "refuse" }
func (Living) kind() string     { return "alive" }
func (Registered) kind() string { return "registered" }
func (Start) kind() string      { return "start" }
func (Probe) kind() string      { return "probe" }
func (Stop) kind() string       { return "stop" }

// Kind returns the message's type as the wire has it.
func Kind(m Message) string { return m.kind() }
