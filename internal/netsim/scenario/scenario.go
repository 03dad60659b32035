// Package scenario answers one question: which networks is a stream measured on? Each has a name, by which a benchmark's
// results and its users know it. Once published the numbers of a scenario do not change: figures of different days could not
// be compared any more. Another number is another name.
//
// The links are symmetric in delay. Media goes from the edge to the player over the bottleneck; what the player sends back
// (feedback, input) has a link of its own, which is the same wherever the cause is in the air and hits both ways.
package scenario

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"nearlight/internal/media"
	"nearlight/internal/netsim"
)

// Scenario is a named network. A name may stand for several, which differ in their round trip.
type Scenario struct {
	Name  string
	About string        // what it is, in a line
	RTT   time.Duration // with nothing on the link
	Flows int           // streams that share the links
	// Length is how long a run takes to show all that the scenario has. Longer runs repeat steps and traces.
	Length time.Duration

	make func(seed uint64) (media, feedback netsim.Config)
}

// Links returns the two directions: from the edge to the player, and back. The seed makes the chances and the traces.
func (s Scenario) Links(seed uint64) (media, feedback netsim.Config) {
	media, feedback = s.make(seed)
	for i, link := range []*netsim.Config{&media, &feedback} {
		link.Seed = seed<<1 | uint64(i) // what one direction loses says nothing of the other
		link.Delay = s.RTT / 2
	}
	return media, feedback
}

// Relay returns a relay with one route: players send to its near side, the edge is the target.
func (s Scenario) Relay(seed uint64, route netsim.Route) netsim.RelayConfig {
	media, feedback := s.Links(seed)
	return netsim.RelayConfig{Routes: []netsim.Route{route}, Out: feedback, Back: media}
}

// Queues before the bottlenecks.
const (
	homeQueue = 150_000 // octets: a hundred full packets, as plain home routers have
	deepQueue = 500_000 // what a cable modem or a base station has; a second of 4 Mbit/s
)

// feedbackRate is an uplink that what a player sends does not come near to filling.
const feedbackRate = netsim.Constant(10 * media.Mbps)

// traceLength is longer than a run, so that no run sees a trace's beginning twice.
const traceLength = 2 * time.Minute

// All returns every scenario, in the order in which results list them.
func All() []Scenario {
	return []Scenario{
		plain("constant", "10 Mbit/s", 40*time.Millisecond, netsim.Config{Rate: netsim.Constant(10 * media.Mbps)}),
		plain("steps", "20, then 5, then 20 Mbit/s, for 10 s each", 40*time.Millisecond, netsim.Config{Rate: dip(5*media.Mbps, 10*time.Second)}),
		plain("cliff", "20 Mbit/s, then 2 for 5 s, then 20", 40*time.Millisecond, netsim.Config{Rate: dip(2*media.Mbps, 5*time.Second)}),
		lossy(1, 20*time.Millisecond), lossy(1, 80*time.Millisecond),
		lossy(2, 20*time.Millisecond), lossy(2, 80*time.Millisecond),
		lossy(5, 20*time.Millisecond), lossy(5, 80*time.Millisecond),
		plain("burst", "20 Mbit/s, 2 % lost in bursts of 5 packets on average", 40*time.Millisecond, netsim.Config{
			Rate: netsim.Constant(20 * media.Mbps), Loss: netsim.GilbertElliott{ToBad: 0.004, ToGood: 0.2},
		}),
		aired("wifi-stall", "35 Mbit/s in bursts, and nothing for 50 to 300 ms every few seconds", 20*time.Millisecond, netsim.WiFiStalls(),
			netsim.Config{Jitter: netsim.Jitter{Peak: 3 * time.Millisecond}, Queue: netsim.DropTail{Octets: deepQueue}}),
		aired("lte", "20 Mbit/s on average, changing tenfold within seconds, with outages", 60*time.Millisecond, netsim.LTE(),
			netsim.Config{Jitter: netsim.Jitter{Peak: 4 * time.Millisecond}, Queue: netsim.DropTail{Octets: deepQueue}}),
		traced("cable", "25 Mbit/s down to 7, before it a queue of 500 kB", 30*time.Millisecond, netsim.Cable(),
			netsim.Config{Queue: netsim.DropTail{Octets: deepQueue}}),
		plain("bufferbloat", "8 Mbit/s behind a queue of 200 ms", 40*time.Millisecond, netsim.Config{
			Rate: netsim.Constant(8 * media.Mbps), Queue: netsim.DropTail{Time: 200 * time.Millisecond},
		}),
		twoFlows(),
		plain("bulk", "20 Mbit/s behind a queue of 100 ms, shared with a download from 5 to 20 s", 40*time.Millisecond, netsim.Config{
			Rate: netsim.Constant(20 * media.Mbps), Queue: netsim.DropTail{Time: 100 * time.Millisecond},
			Bulk: []netsim.Bulk{{Start: 5 * time.Second, Stop: 20 * time.Second}},
		}),
		plain("l4s", "20 Mbit/s behind a DualPI2 queue, shared with a download from 5 to 20 s", 40*time.Millisecond, netsim.Config{
			Rate: netsim.Constant(20 * media.Mbps), Queue: netsim.DualPI2{},
			Bulk: []netsim.Bulk{{Start: 5 * time.Second, Stop: 20 * time.Second}},
		}),
	}
}

