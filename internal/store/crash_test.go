package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"nearlight/signaling"
)

// childDatabase names the environment variable that makes the test's program a writer that is to be killed.
const childDatabase = "NEARLIGHT_STORE_TEST_CHILD"

const (
	childSessions = 8
	childSeconds  = 1 << 20 // more than it ever gets to
)

// child writes receipts, one second after the other in each of a few sessions, and prints each that was acknowledged.
func child(database string) int {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx := context.Background()
	s, err := Open(ctx, Config{Database: database})
	if err != nil {
		return fail(err)
	}
	go func() { _ = s.Run(ctx) }() // until the kill
	var printing sync.Mutex
	failed := make(chan error)
	for i := range childSessions {
		go func() {
			id := signaling.SessionID(fmt.Sprintf("s-%d-%d", os.Getpid(), i))
			for _, e := range game(id, "p") {
				if err := s.Write(ctx, e); err != nil {
					failed <- err
					return
				}
			}
			for second := range childSeconds {
				at := 2 * second // with gaps, so that each is a row
				if second%3 == 0 {
					at = second // and some that join
				}
				if err := s.Write(ctx, receipt(id, at, at+1)); err != nil {
					failed <- err
					return
				}
				printing.Lock()
				fmt.Printf("%s %d\n", id, at)
				printing.Unlock()
			}
		}()
	}
	return fail(<-failed)
}

// killed runs a writer, kills it at some moment, and returns what it was told is kept.
func killed(t *testing.T, database string, after int, kill func(*exec.Cmd)) map[signaling.SessionID]map[Second]bool {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childDatabase+"="+database)
	c.Stderr = io.Discard // a server that is killed is complained about
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	acknowledged := make(map[signaling.SessionID]map[Second]bool)
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		if n == after {
			kill(c)
		}
		var id signaling.SessionID
		var second int
		if _, err := fmt.Sscanf(lines.Text(), "%s %d", &id, &second); err != nil {
			continue // the last one may be cut off
		}
		if acknowledged[id] == nil {
			acknowledged[id] = make(map[Second]bool)
		}
		acknowledged[id][SecondOf(epoch)+Second(second)] = true
	}
	_ = c.Wait() // it was killed
	return acknowledged
}

func TestAWriterThatIsKilledLosesNothingThatItAcknowledged(t *testing.T) {
	onEach(t, func(t *testing.T, database string) {
		dice := rand.New(rand.NewPCG(1, 2))
		for round := range 6 {
			acknowledged := killed(t, database, dice.IntN(600), func(c *exec.Cmd) {
				if err := c.Process.Kill(); err != nil {
					t.Error(err)
				}
			})
			allKept(t, database, acknowledged, fmt.Sprint("round ", round))
		}
	})
}

func TestAServerThatIsKilledLosesNothingThatItAcknowledged(t *testing.T) {
	server := postgres(t)
	database := engines[1].database(t)
	for round := range 3 {
		acknowledged := killed(t, database, 200, func(c *exec.Cmd) {
			if err := server.Kill(t.Context()); err != nil {
				t.Error(err)
			}
		})
		if err := server.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		allKept(t, database, acknowledged, fmt.Sprint("round ", round))
	}
}

// allKept opens the database as the next process would, and looks for what was acknowledged.
func allKept(t *testing.T, database string, acknowledged map[signaling.SessionID]map[Second]bool, round string) {
	t.Helper()
	s, err := Open(t.Context(), Config{Database: database})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	sum := 0
	for id, seconds := range acknowledged {
		_, seats, err := s.Session(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		kept := make(map[Second]bool)
		for _, seat := range seats {
			for _, span := range seat.Used {
				for x := span.First; x < span.Past; x++ {
					kept[x] = true
				}
			}
		}
		for x := range seconds {
			if !kept[x] {
				t.Errorf("%s: second %d of session %s was acknowledged, and is gone", round, x, id)
			}
		}
		sum += len(seconds)
	}
	if sum == 0 {
		t.Errorf("%s: nothing was acknowledged before the kill", round)
	}
	t.Logf("%s: %d acknowledged seconds are all there", round, sum)
}

func TestTheFileIsSyncedAtEachCommit(t *testing.T) {
	s := opened(t, Config{Database: engines[0].database(t)})
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1", "secure_delete": "1"} {
		var got string
		if err := s.engine.write.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || !strings.EqualFold(got, want) {
			t.Errorf("%s is %s, want %s (%v)", pragma, got, want, err)
		}
	}
}

func TestAServerThatDoesNotSyncIsRefused(t *testing.T) {
	database := engines[1].database(t)
	s := opened(t, Config{Database: database})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, statement := range []string{"ALTER SYSTEM SET full_page_writes = off", "SELECT pg_reload_conf()"} {
		if _, err := s.engine.write.ExecContext(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	defer func() {
		for _, statement := range []string{"ALTER SYSTEM RESET full_page_writes", "SELECT pg_reload_conf()"} {
			if _, err := s.engine.write.ExecContext(context.WithoutCancel(ctx), statement); err != nil {
				t.Error(err)
			}
		}
	}()
	for { // until the reload has come through
		other, err := Open(ctx, Config{Database: database})
		if err != nil {
			if !errors.Is(err, ErrUnsafe) {
				t.Error(err)
			}
			return
		}
		if err := other.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
