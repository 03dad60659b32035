package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nearlight/signaling"
)

// fill writes acts until the store refuses one, and returns how many it took and why it refused.
func fill(t *testing.T, s *Store) (taken int, why error) {
	t.Helper()
	for ; taken < 10000; taken++ {
		var detail strings.Builder
		for detail.Len() < 1900 {
			detail.WriteString(rand.Text()) // which cannot be compressed
		}
		act := Act{ID: fmt.Sprint("a-", taken), Kind: LeaseGranted, Detail: detail.String(), At: epoch}
		if err := s.Write(t.Context(), act); err != nil {
			return taken, err
		}
	}
	return taken, nil
}

// there checks that the acts that were acknowledged are kept.
func there(t *testing.T, s *Store, taken int) {
	t.Helper()
	var rows int
	if err := s.engine.read.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM acts").Scan(&rows); err != nil || rows < taken {
		t.Errorf("%d were acknowledged, %d are there (%v)", taken, rows, err)
	}
}

func TestAFullDatabaseSaysSoAndKeepsWhatItTook(t *testing.T) {
	database := engines[0].database(t)
	s := opened(t, Config{Database: database})
	if _, err := s.engine.write.ExecContext(t.Context(), "PRAGMA max_page_count = 60"); err != nil {
		t.Fatal(err)
	}
	taken, err := fill(t, s)
	if !errors.Is(err, ErrFull) || taken == 0 {
		t.Fatalf("%d were taken, then: %v", taken, err)
	}
	if !errors.Is(s.Trouble(), ErrFull) {
		t.Errorf("trouble: %v", s.Trouble())
	}
	there(t, s, taken)
	if _, err := s.engine.write.ExecContext(t.Context(), "PRAGMA max_page_count = 100000"); err != nil {
		t.Fatal(err)
	}
	wrote(t, s, game("t", "ada")...)
	if s.Trouble() != nil {
		t.Errorf("there is room again, and still: %v", s.Trouble())
	}
}

