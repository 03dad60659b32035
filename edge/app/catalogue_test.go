package app

import (
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
)

func TestTheEmbeddedCatalogueIsComplete(t *testing.T) {
	c, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"scene", "supertux", "etr", "kobo"} {
		if _, err := c.Lookup(name); err != nil {
			t.Error(err)
		}
	}
	for _, app := range c.Apps() {
		if len(app.Keys) == 0 {
			t.Errorf("%s: a player is not told its keys", app.Name)
		}
		if !app.Own && app.Package == "" {
			t.Errorf("%s: nothing says which package brings it", app.Name)
		}
		picture, err := fs.ReadFile(Pictures(), app.Name+".svg")
		if err != nil {
			t.Errorf("%s has no picture: %v", app.Name, err)
			continue
		}
		decoder := xml.NewDecoder(strings.NewReader(string(picture)))
		for err == nil {
			_, err = decoder.Token()
		}
		if !errors.Is(err, io.EOF) {
			t.Errorf("%s: its picture is not XML: %v", app.Name, err)
		}
		if !strings.Contains(string(picture), `viewBox="0 0 320 180"`) {
			t.Errorf("%s: its picture is not 16:9", app.Name)
		}
		for _, bad := range []string{"<script", "href", "<image"} {
			if strings.Contains(string(picture), bad) {
				t.Errorf("%s: its picture holds %s", app.Name, bad)
			}
		}
	}
}

func TestAHiddenAppIsFoundByNameAlone(t *testing.T) {
	c, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	challenge, err := c.Lookup("challenge")
	if err != nil || !challenge.Hidden {
		t.Errorf("hidden %v, %v", challenge.Hidden, err)
	}
	for _, app := range c.Apps() {
		if app.Hidden {
			t.Errorf("%s is shown", app.Name)
		}
	}
	if len(c.Hidden()) != 1 || c.Hidden()[0].Name != "challenge" {
		t.Errorf("hidden: %v", c.Hidden())
	}
	if _, err := c.Lookup("none"); err == nil || strings.Contains(err.Error(), "challenge") {
		t.Errorf("a wrong name is told of it: %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	const good = "- {name: game, title: Game, summary: One., package: game, program: game}\n"
	if c, err := Parse([]byte(good)); err != nil || len(c.Apps()) != 1 || c.Apps()[0].Pointer != PointerUnused {
		t.Fatalf("a good catalogue: %v, %v", c, err)
	}
	for _, step := range []struct{ reason, text string }{
		{"an unknown key", "- {name: game, title: Game, summary: One., program: game, colour: red}"},
		{"an app twice", good + good},
		{"no title", "- {name: game, summary: One., program: game}"},
		{"no program", "- {name: game, title: Game, summary: One.}"},
		{"a program of its own and another", "- {name: game, title: Game, summary: One., program: game, own: true}"},
		{"a name that is a path", "- {name: ../game, title: Game, summary: One., program: game}"},
		{"a package that is an option", "- {name: game, title: Game, summary: One., program: game, package: --purge}"},
		{"a file outside of the home", "- {name: game, title: Game, summary: One., program: game, files: [{path: ../x, content: y}]}"},
		{"an absolute file", "- {name: game, title: Game, summary: One., program: game, files: [{path: /etc/x, content: y}]}"},
		{"a pointer that is none", "- {name: game, title: Game, summary: One., program: game, pointer: maybe}"},
		{"a variable without a name", "- {name: game, title: Game, summary: One., program: game, environment: {'': x}}"},
		{"a variable without a name, without GPU", "- {name: game, title: Game, summary: One., program: game, without_gpu: {environment: {'a=b': x}}}"},
		{"a key that does nothing", "- {name: game, title: Game, summary: One., program: game, keys: [{keys: [A]}]}"},
		{"two documents", good + "---\n" + good},
		{"a map", "name: game"},
		{"what is not YAML", "\t- ["},
	} {
		if _, err := Parse([]byte(step.text)); err == nil {
			t.Errorf("%s was accepted", step.reason)
		}
	}
}

func TestLookupNamesWhatThereIs(t *testing.T) {
	c, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Lookup("quake")
	if !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "scene, supertux, etr, kobo") {
		t.Errorf("got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(embeddedCatalogue)
	f.Add([]byte("- {name: game, title: Game, summary: One., program: game}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse(text)
		if err != nil {
			return
		}
		for _, app := range c.Apps() {
			if found, err := c.Lookup(app.Name); err != nil || found.Name != app.Name {
				t.Errorf("%q is not found: %v", app.Name, err)
			}
		}
	})
}
