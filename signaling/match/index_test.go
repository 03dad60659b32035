package match_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"nearlight/signaling"
	"nearlight/signaling/match"
)

// first is what matching asks of an edge, written down a second time and without an index: the first demand that is not met.
func first(r match.Request, e match.Edge) match.Demand {
	listed := slices.IndexFunc(e.Apps, func(a signaling.App) bool { return a.Name == r.App })
	wanted := func(names []string) func(string) bool {
		return func(s string) bool { return slices.Contains(names, s) }
	}
	proved := func(a match.Ability) bool {
		return slices.Contains(r.Codecs, a.Codec) && slices.Contains(e.Codecs, a.Codec) && a.Picture.Size.Width >= r.Picture.Size.Width &&
			a.Picture.Size.Height >= r.Picture.Size.Height && a.Picture.FrameRate >= r.Picture.FrameRate
	}
	if r.App != "" && listed < 0 {
		return match.Listed
	}
	if r.App != "" && !e.Apps[listed].Installed && !r.Pull {
		return match.Installed
	}
	if trusted := slices.Contains(r.Only, e.ID) || r.Root != "" && r.Root == e.Root; !trusted && (len(r.Only) > 0 || r.Root != "") {
		return match.Trusted
	}
	if len(r.Regions) > 0 && !slices.ContainsFunc(e.Regions, wanted(r.Regions)) {
		return match.InRegion
	}
	if !slices.ContainsFunc(e.Codecs, wanted(r.Codecs)) {
		return match.Decodable
	}
	if r.Picture != (match.Picture{}) && !slices.ContainsFunc(e.Proved, proved) {
		return match.Proved
	}
	checks := r.Check && slices.Contains(r.Only, e.ID)
	if e.Score < r.MinScore && !checks {
		return match.Scored
	}
	if r.PriceCap > 0 && e.Price > r.PriceCap {
		return match.Affords
	}
	if e.State != match.Accepting && !(checks && (e.State == match.Checking || e.State == match.Jailed)) {
		return match.Takes
	}
	if slices.Contains(r.Except, e.ID) {
		return match.Allowed
	}
	if e.Free < 1 {
		return match.FreeSlot
	}
	return 0
}

var codes = map[match.Demand]signaling.Code{
	match.Listed: signaling.CodeUnknownApp, match.Installed: signaling.CodeNotInstalled, match.Trusted: signaling.CodeNoEdge, match.InRegion: signaling.CodeWrongRegion,
	match.Decodable: signaling.CodeNoCommonCodec, match.Proved: signaling.CodeNoSuchPicture, match.Scored: signaling.CodeLowScore,
	match.Affords: signaling.CodeTooDear, match.Takes: signaling.CodeNotAccepting, match.Allowed: signaling.CodeEdgeRefused, match.FreeSlot: signaling.CodeFull,
}

