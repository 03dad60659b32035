package placement

import (
	"fmt"
	"math"
	"math/rand/v2"

	"nearlight/signaling"
	"nearlight/signaling/match"
)

const (
	providers = 4  // of access to the net, in each country
	hosters   = 12 // companies with edges all over the world
	// light is how far it goes in fibre and back in a millisecond.
	light match.Kilometres = 100
)

// world is where edges and players are, and how long packets take between them.
type world struct {
	random   *rand.Rand
	edges    []edge
	between  [][]float32 // round trips between cities, ms
	networks []network
	meeting  [][]float32 // what it takes from one network into another, ms; by player's network, then the edge's
	byWeight []float64   // cities by population, cumulated
}

// network is a provider of one country, or a hoster.
type network struct {
	name    string
	country string // "": all over the world
}

// edge is one, as it is.
type edge struct {
	city, network int
	lastMile      float32 // ms
	away          float32 // from the city's middle, in ms
	at            match.Place
	slots         int
	shown         match.Edge // as signaling knows it
}

// player is one, as it is.
type player struct {
	city, network int
	lastMile      float64
	away          float32
	jitter        float64     // mean of what is added to a round trip
	shown         *match.Near // as a database of addresses has it; nil: it does not know
}

func newWorld(config Config) *world {
	w := &world{random: rand.New(rand.NewPCG(config.Seed, 0x776f726c64))}
	w.lay()
	w.connect()
	total := 0.0
	for _, c := range cities {
		total += c.millions
		w.byWeight = append(w.byWeight, total)
	}
	for i := range config.Edges {
		w.edges = append(w.edges, w.newEdge(i))
	}
	return w
}

// lay gives each pair of cities its round trip. Cables are longer than the way on the ground, by a factor that is each pair's own, and more between
// continents.
func (w *world) lay() {
	w.between = make([][]float32, len(cities))
	for i := range cities {
		w.between[i] = make([]float32, len(cities))
		w.between[i][i] = 0.4
		for j := range i {
			longer := 1.15 + 0.35*w.random.ExpFloat64()
			if cities[i].continent != cities[j].continent {
				longer += 0.25
			}
			trip := float32(match.Distance(cities[i].place, cities[j].place)/light)*float32(min(longer, 3)) + 0.5
			w.between[i][j], w.between[j][i] = trip, trip
		}
	}
}

// connect makes the networks, and what it takes from one into another: little where they meet, tens of milliseconds for the pairs that meet far
// away only.
func (w *world) connect() {
	known := map[string]bool{}
	for _, c := range cities {
		if !known[c.country] {
			known[c.country] = true
			for i := range providers {
				w.networks = append(w.networks, network{fmt.Sprintf("%s-%d", c.country, i), c.country})
			}
		}
	}
	for i := range hosters {
		w.networks = append(w.networks, network{name: fmt.Sprintf("host-%d", i)})
	}
	w.meeting = make([][]float32, len(w.networks))
	for i := range w.networks {
		w.meeting[i] = make([]float32, len(w.networks))
		for j := range w.networks {
			switch {
			case i == j:
				w.meeting[i][j] = 0.2
			case w.random.Float64() < 0.08:
				w.meeting[i][j] = float32(8 + 20*w.random.ExpFloat64())
			case w.networks[i].country == w.networks[j].country || w.networks[j].country == "":
				w.meeting[i][j] = float32(0.3 + 1.2*w.random.ExpFloat64())
			default:
				w.meeting[i][j] = float32(1 + 2.5*w.random.ExpFloat64())
			}
		}
	}
}

// somewhere draws a city by its population.
func (w *world) somewhere() int {
	at := w.random.Float64() * w.byWeight[len(w.byWeight)-1]
	for i, upTo := range w.byWeight {
		if at < upTo {
			return i
		}
	}
	return len(w.byWeight) - 1
}

// provider draws one of a city's country.
func (w *world) provider(city int) int {
	for i, n := range w.networks {
		if n.country == cities[city].country {
			return i + w.random.IntN(providers)
		}
	}
	panic("a city without a network")
}

// moved is a place so many kilometres off in any direction, and how far that is.
func (w *world) moved(p match.Place, by match.Kilometres) (match.Place, match.Kilometres) {
	const perDegree = 111.2
	north, east := w.random.NormFloat64()*float64(by)/math.Sqrt2, w.random.NormFloat64()*float64(by)/math.Sqrt2
	to := match.Place{
		Latitude:  min(max(p.Latitude+north/perDegree, -89), 89),
		Longitude: math.Remainder(p.Longitude+east/perDegree/math.Cos(p.Latitude*math.Pi/180), 360),
	}
	return to, match.Distance(p, to)
}

// newEdge makes one: a third in data centres, the others at people's homes.
func (w *world) newEdge(number int) edge {
	e := edge{city: w.somewhere()}
	at, away := w.moved(cities[e.city].place, 20)
	e.away, e.at = float32(away/light), at
	switch kind := w.random.Float64(); {
	case kind < 0.35:
		e.network, e.lastMile, e.slots = len(w.networks)-hosters+w.random.IntN(hosters), float32(0.3+0.5*w.random.Float64()), 4+w.random.IntN(9)
	case kind < 0.8: // fibre
		e.network, e.lastMile, e.slots = w.provider(e.city), float32(1.5+2*w.random.Float64()), 1+w.random.IntN(3)
	default: // cable
		e.network, e.lastMile, e.slots = w.provider(e.city), float32(5+6*w.random.Float64()), 1+w.random.IntN(2)
	}
	switch known := w.random.Float64(); {
	case known < 0.02:
	case known < 0.06:
		at, _ = w.moved(at, 800)
		e.shown.Place = &at
	default:
		e.shown.Place = &at
	}
	e.shown.ID, e.shown.Slots, e.shown.Free = signaling.EdgeID(fmt.Sprintf("edge-%d", number)), e.slots, e.slots
	e.shown.Codecs, e.shown.Network = []string{codec}, w.networks[e.network].name
	e.shown.Price, e.shown.Score = match.Price(8+w.random.IntN(13)), match.Score(700+w.random.IntN(301))
	return e
}

// newPlayer makes one in a city. What a database of addresses says of it is often wrong by some kilometres, sometimes by a region, and now and then by a continent.
func (w *world) newPlayer(city int) player {
	p := player{city: city, network: w.provider(city), jitter: 0.5 + w.random.ExpFloat64()}
	at, away := w.moved(cities[city].place, 25)
	p.away = float32(away / light)
	p.lastMile = []float64{2, 3, 8, 12, 18, 30}[w.random.IntN(6)]
	switch known := w.random.Float64(); {
	case known < 0.02:
		return p
	case known < 0.04: // the office of a company elsewhere, or a tunnel
		p.shown = &match.Near{Place: cities[w.somewhere()].place, Uncertainty: 50}
	case known < 0.09: // the country alone: its middle, that is, its first city here
		for _, c := range cities {
			if c.country == cities[city].country {
				p.shown = &match.Near{Place: c.place, Uncertainty: 500}
				break
			}
		}
	case known < 0.25: // the provider's region
		at, _ = w.moved(at, 200)
		p.shown = &match.Near{Place: at, Uncertainty: 100}
	default:
		at, _ = w.moved(at, 20)
		p.shown = &match.Near{Place: at, Uncertainty: 50}
	}
	return p
}

// trip is the round trip between a player and an edge when nothing is in the way, in ms.
func (w *world) trip(p *player, e *edge) float64 {
	return p.lastMile + float64(w.between[p.city][e.city]+w.meeting[p.network][e.network]+p.away+e.away+e.lastMile)
}
