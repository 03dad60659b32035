package committee

import (
	"errors"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"nearlight/internal/plot"
)

//go:generate go test -run Plotted -collusion-plot ../../docs/images/collusion.svg .

var collusionPlot = flag.String("collusion-plot", "", "file for the picture of docs/checking.md; empty draws none")

// TestCollusionIsPlottedAsItIsSimulated draws how often a false verdict is come to, by how many collude.
func TestCollusionIsPlottedAsItIsSimulated(t *testing.T) {
	if *collusionPlot == "" {
		t.Skip("SKIPPED: go generate ./checker/committee draws the picture")
	}
	size, err := SizeFor(Stated)
	if err != nil {
		t.Fatal(err)
	}
	const tasks = 200_000
	colours := map[string]string{"false pass": "#d97706", "false fail": "#2563eb"}
	rarity := func(p float64) float64 { return -math.Log10(p) }
	chart := plot.Chart{Title: "False verdicts of a committee of 57 of 10,000 checkers", Seconds: 50, Unit: "%"}
	panel := plot.Panel{Title: "y: one in 10^y tasks, by how many collude", Most: 12}
	for _, m := range mistakes {
		closed := plot.Series{Name: m.name + ", closed form", Color: colours[m.name]}
		simulated := plot.Series{Name: m.name + ", simulated", Color: colours[m.name], Dashed: true}
		for percent := 10; percent <= 49; percent++ {
			threat := Threat{Collusion: float64(percent) / 100, Mistakes: m.share, Tries: Stated.Tries, Bound: 1}
			closed.Points = append(closed.Points, plot.Point{Seconds: float64(percent), Value: rarity(size.FalseVerdict(threat))})
			if percent < 25 || percent%4 != 1 { // rarer ones do not happen in so many tasks
				continue
			}
			w := world{10_000, threat, size, rand.New(rand.NewPCG(2, uint64(percent)))}
			wrong := 0
			for range tasks {
				if f, _ := w.task(); f {
					wrong++
				}
			}
			simulated.Points = append(simulated.Points, plot.Point{Seconds: float64(percent), Value: rarity(float64(wrong) / tasks)})
		}
		panel.Series = append(panel.Series, closed, simulated)
	}
	chart.Panels = []plot.Panel{panel}
	file, err := os.Create(*collusionPlot)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(chart.WriteSVG(file), file.Close()); err != nil {
		t.Fatal(err)
	}
}