var (
	codecNames  = rapid.SampledFrom([]string{"h264", "vp8", "av1"})
	roots       = rapid.SampledFrom([]string{"", "0x1", "0x2"})
	regionNames = rapid.SampledFrom([]string{"eu", "de", "us"})
	appNames    = rapid.SampledFrom([]string{"tux", "race", "kobo"})
	ids         = rapid.Custom(func(t *rapid.T) signaling.EdgeID {
		return signaling.EdgeID(fmt.Sprint("e-", rapid.IntRange(0, 60).Draw(t, "id")))
	})
	degrees = rapid.OneOf(rapid.Float64Range(-180, 180), rapid.SampledFrom([]float64{0, 48, 90, -90, 180, math.NaN(), math.Inf(1), 1e300}))
	places  = rapid.Custom(func(t *rapid.T) match.Place {
		return match.Place{Latitude: degrees.Draw(t, "latitude") / 2, Longitude: degrees.Draw(t, "longitude")}
	})
	pictures = rapid.Custom(func(t *rapid.T) match.Picture {
		size := rapid.SampledFrom([]signaling.Size{{}, {Width: 1280, Height: 720}, {Width: 720, Height: 1280}, {Width: 1920, Height: 1080}, {Width: math.MaxInt, Height: math.MaxInt}}).Draw(t, "size")
		return match.Picture{Size: size, FrameRate: rapid.SampledFrom([]int{0, 30, 60, math.MaxInt}).Draw(t, "rate")}
	})
	edges = rapid.Custom(func(t *rapid.T) match.Edge {
		slots := rapid.IntRange(1, 3).Draw(t, "slots")
		e := match.Edge{
			ID: ids.Draw(t, "id"), Slots: slots, Free: rapid.IntRange(0, slots).Draw(t, "free"),
			State:  match.State(rapid.SampledFrom([]int{0, 0, 0, 1, 2, 4, 77}).Draw(t, "state")),
			Codecs: rapid.SliceOfN(codecNames, 0, 3).Draw(t, "codecs"), Price: match.Price(rapid.IntRange(0, 3).Draw(t, "price")),
			Score: match.Score(rapid.IntRange(0, 3).Draw(t, "score")), Share: rapid.SampledFrom([]int{0, 0, 0, 1, 50, 500, 1000, 1001, -7}).Draw(t, "share"), Regions: rapid.SliceOfN(regionNames, 0, 2).Draw(t, "regions"),
			Network: rapid.SampledFrom([]string{"", "AS1", "AS2"}).Draw(t, "network"), Root: roots.Draw(t, "root"),
		}
		for range rapid.IntRange(0, 2).Draw(t, "abilities") {
			e.Proved = append(e.Proved, match.Ability{Codec: codecNames.Draw(t, "codec"), Picture: pictures.Draw(t, "picture")})
		}
		for _, name := range rapid.SliceOfNDistinct(appNames, 0, 3, rapid.ID).Draw(t, "apps") {
			e.Apps = append(e.Apps, signaling.App{Name: name, Title: name, Installed: rapid.Bool().Draw(t, "installed")})
		}
		if rapid.Bool().Draw(t, "placed") {
			place := places.Draw(t, "place")
			e.Place = &place
		}
		return e
	})
	requests = rapid.Custom(func(t *rapid.T) match.Request {
		r := match.Request{
			App: rapid.SampledFrom([]string{"", "tux", "tux", "race", "chess"}).Draw(t, "app"), Pull: rapid.Bool().Draw(t, "pull"),
			Codecs: rapid.SliceOfN(codecNames, 0, 3).Draw(t, "codecs"), PriceCap: match.Price(rapid.IntRange(0, 3).Draw(t, "cap")),
			MinScore: match.Score(rapid.IntRange(0, 2).Draw(t, "least score")), Except: rapid.SliceOfN(ids, 0, 5).Draw(t, "except"),
			Remembered: rapid.SliceOfN(ids, 0, 5).Draw(t, "remembered"), Candidates: rapid.SampledFrom([]int{0, 3, 5, 8, -4, 1 << 40}).Draw(t, "candidates"),
			Draw: rapid.Uint64().Draw(t, "draw"), Check: rapid.IntRange(0, 3).Draw(t, "check") == 0,
		}
		if rapid.Bool().Draw(t, "some regions") {
			r.Regions = rapid.SliceOfN(regionNames, 1, 2).Draw(t, "regions")
		}
		pinned := rapid.IntRange(0, 5).Draw(t, "pinned")
		if pinned == 0 || pinned == 1 {
			r.Root = roots.Draw(t, "trusted root")
		}
		if pinned == 1 || pinned == 2 { // to some twice, and to some that are not there
			r.Only = rapid.SliceOfN(ids, 1, 16).Draw(t, "only")
		}
		if rapid.Bool().Draw(t, "some picture") {
			r.Picture = pictures.Draw(t, "picture")
		}
		if rapid.Bool().Draw(t, "located") {
			r.Near = &match.Near{Place: places.Draw(t, "near"), Uncertainty: match.Kilometres(rapid.OneOf(rapid.Float64(), rapid.Float64Range(0, 500), rapid.Just(math.NaN()), rapid.Just(math.Inf(1))).Draw(t, "uncertainty"))}
		}
		return r
	})
)

