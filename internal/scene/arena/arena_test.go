package arena

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nearlight/internal/marker"
	"nearlight/internal/media"
	"nearlight/internal/scene"
	"nearlight/internal/scene/play"
)

var size = media.Size{Width: 640, Height: 360}

// symbol is the keysym that a US keyboard makes of a key.
func symbol(t interface{ Fatalf(string, ...any) }, code uint16) uint32 {
	switch code {
	case keyReturn:
		return symbolReturn
	case keySpace:
		return symbolSpace
	}
	for letter, of := range codes {
		if of == code {
			return uint32(letter)
		}
	}
	t.Fatalf("no letter has the code %d", code)
	return 0
}

func TestWhatIsTypedIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r reader
		for _, before := range rapid.SliceOfN(rapid.SampledFrom([]uint32{'a', 'q', symbolReturn, symbolSpace, 7, 0xffe1}), 0, 20).Draw(t, "before") {
			r.press(before) // whatever came before
		}
		task := Task{rapid.Uint32().Draw(t, "seed"), rapid.Uint16().Draw(t, "objects")}
		nonce := Nonce(rapid.Uint32().Draw(t, "nonce"))
		press := func(keys []uint16, wantTask, wantNonce bool, want uint64) {
			for i, key := range keys {
				if slices.Contains(keys[:i], key) {
					t.Fatalf("key %d is pressed twice", key)
				}
				value, isTask, isNonce := r.press(symbol(t, key))
				if end := i == len(keys)-1; isTask != (end && wantTask) || isNonce != (end && wantNonce) || end && value != want {
					t.Fatalf("key %d of %d: %x, task %v, nonce %v", i, len(keys), value, isTask, isNonce)
				}
			}
		}
		press(task.Keys(), true, false, uint64(task.Seed)<<16|uint64(task.Objects))
		press(nonce.Keys(), false, true, uint64(nonce))
	})
}

func TestALetterThatIsMissingOrDoubledMakesNothing(t *testing.T) {
	keys := Nonce(0x1234abcd).Keys()
	for i := range keys {
		var missing, doubled reader
		for at, key := range keys {
			if at != i {
				if _, task, nonce := missing.press(symbol(t, key)); task || nonce {
					t.Errorf("without key %d there is a nonce", i)
				}
			}
			for range 1 + btoi(at == i) {
				if _, _, nonce := doubled.press(symbol(t, key)); nonce && i > 0 && i < len(keys)-1 {
					t.Errorf("with key %d twice there is a nonce", i)
				}
			}
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestANonceDecidesAllOfAPicture(t *testing.T) {
	task := Task{7, 30}
	a, again, b := *task.Script(1).At(time.Second), *task.Script(1).At(time.Second), *task.Script(2).At(time.Second)
	if !reflect.DeepEqual(a, again) {
		t.Error("the same nonce makes another picture")
	}
	if a.Eye == b.Eye || a.Heading == b.Heading || a.Daylight == b.Daylight {
		t.Errorf("two nonces share the eye or the light: %+v and %+v", a.Eye, b.Eye)
	}
	for i := range a.Props {
		if a.Props[i].At == b.Props[i].At {
			t.Errorf("object %d is at the same place", i)
		}
	}
	other := *Task{8, 30}.Script(1).At(time.Second)
	if a.Eye == other.Eye {
		t.Error("two seeds share the eye")
	}
}

func TestTheEyeStaysOverTheGroundAndNearTheMiddle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		task := Task{rapid.Uint32().Draw(t, "seed"), 3}
		tableau := task.Script(Nonce(rapid.Uint32().Draw(t, "nonce"))).At(time.Duration(rapid.Int64().Draw(t, "since")))
		if math.Hypot(tableau.Eye.X, tableau.Eye.Z) > Radius {
			t.Fatalf("the eye is at %v", tableau.Eye)
		}
		if tableau.Eye.Y < tableau.Land.Height(tableau.Eye.X, tableau.Eye.Z)+lowest-1e-9 {
			t.Fatal("the eye is in the ground")
		}
		for _, prop := range tableau.Props {
			if !prop.At.Finite() {
				t.Fatalf("an object is at %v", prop.At)
			}
		}
	})
}

