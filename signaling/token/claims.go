package token

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"nearlight/internal/identity"
	"nearlight/signaling"
)

// Role says what kind of peer a token is for.
type Role string

// The roles.
const (
	Player Role = "player"
	Edge   Role = "edge"
)

// Right is something that a player may ask for.
type Right string

// The rights of players. One that is not known here comes from a newer issuer and is ignored.
const (
	Play    Right = "play"
	Install Right = "install"
	Watch   Right = "watch" // look on at others' sessions
	Many    Right = "many"  // hold several sessions at a time, as with a link that is given to several people
	// Check lets who checks edges begin at those that the token names (Claims.Edges) whatever is known of them, also at one that gets no players: to enrol it, or to test
	// it again. It is signaling's affair alone, and counts in tokens of the network's own check key.
	Check Right = "check"
	// Stock lets a studio's back end leave ordinary tokens with the network, by which checkers visit edges as players do.
	Stock Right = "stock"
	// Microphone lets the app hear what the player says.
	Microphone Right = "microphone"
)

// Claims is what a token says. The zero value of a limit is none.
type Claims struct {
	Key    string // the id of the key that signed the token: Verify says so, and Issue does not look at it
	ID     string // the jti; Issue chooses a random one when it is empty
	Role   Role
	Rights []Right
	App    string // the only app the token is good for, "" for any
	// Session is the only one that the right Watch is good for, "" for any.
	Session signaling.SessionID
	Expires time.Time
	From    time.Time // when the token begins to be good; zero is at once

	Once    bool     // good for one session; what was lost of that one may still be resumed
	Seats   int      // people at the session: who plays and those who look on, MaxSeats at the most
	Bitrate int64    // bits per second that the stream may take, encoder's output
	Price   uint64   // that an edge may ask for a second, in the payment token's smallest unit
	Regions []string // of which the edge must lie in one, such as "de" or "eu"

	// Edges are those that the player trusts, and Root is whose endorsement makes further ones so. Where either is there, edge and player
	// have to sign the connection (identity.Binding).
	Edges []identity.Address
	Root  identity.Address
	// Studio is whose key has signed the token (Key.Studio). It is no claim: Verify sets it, and Issue does not sign it.
	Studio string

	// Holder is the only session key that the token is good for (RFC 7800): without that key, whoever reads the token cannot use it.
	Holder identity.Address
}

// The bounds of claims.
const (
	MaxSeats   = 64
	MinBitrate = 100_000       // of what is a picture
	MaxBitrate = 1_000_000_000 // bit/s
	maxPrice   = 1<<53 - 1     // what every reader of JSON takes
	maxID      = 128
	maxRights  = 16
	maxRight   = 32
	maxApp     = 64
	maxSession = 64
	maxRegions = 16
	maxRegion  = 32
	maxEdges   = 16
)

// Allows reports whether a player with these claims has the right.
func (c Claims) Allows(right Right) bool {
	return c.Role == Player && slices.Contains(c.Rights, right)
}

// AllowsApp reports whether the claims are good for the app.
func (c Claims) AllowsApp(app string) bool { return c.App == "" || c.App == app }

// AllowsWatching reports whether a player with these claims may look on at a session.
func (c Claims) AllowsWatching(session signaling.SessionID) bool {
	return c.Allows(Watch) && (c.Session == "" || c.Session == session)
}

// AllowsRegion reports whether an edge that lies in the regions may serve the token.
func (c Claims) AllowsRegion(regions []string) bool {
	return len(c.Regions) == 0 || slices.ContainsFunc(c.Regions, func(r string) bool { return slices.Contains(regions, r) })
}

// AllowsPrice reports whether an edge may ask for the price.
func (c Claims) AllowsPrice(price uint64) bool { return c.Price == 0 || price <= c.Price }

// Bound reports whether edge and player have to sign the connection between them.
func (c Claims) Bound() bool { return len(c.Edges) > 0 || !c.Root.IsZero() || !c.Holder.IsZero() }

// Trusts fails unless the edge is one of those that the player trusts. endorsed is what the edge shows of the root, nil for nothing.
func (c Claims) Trusts(edge identity.Address, endorsed *identity.Endorsed, now time.Time) error {
	if slices.Contains(c.Edges, edge) || len(c.Edges) == 0 && c.Root.IsZero() {
		return nil
	}
	if c.Root.IsZero() {
		return fmt.Errorf("token: the edge %s is none of the %d that it names", edge, len(c.Edges))
	}
	if endorsed == nil {
		return fmt.Errorf("token: the edge %s shows no endorsement of the root %s", edge, c.Root)
	}
	if err := endorsed.Check(c.Root, edge, now); err != nil {
		return fmt.Errorf("token: the edge %s is not endorsed by the root %s: %w", edge, c.Root, err)
	}
	return nil
}

// wire is the form of Claims in the token.
type wire struct {
	jwt.RegisteredClaims
	Role    Role                `json:"role"`
	Rights  []Right             `json:"rights,omitempty"`
	App     string              `json:"app,omitempty"`
	Session signaling.SessionID `json:"session,omitempty"`
	Once    bool                `json:"once,omitempty"`
	Seats   *int                `json:"seats,omitempty"`
	Bitrate *int64              `json:"bitrate,omitempty"`
	Price   *uint64             `json:"price,omitempty"`
	Regions []string            `json:"regions,omitempty"`
	Edges   []identity.Address  `json:"edges,omitempty"`
	Root    *identity.Address   `json:"root,omitempty"`
	Confirm *confirm            `json:"cnf,omitempty"`
}

