package notary

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"nearlight/checker/challenge"
	"nearlight/checker/epoch"
	"nearlight/checker/life"
	"nearlight/internal/identity"
)

var (
	home  = netip.MustParsePrefix("192.0.2.0/24")
	other = netip.MustParsePrefix("2001:db8:1::/48")
)

// crowd has an office's network be of several edges.
func crowd(t *testing.T, edges ...Presence) *office {
	o := newOffice(t)
	for i := range edges {
		if edges[i].Edge == (identity.Address{}) {
			edges[i].Edge = identity.Address{1, byte(i)}
		}
		edges[i].Free = 1
	}
	o.config.Present = func() []Presence { return edges }
	o.reopen()
	return o
}

// open are the tasks that run.
func (o *office) openTasks() (tasks []epoch.Task) {
	for _, t := range o.notary.Summary().Open {
		tasks = append(tasks, o.asked(t.Task))
	}
	return tasks
}

// carry carries the tasks that run through, those that are yet to be committed to, and says of each whether its edge passes.
func (o *office) carry(passes func(epoch.Task) bool) {
	o.t.Helper()
	open := o.notary.Summary().Open
	slices.SortFunc(open, func(a, b TaskSummary) int { return cmp.Compare(a.CommitBy, b.CommitBy) })
	reports := make(map[epoch.Hash]epoch.Report)
	for _, t := range open {
		if t.CommitBy.Time().After(o.config.Now()) {
			c, r := o.report(t.Task, passes(o.asked(t.Task)))
			if err := o.notary.Commit(c); err != nil {
				o.t.Fatal(err)
			}
			reports[t.Task] = r
		}
	}
	until := func(at epoch.Millis) { o.tick(max(at.Time().Sub(o.config.Now()), 0)) }
	for _, t := range open {
		r, committed := reports[t.Task]
		if until(t.CommitBy); committed && t.RevealBy.Time().After(o.config.Now()) {
			if err := o.notary.Report(r); err != nil {
				o.t.Fatal(err)
			}
		}
	}
	for _, t := range open {
		until(t.RevealBy)
	}
}

func TestANewcomerIsAskedTogetherWithItsNeighboursAtOnce(t *testing.T) {
	for name, row := range map[string]struct {
		edges []Presence
		want  int // that are asked together
	}{
		"one block":                     {[]Presence{{Block: home}, {Block: home}}, 2},
		"one block of IPv6":             {[]Presence{{Block: other}, {Block: other}, {Block: other}}, 3},
		"no more than four":             {[]Presence{{Block: home}, {Block: home}, {Block: home}, {Block: home}, {Block: home}, {Block: home}}, 4},
		"one endorsement":               {[]Presence{{Endorsed: "0x1"}, {Endorsed: "0x1"}}, 2},
		"a block before an endorsement": {[]Presence{{Block: home, Endorsed: "0x1"}, {Block: home}, {Block: other, Endorsed: "0x1"}}, 2},
		"nothing in common":             {[]Presence{{Block: home, Endorsed: "0x1"}, {Block: other, Endorsed: "0x2"}}, 0},
		"nothing is known":              {[]Presence{{}, {}}, 0},
		"one by itself":                 {[]Presence{{Block: home, Endorsed: "0x1"}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			o := crowd(t, row.edges...)
			o.tick(0)
			var asked []identity.Address
			for _, task := range o.openTasks() {
				if task.Together == nil {
					continue
				}
				asked = append(asked, task.Edge)
				if task.Check != string(life.Enrolment) || len(task.Together.Edges) != row.want || task.Questions[len(task.Questions)-1].Name != challenge.Shared {
					t.Errorf("%+v", task)
				}
			}
			if len(asked) != row.want {
				t.Errorf("%d are asked together, want %d", len(asked), row.want)
			}
		})
	}
}

func TestWhoFailsTogetherIsAskedTogetherAgain(t *testing.T) {
	o := crowd(t, Presence{Block: home}, Presence{Block: home})
	o.tick(0)
	o.carry(func(epoch.Task) bool { return false })
	for _, v := range o.notary.Summary().Verdicts {
		if v.Result != epoch.Failed || !bytes.Contains([]byte(v.Notice), []byte("asked together again")) {
			t.Errorf("%s: %q", v.Result, v.Notice)
		}
	}
	o.reopen() // which it does not forget
	for range 500 {
		o.tick(10 * time.Second)
		if open := o.openTasks(); len(open) > 0 {
			if len(open) != 2 || open[0].Together == nil || open[1].Together == nil {
				t.Fatalf("it is enrolled by %+v", open)
			}
			o.carry(func(epoch.Task) bool { return true })
			if state, _ := o.notary.Standing(open[0].Edge); state != life.Probation {
				t.Errorf("it is %v", state)
			}
			return
		}
	}
	t.Error("it is never enrolled")
}

func TestWhatNobodyDecidesTogetherIsAskedAlone(t *testing.T) {
	o := crowd(t, Presence{Block: home}, Presence{Block: home})
	o.tick(0)
	if open := o.openTasks(); len(open) != 2 || open[0].Together == nil {
		t.Fatalf("%+v", open)
	}
	for range 400 {
		o.tick(10 * time.Second)
		if open := o.openTasks(); len(open) > 0 && open[0].Together == nil {
			return
		}
	}
	t.Error("nobody is enrolled alone")
}

