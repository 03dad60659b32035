package notary

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"nearlight/checker/epoch"
	"nearlight/internal/identity"
)

// Path is where the Handler is.
const Path = "/checks/"

// Bounds of requests.
const (
	mostBody    = epoch.MaxLine
	mostWaiting = 1024 // requests that wait for more of a log; further ones get what there is
	longestWait = 30 * time.Second
	mostOctets  = 4 << 20 // of a log in one answer to who follows it
)

// Now says where a network's checks are.
type Now struct {
	Epoch uint64       `json:"epoch"`
	At    epoch.Millis `json:"at"`
	// Chain is the hash of the beacon's chain, and Beacon the path of its drand API on this host, "" where it is to be had elsewhere. Who does not want to believe
	// this knows the chain from elsewhere.
	Chain  string `json:"chain"`
	Beacon string `json:"beacon,omitempty"`
}

// Handler serves what the package's comment lists.
func (n *Notary) Handler() http.Handler {
	waiting := make(chan struct{}, mostWaiting)
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Path+"now", func(w http.ResponseWriter, _ *http.Request) {
		n.mu.Lock()
		now := Now{Epoch: n.number, At: n.now(), Chain: n.config.Chain, Beacon: n.config.BeaconPath}
		n.mu.Unlock()
		reply(w, http.StatusOK, now)
	})
	mux.HandleFunc("GET "+Path+"epochs/{number}", func(w http.ResponseWriter, r *http.Request) { n.serveLog(w, r, waiting) })
	mux.HandleFunc("POST "+Path+"commitments", func(w http.ResponseWriter, r *http.Request) {
		take(n, w, r, func(c epoch.Commitment) (any, error) { return struct{}{}, n.Commit(c) })
	})
	mux.HandleFunc("POST "+Path+"reports", func(w http.ResponseWriter, r *http.Request) {
		take(n, w, r, func(report epoch.Report) (any, error) { return struct{}{}, n.Report(report) })
	})
	mux.HandleFunc("POST "+Path+"passes", func(w http.ResponseWriter, r *http.Request) {
		take(n, w, r, func(request Request) (any, error) { return n.Pass(request) })
	})
	mux.HandleFunc("POST "+Path+"appeals", func(w http.ResponseWriter, r *http.Request) {
		take(n, w, r, func(appeal Appeal) (any, error) { return n.Appeal(appeal) })
	})
	mux.HandleFunc("POST "+Path+"wishes", func(w http.ResponseWriter, r *http.Request) {
		take(n, w, r, func(wish Wish) (any, error) { return n.Wish(wish, r.Host) })
	})
	mux.HandleFunc("GET "+Path+"edges/{address}", n.serveEdge)
	return mux
}

// serveEdge serves what is known of an edge.
func (n *Notary) serveEdge(w http.ResponseWriter, r *http.Request) {
	address, err := identity.ParseAddress(r.PathValue("address"))
	if err != nil {
		problem(w, http.StatusBadRequest, "malformed", "want "+Path+"edges/ADDRESS, 0x and 40 hexadecimal digits")
		return
	}
	known, is := n.Edge(address)
	if !is {
		problem(w, http.StatusNotFound, codeUnknownEdge, fmt.Sprintf("%v is not known here: it has never been connected", address))
		return
	}
	reply(w, http.StatusOK, known)
}

// take reads what a checker or an owner sends, and answers.
func take[T any](n *Notary, w http.ResponseWriter, r *http.Request, do func(T) (any, error)) {
	var sent T
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
	if err == nil {
		err = json.Unmarshal(body, &sent)
	}
	if err != nil {
		problem(w, http.StatusBadRequest, "malformed", fmt.Sprintf("not what this takes: %v", err))
		return
	}
	answer, err := do(sent)
	var refused *Refused
	switch {
	case err == nil:
		reply(w, http.StatusOK, answer)
	case errors.As(err, &refused) && refused.Code == codeTooMany:
		problem(w, http.StatusTooManyRequests, refused.Code, refused.Reason)
	case errors.As(err, &refused):
		problem(w, http.StatusConflict, refused.Code, refused.Reason)
	default:
		n.config.Log.Error("what was sent cannot be kept", "error", err)
		problem(w, http.StatusInternalServerError, "not-kept", "it cannot be kept just now; send it again")
	}
}

// serveLog sends a log from an octet on, and waits for something to be there.
func (n *Notary) serveLog(w http.ResponseWriter, r *http.Request, waiting chan struct{}) {
	number, err := strconv.ParseUint(r.PathValue("number"), 10, 64)
	from, wait := int64(0), 0
	if text := r.URL.Query().Get("from"); err == nil && text != "" {
		from, err = strconv.ParseInt(text, 10, 64)
	}
	if text := r.URL.Query().Get("wait"); err == nil && text != "" {
		wait, err = strconv.Atoi(text)
	}
	if err != nil || from < 0 || wait < 0 {
		problem(w, http.StatusBadRequest, "malformed", "want "+Path+"epochs/NUMBER?from=OCTETS&wait=SECONDS")
		return
	}
	if wait > 0 {
		select {
		case waiting <- struct{}{}:
			n.await(r.Context(), number, from, min(time.Duration(wait)*time.Second, longestWait))
			<-waiting
		default: // there are many: it may come again
		}
	}
	file, err := os.Open(n.path(number))
	if err != nil {
		problem(w, http.StatusNotFound, "no-such-epoch", fmt.Sprintf("there is no log of epoch %d here", number))
		return
	}
	defer func() { _ = file.Close() }() // it was only read
	if _, err := file.Seek(from, io.SeekStart); err != nil {
		problem(w, http.StatusBadRequest, "malformed", err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/jsonl")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	var log io.Reader = file
	if wait > 0 { // who follows it comes again
		log = io.LimitReader(file, mostOctets)
	}
	if _, err := io.Copy(w, log); err != nil {
		n.config.Log.Debug("a log could not be sent", "error", err)
	}
}

// await waits until a log is longer than from octets, is of another epoch than the one that runs, or the time is over.
func (n *Notary) await(ctx context.Context, number uint64, from int64, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		n.mu.Lock()
		grown, running := n.grown, number == n.number
		n.mu.Unlock()
		info, err := os.Stat(n.path(number))
		if err != nil || !running || info.Size() > from {
			return
		}
		select {
		case <-grown:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

func reply(w http.ResponseWriter, status int, what any) {
	body, err := json.Marshal(what)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"title":"it cannot be written"}`)
	}
	send(w, status, "application/json", body)
}

// problem refuses as RFC 9457 has it.
func problem(w http.ResponseWriter, status int, code, detail string) {
	body, err := json.Marshal(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Code   string `json:"code"`
	}{"urn:nearlight:error:" + code, detail, status, code})
	if err != nil {
		status = http.StatusInternalServerError
	}
	send(w, status, "application/problem+json", body)
}

func send(w http.ResponseWriter, status int, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // whoever asked is gone, or has it
}
