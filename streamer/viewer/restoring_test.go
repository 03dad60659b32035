package viewer

import (
	"bytes"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"nearlight/streamer/dependency"
	"nearlight/streamer/fec"
)

func TestARepairPacketCompletesWhatARepeatOrTheStreamBrings(t *testing.T) {
	n := readParameters(webrtc.RTPParameters{
		Codecs: []webrtc.RTPCodecParameters{
			{PayloadType: 102, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264}},
			{PayloadType: 103, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeRTX, SDPFmtpLine: "apt=102"}},
			{PayloadType: 104, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: fec.MimeType}},
		},
		HeaderExtensions: []webrtc.RTPHeaderExtensionParameter{{URI: sdp.TransportCCURI, ID: 5}, {URI: dependency.URI, ID: 6}},
	})
	if n.repairType != 104 || n.transportID != 5 || n.dependencyID != 6 {
		t.Fatalf("%+v", n)
	}
	r := restoring{repairType: n.repairType, transportID: n.transportID, ssrc: 7}
	packets := stream(9, 1, 3)
	var parity fec.Parity
	for i, p := range packets {
		p.Version, p.PayloadType, p.SSRC, p.Extension, p.ExtensionProfile = 2, 102, 7, true, rtp.ExtensionProfileOneByte
		if err := p.SetExtension(5, []byte{0, 0}); err != nil {
			t.Fatal(err)
		}
		image, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		parity.Add(image)
		if err := p.SetExtension(5, []byte{3, byte(i)}); err != nil { // as it leaves
			t.Fatal(err)
		}
	}
	if err := r.packet(packets[0]); err != nil {
		t.Fatal(err)
	}
	if err := r.repair(&rtp.Packet{Payload: parity.Append(nil)}); err != nil {
		t.Fatal(err)
	}
	if got, err := r.restored(); got != nil || err != nil {
		t.Fatal(got, err)
	}
	repeat := &rtp.Packet{Header: packets[2].Header.Clone(), Payload: append([]byte{0, 11}, packets[2].Payload...)}
	repeat.SSRC, repeat.PayloadType, repeat.SequenceNumber = 8, 103, 4000
	if !n.original(repeat) {
		t.Fatal("a repeat is not taken for one")
	}
	if err := r.packet(repeat); err != nil {
		t.Fatal(err)
	}
	got, err := r.restored()
	if err != nil || got == nil || got.SequenceNumber != 10 || !bytes.Equal(got.Payload, packets[1].Payload) || got.Timestamp != packets[1].Timestamp {
		t.Errorf("made again: %v, %v", got, err)
	}
}

func TestPacketsOfNoKnownKindAreDropped(t *testing.T) {
	n := readParameters(webrtc.RTPParameters{Codecs: []webrtc.RTPCodecParameters{
		{PayloadType: 102, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264}},
		{PayloadType: 103, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeRTX, SDPFmtpLine: "apt=102"}},
	}})
	for name, p := range map[string]*rtp.Packet{
		"another payload type": {Header: rtp.Header{PayloadType: 99}, Payload: []byte{1, 2, 3}},
		"padding":              {Header: rtp.Header{PayloadType: 102}},
		"a repeat of nothing":  {Header: rtp.Header{PayloadType: 103}, Payload: []byte{1}},
		"a repeat of padding":  {Header: rtp.Header{PayloadType: 103}, Payload: []byte{1, 2}},
	} {
		if n.original(p) {
			t.Errorf("%s is taken", name)
		}
	}
}
