package notary

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"nearlight/checker/epoch"
	"nearlight/internal/identity"
)

// Bounds of what a notary answers.
const (
	mostAnswer = 8 << 20
	askingTime = 10 * time.Second
)

// Denied is a notary's refusal, as one reads it who has asked.
type Denied struct {
	Status int    `json:"-"` // of HTTP
	Code   string `json:"code"`
	Title  string `json:"title"`
}

func (d *Denied) Error() string {
	return fmt.Sprintf("the notary refuses it: %s (%s, %d)", d.Title, d.Code, d.Status)
}

// Client asks a notary.
type Client struct {
	base string // without the slash at its end
	http *http.Client
}

// NewClient asks the notary of the network at a URL; a nil client is http.DefaultClient.
func NewClient(url string, client *http.Client) (Client, error) {
	if !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") {
		return Client{}, errors.New("the notary's address begins with http:// or https://")
	}
	if client == nil {
		client = http.DefaultClient
	}
	return Client{base: strings.TrimSuffix(url, "/"), http: client}, nil
}

// Edge is what is known of an edge.
func (c Client) Edge(ctx context.Context, edge identity.Address) (known Owned, err error) {
	return known, c.Ask(ctx, http.MethodGet, "edges/"+edge.String(), nil, &known)
}

// Appeal has a check done again that the signer, an edge, has failed.
func (c Client) Appeal(ctx context.Context, task epoch.Hash, edge identity.Signer, now time.Time) (answer Answer, err error) {
	now = now.Truncate(time.Second)
	signature, err := edge.Sign(identity.Appeal{Task: task, At: now}.Digest())
	if err != nil {
		return answer, err
	}
	sent := Appeal{Edge: edge.Address(), Task: task, At: epoch.Millis(now.UnixMilli()), Signature: epoch.Signature(signature)}
	return answer, c.Ask(ctx, http.MethodPost, "appeals", sent, &answer)
}

// Wish says what the signer, an edge, is to do: drain, return, leave or revoke.
func (c Client) Wish(ctx context.Context, what string, edge identity.Signer, now time.Time) (answer Answer, err error) {
	now = now.Truncate(time.Second)
	request, err := http.NewRequest(http.MethodPost, c.base, nil)
	if err != nil {
		return answer, err
	}
	signature, err := edge.Sign(identity.Wish{Host: strings.ToLower(request.Host), What: what, At: now}.Digest())
	if err != nil {
		return answer, err
	}
	sent := Wish{Edge: edge.Address(), What: what, At: epoch.Millis(now.UnixMilli()), Signature: epoch.Signature(signature)}
	return answer, c.Ask(ctx, http.MethodPost, "wishes", sent, &answer)
}

// Ask sends something to what is below Path, and reads the answer; nil sends, or wants, nothing. An error is a *Denied, or of the network.
func (c Client) Ask(ctx context.Context, method, what string, send, receive any) error {
	ctx, cancel := context.WithTimeout(ctx, askingTime)
	defer cancel()
	var body io.Reader
	if send != nil {
		octets, err := json.Marshal(send)
		if err != nil {
			return err
		}
		body = bytes.NewReader(octets)
	}
	answer, err := c.Do(ctx, method, what, body)
	if err != nil || receive == nil {
		return err
	}
	if err := json.Unmarshal(answer, receive); err != nil {
		return fmt.Errorf("the notary's answer: %w", err)
	}
	return nil
}

// Do is Ask with octets.
func (c Client) Do(ctx context.Context, method, what string, body io.Reader) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base+Path+what, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask the notary: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // it is read, or not wanted
	octets, err := io.ReadAll(io.LimitReader(response.Body, mostAnswer))
	if err != nil {
		return nil, fmt.Errorf("the notary's answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		refused := &Denied{Status: response.StatusCode}
		if json.Unmarshal(octets, refused) != nil || refused.Title == "" {
			refused.Title, refused.Code = http.StatusText(response.StatusCode), "no-reason"
		}
		return nil, refused
	}
	return octets, nil
}
