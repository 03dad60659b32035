package purse

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"nearlight/internal/identity"
	"nearlight/signaling/token"
)

// Shop is an edge, as far as it matters to a token.
type Shop struct {
	Edge    identity.Address
	Apps    []string // installed, and shown to players
	Regions []string
	Price   uint64
	Root    string // who has endorsed it; "" is nobody
}

// Token is one to visit an edge with.
type Token struct {
	Raw string
	ID  string // its jti
	App string // that is played: the edge has it, and the token allows it
}

// Mint signs tokens such as a studio's players get.
type Mint struct {
	Issuer *token.Issuer
	Like   token.Claims  // but for name and times
	Life   time.Duration // from issue to expiry
}

// Config is what a purse is told. All but Mint and Log is needed.
type Config struct {
	Path string // of the file
	// Playable checks a token as one is checked that a player comes with.
	Playable func(raw string) (token.Claims, error)
	// Except is an app that players do not play.
	Except string
	Mint   *Mint            // nil: tokens are left by studios alone
	Now    func() time.Time // nil is time.Now
	Log    *slog.Logger     // nil is none
}

// Bounds of what is kept.
const (
	mostOfOne  = 4096   // tokens of one studio: seventy committees' of the usual size
	mostOfAll  = 32_768 // some 30 MB
	mostKinds  = 64     // of tokens of one studio that differ in what they are good for: all are looked at for each edge
	mostUsed   = 262_144
	leastLife  = 30 * time.Second // that a token has left: matching, and the edge's own look at it
	mostPosted = 256              // tokens in one request
)

// ErrNone reports that there is no token for an edge; its text says why, to operators.
var ErrNone = errors.New("purse: no token")

// Refused is why tokens are not taken.
type Refused struct {
	Code  string // for programs: one of those below
	Index int    // of the token that is not taken; -1: none in particular
	Why   string
}

func (r *Refused) Error() string { return r.Why }

// The codes of Refused.
const (
	codeBadToken    = "bad-token"
	codeNotOrdinary = "not-ordinary"
	codeTooMany     = "too-many"
)

// kept is a token that is in stock.
type kept struct {
	raw, id, owner, kind string
	claims               token.Claims
}

// kind is what several tokens of a studio are good for alike.
type kind struct {
	claims token.Claims
	tokens int
}

// Purse keeps tokens.
type Purse struct {
	config Config

	mu     sync.Mutex
	file   *file
	stock  []*kept // in the order in which they came
	there  map[string]bool
	owners map[string]int
	kinds  map[string]map[string]*kind // by owner
	used   map[string]int64            // until when the token would be good, in seconds since 1970
	next   time.Time                   // before which nothing expires
}

// Open opens the file, or makes it, and goes on where it stands.
func Open(config Config) (*Purse, error) {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	p := &Purse{config: config, there: make(map[string]bool), owners: make(map[string]int), kinds: make(map[string]map[string]*kind), used: make(map[string]int64)}
	lines, err := readFile(config.Path)
	if err != nil {
		return nil, fmt.Errorf("purse: %w", err)
	}
	for _, l := range lines {
		if l.Used != "" {
			p.use(l.Used, l.Until)
			continue
		}
		claims, err := token.Unverified(l.Token) // whether it is good is seen when it is used
		if err != nil {
			return nil, fmt.Errorf("purse: %s: %w", config.Path, err)
		}
		p.add(l.Token, l.Owner, claims)
	}
	p.expire()
	if p.file, err = writeFile(config.Path, p.lines()); err != nil {
		return nil, fmt.Errorf("purse: %w", err)
	}
	return p, nil
}

// Close closes the file. Nothing else may be called after it.
func (p *Purse) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.file.close()
}

// Stock is how many tokens of an owner there are.
func (p *Purse) Stock(owner string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expire()
	return p.owners[owner]
}

