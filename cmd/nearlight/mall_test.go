package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nearlight/checker/committee"
	"nearlight/checker/epoch"
	"nearlight/checker/exam"
	"nearlight/checker/life"
	"nearlight/checker/notary"
	"nearlight/checker/purse"
	"nearlight/internal/edgesim"
	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/client"
	"nearlight/signaling/server"
	"nearlight/signaling/token"
)

// watchedEdge is an edge without pictures, which keeps what it is sent.
type watchedEdge struct {
	t        *testing.T
	link     *client.Edge
	slots    *edgesim.Slots
	verifier *token.Verifier
	starts   chan signaling.Start
}

var _ client.EdgeHandler = (*watchedEdge)(nil)

func (e *watchedEdge) say(m signaling.Message) {
	if err := e.link.Send(m); err != nil {
		e.t.Error(err)
	}
}

func (e *watchedEdge) Registration() signaling.Register {
	r := signaling.Register{Name: "watched", Codecs: signaling.List[string]{"h264"}, Apps: signaling.List[signaling.App]{
		{Name: "tux", Title: "Tux", Installed: true}, {Name: "race", Title: "Race", Installed: true}, {Name: "chess", Title: "Chess"},
		{Name: challengeApp, Title: "Challenge", Installed: true, Hidden: true},
	}}
	e.slots.Describe(&r)
	return r
}

func (e *watchedEdge) Start(m signaling.Start) {
	claims, err := e.verifier.Verify(m.Token, token.Player)
	if err != nil {
		e.t.Error(err)
		return
	}
	said, leased, err := e.slots.Answer(m, edgesim.BearerOf(claims))
	if err != nil || !leased {
		e.t.Errorf("no lease for %s: %v", m.Session, err)
		return
	}
	for _, answer := range said {
		e.say(answer)
	}
	e.starts <- m
}

func (e *watchedEdge) Stop(m signaling.Stop) {
	if _, err := e.slots.Release(m.Session); err != nil {
		e.t.Error(err)
	}
	e.say(e.slots.Status())
}

func (e *watchedEdge) Probe(signaling.SessionID) bool  { return true }
func (e *watchedEdge) Registered(signaling.Registered) {}
func (e *watchedEdge) Offer(signaling.Offer)           {}
func (e *watchedEdge) Answer(signaling.Answer)         {}
func (e *watchedEdge) Candidate(signaling.Candidate)   {}
func (e *watchedEdge) Restart(signaling.SessionID)     {}
func (e *watchedEdge) Install(signaling.Install)       {}
func (e *watchedEdge) Counted(signaling.Counted)       {}

// anyBeacon has a round each second.
type anyBeacon struct{}

func (anyBeacon) RoundAt(at time.Time) uint64 { return uint64(at.Unix()) }

func (anyBeacon) TimeOf(round uint64) time.Time { return time.Unix(int64(round), 0) }

func (anyBeacon) Value(_ context.Context, round uint64) ([32]byte, error) {
	return [32]byte{byte(round), byte(round >> 8)}, nil
}

// mall is a network with one edge, one studio and one checker, whose log's clock a test moves on.
type mall struct {
	t       *testing.T
	checks  *checks
	keys    checkerKeys
	url     string
	edge    *watchedEdge
	address identity.Address
	studio  *token.Issuer
	later   atomic.Int64 // by how much the log's clock is ahead, nanoseconds
	log     *safeBuffer
}

// safeBuffer is written to by several.
type safeBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *safeBuffer) count(text string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.all.String(), text)
}

