// Package bench answers one question: in what form does a benchmark say what it found? Every benchmark prints one Report.
//
// Nothing here is safe for concurrent use.
package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
)

// Report is one benchmark's outcome.
type Report struct {
	Bench   string         `json:"bench"`
	Machine Machine        `json:"machine"`
	Params  map[string]any `json:"params"`
	Results []Result       `json:"results"`
}

// Labels tell results of one name apart, for example encoder or scenario.
type Labels map[string]string

// Result is one figure: a value, or a distribution when N is not zero.
type Result struct {
	Name   string
	Unit   string
	Labels Labels
	Value  float64

	P50, P90, P95, P99, Max float64
	N                       int
}

// MarshalJSON writes a value as {"name","unit","value"}, a distribution as {"name","unit","p50",...,"n"}, each with its labels.
func (r Result) MarshalJSON() ([]byte, error) {
	object := map[string]any{"name": r.Name, "unit": r.Unit}
	for label, value := range r.Labels {
		if _, taken := object[label]; taken {
			return nil, fmt.Errorf("result %s: label %s is a field's name", r.Name, label)
		}
		object[label] = value
	}
	if r.N > 0 {
		object["p50"], object["p90"], object["p95"], object["p99"], object["max"], object["n"] =
			round(r.P50), round(r.P90), round(r.P95), round(r.P99), round(r.Max), r.N
	} else {
		object["value"] = round(r.Value)
	}
	return json.Marshal(object)
}

// round keeps four digits after the point: a tenth of a microsecond in milliseconds.
func round(v float64) float64 { return math.Round(v*1e4) / 1e4 }

// Value adds a single figure.
func (r *Report) Value(name, unit string, value float64, labels Labels) {
	r.Results = append(r.Results, Result{Name: name, Unit: unit, Value: value, Labels: labels})
}

// Distribution adds the percentiles (by nearest rank) of samples, which it sorts. Without samples it adds nothing: a figure
// that was not measured is not zero.
func (r *Report) Distribution(name, unit string, samples []float64, labels Labels) {
	n := len(samples)
	if n == 0 {
		return
	}
	slices.Sort(samples)
	rank := func(percent int) float64 { return samples[max((n*percent+99)/100-1, 0)] }
	r.Results = append(r.Results, Result{
		Name: name, Unit: unit, Labels: labels, P50: rank(50), P90: rank(90), P95: rank(95), P99: rank(99), Max: samples[n-1], N: n,
	})
}

// Write prints the report as one JSON object or, if asJSON is false, as a table for people.
func (r *Report) Write(w io.Writer, asJSON bool) error {
	if asJSON {
		return r.WriteJSON(w)
	}
	return r.WriteText(w)
}

// WriteJSON prints the report as one JSON object.
func (r *Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// WriteText prints the report as a table for people.
func (r *Report) WriteText(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "%s on %s, %d cores\n", r.Bench, r.Machine.CPU, r.Machine.Cores); err != nil {
		return err
	}
	for _, result := range r.Results {
		name := result.Name
		for _, label := range slices.Sorted(maps.Keys(result.Labels)) {
			name += " " + label + "=" + result.Labels[label]
		}
		var err error
		if result.N > 0 {
			_, err = fmt.Fprintf(w, "  %-42s p50 %8.2f  p90 %8.2f  p99 %8.2f  max %8.2f %s  (n %d)\n",
				name, result.P50, result.P90, result.P99, result.Max, result.Unit, result.N)
		} else {
			_, err = fmt.Fprintf(w, "  %-42s %12.2f %s\n", name, result.Value, result.Unit)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
