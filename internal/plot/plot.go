// Package plot draws time series as an SVG picture: panels above each other over one axis of time. It is for benchmarks, whose
// pictures belong into a page without anything else being loaded.
package plot

import (
	"bufio"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// Chart is one picture.
type Chart struct {
	Title   string
	Seconds float64 // the length of the axis of time
	Unit    string  // of that axis, when it is one of something else; "": s
	Panels  []Panel
}

// Panel is one diagram of a chart.
type Panel struct {
	Title  string  // with its unit
	Most   float64 // top of the axis; 0 fits it to the values
	Series []Series
}

// Series is a line.
type Series struct {
	Name   string
	Color  string // as SVG has it; series of one name and colour are explained once
	Dashed bool
	Points []Point // in the order of time; a value that is not a number leaves a gap
}

// Point is a value at a time.
type Point struct{ Seconds, Value float64 }

// The picture's measures, in pixels.
const (
	width       = 960
	left, right = 64, 16
	panelHeight = 150
	panelGap    = 42
	top, bottom = 74, 44
	ticks       = 5 // at most, of an axis
)

// WriteSVG draws the chart.
func (c Chart) WriteSVG(w io.Writer) error {
	if !(c.Seconds > 0) || len(c.Panels) == 0 {
		return errors.New("a chart needs a length and a panel")
	}
	height := top + len(c.Panels)*(panelHeight+panelGap) - panelGap + bottom
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="12" fill="#333">`+"\n", width, height)
	fmt.Fprintf(out, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, height)
	fmt.Fprintf(out, `<text x="%d" y="24" font-size="16" font-weight="600">%s</text>`+"\n", left, escape(c.Title))
	c.legend(out)
	for i, p := range c.Panels {
		c.panel(out, p, top+i*(panelHeight+panelGap), i == len(c.Panels)-1)
	}
	fmt.Fprintln(out, "</svg>")
	return out.Flush()
}

// legend explains each line once, whatever panels it is in.
func (c Chart) legend(out io.Writer) {
	x := left
	type line struct {
		name, color string
		dashed      bool
	}
	known := map[line]bool{}
	for _, p := range c.Panels {
		for _, s := range p.Series {
			l := line{s.Name, s.Color, s.Dashed}
			if known[l] {
				continue
			}
			known[l] = true
			fmt.Fprintf(out, `<path d="M%d 40h22" stroke="%s" stroke-width="2"%s/><text x="%d" y="44">%s</text>`+"\n", x, escape(s.Color), s.dashes(), x+28, escape(s.Name))
			x += 28 + 8*len(s.Name) + 20
		}
	}
}

func (s Series) dashes() string {
	if s.Dashed {
		return ` stroke-dasharray="5 4"`
	}
	return ""
}

func (c Chart) panel(out io.Writer, p Panel, y int, last bool) {
	most := p.most()
	px := func(seconds float64) float64 { return left + seconds/c.Seconds*(width-left-right) }
	py := func(value float64) float64 { return float64(y) + panelHeight*(1-min(max(value/most, 0), 1)) }
	fmt.Fprintf(out, `<text x="%d" y="%d" font-weight="600">%s</text>`+"\n", left, y-6, escape(p.Title))
	for step, value := nice(most), 0.0; value <= most*1.001; value += step {
		fmt.Fprintf(out, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n", left, py(value), width-right, left-8, py(value)+4, number(value))
	}
	for step, at := nice(c.Seconds), 0.0; at <= c.Seconds*1.001; at += step {
		fmt.Fprintf(out, `<path d="M%.1f %dv%d" stroke="#eee"/>`+"\n", px(at), y, panelHeight)
		if last {
			fmt.Fprintf(out, `<text x="%.1f" y="%d" text-anchor="middle">%s %s</text>`+"\n", px(at), y+panelHeight+20, number(at), escape(cmp.Or(c.Unit, "s")))
		}
	}
	for _, s := range p.Series {
		if path := s.path(px, py); path != "" {
			fmt.Fprintf(out, `<path d="%s" fill="none" stroke="%s" stroke-width="1.5" stroke-linejoin="round"%s/>`+"\n", path, escape(s.Color), s.dashes())
		}
	}
}

func (s Series) path(px, py func(float64) float64) string {
	var path strings.Builder
	pen := "M"
	for _, p := range s.Points {
		if math.IsNaN(p.Value) || math.IsInf(p.Value, 0) || math.IsNaN(p.Seconds) || math.IsInf(p.Seconds, 0) {
			pen = "M"
			continue
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", pen, px(p.Seconds), py(p.Value))
		pen = "L"
	}
	return path.String()
}

// most is the top of the panel's axis.
func (p Panel) most() float64 {
	if p.Most > 0 {
		return p.Most
	}
	most := 0.0
	for _, s := range p.Series {
		for _, point := range s.Points {
			if !math.IsInf(point.Value, 0) && point.Value > most {
				most = point.Value
			}
		}
	}
	if most == 0 {
		return 1
	}
	step := nice(most)
	return math.Ceil(most/step) * step
}

// nice is a step of 1, 2 or 5 times a power of ten that divides an axis into at most ticks parts.
func nice(length float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(length/ticks)))
	for _, factor := range []float64{1, 2, 5} {
		if length/(factor*power) <= ticks {
			return factor * power
		}
	}
	return 10 * power
}

func number(v float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.4f", v), "0"), ".")
}

func escape(text string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(text)); err != nil {
		panic("a string takes text: " + err.Error())
	}
	return b.String()
}
