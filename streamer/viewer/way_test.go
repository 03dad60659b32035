package viewer

import (
	"net/netip"
	"testing"

	"github.com/pion/webrtc/v4"
)

func TestTheAddressIsTheOneThatTheEdgeSees(t *testing.T) {
	var r reflexive
	r.add(&webrtc.ICECandidate{Typ: webrtc.ICECandidateTypeSrflx, Address: "198.51.100.7", Port: 9, RelatedAddress: "192.168.1.2", RelatedPort: 5000})
	r.add(&webrtc.ICECandidate{Typ: webrtc.ICECandidateTypeSrflx, Address: "nonsense", RelatedAddress: "192.168.1.2", RelatedPort: 6000})
	host := func(address string, port uint16) *webrtc.ICECandidate {
		return &webrtc.ICECandidate{Typ: webrtc.ICECandidateTypeHost, Address: address, Port: port}
	}
	for _, step := range []struct {
		name          string
		local, remote *webrtc.ICECandidate
		want          string // "" for none
	}{
		{"behind a translator", host("192.168.1.2", 5000), host("203.0.113.1", 1), "198.51.100.7"},
		{"from another socket, which nobody has seen from outside", host("192.168.1.2", 6000), host("203.0.113.1", 1), "192.168.1.2"},
		{"in one house", host("192.168.1.2", 5000), host("192.168.1.3", 1), "192.168.1.2"},
		{"to a name that is no address", host("192.168.1.2", 5000), host("a.local", 1), "192.168.1.2"},
		{"on one machine", host("127.0.0.1", 5000), host("127.0.0.1", 1), "127.0.0.1"},
		{"in public", host("203.0.113.9", 5000), host("203.0.113.1", 1), "203.0.113.9"},
		{"by IPv6", host("2001:db8::1", 5000), host("2001:db8::2", 1), "2001:db8::1"},
		{"through a relay", &webrtc.ICECandidate{Typ: webrtc.ICECandidateTypeRelay, Address: "198.51.100.99"}, host("203.0.113.1", 1), "198.51.100.99"},
		{"no address at all", host("a.local", 1), host("203.0.113.1", 1), ""},
	} {
		t.Run(step.name, func(t *testing.T) {
			got, known := r.of(step.local, step.remote)
			if known != (step.want != "") || known && got != netip.MustParseAddr(step.want) {
				t.Errorf("%v %v, want %q", got, known, step.want)
			}
		})
	}
}

func TestBeforeThereIsAConnectionNothingIsKnownOfIt(t *testing.T) {
	v, err := New(Config{}, nobody{})
	if err != nil {
		t.Fatal(err)
	}
	defer v.connection.Close()
	if took, known := v.RoundTrip(); known {
		t.Errorf("a round trip of %v", took)
	}
	if address, known := v.Address(); known {
		t.Errorf("the address %v", address)
	}
	if v.Ping() == nil {
		t.Error("a ping without a channel is sent")
	}
}
