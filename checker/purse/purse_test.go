package purse

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"nearlight/internal/identity"
	"nearlight/signaling/token"
)

// house is a purse with studios, whose clock a test moves.
type house struct {
	testing.TB
	*Purse
	config  Config
	at      time.Time
	studios map[string]*token.Issuer
	barred  map[string]bool // tokens that are not good any more, by name
}

func newHouse(tb testing.TB) *house {
	h := &house{TB: tb, at: time.Unix(1_900_000_000, 0), studios: make(map[string]*token.Issuer), barred: make(map[string]bool)}
	now := func() time.Time { return h.at }
	var keys []token.Keys
	for _, name := range []string{"acme", "umbra"} {
		private, err := token.NewKey()
		if err != nil {
			tb.Fatal(err)
		}
		issuer, err := token.NewIssuer(private, token.Scope{}, now)
		if err != nil {
			tb.Fatal(err)
		}
		h.studios[name], keys = issuer, append(keys, token.Of(name, issuer.Keys()))
	}
	h.config = Config{Path: filepath.Join(tb.TempDir(), "tokens"), Except: "challenge", Now: now, Playable: func(raw string) (token.Claims, error) {
		var err error
		for _, k := range keys {
			var claims token.Claims
			if claims, err = token.NewVerifier(k, token.Scope{}, now).Verify(raw, token.Player); err == nil {
				if h.barred[claims.ID] {
					err = errors.New("it is barred")
				}
				return claims, err
			}
		}
		return token.Claims{}, err
	}}
	h.open()
	tb.Cleanup(func() {
		if err := h.Close(); err != nil {
			tb.Error(err)
		}
	})
	return h
}

func (h *house) open() {
	h.Helper()
	var err error
	if h.Purse, err = Open(h.config); err != nil {
		h.Fatal(err)
	}
}

// reopen is what a process does that was killed.
func (h *house) reopen() {
	h.Helper()
	if err := h.Close(); err != nil {
		h.Fatal(err)
	}
	h.open()
}

// token is one of acme's players'.
func (h *house) token(id string, change func(*token.Claims)) string {
	return h.tokenOf("acme", id, change)
}

func (h *house) tokenOf(studio, id string, change func(*token.Claims)) string {
	h.Helper()
	claims := token.Claims{ID: id, Role: token.Player, Rights: []token.Right{token.Play}, Once: true, Expires: h.at.Add(5 * time.Minute)}
	if change != nil {
		change(&claims)
	}
	raw, err := h.studios[studio].Issue(claims)
	if err != nil {
		h.Fatal(err)
	}
	return raw
}

func (h *house) put(raws ...string) {
	h.Helper()
	if _, err := h.Put("acme", raws); err != nil {
		h.Fatal(err)
	}
}

var tux = Shop{Edge: identity.Address{7}, Apps: []string{"tux", "challenge", "race"}, Regions: []string{"de"}, Price: 5}

func (h *house) take() string {
	h.Helper()
	t, err := h.Take(tux, 0)
	if err != nil {
		h.Fatal(err)
	}
	return t.ID
}

func TestEachTokenIsUsedOnceTheNewestFirstAndNoneIsLost(t *testing.T) {
	h := newHouse(t)
	h.put(h.token("a", nil), h.token("b", nil), h.token("c", nil))
	h.put(h.token("a", nil), h.token("d", nil)) // one of them once more
	if n := h.Stock("acme"); n != 4 {
		t.Fatalf("%d tokens", n)
	}
	got := []string{h.take(), h.take()}
	h.reopen()
	h.put(h.token("d", nil)) // which was used
	got = append(got, h.take())
	h.reopen()
	got = append(got, h.take())
	if want := []string{"d", "c", "b", "a"}; !slices.Equal(got, want) {
		t.Errorf("they are used as %v, want %v", got, want)
	}
	if _, err := h.Take(tux, 0); !errors.Is(err, ErrNone) || !strings.Contains(err.Error(), "in stock") || h.Why(tux) == "" {
		t.Errorf("without one: %v", err)
	}
	if info, err := os.Stat(h.config.Path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read the file: %v, %v", info.Mode(), err)
	}
}

