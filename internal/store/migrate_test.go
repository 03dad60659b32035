package store

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"nearlight/signaling"
)

// released are the migrations that databases out there have been through, by name, with the SHA-256 of each.
func released(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("testdata/migrations.sha256")
	if err != nil {
		t.Fatal(err)
	}
	sums := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		sums[name] = sum
	}
	return sums
}

func TestAMigrationThatWasReleasedIsNeverChanged(t *testing.T) {
	sums := released(t)
	names, err := filepath.Glob("migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != len(sums) {
		t.Errorf("%d migrations, %d sums: add the new one's to testdata/migrations.sha256, and its data to testdata/version-N.sql", len(names), len(sums))
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if sum := fmt.Sprintf("%x", sha256.Sum256(text)); sums[filepath.Base(name)] != sum {
			t.Errorf("%s is %s, was %s when it was released: write another migration", name, sum, sums[filepath.Base(name)])
		}
	}
}

// filled makes a database as the program of a version left it.
func filled(t *testing.T, database string, version int) {
	t.Helper()
	e, err := openEngine(t.Context(), database, DefaultLockWait)
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	if _, err := e.migrate(t.Context(), version, epoch); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(fmt.Sprintf("testdata/version-%d.sql", version))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.write.ExecContext(t.Context(), string(text)); err != nil {
		t.Fatal(err)
	}
}

func TestEveryEarlierVersionBecomesThisOne(t *testing.T) {
	texts, err := migrationTexts()
	if err != nil {
		t.Fatal(err)
	}
	for version := 1; version <= len(texts); version++ {
		t.Run(fmt.Sprint("from ", version), func(t *testing.T) {
			onEach(t, func(t *testing.T, database string) {
				filled(t, database, version)
				s := opened(t, Config{Database: database})
				session, seats, err := s.Session(t.Context(), "s-1")
				if err != nil {
					t.Fatal(err)
				}
				if session.Code != signaling.CodeLeft || session.Quality == nil || session.Quality.FramesPerSecond != 59.7 ||
					session.Ended.UnixMilli() != 1893553545000 || len(seats) != 2 || seats[0].Player != "ada" || seats[0].Seconds() != 95 {
					t.Errorf("%+v %+v", session, seats)
				}
				open, err := s.Unended(t.Context(), time.UnixMilli(1893553600000))
				if err != nil || len(open) != 1 || open[0].ID != "s-2" {
					t.Errorf("%+v %v", open, err)
				}
				acts, err := s.Acts(t.Context(), ActQuery{})
				if want := map[bool]int{true: 2}[version >= 2]; err != nil || len(acts) != want {
					t.Errorf("%+v %v", acts, err)
				}
				orders, err := s.Orders(t.Context())
				if want := map[bool]int{true: 2}[version >= 4]; err != nil || len(orders) != want {
					t.Errorf("%+v %v", orders, err)
				}
				if want := map[bool]int{true: 2}[version >= 3]; len(seats[0].Addresses) != want {
					t.Errorf("%v", seats[0].Addresses)
				}
				// And it goes on from there.
				wrote(t, s, Receipt{Session: "s-1", Seat: "player", Span: Span{1893553470, 1893553485}})
				if _, seats, err := s.Session(t.Context(), "s-1"); err != nil || !reflect.DeepEqual(seats[0].Used, []Span{{1893553445, 1893553545}}) {
					t.Errorf("%+v %v", seats, err)
				}
				wrote(t, s, game("s-new", "bob")...)
			})
		})
	}
}

func TestNodesThatStartAtTheSameTimeTakeTurns(t *testing.T) {
	onEach(t, func(t *testing.T, database string) {
		const nodes = 6
		var starting sync.WaitGroup
		stores := make([]*Store, nodes)
		for i := range nodes {
			starting.Go(func() {
				var err error
				if stores[i], err = Open(t.Context(), Config{Database: database}); err != nil {
					t.Error(err)
				}
			})
		}
		starting.Wait()
		for _, s := range stores {
			if s != nil {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
		}
		s := opened(t, Config{Database: database})
		var versions, most int
		if err := s.engine.read.QueryRowContext(t.Context(), "SELECT COUNT(*), MAX(version) FROM migrations").Scan(&versions, &most); err != nil || versions != most {
			t.Errorf("%d rows up to version %d, %v", versions, most, err)
		}
	})
}

func TestANewerVersionsDatabaseIsLeftAlone(t *testing.T) {
	onEach(t, func(t *testing.T, database string) {
		s := opened(t, Config{Database: database})
		if _, err := s.engine.write.ExecContext(t.Context(), "INSERT INTO migrations VALUES (900, 1)"); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), Config{Database: database}); !errors.Is(err, ErrNewer) {
			t.Errorf("%v", err)
		}
	})
}

func TestTwoNodesWriteToTheSameSeats(t *testing.T) {
	database := engines[1].database(t)
	nodes := []*Store{opened(t, Config{Database: database}), opened(t, Config{Database: database})}
	const sessions, seconds = 40, 60
	for i := range sessions {
		wrote(t, nodes[0], game(signaling.SessionID(fmt.Sprint("s-", i)), "p")...)
	}
	var writing sync.WaitGroup
	for n, s := range nodes {
		for second := range seconds {
			for i := range sessions {
				if (second+i)%3 == n { // some by one, some by the other
					continue
				}
				id := signaling.SessionID(fmt.Sprint("s-", (i*(7-4*n)+second)%sessions)) // in another order each
				entries := []Entry{receipt(id, second, second+1)}
				if second%7 == 0 {
					entries = append(entries, Rise{Session: id, Seat: "s-watcher", At: epoch}, game(id, "p")[1])
				}
				for _, e := range entries {
					writing.Go(func() {
						if err := s.Write(t.Context(), e); err != nil {
							t.Error(err)
						}
					})
				}
			}
		}
	}
	writing.Wait()
	for i := range sessions {
		_, seats, err := nodes[0].Session(t.Context(), signaling.SessionID(fmt.Sprint("s-", i)))
		if err != nil {
			t.Fatal(err)
		}
		last := Second(-1)
		for _, span := range seats[0].Used {
			if span.First <= last {
				t.Fatalf("session %d: %v touches the span before it", i, seats[0].Used)
			}
			last = span.Past
		}
	}
}
