package server

import (
	"fmt"
	"testing"
	"time"

	"nearlight/signaling"
	"nearlight/signaling/token"
)

func TestATokenThatIsGoodOnceIsSpentUntilItHasExpired(t *testing.T) {
	now := time.Unix(1_900_000_000, 0)
	once := token.Claims{ID: "a", Once: true, Expires: now.Add(time.Minute)}
	s := spentTokens{}
	for _, step := range []struct {
		why    string
		claims token.Claims
		want   signaling.Code
	}{
		{"the first", once, ""},
		{"the second", once, signaling.CodeSpentToken},
		{"another", token.Claims{ID: "b", Once: true, Expires: now.Add(time.Hour)}, ""},
		{"one that is good more often", token.Claims{ID: "c"}, ""},
		{"the same", token.Claims{ID: "c"}, ""},
	} {
		if err := s.spend(step.claims, now); (err == nil) != (step.want == "") || err != nil && err.Code != step.want {
			t.Errorf("%s: %v, want %q", step.why, err, step.want)
		}
	}
	for i := range maxSpent - len(s) {
		if err := s.spend(token.Claims{ID: fmt.Sprint(i), Once: true, Expires: now.Add(time.Minute)}, now); err != nil {
			t.Fatal(i, err)
		}
	}
	next := token.Claims{ID: "next", Once: true, Expires: now.Add(time.Hour)}
	if err := s.spend(next, now); err == nil || err.Code != signaling.CodeFull {
		t.Error("beyond all bounds:", err)
	}
	if err := s.spend(next, now.Add(3*time.Minute)); err != nil || len(s) != 2 {
		t.Error("when most have expired:", err, len(s))
	}
}
