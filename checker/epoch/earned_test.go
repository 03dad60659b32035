package epoch

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"nearlight/checker/committee"
	"nearlight/internal/identity"
)

// paying is an epoch of 16 checkers by terms: two edges pass, one fails, of one nobody says anything, and one is not checked. Checker 1 lies in the first task in
// one of several ways, and is honest in all others; checker 2 disagrees once; checkers 3 and 4 have one owner's network.
func paying(t testing.TB, terms *Terms, lie fate) []byte {
	t.Helper()
	w := newTown(t, 16, 5, 16)
	w.head.Terms = terms
	w.people[4].from = w.people[3].from
	opening := w.opening()
	if terms != nil {
		opening[1].Checker.Earned = 700
		opening[1+len(w.people)].Edge.Earned, opening[1+len(w.people)].Edge.Share = 90, 40
	}
	slow, silent := make(map[int]fate), make(map[int]fate)
	for i := range w.people {
		slow[i] = fate{answers: func(a []Answer) { a[1].Figure += 50 }}
		silent[i] = fate{silent: true}
	}
	tasks := []map[int]fate{{1: lie, 2: {answers: func(a []Answer) { a[1].Figure += 40 }}}, nil, nil, slow, silent}
	entries := opening
	for i, edge := range []int{0, 1, 1, 2, 3} {
		entries = append(entries, w.carry(t, w.task(w.edges[edge]), tasks[i])...)
	}
	return write(t, entries)
}

func verified(t testing.TB, log []byte) Outcome {
	t.Helper()
	checked, err := Verify(bytes.NewReader(log))
	if err != nil || len(checked.Differences) > 0 || !checked.Sealed {
		t.Fatal(checked.Differences, err)
	}
	return checked.Outcome
}

// scored is what a checker has at the end; checkers of a town are known by their number.
func scored(t testing.TB, o Outcome, number int) Score {
	t.Helper()
	address := newTown(t, number+1, 0, 1).people[number].key.Address()
	return o.Scores[slices.IndexFunc(o.Scores, func(s Score) bool { return s.Address == address })]
}

func TestWhoReportsInLineEarnsTheFeeByItsScore(t *testing.T) {
	o := verified(t, paying(t, &Terms{Currency: "EUR-cent", Fee: 1000, Pot: 1000}, fate{}))
	for number, reports := range map[int]uint32{1: 4, 2: 3, 5: 4} {
		s := scored(t, o, number)
		if want := 1000 * uint64(reports) * uint64(s.Score*1000) / 1000; s.Reports != reports || s.Amount != want || want == 0 {
			t.Errorf("checker %d has %+v, want %d by %d reports", number, s, want, reports)
		}
	}
	if first := scored(t, o, 0); first.Earned != 700+first.Amount || first.Amount == 0 {
		t.Errorf("what was earned before is not in %+v", first)
	}
	if a, b := scored(t, o, 3), scored(t, o, 4); a.Reports+b.Reports != 4 {
		t.Errorf("of one network %d reports and %d earn the fee, of four tasks that were decided", a.Reports, b.Reports)
	}
}

func TestALiarEarnsNothing(t *testing.T) {
	for name, lie := range map[string]fate{
		"contradicts itself":   {contradicts: true},
		"shows another report": {changes: true},
	} {
		o := verified(t, paying(t, &Terms{Currency: "EUR-cent", Fee: 1000}, lie))
		if liar := scored(t, o, 1); liar.Amount != 0 || liar.Reports != 0 || liar.Score == 0 {
			t.Errorf("who %s, and is honest in three more tasks, has %+v", name, liar)
		}
		if honest := scored(t, o, 5); honest.Amount == 0 {
			t.Errorf("beside one who %s an honest checker has %+v", name, honest)
		}
	}
}

