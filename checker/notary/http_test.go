package notary

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"nearlight/checker/epoch"
	"nearlight/internal/identity"
	"nearlight/internal/openapitest"
)

func TestOverHTTP(t *testing.T) {
	o := newOffice(t)
	o.tick(0)
	task := o.task()
	c, _ := o.report(task.Task, true)
	body, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	handler := o.notary.Handler()
	for _, row := range []struct {
		method, path, body string
		status             int
		has                string
	}{
		{"GET", "/checks/now", "", 200, `"epoch":1`},
		{"GET", "/checks/epochs/1", "", 200, `{"head":`},
		{"GET", "/checks/epochs/1?from=10000000", "", 200, ""},
		{"GET", "/checks/epochs/1?from=-1", "", 400, "malformed"},
		{"GET", "/checks/epochs/1?wait=x", "", 400, "malformed"},
		{"GET", "/checks/epochs/2", "", 404, "no-such-epoch"},
		{"GET", "/checks/epochs/..%2Flives", "", 400, "malformed"},
		{"POST", "/checks/commitments", "", 400, "malformed"},
		{"POST", "/checks/commitments", strings.Repeat(" ", 1<<20), 400, "malformed"},
		{"POST", "/checks/commitments", "{}", 409, codeUnknownTask},
		{"POST", "/checks/commitments", string(body), 200, "{}"},
		{"POST", "/checks/reports", "[]", 400, "malformed"},
		{"POST", "/checks/passes", "{}", 409, codeUnknownTask},
		{"DELETE", "/checks/commitments", "", 405, ""},
		{"POST", "/checks/appeals", "{}", 409, codeUnknownEdge},
		{"POST", "/checks/appeals", "", 400, "malformed"},
		{"POST", "/checks/wishes", "{}", 409, codeUnknownWish},
		{"GET", "/checks/edges/" + o.edge.String(), "", 200, `"state":"enrolling"`},
		{"GET", "/checks/edges/" + identity.Address{1}.String(), "", 404, codeUnknownEdge},
		{"GET", "/checks/edges/somebody", "", 400, "malformed"},
	} {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(row.method, row.path, strings.NewReader(row.body)))
		if answer.Code != row.status || !strings.Contains(answer.Body.String(), row.has) {
			t.Errorf("%s %s: %d %.200s, want %d and %q", row.method, row.path, answer.Code, answer.Body, row.status, row.has)
		}
		path, _, _ := strings.Cut(row.path, "?")
		if row.status != http.StatusMethodNotAllowed {
			openapitest.Conforms(t, row.method, path, answer.Result(), answer.Body.String())
		}
	}
}

// Whatever comes, nothing that does not belong there gets into the log.
func FuzzTaking(f *testing.F) {
	o := newOffice(f)
	o.tick(0)
	c, r := o.report(o.task().Task, true)
	for path, one := range map[string]any{
		"commitments": c, "reports": r, "passes": Request{Task: c.Task, Checker: c.Checker}, "appeals": o.appeal(c.Task), "wishes": o.wish("drain"),
	} {
		body, err := json.Marshal(one)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(path, body)
	}
	handler := o.notary.Handler()
	before, err := os.ReadFile(o.notary.path(1))
	if err != nil {
		f.Fatal(err)
	}
	commitment, err := json.Marshal(c)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path string, body []byte) {
		if !slices.Contains([]string{"commitments", "reports", "passes", "appeals", "wishes"}, path) || bytes.Equal(body, commitment) {
			return
		}
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, Path+path, bytes.NewReader(body)))
		if answer.Code == http.StatusInternalServerError {
			t.Errorf("%s: %s", path, answer.Body)
		}
		var sent epoch.Commitment
		if answer.Code == http.StatusOK && path == "commitments" && json.Unmarshal(body, &sent) == nil && sent.Commitment == c.Commitment {
			return // the same in another form
		}
		after, err := os.ReadFile(o.notary.path(1))
		if err != nil || !bytes.HasPrefix(after, before) || len(after) > len(before)+2000 {
			t.Errorf("the log has grown from %d to %d octets, %v", len(before), len(after), err)
		}
	})
}
