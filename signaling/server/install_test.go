package server

import (
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/token"
)

func TestAnInstallationIsSharedAndMakesTheAppPlayable(t *testing.T) {
	inBubble(t, func(tb *table) {
		install := signaling.Install{Token: "t", App: "race"}
		second := &recorder{}
		p := tb.join(second, tb.log)
		for _, who := range []*player{tb.player, p} {
			if err := tb.installApp(who, install, claims); err != nil {
				tb.Fatal(err)
			}
		}
		synctest.Wait()
		asked := tb.edgeSocket.take()
		if len(asked) != 1 {
			tb.Fatalf("%#v", asked)
		}
		id := asked[0].(signaling.Install).Request
		tb.fromEdge(signaling.Installing{Request: id, App: "race", Percent: 50})
		tb.part(p, holdTime)
		tb.fromEdge(signaling.Installing{Request: id, App: "race", Percent: 100, Done: true})
		tb.want(second, "installing")
		tb.want(tb.playerSocket, "installing", "installing")
		m := request
		m.App = "race"
		if err := tb.play(tb.player, m, claims); err != nil {
			tb.Error(err)
		}
		if len(tb.edge.installs) != 0 || here.Apps[1].Installed {
			tb.Error("the installation is still there, or the edge's own list was written to")
		}
	})
}

func TestAnInstallationThatCannotBeIsToldWithoutClosing(t *testing.T) {
	inBubble(t, func(tb *table) {
		last := func() signaling.Installing {
			synctest.Wait()
			got := tb.playerSocket.take()
			return got[len(got)-1].(signaling.Installing)
		}
		ask := func(app string) {
			if err := tb.installApp(tb.player, signaling.Install{Token: "t", App: app}, claims); err != nil {
				tb.Fatal(err)
			}
		}
		ask("solitaire")
		if m := last(); !m.Done || m.Error == nil || m.Error.Code != signaling.CodeUnknownApp {
			tb.Errorf("%+v", m)
		}
		ask("tux")
		if m := last(); !m.Done || m.Error != nil || m.Percent != 100 {
			tb.Errorf("installed already: %+v", m)
		}
		ask("race")
		ask("race")
		if m := last(); m.Error == nil || m.Error.Code != signaling.CodeRateLimited {
			tb.Errorf("two at once: %+v", m)
		}
		time.Sleep(installTimeout + time.Millisecond)
		if m := last(); m.Error == nil || m.Error.Code != signaling.CodeTimedOut {
			tb.Errorf("silence: %+v", m)
		}
		ask("race")
		tb.loseEdge(tb.edge, tb.edgeSocket)
		time.Sleep(edgeReturn + time.Millisecond)
		if m := last(); m.Error == nil || m.Error.Code != signaling.CodeEdgeGone {
			tb.Errorf("edge gone: %+v", m)
		}
		if tb.playerSocket.closed {
			tb.Error("closed")
		}
		playOnly := token.Claims{Role: token.Player, Rights: []token.Right{token.Play}}
		if err := tb.installApp(tb.player, signaling.Install{Token: "t", App: "race"}, playOnly); err == nil || err.Code != signaling.CodeBadToken {
			tb.Errorf("without the right: %v", err)
		}
	})
}

func TestAnAppIsInstalledWhereTheTokenAllowsItAlone(t *testing.T) {
	inBubble(t, func(tb *table) {
		root := identity.Address{2}
		named := newKey(tb)
		other, endorsed := tb.keyed(named), tb.keyed(newKey(tb))
		tb.endorse(endorsed.edge, endorsement{root: root.String(), until: time.Now().Add(time.Hour)})
		strange := claims
		strange.Edges = []identity.Address{{3}}
		byName, byRoot := claims, claims
		byName.Edges, byRoot.Root = []identity.Address{named.Address()}, root
		for _, one := range []struct {
			claims token.Claims
			asked  *lessor // nil: nobody
		}{{strange, nil}, {byName, other}, {byRoot, endorsed}} {
			p := tb.join(&recorder{}, tb.log)
			tb.edgeSocket.take()
			if err := tb.installApp(p, signaling.Install{Token: "t", App: "race"}, one.claims); err != nil {
				tb.Fatal(err)
			}
			synctest.Wait()
			for _, edge := range []*lessor{tb.edgeSocket, other, endorsed} {
				_, asked := last(edge.take()).(signaling.Install)
				if asked != (edge == one.asked) {
					tb.Errorf("%+v: an edge was asked: %t", one.claims, asked)
				}
			}
		}
	})
}

// last is the last of some messages, nil for none.
func last(messages []signaling.Message) signaling.Message {
	if len(messages) == 0 {
		return nil
	}
	return messages[len(messages)-1]
}

func TestAppsAreListedOnceAndAsInstalledWhereOneHasThem(t *testing.T) {
	inBubble(t, func(tb *table) {
		installed := race
		installed.Installed = true
		tb.rents(tb, newSlots(tb, 0), func(m *signaling.Register) { m.Apps = signaling.List[signaling.App]{installed} })
		apps := tb.apps(claims.AllowsApp)
		if !reflect.DeepEqual(apps, []signaling.App{installed, tux}) {
			tb.Errorf("%+v", apps)
		}
		if apps := tb.apps(token.Claims{App: "tux"}.AllowsApp); !reflect.DeepEqual(apps, []signaling.App{tux}) {
			tb.Errorf("restricted to tux: %+v", apps)
		}
	})
}
