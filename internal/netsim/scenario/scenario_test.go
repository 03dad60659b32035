package scenario_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"nearlight/internal/media"
	"nearlight/internal/netsim"
	"nearlight/internal/netsim/scenario"
)

func TestTheScenariosAreThoseThatResultsName(t *testing.T) {
	want := []string{"constant", "steps", "cliff", "loss-1", "loss-2", "loss-5", "burst", "wifi-stall", "lte", "cable", "bufferbloat", "two-flows", "bulk", "l4s"}
	if got := scenario.Names(); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if _, err := scenario.Named("dial-up"); err == nil {
		t.Error("a scenario that there is not was found")
	}
	for _, name := range []string{"loss-1", "loss-2", "loss-5"} {
		found, err := scenario.Named(name)
		if err != nil || len(found) != 2 || found[0].RTT != 20*time.Millisecond || found[1].RTT != 80*time.Millisecond {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
}

func link(t *testing.T, config netsim.Config) *netsim.Link {
	t.Helper()
	made, err := netsim.NewLink(config)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestEachScenarioTakesItsRoundTripAndCarriesAStream(t *testing.T) {
	for _, s := range scenario.All() {
		forward, feedback := s.Links(1)
		if s.About == "" || s.Flows < 1 || s.Length <= 0 || forward.Delay+feedback.Delay != s.RTT {
			t.Errorf("%s: %+v, delays of %v and %v", s.Name, s, forward.Delay, feedback.Delay)
		}
		for direction, config := range map[string]netsim.Config{"media": forward, "feedback": feedback} {
			l, delivered, least := link(t, config), 0, time.Hour
			const every = 10 * time.Millisecond // 1 Mbit/s, which is within every scenario's means but in outages
			for now := time.Duration(0); now < s.Length; now += every {
				l.Send(now, netsim.Packet{Size: 1200})
				for _, p := range l.Receive(now, nil) {
					delivered++
					least = min(least, p.Arrived-p.Sent)
				}
			}
			sent := int(s.Length / every)
			if least < s.RTT/2 || least > s.RTT/2+6*time.Millisecond || delivered < sent*9/10 {
				t.Errorf("%s, %s: %d of %d came, %v at the least", s.Name, direction, delivered, sent, least)
			}
		}
	}
}

func TestTheRateDipsWhenItIsSaidTo(t *testing.T) {
	for name, want := range map[string][]media.Bitrate{ // in each 5 s
		"steps": {20, 20, 5, 5, 20, 20, 20},
		"cliff": {20, 20, 2, 20, 20, 20, 20},
	} {
		found, err := scenario.Named(name)
		if err != nil {
			t.Fatal(err)
		}
		config, _ := found[0].Links(1)
		l, before := link(t, config), int64(0)
		for i, rate := range want {
			c := l.Counters(time.Duration(i+1) * 5 * time.Second)
			if got := media.Bitrate(c.Capacity-before) * 8 / 5; got != rate*media.Mbps {
				t.Errorf("%s: %v in the 5 s up to %v, want %v", name, got, c.At, rate*media.Mbps)
			}
			before = c.Capacity
		}
	}
}

func TestASeedRepeatsAScenarioAndAnotherDoesNot(t *testing.T) {
	lost := func(s scenario.Scenario, seed uint64) []uint64 {
		config, _ := s.Links(seed)
		l := link(t, config)
		var ids []uint64
		for i := range uint64(6000) { // 29 Mbit/s
			now := time.Duration(i/3) * time.Millisecond
			l.Send(now, netsim.Packet{Size: 1200, ID: i})
			for _, p := range l.Receive(now, nil) {
				ids = append(ids, p.ID<<32|uint64(p.Arrived/time.Microsecond))
			}
		}
		return ids
	}
	for _, name := range []string{"loss-5", "burst", "lte", "wifi-stall", "cable"} {
		found, err := scenario.Named(name)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(lost(found[0], 7), lost(found[0], 7)) {
			t.Errorf("%s: the same seed gave another outcome", name)
		}
		if slices.Equal(lost(found[0], 7), lost(found[0], 8)) {
			t.Errorf("%s: another seed gave the same outcome", name)
		}
	}
}

func TestMediaComesBackOverARelay(t *testing.T) {
	found, err := scenario.Named("bulk")
	if err != nil {
		t.Fatal(err)
	}
	target := netip.MustParseAddrPort("127.0.0.1:9")
	config := found[0].Relay(1, netsim.Route{Target: target})
	if len(config.Back.Bulk) != 1 || len(config.Out.Bulk) != 0 || config.Routes[0].Target != target {
		t.Errorf("%+v", config)
	}
}
