package committee

import (
	"encoding/binary"
	"errors"
	"math"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nearlight/checker/vrf"
)

var (
	began = time.Date(2026, time.November, 27, 12, 0, 0, 0, time.UTC)
	rules = Rules{Size: Size{Seats: 1000, Minimum: 3}, CommitBy: began.Add(time.Minute), RevealBy: began.Add(2 * time.Minute)}
	asked = []Question{
		{Name: "alive", Kind: YesOrNo},
		{Name: "click to photon, ms", Kind: Measured, Tolerance: 3},
		{Name: "frame rate", Kind: Claimed, Claim: 60, Tolerance: 1},
		{Name: "jitter, ms", Kind: Measured, Tolerance: 5},
	}
	drawing = Draw{Task: NewTaskID([]byte("edge 7, epoch 12")), Beacon: Beacon{Round: 4711, Value: [32]byte{1}}, Seats: 1000}
)

const (
	committing = 30 * time.Second
	revealing  = 90 * time.Second
)

// checkers are numbered from 0; each has an owner, a network and a stake of its own.
func keyOf(n int) *vrf.PrivateKey {
	return vrf.NewPrivateKey([vrf.SeedSize]byte{byte(n), byte(n >> 8), 1})
}
func idOf(n int) CheckerID { return CheckerID{byte(n), byte(n >> 8)} }

func licenseOf(n int) License {
	return License{ID: idOf(n), Owner: OwnerID{byte(n), byte(n >> 8)}, Key: keyOf(n).Public(), Stake: 100}
}

func addressOf(n int) netip.Addr { return netip.AddrFrom4([4]byte{198, byte(18 + n/256), byte(n), 7}) }