func newIssuer(t *testing.T) *token.Issuer {
	t.Helper()
	key, err := token.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := token.NewIssuer(key, token.Scope{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return issuer
}

// newMall opens it; minted has its signaling hold the studio's key.
func newMall(t *testing.T, minted *token.Claims, life time.Duration) *mall {
	t.Helper()
	m := &mall{t: t, studio: newIssuer(t), log: new(safeBuffer)}
	own := newIssuer(t)
	set, err := token.NewKeySet(m.studio.Key(), own.Key())
	if err != nil {
		t.Fatal(err)
	}
	verifier := token.NewVerifier(set, token.Scope{}, time.Now)
	if m.keys, err = newCheckerKeys(); err != nil {
		t.Fatal(err)
	}
	m.checks = &checks{key: own.Key().ID, logger: slog.New(slog.NewTextHandler(m.log, nil))}
	var mint *purse.Mint
	if minted != nil {
		mint = &purse.Mint{Issuer: m.studio, Like: *minted, Life: life}
	}
	licensed, err := cardOf(m.keys, m.keys.key.Address(), 1).licence()
	if err != nil {
		t.Fatal(err)
	}
	err = m.checks.open(notary.Config{
		Folder: t.TempDir(), Requirements: exam.OnProcessor, Committee: committee.Size{Seats: 1, Minimum: 1}, Uncapped: true, Lenient: true, Beacon: anyBeacon{}, Pass: m.checks.passes(own),
		Checkers: func() []epoch.Checker { return []epoch.Checker{licensed} }, Now: m.now,
	}, mint)
	if err != nil {
		t.Fatal(err)
	}
	edgeKey, err := identity.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	m.address = edgeKey.Address()
	signals, err := server.New(server.Config{
		Verifier: verifier, EdgeAccess: server.EdgeAccess{Keys: func(a identity.Address) bool { return a == m.address }}, Checks: m.checks, CheckKey: m.checks.key,
	})
	if err != nil {
		t.Fatal(err)
	}
	m.checks.join(signals)
	mux := http.NewServeMux()
	mux.Handle("/checks/", m.checks.handler())
	mux.Handle("/", signals.Handler())
	web := httptest.NewServer(mux)
	m.url = web.URL
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := signals.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	m.edge = &watchedEdge{t: t, slots: edgesim.NewSlots(edgeKey, make([]signaling.Epoch, 3), time.Now()), verifier: verifier, starts: make(chan signaling.Start, 16)}
	if m.edge.link, err = client.NewEdge(client.Config{URL: m.url, Signer: edgeKey}, m.edge); err != nil {
		t.Fatal(err)
	}
	running.Go(func() {
		if err := m.edge.link.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		stop()
		running.Wait()
		web.Close()
		if err := m.checks.close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func (m *mall) now() time.Time { return time.Now().Add(time.Duration(m.later.Load())) }

// tick lets the log's time pass.
func (m *mall) tick(later time.Duration) {
	m.t.Helper()
	m.later.Add(int64(later))
	if err := m.checks.notary.Tick(m.t.Context()); err != nil {
		m.t.Fatal(err)
	}
}

// eventually ticks until something holds that another goroutine brings about.
func (m *mall) eventually(what string, holds func() bool) {
	m.t.Helper()
	for end := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			m.t.Fatalf("not so after 10 s: %s", what)
		}
		m.tick(0)
	}
}

// set waits for a check to be set, and passes whatever else is.
func (m *mall) set(check life.Check) notary.TaskSummary {
	m.t.Helper()
	for range 600 {
		if open := m.checks.notary.Summary().Open; len(open) > 0 {
			if open[0].Check == string(check) {
				return open[0]
			}
			m.report(open[0])
		}
		m.tick(time.Second)
	}
	m.t.Fatalf("no check of %s is set in ten minutes", check)
	return notary.TaskSummary{}
}

// task is one as its log has it.
func (m *mall) task(id epoch.Hash) (found epoch.Task) {
	m.t.Helper()
	response, err := http.Get(m.url + "/checks/epochs/1")
	if err != nil {
		m.t.Fatal(err)
	}
	defer response.Body.Close()
	err = epoch.Scan(response.Body, func(e epoch.Entry, _ []byte) error {
		if e.Task == nil {
			return nil
		}
		if name, err := e.Task.ID(); err != nil || epoch.Hash(name) != id {
			return err
		}
		found = *e.Task
		return nil
	})
	if err != nil || found.Edge.IsZero() {
		m.t.Fatalf("the log has no task %v: %v", id, err)
	}
	return found
}

// report has the checker find that all is as it should be, and lets time pass until it is decided.
func (m *mall) report(open notary.TaskSummary) {
	m.t.Helper()
	task := m.task(open.Task)
	id := committee.TaskID(open.Task)
	value, err := anyBeacon{}.Value(m.t.Context(), task.Round)
	if err != nil {
		m.t.Fatal(err)
	}
	proof, _ := m.keys.draw.Prove(committee.Draw{Task: id, Beacon: committee.Beacon{Round: task.Round, Value: value}, Seats: 1}.Input())
	r := epoch.Report{Task: open.Task, Checker: m.keys.key.Address(), Proof: epoch.Proof(proof), Address: netip.MustParseAddr("192.0.2.7"), Salt: epoch.Hash{1}}
	for _, q := range task.Questions {
		a := epoch.Answer{Yes: true}
		if q.AtLeast != nil {
			a.Figure = *q.AtLeast + 1
		}
		r.Answers = append(r.Answers, a)
	}
	commitment := r.Found().Commitment(id)
	c := epoch.Commitment{Task: open.Task, Checker: r.Checker, Commitment: epoch.Hash(commitment), Signature: m.sign(identity.Commitment{Task: id, Commitment: commitment}.Digest())}
	r.Signature = m.sign(identity.Report{Task: id, Commitment: commitment}.Digest())
	if err := m.checks.notary.Commit(c); err != nil {
		m.t.Fatal(err)
	}
	m.tick(open.CommitBy.Time().Sub(m.now()))
	if err := m.checks.notary.Report(r); err != nil {
		m.t.Fatal(err)
	}
	m.tick(open.RevealBy.Time().Sub(m.now()))
}

func (m *mall) sign(d identity.Digest) epoch.Signature {
	m.t.Helper()
	signature, err := m.keys.key.Sign(d)
	if err != nil {
		m.t.Fatal(err)
	}
	return epoch.Signature(signature)
}

// pass is what the checker gets for a task.
func (m *mall) pass(open notary.TaskSummary) (notary.Pass, error) {
	m.t.Helper()
	at := m.now().Truncate(time.Second)
	return m.checks.notary.Pass(notary.Request{
		Task: open.Task, Checker: m.keys.key.Address(), At: epoch.Millis(at.UnixMilli()), Signature: m.sign(identity.Pass{Task: committee.TaskID(open.Task), At: at}.Digest()),
	})
}

// plays has somebody play, and returns what the edge was sent. leave ends it.
func (m *mall) plays(raw, app string) (start signaling.Start, leave func()) {
	m.t.Helper()
	player, err := client.NewPlayer(client.Config{URL: m.url}, signaling.Play{Token: raw, App: app, Codecs: []string{"h264"}, Size: &signaling.Size{Width: 640, Height: 360}})
	if err != nil {
		m.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(m.t.Context())
	over := make(chan error, 1)
	go func() { over <- player.Run(ctx, func(signaling.Message) {}) }()
	leave = sync.OnceFunc(func() {
		stop()
		if err := <-over; err != nil {
			m.t.Error(err)
		}
	})
	m.t.Cleanup(leave)
	select {
	case start = <-m.edge.starts:
	case err := <-over:
		over <- nil
		m.t.Fatalf("%s is not played: %v", app, err)
	case <-time.After(10 * time.Second):
		m.t.Fatal("the edge is sent nothing")
	}
	return start, leave
}

// seen is all that an edge reads in what it is sent of somebody who comes, without what is each one's own.
func (m *mall) seen(start signaling.Start) map[string]any {
	m.t.Helper()
	all := make(map[string]any)
	claims := make(map[string]any)
	for i, part := range strings.Split(start.Token, ".")[:2] {
		text, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			m.t.Fatal(err)
		}
		if i == 0 {
			all["header"] = string(text)
			continue
		}
		names, err := memberNames(text)
		if err != nil {
			m.t.Fatal(err)
		}
		all["names of claims"] = names
		if err := json.Unmarshal(text, &claims); err != nil {
			m.t.Fatal(err)
		}
	}
	all["length of life"] = claims["exp"].(float64) - claims["iat"].(float64)
	all["length of jti"] = len(claims["jti"].(string))
	delete(claims, "exp")
	delete(claims, "iat")
	delete(claims, "jti")
	all["claims"] = claims
	if start.Lease != nil {
		all["ttl"] = start.Lease.TTL
	}
	start.Token, start.Session, start.Lease = "", "", nil
	all["start"] = start
	return all
}

// player is a token as the studio gives it to its players.
func (m *mall) player(claims token.Claims, life time.Duration) string {
	m.t.Helper()
	claims.ID, claims.Expires = "", time.Now().Add(life)
	raw, err := m.studio.Issue(claims)
	if err != nil {
		m.t.Fatal(err)
	}
	return raw
}

// leaves posts tokens as the studio does.
func (m *mall) leaves(raws ...string) {
	m.t.Helper()
	body, err := json.Marshal(purse.Posted{Tokens: raws})
	if err != nil {
		m.t.Fatal(err)
	}
	request, err := http.NewRequest(http.MethodPost, m.url+purse.Path, bytes.NewReader(body))
	if err != nil {
		m.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+m.player(token.Claims{Role: token.Player, Rights: []token.Right{token.Stock}}, time.Minute))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		m.t.Fatal(err)
	}
	defer response.Body.Close()
	var stocked purse.Stocked
	if err := json.NewDecoder(response.Body).Decode(&stocked); err != nil || response.StatusCode != http.StatusOK || stocked.Taken != len(raws) {
		m.t.Fatalf("%s, %+v, %v", response.Status, stocked, err)
	}
}

func (m *mall) state() string { return m.checks.notary.Summary().Edges[0].State }
