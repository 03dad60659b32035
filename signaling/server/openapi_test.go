package server_test

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"nearlight/signaling"
	"nearlight/signaling/token"
)

// document is docs/openapi.yaml as it is read: maps, lists and scalars. The schemas use the few words of JSON Schema that valid knows.
var document = sync.OnceValues(func() (map[string]any, error) {
	text, err := os.ReadFile("../../docs/openapi.yaml")
	if err != nil {
		return nil, err
	}
	var d map[string]any
	return d, yaml.Unmarshal(text, &d)
})

func described(t testing.TB) map[string]any {
	t.Helper()
	d, err := document()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// at follows names into the document, and references on the way.
func at(d, in any, names ...string) any {
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

// conforms holds an answer against the document.
func conforms(t testing.TB, method, path string, response *http.Response, body string) {
	t.Helper()
	d := described(t)
	var item any
	template := ""
	for pattern, described := range d["paths"].(map[string]any) {
		expression := "^" + regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(pattern, "[^/]+") + "$"
		if regexp.MustCompile(expression).MatchString(path) {
			item, template = described, pattern
		}
	}
	operation := at(d, item, strings.ToLower(method))
	if operation == nil {
		if response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") == "" {
			t.Errorf("docs/openapi.yaml has no %s %s, which was answered with %s", method, path, response.Status)
		}
		return
	}
	status := fmt.Sprint(response.StatusCode)
	answer := at(d, operation, "responses", status)
	if answer == nil {
		t.Errorf("docs/openapi.yaml: %s %s has no answer %s: %s", method, template, status, body)
		return
	}
	headers, _ := at(d, answer, "headers").(map[string]any)
	for name, header := range headers {
		value := response.Header.Get(name)
		if value == "" {
			if at(d, header, "required") == true {
				t.Errorf("%s %s, %s: the header %s is missing", method, template, status, name)
			}
			continue
		}
		if err := valid(d, at(d, header, "schema"), value); err != nil {
			t.Errorf("%s %s, %s: header %s: %v", method, template, status, name, err)
		}
	}
	contents, _ := at(d, answer, "content").(map[string]any)
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
	if err := valid(d, at(d, content, "schema"), value); err != nil {
		t.Errorf("%s %s, %s: %v: %s", method, template, status, err, body)
	}
}

// known are the words of JSON Schema (2020-12) that valid checks, or that say nothing to check.
var known = []string{"type", "required", "properties", "additionalProperties", "items", "enum", "pattern", "maxLength", "minimum", "maximum", "description", "$ref"}

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
		if pattern, ok := schema["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(text) {
			return fmt.Errorf("%q does not match %s", text, pattern)
		}
	case "boolean":
		if _, ok := value.(bool); !ok {
			return fmt.Errorf("%v is no boolean", value)
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
				if schema["additionalProperties"] == false {
					return fmt.Errorf("%q is not described", name)
				}
				continue
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

func TestHealthAndAppsAnswerAsTheDocumentSays(t *testing.T) {
	w := newWatched(t, nil)
	play := "Bearer " + w.network.token(token.Claims{Role: token.Player, Rights: []token.Right{token.Play}})
	for _, step := range []struct {
		method, path string
		header       []string
		want         int
	}{
		{http.MethodGet, signaling.HealthPath, nil, http.StatusOK},
		{http.MethodGet, signaling.AppsPath, []string{"Authorization", play}, http.StatusOK},
		{http.MethodGet, signaling.AppsPath, []string{"Authorization", ""}, http.StatusUnauthorized},
		{http.MethodGet, signaling.AppsPath, []string{"Origin", "https://evil.example"}, http.StatusForbidden},
		{http.MethodOptions, signaling.AppsPath, nil, http.StatusNoContent},
	} {
		if response, text := w.ask(step.method, step.path, "", step.header...); response.StatusCode != step.want {
			t.Errorf("%s %s: %s %s", step.method, step.path, response.Status, text)
		}
	}
}

func TestTheDocumentIsWhole(t *testing.T) {
	d := described(t)
	if version, _ := d["openapi"].(string); !strings.HasPrefix(version, "3.1.") {
		t.Errorf("openapi: %v", d["openapi"])
	}
	var references func(any)
	references = func(in any) {
		switch in := in.(type) {
		case map[string]any:
			if reference, ok := in["$ref"].(string); ok && at(d, in) == nil {
				t.Errorf("%s leads nowhere", reference)
			}
			for _, one := range in {
				references(one)
			}
		case []any:
			for _, one := range in {
				references(one)
			}
		}
	}
	references(d)
	names := make(map[string]bool)
	for path, item := range d["paths"].(map[string]any) {
		for method, operation := range item.(map[string]any) {
			if method == "parameters" {
				continue
			}
			name, _ := at(d, operation, "operationId").(string)
			if name == "" || names[name] {
				t.Errorf("%s %s has no name of its own", method, path)
			}
			names[name] = true
		}
	}
}