// The index is changed in any order, and asked in between: what it gives is what a look at every edge allows, no more and no less.
func TestTheIndexFindsWhatALookAtEveryEdgeFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, model := match.NewIndex(), map[signaling.EdgeID]match.Edge{}
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		t.Repeat(map[string]func(*rapid.T){
			"upsert": func(t *rapid.T) {
				for _, e := range rapid.SliceOfN(edges, 1, 30).Draw(t, "edges") {
					x.Upsert(e)
					model[e.ID] = e
				}
			},
			"free": func(t *rapid.T) {
				id := ids.Draw(t, "id")
				e, known := model[id]
				if e.Free = min(rapid.IntRange(0, 3).Draw(t, "free"), e.Slots); known {
					model[id] = e
				}
				if x.SetFree(id, e.Free) != known {
					t.Fatal("SetFree says otherwise whether the edge is known")
				}
			},
			"state": func(t *rapid.T) {
				id := ids.Draw(t, "id")
				e, known := model[id]
				if e.State = match.State(rapid.IntRange(0, 2).Draw(t, "state")); known {
					model[id] = e
				}
				if x.SetState(id, e.State) != known {
					t.Fatal("SetState says otherwise whether the edge is known")
				}
			},
			"remove": func(t *rapid.T) {
				for _, id := range rapid.SliceOfN(ids, 1, 20).Draw(t, "ids") {
					if _, known := model[id]; x.Remove(id) != known {
						t.Fatal("Remove says otherwise whether the edge was known")
					}
					delete(model, id)
				}
			},
			"": func(t *rapid.T) {
				if x.Len() != len(model) {
					t.Fatalf("%d edges, want %d", x.Len(), len(model))
				}
				checkShortlist(t, x, model, requests.Draw(t, "request"), random)
			},
		})
	})
}

// partial reports whether an edge has a share of the requests, and this one may be none of them.
func partial(r match.Request, e match.Edge) bool {
	return e.Share > 0 && e.Share < match.Whole && !(r.Check && slices.Contains(r.Only, e.ID))
}

func checkShortlist(t *rapid.T, x *match.Index, model map[signaling.EdgeID]match.Edge, r match.Request, random *rand.Rand) {
	list, err := x.Shortlist(r, random.IntN)
	var furthest match.Demand // the demand that is met by none together with those before it
	fitting := map[signaling.EdgeID]match.Edge{}
	having, certain := 0, 0
	for id, e := range model {
		unmet := first(r, e)
		if unmet == 0 {
			fitting[id] = e
			if partial(r, e) {
				continue
			}
			certain++
			if r.App == "" || slices.ContainsFunc(e.Apps, func(a signaling.App) bool { return a.Name == r.App && a.Installed }) {
				having++
			}
		}
		furthest = max(furthest, unmet)
	}
	if (err == nil) != (len(fitting) > 0) {
		t.Fatalf("%v, though %d edges fit %+v", err, len(fitting), r)
	}
	if err != nil {
		want := codes[furthest]
		if len(model) == 0 {
			want = signaling.CodeNoEdge
		}
		if err.Code != want || err.Message == "" {
			t.Fatalf("%v, want %s", err, want)
		}
		return
	}
	want := r.Candidates
	if want == 0 {
		want = match.MaxCandidates
	}
	if want = min(max(want, match.MinCandidates), match.MaxCandidates); len(list) < min(want, certain) || len(list) > want || certain == len(fitting) && len(list) != min(want, certain) {
		t.Fatalf("%d candidates, want %d of %d, %d of them newcomers", len(list), want, len(fitting), len(fitting)-certain)
	}
	undrawn := 0
	nearest, found := math.Inf(1), math.Inf(1)
	seen, installed := map[signaling.EdgeID]bool{}, 0
	for _, c := range list {
		e, fits := fitting[c.Edge]
		if !fits || seen[c.Edge] {
			t.Fatalf("%s is on the list twice, or does not fit: %v", c.Edge, first(r, model[c.Edge]))
		}
		if partial(r, e) && !c.Drawn {
			undrawn++
		}
		if seen[c.Edge] = true; len(c.Codecs) == 0 {
			t.Fatalf("%s: no codecs", c.Edge)
		}
		if c.Installed {
			installed++
		}
		if c.Vantage != match.Recalled {
			distance := float64(c.Distance)
			if distance < 0 {
				distance = 2500 // what an edge of unknown place counts as
			}
			found = min(found, distance)
		}
		if got := float64(e.Slots-e.Free) / float64(e.Slots); c.Load != got {
			t.Fatalf("load %v, want %v", c.Load, got)
		}
	}
	if undrawn > 0 && certain > 0 {
		t.Fatalf("%d newcomers are on the list that were not drawn, though %d others would do", undrawn, certain)
	}
	if !r.Pull && installed != len(list) {
		t.Fatal("an edge is on the list that has to install the app")
	}
	if r.Pull && installed < min(having, 3) {
		t.Fatalf("%d candidates have the app installed, though %d edges have", installed, having)
	}
	if r.Near == nil || r.Pull {
		return
	}
	for e := range maps.Values(fitting) {
		if e.Place != nil && !partial(r, e) {
			if d := float64(match.Distance(*e.Place, r.Near.Place)); d >= 0 && !slices.Contains(r.Remembered, e.ID) {
				nearest = min(nearest, d)
			}
		}
	}
	if alike := max(25, min(float64(r.Near.Uncertainty)/2, 1e5)); !math.IsNaN(alike) && nearest < 2000 && found > 1.1*nearest+alike+1 {
		t.Fatalf("the nearest candidate is %v km away, the nearest edge %v", found, nearest)
	}
}

