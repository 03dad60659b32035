// Package openapitest holds answers against docs/openapi.yaml, for tests of whoever gives them.
package openapitest

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// document is docs/openapi.yaml as it is read: maps, lists and scalars. The schemas use the few words of JSON Schema that valid knows.
var document = sync.OnceValues(func() (map[string]any, error) {
	text, err := os.ReadFile(filepath.Join(root(), "docs", "openapi.yaml"))
	if err != nil {
		return nil, err
	}
	var d map[string]any
	return d, yaml.Unmarshal(text, &d)
})

// root is the folder above the working directory, a test's package's, that has go.mod.
func root() string {
	for folder := "."; ; folder = filepath.Join("..", folder) {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil || len(folder) > 64 {
			return folder
		}
	}
}

// Document returns the whole of it.
func Document(t testing.TB) map[string]any {
	t.Helper()
	d, err := document()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// At follows names into the document, and references on the way.
func At(d, in any, names ...string) any {
	for _, name := range names {
		m, _ := resolved(d, in).(map[string]any)
		in = m[name]
	}
	return resolved(d, in)
}

func resolved(d, in any) any {
	for {
		m, _ := in.(map[string]any)
		reference, ok := m["$ref"].(string)
		if !ok {
			return in
		}
		in = d
		for name := range strings.SplitSeq(strings.TrimPrefix(reference, "#/"), "/") {
			in = in.(map[string]any)[name]
		}
	}
}

// Conforms holds an answer against the document.
func Conforms(t testing.TB, method, path string, response *http.Response, body string) {
	t.Helper()
	d := Document(t)
	var item any
	template := ""
	for pattern, described := range d["paths"].(map[string]any) {
		expression := "^" + regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(pattern, "[^/]+") + "$"
		if regexp.MustCompile(expression).MatchString(path) {
			item, template = described, pattern
		}
	}
	operation := At(d, item, strings.ToLower(method))
	if operation == nil {
		if response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") == "" {
			t.Errorf("docs/openapi.yaml has no %s %s, which was answered with %s", method, path, response.Status)
		}
		return
	}
	status := fmt.Sprint(response.StatusCode)
	answer := At(d, operation, "responses", status)
	if answer == nil {
		t.Errorf("docs/openapi.yaml: %s %s has no answer %s: %s", method, template, status, body)
		return
	}
	headers, _ := At(d, answer, "headers").(map[string]any)
	for name, header := range headers {
		value := response.Header.Get(name)
		if value == "" {
			if At(d, header, "required") == true {
				t.Errorf("%s %s, %s: the header %s is missing", method, template, status, name)
			}
			continue
		}
		if err := valid(d, At(d, header, "schema"), value); err != nil {
			t.Errorf("%s %s, %s: header %s: %v", method, template, status, name, err)
		}
	}
	contents, _ := At(d, answer, "content").(map[string]any)
	if len(contents) == 0 {
		if body != "" {
			t.Errorf("%s %s, %s: a body that the document does not have: %s", method, template, status, body)
		}
		return
	}
	kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	content := contents[kind]
	if err != nil || content == nil {
		t.Errorf("%s %s, %s: a body of type %q", method, template, status, kind)
		return
	}
	var value any = body
	if strings.HasSuffix(kind, "json") {
		if err := json.Unmarshal([]byte(body), &value); err != nil {
			t.Errorf("%s %s, %s: %v", method, template, status, err)
			return
		}
	}
	if err := valid(d, At(d, content, "schema"), value); err != nil {
		t.Errorf("%s %s, %s: %v: %s", method, template, status, err, body)
	}
}

// known are the words of JSON Schema (2020-12) that valid checks, or that say nothing to check.
var known = []string{"type", "required", "properties", "additionalProperties", "items", "enum", "pattern", "maxLength", "minimum", "maximum", "description", "format", "$ref"}

// valid holds a value against a schema.
func valid(d, in any, value any) error {
	schema, ok := resolved(d, in).(map[string]any)
	if !ok {
		return fmt.Errorf("%v is no schema", in)
	}
	for word := range schema {
		if !slices.Contains(known, word) {
			return fmt.Errorf("the schema uses %q, which this check does not know", word)
		}
	}
	if list, ok := schema["enum"].([]any); ok && !slices.Contains(list, value) {
		return fmt.Errorf("%v is none of %v", value, list)
	}
	switch want := schema["type"]; want {
	case "string":
		text, ok := value.(string)
		if !ok {
			return fmt.Errorf("%v is no string", value)
		}
		if most, ok := schema["maxLength"].(int); ok && utf8.RuneCountInString(text) > most {
			return fmt.Errorf("%q is longer than %d", text, most)
		}
		if format, ok := schema["format"].(string); ok {
			if _, err := time.Parse(time.RFC3339Nano, text); format != "date-time" || err != nil {
				return fmt.Errorf("%q is not of the format %s", text, format)
			}
		}
		if pattern, ok := schema["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(text) {
			return fmt.Errorf("%q does not match %s", text, pattern)
		}
	case "boolean":
		if _, ok := value.(bool); !ok {
			return fmt.Errorf("%v is no boolean", value)
		}
	case "number":
		if _, ok := value.(float64); !ok {
			return fmt.Errorf("%v is no number", value)
		}
	case "integer":
		number, ok := value.(float64)
		if !ok || number != float64(int(number)) {
			return fmt.Errorf("%v is no integer", value)
		}
		if least, ok := schema["minimum"].(int); ok && int(number) < least {
			return fmt.Errorf("%v is less than %d", number, least)
		}
		if most, ok := schema["maximum"].(int); ok && int(number) > most {
			return fmt.Errorf("%v is more than %d", number, most)
		}
	case "array":
		list, ok := value.([]any)
		if !ok {
			return fmt.Errorf("%v is no array", value)
		}
		for _, one := range list {
			if err := valid(d, schema["items"], one); err != nil {
				return err
			}
		}
	case "object":
		object, ok := value.(map[string]any)
		if !ok {
			return fmt.Errorf("%v is no object", value)
		}
		properties, _ := schema["properties"].(map[string]any)
		required, _ := schema["required"].([]any)
		for _, name := range required {
			if _, ok := object[name.(string)]; !ok {
				return fmt.Errorf("%v has no %v", object, name)
			}
		}
		for name, one := range object {
			described, ok := properties[name]
			if !ok {
				switch more := schema["additionalProperties"].(type) {
				case map[string]any:
					described = more
				case bool:
					return fmt.Errorf("%q is not described", name)
				default:
					continue
				}
			}
			if err := valid(d, described, one); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	default:
		return fmt.Errorf("the schema is of type %v", want)
	}
	return nil
}
