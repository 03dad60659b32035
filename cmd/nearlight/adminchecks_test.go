package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"nearlight/signaling/admin"
)

func TestChecksAreTablesOnACommandLineAndWholeAsJSON(t *testing.T) {
	checks := admin.Checks{
		Epoch: 4, Seats: 5, Minimum: 3, Uncapped: true, Entries: 120,
		Edges: []admin.CheckedEdge{{Address: "0xE1", Name: "Berlin\x1b[2J\u202e\n1", State: "probation", Score: 700, Confidence: 505, Share: 50, Owed: 7,
			Due: []admin.DueCheck{{Check: "capacity", Mean: 3_600_000}, {Check: "alive", Every: 60_000}, {Check: "experience", Every: 90_500}, {Check: "enrolment", Appeal: "0x1"}}},
			{Address: "0xE2", Claim: &admin.Claim{Latitude: 35.7, Longitude: 139.7}, Located: &admin.Located{Claim: admin.Claim{Latitude: 35.7, Longitude: 139.7}, Reports: 16, Liars: 5, Excluding: 11, Impossible: true, Beyond: 8134}},
			{Address: "0xE3", Claim: &admin.Claim{Latitude: 50.1, Longitude: 8.7, Within: 25}, Located: &admin.Located{Claim: admin.Claim{Latitude: 35.7, Longitude: 139.7}, Liars: 5, Impossible: true, Beyond: 8134}},
			{Address: "0xE4", Claim: &admin.Claim{Latitude: 50.1, Longitude: 8.7}, Located: &admin.Located{Claim: admin.Claim{Latitude: 50.1, Longitude: 8.7}, Liars: 5, Consistency: 712}},
		},
		Checkers: []admin.Checker{{Address: "0xC1", Owner: "0x0E", Score: 0.52, Tasks: 3}},
		Open:     []admin.OpenTask{{Task: "0x3", Edge: "0xE1", Check: "capacity", Commitments: 4}},
		Verdicts: []admin.Verdict{{Task: "0x2", Edge: "0xE1", Check: "enrolment", Appeal: "0x1", Result: "failed", Notice: "It can be enrolled again.", Findings: []admin.Finding{
			{Question: "delay", Decided: true, Figure: 25.7512, Counted: 4, Required: "at most 12", Unit: "ms"},
			{Question: "repeated", Decided: true, Met: true, Counted: 4, Required: "at most 0.04"},
			{Question: "plays", Decided: true, For: 1, Against: 3, Counted: 4, Required: "yes"},
			{Question: "detail", Counted: 2, Required: "at least 0.34"},
		}}},
		Left: &admin.Left{Verdicts: 12},
	}
	asked := make(chan string, 2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.RequestURI()
		if err := json.NewEncoder(w).Encode(checks); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	secret := written(t, "token", "a-token", 0o600)
	var table, whole spoken
	if err := execute(t.Context(), &table, &spoken{}, "admin", "checks", "--text", "Berlin 1", "--admin", server.URL, "--admin-token-file", secret); err != nil {
		t.Fatal(err)
	}
	if uri := <-asked; uri != "/admin/v1/checks?text=Berlin+1" {
		t.Error(uri)
	}
	text := table.String()
	for _, want := range []string{
		"epoch 4: 120 entries; committees of 5, of which 3 have to count", "prove nothing to others",
		"700 of 1000  50.5 %  5 %", "capacity at random, each 1 h on average; alive each 1 min; experience each 1m30.5s; enrolment again, on appeal; 7 more of capacity",
		"delay: 25.75 ms; required: at most 12; plays: 1 say yes, 3 no; required: yes; detail: undecided by 2", "0xC1     0x0E   0.52   3", "12 older verdicts", "none claimed: nobody can say",
		"35.7,139.7: impossible, too far by 8134 km from 6 checkers", "50.1,8.7: possible, 712 of 1000 consistent",
		"50.1,8.7 within 25 km: not looked at yet; 35.7,139.7, which was claimed before, is impossible, too far by 8134 km from 6 checkers", "enrolment, on appeal",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.ContainsAny(text, "\x1b\u202e") || strings.Contains(text, "repeated") {
		t.Errorf("%q", text)
	}
	if err := execute(t.Context(), &whole, &spoken{}, "admin", "checks", "--json", "--admin", server.URL, "--admin-token-file", secret); err != nil || !strings.Contains(whole.String(), "It can be enrolled again.") {
		t.Errorf("%v %s", err, &whole)
	}
}
