package tells

import (
	"fmt"
	"math"
	"slices"
)

// Session is one of a kind, and what it comes to.
type Session struct {
	Browser  bool
	Features Features
}

// Accuracy is how well sessions were sorted by a classifier that had not seen them: the mean of the shares of each kind that were sorted right. Low and High hold the
// true one with 95 % confidence, if sessions are independent (Wilson's interval of each kind, the errors of both added as independent ones are).
type Accuracy struct {
	Balanced, Low, High float64
	Sessions            int
}

func (a Accuracy) String() string {
	return fmt.Sprintf("%.0f %% (%.0f to %.0f, %d sessions)", 100*a.Balanced, 100*a.Low, 100*a.High, a.Sessions)
}

// neighbours are how many vote. An odd number.
const neighbours = 3

// Classify sorts each session by the nearest of the others, by the features that use wants. Each feature is scaled by its spread among those others, so that all
// count alike; one that they all have alike counts as much as the least of the others does when it is different.
func Classify(sessions []Session, use func(Group, string) bool) Accuracy {
	names := namesOf(sessions, use)
	points := make([][]float64, len(sessions))
	for i, s := range sessions {
		for _, n := range names {
			points[i] = append(points[i], s.Features[n.group][n.name])
		}
	}
	var right, all [2]int
	for i, s := range sessions {
		kind := 0
		if s.Browser {
			kind = 1
		}
		all[kind]++
		if nearest(points, sessions, i) == s.Browser {
			right[kind]++
		}
	}
	return accuracy(right, all)
}

type name struct {
	group Group
	name  string
}

// namesOf are the features in an order.
func namesOf(sessions []Session, use func(Group, string) bool) (names []name) {
	seen := map[name]bool{}
	for _, s := range sessions {
		for g, features := range s.Features {
			for feature := range features {
				if n := (name{g, feature}); !seen[n] && use(g, feature) {
					seen[n] = true
					names = append(names, n)
				}
			}
		}
	}
	slices.SortFunc(names, func(a, b name) int {
		if a.group != b.group {
			return slices.Index(Groups, a.group) - slices.Index(Groups, b.group)
		}
		if a.name < b.name {
			return -1
		}
		return 1
	})
	return names
}

// nearest is what most of a session's neighbours are.
func nearest(points [][]float64, sessions []Session, i int) bool {
	scale := spreads(points, i)
	type neighbour struct {
		distance float64
		browser  bool
	}
	var all []neighbour
	for j := range points {
		if j == i {
			continue
		}
		sum := 0.0
		for k, s := range scale {
			d := (points[i][k] - points[j][k]) / s
			sum += min(d*d, farthest)
		}
		all = append(all, neighbour{sum, sessions[j].Browser})
	}
	slices.SortStableFunc(all, func(a, b neighbour) int {
		switch {
		case a.distance < b.distance:
			return -1
		case a.distance > b.distance:
			return 1
		}
		return 0
	})
	browsers := 0
	for _, n := range all[:min(neighbours, len(all))] {
		if n.browser {
			browsers++
		}
	}
	return browsers > neighbours/2
}

// farthest bounds what one feature can add to a distance, in squares of its spread.
const farthest = 16

// spreads are the standard deviations of the features of all points but one; 1 where there is none.
func spreads(points [][]float64, but int) []float64 {
	spread := make([]float64, len(points[but]))
	n := float64(len(points) - 1)
	for k := range spread {
		sum, squares := 0.0, 0.0
		for j, p := range points {
			if j != but {
				sum += p[k]
				squares += p[k] * p[k]
			}
		}
		if variance := squares/n - sum*sum/n/n; variance > 1e-12 {
			spread[k] = math.Sqrt(variance)
		} else {
			spread[k] = 1
		}
	}
	return spread
}

// accuracy sums up how many of each kind were right.
func accuracy(right, all [2]int) Accuracy {
	a := Accuracy{Sessions: all[0] + all[1]}
	below, above := 0.0, 0.0
	for kind := range right {
		if all[kind] == 0 {
			return a
		}
		share := float64(right[kind]) / float64(all[kind])
		low, high := wilson(right[kind], all[kind])
		a.Balanced += share / 2
		below += (share - low) * (share - low) / 4
		above += (high - share) * (high - share) / 4
	}
	a.Low, a.High = max(a.Balanced-math.Sqrt(below), 0), min(a.Balanced+math.Sqrt(above), 1)
	return a
}

// wilson is the 95 % interval of a share.
func wilson(right, all int) (low, high float64) {
	const z = 1.96
	n, p := float64(all), float64(right)/float64(all)
	centre, half := p+z*z/(2*n), z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return (centre - half) / (1 + z*z/n), (centre + half) / (1 + z*z/n)
}

// Tell is a feature by itself.
type Tell struct {
	Group   Group
	Name    string
	Browser float64 // its mean
	Other   float64
	Alone   float64 // the balanced accuracy of the best threshold on it, learnt and tried on the same sessions: what it can tell at the most
}

// Tells are the features that sort best by themselves, best first; those that sort no better than least are left out.
func Tells(sessions []Session, least float64) (tells []Tell) {
	for _, n := range namesOf(sessions, func(Group, string) bool { return true }) {
		var values [2][]float64
		for _, s := range sessions {
			kind := 0
			if s.Browser {
				kind = 1
			}
			values[kind] = append(values[kind], s.Features[n.group][n.name])
		}
		if alone := threshold(values); alone > least {
			tells = append(tells, Tell{Group: n.group, Name: n.name, Browser: mean(values[1]), Other: mean(values[0]), Alone: alone})
		}
	}
	slices.SortStableFunc(tells, func(a, b Tell) int {
		switch {
		case a.Alone > b.Alone:
			return -1
		case a.Alone < b.Alone:
			return 1
		}
		return 0
	})
	return tells
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(max(len(values), 1))
}

// threshold is the balanced accuracy of the best one between two kinds.
func threshold(values [2][]float64) float64 {
	best := 0.0
	for _, at := range slices.Concat(values[0], values[1]) {
		var below [2]float64
		for kind := range values {
			for _, v := range values[kind] {
				if v <= at {
					below[kind]++
				}
			}
			below[kind] /= float64(max(len(values[kind]), 1))
		}
		one := (below[0] + 1 - below[1]) / 2
		best = max(best, one, 1-one)
	}
	return best
}
