package epoch

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"nearlight/internal/identity"
)

// oneByOne verifies a log without reading ahead, and ahead does with so many entries.
func oneByOne(log string) (Checked, error) {
	return verify(strings.NewReader(log), func(_ *Replay, log io.Reader, take func(Entry, []byte) error) error { return Scan(log, take) })
}

func readAhead(log string, most int) (Checked, error) {
	return verify(strings.NewReader(log), func(r *Replay, log io.Reader, take func(Entry, []byte) error) error {
		return r.scanAhead(log, most, take)
	})
}

// Whatever is changed about a report, reading ahead finds what reading line by line finds, of the same line and in the same words.
func TestReadingAheadFindsTheSame(t *testing.T) {
	lines := strings.SplitAfter(strings.TrimSuffix(string(play(t, 8)), "\n"), "\n")
	lines[len(lines)-1] += "\n"
	var reports []int
	entries := make([]Entry, len(lines))
	for i, line := range lines {
		var err error
		if entries[i], err = Decode([]byte(strings.TrimSuffix(line, "\n"))); err != nil {
			t.Fatal(err)
		}
		if entries[i].Report != nil {
			reports = append(reports, i)
		}
	}
	town := newTown(t, 8, 1, 8)
	signer := func(r Report) person {
		return town.people[slices.IndexFunc(town.people, func(p person) bool { return p.key.Address() == r.Checker })]
	}
	ways := map[string]func(Report, int) Report{
		"as it is":                   func(r Report, _ int) Report { return r },
		"another figure, not signed": func(r Report, _ int) Report { r.Answers[1].Figure++; return r },
		"another figure, signed":     func(r Report, _ int) Report { r.Answers[1].Figure++; return *town.sign(t, signer(r), r).Report },
		"another salt, not signed":   func(r Report, _ int) Report { r.Salt[31] ^= 1; return r },
		"another proof, not signed":  func(r Report, _ int) Report { r.Proof[40] ^= 1; return r },
		"another proof, signed":      func(r Report, _ int) Report { r.Proof[70] ^= 1; return *town.sign(t, signer(r), r).Report },
		"another's proof, signed": func(r Report, other int) Report {
			r.Proof = entries[other].Report.Proof
			return *town.sign(t, signer(r), r).Report
		},
		"another's signature":              func(r Report, other int) Report { r.Signature = entries[other].Report.Signature; return r },
		"another checker's":                func(r Report, other int) Report { r.Checker = entries[other].Report.Checker; return r },
		"signed by another":                func(r Report, other int) Report { return *town.sign(t, signer(*entries[other].Report), r).Report },
		"no signature":                     func(r Report, _ int) Report { r.Signature = Signature{}; return r },
		"another round trip, not signed":   func(r Report, _ int) Report { r.RoundTrip = r.RoundTrip/2 + 1; return r },
		"a signature of the wrong parity":  func(r Report, _ int) Report { r.Signature[64] ^= 7; return r },
		"a signature of another form":      func(r Report, _ int) Report { r.Signature[64] += 2; return r },
		"a signature with s off by a bit":  func(r Report, _ int) Report { r.Signature[63] ^= 1; return r },
		"a signature with r off by a bit":  func(r Report, _ int) Report { r.Signature[31] ^= 1; return r },
		"of a task that is not known":      func(r Report, _ int) Report { r.Task[0] ^= 1; return r },
		"of a checker that has no licence": func(r Report, _ int) Report { r.Checker = identity.Address{1}; return r },
	}
	for way, change := range ways {
		for at, i := range reports {
			report := *entries[i].Report
			report.Answers = slices.Clone(report.Answers)
			changed := slices.Clone(lines)
			line, err := Entry{Report: new(change(report, reports[(at+1)%len(reports)]))}.Encode()
			if err != nil {
				t.Fatal(err)
			}
			changed[i] = string(line) + "\n"
			log := strings.Join(changed, "")
			want, wrong := oneByOne(log)
			if seen := wrong != nil || len(want.Differences) > 0; seen != (way != "as it is") {
				t.Errorf("line %d %s: %v, differences %v", i+1, way, wrong, want.Differences)
			}
			for _, most := range []int{3, mostAhead} {
				got, err := readAhead(log, most)
				if fmt.Sprint(err) != fmt.Sprint(wrong) || !reflect.DeepEqual(got, want) {
					t.Errorf("line %d %s, %d entries ahead: %v, %+v; line by line: %v, %+v", i+1, way, most, err, got, wrong, want)
				}
			}
		}
	}
}

// A line that is none counts after a flaw of those before it.
func TestTheFirstThatIsWrongIsTold(t *testing.T) {
	w := newTown(t, 8, 1, 8)
	entries := slices.Concat(w.opening(), w.carry(t, w.task(w.edges[0]), nil))
	last := *entries[len(entries)-1].Report
	last.Signature[3] ^= 1
	entries[len(entries)-1].Report = &last
	var log bytes.Buffer
	for _, e := range entries {
		line, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		log.Write(append(line, '\n'))
	}
	log.WriteString("{}\n")
	_, want := oneByOne(log.String())
	if _, err := readAhead(log.String(), mostAhead); err == nil || err.Error() != want.Error() || !strings.HasPrefix(err.Error(), fmt.Sprintf("line %d:", len(entries))) {
		t.Errorf("told: %v; line by line: %v", err, want)
	}
}
