package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"nearlight/checker/epoch"
	"nearlight/checker/notary"
	"nearlight/checker/purse"
	"nearlight/internal/identity"
	"nearlight/signaling/server"
	"nearlight/signaling/token"
)

// purseName is the file of the tokens by which checkers come as players do, in the folder of the log.
const purseName = "tokens"

// openPurse opens it, in the folder of the log.
func openPurse(c *checks, folder string, mint *purse.Mint) (*purse.Purse, error) {
	return purse.Open(purse.Config{
		Path: filepath.Join(folder, purseName), Except: challengeApp, Mint: mint, Log: c.logger,
		Playable: func(raw string) (token.Claims, error) { return c.signals.Playable(raw) },
	})
}

// shopOf is an edge as tokens see it.
func shopOf(edge identity.Address, o server.Offer) purse.Shop {
	return purse.Shop{Edge: edge, Apps: o.Apps, Regions: o.Regions, Price: o.Price, Root: o.Root}
}

// shop gives a checker a token to come with as players do, and has signaling lead it to the task's edge.
func (c *checks) shop(task epoch.Task) (notary.Pass, error) {
	offer, there := c.signals.OfferOf(task.Edge)
	if !there {
		return notary.Pass{}, fmt.Errorf("%w: the edge is not connected", notary.ErrNoPass)
	}
	// The seed is the task's, so that all of its checkers play the same app where their tokens allow the same ones.
	t, err := c.purse.Take(shopOf(task.Edge, offer), binary.BigEndian.Uint64(task.Seed[:]))
	switch {
	case errors.Is(err, purse.ErrNone):
		return notary.Pass{}, fmt.Errorf("%w: %w", notary.ErrNoPass, err)
	case err != nil:
		return notary.Pass{}, err
	}
	c.signals.Steer(t.ID, task.Edge, task.CommitBy.Time())
	return notary.Pass{Token: t.Raw, App: t.App}, nil
}

// closed says why nobody can visit an edge as players do, "" where somebody can.
func (c *checks) closed(edge identity.Address) string {
	offer, there := c.signals.OfferOf(edge)
	if !there {
		return "the edge is not connected"
	}
	return c.purse.Why(shopOf(edge, offer))
}

// mint is what signs tokens like a studio's players'; nil where its key is elsewhere.
func (f *checksFlags) mint() (*purse.Mint, error) {
	if f.studioKey == "" && f.playerToken == "" {
		return nil, nil
	}
	if f.studioKey == "" || f.playerToken == "" {
		return nil, usage("--check-studio-key and --check-player-token go together: a studio's key, and a token that it has signed for a player")
	}
	key, err := readKey(f.studioKey)
	if err != nil {
		return nil, err
	}
	issuer, err := token.NewIssuer(key, token.Scope{}, time.Now)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(f.playerToken)
	if err != nil {
		return nil, usage("--check-player-token: %w", err)
	}
	mint, err := mintLike(issuer, strings.TrimSpace(string(text)))
	if err != nil {
		return nil, usage("--check-player-token: %w", err)
	}
	return mint, nil
}

// mintLike signs what an edge cannot tell from a token that a player had.
func mintLike(issuer *token.Issuer, raw string) (*purse.Mint, error) {
	issued, expires, err := token.Lifetime(raw)
	if err != nil {
		return nil, err
	}
	then := func() time.Time { return issued } // it may have expired since
	claims, err := token.NewVerifier(issuer.Keys(), token.Scope{}, then).Verify(raw, token.Player)
	if err != nil {
		return nil, fmt.Errorf("the key of --check-studio-key has not signed it: %w", err)
	}
	switch {
	case !claims.Allows(token.Play):
		return nil, errors.New("it is not good for playing")
	case len(claims.Edges) > 0 || !claims.Holder.IsZero():
		return nil, errors.New("it names edges, or the key of its player: no other could be like it")
	}
	mint := &purse.Mint{Issuer: issuer, Like: claims, Life: expires.Sub(issued)}
	like := claims
	like.ID, like.From, like.Expires = "", time.Time{}, time.Now().Add(mint.Life)
	made, err := issuer.Issue(like)
	if err != nil {
		return nil, err
	}
	theirs, err := shapeOf(raw)
	if err != nil {
		return nil, err
	}
	ours, err := shapeOf(made)
	if err != nil {
		return nil, err
	}
	if len(claims.ID) != len(rand.Text()) || strings.Trim(claims.ID, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		theirs = append(theirs, "with a jti of another form")
	}
	if !slices.Equal(theirs, ours) {
		return nil, fmt.Errorf("it is written in another way than nearlight does it, which an edge could tell (%s; here %s): have the studio leave tokens of its own", strings.Join(theirs, " "), strings.Join(ours, " "))
	}
	return mint, nil
}

// shapeOf is what shows of a token's maker: its header, and the names of its claims in their order.
func shapeOf(raw string) ([]string, error) {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return nil, errors.New("a token has three parts")
	}
	var shape []string
	for i, part := range parts[:2] {
		text, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			shape = append(shape, string(text))
			continue
		}
		names, err := memberNames(text)
		if err != nil {
			return nil, err
		}
		shape = append(shape, names...)
	}
	return shape, nil
}

// memberNames are those of a JSON object, in their order.
func memberNames(text []byte) (names []string, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if first, err := decoder.Token(); err != nil || first != json.Delim('{') {
		return nil, errors.Join(errors.New("not an object"), err)
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, err
		}
		names = append(names, fmt.Sprint(name))
	}
	return names, nil
}