// Names returns the names of all scenarios, each once.
func Names() []string {
	var names []string
	for _, s := range All() {
		names = append(names, s.Name)
	}
	return slices.Compact(names)
}

// Named returns the scenarios of a name: those of a loss come twice, with round trips of 20 and 80 ms.
func Named(name string) ([]Scenario, error) {
	var found []Scenario
	for _, s := range All() {
		if s.Name == name {
			found = append(found, s)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("scenario %q: there is none of that name; there are %s", name, strings.Join(Names(), ", "))
	}
	return found, nil
}

const runLength = 30 * time.Second

// plain is a scenario whose media link is the same for every seed, and whose feedback has a link that is never full.
func plain(name, about string, rtt time.Duration, link netsim.Config) Scenario {
	if link.Queue == nil {
		link.Queue = netsim.DropTail{Octets: homeQueue}
	}
	return Scenario{Name: name, About: about, RTT: rtt, Flows: 1, Length: runLength, make: func(uint64) (media, feedback netsim.Config) {
		return link, netsim.Config{Rate: feedbackRate, Loss: link.Loss}
	}}
}

// dip is 20 Mbit/s for 10 s, then another rate for some time, then 20 Mbit/s up to the end of the run.
func dip(to media.Bitrate, lasts time.Duration) netsim.Steps {
	const from, full = 10 * time.Second, 20 * media.Mbps
	return netsim.Steps{Period: runLength, Steps: []netsim.Step{{Rate: full}, {At: from, Rate: to}, {At: from + lasts, Rate: full}}}
}

func lossy(percent int, rtt time.Duration) Scenario {
	return plain(fmt.Sprintf("loss-%d", percent), fmt.Sprintf("20 Mbit/s, %d %% lost at random, both ways", percent), rtt, netsim.Config{
		Rate: netsim.Constant(20 * media.Mbps), Loss: netsim.Random{Share: float64(percent) / 100},
	})
}

// aired is a scenario of a shared air: both ways have their good and bad times together.
func aired(name, about string, rtt time.Duration, model netsim.Model, link netsim.Config) Scenario {
	return Scenario{Name: name, About: about, RTT: rtt, Flows: 1, Length: time.Minute, make: func(seed uint64) (media, feedback netsim.Config) {
		link.Rate = model.Trace(seed, traceLength)
		return link, link
	}}
}

func traced(name, about string, rtt time.Duration, model netsim.Model, link netsim.Config) Scenario {
	s := aired(name, about, rtt, model, link)
	both := s.make
	s.make = func(seed uint64) (media, feedback netsim.Config) {
		media, _ = both(seed)
		return media, netsim.Config{Rate: feedbackRate}
	}
	return s
}

func twoFlows() Scenario {
	s := plain("two-flows", "10 Mbit/s, shared by two streams", 40*time.Millisecond, netsim.Config{Rate: netsim.Constant(10 * media.Mbps)})
	s.Flows = 2
	return s
}