func TestEdgesThatPassedShareThePot(t *testing.T) {
	o := verified(t, paying(t, &Terms{Currency: "EUR-cent", Pot: 1000}, fate{}))
	if len(o.Edges) != 5 {
		t.Fatalf("%+v", o.Edges)
	}
	first, second := o.Edges[0], o.Edges[1] // passed once, and twice
	weights := []uint64{weightOf(first.Standing), weightOf(second.Standing)}
	if want := 1000 * weights[0] / (weights[0] + weights[1]); first.Share != want || first.Earned != 90+want {
		t.Errorf("who has passed once has %+v, want %d", first, want)
	}
	if want := 1000 * weights[1] / (weights[0] + weights[1]); second.Share != want || second.Share <= first.Share {
		t.Errorf("who has passed twice has %+v, want %d", second, want)
	}
	for _, e := range o.Edges[2:] {
		if e.Share != 0 || e.Earned != 0 {
			t.Errorf("who has passed nothing has %+v", e)
		}
	}
	for _, s := range o.Scores {
		if s.Amount != 0 {
			t.Errorf("without a fee %v has %d", s.Address, s.Amount)
		}
	}
}

func TestNobodyEarnsWithoutTerms(t *testing.T) {
	log := paying(t, nil, fate{})
	if o := verified(t, log); o.Terms != nil || bytes.Contains(log, []byte("earned")) || bytes.Contains(log, []byte("amount")) {
		t.Errorf("terms %+v", o.Terms)
	}
	w := newTown(t, 8, 1, 8)
	opening := w.opening()
	opening[1].Checker.Earned = 1
	replay := NewReplay()
	if err := errors.Join(replay.Add(opening[0], nil), replay.Add(opening[1], nil)); !errors.Is(err, ErrFlaw) {
		t.Errorf("a checker that has earned something in no currency: %v", err)
	}
}

// A writer that says another figure than the entries come to is found out, with the line in which it is.
func TestAnotherFigureIsFound(t *testing.T) {
	log := string(paying(t, &Terms{Currency: "EUR-cent", Fee: 999, Pot: 1001}, fate{}))
	figure := regexp.MustCompile(`"(reports|amount|earned|share|fee|pot|currency)":("EUR|\d+)`)
	found := figure.FindAllStringIndex(log, -1)
	kinds := make(map[string]bool)
	for _, at := range found {
		last := at[1] - 1
		changed := []byte(log)
		changed[last] ^= 1
		kinds[figure.FindStringSubmatch(log[at[0]:at[1]])[1]] = true
		if checked, err := Verify(bytes.NewReader(changed)); err == nil && len(checked.Differences) == 0 {
			t.Errorf("%s is not found when its last character is %c", log[at[0]:at[1]], changed[last])
		}
	}
	if len(kinds) != 7 {
		t.Errorf("figures that were changed: %v", slices.Sorted(maps.Keys(kinds)))
	}
}

func TestTermsHaveBounds(t *testing.T) {
	for _, terms := range []Terms{{}, {Currency: "euro cent"}, {Currency: strings.Repeat("x", mostCurrency+1)}, {Currency: "€"}, {Currency: "x", Fee: mostFee + 1}, {Currency: "x", Pot: mostPot + 1}} {
		if _, err := (Entry{Head: &Head{Seats: 1, Minimum: 1, Terms: &terms}}).Encode(); !errors.Is(err, ErrEntry) {
			t.Errorf("%+v: %v", terms, err)
		}
	}
	for _, e := range []Entry{{Checker: &Checker{Earned: mostEarned + 1}}, {Edge: &Edge{Earned: mostEarned + 1}}, {Edge: &Edge{Share: 2, Earned: 1}}} {
		if _, err := e.Encode(); !errors.Is(err, ErrEntry) {
			t.Errorf("%+v: %v", e, err)
		}
	}
}

// Whatever edges weigh, they have the pot together at the most, and but for what rounding leaves, all of it.
func TestSharesAreNeverMoreThanThePot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pot := rapid.Uint64Range(0, mostPot).Draw(t, "pot")
		weights := rapid.SliceOfN(rapid.Uint64Range(0, one), 0, 200).Draw(t, "weights")
		total, shared := uint64(0), uint64(0)
		for _, w := range weights {
			total += w
		}
		for i, w := range weights {
			share := shareOf(pot, w, total)
			if i > 0 && w >= weights[i-1] && share < shareOf(pot, weights[i-1], total) {
				t.Fatalf("who weighs more has less")
			}
			shared += share
		}
		if shared > pot || total > 0 && pot-shared > uint64(len(weights)) {
			t.Fatalf("%d of %d is shared", shared, pot)
		}
	})
}

