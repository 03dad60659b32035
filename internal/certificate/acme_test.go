package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// name is what the test's server is called: Pebble asks the test's DNS server, which knows every name as 127.0.0.1.
const name = "play.nearlight.test"

// pebble is Let's Encrypt's own small authority for tests.
type pebble struct {
	directory string
	roots     string // file: who vouches for its API
	issuer    *x509.CertPool
}

// startPebble runs an authority that looks for servers at tlsPort.
func startPebble(t *testing.T, tlsPort int) pebble {
	t.Helper()
	for _, program := range []string{"pebble", "pebble-challtestsrv"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("SKIPPED %s: %s is not installed (apt-get install pebble)", t.Name(), program)
		}
	}
	folder := t.TempDir()
	certificate, key := apiPair(t)
	ports := freePorts(t, 4)
	api, management, dns, dnsManagement := ports[0], ports[1], ports[2], ports[3]
	settings, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": fmt.Sprintf("127.0.0.1:%d", api), "managementListenAddress": fmt.Sprintf("127.0.0.1:%d", management),
		"certificate": filepath.Join(folder, "api.pem"), "privateKey": filepath.Join(folder, "api.key"), "httpPort": 1, "tlsPort": tlsPort,
	}})
	if err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string][]byte{"api.pem": certificate, "api.key": key, "pebble.json": settings} {
		if err := os.WriteFile(filepath.Join(folder, file), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	background(t, nil, "pebble-challtestsrv", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-http01", "", "-https01", "", "-tlsalpn01", "",
		"-dns01", fmt.Sprintf("127.0.0.1:%d", dns), "-management", fmt.Sprintf("127.0.0.1:%d", dnsManagement))
	background(t, []string{"PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0"}, "pebble", "-config", filepath.Join(folder, "pebble.json"),
		"-dnsserver", fmt.Sprintf("127.0.0.1:%d", dns))

	p := pebble{directory: fmt.Sprintf("https://127.0.0.1:%d/dir", api), roots: filepath.Join(folder, "api.pem"), issuer: x509.NewCertPool()}
	trust := x509.NewCertPool()
	trust.AppendCertsFromPEM(certificate)
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trust}, DisableKeepAlives: true}}
	deadline := time.Now().Add(20 * time.Second)
	for {
		answer, err := client.Get(fmt.Sprintf("https://127.0.0.1:%d/roots/0", management))
		if err == nil {
			root, readErr := io.ReadAll(answer.Body)
			_ = answer.Body.Close() // it was read
			if readErr != nil || !p.issuer.AppendCertsFromPEM(root) {
				t.Fatalf("pebble's root: %q, %v", root, readErr)
			}
			return p
		}
		if time.Now().After(deadline) {
			t.Fatalf("pebble does not answer: %v", err)
		}
		time.Sleep(50 * time.Millisecond) // another process starts
	}
}

// apiPair is the certificate of the authority's own server.
func apiPair(t *testing.T) (certificate, key []byte) {
	t.Helper()
	return pairFor(t, 9, time.Now().Add(-time.Hour), time.Now().Add(time.Hour), net.IPv4(127, 0, 0, 1))
}

func background(t *testing.T, env []string, program string, arguments ...string) {
	t.Helper()
	command := exec.Command(program, arguments...)
	command.Env = append(os.Environ(), env...)
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait() // it was killed
	})
}

func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// serve answers handshakes until the test ends.
func serve(t *testing.T, listener net.Listener, c *tls.Config) {
	t.Helper()
	server := &http.Server{Handler: http.NotFoundHandler(), TLSConfig: c, ReadHeaderTimeout: time.Second}
	done := make(chan error, 1)
	go func() { done <- server.Serve(tls.NewListener(listener, c)) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
}

func shown(t *testing.T, address string, p pebble) (*x509.Certificate, error) {
	t.Helper()
	dialer := &net.Dialer{Timeout: 30 * time.Second}
	conn, err := tls.DialWithDialer(dialer, "tcp", address, &tls.Config{RootCAs: p.issuer, ServerName: name})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0], nil
}

func TestAnAuthorityIssuesACertificateThatARestartKeeps(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := startPebble(t, listener.Addr().(*net.TCPAddr).Port)
	authority := Authority{Names: []string{name}, Directory: p.directory, Folder: filepath.Join(t.TempDir(), "certificates"), Roots: p.roots, Log: slog.New(slog.DiscardHandler)}
	issued, err := FromAuthority(authority)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, listener, issued.TLS())
	issued.Obtain(t.Context())
	first, err := shown(t, listener.Addr().String(), p)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.VerifyHostname(name); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(authority.Folder); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder of the keys: %v, %v", info, err)
	}

	again, err := FromAuthority(authority)
	if err != nil {
		t.Fatal(err)
	}
	second, err := net.Listen("tcp", "127.0.0.1:0") // where the authority does not look
	if err != nil {
		t.Fatal(err)
	}
	serve(t, second, again.TLS())
	kept, err := shown(t, second.Addr().String(), p)
	if err != nil {
		t.Fatal(err)
	}
	if kept.SerialNumber.Cmp(first.SerialNumber) != 0 {
		t.Error("a restart asked for another certificate")
	}
}

func TestANameThatDoesNotLeadHereIsSaidAndTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said strings.Builder
		issued, err := FromAuthority(Authority{
			Names: []string{name}, Directory: "no://where", Folder: t.TempDir(), Log: slog.New(slog.NewTextHandler(&said, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*tryAgain+time.Minute)
		defer cancel()
		issued.Obtain(ctx)
		if tries := strings.Count(said.String(), name); tries != 3 {
			t.Errorf("%d tries in half an hour, want 3:\n%s", tries, said.String())
		}
	})
}

func TestNothingIsAskedForOtherNames(t *testing.T) {
	issued, err := FromAuthority(Authority{Names: []string{name}, Directory: "https://127.0.0.1:1/dir", Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = issued.TLS().GetCertificate(&tls.ClientHelloInfo{ServerName: "other.nearlight.test"})
	if err == nil || !strings.Contains(err.Error(), "other.nearlight.test") {
		t.Errorf("got %v, want a refusal that names it", err)
	}
}

func TestWhatAnAuthorityCannotVouchForIsRefused(t *testing.T) {
	for _, names := range [][]string{nil, {"localhost"}, {"192.0.2.1"}, {"[2001:db8::1]"}, {"play.example.com:443"}} {
		if _, err := FromAuthority(Authority{Names: names, Folder: t.TempDir()}); err == nil {
			t.Errorf("%q is taken", names)
		}
	}
	if _, err := FromAuthority(Authority{Names: []string{name}, Folder: t.TempDir(), Roots: "/no/such/file"}); err == nil {
		t.Error("roots that are not there are taken")
	}
}
