package edge

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"nearlight/edge/app"
	"nearlight/internal/identity"
	"nearlight/internal/media"
	"nearlight/signaling"
	"nearlight/signaling/client"
	"nearlight/signaling/lease"
	"nearlight/signaling/token"
)

// doorman is a node that can be asked to admit, and an issuer of tokens that it takes.
type doorman struct {
	*Node
	t      *testing.T
	issuer *token.Issuer
	key    *identity.Key
}

func newDoorman(t *testing.T, change func(*Node)) *doorman {
	t.Helper()
	private, err := token.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := token.NewIssuer(private, token.Scope{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	key, err := identity.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := newMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	n := &Node{
		metrics: metrics,
		config: Config{
			Verifier: token.NewVerifier(issuer.Keys(), token.Scope{}, time.Now), Identity: key, Bitrate: 8 * media.Mbps,
			Offered: []app.Description{app.Command("true")},
		},
		ctx: t.Context(), logger: slog.New(slog.DiscardHandler), sessions: map[signaling.SessionID]*running{}, slots: make([]bool, 4), spent: spentTokens{},
		leases: lease.New(make([]signaling.Epoch, 4)), born: time.Now(),
	}
	if n.link, err = client.NewEdge(client.Config{URL: "ws://127.0.0.1:1", Signer: key}, n); err != nil { // it is not run: what is said waits
		t.Fatal(err)
	}
	if change != nil {
		change(n)
	}
	return &doorman{n, t, issuer, key}
}

func (d *doorman) token(claims token.Claims) string {
	d.t.Helper()
	if claims.Expires.IsZero() {
		claims.Expires = time.Now().Add(time.Hour)
	}
	if claims.Rights == nil {
		claims.Rights = []token.Right{token.Play}
	}
	claims.Role = token.Player
	raw, err := d.issuer.Issue(claims)
	if err != nil {
		d.t.Fatal(err)
	}
	return raw
}

// asked is the session that a start would begin, in the first slot that is free.
func (d *doorman) asked(m signaling.Start) (*session, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m.Watch == "" {
		slot, state := 0, lease.Slot{}
		for slot, state = range d.leases.Slots(d.sinceStart()) {
			if !state.Taken {
				break
			}
		}
		m.Lease = &signaling.Proposal{Slot: slot, Expect: state.Epoch, TTL: leaseTime.Milliseconds()}
	}
	return d.prepare(m)
}

func TestAnEdgeKeepsToTheLimitsOfATokenItself(t *testing.T) {
	strange, err := identity.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		why    string
		node   func(*Node)
		claims func(*doorman) token.Claims
		want   signaling.Code // "" admits
	}{
		{why: "no limits"},
		{why: "its region", node: func(n *Node) { n.terms.regions = []string{"de", "eu"} }, claims: func(*doorman) token.Claims { return token.Claims{Regions: []string{"fr", "eu"}} }},
		{why: "another region", node: func(n *Node) { n.terms.regions = []string{"us"} },
			claims: func(*doorman) token.Claims { return token.Claims{Regions: []string{"eu"}} }, want: signaling.CodeWrongRegion},
		{why: "a region, and the edge says none", claims: func(*doorman) token.Claims { return token.Claims{Regions: []string{"eu"}} }, want: signaling.CodeWrongRegion},
		{why: "its price", node: func(n *Node) { n.terms.price = 10 }, claims: func(*doorman) token.Claims { return token.Claims{Price: 10} }},
		{why: "a lower price", node: func(n *Node) { n.terms.price = 11 }, claims: func(*doorman) token.Claims { return token.Claims{Price: 10} }, want: signaling.CodeTooDear},
		{why: "it is trusted", claims: func(d *doorman) token.Claims { return token.Claims{Edges: []identity.Address{d.key.Address()}} }},
		{why: "another is trusted", claims: func(*doorman) token.Claims { return token.Claims{Edges: []identity.Address{strange.Address()}} }, want: signaling.CodeUnproven},
		{why: "a right is missing", claims: func(*doorman) token.Claims { return token.Claims{Rights: []token.Right{token.Watch}} }, want: signaling.CodeBadToken},
		{why: "another app", claims: func(*doorman) token.Claims { return token.Claims{App: "race"} }, want: signaling.CodeBadToken},
		{why: "later", claims: func(*doorman) token.Claims { return token.Claims{From: time.Now().Add(time.Minute)} }, want: signaling.CodeBadToken},
	} {
		t.Run(step.why, func(t *testing.T) {
			d := newDoorman(t, step.node)
			var claims token.Claims
			if step.claims != nil {
				claims = step.claims(d)
			}
			_, err := d.asked(signaling.Start{Session: "s-1", Token: d.token(claims), Codecs: []string{"h264"}})
			if step.want == "" && err != nil || step.want != "" && !errors.Is(err, &signaling.Error{Code: step.want}) {
				t.Errorf("%v, want %q", err, step.want)
			}
		})
	}
}

func TestAStreamTakesNoMoreThanItsTokenAllows(t *testing.T) {
	d := newDoorman(t, nil)
	for cap, want := range map[int64]media.Bitrate{0: 8 * media.Mbps, 2_000_000: 2 * media.Mbps, 20_000_000: 8 * media.Mbps} {
		s, err := d.asked(signaling.Start{Session: signaling.SessionID(fmt.Sprint("s-", cap)), Token: d.token(token.Claims{Bitrate: cap}), Codecs: []string{"h264"}})
		if err != nil || s.bitrate != want {
			t.Errorf("%d: %v, want %v", cap, err, want)
		}
	}
}

func TestATokenForOneSessionBeginsNoSecondOne(t *testing.T) {
	d := newDoorman(t, nil)
	once, often := d.token(token.Claims{Once: true}), d.token(token.Claims{})
	for _, step := range []struct {
		why, token string
		session    signaling.SessionID
		want       signaling.Code
	}{
		{"the first", once, "s-1", ""}, {"a second", once, "s-2", signaling.CodeSpentToken}, {"the first once more", once, "s-1", signaling.CodeSpentToken},
		{"one for many", often, "s-3", ""}, {"it again", often, "s-4", ""},
	} {
		s, err := d.asked(signaling.Start{Session: step.session, Token: step.token, Codecs: []string{"h264"}})
		if step.want == "" && err != nil || step.want != "" && !errors.Is(err, &signaling.Error{Code: step.want}) {
			t.Errorf("%s: %v, want %q", step.why, err, step.want)
		}
		if err == nil && !d.leases.Release(d.sinceStart(), s.lease.Ref) { // it is over
			t.Errorf("%s: there is no lease", step.why)
		}
	}
}

func TestATokenPlaysInOnePlaceAtATimeUnlessItMayInMany(t *testing.T) {
	d := newDoorman(t, nil)
	one, many := d.token(token.Claims{}), d.token(token.Claims{Rights: []token.Right{token.Play, token.Many}})
	for _, step := range []struct {
		why, token string
		session    signaling.SessionID
		want       signaling.Code
	}{{"one", one, "s-1", ""}, {"it again", one, "s-2", signaling.CodeTokenInUse}, {"many", many, "s-3", ""}, {"many again", many, "s-4", ""}} {
		_, err := d.asked(signaling.Start{Session: step.session, Token: step.token, Codecs: []string{"h264"}})
		if step.want == "" && err != nil || step.want != "" && !errors.Is(err, &signaling.Error{Code: step.want}) {
			t.Errorf("%s: %v, want %q", step.why, err, step.want)
		}
	}
}

func TestATokenThatIsRefusedTakesNoSlot(t *testing.T) {
	d := newDoorman(t, nil)
	strange, err := identity.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	raw := d.token(token.Claims{Edges: []identity.Address{strange.Address()}})
	if _, err := d.asked(signaling.Start{Session: "s-1", Token: raw, Codecs: []string{"h264"}}); err == nil {
		t.Fatal("a token for another edge is taken")
	}
	for slot, s := range d.leases.Slots(d.sinceStart()) {
		if s.Taken {
			t.Errorf("slot %d is taken", slot)
		}
	}
}

func TestAStartThatProposesNoSlotIsRefusedAndTakesNone(t *testing.T) {
	d := newDoorman(t, nil)
	d.mu.Lock()
	defer d.mu.Unlock()
	raw := d.token(token.Claims{Once: true})
	s, err := d.prepare(signaling.Start{Session: "s-1", Token: raw, Codecs: []string{"h264"}})
	if !errors.Is(err, &signaling.Error{Code: signaling.CodeBadMessage}) || s != nil && s.lease != nil {
		t.Errorf("%+v, %v", s, err)
	}
	if held := d.leases.Holders(d.sinceStart()); len(held) != 0 {
		t.Errorf("%+v", held)
	}
	ask := signaling.Start{Session: "s-1", Token: raw, Codecs: []string{"h264"}, Lease: &signaling.Proposal{TTL: leaseTime.Milliseconds()}}
	if _, err := d.prepare(ask); err != nil {
		t.Errorf("its token is spent: %v", err)
	}
}

func TestATokenThatIsRefusedIsNotSpent(t *testing.T) {
	d := newDoorman(t, func(n *Node) { n.leases = lease.New(nil) })
	raw := d.token(token.Claims{Once: true})
	ask := signaling.Start{Session: "s-1", Token: raw, Codecs: []string{"h264"}}
	if _, err := d.asked(ask); !errors.Is(err, &signaling.Error{Code: signaling.CodeStale}) {
		t.Fatal(err)
	}
	d.leases = lease.New(make([]signaling.Epoch, 1))
	if _, err := d.asked(ask); err != nil {
		t.Error(err)
	}
}

func TestASessionHasAsManySeatsAsItsTokenSays(t *testing.T) {
	for _, step := range []struct {
		why             string
		played, watches token.Claims
		watchers        int
		want            bool
	}{
		{"no limit", token.Claims{}, token.Claims{}, 100, true},
		{"a seat for one", token.Claims{Seats: 1}, token.Claims{}, 0, false},
		{"the second of three", token.Claims{Seats: 3}, token.Claims{}, 1, true},
		{"the third of three", token.Claims{Seats: 3}, token.Claims{}, 2, false},
		{"the guest's own token says two", token.Claims{}, token.Claims{Seats: 2}, 1, false},
	} {
		if err := seated(step.played, step.watches, step.watchers); (err == nil) != step.want {
			t.Errorf("%s: %v", step.why, err)
		}
	}
	d := newDoorman(t, nil)
	played, err := d.asked(signaling.Start{Session: "s-1", Token: d.token(token.Claims{Seats: 2}), Codecs: []string{"h264"}})
	if err != nil {
		t.Fatal(err)
	}
	d.sessions["s-1"] = &running{session: played, ctx: t.Context()}
	watch := func(id signaling.SessionID) error {
		s, err := d.asked(signaling.Start{Session: id, Token: d.token(token.Claims{Rights: []token.Right{token.Watch}}), Codecs: []string{"h264"}, Watch: "s-1"})
		if err == nil {
			d.sessions[id] = &running{session: s, ctx: t.Context()}
		}
		return err
	}
	if err := watch("s-2"); err != nil {
		t.Error(err)
	}
	if err := watch("s-3"); !errors.Is(err, &signaling.Error{Code: signaling.CodeFull}) {
		t.Error("a third on two seats:", err)
	}
}

func TestOnlyTheTokenThatBeganASessionResumesIt(t *testing.T) {
	d := newDoorman(t, nil)
	raw := d.token(token.Claims{ID: "mine"})
	s, err := d.asked(signaling.Start{Session: "s-1", Token: raw, Codecs: []string{"h264"}})
	if err != nil {
		t.Fatal(err)
	}
	for why, step := range map[string]struct {
		token string
		want  bool
	}{
		"its own": {raw, true}, "the same, signed again": {d.token(token.Claims{ID: "mine"}), true},
		"another": {d.token(token.Claims{}), false}, "forged": {raw[:len(raw)-8] + "AAAAAAAA", false},
	} {
		if err := d.mayResume(s, step.token); (err == nil) != step.want {
			t.Errorf("%s: %v", why, err)
		}
	}
}
