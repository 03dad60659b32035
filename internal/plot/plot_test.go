package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

func TestAChartIsWellFormedWhateverItsValues(t *testing.T) {
	c := Chart{Title: `"<&>"`, Seconds: 30, Panels: []Panel{
		{Title: "rate, Mbit/s", Series: []Series{
			{Name: "a", Color: "#06c", Points: []Point{{0, 1}, {1, math.NaN()}, {2, 3}, {3, math.Inf(1)}, {math.NaN(), 1}, {4, -7}}},
			{Name: "none", Color: "red", Dashed: true},
		}},
		{Title: "loss, %", Most: 100, Series: []Series{{Name: "a", Color: "#06c", Points: []Point{{0, 500}}}}},
	}}
	var b bytes.Buffer
	if err := c.WriteSVG(&b); err != nil {
		t.Fatal(err)
	}
	for decoder := xml.NewDecoder(bytes.NewReader(b.Bytes())); ; {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, b.String())
		}
	}
	for _, never := range []string{"NaN", "Inf"} {
		if strings.Contains(b.String(), never) {
			t.Errorf("it holds %s", never)
		}
	}
	if n := strings.Count(b.String(), ">a</text>"); n != 1 {
		t.Errorf("a line is explained %d times", n)
	}
}

func TestAnAxisNamesItsUnit(t *testing.T) {
	for unit, want := range map[string]string{"": ">10 s</text>", "ms": ">10 ms</text>"} {
		var b bytes.Buffer
		if err := (Chart{Seconds: 10, Unit: unit, Panels: make([]Panel, 1)}).WriteSVG(&b); err != nil || !strings.Contains(b.String(), want) {
			t.Errorf("unit %q: %v in\n%s", unit, err, b.String())
		}
	}
}

func TestAxesHaveFewRoundSteps(t *testing.T) {
	for _, length := range []float64{0.001, 0.7, 1, 3, 9, 10, 29, 30, 61, 100, 12345} {
		step := nice(length)
		if parts := length / step; parts > ticks+1e-9 || parts < 1.9 {
			t.Errorf("%v in steps of %v", length, step)
		}
	}
	if most := (Panel{Series: []Series{{Points: []Point{{0, 18.7}}}}}).most(); most != 20 {
		t.Errorf("an axis for 18.7 ends at %v", most)
	}
	if most := (Panel{}).most(); most != 1 {
		t.Errorf("an axis for nothing ends at %v", most)
	}
}

func TestAChartOfNothingIsRefused(t *testing.T) {
	for _, c := range []Chart{{}, {Seconds: 1}, {Seconds: math.NaN(), Panels: make([]Panel, 1)}} {
		if err := c.WriteSVG(io.Discard); err == nil {
			t.Errorf("%+v was drawn", c)
		}
	}
}