func TestTokensThatExpireAreForgotten(t *testing.T) {
	h := newHouse(t)
	h.put(h.token("short", nil), h.token("long", func(c *token.Claims) { c.Expires = h.at.Add(time.Hour) }))
	h.at = h.at.Add(5*time.Minute - leastLife)
	if id := h.take(); id != "long" {
		t.Error(id)
	}
	if n := h.Stock("acme"); n != 0 {
		t.Errorf("%d are left", n)
	}
	h.at = h.at.Add(2 * time.Hour)
	h.reopen()
	if text, err := os.ReadFile(h.config.Path); err != nil || len(text) > 0 || len(h.used) > 0 {
		t.Errorf("%q is kept of what is over, %v", text, err)
	}
}

func TestOnlyOrdinaryTokensOfTheStudioAreTaken(t *testing.T) {
	h := newHouse(t)
	for why, raw := range map[string]string{
		"another's":              h.tokenOf("umbra", "x", nil),
		"nobody's":               "a.b.c",
		"not for playing":        h.token("x", func(c *token.Claims) { c.Rights = []token.Right{token.Watch} }),
		"for checks":             h.token("x", func(c *token.Claims) { c.Rights = append(c.Rights, token.Check) }),
		"for the stock":          h.token("x", func(c *token.Claims) { c.Rights = append(c.Rights, token.Stock) }),
		"names an edge":          h.token("x", func(c *token.Claims) { c.Edges = []identity.Address{{7}} }),
		"bound to a key":         h.token("x", func(c *token.Claims) { c.Holder = identity.Address{7} }),
		"for challenges":         h.token("x", func(c *token.Claims) { c.App = "challenge" }),
		"expires in a moment":    h.token("x", func(c *token.Claims) { c.Expires = h.at.Add(leastLife) }),
		"is not good yet":        h.token("x", func(c *token.Claims) { c.From = h.at.Add(time.Minute) }),
		"longer than any may be": strings.Repeat("x", token.MaxLength+1),
	} {
		taken, err := h.Put("acme", []string{h.token("good", nil), raw})
		var refused *Refused
		if !errors.As(err, &refused) || refused.Index != 1 || taken != 0 || h.Stock("acme") != 0 {
			t.Errorf("%s: %v", why, err)
		}
	}
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	h := newHouse(t)
	refused := func(why string, raws ...string) {
		t.Helper()
		var r *Refused
		if _, err := h.Put("acme", raws); !errors.As(err, &r) || r.Code != codeTooMany {
			t.Errorf("%s: %v", why, err)
		}
	}
	refused("at once", make([]string, mostPosted+1)...)
	var kinds []string
	for i := range mostKinds + 1 {
		kinds = append(kinds, h.token(fmt.Sprint("kind-", i), func(c *token.Claims) { c.Price = uint64(i + 1) }))
	}
	refused("kinds", kinds...)
	h.put(kinds[:mostKinds]...)
	refused("kinds, one after the other", kinds[mostKinds])
	h.owners["acme"] = mostOfOne
	refused("of one studio", h.token("one-more", func(c *token.Claims) { c.Price = 1 }))
}

func TestATokenIsGoodForTheEdgeThatItIsTakenFor(t *testing.T) {
	for why, change := range map[string]func(*token.Claims){
		"another region": func(c *token.Claims) { c.Regions = []string{"us"} },
		"too dear":       func(c *token.Claims) { c.Price = 4 },
		"another root":   func(c *token.Claims) { c.Root = identity.Address{9} },
		"another app":    func(c *token.Claims) { c.App = "chess" },
	} {
		h := newHouse(t)
		h.put(h.token("other", change))
		if _, err := h.Take(tux, 0); !errors.Is(err, ErrNone) || h.Why(tux) == "" || h.Stock("acme") != 1 {
			t.Errorf("%s: %v, %q", why, err, h.Why(tux))
		}
		h.put(h.token("good", func(c *token.Claims) { c.Regions, c.Price = []string{"de", "us"}, 5 }))
		if h.Why(tux) != "" || h.take() != "good" {
			t.Errorf("%s: the one that is good is not taken", why)
		}
	}
	h := newHouse(t)
	h.put(h.token("any", nil))
	if why := h.Why(Shop{Apps: []string{"challenge"}}); why == "" {
		t.Error("players play the challenge")
	}
}

