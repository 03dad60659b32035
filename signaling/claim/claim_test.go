package claim

import (
	"fmt"
	"reflect"
	"testing"
	"time"
)

var noon = time.Unix(1_900_000_000, 0)

func once(token, id string) Claim {
	return Claim{Token: token, ID: id, Once: true, Until: noon.Add(time.Hour).Unix()}
}

func TestANodeAloneGrantsAtOnce(t *testing.T) {
	b := NewBook()
	for _, step := range []struct {
		why  string
		of   Claim
		want Answer
	}{
		{"the first", Claim{Token: "t", ID: "1"}, Free}, {"the second", Claim{Token: "t", ID: "2"}, Taken}, {"another token", Claim{Token: "u", ID: "3"}, Free},
	} {
		if got := b.Claim(step.of, nil, noon); got != step.want {
			t.Errorf("%s: %q", step.why, got)
		}
	}
	b.Release("1")
	b.Release("1")
	if got := b.Claim(Claim{Token: "t", ID: "4"}, nil, noon); got != Free {
		t.Errorf("after it is over: %q", got)
	}
	b.Release("4")
	b.Hold(Hold{Token: "t", Session: "s", Since: 1})
	b.Hold(Hold{Token: "t", Session: "s", Since: 2, Alone: true})
	if got := b.Claim(Claim{Token: "t", ID: "5"}, nil, noon); got != Taken {
		t.Errorf("while a session runs: %q", got)
	}
	b.Drop("t", "s")
	b.Drop("t", "s")
	if got := b.Claim(Claim{Token: "t", ID: "6"}, nil, noon); got != Free {
		t.Errorf("after the session: %q", got)
	}
}

func TestOfTwoClaimsThatMeetOneGoesOnWhicheverIsHeardFirst(t *testing.T) {
	for _, late := range []bool{false, true} {
		a, b := NewBook(), NewBook()
		small, large := Claim{Token: "t", ID: "1"}, Claim{Token: "t", ID: "2"}
		if a.Claim(small, []string{"b"}, noon) != Pending || b.Claim(large, []string{"a"}, noon) != Pending {
			t.Fatal("they are not asked about")
		}
		ask := func(at *Book, c Claim, by *Book, name string) Answer {
			answer, lost := at.Asked(c, noon)
			if lost != "" && lost != "2" {
				t.Errorf("%s makes room", lost)
			}
			return by.Replied(name, c.ID, 0, answer)
		}
		var first, second Answer
		if late {
			second, first = ask(a, large, b, "a"), ask(b, small, a, "b")
		} else {
			first, second = ask(b, small, a, "b"), ask(a, large, b, "a")
		}
		if first != Free || second == Free {
			t.Errorf("late %v: %q and %q", late, first, second)
		}
	}
}

