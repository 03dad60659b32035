package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep claims and key sets may nest; ours are 3 deep.
const maxDepth = 8

// strictObject refuses JSON that two readers could take differently: not an object, names that appear twice in one, more than one value,
// other characters than UTF-8, depth.
func strictObject(data []byte) error {
	if !utf8.Valid(data) {
		return errors.New("not UTF-8")
	}
	trimmed := bytes.TrimLeft(data, " \t\r\n")
	if !json.Valid(data) || trimmed[0] != '{' {
		return errors.New("not a JSON object")
	}
	type level struct {
		names map[string]bool // nil in an array
		value bool            // in an object: the next token is a value
	}
	var levels []level
	tokens := json.NewDecoder(bytes.NewReader(data))
	tokens.UseNumber()
	for {
		token, err := tokens.Token()
		if err != nil {
			return fmt.Errorf("not JSON: %w", err)
		}
		if text, isText := token.(string); isText && len(levels) > 0 {
			if top := &levels[len(levels)-1]; top.names != nil && !top.value {
				if top.names[text] {
					return fmt.Errorf("%.64q appears twice", text)
				}
				top.names[text], top.value = true, true
				continue
			}
		}
		switch token {
		case json.Delim('{'):
			levels = append(levels, level{names: make(map[string]bool)})
		case json.Delim('['):
			levels = append(levels, level{})
		case json.Delim('}'), json.Delim(']'):
			levels = levels[:len(levels)-1]
			if len(levels) == 0 {
				return nil
			}
			levels[len(levels)-1].value = false
		default:
			levels[len(levels)-1].value = false
		}
		if len(levels) > maxDepth {
			return fmt.Errorf("nested deeper than %d", maxDepth)
		}
	}
}

// spelled refuses names that encoding/json takes for one of ours though they differ from it in capitals.
func spelled(data []byte, ours []string) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return err
	}
	for name := range fields {
		for _, known := range ours {
			if name != known && strings.EqualFold(name, known) {
				return fmt.Errorf("%.64q is spelled %q", name, known)
			}
		}
	}
	return nil
}
