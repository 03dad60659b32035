package turn

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"nearlight/signaling"
)

const testSecret = "a secret that is shared"

func testKey(t testing.TB, secret string) *Key {
	t.Helper()
	key, err := NewKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

var noon = time.Unix(1_800_000_000, 0)

func TestACredentialSaysWhatWasGranted(t *testing.T) {
	key := testKey(t, testSecret)
	for _, g := range []Grant{
		{Session: "s-1", Expires: noon.Add(time.Hour)},
		{Session: "s-1", Expires: noon.Add(time.Hour), Hidden: true, Peers: []netip.AddrPort{
			netip.MustParseAddrPort("198.51.100.7:40000"), netip.MustParseAddrPort("[2001:db8::7]:40000"),
		}},
	} {
		username, _, err := key.Sign(g)
		if err != nil {
			t.Fatal(err)
		}
		got, err := testKey(t, testSecret).Verify(username, noon)
		if err != nil || !reflect.DeepEqual(got, g) {
			t.Errorf("%+v %v, want %+v", got, err, g)
		}
		if strings.Contains(username, "198.51") || !strings.HasPrefix(username, "1800003600:s-1:") {
			t.Errorf("%s", username)
		}
	}
}

func TestThePasswordIsWhatCoturnExpects(t *testing.T) {
	// printf 1800003600:s-1 | openssl dgst -sha1 -hmac 'a secret that is shared' -binary | base64
	if got, want := testKey(t, testSecret).password("1800003600:s-1"), "05Go6Q3oFuTmLAD53M+Zfw+1qT0="; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestACredentialThatWasChangedOrIsOverIsRefused(t *testing.T) {
	key := testKey(t, testSecret)
	grant := Grant{Session: "s-1", Expires: noon.Add(time.Hour), Peers: []netip.AddrPort{netip.MustParseAddrPort("198.51.100.7:40000")}}
	good, _, err := key.Sign(grant)
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Split(good, ":")
	other, _, err := testKey(t, "another shared secret").Sign(grant)
	if err != nil {
		t.Fatal(err)
	}
	for why, step := range map[string]struct {
		username string
		at       time.Time
		want     error
	}{
		"it has expired":             {good, noon.Add(time.Hour), ErrExpired},
		"its last moment":            {good, noon.Add(time.Hour - time.Nanosecond), nil},
		"a later expiry":             {"1900000000:s-1:" + fields[2], noon, ErrForged},
		"another session":            {fields[0] + ":s-2:" + fields[2], noon, ErrForged},
		"another secret":             {other, noon, ErrForged},
		"nothing is sealed":          {"1800003600:s-1", noon, ErrForged},
		"cut":                        {good[:len(good)-4], noon, ErrForged},
		"no session":                 {"1800003600::" + fields[2], noon, ErrForged},
		"no number":                  {"soon:s-1:" + fields[2], noon, ErrForged},
		"empty":                      {"", noon, ErrForged},
		"longer than STUN can carry": {good + strings.Repeat("A", 600), noon, ErrForged},
	} {
		if _, err := key.Verify(step.username, step.at); !errors.Is(err, step.want) {
			t.Errorf("%s: %v, want %v", why, err, step.want)
		}
	}
	if _, err := NewKey("short"); err == nil {
		t.Error("a short secret is taken")
	}
	if _, _, err := key.Sign(Grant{Session: "s", Peers: make([]netip.AddrPort, 1)}); err == nil {
		t.Error("a peer without an address is taken")
	}
	many := Grant{Session: signaling.SessionID(strings.Repeat("s", 64)), Expires: noon}
	for range MaxPeers {
		many.Peers = append(many.Peers, netip.MustParseAddrPort("[2001:db8::7]:40000"))
	}
	if _, _, err := key.Sign(many); err != nil {
		t.Errorf("as much as there can be: %v", err)
	}
	if _, _, err := key.Sign(Grant{Session: "s", Peers: append(many.Peers, many.Peers[0])}); err == nil {
		t.Error("too many peers are taken")
	}
}

// Nobody who has not the secret makes a name that is taken.
func FuzzVerify(f *testing.F) {
	key := testKey(f, testSecret)
	foreign, _, err := testKey(f, "another shared secret").Sign(Grant{Session: "s-1", Expires: noon.Add(time.Hour), Peers: []netip.AddrPort{netip.MustParseAddrPort("198.51.100.7:1")}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(foreign)
	f.Add("1800003600:s-1")
	f.Add("1800003600:s-1:")
	f.Fuzz(func(t *testing.T, username string) {
		if g, err := key.Verify(username, noon); err == nil {
			t.Errorf("%q is taken as %+v", username, g)
		}
	})
}

func TestOnlyHostsOfThePublicNetworkArePublic(t *testing.T) {
	for text, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true, "::ffff:8.8.8.8": true,
		"127.0.0.1": false, "10.0.0.1": false, "172.16.3.4": false, "192.168.1.1": false, "169.254.1.1": false, "100.64.0.1": false,
		"0.0.0.0": false, "0.1.2.3": false, "224.0.0.1": false, "255.255.255.255": false, "192.0.2.1": false, "198.18.0.1": false, "240.0.0.1": false,
		"::1": false, "::": false, "fe80::1": false, "fc00::1": false, "ff02::1": false, "2001:db8::1": false, "::ffff:127.0.0.1": false,
		"::ffff:10.0.0.1": false, "64:ff9b::a00:1": false, "2002:a00:1::": false, "2001::1": false, "::10.0.0.1": false,
	} {
		if got := Public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestAnEdgeIsRelayedToWhereItConnectsFromAlone(t *testing.T) {
	media := []netip.AddrPort{
		netip.MustParseAddrPort("8.8.8.8:40000"), netip.MustParseAddrPort("[::ffff:8.8.8.8]:40000"), netip.MustParseAddrPort("8.8.8.8:0"),
		netip.MustParseAddrPort("9.9.9.9:53"), netip.MustParseAddrPort("10.1.2.3:40000"), netip.MustParseAddrPort("127.0.0.1:22"),
	}
	trusted := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}
	for _, step := range []struct {
		why     string
		from    string
		trusted []netip.Prefix
		want    []netip.AddrPort
	}{
		{"its own", "8.8.8.8", nil, media[:1]},
		{"its own by IPv6's way of writing it", "::ffff:8.8.8.8", nil, media[:1]},
		{"from a private address", "10.1.2.3", nil, nil},
		{"from loopback", "127.0.0.1", nil, nil},
		{"a network that is trusted", "8.8.8.8", trusted, []netip.AddrPort{media[0], media[4]}},
	} {
		if got := Peers(media, netip.MustParseAddr(step.from), step.trusted); !reflect.DeepEqual(got, step.want) {
			t.Errorf("%s: %v, want %v", step.why, got, step.want)
		}
	}
}
