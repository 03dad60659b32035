package web

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

func TestThePlaceholderIsEmbeddedAndSaysHowToBuildThePages(t *testing.T) {
	text, err := fs.ReadFile(dist, "dist/"+placeholderPage)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "make build") {
		t.Errorf("placeholder does not name `make build`:\n%s", text)
	}
}

func TestWithoutABuildTheOnlyPageIsThePlaceholder(t *testing.T) {
	got, built := pages(fstest.MapFS{placeholderPage: {Data: []byte("run make build")}})
	if built {
		t.Error("built is true without an index.html")
	}
	text, err := fs.ReadFile(got, indexPage)
	if err != nil || string(text) != "run make build" {
		t.Errorf("index.html: %q, %v", text, err)
	}
	if _, err := fs.Stat(got, placeholderPage); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("placeholder.html under its own name: %v, want not to exist", err)
	}
}

func TestABuiltPageIsServedAsItIs(t *testing.T) {
	got, built := pages(fstest.MapFS{
		indexPage:        {Data: []byte("<!doctype html>")},
		"assets/main.js": {Data: []byte("1")},
		placeholderPage:  {Data: []byte("run make build")},
	})
	if !built {
		t.Error("built is false beside an index.html")
	}
	for _, name := range []string{indexPage, "assets/main.js"} {
		if _, err := fs.Stat(got, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPagesAlwaysHaveAnIndex(t *testing.T) {
	got, _ := Pages()
	if _, err := fs.Stat(got, indexPage); err != nil {
		t.Error(err)
	}
}
