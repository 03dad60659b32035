package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nearlight/checker/epoch"
	"nearlight/checker/notary"
	"nearlight/internal/identity"
)

// edgeFolder is a folder with an edge's key, in use by the edge.
func edgeFolder(t *testing.T) (string, *identity.Key) {
	t.Helper()
	f := edgeFlags{folder: filepath.Join(t.TempDir(), "edge"), slots: 1}
	h, err := f.openHome(nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.close(); err != nil {
			t.Error(err)
		}
	})
	return f.folder, h.key
}

func TestAnOwnerReadsWhatWasFoundAndHowToRetest(t *testing.T) {
	folder, key := edgeFolder(t)
	first := epoch.Hash{0xfa}
	tokyo := epoch.Claim{Place: epoch.Place{Latitude: 35.7, Longitude: 139.7}}
	known := notary.Owned{
		Address: key.Address(), Epoch: 7, Present: true, State: "jailed", Score: 300, Confidence: 500, JailedUntil: 1_800_000_000_000,
		Claim: &tokyo, Located: &epoch.Located{Claim: tokyo, Reports: 16, Liars: 5, Excluding: 11, Impossible: true, Beyond: 8134},
		Due:  []notary.DueSummary{{Check: "capacity", Appeal: &first}},
		Open: []notary.TaskSummary{{Check: "capacity"}},
		Verdicts: []notary.Told{
			{Task: epoch.Hash{2}, Appeal: &first, Epoch: 7, Check: "capacity", Result: "undecided", Findings: []notary.FindingSummary{}},
			{Task: first, Epoch: 6, Check: "capacity", Result: "failed", Remedy: "It is\x1b[2J jailed.", AppealBy: 1_800_000_000_000, Findings: []notary.FindingSummary{
				{Finding: epoch.Finding{Question: "delay", Decided: true, Figure: 25.7512, Counted: 4, Required: "at most 12"}, Unit: "ms"},
				{Finding: epoch.Finding{Question: "served", Decided: true, Met: true, For: 4, Counted: 4, Required: "yes"}},
				{Finding: epoch.Finding{Question: "detail", Decided: true, Figure: 0.2, Counted: 3, Required: "at least 0.34"}},
			}},
		},
	}
	asked := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.URL.Path
		if err := json.NewEncoder(w).Encode(known); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	var people, programs spoken
	if err := execute(t.Context(), &people, &spoken{}, "edge", "checks", "--signal", server.URL, "--folder", folder); err != nil {
		t.Fatal(err)
	}
	if got := <-asked; got != "GET /checks/edges/"+key.Address().String() {
		t.Error(got)
	}
	text := people.String()
	for _, want := range []string{
		"jailed, connected", "jailed until 2027", "300 of 1000, of which 50 % is known", "next: capacity again, on appeal", "place: 35.7,139.7: impossible, too far by 8134 km from 6 checkers", "being decided: capacity", "on appeal against " + first.String(),
		"delay: measured: 25.75 ms by 4; required: at most 12", "detail: measured: 0.2 by 3; required: at least 0.34", "epoch 6", "nearlight edge appeal " + first.String(),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "\x1b") || strings.Contains(text, "served") {
		t.Errorf("%q", text)
	}
	err := execute(t.Context(), &programs, &spoken{}, "edge", "checks", "--json", "--signal", server.URL, "--edge", key.Address().String())
	var again notary.Owned
	if err != nil || json.Unmarshal([]byte(programs.String()), &again) != nil || again.Verdicts[1].Findings[0].Unit != "ms" {
		t.Errorf("%v: %s", err, &programs)
	}
}

