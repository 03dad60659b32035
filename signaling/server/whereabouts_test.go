package server

import (
	"net/netip"
	"reflect"
	"testing"

	"nearlight/signaling"
	"nearlight/signaling/match"
)

func TestPlayersAreToldTheAddressesThatTheyCanReach(t *testing.T) {
	all := []string{
		"203.0.113.9:8443", "127.0.0.1:9", "10.0.0.9:9", "10.0.0.10:9", "198.51.100.9:9", "[::1]:9", "[fd00::9]:9", "[2001:db8::9]:9", "[::ffff:100.64.0.9]:9", "0.0.0.0:9", "[ff02::1]:9",
	}
	for _, step := range []struct {
		why          string
		media        []string
		edge, player string
		want         signaling.List[string]
	}{
		{"all over the world: the first of each family", all, "203.0.113.9", "198.51.100.7", signaling.List[string]{"203.0.113.9:8443", "[2001:db8::9]:9"}},
		{"a player in signaling's network, an edge elsewhere", all[1:], "203.0.113.9", "10.0.0.7", signaling.List[string]{"198.51.100.9:9", "[2001:db8::9]:9"}},
		{"both in signaling's network", all[1:], "10.0.0.9", "10.0.0.7", signaling.List[string]{"10.0.0.9:9", "[fd00::9]:9"}},
		{"the edge there, the player elsewhere", all[1:], "10.0.0.9", "198.51.100.7", signaling.List[string]{"198.51.100.9:9", "[2001:db8::9]:9"}},
		{"both on signaling's machine", all[1:], "127.0.0.1", "127.0.0.1", signaling.List[string]{"127.0.0.1:9", "[::1]:9"}},
		{"the edge there, the player not", all[1:3], "127.0.0.1", "198.51.100.7", nil},
		{"behind one provider's address", all[8:9], "100.64.0.1", "100.64.0.2", signaling.List[string]{"100.64.0.9:9"}},
		{"none at all", nil, "203.0.113.9", "198.51.100.7", nil},
	} {
		reach := Reach{From: netip.MustParseAddr(step.edge)}
		for _, at := range step.media {
			reach.Media = append(reach.Media, netip.MustParseAddrPort(at))
		}
		ways := reach.ways()
		if got := waysFor(netip.MustParseAddr(step.player), ways); !reflect.DeepEqual(got, step.want) || len(ways) > maxWays {
			t.Errorf("%s: %v of %v, want %v", step.why, got, ways, step.want)
		}
	}
}

func TestAnEdgesOwnWordSaysWhereItIsElseItsAddress(t *testing.T) {
	found := Location{Near: &match.Near{Place: berlin, Uncertainty: 20}}
	own := &signaling.Place{Latitude: lyon.Latitude, Longitude: lyon.Longitude}
	for _, step := range []struct {
		why   string
		own   *signaling.Place
		found Location
		said  Whereabouts
		want  *match.Place
	}{
		{"both", own, found, Unsaid, &lyon},
		{"the address alone", nil, found, Unsaid, &berlin},
		{"an address that is somewhere in a country", nil, Location{Near: &match.Near{Place: berlin, Uncertainty: 400}}, Unsaid, nil},
		{"an owner who does not know either", &signaling.Place{Radius: 1000}, found, Unsaid, nil},
		{"an address that is somewhere on Earth", nil, Location{Near: &match.Near{Place: berlin, Uncertainty: 65535}}, Unsaid, nil},
		{"both, and round trips are as usual for its word", own, found, Consistent, &lyon},
		{"both, and its word cannot be", own, found, Impossible, &berlin},
		{"its word alone, and that cannot be", own, Location{}, Impossible, nil},
		{"nothing", nil, Location{Network: "AS64496"}, Unsaid, nil},
	} {
		got := placeOf(step.own, placeByAddress(step.found), step.said)
		if !reflect.DeepEqual(got, step.want) {
			t.Errorf("%s: %v, want %v", step.why, got, step.want)
		}
	}
	far := presentEdge{ID: "e-1", Slots: 1, Codecs: []string{"h264"}, Found: &signaling.Place{Latitude: 52}}
	if !far.fits(nil) {
		t.Error("another node's edge whose address is known does not fit")
	}
	far.Found = &signaling.Place{Latitude: 91}
	if far.fits(nil) {
		t.Error("another node has an edge beyond the pole")
	}
	behind := Reach{Media: []netip.AddrPort{netip.MustParseAddrPort("10.0.0.9:9"), netip.MustParseAddrPort("203.0.113.9:9")}, From: netip.MustParseAddr("10.0.0.1")}
	if at := behind.standpoint(); at != netip.MustParseAddr("203.0.113.9") {
		t.Errorf("the edge is looked for at %v, want where players reach it", at)
	}
}

func TestNetworksAreRememberedUnderNamesThatTellNothing(t *testing.T) {
	name := func(n *networks, address, operator string) match.NetworkKey {
		key, known := n.key(netip.MustParseAddr(address), operator)
		if !known {
			t.Errorf("%s is unknown", address)
		}
		return key
	}
	n := newNetworks()
	home := name(n, "198.51.100.7", "AS64496")
	for address, same := range map[string]bool{"198.51.100.200": true, "::ffff:198.51.100.9": true, "198.51.101.7": false, "2001:db8::1": false} {
		if (name(n, address, "AS64496") == home) != same {
			t.Errorf("%s in the network of 198.51.100.7: want %v", address, same)
		}
	}
	if name(n, "2001:db8::1", "") != name(n, "2001:db8::2:0:0:1", "") || name(n, "2001:db8::1", "") == name(n, "2001:db8:1::1", "") {
		t.Error("an IPv6 network is not 48 bits")
	}
	if name(n, "198.51.100.7", "AS1") == home || name(newNetworks(), "198.51.100.7", "AS64496") == home {
		t.Error("names do not depend on the operator and on the node's secret")
	}
	if _, known := n.key(netip.Addr{}, ""); known {
		t.Error("an unknown address has a network")
	}
}