// Put takes tokens of an owner, all or none, and returns how many are new. Those that it has or had already are passed over, so that who has heard no answer may come again. An error is a *Refused, or of
// the disk.
func (p *Purse) Put(owner string, raws []string) (taken int, err error) {
	if len(raws) > mostPosted {
		return 0, &Refused{codeTooMany, -1, fmt.Sprintf("%d tokens at once, the limit is %d", len(raws), mostPosted)}
	}
	all := make([]token.Claims, len(raws))
	for i, raw := range raws {
		claims, err := p.config.Playable(raw)
		if err != nil {
			return 0, &Refused{codeBadToken, i, fmt.Sprintf("token %d is not good here: %v", i, err)}
		}
		if err := p.ordinary(claims, owner); err != nil {
			return 0, &Refused{codeNotOrdinary, i, fmt.Sprintf("token %d: %v", i, err)}
		}
		all[i] = claims
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expire()
	var lines []line
	var fresh []int
	ids := make(map[string]bool)
	kinds := make(map[string]bool)
	for name := range p.kinds[owner] {
		kinds[name] = true
	}
	for i, claims := range all {
		if _, was := p.used[claims.ID]; was || p.there[claims.ID] || ids[claims.ID] {
			continue
		}
		ids[claims.ID], kinds[kindOf(claims)] = true, true
		lines, fresh = append(lines, line{Token: raws[i], Owner: owner}), append(fresh, i)
	}
	switch {
	case p.owners[owner]+len(fresh) > mostOfOne, len(p.stock)+len(fresh) > mostOfAll, len(p.used) >= mostUsed:
		return 0, &Refused{codeTooMany, -1, fmt.Sprintf("%d tokens are in stock, and there is no room for %d more", p.owners[owner], len(fresh))}
	case len(kinds) > mostKinds:
		return 0, &Refused{codeTooMany, -1, fmt.Sprintf("they are of %d kinds that are good for different things, the limit is %d", len(kinds), mostKinds)}
	case len(fresh) == 0:
		return 0, nil
	}
	if err := p.file.append(lines...); err != nil {
		return 0, fmt.Errorf("purse: %w", err)
	}
	for _, i := range fresh {
		p.add(raws[i], owner, all[i])
	}
	p.config.Log.Info("tokens for visits as players make them are in stock", "of", owner, "new", len(fresh), "stock", p.owners[owner])
	return len(fresh), nil
}

// ordinary refuses what no player has, or what a checker could not use.
func (p *Purse) ordinary(claims token.Claims, owner string) error {
	switch {
	case Owner(claims) != owner:
		return errors.New("it is another's than the request's")
	case !claims.Allows(token.Play):
		return errors.New("it is not good for playing")
	case claims.Allows(token.Check), claims.Allows(token.Stock):
		return errors.New("no player has its rights: check, stock")
	case len(claims.Edges) > 0:
		return errors.New("it names edges, and nobody knows yet which one it is for")
	case !claims.Holder.IsZero():
		return errors.New("it is bound to a key (cnf) that no checker has")
	case claims.App != "" && claims.App == p.config.Except:
		return fmt.Errorf("players do not play %s", claims.App)
	case !p.config.Now().Before(claims.Expires.Add(-leastLife)):
		return fmt.Errorf("it expires within %v", leastLife)
	}
	return nil
}

// Owner is whose a token is: its studio, or the key that signed it where that has no name.
func Owner(claims token.Claims) string {
	if claims.Studio != "" {
		return claims.Studio
	}
	return claims.Key
}

// Why says why there is no token for an edge, to operators; "" where there is one.
func (p *Purse) Why(shop Shop) string {
	if m := p.config.Mint; m != nil {
		if _, fits := p.app(m.Like, shop, 0); fits {
			return ""
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expire()
	for _, kinds := range p.kinds {
		for _, k := range kinds {
			if _, fits := p.app(k.claims, shop, 0); fits {
				return ""
			}
		}
	}
	return p.none()
}

// none is why there is no token for some edge.
func (p *Purse) none() string {
	if len(p.stock) == 0 && p.config.Mint == nil {
		return "there are no tokens of studios in stock by which a checker could come as players do"
	}
	return "no token by which a checker could come as players do is good for an app of the edge's, in its regions, at its price, and with its endorsement"
}

// Take gives a token for a visit to an edge, which nobody gets again. Seed decides which app is played where there are several. An error wraps ErrNone, or is of the disk.
func (p *Purse) Take(shop Shop, seed uint64) (Token, error) {
	if m := p.config.Mint; m != nil {
		if app, fits := p.app(m.Like, shop, seed); fits {
			return m.token(app, p.config.Now())
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expire()
	for {
		// The newest first: players come with new ones.
		at, app := -1, ""
		for i, k := range slices.Backward(p.stock) {
			if name, fits := p.app(k.claims, shop, seed); fits {
				at, app = i, name
				break
			}
		}
		if at < 0 {
			return Token{}, fmt.Errorf("%w: %s", ErrNone, p.none())
		}
		k := p.stock[at]
		until := k.claims.Expires.Unix()
		if err := p.file.append(line{Used: k.id, Until: until}); err != nil {
			return Token{}, fmt.Errorf("purse: %w", err)
		}
		p.drop(at)
		p.use(k.id, until)
		if err := p.tidy(); err != nil {
			return Token{}, err
		}
		if _, err := p.config.Playable(k.raw); err != nil {
			p.config.Log.Warn("a token that is in stock is not good any more", "of", k.owner, "error", err)
			continue
		}
		return Token{k.raw, k.id, app}, nil
	}
}

// token signs one.
func (m *Mint) token(app string, now time.Time) (Token, error) {
	claims := m.Like
	claims.ID, claims.From, claims.Expires = "", time.Time{}, now.Add(m.Life)
	raw, err := m.Issuer.Issue(claims)
	if err != nil {
		return Token{}, fmt.Errorf("purse: %w", err)
	}
	if claims, err = token.Unverified(raw); err != nil {
		return Token{}, fmt.Errorf("purse: %w", err)
	}
	return Token{raw, claims.ID, app}, nil
}

// app is what is played at an edge by a token, if that is good there at all.
func (p *Purse) app(claims token.Claims, shop Shop, seed uint64) (app string, fits bool) {
	if !claims.AllowsRegion(shop.Regions) || !claims.AllowsPrice(shop.Price) || len(claims.Edges) > 0 && !slices.Contains(claims.Edges, shop.Edge) ||
		!claims.Root.IsZero() && claims.Root.String() != shop.Root {
		return "", false
	}
	var good []string
	for _, name := range shop.Apps {
		if claims.AllowsApp(name) && name != p.config.Except {
			good = append(good, name)
		}
	}
	if len(good) == 0 {
		return "", false
	}
	slices.Sort(good)
	return good[seed%uint64(len(good))], true
}

// add takes a token up.
func (p *Purse) add(raw, owner string, claims token.Claims) {
	if _, was := p.used[claims.ID]; was || p.there[claims.ID] {
		return
	}
	k := &kept{raw: raw, id: claims.ID, owner: owner, kind: kindOf(claims), claims: claims}
	p.stock, p.there[k.id] = append(p.stock, k), true
	p.owners[owner]++
	if p.kinds[owner] == nil {
		p.kinds[owner] = make(map[string]*kind)
	}
	if p.kinds[owner][k.kind] == nil {
		p.kinds[owner][k.kind] = &kind{claims: claims}
	}
	p.kinds[owner][k.kind].tokens++
	p.look(claims.Expires.Add(-leastLife))
}

// drop takes a token out.
func (p *Purse) drop(at int) {
	k := p.stock[at]
	p.stock = slices.Delete(p.stock, at, at+1)
	p.gone(k)
}

// gone counts a token that was taken out.
func (p *Purse) gone(k *kept) {
	delete(p.there, k.id)
	if p.owners[k.owner]--; p.owners[k.owner] == 0 {
		delete(p.owners, k.owner)
	}
	of := p.kinds[k.owner]
	if of[k.kind].tokens--; of[k.kind].tokens == 0 {
		delete(of, k.kind)
	}
	if len(of) == 0 {
		delete(p.kinds, k.owner)
	}
}

// use remembers a token for as long as it would be good.
func (p *Purse) use(id string, until int64) {
	p.used[id] = until
	p.look(forgotten(until))
	if p.there[id] { // as a file is read
		p.drop(slices.IndexFunc(p.stock, func(k *kept) bool { return k.id == id }))
	}
}

// forgotten is from when a used token need not be remembered: clocks differ, and it is not to be taken again meanwhile.
func forgotten(until int64) time.Time { return time.Unix(until, 0).Add(2 * leastLife) }

// look has what expires at a time be looked after then.
func (p *Purse) look(at time.Time) {
	if p.next.IsZero() || at.Before(p.next) {
		p.next = at
	}
}

// expire forgets what has expired, or is about to.
func (p *Purse) expire() {
	now := p.config.Now()
	if p.next.IsZero() || now.Before(p.next) {
		return
	}
	p.next = time.Time{}
	p.stock = slices.DeleteFunc(p.stock, func(k *kept) bool {
		last := k.claims.Expires.Add(-leastLife)
		if !now.Before(last) {
			p.gone(k)
			return true
		}
		p.look(last)
		return false
	})
	for id, until := range p.used {
		if at := forgotten(until); now.Before(at) {
			p.look(at)
		} else {
			delete(p.used, id)
		}
	}
}

// lines are what is known now.
func (p *Purse) lines() []line {
	lines := make([]line, 0, len(p.stock)+len(p.used))
	for _, k := range p.stock {
		lines = append(lines, line{Token: k.raw, Owner: k.owner})
	}
	for id, until := range p.used {
		lines = append(lines, line{Used: id, Until: until})
	}
	return lines
}

// tidy writes the file anew where most of it is about the past.
func (p *Purse) tidy() error {
	if now := len(p.stock) + len(p.used); p.file.lines < 1024+2*now {
		return nil
	}
	fresh, err := writeFile(p.config.Path, p.lines())
	if err != nil {
		return fmt.Errorf("purse: %w", err)
	}
	err = p.file.close()
	p.file = fresh
	return err
}

// kindOf names what a token is good for.
func kindOf(c token.Claims) string {
	return strings.Join([]string{c.App, c.Root.String(), fmt.Sprint(c.Price), strings.Join(c.Regions, ",")}, " ")
}
