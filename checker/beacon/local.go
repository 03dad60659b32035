package beacon

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Origin is what a Local chain comes from. Whoever knows it knows all of its rounds.
type Origin struct {
	Seed    [32]byte
	Genesis time.Time     // of the first round, in whole seconds
	Period  time.Duration // in whole seconds, up to MaxPeriod
}

// NewOrigin makes a chain that begins now.
func NewOrigin(period time.Duration) Origin {
	o := Origin{Genesis: time.Now().Truncate(time.Second), Period: period}
	_, _ = rand.Read(o.Seed[:]) // never fails
	return o
}

// LocalID is what Local chains are called.
const LocalID = "nearlight-local"

// Local is a chain of this process: one machine's own, for who tries Nearlight and for tests. A round is signed when it is asked for, and not before its time.
type Local struct {
	chain  *Chain
	secret secretKey
	recent *recent

	signing sync.Mutex // so that asking for many rounds keeps one core busy at most
}

// NewLocal makes the chain of an origin, which is the same each time.
func NewLocal(o Origin) (*Local, error) {
	secret, err := newSecretKey(o.Seed[:])
	if err != nil {
		return nil, err
	}
	if o.Period%time.Second != 0 || o.Period < time.Second || o.Period > MaxPeriod {
		return nil, fmt.Errorf("beacon: a period of %v, want whole seconds up to %v", o.Period, MaxPeriod)
	}
	chain := Chain{id: LocalID, genesis: o.Genesis.Unix(), period: int64(o.Period / time.Second), key: secret.public()}
	if chain.genesis < 0 || chain.genesis > maxGenesis || o.Genesis.Nanosecond() != 0 {
		return nil, fmt.Errorf("beacon: a first round at %v, want whole seconds from 1970 on", o.Genesis)
	}
	chain.group = sha256.Sum256(chain.key.octets[:])
	chain.hash = chain.digest()
	return &Local{chain: &chain, secret: secret, recent: newRecent(Keep)}, nil
}

// Chain is what others know the chain by.
func (l *Local) Chain() *Chain { return l.chain }

// Round signs a round. The error wraps ErrEarly before its time.
func (l *Local) Round(number uint64) (Round, error) {
	switch {
	case number == 0 || number > MaxRound:
		return Round{}, fmt.Errorf("beacon: there is no round %d", number)
	case number > l.chain.RoundAt(time.Now()):
		return Round{}, fmt.Errorf("%w: round %d comes at %s", ErrEarly, number, l.chain.TimeOf(number).UTC().Format(time.RFC3339))
	}
	if r, kept := l.recent.round(number); kept {
		return r, nil
	}
	l.signing.Lock()
	defer l.signing.Unlock()
	signature, err := l.secret.sign(message(number))
	if err != nil {
		return Round{}, err
	}
	r := Round{Number: number, Signature: signature}
	l.recent.keep(r)
	return r, nil
}

// Handler serves the chain as drand's servers do: /HASH/info, /HASH/public/latest and /HASH/public/ROUND.
func (l *Local) Handler() http.Handler {
	const good = "public, max-age=604800, immutable"
	prefix := "GET /" + l.chain.hash.String()
	mux := http.NewServeMux()
	mux.HandleFunc(prefix+"/info", func(w http.ResponseWriter, _ *http.Request) { answer(w, l.chain.Info(), good) })
	mux.HandleFunc(prefix+"/public/latest", func(w http.ResponseWriter, _ *http.Request) {
		l.serve(w, l.chain.RoundAt(time.Now()), "no-cache")
	})
	mux.HandleFunc(prefix+"/public/{round}", func(w http.ResponseWriter, r *http.Request) {
		number, err := strconv.ParseUint(r.PathValue("round"), 10, 64)
		if err != nil {
			http.Error(w, "want the number of a round, or latest", http.StatusBadRequest)
			return
		}
		l.serve(w, number, good)
	})
	return mux
}

func (l *Local) serve(w http.ResponseWriter, number uint64, caching string) {
	r, err := l.Round(number)
	if err != nil {
		w.Header().Set("Cache-Control", "no-store") // it may be there in a moment
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	answer(w, r.JSON(), caching)
}

func answer(w http.ResponseWriter, text []byte, caching string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", caching)
	_, _ = w.Write(text) // who is gone needs no answer
}
