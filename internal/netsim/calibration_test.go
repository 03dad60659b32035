package netsim_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nearlight/internal/media"
	"nearlight/internal/netsim"
)

// What the kernel adds to each datagram on loopback: the headers of Ethernet, IPv4 and UDP.
const kernelHeaders = 14 + 20 + 8

// tbf is a loopback of its own, whose traffic goes through the kernel's token bucket.
type tbf struct {
	rate  media.Bitrate
	burst int // octets that the bucket holds: what passes at once after a pause
	limit int // octets that may wait
}

// sockets opens two sockets in a network namespace with that bucket. The namespace is held by the sockets alone and ends
// with them.
func (k tbf) sockets() (sender, receiver *net.UDPConn, err error) {
	type result struct {
		sender, receiver *net.UDPConn
		err              error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread() // the thread keeps the namespace, and ends with the goroutine
		var r result
		r.err = k.build()
		if r.err == nil {
			r.receiver, r.err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		}
		if r.err == nil {
			r.sender, r.err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		}
		done <- r
	}()
	r := <-done
	return r.sender, r.receiver, r.err
}

func (k tbf) build() error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("make a network namespace: %w", err)
	}
	for _, command := range [][]string{
		{"ip", "link", "set", "lo", "up"},
		{"tc", "qdisc", "add", "dev", "lo", "root", "tbf", "rate", fmt.Sprintf("%dbit", k.rate), "burst", fmt.Sprint(k.burst), "limit", fmt.Sprint(k.limit)},
	} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w: %s", command, err, out)
		}
	}
	return nil
}

// The relay and the kernel's token bucket get the same paced stream, at 80 % of the rate and at 125 % of it, and are to
// agree: throughput within 2 %, loss within 2 % of the packets, and the delay within 0.5 ms for nine packets of ten.
func TestTheRelayAgreesWithTheKernelsTokenBucket(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skipf("SKIPPED %s: a network namespace takes root", t.Name())
	}
	for _, program := range []string{"ip", "tc"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("SKIPPED %s: %s is not installed (apt-get install iproute2)", t.Name(), program)
		}
	}
	const rate, size, count = 10 * media.Mbps, 1200, 800
	kernel := tbf{rate: rate, burst: 2 * (size + kernelHeaders), limit: 60 * (size + kernelHeaders)}
	sender, receiver, err := kernel.sockets()
	if err != nil {
		t.Skipf("SKIPPED %s: %v", t.Name(), err)
	}
	defer func() { _, _ = sender.Close(), receiver.Close() }()
	if err := receiver.SetReadBuffer(4 << 20); err != nil {
		t.Fatal(err)
	}

	for _, load := range []int{80, 125} {
		interval := time.Duration(int64(size+kernelHeaders) * 8 * int64(time.Second) / int64(rate) * 100 / int64(load))
		var attempts []error
		for range 4 { // others use the machine as well
			server, client := listen(t, false), listen(t, false)
			relay := runRelay(t, netsim.RelayConfig{
				Routes: []netsim.Route{{Target: addressOf(server)}},
				// The packet that the kernel lets wait for tokens is one that the link is already carrying.
				Out: netsim.Config{Rate: netsim.Constant(rate), Queue: netsim.DropTail{Octets: kernel.limit - size - kernelHeaders}, Headers: kernelHeaders},
			})
			real := paced(t, sender, receiver, addressOf(receiver), count, size, interval)
			ours := paced(t, client, server, relay.Near(0), count, size, interval)
			time.Sleep(100 * ms) // the kernel's bucket fills again
			err := kernel.compare(t, load, real, ours)
			if err == nil {
				attempts = nil
				break
			}
			attempts = append(attempts, err)
		}
		if attempts != nil {
			t.Errorf("at %d %% of the rate they disagree in each attempt:\n%v", load, errors.Join(attempts...))
		}
	}
}

func (k tbf) compare(t *testing.T, load int, real, ours []timing) error {
	realLoss, realRate := summary(real)
	ourLoss, ourRate := summary(ours)
	// Below the rate each packet finds tokens and passes the bucket at once, where the link takes the packet's time for it.
	// Above it the tokens are soon gone; once the queue is full there is no difference left.
	first, head := 0, time.Duration(int64(1200+kernelHeaders)*8*int64(time.Second)/int64(k.rate))
	if load > 100 {
		first, head = len(real)/2, 0
	}
	var differences []time.Duration
	for i := first; i < len(real); i++ {
		if real[i].received != 0 && ours[i].received != 0 {
			differences = append(differences, (ours[i].took() - real[i].took() - head).Abs())
		}
	}
	if len(differences) == 0 {
		return errors.New("no packet came through both")
	}
	text := fmt.Sprintf("load %d %%: throughput %.3f and %.3f Mbit/s, lost %.3f and %.3f (kernel, relay); delays differ by %s, beyond the packet's own %v",
		load, realRate/1e6, ourRate/1e6, realLoss, ourLoss, percentiles(differences), head)
	within := ourRate > realRate*0.98 && ourRate < realRate*1.02 && ourLoss > realLoss-0.02 && ourLoss < realLoss+0.02
	if !within || differences[len(differences)*9/10] > 500*time.Microsecond {
		return errors.New(text)
	}
	t.Log(text)
	return nil
}

// summary returns the share that was lost, and the payload's rate between the first and the last that came.
func summary(all []timing) (lost, bitsPerSecond float64) {
	var received []time.Duration
	for _, p := range all {
		if p.received != 0 {
			received = append(received, p.received)
		}
	}
	if len(received) < 2 {
		return 1, 0
	}
	span := slices.Max(received) - slices.Min(received)
	return 1 - float64(len(received))/float64(len(all)), float64(len(received)-1) * 1200 * 8 / span.Seconds()
}
