package epoch

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nearlight/checker/committee"
	"nearlight/checker/vrf"
	"nearlight/internal/identity"
)

// person is a checker with its keys.
type person struct {
	key  *identity.Key
	draw *vrf.PrivateKey
	from netip.Addr
	at   *Place // as its licence says
}

// town is an epoch that is played for a test.
type town struct {
	people []person
	edges  []identity.Address
	claims map[identity.Address]Claim
	before map[identity.Address]*Located
	// trip is what a checker tells of its round trip to an edge; nil: nothing.
	trip   func(by int, edge identity.Address) Micros
	head   Head
	beacon uint64
}

func newTown(t testing.TB, checkers, edges int, seats uint32) *town {
	t.Helper()
	w := &town{head: Head{Epoch: 4, Previous: Hash{9}, Seats: seats, Minimum: int(seats)/2 + 1}}
	for i := range checkers {
		secret := make([]byte, identity.SecretLength)
		binary.BigEndian.PutUint64(secret[24:], uint64(i+1))
		key, err := identity.KeyFromSecret(secret)
		if err != nil {
			t.Fatal(err)
		}
		w.people = append(w.people, person{key, vrf.NewPrivateKey([vrf.SeedSize]byte(secret)), netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1}), nil})
	}
	for i := range edges {
		w.edges = append(w.edges, identity.Address{0xed, 19: byte(i)})
	}
	return w
}

// opening are the entries before all tasks.
func (w *town) opening() []Entry {
	entries := []Entry{{Head: &w.head}}
	for _, p := range w.people {
		entries = append(entries, Entry{Checker: &Checker{Address: p.key.Address(), Owner: p.key.Address(), Key: Hash(p.draw.Public()), Stake: 100, Score: committee.Newcomer, Place: p.at}})
	}
	for _, e := range w.edges {
		edge := Edge{Address: e, Located: w.before[e]}
		if claim, says := w.claims[e]; says {
			edge.Claim = &claim
		}
		entries = append(entries, Entry{Edge: &edge})
	}
	return entries
}

var limit = 60.0

// task sets the next task for an edge.
func (w *town) task(edge identity.Address) Task {
	w.beacon++
	at := Millis(w.beacon * 60_000)
	return Task{
		Edge: edge, Check: "experience", Seed: Hash{1, byte(w.beacon)}, Round: w.beacon,
		At: at, DrawnAt: at + 5000, CommitBy: at + 20_000, RevealBy: at + 30_000,
		Questions: []Question{
			{Name: "drew it", Kind: "yes-or-no"}, {Name: "latency", Kind: "measured", Tolerance: 10, AtMost: &limit}, {Name: "rate", Kind: "claimed", Claim: 60, Tolerance: 2},
		},
	}
}

// fate is what a checker does in a task; nil is to be honest.
type fate struct {
	absent, silent, contradicts, changes bool
	answers                              func([]Answer)
}

// carry has those who are drawn carry a task out. fates are of the people by number.
func (w *town) carry(t testing.TB, task Task, fates map[int]fate) []Entry {
	t.Helper()
	draw, err := task.Draw(w.head.Seats, value(task.Round))
	if err != nil {
		t.Fatal(err)
	}
	id := draw.Task
	licenses := make([]committee.License, len(w.people))
	for i, p := range w.people {
		licenses[i] = committee.License{ID: committee.CheckerID(p.key.Address()), Owner: committee.OwnerID(p.key.Address()), Key: p.draw.Public(), Stake: 100}
	}
	roster, err := committee.NewRoster(licenses, w.head.Cap)
	if err != nil {
		t.Fatal(err)
	}
	var commitments, reports []Entry
	for i, p := range w.people {
		proof, output := p.draw.Prove(draw.Input())
		if !draw.Drawn(roster, committee.CheckerID(p.key.Address()), output) {
			continue
		}
		f := fates[i]
		if f.absent {
			continue
		}
		scatter := float64(i%7) / 10
		r := Report{
			Task: Hash(id), Checker: p.key.Address(), Proof: Proof(proof), Address: p.from, Salt: Hash{3, byte(i)}, At: task.CommitBy + 1,
			Answers: []Answer{{Yes: true}, {Figure: 40 + scatter, Vantage: 12}, {Figure: 59 + scatter + float64(i)/1e4}},
		}
		if w.trip != nil {
			r.RoundTrip = w.trip(i, task.Edge)
		}
		if f.answers != nil {
			f.answers(r.Answers)
		}
		commitments = append(commitments, w.commit(t, p, r, task.At+1))
		if f.contradicts {
			other := r
			other.Salt[31]++
			commitments = append(commitments, w.commit(t, p, other, task.At+1))
		}
		if f.changes {
			r.Answers = slices.Clone(r.Answers)
			r.Answers[1].Figure++
		}
		if !f.silent {
			reports = append(reports, w.sign(t, p, r))
		}
	}
	return append(append([]Entry{{Task: &task}, {Drawn: &Drawn{task.Round, value(task.Round)}}}, commitments...), reports...)
}

