package turn

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// coturn returns the path of one of coturn's programs.
func coturn(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("needs Debian's package coturn for %s (make install-test): %v", name, err)
	}
	return path
}

// echo answers every packet with itself until the test ends.
func (p peer) echo() {
	go func() {
		buffer := make([]byte, 2000)
		for {
			n, from, err := p.ReadFromUDPAddrPort(buffer)
			if err != nil {
				return
			}
			_, _ = p.WriteToUDPAddrPort(buffer[:n], from) // what is lost is the other side's to count
		}
	}()
}

func TestCoturnsClientPlaysThroughOurServer(t *testing.T) {
	program := coturn(t, "turnutils_uclient")
	s := served(t, nil)
	for _, way := range []struct {
		name  string
		flags []string
	}{{"UDP", nil}, {"TCP", []string{"-t"}}, {"TLS", []string{"-t", "-S"}}, {"UDP by Send", []string{"-s"}}} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel() // most of the time the client waits
			edge := newPeer(t)
			edge.echo()
			told, err := s.ICEServer(Grant{Session: "s-1", Expires: time.Now().Add(time.Hour), Peers: []netip.AddrPort{edge.at()}})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			arguments := append(way.flags, "-c", "-n", "20", "-l", "400", "-p", strconv.Itoa(s.Port()), "-u", told.Username, "-w", told.Credential,
				"-e", "127.0.0.1", "-r", strconv.Itoa(int(edge.at().Port())), "127.0.0.1")
			said, err := exec.CommandContext(ctx, program, arguments...).CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, said)
			}
			if !regexp.MustCompile(`tot_recv_msgs=20\b`).Match(said) {
				t.Errorf("%s", said)
			}
		})
	}
}

func TestCoturnTakesOurCredentials(t *testing.T) {
	program := coturn(t, "turnserver")
	probe := newPeer(t)
	port := probe.at().Port()
	if err := probe.Close(); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	server := exec.CommandContext(ctx, program, "-n", "--no-cli", "--no-tls", "--no-dtls", "--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1",
		"--listening-port", strconv.Itoa(int(port)), "--use-auth-secret", "--static-auth-secret", testSecret, "--realm", realm, "--allow-loopback-peers",
		"--pidfile", filepath.Join(folder, "pid"), "--log-file", filepath.Join(folder, "log"), "--userdb", filepath.Join(folder, "db"))
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		var exit *exec.ExitError
		if err := server.Wait(); err != nil && !errors.As(err, &exit) {
			t.Error(err)
		}
	}()
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for begun := time.Now(); ; <-look.C { // it needs the machine to begin
		conn, err := net.Dial("tcp", at.String())
		if err == nil {
			_ = conn.Close()
			break
		}
		if time.Since(begun) > patient {
			t.Fatal(err)
		}
	}
	edge := newPeer(t)
	username, password, err := testKey(t, testSecret).Sign(Grant{Session: "s-1", Expires: time.Now().Add(time.Hour), Peers: []netip.AddrPort{edge.at()}})
	if err != nil {
		t.Fatal(err)
	}
	relayed := allocated(t, clientWith(t, at.String(), "udp", username, password))
	echoed(t, relayed, edge.LocalAddr(), edge)
}
