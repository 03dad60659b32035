package certificate

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// lookAgain is how long files are taken to be unchanged: renewals are days apart, handshakes may be microseconds.
const lookAgain = 10 * time.Second

// Files says where a certificate is and how it is watched.
type Files struct {
	// Certificate is a file with the certificate and its chain, Key one with its private key; both PEM.
	Certificate, Key string
	// Log hears of certificates that were replaced, and of ones that could not be.
	Log *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// FromFiles reads the certificate and shows it, and what replaces it once that is whole. The error names the file that is wrong.
func FromFiles(files Files) (*tls.Config, error) {
	if files.Now == nil {
		files.Now = time.Now
	}
	w := &watched{Files: files}
	w.seen, w.looked = w.state(), w.Now()
	var err error
	if w.current, err = w.read(); err != nil {
		return nil, err
	}
	return config(w.get), nil
}

// watched is a certificate whose files may change.
type watched struct {
	Files

	mu      sync.Mutex
	current *tls.Certificate
	seen    filesState // what was last read, good or not
	looked  time.Time
}

// filesState tells two versions of the files apart.
type filesState [2]struct {
	modified time.Time
	size     int64
}

func (w *watched) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.Now()
	if now.Sub(w.looked) < lookAgain {
		return w.current, nil
	}
	w.looked = now
	state := w.state()
	if state == w.seen {
		return w.current, nil
	}
	next, err := w.read()
	if err != nil {
		// The two are rarely replaced in one instant, so the first failure may only be between them.
		w.Log.Warn("the changed certificate is not used, the one before it still is", "error", err)
	} else {
		w.current = next
		w.Log.Info("the certificate was replaced", "expires", next.Leaf.NotAfter)
	}
	w.seen = state
	return w.current, nil
}

// state is zero for a file that is not there.
func (w *watched) state() (state filesState) {
	for i, path := range []string{w.Certificate, w.Key} {
		if info, err := os.Stat(path); err == nil {
			state[i].modified, state[i].size = info.ModTime(), info.Size()
		}
	}
	return state
}

func (w *watched) read() (*tls.Certificate, error) {
	certificate, err := os.ReadFile(w.Certificate)
	if err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	key, err := os.ReadFile(w.Key)
	if err != nil {
		return nil, fmt.Errorf("read the certificate's key: %w", err)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("%s with the key %s: %w", w.Certificate, w.Key, err)
	}
	if now := w.Now(); now.After(pair.Leaf.NotAfter) {
		return nil, fmt.Errorf("%s: %w on %v: renew it", w.Certificate, errExpired, pair.Leaf.NotAfter.Format(time.DateOnly))
	}
	return &pair, nil
}

// errExpired is about a certificate that no browser takes any more.
var errExpired = errors.New("the certificate has expired")