func TestAPictureDoesNotDependOnThoseBefore(t *testing.T) {
	task := Task{11, 5}
	gathered, fresh := NewStudio(), NewStudio()
	gathered.Gather(task.Land(), scene.Vec3{}, Radius)
	for nonce := range Nonce(20) {
		since := time.Duration(nonce) * 300 * time.Millisecond
		if nonce%5 == 0 {
			fresh = NewStudio()
		}
		a, b := gathered.ComposeTableau(task.Script(nonce).At(since), size), fresh.ComposeTableau(task.Script(nonce).At(since), size)
		if len(a.Solids) != len(b.Solids) || !reflect.DeepEqual(a.Sky, b.Sky) || a.View != b.View {
			t.Fatalf("nonce %d: %d solids and %d", nonce, len(a.Solids), len(b.Solids))
		}
		for i := range a.Solids {
			if a.Solids[i].Model != b.Solids[i].Model || !reflect.DeepEqual(a.Solids[i].Mesh, b.Solids[i].Mesh) {
				t.Fatalf("nonce %d: solid %d differs", nonce, i)
			}
		}
	}
}

func TestGatheringLeavesNothingToBuild(t *testing.T) {
	task := Task{12, 0}
	s := NewStudio()
	s.Gather(task.Land(), scene.Vec3{}, Radius)
	s.BuildLimit = 1
	full := NewStudio()
	for nonce := range Nonce(200) {
		a := len(s.ComposeTableau(task.Script(nonce).At(0), size).Solids)
		if b := len(full.ComposeTableau(task.Script(nonce).At(0), size).Solids); a != b {
			t.Fatalf("nonce %d: %d of %d solids are there at once", nonce, a, b)
		}
	}
}

func TestAClaimIsReadFromThePicture(t *testing.T) {
	said := Said{marker.Stamp{Micros: 81_234_567_890, Input: 44, Counter: 9}, Claim{0xdeadbeef, 3, 1234567 * time.Microsecond}}
	f := media.NewFrame(size)
	said.Draw(f)
	got, err := Read(f.Y, size)
	if err != nil || got != said {
		t.Errorf("read %+v, %v; want %+v", got, err, said)
	}
	f.Y.Data[20*f.Y.Stride+200] ^= 0xff // one sample does nothing
	if got, err := Read(f.Y, size); err != nil || got != said {
		t.Errorf("with one sample wrong: %+v, %v", got, err)
	}
	if _, err := Read(f.Y, marker.Size); !errors.Is(err, marker.ErrAbsent) {
		t.Errorf("a picture with room for one block: %v", err)
	}
}

func TestAShowSaysWhatItDraws(t *testing.T) {
	s := NewShow()
	now := media.Instant(time.Hour)
	s.Begin(size, 16*time.Millisecond, now)
	sequence := uint32(0)
	press := func(keys []uint16) {
		for _, key := range keys {
			sequence++
			s.Take(play.Event{Kind: play.KeyDown, Symbol: symbol(t, key), Sequence: sequence}, now)
			sequence++
			s.Take(play.Event{Kind: play.KeyUp, Symbol: symbol(t, key), Sequence: sequence}, now)
		}
	}
	task := Task{99, 4}
	press(task.Keys())
	if s.task != task || s.index != 0 {
		t.Fatalf("task %+v, nonce %d", s.task, s.index)
	}
	press(Nonce(77).Keys())
	press(Nonce(78).Keys())
	picture := s.Picture(size, now.Add(25*time.Millisecond))
	want := task.Script(78).At(25 * time.Millisecond)
	if got := *s.studio.ComposeTableau(want, size); got.View != picture.View || got.Light != picture.Light {
		t.Error("it draws something else")
	}
	before := len(picture.Overlay.Vertices)
	s.Mark(picture, now.Add(26*time.Millisecond))
	if s.since != 25*time.Millisecond || s.index != 2 || s.sequence != sequence || len(picture.Overlay.Vertices) == before {
		t.Errorf("it says %v of nonce %d, input %d of %d", s.since, s.index, s.sequence, sequence)
	}
}

func FuzzShow(f *testing.F) {
	f.Add([]byte(" abcdefghijk\rabcdefgh"))
	f.Fuzz(func(t *testing.T, keys []byte) {
		var r reader
		for _, key := range keys {
			symbol := uint32(key)
			if key == 13 {
				symbol = symbolReturn
			}
			value, task, nonce := r.press(symbol)
			if task && nonce || task && value >= 1<<48 || nonce && value >= 1<<32 || r.count >= taskKeys {
				t.Fatalf("%x, task %v, nonce %v, %d letters", value, task, nonce, r.count)
			}
		}
	})
}
