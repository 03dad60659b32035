package e2etest

import (
	"bufio"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// Metric reads one sample of /metrics, written as there: name{label="value"}. A sample that is not there is 0.
func (p *Program) Metric(t testing.TB, sample string) float64 {
	t.Helper()
	response, err := http.Get(p.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("GET /metrics: %s", response.Status)
	}
	for scanner := bufio.NewScanner(response.Body); scanner.Scan(); {
		if text, ok := strings.CutPrefix(scanner.Text(), sample+" "); ok {
			value, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatalf("/metrics: %s: %v", scanner.Text(), err)
			}
			return value
		}
	}
	return 0
}
