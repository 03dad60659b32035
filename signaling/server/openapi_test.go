package server_test

import (
	"net/http"
	"strings"
	"testing"

	"nearlight/internal/openapitest"
	"nearlight/signaling"
	"nearlight/signaling/token"
)

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
	d := openapitest.Document(t)
	if version, _ := d["openapi"].(string); !strings.HasPrefix(version, "3.1.") {
		t.Errorf("openapi: %v", d["openapi"])
	}
	var references func(any)
	references = func(in any) {
		switch in := in.(type) {
		case map[string]any:
			if reference, ok := in["$ref"].(string); ok && openapitest.At(d, in) == nil {
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
			name, _ := openapitest.At(d, operation, "operationId").(string)
			if name == "" || names[name] {
				t.Errorf("%s %s has no name of its own", method, path)
			}
			names[name] = true
		}
	}
}
