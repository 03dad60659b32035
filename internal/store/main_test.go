package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"nearlight/internal/store/storetest"
)

func TestMain(m *testing.M) {
	if database := os.Getenv(childDatabase); database != "" {
		os.Exit(child(database))
	}
	code := m.Run()
	if server := shared.server; server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), storetest.StopTimeout)
		defer cancel()
		if err := server.Stop(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "stop Postgres:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// shared is the server of all tests, which is started by the first that needs it.
var shared struct {
	once   sync.Once
	server *storetest.Postgres
	err    error
}

func postgres(t testing.TB) *storetest.Postgres {
	t.Helper()
	shared.once.Do(func() { shared.server, shared.err = storetest.Start(context.Background()) })
	if errors.Is(shared.err, storetest.ErrLacking) {
		t.Skip(shared.err)
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server
}

// engines are the databases that each test of the suite runs on.
var engines = []struct {
	name     string
	database func(testing.TB) string
}{
	{"sqlite", func(t testing.TB) string { return filepath.Join(t.TempDir(), "store.db") }},
	{"postgres", func(t testing.TB) string {
		database, err := postgres(t).Database(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return database
	}},
}

// onEach runs a test on each database.
func onEach(t *testing.T, test func(t *testing.T, database string)) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) { test(t, e.database(t)) })
	}
}

// opened returns a store whose Run runs until the test ends.
func opened(t testing.TB, config Config) *Store {
	t.Helper()
	s, err := Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-ran, s.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// epoch is when tests begin.
var epoch = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

// wrote writes entries that must be taken.
func wrote(t testing.TB, s *Store, entries ...Entry) {
	t.Helper()
	for _, e := range entries {
		if err := s.Write(t.Context(), e); err != nil {
			t.Fatalf("%+v: %v", e, err)
		}
	}
}