func TestTheAppIsOneThatTheEdgeHasAndTheTokenAllows(t *testing.T) {
	h := newHouse(t)
	played := make(map[string]bool)
	for i := range 4 {
		h.put(h.token(fmt.Sprint(i), nil))
		got, err := h.Take(tux, uint64(i))
		if err != nil {
			t.Fatal(err)
		}
		played[got.App] = true
	}
	if !played["tux"] || !played["race"] || len(played) != 2 {
		t.Errorf("played are %v", played)
	}
	h.put(h.token("race", func(c *token.Claims) { c.App = "race" }))
	if got, err := h.Take(tux, 1); err != nil || got.App != "race" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestATokenThatIsNotGoodAnyMoreIsPassedOver(t *testing.T) {
	h := newHouse(t)
	h.put(h.token("good", nil), h.token("barred", nil))
	h.barred["barred"] = true
	if id := h.take(); id != "good" || h.Stock("acme") != 0 {
		t.Error(id)
	}
}

func TestWhoHoldsAStudiosKeySignsTokensLikeItsPlayers(t *testing.T) {
	h := newHouse(t)
	like := token.Claims{Role: token.Player, Rights: []token.Right{token.Play, token.Watch}, Bitrate: 5_000_000, Regions: []string{"de"}}
	h.config.Mint = &Mint{Issuer: h.studios["acme"], Like: like, Life: time.Hour}
	h.reopen()
	got := make(map[string]bool)
	for range 3 {
		made, err := h.Take(tux, 0)
		if err != nil {
			t.Fatal(err)
		}
		claims, err := h.config.Playable(made.Raw)
		if err != nil {
			t.Fatal(err)
		}
		got[made.ID] = true
		if claims.Bitrate != like.Bitrate || !slices.Equal(claims.Rights, like.Rights) || !claims.Expires.Equal(h.at.Add(time.Hour)) || claims.ID != made.ID {
			t.Errorf("%+v", claims)
		}
	}
	if len(got) != 3 {
		t.Errorf("the names of three are %v", got)
	}
	elsewhere := tux
	elsewhere.Regions = []string{"us"}
	if _, err := h.Take(elsewhere, 0); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
	h.put(h.token("stocked", nil))
	if made, err := h.Take(elsewhere, 0); err != nil || made.ID != "stocked" {
		t.Errorf("what is in stock besides is not used: %+v, %v", made, err)
	}
}

func TestAFileThatWasCutOffGoesOnAndOneThatIsWrongIsRefused(t *testing.T) {
	h := newHouse(t)
	h.put(h.token("a", nil))
	add := func(text string) {
		t.Helper()
		out, err := os.OpenFile(h.config.Path, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = out.WriteString(text)
		if err := errors.Join(err, out.Close()); err != nil {
			t.Fatal(err)
		}
	}
	add(`{"used":"a","unt`)
	h.reopen()
	if h.Stock("acme") != 1 {
		t.Error("what nobody was told of counts")
	}
	add("nonsense\n")
	if _, err := Open(h.config); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("nonsense is read: %v", err)
	}
}

func TestTheFileDoesNotGrowForEver(t *testing.T) {
	h := newHouse(t)
	for i := range 600 {
		h.put(h.token(fmt.Sprint(i), nil))
		h.take()
		h.at = h.at.Add(10 * time.Second)
	}
	if h.file.lines > 1100 {
		t.Errorf("%d lines, of 1200 that were written", h.file.lines)
	}
}
