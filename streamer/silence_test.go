package streamer

import (
	"testing"
	"time"
)

func TestSilenceIsNoticedOnceAndWithin3s(t *testing.T) {
	var s silence
	for now := time.Duration(0); now < time.Minute; now += heartbeatInterval {
		if s.begun(now) {
			t.Fatal("a player that was never heard is missed")
		}
	}
	for _, last := range []time.Duration{time.Minute, time.Minute + 499*time.Millisecond, 2 * time.Minute} {
		s.hear(last)
		var told []time.Duration
		for now := last.Truncate(heartbeatInterval) + heartbeatInterval; now < last+10*time.Second; now += heartbeatInterval {
			if s.begun(now) {
				told = append(told, now-last)
			}
		}
		if len(told) != 1 || told[0] < unheardAfter || told[0] > 3*time.Second {
			t.Errorf("silence is told of after %v", told)
		}
	}
}