func TestAFeeIsNeverMoreThanPromised(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fee, reports, score := rapid.Uint64Range(0, mostFee).Draw(t, "fee"), rapid.Uint32().Draw(t, "reports"), rapid.Float64Range(0, 1).Draw(t, "score")
		amount := feeOf(fee, reports, score)
		if amount > fee*uint64(reports) || score == 0 && amount != 0 || score == 1 && amount != fee*uint64(reports) {
			t.Fatalf("%d for %d reports at %d by one with a score of %g", amount, reports, fee, score)
		}
		if less := feeOf(fee, reports/2, score); less > amount {
			t.Fatal(fmt.Sprint("half of the reports earn ", less, ", all of them ", amount))
		}
	})
}

// In random epochs in which checkers do what they like, no more is earned than the terms promise, and no more than what counts.
func TestNoEpochEarnsMoreThanItsTerms(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		const people = 9
		terms := Terms{Currency: "x", Fee: rapid.Uint64Range(0, 50).Draw(r, "fee"), Pot: rapid.Uint64Range(0, 50).Draw(r, "pot")}
		w := newTown(t, people, 3, people)
		w.head.Terms = &terms
		entries := w.opening()
		liars := make(map[identity.Address]bool)
		committed := uint64(0)
		for range rapid.IntRange(1, 3).Draw(r, "tasks") {
			fates := make(map[int]fate)
			for i := range people {
				f := fate{absent: rapid.IntRange(0, 9).Draw(r, "absent") == 0, silent: rapid.IntRange(0, 5).Draw(r, "silent") == 0}
				f.contradicts, f.changes = rapid.IntRange(0, 9).Draw(r, "contradicts") == 0, rapid.IntRange(0, 9).Draw(r, "changes") == 0
				if off := rapid.SampledFrom([]float64{0, 0, 40}).Draw(r, "off"); off > 0 {
					f.answers = func(a []Answer) { a[1].Figure += off }
				}
				if fates[i] = f; !f.absent {
					committed++
					if f.contradicts || f.changes && !f.silent {
						liars[w.people[i].key.Address()] = true
					}
				}
			}
			entries = append(entries, w.carry(t, w.task(w.edges[rapid.IntRange(0, 2).Draw(r, "edge")]), fates)...)
		}
		replay := NewReplay()
		for _, e := range entries {
			if err := replay.Add(e, nil); err != nil {
				r.Fatal(err)
			}
		}
		o, err := replay.Outcome()
		if err != nil {
			r.Fatal(err)
		}
		fees, shares := uint64(0), uint64(0)
		for _, s := range o.Scores {
			if fees += s.Amount; liars[s.Address] && s.Amount+s.Earned > 0 {
				r.Fatalf("a liar earns %+v", s)
			}
		}
		for _, e := range o.Edges {
			shares += e.Share
		}
		if fees > terms.Fee*committed || shares > terms.Pot {
			r.Fatalf("%d in fees of %d reports, %d of a pot, by %+v", fees, committed, shares, terms)
		}
	})
}

func TestWhatCountsAsWork(t *testing.T) {
	checker := func(n byte) committee.CheckerID { return committee.CheckerID{n} }
	w := newWork()
	w.add(Verdict{Result: Passed, Edge: identity.Address{9}}, committee.Verdict{
		Conduct: map[committee.CheckerID]committee.Conduct{
			checker(1): committee.Agreed, checker(2): committee.Agreed, checker(3): committee.Disagreed, checker(4): committee.Silent, checker(5): committee.Copied,
		},
		Counted: []committee.CheckerID{checker(1), checker(3), checker(5)}, // 2 is of an owner whose other report counted
	})
	w.add(Verdict{Result: Undecided, Edge: identity.Address{8}}, committee.Verdict{
		Conduct: map[committee.CheckerID]committee.Conduct{checker(1): committee.Agreed, checker(6): committee.Fabricated}, Counted: []committee.CheckerID{checker(1)},
	})
	if want := map[identity.Address]uint32{{1}: 1}; !maps.Equal(w.reports, want) {
		t.Errorf("reports that earn the fee: %v, want %v", w.reports, want)
	}
	if want := map[identity.Address]bool{{5}: true, {6}: true}; !maps.Equal(w.liars, want) {
		t.Errorf("liars: %v, want %v", w.liars, want)
	}
	if want := map[identity.Address]bool{{9}: true}; !maps.Equal(w.passed, want) {
		t.Errorf("edges that passed: %v, want %v", w.passed, want)
	}
}
