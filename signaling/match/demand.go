package match

import (
	"fmt"
	"slices"
	"strings"

	"nearlight/signaling"
)

// Demand is one thing that a request asks of an edge. They are looked at in this order: what never changes comes first, what a
// player can wait for comes last, so that the first one that is not met is the one worth telling.
type Demand uint8

// The demands.
const (
	Listed    Demand = iota + 1 // the edge lists the app
	Installed                   // and has it installed, or may install it for this request
	Trusted                     // it is one of those that alone will do, where some are named or endorsed
	InRegion                    // it lies in one of the regions that the token allows
	Decodable                   // player and edge share a codec
	Proved                      // and the edge was seen to send such a picture in it
	Scored                      // its score is high enough
	Affords                     // its price is within the cap
	Takes                       // it takes players
	Allowed                     // it is not among those that the player is not to get
	FreeSlot                    // a slot is free
	// Drawn is no demand that a request fails for: a newcomer that meets all others counts in a part of the requests only, where others would do.
	Drawn
)

var demands = []Demand{Listed, Installed, Trusted, InRegion, Decodable, Proved, Scored, Affords, Takes, Allowed, FreeSlot}

func (d Demand) String() string {
	switch d {
	case Listed:
		return "listed"
	case Installed:
		return "installed"
	case Trusted:
		return "trusted"
	case InRegion:
		return "region"
	case Decodable:
		return "codec"
	case Proved:
		return "picture"
	case Scored:
		return "score"
	case Affords:
		return "price"
	case Takes:
		return "accepting"
	case Allowed:
		return "allowed"
	case FreeSlot:
		return "free-slot"
	case Drawn:
		return "drawn"
	}
	return "none"
}

// MarshalText gives the demand's name to JSON.
func (d Demand) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// met is what one edge has to show for a request. It is Edge without what is only there for people, as the index keeps it.
type met struct {
	listed, installed bool
	codecs            []string
	proved            []Ability
	regions           []string
	root              string
	score             Score
	price             Price
	state             State
	free              int
	id                signaling.EdgeID
}

// unmet returns the first demand that the edge does not meet, 0 when it meets all.
func (r *Request) unmet(e *met) Demand {
	switch {
	case r.App != "" && !e.listed:
		return Listed
	case r.App != "" && !e.installed && !r.Pull:
		return Installed
	case r.pinned() && !slices.Contains(r.Only, e.id) && (r.Root == "" || e.root != r.Root):
		return Trusted
	case len(r.Regions) > 0 && !shares(r.Regions, e.regions):
		return InRegion
	case !shares(r.Codecs, e.codecs):
		return Decodable
	case !r.Picture.any() && !slices.ContainsFunc(r.Codecs, func(codec string) bool { return proves(e, codec, r.Picture) }):
		return Proved
	case e.score < r.MinScore && !r.checks(e.id):
		return Scored
	case r.PriceCap > 0 && e.price > r.PriceCap:
		return Affords
	case e.state != Accepting && !(r.checks(e.id) && (e.state == Checking || e.state == Jailed)):
		return Takes
	case slices.Contains(r.Except, e.id):
		return Allowed
	case e.free <= 0:
		return FreeSlot
	}
	return 0
}

// pinned reports whether some edges alone will do.
func (r *Request) pinned() bool { return len(r.Only) > 0 || r.Root != "" }

func shares(a, b []string) bool {
	return slices.ContainsFunc(a, func(name string) bool { return slices.Contains(b, name) })
}

func proves(e *met, codec string, picture Picture) bool {
	return slices.Contains(e.codecs, codec) && slices.ContainsFunc(e.proved, func(a Ability) bool {
		return a.Codec == codec && a.Picture.covers(picture)
	})
}

// common are the codecs in which the edge will do, the player's best first, appended to the list.
func (r *Request) common(list []string, e *met) []string {
	from := len(list)
	for _, codec := range r.Codecs {
		if slices.Contains(e.codecs, codec) && !slices.Contains(list[from:], codec) && (r.Picture.any() || proves(e, codec, r.Picture)) {
			list = append(list, codec)
		}
	}
	return list
}

// refusal is the error for a player when no edge meets the demand together with those before it; near is an edge that meets
// those before it, title the app's.
func (r *Request) refusal(unmet Demand, near *met, title string) *signaling.Error {
	switch unmet {
	case Listed:
		return signaling.Errorf(signaling.CodeUnknownApp, "No machine offers %s.", r.App)
	case Installed:
		return signaling.Errorf(signaling.CodeNotInstalled, "%s is not installed.", title)
	case Trusted:
		return signaling.Errorf(signaling.CodeNoEdge, "No machine that this link is for is connected and has this game.").
			WithHint("Try again in a moment, or ask for a link that is good for other machines.")
	case InRegion:
		return signaling.Errorf(signaling.CodeWrongRegion, "No machine that has this game is in %s, where this link is good.", either(r.Regions))
	case Decodable:
		return NoCommonCodec(r.Codecs, near.codecs)
	case Proved:
		return signaling.Errorf(signaling.CodeNoSuchPicture, "No machine was seen to send %s in %s.", r.Picture, either(r.Codecs))
	case Scored:
		return signaling.Errorf(signaling.CodeLowScore, "No machine that has this game was found good enough: this link asks for a score of %d of %d.", r.MinScore, MaxScore)
	case Affords:
		return signaling.Errorf(signaling.CodeTooDear, "Every machine that would do costs more than this link pays.")
	case Takes:
		return signaling.NewError(signaling.CodeNotAccepting)
	case Allowed:
		return signaling.NewError(signaling.CodeEdgeRefused)
	default:
		return signaling.NewError(signaling.CodeFull)
	}
}

// NoCommonCodec says that nothing in wanted is among had.
func NoCommonCodec(wanted, had []string) *signaling.Error {
	return signaling.Errorf(signaling.CodeNoCommonCodec,
		"Your browser decodes %s, the machine sends %s.", strings.Join(wanted, ", "), strings.Join(had, ", "))
}

// String is the picture in words: "1280x720 at 60 frames per second".
func (p Picture) String() string {
	switch {
	case p.any():
		return "any picture"
	case p.FrameRate == 0:
		return fmt.Sprintf("%dx%d", p.Size.Width, p.Size.Height)
	case p.Size == signaling.Size{}:
		return fmt.Sprintf("%d frames per second", p.FrameRate)
	}
	return fmt.Sprintf("%dx%d at %d frames per second", p.Size.Width, p.Size.Height, p.FrameRate)
}

// either lists alternatives: "a, b or c".
func either(names []string) string {
	switch len(names) {
	case 0:
		return "nothing"
	case 1:
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}
