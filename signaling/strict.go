package signaling

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"unicode"
)

// maxDepth is how deep a message may nest; the deepest of ours is 5.
const maxDepth = 8

// inspect refuses what encoding/json would let pass and another reader would take differently: names that appear twice,
// names of ours in other capitals, further values behind the first, and depth. It returns the message's type and the names of
// the outermost object.
func inspect(data []byte) (kind string, names map[string]bool, err error) {
	if !json.Valid(data) {
		return "", nil, errors.New("not JSON, or more than one value")
	}
	if trimmed := bytes.TrimLeft(data, " \t\r\n"); trimmed[0] != '{' {
		return "", nil, errors.New("not a JSON object")
	}
	type level struct {
		names map[string]bool // nil in an array
		value bool            // in an object: the next token is a value
	}
	var (
		levels  []level
		current string // the outermost object's last name
		typed   bool
		tokens  = json.NewDecoder(bytes.NewReader(data))
	)
	tokens.UseNumber()
	for {
		token, err := tokens.Token()
		if err != nil {
			return "", nil, fmt.Errorf("not JSON: %w", err)
		}
		if text, isText := token.(string); isText && len(levels) > 0 {
			if top := &levels[len(levels)-1]; top.names != nil && !top.value {
				if top.names[text] {
					return "", nil, fmt.Errorf("%q appears twice", Cut(text, maxName))
				}
				if canonical, known := wireNames()[fold(text)]; known && canonical != text {
					return "", nil, fmt.Errorf("%q is spelled %q", Cut(text, maxName), canonical)
				}
				top.names[text], top.value = true, true
				if len(levels) == 1 {
					current = text
				}
				continue
			}
			if len(levels) == 1 && current == "type" {
				kind, typed = text, true
			}
		}
		delim, isDelim := token.(json.Delim)
		if isDelim && (delim == '{' || delim == '[') {
			if len(levels) == maxDepth {
				return "", nil, fmt.Errorf("nested deeper than %d", maxDepth)
			}
			next := level{}
			if delim == '{' {
				next.names = make(map[string]bool)
			}
			levels = append(levels, next)
			continue
		}
		if isDelim {
			if len(levels) == 1 {
				if !typed {
					return "", nil, errors.New("no type")
				}
				return kind, levels[0].names, nil
			}
			levels = levels[:len(levels)-1]
		}
		levels[len(levels)-1].value = false // a value is over
	}
}

// wireNames holds the JSON names of all messages, by their folded form.
var wireNames = sync.OnceValue(func() map[string]string {
	names := map[string]string{fold("type"): "type"}
	for _, d := range []Message{
		Play{}, Offer{}, Answer{}, Bound{}, Candidate{}, Install{}, Matched{}, Progress{}, Checked{}, Installing{}, Ended{}, Failed{},
		Login{}, Challenge{}, Register{}, Status{}, Refuse{}, Living{}, Registered{}, Start{}, Probe{}, Stop{}, Measure{}, Measured{}, Usage{}, Counted{},
	} {
		collectNames(reflect.TypeOf(d), names)
	}
	return names
})

func collectNames(t reflect.Type, names map[string]string) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		collectNames(t.Elem(), names)
	case reflect.Struct:
		for i := range t.NumField() {
			field := t.Field(i)
			if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" { // an embedded struct has none of its own
				names[fold(name)] = name
			}
			collectNames(field.Type, names)
		}
	}
}

// fold maps names that encoding/json takes for the same to the same.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		smallest := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			smallest = min(smallest, next)
		}
		return smallest
	}, name)
}