// There are more edges in one place than fit a leaf: only their identities divide them.
func TestEdgesInOneBuildingAreDividedAndShareThePlayers(t *testing.T) {
	x := match.NewIndex()
	const n = 2000
	place := match.Place{Latitude: 50.11, Longitude: 8.68}
	for i := range n {
		x.Upsert(match.Edge{ID: signaling.EdgeID(fmt.Sprint(i)), Slots: 4, Free: 4, Codecs: []string{"h264"}, Place: &place})
	}
	random := rand.New(rand.NewPCG(1, 1))
	counts := map[signaling.EdgeID]int{}
	const asked = n
	for range asked {
		list, err := x.Shortlist(match.Request{Codecs: []string{"h264"}, Near: &match.Near{Place: place}, Candidates: 8}, random.IntN)
		if err != nil || len(list) != 8 {
			t.Fatal(list, err)
		}
		for _, c := range list {
			counts[c.Edge]++
		}
	}
	// Each edge is expected on 8 lists; of 2000 that are so by chance (Poisson), the unluckiest is on none or one, the luckiest on 19.
	if most := slices.Max(slices.Collect(maps.Values(counts))); most > 26 || len(counts) < n*99/100 {
		t.Errorf("%d of %d edges are ever on a list, one on %d", len(counts), n, most)
	}
}

// world is edges in cities, nine of ten in the first three, which are close together.
func world(n int, random *rand.Rand) ([]match.Edge, map[signaling.EdgeID]match.Edge) {
	cities := []match.Place{
		{Latitude: 50, Longitude: 8}, {Latitude: 48, Longitude: 2}, {Latitude: 52}, {Latitude: 40, Longitude: -74}, {Latitude: 34, Longitude: -118},
		{Latitude: 35, Longitude: 139}, {Latitude: 1, Longitude: 104}, {Latitude: -23, Longitude: -46}, {Latitude: -33, Longitude: 151}, {Latitude: 19, Longitude: 73},
	}
	byID := map[signaling.EdgeID]match.Edge{}
	var list []match.Edge
	for i := range n {
		place := cities[random.IntN(3)]
		if i%10 == 0 {
			place = cities[random.IntN(len(cities))]
		}
		e := match.Edge{
			ID: signaling.EdgeID(fmt.Sprint("e", i)), Slots: 4, Free: 1 + random.IntN(4), Codecs: []string{"h264"}, Place: &place,
			Network: "AS1",
		}
		if i%13 == 0 {
			e.Network = fmt.Sprint("AS", i)
		}
		list = append(list, e)
		byID[e.ID] = e
	}
	return list, byID
}

