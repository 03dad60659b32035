package duty

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"nearlight/checker/epoch"
	"nearlight/checker/notary"
	"nearlight/internal/identity"
)

// Earning is what a checker has earned in an epoch, by its log, which was verified for this.
type Earning struct {
	Epoch  uint64
	Sealed bool         // else it is what the epoch has come to so far
	Terms  *epoch.Terms // nil: nobody earns anything
	Score  epoch.Score  // the checker's at the end; none where it has no licence in the epoch
	// Wrong is how often the log says otherwise than it comes to.
	Wrong int
}

// Earnings are a checker's in the latest epochs, so many at the most, oldest first: what the network's logs come to, and not what it says. Logs that it does not
// keep any more are left out.
func Earnings(ctx context.Context, url string, client *http.Client, checker identity.Address, latest int) ([]Earning, error) {
	o, err := newOffice(url, client)
	if err != nil {
		return nil, err
	}
	now, err := o.now(ctx)
	if err != nil {
		return nil, err
	}
	var all []Earning
	for number := now.Epoch; number > 0 && len(all) < latest; number-- {
		checked, err := epoch.Verify(&wholeLines{ctx: ctx, from: o, number: number})
		var denied *notary.Denied
		if errors.As(err, &denied) && denied.Status == http.StatusNotFound {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("the log of epoch %d: %w", number, err)
		}
		if checked.Epoch != number {
			return nil, fmt.Errorf("the log of epoch %d is one of epoch %d", number, checked.Epoch)
		}
		one := Earning{Epoch: number, Sealed: checked.Sealed, Terms: checked.Outcome.Terms, Wrong: len(checked.Differences) + checked.More}
		if i := slices.IndexFunc(checked.Outcome.Scores, func(s epoch.Score) bool { return s.Address == checker }); i >= 0 {
			one.Score = checked.Outcome.Scores[i]
		}
		all = append(all, one)
	}
	slices.Reverse(all)
	return all, nil
}

// wholeLines reads a log as far as it is written, but for a line whose end is not there yet.
type wholeLines struct {
	ctx    context.Context
	from   office
	number uint64
	offset int
	left   []byte
}

// Read implements io.Reader.
func (w *wholeLines) Read(to []byte) (int, error) {
	if len(w.left) == 0 {
		ctx, cancel := context.WithTimeout(w.ctx, followTime)
		defer cancel()
		octets, err := w.from.Do(ctx, http.MethodGet, fmt.Sprintf("epochs/%d?from=%d", w.number, w.offset), nil)
		if err != nil {
			return 0, err
		}
		w.left = octets[:bytes.LastIndexByte(octets, '\n')+1]
		switch w.offset += len(w.left); {
		case len(w.left) == 0 && len(octets) > epoch.MaxLine:
			return 0, fmt.Errorf("%w: a line of more than %d octets", epoch.ErrEntry, epoch.MaxLine)
		case len(w.left) == 0:
			return 0, io.EOF
		}
	}
	n := copy(to, w.left)
	w.left = w.left[n:]
	return n, nil
}