func rosterOf(t *testing.T, licenses ...License) *Roster {
	t.Helper()
	r, err := NewRoster(licenses, 0)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// honest is the report of a checker that measures an edge which keeps its word.
func honest(n int) Report {
	proof, _ := keyOf(n).Prove(drawing.Input())
	away := 5 + float64(n) // of this checker from the edge
	return Report{
		Checker: idOf(n), Proof: proof, Address: addressOf(n), Salt: [32]byte{byte(n), 9},
		Answers: []Answer{
			{Yes: true}, {Figure: 20 + away + float64(n)/1000, Vantage: away}, {Figure: 59.9 + float64(n)/1000}, {Figure: 1 + float64(n)/1000},
		},
	}
}

// carry carries a task with these reports out.
func carry(t *testing.T, roster *Roster, rules Rules, reports ...Report) Verdict {
	t.Helper()
	r, err := NewRound(drawing, roster, asked, rules)
	if err != nil {
		t.Fatal(err)
	}
	for _, report := range reports {
		if err := r.Commit(began.Add(committing), report.Checker, report.Commitment(drawing.Task)); err != nil {
			t.Fatal(err)
		}
	}
	for _, report := range reports {
		if err := r.Reveal(began.Add(revealing), report); err != nil {
			t.Fatal(err)
		}
	}
	v, err := r.Decide(rules.RevealBy)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func five() (licenses []License, reports []Report) {
	for n := range 5 {
		licenses, reports = append(licenses, licenseOf(n)), append(reports, honest(n))
	}
	return licenses, reports
}

func TestALiarAmongFiveIsOutvoted(t *testing.T) {
	licenses, reports := five()
	reports[2].Answers = []Answer{{Yes: false}, {Figure: 400}, {Figure: 12}, {Figure: 99}}
	v := carry(t, rosterOf(t, licenses...), rules, reports...)
	if !v.Decided() || !v.Findings[0].Yes || v.Findings[0].For != 4 || !v.Findings[2].Yes {
		t.Errorf("findings %+v", v.Findings)
	}
	if got := v.Findings[1].Figure; math.Abs(got-20) > 0.01 {
		t.Errorf("the median is %v, want 20 wherever the checkers are", got)
	}
	for n := range 5 {
		want := Agreed
		if n == 2 {
			want = Disagreed
		}
		if got := v.Conduct[idOf(n)]; got != want {
			t.Errorf("checker %d %v, want %v", n, got, want)
		}
	}
}

func TestTooFewDecideNothingAndNobodyIsBlamed(t *testing.T) {
	licenses, reports := five()
	reports[1].Answers[0].Yes = false
	v := carry(t, rosterOf(t, licenses...), rules, reports[:2]...)
	if v.Decided() || v.Findings[0].Decided {
		t.Errorf("two of a minimum of three decided %+v", v.Findings)
	}
	if v.Conduct[idOf(1)] != Agreed {
		t.Errorf("the one who differs %v", v.Conduct[idOf(1)])
	}
}

func TestATieDecidesNothing(t *testing.T) {
	licenses, reports := five()
	reports[0].Answers[0].Yes, reports[1].Answers[0].Yes = false, false
	v := carry(t, rosterOf(t, licenses...), rules, reports[:4]...)
	if f := v.Findings[0]; f.Decided || f.For != 2 || f.Against != 2 {
		t.Errorf("%+v", f)
	}
	if !v.Findings[1].Decided {
		t.Error("the figure is not decided")
	}
}

func TestOfOneOwnerAndOneNetworkOneReportCounts(t *testing.T) {
	licenses, reports := five()
	licenses[1].Owner = licenses[0].Owner
	reports[3].Address = netip.MustParseAddr("198.18.2.200") // as 2 is
	v := carry(t, rosterOf(t, licenses...), rules, reports...)
	if v.Findings[0].Counted != 3 {
		t.Errorf("%d count, want 3", v.Findings[0].Counted)
	}
	if len(v.Conduct) != 5 {
		t.Error("those whom a cap leaves out are not judged")
	}
	lifted := rules
	lifted.Uncapped = true
	if v := carry(t, rosterOf(t, licenses...), lifted, reports...); v.Findings[0].Counted != 5 {
		t.Errorf("without caps %d count, want 5", v.Findings[0].Counted)
	}
	for _, pair := range [][2]string{{"2001:db8:7:1::1", "2001:db8:7:ffff::2"}, {"::ffff:198.18.0.1", "198.18.0.2"}, {"fe80::1%eth0", "fe80::2%eth1"}} {
		if a, b := Network(netip.MustParseAddr(pair[0])), Network(netip.MustParseAddr(pair[1])); a != b {
			t.Errorf("%v and %v are two networks", pair[0], pair[1])
		}
	}
}

func TestReportsThatWereNotMeasuredApartCountOnce(t *testing.T) {
	licenses, reports := five()
	reports[4].Answers = slices.Clone(reports[0].Answers)
	v := carry(t, rosterOf(t, licenses...), rules, reports...)
	if v.Findings[0].Counted != 4 || v.Conduct[idOf(0)] != Copied || v.Conduct[idOf(4)] != Copied {
		t.Errorf("%d count; %v and %v", v.Findings[0].Counted, v.Conduct[idOf(0)], v.Conduct[idOf(4)])
	}
}

func TestEachStepHasItsTimeAndItsForm(t *testing.T) {
	licenses, reports := five()
	r, err := NewRound(drawing, rosterOf(t, licenses...), asked, rules)
	if err != nil {
		t.Fatal(err)
	}
	early, late := began.Add(committing), began.Add(revealing)
	fixed := func(report Report) Commitment { return report.Commitment(drawing.Task) }
	stranger := honest(99)

	unanswered, noNumber := reports[1], reports[2]
	unanswered.Answers = unanswered.Answers[:1]
	noNumber.Answers = slices.Clone(noNumber.Answers)
	noNumber.Answers[1].Figure = math.NaN()
	changed := reports[3]
	changed.Answers = slices.Clone(changed.Answers)
	changed.Answers[0].Yes = false
	borrowed := reports[4]
	borrowed.Proof = reports[0].Proof

	for _, step := range []struct {
		why  string
		do   func() error
		want error
	}{
		{"commits without a licence", func() error { return r.Commit(early, stranger.Checker, fixed(stranger)) }, ErrNoLicense},
		{"commits", func() error { return r.Commit(early, idOf(0), fixed(reports[0])) }, nil},
		{"commits to the same again", func() error { return r.Commit(late, idOf(0), fixed(reports[0])) }, nil},
		{"commits to what answers too little", func() error { return r.Commit(early, idOf(1), fixed(unanswered)) }, nil},
		{"commits to no number", func() error { return r.Commit(early, idOf(2), fixed(noNumber)) }, nil},
		{"commits to a report that it will change", func() error { return r.Commit(early, idOf(3), fixed(reports[3])) }, nil},
		{"reveals early", func() error { return r.Reveal(early, reports[0]) }, ErrEarly},
		{"commits late", func() error { return r.Commit(late, idOf(4), fixed(reports[4])) }, ErrLate},
		{"reveals what it has not committed to", func() error { return r.Reveal(late, reports[4]) }, ErrNoCommitment},
		{"reveals", func() error { return r.Reveal(late, reports[0]) }, nil},
		{"reveals again", func() error { return r.Reveal(late, reports[0]) }, nil},
		{"reveals too little", func() error { return r.Reveal(late, unanswered) }, ErrMalformed},
		{"reveals no number", func() error { return r.Reveal(late, noNumber) }, ErrMalformed},
		{"reveals another report", func() error { return r.Reveal(late, changed) }, ErrFabricated},
		{"commits to another report", func() error { return r.Commit(late, idOf(0), Commitment{}) }, ErrContradiction},
		{"reveals after the end", func() error { return r.Reveal(rules.RevealBy, reports[0]) }, ErrLate},
		{"decides early", func() error { _, err := r.Decide(late); return err }, ErrEarly},
	} {
		if err := step.do(); !errors.Is(err, step.want) {
			t.Errorf("who %s gets %v, want %v", step.why, err, step.want)
		}
	}
	v, err := r.Decide(rules.RevealBy)
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range []Conduct{Contradicted, Fabricated, Fabricated, Fabricated} {
		if got := v.Conduct[idOf(n)]; got != want {
			t.Errorf("checker %d %v, want %v", n, got, want)
		}
	}
	if len(v.Counted) != 0 {
		t.Errorf("%v count", v.Counted)
	}
	if _, err := drawing.Check(rosterOf(t, licenses...), borrowed.Checker, borrowed.Proof); !errors.Is(err, vrf.ErrProof) {
		t.Errorf("another's proof: %v", err)
	}
}

func TestSilenceAfterACommitmentCounts(t *testing.T) {
	licenses, reports := five()
	r, err := NewRound(drawing, rosterOf(t, licenses...), asked, rules)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Commit(began, idOf(0), reports[0].Commitment(drawing.Task)); err != nil {
		t.Fatal(err)
	}
	v, err := r.Decide(rules.RevealBy)
	if err != nil || v.Conduct[idOf(0)] != Silent {
		t.Errorf("%v, %v", v.Conduct, err)
	}
}

func TestWhoIsNotDrawnHasNoSeat(t *testing.T) {
	licenses, _ := five()
	draw := drawing
	draw.Seats = 0
	proof, _ := keyOf(0).Prove(draw.Input())
	if _, err := draw.Check(rosterOf(t, licenses...), idOf(0), proof); !errors.Is(err, ErrNotDrawn) {
		t.Errorf("got %v", err)
	}
}

// Each checker is drawn with the probability of seats times its share of the weight, and stake beyond the cap buys nothing.
func TestStakeDrawsInProportionUpToTheCap(t *testing.T) {
	const checkers, seats, draws, cap = 400, 40, 4000, 300
	var licenses []License
	for n := range checkers {
		l := licenseOf(n)
		l.Key = vrf.PublicKey{byte(n), byte(n >> 8)} // outputs are made up here
		l.Stake = []uint64{50, 100, 300, 1_000_000}[n%4]
		licenses = append(licenses, l)
	}
	r, err := NewRoster(licenses, cap)
	if err != nil {
		t.Fatal(err)
	}
	d := Draw{Seats: seats}
	random := uint64(1)
	var drawn [4]int
	for range draws {
		for n := range checkers {
			random = random*6364136223846793005 + 1442695040888963407
			var output vrf.Output
			binary.BigEndian.PutUint64(output[:], random^random>>31)
			if d.Drawn(r, idOf(n), output) {
				drawn[n%4]++
			}
		}
	}
	total := float64(50+100+300+300) * checkers / 4
	for i, weight := range []float64{50, 100, 300, 300} {
		expected := draws * seats * weight * checkers / 4 / total
		if got := float64(drawn[i]); math.Abs(got-expected) > 5*math.Sqrt(expected) {
			t.Errorf("stake group %d was drawn %v times, want %v", i, got, expected)
		}
	}
}

func TestARosterThatCouldCheatIsRefused(t *testing.T) {
	twice, sameKey, poor := licenseOf(0), licenseOf(1), licenseOf(1)
	sameKey.Key = licenseOf(0).Key
	poor.Stake = 0
	for name, licenses := range map[string][]License{"one id twice": {licenseOf(0), twice}, "one key twice": {licenseOf(0), sameKey}, "no stake": {poor}} {
		if _, err := NewRoster(licenses, 0); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestTheVerdictDoesNotDependOnTheOrder(t *testing.T) {
	licenses, reports := five()
	reports[2].Answers[0].Yes = false
	reports[3].Address = reports[1].Address
	roster := rosterOf(t, licenses...)
	want := carry(t, roster, rules, reports...)
	rapid.Check(t, func(rt *rapid.T) {
		got := carry(t, roster, rules, rapid.Permutation(reports).Draw(rt, "order")...)
		if !slices.Equal(got.Findings, want.Findings) || !slices.Equal(got.Counted, want.Counted) {
			rt.Fatalf("got %+v, want %+v", got, want)
		}
	})
}

func TestScoresAreEarnedSlowlyAndLostFast(t *testing.T) {
	s := Score{Value: Newcomer}
	for range 200 {
		s = s.After(Agreed)
	}
	if s.Value < 0.95 || s.Tasks != 200 {
		t.Errorf("after 200 agreements: %+v", s)
	}
	// One disagreement in fifty, as honest checkers have them, keeps a score high.
	honest := s
	for n := range 2000 {
		if n%50 == 0 {
			honest = honest.After(Disagreed)
		} else {
			honest = honest.After(Agreed)
		}
	}
	if honest.Value < 0.88 {
		t.Errorf("an honest checker is at %+v", honest)
	}
	if got := s.After(Copied).Value; got > 0.51 {
		t.Errorf("after a copy: %v", got)
	}
	if got := s.After(Fabricated).Value; got != 0 {
		t.Errorf("after a fabrication: %v", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		s := Score{Value: rapid.Float64().Draw(t, "value")}
		for _, c := range rapid.SliceOf(rapid.Byte()).Draw(t, "conducts") {
			if s = s.After(Conduct(c % 9)); !(s.Value >= 0 && s.Value <= 1) {
				t.Fatalf("%+v", s)
			}
		}
	})
}
