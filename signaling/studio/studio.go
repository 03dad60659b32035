// Package studio answers what the tokens of a studio may do at a signaling server: from which pages, how often, and within which limits.
//
// A studio is a name that the operator gives to keys. It outlives each of them: a key that takes another's place inherits what is counted.
//
// A Roster is immutable and safe for concurrent use.
package studio

import (
	"fmt"
	"slices"
	"strings"

	"nearlight/signaling"
	"nearlight/signaling/token"
)

// Self among the origins of a studio stands for the pages that the server serves itself.
const Self = "self"

// Limits are what a studio's tokens may do. The zero value of a field limits nothing.
type Limits struct {
	Origins  []string // SCHEME://HOST[:PORT] in small letters, or Self: whose pages may use the tokens
	Sessions int      // games at once
	Requests int      // a minute at each node, and as many at once
	Bitrate  int64    // bit/s that a token may allow; one that names no bitrate allows any
	Price    uint64   // a second, in the payment token's smallest unit, that a token may allow
	Regions  []string // those that a token may name; one that names none allows all
}

// Admit refuses a token that allows more than its studio may. Edges keep to what a token says and know of no studio: so it has to say it.
func (l Limits) Admit(c token.Claims) *signaling.Error {
	refuse := func(claim, want string) *signaling.Error {
		return signaling.Errorf(signaling.CodeBadToken, "This link allows more than its studio may give here: %s has to be %s.", claim, want).
			WithHint("Whoever has signed the link has to add the claim " + claim + ", or to make it smaller.")
	}
	if l.Bitrate > 0 && (c.Bitrate == 0 || c.Bitrate > l.Bitrate) {
		return refuse("bitrate", fmt.Sprintf("%d at most", l.Bitrate))
	}
	if l.Price > 0 && (c.Price == 0 || c.Price > l.Price) {
		return refuse("price", fmt.Sprintf("%d at most", l.Price))
	}
	outside := func(region string) bool { return !slices.Contains(l.Regions, region) }
	if len(l.Regions) > 0 && (len(c.Regions) == 0 || slices.ContainsFunc(c.Regions, outside)) {
		return refuse("regions", "among "+strings.Join(l.Regions, ", "))
	}
	return nil
}

// From refuses a page that the studio's tokens are not for. origin is in small letters, "" for a peer that is no page; own says that it is the
// server's.
func (l Limits) From(origin string, own bool) *signaling.Error {
	if origin == "" || len(l.Origins) == 0 || slices.Contains(l.Origins, origin) || own && slices.Contains(l.Origins, Self) {
		return nil
	}
	return signaling.Errorf(signaling.CodeWrongOrigin, "This link is not for pages of %s.", signaling.Cut(origin, 128)).
		WithHint("Open it on its studio's own page. The server's operator lists the studio's pages in --studios.")
}

// Roster is what all studios of a server may do.
type Roster struct {
	names   []string
	limits  map[string]Limits
	origins map[string]bool
}

// Of is what a studio may do; a studio that is not on the roster is limited by nothing, and so are tokens of none.
func (r Roster) Of(studio string) Limits { return r.limits[studio] }

// Names are the studios, in alphabetical order.
func (r Roster) Names() []string { return slices.Clone(r.names) }

// Has reports whether a studio is on the roster.
func (r Roster) Has(studio string) bool {
	_, there := r.limits[studio]
	return there
}

// AnyOrigin reports whether pages of an origin, in small letters, may use some studio's tokens.
func (r Roster) AnyOrigin(origin string) bool { return r.origins[origin] }

// IsName reports whether text may name a studio: 1 to 32 of a-z, 0-9 and -.
func IsName(text string) bool { return token.IsRegion(text) }