func TestATokenIsSpentUntilItHasExpiredAndAsLongAsWhatBeganStands(t *testing.T) {
	a, b := NewBook(), NewBook()
	if a.Claim(once("t", "1"), nil, noon) != Free {
		t.Fatal("it is not free")
	}
	c, tell := a.Began("1")
	if !tell {
		t.Fatal("nobody is told")
	}
	if _, twice := a.Began("1"); twice {
		t.Error("it is told twice")
	}
	b.Spend(c.Token, c.ID, c.Until)
	a.Release("1")
	for name, book := range map[string]*Book{"its own node": a, "another": b} {
		if got := book.Claim(once("t", "2"), nil, noon); got != Spent {
			t.Errorf("%s: %q", name, got)
		}
		if got, _ := book.Asked(once("t", "3"), noon); got != Spent {
			t.Errorf("%s, asked: %q", name, got)
		}
		if got := book.Claim(once("t", "4"), nil, noon.Add(time.Hour+2*clockSlack)); got != Free {
			t.Errorf("%s, when it has expired: %q", name, got)
		}
	}
	if a.Claim(once("u", "5"), nil, noon) != Free {
		t.Fatal("it is not free")
	}
	c, _ = a.Began("5")
	b.Spend(c.Token, c.ID, c.Until)
	if _, tell := a.Undone("5"); !tell {
		t.Error("nobody is told that it came to nothing")
	}
	b.Unspend(c.Token, c.ID)
	b.Spend(c.Token, c.ID, c.Until) // a copy that comes late
	a.Release("5")
	for name, book := range map[string]*Book{"its own node": a, "another": b} {
		if got := book.Claim(once("u", "6"), nil, noon); got != Free {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	b := NewBook()
	for i := range maxSpent + 5 {
		b.Spend(fmt.Sprint(i), "1", noon.Unix())
	}
	if n := len(b.Spent()); n != maxSpent {
		t.Errorf("%d spent tokens", n)
	}
	if got := b.Claim(once("t", "2"), nil, noon); got != Full {
		t.Errorf("%q", got)
	}
	if got := b.Claim(once("t", "2"), nil, noon.Add(time.Hour)); got != Free || len(b.Spent()) != 0 {
		t.Errorf("when they have expired: %q, %d left", got, len(b.Spent()))
	}
	for i := range 3 * maxFreed {
		b.Unspend("t", fmt.Sprint(i))
	}
	if len(b.freed) != maxFreed || len(b.order) != maxFreed {
		t.Errorf("%d claims that came to nothing", len(b.freed))
	}
}

func TestOfTwoSessionsBothNodesEndTheSame(t *testing.T) {
	for _, step := range []struct {
		why  string
		a, b Hold
		ends string // "a", "b" or ""
	}{
		{"the later one", Hold{Session: "1", Since: 5, Alone: true}, Hold{Session: "2", Since: 4, Alone: true}, "a"},
		{"of the same time one of them", Hold{Session: "1", Since: 5, Alone: true}, Hold{Session: "2", Since: 5, Alone: true}, "b"},
		{"the one without a player", Hold{Session: "1", Since: Unattended}, Hold{Session: "2", Since: 5, Alone: true}, "a"},
		{"neither of a token for many", Hold{Session: "1", Since: 5}, Hold{Session: "2", Since: 4}, ""},
		{"the one that its player has left", Hold{Session: "1", Since: 4, Alone: true, Turn: Turn{"c", 1}}, Hold{Session: "2", Since: 5, Alone: true, Turn: Turn{"c", 2}}, "a"},
		{"the one that its player has left, though it is away", Hold{Session: "1", Since: 4, Alone: true, Turn: Turn{"c", 1}}, Hold{Session: "2", Since: Unattended, Turn: Turn{"c", 2}}, "a"},
		{"the later one, by two claims", Hold{Session: "1", Since: 4, Alone: true, Turn: Turn{"c", 1}}, Hold{Session: "2", Since: 5, Alone: true, Turn: Turn{"d", 2}}, "b"},
		{"the later one, of unknown claims", Hold{Session: "1", Since: 4, Alone: true, Turn: Turn{"", 1}}, Hold{Session: "2", Since: 5, Alone: true, Turn: Turn{"", 2}}, "b"},
		{"neither, where it is one", Hold{Session: "1", Since: 5, Alone: true}, Hold{Session: "1", Since: 4, Alone: true}, ""},
	} {
		a, b := NewBook(), NewBook()
		step.a.Token, step.b.Token = "t", "t"
		a.Hold(step.a)
		b.Hold(step.b)
		endA, endB := a.Told(b.Holds()), b.Told(a.Holds())
		if got := map[bool]string{true: "a"}[len(endA) > 0] + map[bool]string{true: "b"}[len(endB) > 0]; got != step.ends {
			t.Errorf("%s: %q ends", step.why, got)
		}
		if other := a.Told([]Hold{{Token: "u", Session: "9", Alone: true}}); other != nil {
			t.Errorf("%v ends for another token", other)
		}
	}
	b := NewBook()
	b.Hold(Hold{Token: "t", Session: "2", Since: 5, Alone: true})
	if got := b.Told([]Hold{{Token: "t", Session: "1", Since: 1}, {Token: "t", Session: "0", Since: 2}}); !reflect.DeepEqual(got, b.sessions("t")) {
		t.Errorf("%v", got)
	}
}
