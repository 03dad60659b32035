package streamer_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"nearlight/internal/media"
	"nearlight/internal/turntest"
	"nearlight/streamer"
	"nearlight/streamer/control"
	"nearlight/streamer/viewer"
)

// A player behind a firewall is reached through a TURN server alone, whatever lies between the two.
func TestAPlayerIsReachedThroughTURNOverUDPTCPAndTLS(t *testing.T) {
	server, err := turntest.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	// The system's roots are read once in a process, from here.
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, server.Certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", roots)
	for name, url := range map[string]string{"UDP": server.UDP, "TCP": server.TCP, "TLS": server.TLS} {
		t.Run(name, func(t *testing.T) {
			s := connectWith(t,
				streamer.PeerConfig{Codecs: []media.Codec{media.H264}, ProfileLevelID: "42c01f", Bitrate: 8 * media.Mbps},
				viewer.Config{RelayOnly: true, ICEServers: []webrtc.ICEServer{{
					URLs: []string{url}, Username: turntest.Username, Credential: turntest.Credential,
				}}})
			if n := server.Allocations(); n == 0 {
				t.Error("the server relays for nobody")
			}
			for i := range 20 {
				if err := s.peer.WriteSlice(accessUnit(20000), media.Now()); err != nil {
					t.Fatal(err)
				}
				if frame := wait(t, s.player.frames, "a frame"); frame.Bytes != 20005 {
					t.Errorf("frame %d has %d bytes", i, frame.Bytes)
				}
			}
			if err := s.viewer.Send(&control.Key{Seq: 1, Down: true, Code: 30}); err != nil {
				t.Fatal(err)
			}
			wait(t, s.edge.inputs, "a key")

			// New ways lead through the server as well.
			if err := s.peer.Restart(s.goOn); err != nil {
				t.Fatal(err)
			}
			wait(t, s.peer.Restored(), "new ways")
			deadline := time.Now().Add(patience)
			for len(s.player.frames) == 0 {
				if time.Now().After(deadline) {
					t.Fatal("no frame came by the new ways")
				}
				if err := s.peer.WriteSlice(accessUnit(2000), media.Now()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
}
