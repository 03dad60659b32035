package main

import (
	"os"
	"strings"
	"testing"
)

func TestVerifyTellsPlacesAndFailsWhereALogSaysOtherwise(t *testing.T) {
	kept, err := os.ReadFile("../../checker/epoch/testdata/sample.log")
	if err != nil {
		t.Fatal(err)
	}
	var out spoken
	if err := execute(t.Context(), &out, &spoken{}, "checker", "verify", written(t, "log", string(kept), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{": 10,1.5 within 5 km: possible, ", ": -10,-170.5: impossible, too far by "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	lines := strings.SplitAfter(string(kept), "\n")
	changed := 0
	for i, line := range lines {
		if strings.HasPrefix(line, `{"standing"`) && strings.Contains(line, `"impossible":true`) {
			at := strings.Index(line, `,"excluding"`)
			lines[i] = line[:at] + `,"consistency":900}}}` + "\n"
			changed++
		}
	}
	out = spoken{}
	err = execute(t.Context(), &out, &spoken{}, "checker", "verify", written(t, "log", strings.Join(lines, ""), 0o600))
	if changed != 1 || err == nil || !strings.Contains(out.String(), "DIFFERS: ") || !strings.Contains(out.String(), `"impossible":true`) {
		t.Errorf("%d lines acquit an edge, and verify says %v:\n%s", changed, err, &out)
	}
}