func TestAnAppealIsHeardOnceAllOfThemAreThere(t *testing.T) {
	away := false
	o := crowd(t, Presence{Block: home}, Presence{Block: home})
	present := o.config.Present()
	present[0].Edge = o.edge
	o.config.Present = func() []Presence {
		if away {
			return present[:1]
		}
		return present
	}
	o.reopen()
	o.tick(0)
	o.carry(func(epoch.Task) bool { return false })
	first := o.owned().Verdicts[0].Task
	away = true
	o.tick(time.Second)
	if _, err := o.notary.Appeal(o.appeal(first)); err != nil {
		t.Fatal(err)
	}
	again := func() (tasks []epoch.Task) {
		for _, task := range o.openTasks() {
			if task.Appeal != nil {
				tasks = append(tasks, task)
			}
		}
		return tasks
	}
	for range 100 { // nobody reports on anything meanwhile: a later enrolment would take its place
		o.tick(20 * time.Second)
		if tasks := again(); len(tasks) > 0 {
			t.Fatalf("it is done again while the other is away: %+v", tasks)
		}
	}
	away = false
	o.reopen()
	for range 200 {
		o.tick(20 * time.Second)
		tasks := again()
		if len(tasks) == 0 {
			continue
		}
		if len(tasks) != 1 || tasks[0].Edge != o.edge || *tasks[0].Appeal != first || len(tasks[0].Together.Edges) != 2 || len(o.openTasks()) != 2 {
			t.Errorf("it is done again by %+v of %d", tasks, len(o.openTasks()))
		}
		o.carry(func(epoch.Task) bool { return true })
		if v := o.owned().Verdicts[0]; v.Appeal == nil || v.Result != epoch.Passed {
			t.Errorf("it comes to %+v", v)
		}
		return
	}
	t.Errorf("it is never done again: %+v", o.owned())
}

// Whatever happens to some edges for some days: an edge has one committee at a time, occasions are whole and of neighbours, and the log comes to what it says.
func TestAnEdgeHasOneCommitteeAtATime(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			var edges []Presence
			for i := range 9 {
				edges = append(edges, Presence{Edge: identity.Address{2, byte(i)}, Block: []netip.Prefix{home, home, other, {}}[random.IntN(4)], Endorsed: []string{"", "", "0x1"}[random.IntN(3)]})
			}
			o := crowd(t, edges...)
			own := make(map[identity.Address]Presence)
			for _, e := range edges {
				own[e.Edge] = e
			}
			o.config.Present = func() (present []Presence) {
				for i, e := range edges {
					if hour := o.config.Now().Unix() / 3600; (hour+int64(i))%7 != 0 { // each is away for an hour now and then
						present = append(present, e)
					}
				}
				return present
			}
			o.reopen()
			occasions := make(map[epoch.Hash]bool)
			for range 400 {
				if random.IntN(100) == 0 {
					o.reopen()
				}
				o.tick(time.Duration(5+random.IntN(60)) * time.Second)
				busy := make(map[identity.Address]bool)
				members := make(map[epoch.Millis][]identity.Address)
				open := o.openTasks()
				for _, task := range open {
					if busy[task.Edge] {
						t.Fatalf("edge %v has two committees", task.Edge)
					}
					busy[task.Edge] = true
					if task.Together == nil {
						continue
					}
					id, err := task.Occasion()
					if err != nil {
						t.Fatal(err)
					}
					occasions[epoch.Hash(id)] = true
					members[task.At] = append(members[task.At], task.Edge)
					if alike := slices.ContainsFunc(task.Together.Edges, func(e identity.Address) bool {
						a, b := own[e], own[task.Edge]
						return e != task.Edge && (a.Block.IsValid() && a.Block == b.Block || a.Endorsed != "" && a.Endorsed == b.Endorsed)
					}); !alike {
						t.Fatalf("edge %v is asked with %v", task.Edge, task.Together.Edges)
					}
				}
				for _, task := range open {
					if task.Together != nil && !slices.ContainsFunc(task.Together.Edges, func(e identity.Address) bool { return slices.Contains(members[task.At], e) }) {
						t.Fatalf("an occasion of %v has tasks of %v", task.Together.Edges, members[task.At])
					}
				}
				if len(open) > 0 && random.IntN(3) > 0 {
					o.carry(func(epoch.Task) bool { return random.IntN(8) > 0 })
				}
			}
			if len(occasions) < 2 {
				t.Errorf("%d occasions", len(occasions))
			}
			last := o.notary.Summary().Epoch
			for number := uint64(1); number <= last; number++ {
				octets, err := os.ReadFile(o.notary.path(number))
				if err != nil {
					t.Fatal(err)
				}
				if checked, err := epoch.Verify(bytes.NewReader(octets)); err != nil || len(checked.Differences) > 0 {
					t.Fatalf("epoch %d: %v, %q", number, err, checked.Differences)
				}
			}
			t.Logf("%d occasions in %d epochs", len(occasions), last)
		})
	}
}
