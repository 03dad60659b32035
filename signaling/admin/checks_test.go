package admin_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"nearlight/checker/committee"
	"nearlight/checker/life"
	"nearlight/internal/openapitest"
	"nearlight/signaling/admin"
)

// checked is a house whose node keeps checks.
func checked(t testing.TB, checks func() (admin.Checks, error)) *house {
	t.Helper()
	h := build(t)
	h.found = checks
	h.start("")
	return h
}

func TestWhatCheckersHaveFoundIsShownWithTheNamesOfEdges(t *testing.T) {
	var kept admin.Checks
	h := checked(t, func() (admin.Checks, error) { return kept, nil })
	machine, _, _ := h.edge(1)
	here := string(machine.ID())
	kept = admin.Checks{
		Epoch: 4, Seats: 5, Minimum: 3, Uncapped: true, Entries: 120, Previous: "0x00",
		Edges: []admin.CheckedEdge{
			{Address: here, State: "probation", Score: 700, Confidence: 500, Share: 50, Owed: 7, Due: []admin.DueCheck{{Check: "capacity", Mean: 3_600_000}, {Check: "alive", Every: 60_000}}},
			{Address: "0xgone", Name: "Köln", State: "gone", Claim: &admin.Claim{Latitude: 35.7, Longitude: 139.7, Within: 5},
				Located: &admin.Located{Claim: admin.Claim{Latitude: 35.7, Longitude: 139.7}, At: 9, Reports: 16, Liars: 5, Excluding: 11, Impossible: true, Beyond: 8134, Consistency: 40}},
		},
		Checkers: []admin.Checker{{Address: "0xc1", Owner: "0x0e", Score: 0.52, Tasks: 3}},
		Open:     []admin.OpenTask{{Task: "0xt3", Edge: here, Check: "capacity", At: 5, CommitBy: 6, RevealBy: 7, Commitments: 4}},
		Verdicts: []admin.Verdict{
			{Task: "0xt1", Edge: "0xgone", Check: "enrolment", At: 1, Decided: 2, Result: "undecided"},
			{Task: "0xt2", Edge: here, Check: "enrolment", At: 3, Decided: 4, Result: "failed", Notice: "again",
				Findings: []admin.Finding{{Question: "delay", Decided: true, Figure: 26, Counted: 4, Required: "at most 12", Unit: "ms"}}, Conduct: map[string]string{"0xc1": "agreed"}},
		},
	}
	got := get[admin.Checks](h, "/admin/v1/checks")
	if got.Epoch != 4 || !got.Uncapped || got.Left != nil || len(got.Edges) != 2 || len(got.Checkers) != 1 || len(got.Open) != 1 || len(got.Verdicts) != 2 {
		t.Fatalf("%+v", got)
	}
	// edgesim's edges all have one name.
	name := get[struct{ Name string }](h, "/admin/v1/edges/"+here).Name
	if name == "" || got.Edges[0].Name != name || got.Edges[1].Name != "Köln" || len(got.Edges[0].Due) != 2 || got.Edges[1].Due == nil || *got.Edges[1].Located != *kept.Edges[1].Located || *got.Edges[1].Claim != *kept.Edges[1].Claim {
		t.Errorf("%+v", got.Edges)
	}
	if newest := got.Verdicts[0]; newest.Task != "0xt2" || newest.Findings[0].Unit != "ms" || newest.Conduct["0xc1"] != "agreed" || got.Verdicts[1].Findings == nil {
		t.Errorf("%+v", got.Verdicts)
	}
	if kept.Verdicts[0].Task != "0xt1" || kept.Edges[0].Name != "" {
		t.Error("what was handed over has been changed")
	}

	for text, want := range map[string]string{"k%C3%B6ln": "0xgone", strings.ToLower(here[10:20]): here, "0XGO": "0xgone"} {
		got := get[admin.Checks](h, "/admin/v1/checks?text="+text)
		if len(got.Edges) != 1 || got.Edges[0].Address != want || len(got.Verdicts) != 1 || got.Verdicts[0].Edge != want || len(got.Open) != map[bool]int{true: 1}[want == here] {
			t.Errorf("%s: %+v", text, got)
		}
	}
	if got := get[admin.Checks](h, "/admin/v1/checks?text=nobody"); len(got.Edges)+len(got.Open)+len(got.Verdicts) != 0 || len(got.Checkers) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestANodeThatKeepsNoChecksOrCannotReadThemSaysSo(t *testing.T) {
	if status, text := open(t, "").ask(http.MethodGet, "/admin/v1/checks", ""); status != http.StatusNotFound || !strings.Contains(text, "keeps no checks") {
		t.Errorf("%d %s", status, text)
	}
	h := checked(t, func() (admin.Checks, error) { return admin.Checks{}, errors.New("the log is damaged") })
	if status, text := h.ask(http.MethodGet, "/admin/v1/checks", ""); status != http.StatusInternalServerError || !strings.Contains(text, "the log is damaged") {
		t.Errorf("%d %s", status, text)
	}
}

func TestLongListsOfChecksAreCutAndSaidToBe(t *testing.T) {
	var kept admin.Checks
	for i := range 1500 {
		address := fmt.Sprintf("0x%040d", i)
		kept.Edges = append(kept.Edges, admin.CheckedEdge{Address: address, State: "standby"})
		kept.Checkers = append(kept.Checkers, admin.Checker{Address: address})
		kept.Open = append(kept.Open, admin.OpenTask{Task: address, Edge: address})
		kept.Verdicts = append(kept.Verdicts, admin.Verdict{Task: address, Edge: address, Decided: int64(i), Result: "passed"})
	}
	h := checked(t, func() (admin.Checks, error) { return kept, nil })
	got := get[admin.Checks](h, "/admin/v1/checks")
	if len(got.Edges) != 1000 || len(got.Checkers) != 1000 || len(got.Open) != 100 || len(got.Verdicts) != 100 || got.Verdicts[0].Decided != 1499 {
		t.Errorf("%d %d %d %d", len(got.Edges), len(got.Checkers), len(got.Open), len(got.Verdicts))
	}
	if want := (admin.Left{Edges: 500, Checkers: 500, Open: 1400, Verdicts: 1400}); got.Left == nil || *got.Left != want {
		t.Errorf("%+v", got.Left)
	}
	// What is looked for is found, wherever it is.
	if got := get[admin.Checks](h, "/admin/v1/checks?text="+kept.Edges[1234].Address); len(got.Edges) != 1 || len(got.Verdicts) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestTheDocumentKnowsAllStatesOfEdgesAndConductsOfCheckers(t *testing.T) {
	d := openapitest.Document(t)
	listed := func(names ...string) []any {
		list, _ := openapitest.At(d, d, append([]string{"components", "schemas"}, names...)...).([]any)
		return list
	}
	states := listed("LifeState", "enum")
	for s := life.Enrolling; s <= life.Banned; s++ {
		if !slices.Contains(states, any(s.String())) {
			t.Errorf("%v is none of %v", s, states)
		}
	}
	conducts := listed("Verdict", "properties", "conduct", "additionalProperties", "enum")
	for c := committee.Agreed; c <= committee.Contradicted; c++ {
		if !slices.Contains(conducts, any(c.String())) {
			t.Errorf("%v is none of %v", c, conducts)
		}
	}
	if len(states) != int(life.Banned)+1 || len(conducts) != int(committee.Contradicted) {
		t.Errorf("%v %v", states, conducts)
	}
}
