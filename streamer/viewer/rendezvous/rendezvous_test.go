package rendezvous_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/binding"
	"nearlight/signaling/token"
	"nearlight/streamer/viewer"
	"nearlight/streamer/viewer/rendezvous"
)

// described is a session description with a certificate of its own.
func described(n byte) string {
	print := strings.TrimSuffix(strings.Repeat(fmt.Sprintf("%02X:", n), 32), ":")
	return "v=0\r\na=fingerprint:sha-256 " + print + "\r\n"
}

// player is a viewer's double, and what it has sent to signaling.
type player struct {
	servers    []webrtc.ICEServer
	offers     []string
	candidates []webrtc.ICECandidateInit
	sent       []signaling.Message
	failure    error
	r          rendezvousTeller // early's
}

var errPeer = errors.New("no")

func (p *player) UseICEServers(servers []webrtc.ICEServer) error {
	p.servers = servers
	return p.failure
}

func (p *player) Answer(offer string) (string, error) {
	p.offers = append(p.offers, offer)
	return described(2), p.failure
}

func (p *player) AddCandidate(c webrtc.ICECandidateInit) error {
	p.candidates = append(p.candidates, c)
	return p.failure
}

func (p *player) send(m signaling.Message) error {
	p.sent = append(p.sent, m)
	return p.failure
}

