package udpmux

import (
	"errors"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

func TestATCPPeerThatTakesNothingIsGivenUp(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	listener := &impatientListener{Listener: inner, patience: 50 * time.Millisecond}
	peer, err := net.Dial("tcp", inner.Addr().String()) // it never reads
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	// Several write at once, as media, feedback and data channels do: none puts off the end for the others.
	var writing sync.WaitGroup
	failures := make(chan error, 4)
	for range cap(failures) {
		writing.Go(func() {
			packet := make([]byte, 16<<10)
			for {
				if _, err := conn.Write(packet); err != nil {
					failures <- err
					return
				}
			}
		})
	}
	writing.Wait()
	timeouts := 0
	for range cap(failures) {
		err := <-failures
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			timeouts++
		case !errors.Is(err, net.ErrClosed):
			t.Errorf("a write failed with %v", err)
		}
	}
	if timeouts != 1 {
		t.Errorf("%d writes timed out, want the first one alone", timeouts)
	}
}
