package duty

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"nearlight/checker/epoch"
	"nearlight/checker/notary"
	"nearlight/internal/identity"
)

const (
	askingTime  = 10 * time.Second
	followTime  = 25 * time.Second // that a notary is asked to wait for more
	followSlack = 10 * time.Second
)

// office is a notary as a checker asks it.
type office struct{ notary.Client }

func (o office) now(ctx context.Context) (now notary.Now, err error) {
	return now, o.Ask(ctx, http.MethodGet, "now", nil, &now)
}

func (o office) commit(ctx context.Context, c epoch.Commitment) error {
	return o.Ask(ctx, http.MethodPost, "commitments", c, nil)
}

func (o office) report(ctx context.Context, r epoch.Report) error {
	return o.Ask(ctx, http.MethodPost, "reports", r, nil)
}

// pass asks for a token to visit a task's edge with.
func (o office) pass(ctx context.Context, task epoch.Hash, by identity.Signer, now time.Time) (pass notary.Pass, err error) {
	now = now.Truncate(time.Second)
	signature, err := by.Sign(identity.Pass{Task: task, At: now}.Digest())
	if err != nil {
		return pass, err
	}
	err = o.Ask(ctx, http.MethodPost, "passes", notary.Request{Task: task, Checker: by.Address(), At: epoch.Millis(now.UnixMilli()), Signature: epoch.Signature(signature)}, &pass)
	return pass, err
}

// follow tells each entry of an epoch's log, from its beginning until its end, as they come. Whatever the notary sends instead is an error of take, or wraps
// epoch.ErrEntry.
func (o office) follow(ctx context.Context, number uint64, take func(epoch.Entry, []byte) error) error {
	offset := 0
	for sealed := false; !sealed; {
		if err := ctx.Err(); err != nil {
			return err
		}
		octets, err := o.more(ctx, number, offset)
		if err != nil {
			return err
		}
		whole := bytes.LastIndexByte(octets, '\n') + 1
		if whole == 0 && len(octets) > epoch.MaxLine {
			return fmt.Errorf("%w: a line of more than %d octets", epoch.ErrEntry, epoch.MaxLine)
		}
		offset += whole
		for line := range bytes.Lines(octets[:whole]) {
			line = bytes.TrimSuffix(line, []byte("\n"))
			e, err := epoch.Decode(line)
			if err == nil {
				err = take(e, line)
			}
			if err != nil {
				return err
			}
			sealed = sealed || e.End != nil
		}
	}
	return nil
}

func (o office) more(ctx context.Context, number uint64, offset int) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, followTime+followSlack)
	defer cancel()
	return o.Do(ctx, http.MethodGet, fmt.Sprintf("epochs/%d?from=%d&wait=%d", number, offset, int(followTime.Seconds())), nil)
}

// newOffice is the notary at a URL.
func newOffice(url string, client *http.Client) (office, error) {
	asks, err := notary.NewClient(url, client)
	return office{asks}, err
}

// Now is where the checks of the network at a URL are; a nil client is http.DefaultClient.
func Now(ctx context.Context, url string, client *http.Client) (notary.Now, error) {
	o, err := newOffice(url, client)
	if err != nil {
		return notary.Now{}, err
	}
	return o.now(ctx)
}

// errFound ends a log's reading before its end.
var errFound = errors.New("found")

// Score is a checker as the epoch that runs began with it.
func Score(ctx context.Context, url string, client *http.Client, checker identity.Address) (found epoch.Checker, err error) {
	ctx, cancel := context.WithTimeout(ctx, askingTime)
	defer cancel()
	o, err := newOffice(url, client)
	if err != nil {
		return found, err
	}
	now, err := o.now(ctx)
	if err != nil {
		return found, err
	}
	err = o.follow(ctx, now.Epoch, func(e epoch.Entry, _ []byte) error {
		switch {
		case e.Checker != nil && e.Checker.Address == checker:
			found = *e.Checker
			return errFound
		case e.Edge != nil, e.Task != nil: // checkers come first
			return unlicensed(checker, now.Epoch)
		}
		return nil
	})
	switch {
	case errors.Is(err, errFound):
		return found, nil
	case errors.Is(err, context.DeadlineExceeded): // the log has nothing but checkers yet
		return found, unlicensed(checker, now.Epoch)
	}
	return found, err
}

func unlicensed(checker identity.Address, number uint64) error {
	return fmt.Errorf("%v has no licence in epoch %d; send the network's operator what `nearlight checker card` prints", checker, number)
}
