package e2e

import (
	"net"
	"strings"
	"testing"
	"time"

	"nearlight/internal/e2e/e2etest"
)

func TestPagesSignalingAndMediaAreServedOverIPv6(t *testing.T) {
	listener, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skipf("SKIPPED %s: this machine has no IPv6 loopback: %v", t.Name(), err)
	}
	listener.Close()
	t.Parallel()
	up := start(t, e2etest.Still(t), "--listen", "[::1]:0")
	if !strings.HasPrefix(up.URL, "http://[::1]:") {
		t.Errorf("the link is %s", up.URL)
	}
	player := up.Play(t, e2etest.Request{})
	player.Open(t)
	player.Picture(t, e2etest.Patience, "of the app", time.Time{}, e2etest.Dark)
}