func TestWithoutAPlaceTheListIsSpreadOverTheWorld(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 1))
	list, byID := world(2000, random)
	x := match.NewIndex(list...)
	for range 200 {
		candidates, err := x.Shortlist(match.Request{Codecs: []string{"h264"}}, random.IntN)
		if err != nil {
			t.Fatal(err)
		}
		at := map[match.Place]bool{}
		for _, c := range candidates {
			at[*byID[c.Edge].Place] = true
		}
		if len(at) < 6 {
			t.Fatalf("only %d places are on a list of %d", len(at), len(candidates))
		}
	}
}

func TestAWrongPlaceOrOddRoutingIsSurvived(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 1))
	list, byID := world(2000, random)
	x := match.NewIndex(list...)
	for range 200 {
		near := match.Near{Place: *list[random.IntN(len(list))].Place, Uncertainty: 50}
		candidates, err := x.Shortlist(match.Request{Codecs: []string{"h264"}, Near: &near, Remembered: []signaling.EdgeID{"e7", "gone"}}, random.IntN)
		if err != nil {
			t.Fatal(err)
		}
		networks, places, close := map[string]bool{}, map[match.Place]bool{}, 0
		for _, c := range candidates {
			networks[byID[c.Edge].Network], places[*byID[c.Edge].Place] = true, true
			if c.Distance < 100 {
				close++
			}
		}
		if len(networks) < 2 || len(places) < 2 || close < 3 || candidates[0].Edge != "e7" {
			t.Fatalf("%d networks, %d places, %d close by, %s first: %+v", len(networks), len(places), close, candidates[0].Edge, candidates)
		}
	}
}

func TestOfACountryEachPartIsSeen(t *testing.T) {
	random := rand.New(rand.NewPCG(6, 1))
	x, places := match.NewIndex(), map[signaling.EdgeID]match.Place{}
	for i := range 600 { // a large country, with most edges in its capital
		place := match.Place{Latitude: 40, Longitude: -100}
		if i%4 == 0 {
			place = match.Place{Latitude: 30 + 18*random.Float64(), Longitude: -120 + 45*random.Float64()}
		}
		id := signaling.EdgeID(fmt.Sprint(i))
		places[id] = place
		x.Upsert(match.Edge{ID: id, Slots: 1, Free: 1, Codecs: []string{"h264"}, Place: &place})
	}
	request := match.Request{Codecs: []string{"h264"}, Near: &match.Near{Place: match.Place{Latitude: 40, Longitude: -100}, Uncertainty: 1500}}
	for range 100 {
		candidates, err := x.Shortlist(request, random.IntN)
		if err != nil {
			t.Fatal(err)
		}
		apart := 0
		for i, c := range candidates {
			if !slices.ContainsFunc(candidates[:i], func(other match.Candidate) bool { return match.Distance(places[c.Edge], places[other.Edge]) < 700 }) {
				apart++
			}
		}
		if apart < 4 {
			t.Fatalf("only %d of %d are far from each other", apart, len(candidates))
		}
	}
}

func TestLoadIsSpread(t *testing.T) {
	// A city of edges alike, and players who come until nine slots of ten are in use: nobody is full much earlier than the others.
	random := rand.New(rand.NewPCG(5, 1))
	place := match.Place{Latitude: 48, Longitude: 2}
	const n, slots = 200, 10
	x := match.NewIndex()
	free := map[signaling.EdgeID]int{}
	for i := range n {
		id := signaling.EdgeID(fmt.Sprint(i))
		free[id] = slots
		x.Upsert(match.Edge{ID: id, Slots: slots, Free: slots, Codecs: []string{"h264"}, Place: &place})
	}
	for range n * slots / 2 {
		choice, err := pick(x, match.Request{Codecs: []string{"h264"}, Near: &match.Near{Place: place}}, random.IntN)
		if err != nil {
			t.Fatal(err)
		}
		free[choice.Edge]--
		x.SetFree(choice.Edge, free[choice.Edge])
	}
	if least := slices.Min(slices.Collect(maps.Values(free))); least < slots/2-2 {
		t.Errorf("at half load one edge has only %d of %d slots free", least, slots)
	}
}
