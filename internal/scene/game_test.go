package scene_test

import (
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nearlight/internal/scene"
)

var update = flag.Bool("update", false, "rewrite the golden file from this implementation")

func anyControls(t *rapid.T) scene.Controls {
	part := rapid.Float64Range(-1, 1)
	return scene.Controls{Turn: part.Draw(t, "turn"), Climb: part.Draw(t, "climb"), Boost: rapid.Bool().Draw(t, "boost")}
}

// script is a sequence of controls, each held for some ticks.
type script []struct {
	controls scene.Controls
	ticks    int
}

func anyScript(t *rapid.T) script {
	s := make(script, rapid.IntRange(1, 12).Draw(t, "parts"))
	for i := range s {
		s[i].controls = anyControls(t)
		s[i].ticks = rapid.IntRange(1, 400).Draw(t, "ticks")
	}
	return s
}

func (s script) play(g *scene.Game, each func()) {
	for _, part := range s {
		for range part.ticks {
			g.Step(part.controls)
			each()
		}
	}
}

func TestTheSameSeedAndControlsGiveTheSameGame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed, s := rapid.Uint64().Draw(t, "seed"), anyScript(t)
		a, b := scene.New(seed), scene.New(seed)
		a.Start()
		b.Start()
		s.play(a, func() {})
		s.play(b, func() { b.At(scene.Tick/3, scene.Controls{Turn: 1}, scene.Pointer{}) }) // looking changes nothing
		if a.Hash() != b.Hash() {
			t.Fatalf("%x and %x", a.Hash(), b.Hash())
		}
	})
}

func TestSeedsAndControlsChangeTheGame(t *testing.T) {
	hashes := map[uint64]string{}
	for seed := range uint64(8) {
		for name, controls := range map[string]scene.Controls{"straight": {}, "left": {Turn: -1}, "up": {Climb: 1}, "boost": {Boost: true}} {
			g := scene.New(seed)
			g.Start()
			g.Step(controls)
			if other, seen := hashes[g.Hash()]; seen {
				t.Errorf("seed %d, %s is the same game as %s", seed, name, other)
			}
			hashes[g.Hash()] = name
		}
	}
}

func TestTheGliderStaysInTheAirWhateverThePlayerDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := scene.New(rapid.Uint64().Draw(t, "seed"))
		g.Start()
		anyScript(t).play(g, func() {
			c := g.Craft
			ground := g.Land.Height(c.Position.X, c.Position.Z)
			switch {
			case !c.Position.Finite() || math.IsNaN(c.Heading+c.Pitch+c.Roll+c.Yaw+c.Speed):
				t.Fatalf("not finite: %+v", c)
			case c.Position.Y < ground+scene.Clearance-1e-9 || c.Position.Y > scene.MaxAltitude:
				t.Fatalf("at %v over ground at %v", c.Position.Y, ground)
			case c.Speed < scene.MinSpeed || c.Speed > scene.MaxSpeed:
				t.Fatalf("flies at %v m/s", c.Speed)
			case math.Abs(c.Heading) > math.Pi || c.Boost < 0 || c.Boost > 1:
				t.Fatalf("out of range: %+v", c)
			}
		})
	})
}

func TestControlsOutOfRangeAreBoundedAndNotANumberIsNone(t *testing.T) {
	wild, tame := scene.New(9), scene.New(9)
	wild.Start()
	tame.Start()
	for range 200 {
		wild.Step(scene.Controls{Turn: math.Inf(1), Climb: math.NaN()})
		tame.Step(scene.Controls{Turn: 1})
	}
	if wild.Hash() != tame.Hash() {
		t.Error("they fly differently")
	}
}

func TestTheGroundIsWithinItsBoundsAndWithoutSteps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		land := scene.NewLand(rapid.Uint64().Draw(t, "seed"))
		far := rapid.Float64Range(-1e6, 1e6)
		x, z := far.Draw(t, "x"), far.Draw(t, "z")
		h := land.Height(x, z)
		if !(h >= 0 && h <= scene.Ceiling) {
			t.Fatalf("height %v", h)
		}
		if step := math.Abs(land.Height(x+0.01, z) - h); step > 0.5 {
			t.Fatalf("a step of %v over a centimetre", step)
		}
	})
}

func TestEveryRingCanBeReached(t *testing.T) {
	for seed := range uint64(20) {
		g := scene.New(seed)
		g.Start()
		for g.Phase == scene.Flying && g.Lights < 40 {
			g.Step(g.Trail.Pilot(g.Craft))
		}
		if g.Lights < 25 {
			t.Errorf("seed %d: a good pilot caught %d lights", seed, g.Lights)
		}
		for i, r := range g.Trail.Rings {
			if ground := g.Land.Height(r.Center.X, r.Center.Z); r.Center.Y < ground+scene.RingRadius {
				t.Errorf("seed %d: ring %d stands in the ground", seed, i)
			}
		}
	}
}

func TestARoundEndsWhenTheDayDoesAndRestartsAfresh(t *testing.T) {
	g := scene.New(4)
	g.Start()
	ticks := 0
	for g.Phase == scene.Flying {
		g.Step(scene.Controls{Turn: 1}) // circles and misses
		if ticks++; ticks > int(5*time.Minute/scene.Tick) {
			t.Fatal("the sun never sets")
		}
	}
	if g.MayRestart() {
		t.Error("a late press of the boost would restart it at once")
	}
	for range time.Second / scene.Tick {
		g.Step(scene.Controls{})
	}
	if !g.MayRestart() {
		t.Error("no restart after a second")
	}
	score := g.Score
	g.Restart()
	if g.Phase != scene.Flying || g.Score != 0 || g.Best != score || g.Daylight < 59 {
		t.Errorf("after a restart: %v, score %d, best %d of %d, daylight %v", g.Phase, g.Score, g.Best, score, g.Daylight)
	}
}

func TestWhileWaitingTheGliderShowsTheWayAndNoClockRuns(t *testing.T) {
	g := scene.New(2)
	for range 20 * time.Second / scene.Tick {
		g.Step(scene.Controls{Turn: 1})
	}
	if g.Phase != scene.Waiting || g.Lights < 3 || g.Daylight != 60 {
		t.Errorf("phase %v, %d lights, daylight %v", g.Phase, g.Lights, g.Daylight)
	}
	g.Start()
	if g.Score != 0 || g.Lights != 0 {
		t.Error("the pilot's lights count for the player")
	}
}

// golden is what a fixed flight comes to.
type golden struct {
	Hash   uint64 // on amd64; other processors fuse multiplications and additions
	Craft  scene.Craft
	Next   scene.Ring
	Score  int
	Lights int
}

func TestTheFlightOfSeedSevenIsAsRecorded(t *testing.T) {
	g := scene.New(7)
	g.Start()
	for i := range 30 * 120 {
		c := g.Trail.Pilot(g.Craft)
		c.Boost = i/240%3 == 1
		g.Step(c)
	}
	got := golden{g.Hash(), g.Craft, g.Trail.Rings[0], g.Score, g.Lights}
	path := filepath.Join("testdata", "seed7.json")
	if *update {
		text, err := json.MarshalIndent(got, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want golden
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if runtime.GOARCH == "amd64" && got.Hash != want.Hash {
		t.Errorf("hash %d, want %d", got.Hash, want.Hash)
	}
	if off := got.Craft.Position.Sub(want.Craft.Position).Len(); off > 0.01 || got.Score != want.Score || got.Lights != want.Lights {
		t.Errorf("%v m off; %+v, want %+v", off, got, want)
	}
}
