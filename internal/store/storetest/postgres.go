// Package storetest starts a Postgres server for tests: in a temporary folder, reached by a socket in it, run by a user without
// rights, and gone afterwards. It is the installed programs of the system's package, not its service.
package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// ErrLacking says that this machine has no Postgres programs, or no user to run them.
var ErrLacking = errors.New("tests on Postgres need Debian's package postgresql (make install-test)")

// superuser is the one role that the server has; its socket lies in a folder that no other user enters.
const superuser = "nearlight"

// Postgres is a running server.
type Postgres struct {
	folder   string // everything of it
	programs string
	owner    *syscall.Credential // nil: whoever runs the test
	count    atomic.Int64
}

// Start makes a server and waits until it answers. Stop ends it.
func Start(ctx context.Context) (_ *Postgres, err error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, ErrLacking
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	p := &Postgres{programs: filepath.Dir(found[0])}
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 { // the server refuses to run as root
		nobody, err := user.Lookup("nobody")
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrLacking, err)
		}
		if uid, err = strconv.Atoi(nobody.Uid); err != nil {
			return nil, err
		}
		if gid, err = strconv.Atoi(nobody.Gid); err != nil {
			return nil, err
		}
		p.owner = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	if p.folder, err = os.MkdirTemp("", "nearlight-pg-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(p.folder))
		}
	}()
	if err := os.Chown(p.folder, uid, gid); err != nil {
		return nil, err
	}
	if err := p.program(ctx, "initdb", "--pgdata", p.data(), "--username", superuser, "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"); err != nil {
		return nil, err
	}
	return p, p.Resume(ctx)
}

// version is the number in /usr/lib/postgresql/NN/bin/initdb; 0 where there is none.
func version(path string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	if err != nil {
		return 0
	}
	return n
}

func (p *Postgres) data() string { return filepath.Join(p.folder, "data") }

// program runs one of the server's programs as its owner.
func (p *Postgres) program(ctx context.Context, name string, arguments ...string) error {
	c := exec.CommandContext(ctx, filepath.Join(p.programs, name), arguments...)
	c.Dir = p.folder
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + p.folder}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: p.owner}
	// The server outlives pg_ctl and would hold a pipe open; a file it may hold.
	log, err := os.CreateTemp("", "nearlight-pg-*.log")
	if err != nil {
		return err
	}
	defer os.Remove(log.Name())
	defer log.Close()
	c.Stdout, c.Stderr = log, log
	if err := c.Run(); err != nil {
		said, _ := os.ReadFile(log.Name()) // the program's failure is what is told
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(said)))
	}
	return nil
}

// Resume starts the server, also after Kill.
func (p *Postgres) Resume(ctx context.Context) error {
	return p.program(ctx, "pg_ctl", "start", "--pgdata", p.data(), "--wait", "--log", filepath.Join(p.folder, "log"),
		"--options", "-c listen_addresses='' -c unix_socket_directories="+p.folder+" -c max_connections=50")
}

// Kill ends the server as a crash would: without a last checkpoint, so that Resume has to recover.
func (p *Postgres) Kill(ctx context.Context) error {
	return p.program(ctx, "pg_ctl", "stop", "--pgdata", p.data(), "--mode", "immediate")
}

// Stop ends the server and removes its folder.
func (p *Postgres) Stop(ctx context.Context) error {
	return errors.Join(p.program(ctx, "pg_ctl", "stop", "--pgdata", p.data(), "--mode", "fast"), os.RemoveAll(p.folder))
}

// Folder is the server's own, whose owner it runs as.
func (p *Postgres) Folder() string { return p.folder }

func (p *Postgres) url(database string) string {
	query := url.Values{"host": {p.folder}, "user": {superuser}}
	return "postgres:///" + database + "?" + query.Encode()
}

// Database makes an empty database and returns its URL.
func (p *Postgres) Database(ctx context.Context) (string, error) {
	name := fmt.Sprintf("test%d", p.count.Add(1))
	db, err := sql.Open("pgx", p.url("postgres"))
	if err != nil {
		return "", err
	}
	_, err = db.ExecContext(ctx, "CREATE DATABASE "+name)
	return p.url(name), errors.Join(err, db.Close())
}

// StopTimeout is more than a server takes to end.
const StopTimeout = 30 * time.Second
