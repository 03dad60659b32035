package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"nearlight/checker/epoch"
	"nearlight/internal/identity"
)

// card is a checker as a file of licences has it, a line of JSON.
type card struct {
	Address identity.Address `json:"address"`
	Owner   identity.Address `json:"owner"`
	Key     epoch.Hash       `json:"key"` // that it is drawn by
	Stake   uint64           `json:"stake"`
	Place   *epoch.Place     `json:"place,omitempty"` // where it says that it is
}

// licence is the card as a log has it, which tells places to a tenth of a degree, however exact the card is.
func (c card) licence() (epoch.Checker, error) {
	licensed := epoch.Checker{Address: c.Address, Owner: c.Owner, Key: c.Key, Stake: c.Stake}
	if c.Place != nil {
		place, ok := epoch.PlaceOf(c.Place.Latitude, c.Place.Longitude)
		if !ok {
			return licensed, fmt.Errorf("the place %v, %v is not on the Earth: want a latitude from -90 to 90 and a longitude from -180 to 180", c.Place.Latitude, c.Place.Longitude)
		}
		licensed.Place = &place
	}
	return licensed, nil
}

// cardOf is that of who has these keys, and does not say where it is.
func cardOf(k checkerKeys, owner identity.Address, stake uint64) card {
	return card{Address: k.key.Address(), Owner: owner, Key: epoch.Hash(k.draw.Public()), Stake: stake}
}

// maxLicences bounds the file of licences, in octets: some 30,000 checkers.
const maxLicences = 8 << 20

// parseLicences reads a card a line, as `nearlight checker card` prints it; a line that begins with # is a remark.
func parseLicences(content []byte) ([]epoch.Checker, error) {
	var all []epoch.Checker
	seen := make(map[identity.Address]bool)
	number := 0
	for line := range bytes.Lines(content) {
		number++
		if line = bytes.TrimSpace(line); len(line) == 0 || line[0] == '#' {
			continue
		}
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.DisallowUnknownFields()
		var c card
		if err := decoder.Decode(&c); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		switch {
		case c.Address.IsZero() || c.Key == (epoch.Hash{}):
			return nil, fmt.Errorf("line %d: a licence has an address and a key; `nearlight checker card` prints it", number)
		case c.Stake == 0:
			return nil, fmt.Errorf("line %d: %v has no stake, and would never be drawn", number, c.Address)
		case seen[c.Address]:
			return nil, fmt.Errorf("line %d: %v is licensed twice", number, c.Address)
		}
		licensed, err := c.licence()
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		seen[c.Address] = true
		all = append(all, licensed)
	}
	if len(all) == 0 {
		return nil, errors.New("it licenses nobody")
	}
	return all, nil
}