func TestAFullDiskSaysSoAndKeepsWhatItTook(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "small")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", folder, "tmpfs", 0, "size=512k"); err != nil {
		t.Skipf("a disk that is full needs a small tmpfs, and this user may mount none: %v", err)
	}
	defer func() {
		if err := unix.Unmount(folder, 0); err != nil {
			t.Error(err)
		}
	}()
	database := filepath.Join(folder, "store.db")
	ran, stop := context.WithCancel(context.Background())
	s, err := Open(t.Context(), Config{Database: database})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(ran) }()
	taken, why := fill(t, s)
	if !errors.Is(why, ErrFull) || taken == 0 {
		t.Errorf("%d were taken, then: %v", taken, why)
	}
	there(t, s, taken)
	if err := unix.Mount("tmpfs", folder, "tmpfs", unix.MS_REMOUNT, "size=8m"); err != nil {
		t.Fatal(err)
	}
	wrote(t, s, game("t", "ada")...)
	stop()
	if err := errors.Join(<-done, s.Close()); err != nil {
		t.Error(err)
	}
	again := openedBriefly(t, database)
	there(t, again, taken)
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func openedBriefly(t *testing.T, database string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Config{Database: database})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAFullTablespaceSaysSoAndKeepsWhatItTook(t *testing.T) {
	server := postgres(t)
	database := engines[1].database(t)
	s := opened(t, Config{Database: database})
	// A file system of its own for one table: the server itself must go on having room.
	folder := filepath.Join(server.Folder(), "small")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	owner, err := os.Stat(server.Folder())
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", folder, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("a disk that is full needs a small tmpfs, and this user may mount none: %v", err)
	}
	defer func() {
		if err := unix.Unmount(folder, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}()
	uid, gid := ownerOf(owner)
	if err := os.Chown(folder, uid, gid); err != nil {
		t.Fatal(err)
	}
	exec := func(statement string) {
		t.Helper()
		if _, err := s.engine.write.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE TABLESPACE small LOCATION '" + folder + "'")
	exec("ALTER TABLE acts SET TABLESPACE small")
	taken, why := fill(t, s)
	if !errors.Is(why, ErrFull) || taken == 0 {
		t.Errorf("%d were taken, then: %v", taken, why)
	}
	there(t, s, taken)
	exec("ALTER TABLE acts SET TABLESPACE pg_default")
	exec("DROP TABLESPACE small")
	wrote(t, s, game("t", "ada")...)
	there(t, s, taken)
}

func TestAReadOnlyDatabaseSaysSo(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		s := opened(t, Config{Database: engines[0].database(t)})
		wrote(t, s, game("s", "ada")...)
		if _, err := s.engine.write.ExecContext(t.Context(), "PRAGMA query_only = 1"); err != nil {
			t.Fatal(err)
		}
		if err := s.Write(t.Context(), receipt("s", 0, 1)); !errors.Is(err, ErrReadOnly) {
			t.Errorf("%v", err)
		}
		if _, err := s.engine.write.ExecContext(t.Context(), "PRAGMA query_only = 0"); err != nil {
			t.Fatal(err)
		}
		wrote(t, s, receipt("s", 0, 1))
	})
	t.Run("sqlite, from the start", func(t *testing.T) {
		database := engines[0].database(t)
		if err := openedBriefly(t, database).Close(); err != nil {
			t.Fatal(err)
		}
		folder := filepath.Dir(database)
		if os.Geteuid() == 0 { // modes do not bind root
			if err := unix.Mount(folder, folder, "", unix.MS_BIND, ""); err != nil {
				t.Skipf("a folder that only can be read needs a bind mount, and this user may make none: %v", err)
			}
			defer func() {
				if err := unix.Unmount(folder, 0); err != nil {
					t.Error(err)
				}
			}()
			if err := unix.Mount("", folder, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""); err != nil {
				t.Fatal(err)
			}
		} else {
			if err := errors.Join(os.Chmod(database, 0o400), os.Chmod(folder, 0o500)); err != nil {
				t.Fatal(err)
			}
			defer os.Chmod(folder, 0o700)
		}
		if _, err := Open(t.Context(), Config{Database: database}); !errors.Is(err, ErrReadOnly) {
			t.Errorf("%v", err)
		}
	})
	t.Run("postgres", func(t *testing.T) {
		s := opened(t, Config{Database: engines[1].database(t)})
		wrote(t, s, game("s", "ada")...)
		if _, err := s.engine.write.ExecContext(t.Context(), "SET default_transaction_read_only = on"); err != nil {
			t.Fatal(err)
		}
		if err := s.Write(t.Context(), receipt("s", 0, 1)); !errors.Is(err, ErrReadOnly) {
			t.Errorf("%v", err)
		}
		if _, err := s.engine.write.ExecContext(t.Context(), "SET default_transaction_read_only = off"); err != nil {
			t.Fatal(err)
		}
		wrote(t, s, receipt("s", 0, 1))
	})
}