// value is the beacon's of a round.
func value(round uint64) Hash { return Hash{2, 31: byte(round)} }

func (w *town) commit(t testing.TB, p person, r Report, at Millis) Entry {
	t.Helper()
	commitment := r.Found().Commitment(committee.TaskID(r.Task))
	signature, err := p.key.Sign(identity.Commitment{Task: r.Task, Commitment: commitment}.Digest())
	if err != nil {
		t.Fatal(err)
	}
	return Entry{Commitment: &Commitment{Task: r.Task, Checker: p.key.Address(), Commitment: Hash(commitment), At: at, Signature: Signature(signature)}}
}

func (w *town) sign(t testing.TB, p person, r Report) Entry {
	t.Helper()
	signature, err := p.key.Sign(identity.Report{Task: r.Task, Commitment: r.Found().Commitment(committee.TaskID(r.Task))}.Digest())
	if err != nil {
		t.Fatal(err)
	}
	r.Signature = Signature(signature)
	return Entry{Report: &r}
}

// write writes a sealed log and returns its octets.
func write(t testing.TB, entries []Entry) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "epoch.log")
	log, torn, err := Open(path)
	if err != nil || torn {
		t.Fatal(torn, err)
	}
	if err := log.Append(entries...); err != nil {
		t.Fatal(err)
	}
	if _, err := log.Seal(); err != nil {
		t.Fatal(err)
	}
	if err := log.Append(entries[0]); !errors.Is(err, ErrSealed) {
		t.Errorf("a sealed log takes more: %v", err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	octets, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return octets
}

// varied is an epoch in which everything happens once.
func varied(t testing.TB) []byte {
	t.Helper()
	return play(t, 24)
}

// play plays an epoch of so many checkers, eight at the least, of whom all are drawn: one edge passes, one is too slow, and nobody says anything of the third.
func play(t testing.TB, checkers int) []byte {
	t.Helper()
	w := newTown(t, checkers, 3, uint32(checkers))
	for i := range w.people {
		w.people[i].at = &Place{float64(i%8) * 10, float64(i % 4)}
	}
	w.claims = map[identity.Address]Claim{w.edges[0]: {Place{10, 1.5}, 5}, w.edges[1]: {Place{-10, -170.5}, 0}}
	w.trip = func(by int, edge identity.Address) Micros { return 80_000 + Micros(by) }
	entries := w.opening()
	entries = append(entries, w.carry(t, w.task(w.edges[0]), map[int]fate{
		2: {silent: true}, 3: {contradicts: true}, 5: {changes: true}, 7: {answers: func(a []Answer) { a[1].Figure += 40 }},
	})...)
	slow, unknown := make(map[int]fate), make(map[int]fate)
	for i := range w.people {
		slow[i] = fate{answers: func(a []Answer) { a[1].Figure += 50 }}
		unknown[i] = fate{silent: true}
	}
	entries = append(entries, w.carry(t, w.task(w.edges[1]), slow)...)
	entries = append(entries, w.carry(t, w.task(w.edges[2]), unknown)...)
	return write(t, entries)
}

func TestAnEpochComesToWhatItsReportsSay(t *testing.T) {
	checked, err := Verify(bytes.NewReader(varied(t)))
	if err != nil {
		t.Fatal(err)
	}
	if len(checked.Differences) > 0 || !checked.Sealed || checked.Epoch != 4 {
		t.Errorf("%+v", checked)
	}
	o := checked.Outcome
	if len(o.Verdicts) != 3 || o.Verdicts[0].Result != Passed || o.Verdicts[1].Result != Failed || o.Verdicts[2].Result != Undecided {
		t.Fatalf("%+v", o.Verdicts)
	}
	if slow := o.Verdicts[1].Findings[1]; slow.Met || !slow.Decided || slow.Figure < 78 || slow.Required != "at most 60" {
		t.Errorf("what was slow is %+v", slow)
	}
	for i, standing := range []Standing{{Passed: one}, {Failed: one}, {}} {
		if got := o.Edges[i].Standing; got.Passed != standing.Passed || got.Failed != standing.Failed {
			t.Errorf("edge %d stands at %+v", i, got)
		}
	}
	seen := make(map[string]int)
	for _, v := range o.Verdicts {
		for _, conduct := range v.Conduct {
			seen[conduct]++
		}
	}
	for _, conduct := range []string{"agreed", "silent", "disagreed", "fabricated", "contradicted"} {
		if seen[conduct] == 0 {
			t.Errorf("nobody has %s: %v", conduct, seen)
		}
	}
}

// TestWhateverIsChangedIsSeen changes each line of a sealed log in each way that one can think of.
func TestWhateverIsChangedIsSeen(t *testing.T) {
	lines := strings.SplitAfter(strings.TrimSuffix(string(play(t, 8)), "\n"), "\n")
	lines[len(lines)-1] += "\n"
	seen := func(what string, changed []string) {
		t.Helper()
		checked, err := Verify(strings.NewReader(strings.Join(changed, "")))
		if err == nil && checked.Sealed && len(checked.Differences) == 0 {
			t.Errorf("%s was not seen", what)
		}
	}
	for i, line := range lines {
		what := fmt.Sprintf("line %d (%.60s)", i+1, line)
		seen(what+" left out", slices.Delete(slices.Clone(lines), i, i+1))
		seen(what+" twice", slices.Insert(slices.Clone(lines), i, line))
		if i+1 < len(lines) {
			swapped := slices.Clone(lines)
			swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
			seen(what+" after the next", swapped)
		}
		for _, digit := range []int{len(line) / 3, len(line) / 2, len(line) - 6} {
			altered := []byte(line)
			altered[digit] ^= 1
			changed := slices.Clone(lines)
			changed[i] = string(altered)
			seen(fmt.Sprintf("%s with octet %d changed", what, digit), changed)
		}
	}
}

func TestWhoKeepsALogCannotInventCommitments(t *testing.T) {
	w := newTown(t, 12, 1, 12)
	entries := w.carry(t, w.task(w.edges[0]), map[int]fate{1: {silent: true}})
	for i, e := range entries {
		if e.Commitment == nil {
			continue
		}
		forged := *e.Commitment
		forged.Commitment[0]++
		replay := NewReplay()
		var failed error
		for _, e := range slices.Insert(slices.Concat(w.opening(), entries), len(w.opening())+i, Entry{Commitment: &forged}) {
			line, err := e.Encode()
			if err != nil {
				t.Fatal(err)
			}
			failed = cmp.Or(failed, replay.Add(e, line))
		}
		if failed == nil {
			_, failed = replay.Outcome()
		}
		if !errors.Is(failed, ErrFlaw) || !errors.Is(failed, identity.ErrSignature) {
			t.Errorf("a commitment that %v never made: %v", forged.Checker, failed)
		}
	}
}

func TestALogThatWasCutOffGoesOn(t *testing.T) {
	w := newTown(t, 8, 1, 8)
	opening, entries := w.opening(), w.carry(t, w.task(w.edges[0]), nil)
	whole := write(t, slices.Concat(opening, entries))
	path := filepath.Join(t.TempDir(), "epoch.log")
	for length := 0; length < len(whole); length += 173 {
		if err := os.WriteFile(path, whole[:length], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Verify(bytes.NewReader(whole[:length])); err != nil && !errors.Is(err, ErrTorn) && length >= len(whole)-1 {
			t.Errorf("at %d: %v", length, err)
		}
		log, _, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		taken := int(log.replay.tree.Size())
		if err := log.Append(slices.Concat(opening, entries)[taken:]...); err != nil {
			t.Fatalf("cut off at %d: %v", length, err)
		}
		if _, err := log.Seal(); err != nil {
			t.Fatal(err)
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		if again, err := os.ReadFile(path); err != nil || !bytes.Equal(again, whole) {
			t.Fatalf("cut off at %d it becomes another log: %v", length, err)
		}
	}
}

func TestWhatBelongsNowhereIsRefused(t *testing.T) {
	w := newTown(t, 12, 1, 12)
	task := w.task(w.edges[0])
	entries := slices.Concat(w.opening(), w.carry(t, task, map[int]fate{4: {absent: true}}))
	late := *entries[len(entries)-1].Report
	late.At = task.RevealBy
	stranger := newTown(t, 13, 1, 12).people[12]
	foreign := task
	foreign.Edge = identity.Address{0xaa}
	back := task
	back.Seed[5], back.At = 1, 3
	forged := *entries[len(entries)-1].Report
	forged.Signature[7]++
	for name, e := range map[string]Entry{
		"another head":                {Head: &w.head},
		"a checker in between":        {Checker: &Checker{Address: stranger.key.Address(), Stake: 1}},
		"an edge in between":          {Edge: &Edge{Address: identity.Address{0xbb}}},
		"a task twice":                {Task: &task},
		"a task of a stranger":        {Task: &foreign},
		"a task of the past":          {Task: &back},
		"a commitment too late":       w.commit(t, w.people[4], late, task.CommitBy+1),
		"a stranger's":                w.commit(t, stranger, late, task.CommitBy+1),
		"a report too late":           w.sign(t, w.people[0], late),
		"a report that is not signed": {Report: &forged},
		"a verdict":                   {Verdict: &Verdict{}},
	} {
		t.Run(name, func(t *testing.T) {
			replay := NewReplay()
			for _, before := range entries {
				line, err := before.Encode()
				if err != nil {
					t.Fatal(err)
				}
				if err := replay.Add(before, line); err != nil {
					t.Fatal(err)
				}
			}
			root := replay.tree.Root()
			if err := replay.Add(e, nil); !errors.Is(err, ErrFlaw) {
				t.Errorf("error %v", err)
			}
			if replay.tree.Root() != root {
				t.Error("it is in the tree all the same")
			}
		})
	}
}

func TestAStandingIsWhatAnEdgeHasLatelyBeen(t *testing.T) {
	const week = Millis(7 * 24 * 3600 * 1000)
	s := Standing{}
	if s.Score() != one/2 || s.Confidence() != 0 || !s.Newcomer() {
		t.Errorf("a newcomer's score is %d at a confidence of %d", s.Score(), s.Confidence())
	}
	for i := range 20 {
		s = s.After(true, Millis(i)*3_600_000)
	}
	if s.Newcomer() || s.Score() < 930_000 {
		t.Errorf("after twenty checks: %+v, score %d", s, s.Score())
	}
	later := s.Until(s.At + week)
	if off := later.Passed - s.Passed/2; off < -2 || off > 2 {
		t.Errorf("a week later %d of %d is left", later.Passed, s.Passed)
	}
	if in := s.Until(s.At + 3*week).Until(s.At + 4*week); in.Passed > s.Passed/16+2 || in.Passed < s.Passed/16-2 {
		t.Errorf("four weeks later %d of %d is left", in.Passed, s.Passed)
	}
	if gone := s.Until(s.At + 1000*week); gone.Passed != 0 || gone.Failed != 0 {
		t.Errorf("twenty years later %+v is left", gone)
	}
	full := Standing{Passed: mostWeight, Failed: mostWeight}
	if full.Score() != one/2 || !full.After(true, 0).valid() || full.Until(1).Passed != mostWeight {
		t.Errorf("of all weight there may be: %d", full.Score())
	}
}

func TestTheTreeIsRFC9162s(t *testing.T) {
	// Roots of the first leaves of the list in RFC 9162's tests, as Certificate Transparency's projects have them.
	leaves := []string{"", "\x00", "\x10", "\x20\x21", "\x30\x31", "\x40\x41\x42\x43", "\x50\x51\x52\x53\x54\x55\x56\x57", "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f"}
	roots := map[int]string{
		0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
	var tree Tree
	for n := range len(leaves) + 1 {
		if want, is := roots[n]; is && tree.Root().String() != "0x"+want {
			t.Errorf("of %d leaves the root is %v, want %s", n, tree.Root(), want)
		}
		if n < len(leaves) {
			tree.Add([]byte(leaves[n]))
		}
	}
}