// confirm names the key of whoever presents the token (RFC 7800), in our way.
type confirm struct {
	Address identity.Address `json:"address"`
}

// wireNames are the names of all claims that are looked at.
var wireNames = []string{
	"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "role", "rights", "app", "session", "once", "seats", "bitrate", "price", "regions", "edges", "root", "cnf",
}

func (c Claims) wire() wire {
	w := wire{Role: c.Role, Rights: c.Rights, App: c.App, Session: c.Session, Once: c.Once, Regions: c.Regions, Edges: c.Edges}
	w.ID, w.ExpiresAt = c.ID, jwt.NewNumericDate(c.Expires)
	if !c.From.IsZero() {
		w.NotBefore = jwt.NewNumericDate(c.From)
	}
	if c.Seats != 0 {
		w.Seats = &c.Seats
	}
	if c.Bitrate != 0 {
		w.Bitrate = &c.Bitrate
	}
	if c.Price != 0 {
		w.Price = &c.Price
	}
	if !c.Root.IsZero() {
		w.Root = &c.Root
	}
	if !c.Holder.IsZero() {
		w.Confirm = &confirm{c.Holder}
	}
	return w
}

// claims checks what a token says. A limit that cannot be kept to is a reason to refuse it, never to go without.
func (w wire) claims() (Claims, error) {
	c := Claims{
		ID: w.ID, Role: w.Role, Rights: w.Rights, App: w.App, Session: w.Session, Once: w.Once, Regions: w.Regions, Edges: w.Edges, Expires: w.ExpiresAt.Time,
	}
	if w.NotBefore != nil {
		c.From = w.NotBefore.Time
	}
	for _, limit := range []struct {
		name      string
		there     bool
		value     uint64
		low, high uint64
	}{
		{"seats", w.Seats != nil, uint64(or(w.Seats)), 1, MaxSeats},
		{"bitrate", w.Bitrate != nil, uint64(or(w.Bitrate)), MinBitrate, MaxBitrate},
		{"price", w.Price != nil, or(w.Price), 1, maxPrice},
	} {
		if limit.there && (limit.value < limit.low || limit.value > limit.high) {
			return Claims{}, fmt.Errorf("%s is out of bounds, want %d to %d", limit.name, limit.low, limit.high)
		}
	}
	c.Seats, c.Bitrate, c.Price = or(w.Seats), or(w.Bitrate), or(w.Price)
	if w.Root != nil {
		c.Root = *w.Root
	}
	if w.Confirm != nil {
		c.Holder = w.Confirm.Address
	}
	if w.Root != nil && c.Root.IsZero() || w.Confirm != nil && c.Holder.IsZero() || slices.ContainsFunc(c.Edges, identity.Address.IsZero) {
		return Claims{}, errors.New("an address of zeros stands for nobody")
	}
	if w.Regions != nil && len(w.Regions) == 0 || w.Edges != nil && len(w.Edges) == 0 {
		return Claims{}, errors.New("a list without an entry allows nothing; leave it out to allow everything")
	}
	return c, c.check()
}

// check holds what is signed and what is read to the same bounds.
func (c Claims) check() error {
	switch {
	case c.ID == "":
		return errors.New("it has no jti")
	case len(c.ID) > maxID:
		return fmt.Errorf("its jti has %d octets, the limit is %d", len(c.ID), maxID)
	case c.Role != Player && c.Role != Edge:
		return fmt.Errorf("unknown role %.32q", c.Role)
	case len(c.Rights) > maxRights || slices.ContainsFunc(c.Rights, func(r Right) bool { return len(r) > maxRight }):
		return errors.New("its rights are too many or too long")
	case len(c.App) > maxApp || len(c.Session) > maxSession:
		return errors.New("its app or its session is too long")
	case c.Seats < 0 || c.Seats > MaxSeats:
		return fmt.Errorf("seats is %d, want 1 to %d", c.Seats, MaxSeats)
	case c.Bitrate != 0 && (c.Bitrate < MinBitrate || c.Bitrate > MaxBitrate):
		return fmt.Errorf("bitrate is %d, want %d to %d", c.Bitrate, MinBitrate, int64(MaxBitrate))
	case c.Price > maxPrice:
		return fmt.Errorf("price is %d, want 1 to %d", c.Price, uint64(maxPrice))
	case len(c.Regions) > maxRegions || slices.ContainsFunc(c.Regions, func(r string) bool { return !IsRegion(r) }):
		return fmt.Errorf("its regions are more than %d, or not of a-z, 0-9 and -", maxRegions)
	case len(c.Edges) > maxEdges:
		return fmt.Errorf("it names %d edges, the limit is %d; a root key is for more", len(c.Edges), maxEdges)
	case c.Role == Edge && (c.Once || c.Seats != 0 || c.Bitrate != 0 || c.Price != 0 || len(c.Regions) > 0 || len(c.Edges) > 0 || !c.Root.IsZero()):
		return errors.New("limits of players stand in an edge's token")
	}
	return nil
}

// IsRegion reports whether text may name a region: 1 to 32 of a-z, 0-9 and -.
func IsRegion(text string) bool {
	return text != "" && len(text) <= maxRegion && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

func or[T any](value *T) (zero T) {
	if value == nil {
		return zero
	}
	return *value
}