func TestAnOwnerSpeaksForTheEdgeWhileThatRuns(t *testing.T) {
	folder, key := edgeFolder(t)
	type said struct {
		path string
		notary.Wish
		Task *epoch.Hash `json:"task"`
	}
	heard := make(chan said, 1)
	var host string
	log := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := said{path: r.URL.Path}
		if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
			t.Error(err)
		}
		host = r.Host
		heard <- s
		if s.What == "leave" {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusConflict)
			_, _ = w.Write([]byte(`{"title":"somebody plays: drain it first","code":"cannot-have"}`))
			return
		}
		_, _ = w.Write([]byte(`{"state":"on-leave"}`))
	}))
	defer log.Close()
	other := httptest.NewServer(http.NotFoundHandler()) // a node of the cluster that keeps no log
	defer other.Close()
	signal := other.URL + "," + log.URL
	task := epoch.Hash{0xfa}
	for _, row := range []struct {
		arguments []string
		path      string
		says      string
		fails     string
	}{
		{[]string{"drain"}, "wishes", "the edge is on-leave", ""},
		{[]string{"return"}, "wishes", "the edge is on-leave", ""},
		{[]string{"revoke", "--for-good"}, "wishes", "the edge is on-leave", ""},
		{[]string{"leave"}, "wishes", "", "somebody plays"},
		{[]string{"appeal", task.String()}, "appeals", "another committee", ""},
	} {
		var out spoken
		err := execute(t.Context(), &out, &spoken{}, append(append([]string{"edge"}, row.arguments...), "--signal", signal, "--folder", folder)...)
		if !strings.Contains(out.String(), row.says) || row.fails == "" && err != nil || row.fails != "" && (err == nil || !strings.Contains(err.Error(), row.fails)) {
			t.Errorf("%q: %v, %q", row.arguments, err, &out)
		}
		got := <-heard
		digest := identity.Wish{Host: host, What: row.arguments[0], At: got.At.Time()}.Digest()
		if row.path == "appeals" {
			if got.Task == nil || *got.Task != task {
				t.Errorf("%+v", got)
			}
			digest = identity.Appeal{Task: task, At: got.At.Time()}.Digest()
		}
		if err := identity.Verify(digest, identity.Signature(got.Signature), key.Address()); err != nil || got.path != "/checks/"+row.path || got.Edge != key.Address() {
			t.Errorf("%q: %v, %+v", row.arguments, err, got)
		}
	}
	if err := execute(t.Context(), &spoken{}, &spoken{}, "edge", "checks", "--signal", other.URL, "--folder", folder); err == nil || !strings.Contains(err.Error(), "keeps no log of checks") {
		t.Error(err)
	}
}

func TestWhatAnOwnerLeavesOutIsAskedFor(t *testing.T) {
	folder, _ := edgeFolder(t)
	empty := t.TempDir()
	for _, row := range []struct {
		arguments []string
		want      string
	}{
		{[]string{"checks"}, "--edge ADDRESS"},
		{[]string{"checks", "--edge", "somebody"}, "--edge somebody"},
		{[]string{"checks", "--folder", folder}, "--signal is missing"},
		{[]string{"checks", "--folder", folder, "--signal", "play.example"}, "http://"},
		{[]string{"drain"}, "--folder FOLDER"},
		{[]string{"drain", "--folder", empty}, "has no key"},
		{[]string{"drain", "now"}, "now"},
		{[]string{"revoke", "--folder", folder}, "--for-good"},
		{[]string{"appeal"}, "one TASK"},
		{[]string{"appeal", "0x12"}, "is no task"},
	} {
		err := execute(t.Context(), &spoken{}, &spoken{}, append([]string{"edge"}, row.arguments...)...)
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%q: %v, want %q", row.arguments, err, row.want)
		}
	}
	if files, err := os.ReadDir(empty); err != nil || len(files) > 0 {
		t.Errorf("a key was made: %v, %v", files, err)
	}
}

func TestAnAppCanHaveANameThatAnOwnerUses(t *testing.T) {
	for _, row := range []struct {
		arguments []string
		want      string
	}{
		{[]string{"edge", "--signal", "https://play.example", "--", "drain"}, "edge"},
		{[]string{"edge", "--folder", "checks", "--", "leave", "--signal"}, "edge"},
		{[]string{"edge", "--folder", "checks"}, "edge"},
		{[]string{"edge", "--verbose", "/usr/games/supertux2"}, "edge"},
		{[]string{"edge", "--folder", "checks", "drain"}, "drain"},
		{[]string{"edge", "checks"}, "checks"},
	} {
		if found, _, err := newRoot().Find(row.arguments); err != nil || found.Name() != row.want {
			t.Errorf("%q is %v, %v; want %s", row.arguments, found.Name(), err, row.want)
		}
	}
}
