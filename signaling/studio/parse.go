package studio

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"nearlight/signaling/token"
)

// The bounds of a roster.
const (
	MaxFile    = 1 << 18 // octets of its text
	maxStudios = 256     // each is a label of the metrics
	maxOrigins = 32
	maxRegions = 16
	maxCount   = 1_000_000
)

// Parse reads a roster: YAML, a mapping of studios to mappings of their limits.
//
//	acme:
//	  origins: [https://play.acme.example, self]
//	  sessions: 200
//	  requests-per-minute: 6000
//	  bitrate: 12M
//	  price: 150
//	  regions: [eu, de]
//
// What is unknown, twice or out of bounds is an error that names the line, the studio and the field.
func Parse(text []byte) (Roster, error) {
	r := Roster{limits: make(map[string]Limits), origins: make(map[string]bool)}
	if len(text) > MaxFile {
		return Roster{}, fmt.Errorf("it has more than %d octets", MaxFile)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF): // nothing but remarks
		return r, nil
	case err != nil:
		return Roster{}, err
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return Roster{}, errors.New("want one document, without --- in it")
	}
	studios, err := mapping(document.Content[0])
	if err != nil {
		return Roster{}, err
	}
	if len(studios) > maxStudios {
		return Roster{}, fmt.Errorf("%d studios, the limit is %d", len(studios), maxStudios)
	}
	for _, of := range studios {
		if !IsName(of.name) {
			return Roster{}, fmt.Errorf("line %d: %.64q is no studio's name: want small letters, digits and -", of.line, of.name)
		}
		limits, err := readLimits(of.value)
		if err != nil {
			return Roster{}, fmt.Errorf("line %d: %s: %w", of.line, of.name, err)
		}
		r.names, r.limits[of.name] = append(r.names, of.name), limits
		for _, origin := range limits.Origins {
			r.origins[origin] = origin != Self
		}
	}
	slices.Sort(r.names)
	return r, nil
}

// field is one of a mapping.
type field struct {
	name  string
	line  int
	value *yaml.Node
}

// mapping reads the fields of a mapping, in its order.
func mapping(node *yaml.Node) ([]field, error) {
	if node.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("line %d: want a mapping, NAME: VALUE on each line", node.Line)
	}
	fields := make([]field, 0, len(node.Content)/2)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		if key.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("line %d: want a name", key.Line)
		}
		if slices.ContainsFunc(fields, func(f field) bool { return f.name == key.Value }) {
			return nil, fmt.Errorf("line %d: %.64q is there twice", key.Line, key.Value)
		}
		fields = append(fields, field{key.Value, key.Line, node.Content[i+1]})
	}
	return fields, nil
}

func readLimits(node *yaml.Node) (l Limits, err error) {
	if node.Kind == yaml.ScalarNode && node.Tag == "!!null" { // NAME: alone
		return Limits{}, nil
	}
	fields, err := mapping(node)
	if err != nil {
		return Limits{}, err
	}
	for _, f := range fields {
		switch f.name {
		case "origins":
			l.Origins, err = list(f.value, maxOrigins, origin)
		case "sessions":
			l.Sessions, err = count(f.value)
		case "requests-per-minute":
			l.Requests, err = count(f.value)
		case "bitrate":
			l.Bitrate, err = bitrate(f.value)
		case "price":
			l.Price, err = price(f.value)
		case "regions":
			l.Regions, err = list(f.value, maxRegions, region)
		default:
			err = errors.New("there is no such limit; want origins, sessions, requests-per-minute, bitrate, price or regions")
		}
		if err != nil {
			return Limits{}, fmt.Errorf("%.64s (line %d): %w", f.name, f.line, err)
		}
	}
	return l, nil
}

// list reads a list of texts that are not there twice.
func list(node *yaml.Node, most int, read func(string) (string, error)) (all []string, err error) {
	if node.Kind != yaml.SequenceNode || len(node.Content) == 0 || len(node.Content) > most {
		return nil, fmt.Errorf("want a list of 1 to %d, [A, B]; leave it out to limit nothing", most)
	}
	for _, entry := range node.Content {
		if entry.Kind != yaml.ScalarNode {
			return nil, errors.New("want a list of plain texts")
		}
		one, err := read(entry.Value)
		if err != nil {
			return nil, err
		}
		if slices.Contains(all, one) {
			return nil, fmt.Errorf("%.128q is there twice", one)
		}
		all = append(all, one)
	}
	return all, nil
}

// origin reads an origin as browsers serialise it (RFC 6454, section 6.1), in small letters.
func origin(text string) (string, error) {
	text = strings.ToLower(text)
	if text == Self {
		return text, nil
	}
	parsed, err := url.Parse(text)
	if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" || text != parsed.Scheme+"://"+parsed.Host ||
		strings.ContainsAny(parsed.Host, "*") {
		return "", fmt.Errorf("%.128q: want SCHEME://HOST or SCHEME://HOST:PORT, such as https://play.example, or %s for this server's own pages", text, Self)
	}
	return text, nil
}

func region(text string) (string, error) {
	if !token.IsRegion(text) {
		return "", fmt.Errorf("%.64q: want small letters, digits and -, as edges name their regions", text)
	}
	return text, nil
}

func number(node *yaml.Node, most uint64) (uint64, error) {
	value, err := strconv.ParseUint(node.Value, 10, 64)
	if node.Kind != yaml.ScalarNode || err != nil || value < 1 || value > most {
		return 0, fmt.Errorf("%.32q: want a whole number from 1 to %d; leave it out to limit nothing", node.Value, most)
	}
	return value, nil
}

func count(node *yaml.Node) (int, error) {
	value, err := number(node, maxCount)
	return int(value), err
}

// price is as tokens have it.
func price(node *yaml.Node) (uint64, error) { return number(node, 1<<53-1) }

// bitrate reads bits per second, such as 12M or 2500k.
func bitrate(node *yaml.Node) (int64, error) {
	digits, unit := node.Value, int64(1)
	if cut, found := strings.CutSuffix(digits, "M"); found {
		digits, unit = cut, 1_000_000
	} else if cut, found := strings.CutSuffix(digits, "k"); found {
		digits, unit = cut, 1000
	}
	value, err := strconv.ParseInt(digits, 10, 64)
	if node.Kind != yaml.ScalarNode || err != nil || value < 1 || value > token.MaxBitrate/unit || value*unit < token.MinBitrate {
		return 0, fmt.Errorf("%.32q: want %d to %d bit/s, such as 12M or 2500k", node.Value, token.MinBitrate, token.MaxBitrate)
	}
	return value * unit, nil
}