func newKey(t *testing.T) *identity.Key {
	t.Helper()
	key, err := identity.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// bound is an edge and the player's side of a token that names edges.
func bound(t *testing.T, key identity.Signer, edges ...identity.Address) (*binding.Edge, *binding.Player) {
	t.Helper()
	signer, err := token.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := token.NewIssuer(signer, token.Scope{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := issuer.Issue(token.Claims{Role: token.Player, Rights: []token.Right{token.Play}, Edges: edges, Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	claims, err := token.Unverified(raw)
	if err != nil {
		t.Fatal(err)
	}
	edge, err := binding.NewEdge(key, nil, "s-1", 3, token.Claims{Edges: append(slices.Clone(edges), key.Address()), Holder: claims.Holder}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	side, err := binding.NewPlayer(raw, newKey(t), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return edge, side
}

func hear(t *testing.T, r *rendezvous.Rendezvous, m signaling.Message) {
	t.Helper()
	if err := r.Hear(m); err != nil {
		t.Fatal(err)
	}
}

func TestAConnectionIsTheEdgesOnceThatHasSignedIt(t *testing.T) {
	key := newKey(t)
	edge, side := bound(t, key, key.Address())
	p := new(player)
	r := rendezvous.New(p, side, p.send)
	hear(t, r, signaling.Matched{Session: "s-1", ICEServers: signaling.List[signaling.ICEServer]{{URLs: []string{"stun:192.0.2.1:3478"}, Username: "u", Credential: "c"}}})
	if len(p.servers) != 1 || p.servers[0].URLs[0] != "stun:192.0.2.1:3478" || p.servers[0].Username != "u" || p.servers[0].Credential != "c" {
		t.Errorf("ICE servers %v", p.servers)
	}
	offer := signaling.Offer{SDP: described(1)}
	if err := edge.Offer(&offer); err != nil {
		t.Fatal(err)
	}
	hear(t, r, offer)
	if r.Proven() || !r.Edge().IsZero() {
		t.Error("before the edge has signed")
	}
	signed, err := edge.Answer(p.sent[0].(signaling.Answer))
	if err != nil {
		t.Fatal(err)
	}
	hear(t, r, *signed)
	if !r.Proven() || r.Edge() != key.Address() {
		t.Errorf("the connection is %v's, proven %v", r.Edge(), r.Proven())
	}
	hear(t, r, signaling.Candidate{Candidate: "candidate:1", Mid: "0", Line: 2})
	if got := p.candidates[0]; got.Candidate != "candidate:1" || *got.SDPMid != "0" || *got.SDPMLineIndex != 2 {
		t.Errorf("the edge's candidate is %v", got)
	}
	hear(t, r, signaling.Progress{Stage: signaling.StageStarting}) // none of its business
	if len(p.sent) != 1 {
		t.Errorf("%d messages", len(p.sent))
	}
}

func TestWhoIsNotTrustedIsNotAnswered(t *testing.T) {
	edge, side := bound(t, newKey(t), newKey(t).Address())
	p := new(player)
	r := rendezvous.New(p, side, p.send)
	hear(t, r, signaling.Matched{Session: "s-1"})
	offer := signaling.Offer{SDP: described(1)}
	if err := edge.Offer(&offer); err != nil {
		t.Fatal(err)
	}
	if err := r.Hear(offer); !errors.Is(err, &signaling.Error{Code: signaling.CodeUnproven}) || !strings.HasPrefix(err.Error(), "offer: ") {
		t.Errorf("a stranger's offer: %v", err)
	}
	if r.Proven() || len(p.offers)+len(p.sent) > 0 {
		t.Errorf("the stranger is answered: %v", p.sent)
	}
}

func TestNothingIsDemandedWithoutABond(t *testing.T) {
	p := new(player)
	r := rendezvous.New(p, nil, p.send)
	hear(t, r, signaling.Matched{Session: "s-1"})
	hear(t, r, signaling.Offer{SDP: described(1)})
	hear(t, r, signaling.Bound{})
	if answer, is := p.sent[0].(signaling.Answer); !is || answer.Player != nil || answer.SDP != described(2) {
		t.Errorf("answered %v", p.sent)
	}
	if r.Proven() || !r.Edge().IsZero() {
		t.Error("and something is proven")
	}
	_, free := bound(t, newKey(t))
	if !rendezvous.New(p, free, p.send).Proven() {
		t.Error("a token that demands nothing is not content")
	}
}

func TestOurCandidatesAreTold(t *testing.T) {
	p := new(player)
	r := rendezvous.New(p, nil, p.send)
	mid, line := "1", uint16(1)
	for _, c := range []*webrtc.ICECandidateInit{{Candidate: "candidate:2", SDPMid: &mid, SDPMLineIndex: &line}, {Candidate: "candidate:3"}, nil} {
		if err := r.Tell(c); err != nil {
			t.Fatal(err)
		}
	}
	want := []signaling.Message{signaling.Candidate{Candidate: "candidate:2", Mid: "1", Line: 1}, signaling.Candidate{Candidate: "candidate:3"}, signaling.Candidate{}}
	if !slices.Equal(p.sent, want) {
		t.Errorf("%v, want %v", p.sent, want)
	}
}

func TestOurCandidatesComeAfterTheAnswer(t *testing.T) {
	p := new(player)
	r := rendezvous.New(early{p, func() rendezvousTeller { return p.r }}, nil, p.send)
	p.r = r
	hear(t, r, signaling.Offer{SDP: described(1)})
	if err := r.Tell(&webrtc.ICECandidateInit{Candidate: "candidate:3"}); err != nil {
		t.Fatal(err)
	}
	want := []signaling.Message{signaling.Answer{SDP: described(2)}, signaling.Candidate{Candidate: "candidate:early"}, signaling.Candidate{Candidate: "candidate:3"}}
	if !slices.Equal(p.sent, want) {
		t.Errorf("%v, want %v", p.sent, want)
	}
}

// early has a candidate while it answers.
type early struct {
	*player
	meet func() rendezvousTeller
}

type rendezvousTeller interface {
	Tell(c *webrtc.ICECandidateInit) error
}

func (e early) Answer(offer string) (string, error) {
	if err := e.meet().Tell(&webrtc.ICECandidateInit{Candidate: "candidate:early"}); err != nil {
		return "", err
	}
	return e.player.Answer(offer)
}

func TestWhatThePlayerCannotDoIsAnErrorThatNamesTheMessage(t *testing.T) {
	p := &player{failure: errPeer}
	r := rendezvous.New(p, nil, p.send)
	for _, m := range []signaling.Message{signaling.Matched{}, signaling.Offer{}, signaling.Candidate{}} {
		if err := r.Hear(m); !errors.Is(err, errPeer) || !strings.HasPrefix(err.Error(), signaling.Kind(m)+": ") {
			t.Errorf("%s: %v", signaling.Kind(m), err)
		}
	}
	if err := r.Tell(nil); !errors.Is(err, errPeer) {
		t.Error(err)
	}
}

func TestAViewerCanBeBrought(t *testing.T) {
	v, err := viewer.New(viewer.Config{}, watcher{})
	if err != nil {
		t.Fatal(err)
	}
	r := rendezvous.New(v, nil, new(player).send)
	if err := r.Hear(signaling.Offer{SDP: "no description"}); err == nil {
		t.Error("what is no description is answered")
	}
	over, end := context.WithCancel(t.Context())
	end()
	if err := v.Run(over); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// watcher sees nothing.
type watcher struct{ viewer.Watcher }

func (watcher) Candidate(*webrtc.ICECandidateInit) {}
