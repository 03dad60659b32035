package recovery

import (
	"math/bits"
	"math/rand/v2"
	"testing"
)

// peels reports whether a receiver that undoes repair packets one by one gets all of these packets back.
func peels(missing []uint32) bool {
	for len(missing) > 0 {
		var once, twice uint32
		for _, set := range missing {
			twice |= once & set
			once |= set
		}
		alone := once &^ twice
		if alone == 0 {
			return false
		}
		var left []uint32
		for _, set := range missing {
			if set&alone == 0 {
				left = append(left, set)
			}
		}
		missing = left
	}
	return true
}

func TestEachPacketIsProtectedAndAllRepairPacketsAlike(t *testing.T) {
	l := NewLayout()
	for count := 1; count <= MostRepairs; count++ {
		for age := range ReachFrames {
			load := make([]int, count)
			for index := range Reach / count * count {
				set := l.Repairs(count, age, index)
				if count == 1 && age > 0 {
					set = l.Repairs(1, 1, index) | l.Repairs(1, 2, index) // half of them each
				}
				if set == 0 || bits.Len32(set) > count {
					t.Fatalf("packet %d of age %d is protected by %b of %d", index, age, set, count)
				}
				for i := range count {
					load[i] += int(set >> i & 1)
				}
			}
			least, most := load[0], load[0]
			for _, n := range load {
				least, most = min(least, n), max(most, n)
			}
			if most-least > Reach/count/3+2 {
				t.Errorf("%d repair packets, age %d: they protect %v", count, age, load)
			}
		}
	}
	if l.Repairs(0, 0, 0) != 0 || l.Repairs(MostRepairs+1, 0, 0) != 0 {
		t.Error("more repair packets than there are")
	}
}

func TestNeighboursThatAreLostTogetherAreToldApart(t *testing.T) {
	l := NewLayout()
	for count := 4; count <= MostRepairs; count++ {
		for index := range 40 {
			for apart := 1; apart < count; apart++ {
				if !peels([]uint32{l.Repairs(count, 0, index), l.Repairs(count, 0, index+apart)}) {
					t.Errorf("%d repair packets cannot mend the packets %d and %d", count, index, index+apart)
				}
			}
		}
	}
}

func TestALayoutFailsFarLessThanDisjointRows(t *testing.T) {
	l := NewLayout()
	random := rand.New(rand.NewPCG(1, 1))
	for _, row := range []struct {
		packets, repairs int
		loss             float64
		most             float64 // share that fails
		rows             float64 // how many times as many fail with rows, at least
	}{
		{10, 3, 0.02, 0.006, 1.5},
		{33, 4, 0.02, 0.021, 2.5},
		{33, 6, 0.02, 0.006, 8},
		{33, 8, 0.05, 0.025, 8},
		{60, 10, 0.05, 0.06, 6},
		{90, 12, 0.02, 0.012, 8},
	} {
		const rounds = 20000
		failed, rows := 0, 0
		for range rounds {
			var alive uint32
			for i := range row.repairs {
				if random.Float64() >= row.loss {
					alive |= 1 << i
				}
			}
			var ours, theirs []uint32
			for i := range row.packets {
				if random.Float64() < row.loss {
					ours = append(ours, l.Repairs(row.repairs, 0, i)&alive)
					theirs = append(theirs, 1<<(i%row.repairs)&alive)
				}
			}
			if !peels(ours) {
				failed++
			}
			if !peels(theirs) {
				rows++
			}
		}
		share := float64(failed) / rounds
		t.Logf("%d packets, %d repair packets, %.0f %% lost: %.2f %% of frames fail, %.2f %% with rows", row.packets, row.repairs, 100*row.loss, 100*share, 100*float64(rows)/rounds)
		if share > row.most || float64(rows) < row.rows*float64(failed) {
			t.Errorf("%+v: %.4f fail, with rows %.4f", row, share, float64(rows)/rounds)
		}
	}
}