func TestADatabaseThatSomebodyElseLocksSaysSo(t *testing.T) {
	lock := map[string][]string{
		"sqlite":   {"BEGIN IMMEDIATE"},
		"postgres": {"BEGIN", "LOCK TABLE seats IN ACCESS EXCLUSIVE MODE"},
	}
	onEach(t, func(t *testing.T, database string) {
		wait := 50 * time.Millisecond
		s := opened(t, Config{Database: database, LockWait: wait})
		wrote(t, s, game("s", "ada")...)
		other, err := openEngine(t.Context(), database, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer other.close()
		holding, err := other.write.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer holding.Close()
		for _, statement := range lock[other.name] {
			if _, err := holding.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Write(t.Context(), receipt("s", 0, 1)); !errors.Is(err, ErrLocked) {
			t.Errorf("%v", err)
		}
		if _, err := holding.ExecContext(t.Context(), "ROLLBACK"); err != nil {
			t.Fatal(err)
		}
		wrote(t, s, receipt("s", 0, 1))
	})
}

func TestADamagedFileSaysSo(t *testing.T) {
	for _, step := range []struct {
		why   string
		spoil func(t *testing.T, database string)
	}{
		{"it is no database", func(t *testing.T, database string) {
			if err := os.WriteFile(database, []byte(strings.Repeat("this is no database. ", 500)), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{"its pages are overwritten", func(t *testing.T, database string) {
			content, err := os.ReadFile(database)
			if err != nil {
				t.Fatal(err)
			}
			for i := 4096; i < len(content); i++ {
				content[i] = 0xa5
			}
			if err := os.WriteFile(database, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{"it is cut off", func(t *testing.T, database string) {
			if err := os.Truncate(database, 6000); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(step.why, func(t *testing.T) {
			database := engines[0].database(t)
			s := openedBriefly(t, database)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			step.spoil(t, database)
			if s, err := Open(t.Context(), Config{Database: database}); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%v", err)
				if err == nil {
					_ = s.Close()
				}
			}
		})
	}
}

func TestAServerThatGoesAndComesBackIsUsedAgain(t *testing.T) {
	server := postgres(t)
	s := opened(t, Config{Database: engines[1].database(t)})
	wrote(t, s, game("s", "ada")...)
	if err := server.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := s.Write(t.Context(), receipt("s", 0, 1))
	if !errors.Is(err, ErrUnreachable) {
		t.Errorf("%v", err)
	}
	if err := server.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	wrote(t, s, receipt("s", 0, 1), receipt("s", 0, 1))
	if _, seats, err := s.Session(t.Context(), "s"); err != nil || seats[0].Seconds() != 1 {
		t.Errorf("%+v %v", seats, err)
	}
}

func TestNobodyThereToConnectToSaysSoWithoutThePassword(t *testing.T) {
	_, err := Open(t.Context(), Config{Database: "postgres://nearlight:secret-word@127.0.0.1:1/x"})
	if !errors.Is(err, ErrUnreachable) || strings.Contains(err.Error(), "secret-word") {
		t.Errorf("%v", err)
	}
	for _, address := range []string{"", "mysql://x/y", "postgres://nearlight:secret-word@[::x/y"} {
		if _, err := Open(t.Context(), Config{Database: address}); err == nil || strings.Contains(err.Error(), "secret-word") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestOneEntryThatTheDatabaseRefusesTakesNoOtherAlong(t *testing.T) {
	onEach(t, func(t *testing.T, database string) {
		s := opened(t, Config{Database: database})
		for _, statement := range map[string][]string{
			"sqlite": {"CREATE TRIGGER refuse BEFORE INSERT ON sessions WHEN NEW.id = 'poison' BEGIN SELECT RAISE(ABORT, 'no'); END"},
			"postgres": {"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END'",
				"CREATE TRIGGER refuse BEFORE INSERT ON sessions FOR EACH ROW WHEN (NEW.id = 'poison') EXECUTE FUNCTION refuse()"},
		}[s.engine.name] {
			if _, err := s.engine.write.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		holding, err := s.engine.write.BeginTx(t.Context(), new(sql.TxOptions)) // so that the entries meet in one batch
		if err != nil {
			t.Fatal(err)
		}
		var writing sync.WaitGroup
		for _, id := range []signaling.SessionID{"a", "poison", "b"} {
			writing.Add(1)
			if err := s.TryWrite(Begin{Session: id, At: epoch}, func(err error) {
				defer writing.Done()
				if (err != nil) != (id == "poison") {
					t.Errorf("%s: %v", id, err)
				}
			}); err != nil {
				t.Fatal(err)
			}
		}
		if err := holding.Rollback(); err != nil {
			t.Fatal(err)
		}
		writing.Wait()
	})
}
