package main

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"nearlight/checker/epoch"
	"nearlight/checker/life"
	"nearlight/internal/identity"
	"nearlight/signaling/token"
)

func TestAnEdgeCannotTellACheckOfExperienceFromAPlayer(t *testing.T) {
	const life5 = 5 * time.Minute
	ordinary := token.Claims{Role: token.Player, Rights: []token.Right{token.Play, token.Microphone}, Once: true, Seats: 2, Bitrate: 8_000_000}
	for how, minted := range map[string]*token.Claims{"left by the studio": nil, "signed by its key": &ordinary} {
		t.Run(how, func(t *testing.T) {
			m := newMall(t, minted, life5)
			m.eventually("the edge is there", func() bool { return len(m.checks.notary.Summary().Edges) == 1 })
			m.report(m.set(life.Enrolment))
			if state := m.state(); state != "probation" {
				t.Fatalf("after its enrolment the edge is in %s", state)
			}
			player, leave := m.plays(m.player(ordinary, life5), "tux")
			m.eventually("the log knows that somebody plays", func() bool { _, due := m.experienceDue(); return due })
			if minted == nil {
				if why, _ := m.experienceDue(); !strings.Contains(why, "in stock") {
					t.Errorf("without tokens an operator reads %q", why)
				}
				m.leaves(m.player(ordinary, life5), m.player(ordinary, life5))
			}
			open := m.set(life.Experience)
			pass, err := m.pass(open)
			if err != nil {
				t.Fatal(err)
			}
			if pass.App != "tux" && pass.App != "race" {
				t.Errorf("the checker plays %q", pass.App)
			}
			if pass.App == "race" { // as a player might
				leave()
				player, leave = m.plays(m.player(ordinary, life5), "race")
			}
			checker, left := m.plays(pass.Token, pass.App)
			if got, want := m.seen(checker), m.seen(player); !reflect.DeepEqual(got, want) {
				t.Errorf("the edge is sent for the checker\n%+v\nand for a player\n%+v", got, want)
			}
			left()
			m.report(open)
			if v := m.checks.notary.Summary().Verdicts[0]; v.Check != string(life.Experience) || v.Result != epoch.Passed {
				t.Errorf("%+v", v)
			}
			leave()
			m.eventually("the checker's visit was no player's", func() bool { _, due := m.experienceDue(); return !due })
		})
	}
}

// experienceDue is whether experience is to be checked, and why it is not set.
func (m *mall) experienceDue() (unset string, due bool) {
	for _, d := range m.checks.notary.Summary().Edges[0].Due {
		if d.Check == life.Experience {
			return d.Unset, true
		}
	}
	return "", false
}

func TestWithoutTokensOfStudiosNoExperienceIsCheckedAndTheLogSaysSoOnce(t *testing.T) {
	m := newMall(t, nil, 0)
	m.eventually("the edge is there", func() bool { return len(m.checks.notary.Summary().Edges) == 1 })
	m.report(m.set(life.Enrolment))
	m.plays(m.player(token.Claims{Role: token.Player, Rights: []token.Right{token.Play}}, time.Hour), "tux")
	m.eventually("the log knows that somebody plays", func() bool { _, due := m.experienceDue(); return due })
	for range 30 {
		for _, open := range m.checks.notary.Summary().Open {
			if open.Check == string(life.Experience) {
				t.Fatalf("%+v is set", open)
			}
		}
		m.tick(time.Second)
	}
	why, _ := m.experienceDue()
	seen, err := m.checks.summary()
	if err != nil || !strings.Contains(fmt.Sprintf("%+v", seen.Edges[0].Due), why) || why == "" {
		t.Errorf("an operator sees %+v, %v", seen.Edges[0].Due, err)
	}
	if n := m.log.count(why); n != 1 {
		t.Errorf("the log says %d times: %s", n, why)
	}
	for _, step := range []struct {
		app  string
		good bool
	}{{"chess", false}, {"race", true}} { // the first is not installed
		m.leaves(m.player(token.Claims{Role: token.Player, Rights: []token.Right{token.Play}, App: step.app}, time.Hour))
		m.tick(0)
		if why, _ := m.experienceDue(); (why == "") != step.good {
			t.Errorf("with a token for %s: %q", step.app, why)
		}
	}
}

func TestWhoHoldsAStudiosKeyShowsATokenThatItsPlayersHave(t *testing.T) {
	studio, other := newIssuer(t), newIssuer(t)
	issue := func(by *token.Issuer, change func(*token.Claims)) string {
		claims := token.Claims{Role: token.Player, Rights: []token.Right{token.Play}, Once: true, Regions: []string{"eu"}, Expires: time.Now().Add(5 * time.Minute)}
		if change != nil {
			change(&claims)
		}
		raw, err := by.Issue(claims)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	mint, err := mintLike(studio, issue(studio, nil))
	if err != nil {
		t.Fatal(err)
	}
	if mint.Life.Round(time.Second) != 5*time.Minute || !mint.Like.Once || mint.Like.Regions[0] != "eu" {
		t.Errorf("%+v", mint)
	}
	for why, raw := range map[string]string{
		"another key's":     issue(other, nil),
		"not for playing":   issue(studio, func(c *token.Claims) { c.Rights = []token.Right{token.Watch} }),
		"names an edge":     issue(studio, func(c *token.Claims) { c.Edges = []identity.Address{{7}} }),
		"is its player's":   issue(studio, func(c *token.Claims) { c.Holder = identity.Address{7} }),
		"a jti of its own":  issue(studio, func(c *token.Claims) { c.ID = "player-5" }),
		"good from then on": issue(studio, func(c *token.Claims) { c.From = time.Now() }),
		"no token":          "nonsense",
	} {
		if _, err := mintLike(studio, raw); err == nil {
			t.Errorf("one that is %s is imitated", why)
		}
	}
}
