package server_test

import (
	"testing"

	"nearlight/signaling"
	"nearlight/signaling/server"
	"nearlight/signaling/token"
)

func TestWhatAPlayerHandsOnIsGoodForLookingOnAtItsSessionAlone(t *testing.T) {
	n := newNetwork(t, nil)
	n.machine(2, nil).start()
	all := []token.Right{token.Play, token.Install, token.Watch}
	play := n.play("tux")
	play.Token = n.token(token.Claims{Role: token.Player, Rights: all})
	own := await[signaling.Matched](t, n.gamer(play, nil).heard)
	other := n.gamer(n.play("tux"), nil).playing()
	if own.Share == "" {
		t.Fatal("a player who may let others look on has nothing to hand on")
	}

	spectator := n.gamer(signaling.Play{Token: own.Share, Codecs: []string{"h264"}, Watch: own.Session}, nil)
	matched := await[signaling.Matched](t, spectator.heard)
	if matched.Session == own.Session || matched.Share != "" {
		t.Errorf("the spectator is matched by %+v", matched)
	}
	for _, step := range []struct {
		why  string
		play signaling.Play
		want signaling.Code
	}{
		{"to play", signaling.Play{App: "tux"}, signaling.CodeBadToken},
		{"to take the game over", signaling.Play{Resume: own.Session}, signaling.CodeBadToken},
		{"another session", signaling.Play{Watch: other}, signaling.CodeTimedOut},
		{"a spectator's session", signaling.Play{Watch: matched.Session}, signaling.CodeTimedOut},
	} {
		step.play.Token, step.play.Codecs = own.Share, []string{"h264"}
		if err := n.gamer(step.play, nil).end(); !is(err, step.want) {
			t.Errorf("%s: %v", step.why, err)
		}
	}
	socket := n.dial(signaling.PlayerPath)
	socket.say(signaling.Install{Token: own.Share, App: "race"})
	if failed := expect[signaling.Failed](socket); failed.Error.Code != signaling.CodeBadToken {
		t.Errorf("to install: %v", failed.Error)
	}
}

func TestNothingIsHandedOnWithoutTheRightToLookOnOrTheKey(t *testing.T) {
	for _, step := range []struct {
		why    string
		rights []token.Right
		change func(*server.Config)
	}{
		{"no right", []token.Right{token.Play, token.Install}, nil},
		{"no key", []token.Right{token.Play, token.Watch}, func(c *server.Config) { c.Issuer = nil }},
	} {
		n := newNetwork(t, step.change)
		n.machine(1, nil).start()
		play := n.play("tux")
		play.Token = n.token(token.Claims{Role: token.Player, Rights: step.rights})
		if matched := await[signaling.Matched](t, n.gamer(play, nil).heard); matched.Share != "" {
			t.Errorf("%s: %+v", step.why, matched)
		}
	}
}

func TestAPlayerWhoComesBackHasSomethingToHandOnAgain(t *testing.T) {
	n := newNetwork(t, nil)
	n.machine(1, nil).start()
	play := n.play("tux")
	play.Token = n.token(token.Claims{Role: token.Player, Rights: []token.Right{token.Play, token.Watch}})
	first := await[signaling.Matched](t, n.gamer(play, nil).heard)
	play.Resume = first.Session
	again := await[signaling.Matched](t, n.gamer(play, nil).heard)
	if again.Session != first.Session || again.Share == "" {
		t.Errorf("%+v", again)
	}
}
