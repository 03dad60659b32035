package eye

import (
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"nearlight/checker/challenge"
	"nearlight/checker/latency"
	"nearlight/internal/identity"
	"nearlight/internal/media"
	"nearlight/internal/scene/arena"
	"nearlight/signaling"
	"nearlight/signaling/client"
	"nearlight/streamer/viewer"
)

// Visit says what to look at. Signaling, Token and Length, or Challenge, are needed; the zero values of the rest are useful.
type Visit struct {
	Signaling client.Config
	// Token is a player's. One that names edges is one edge's where it names one, and the connection counts once that has signed it.
	Token string
	App   string // "": whatever the edge runs by itself
	// Edge is the only one that is looked at: where signaling has matched another one nothing is found, and where it has matched this one, and the offer is not signed by its
	// key, the edge did not serve. The edge sees nothing of it. Zero: whichever the token leads to.
	Edge identity.Address
	// Key is the session's; nil means a new one.
	Key identity.Signer
	// Codecs may be sent; none means all that can be decoded here, but for HEVC, which a browser on most machines does not.
	Codecs []media.Codec
	// Size and FrameRate were promised. A challenge asks for the size; else it is the edge's choice, as the page's players have it.
	Size      media.Size
	FrameRate float64
	// Length is how long to look, from the first picture. A challenge is seen to its end however long that takes.
	Length time.Duration
	// Patience is how long the edge may take for the first picture, from the request on; 0 means DefaultPatience. It is as well how long the app of a challenge may take to
	// draw, from then on.
	Patience time.Duration
	// Challenge is what to ask; nil presses keys now and then, as a player would.
	Challenge *challenge.Plan
	// Limits of a challenge; nil means challenge.DefaultLimits.
	Limits *challenge.Limits
	// Ready is called when a challenge's app draws, and nonces are typed once it has returned: those who look at several edges at once wait in it for each other. Its error
	// ends the visit, as trouble of the checker's own. nil is at once.
	Ready func(context.Context) error
	// Random decides nonces, keys, and which pictures are looked into: whoever knows it knows what will be looked at. It is asked for a seed and not used any more
	// when Look plays; nil means the system's.
	Random rand.Source
	// Painter opens what draws a challenge's pictures again: redraw.Open, where there is OpenGL.
	Painter func(arena.Task, media.Size) (Painter, error)
	Log     *slog.Logger // nil means none

	reasons time.Duration // in place of reasonPatience
}

// Painter draws pictures again, as *redraw.Painter does.
type Painter interface {
	challenge.Painter
	Close()
}

// DefaultPatience is enough for a large game to start.
const DefaultPatience = 30 * time.Second

// Sight is what was seen.
type Sight struct {
	// Edge is whose key has signed the connection, or its offer where Visit.Edge was set; zero where neither was demanded.
	Edge    identity.Address
	Session signaling.SessionID // "" where there was none
	// Address is from where it was looked, as the edge has it (viewer.Address); not valid where there was no connection.
	Address netip.Addr
	// RoundTrip is the least that was measured on this machine's clock, by checks of the connection (RFC 7675) and by questions that nobody but the
	// edge can answer; 0 where none was.
	RoundTrip time.Duration
	// Asked is the least of those questions alone; 0 where none was answered. It is the one that says how far the edge is: a question has a name of chance, and goes over the
	// connection that the edge's key has signed. A check of the connection anybody answers who has its password, which signaling knows too.
	Asked time.Duration
	// Looked is from the first picture to the end; 0 where none came. Latency.Watched is shorter by as long as nothing came any more.
	Looked time.Duration
	// Latency is of all pictures. In a challenge inputs are bursts of keys, of which an edge makes each a little longer, so that ClickToPhoton says little there.
	Latency latency.Report
	Quality Quality
	// Own is what this machine took for each picture, from the moment at which it could be decoded: it is in every figure from input or instant to presentation.
	Own latency.Percentiles
	// Dropped packets found no room here: this machine was too slow, and loss and pace are its own.
	Dropped   uint64
	Challenge *challenge.Verdict // nil where none was asked, or no nonce was typed
	// Typed is when the first nonce of a challenge was, and Until its end; 0 where there was none.
	Typed, Until media.Instant
}

// Quality sums up what pictures look like.
type Quality struct {
	Pictures uint64  // that were seen
	Still    float64 // share of them that show nothing new (quality.Motion)
	// Quantiser is the median of those frames whose header was read, as a share of the coarsest; Quantised is how many those are.
	Quantiser float64
	Quantised uint64

	Looked     uint64  // pictures that were looked into
	Blockiness float64 // their mean
	// Upscaled is the share of those looked into that look upscaled (quality.Sharpness), of the Known for which it can be said.
	Upscaled float64
	Known    uint64
}

var errVisit = errors.New("eye: not a visit")

// prepared fills in what is left out. The seed is what all random choices come from.
func (v Visit) prepared() (_ Visit, seed [2][32]byte, err error) {
	if v.Challenge != nil {
		if err := v.Challenge.Check(); err != nil {
			return v, seed, err
		}
		if v.Painter == nil {
			return v, seed, fmt.Errorf("%w: a challenge without a painter", errVisit)
		}
		if v.Size == (media.Size{}) {
			v.Size = v.Challenge.Size
		}
		if v.FrameRate == 0 {
			v.FrameRate = float64(v.Challenge.FrameRate)
		}
		if v.Limits == nil {
			v.Limits = &challenge.DefaultLimits
		}
	}
	if v.Length < 0 || v.Length == 0 && v.Challenge == nil {
		return v, seed, fmt.Errorf("%w: of length %v", errVisit, v.Length)
	}
	if v.Codecs == nil {
		v.Codecs = slices.DeleteFunc(viewer.Decodable(), func(c media.Codec) bool { return c == media.HEVC })
	}
	if len(v.Codecs) == 0 {
		return v, seed, fmt.Errorf("%w: nothing can be decoded here", errVisit)
	}
	if v.Patience == 0 {
		v.Patience = DefaultPatience
	}
	if v.reasons == 0 {
		v.reasons = reasonPatience
	}
	if v.Log == nil {
		v.Log = slog.New(slog.DiscardHandler)
	}
	if v.Key == nil {
		if v.Key, err = identity.NewKey(); err != nil {
			return v, seed, err
		}
	}
	for i := range seed {
		if v.Random == nil {
			_, _ = crand.Read(seed[i][:]) // does not fail
			continue
		}
		for at := 0; at < len(seed[i]); at += 8 {
			binary.LittleEndian.PutUint64(seed[i][at:], v.Random.Uint64())
		}
	}
	return v, seed, nil
}

// pageCodecs are in the order in which a page names them; whatever order Visit.Codecs has tells a checker from it.
var pageCodecs = []media.Codec{media.H264, media.HEVC, media.AV1, media.VP9, media.VP8}

// h264In444 is what a browser adds that decodes H.264 in 4:4:4, as the viewer does.
const h264In444 = "h264yuv444"

// request is what is asked of signaling.
func (v *Visit) request() signaling.Play {
	play := signaling.Play{Token: v.Token, App: v.App}
	for _, codec := range pageCodecs {
		if slices.Contains(v.Codecs, codec) {
			play.Codecs = append(play.Codecs, string(codec))
		}
	}
	if slices.Contains(v.Codecs, media.H264) {
		play.Codecs = append(play.Codecs, h264In444)
	}
	if v.Challenge != nil { // a page asks for none
		play.Size = &signaling.Size{Width: v.Size.Width, Height: v.Size.Height}
	}
	return play
}
