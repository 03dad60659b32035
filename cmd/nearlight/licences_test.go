package main

import (
	"encoding/json"
	"strings"
	"testing"

	"nearlight/checker/epoch"
	"nearlight/internal/identity"
)

func TestLicencesAreCardsALine(t *testing.T) {
	keys, err := newCheckerKeys()
	if err != nil {
		t.Fatal(err)
	}
	owner := identity.Address{1}
	line, err := json.Marshal(cardOf(keys, owner, 3))
	if err != nil {
		t.Fatal(err)
	}
	want := epoch.Checker{Address: keys.key.Address(), Owner: owner, Key: epoch.Hash(keys.draw.Public()), Stake: 3}
	got, err := parseLicences([]byte("# of the first studio\n\n  " + string(line) + "\n"))
	if err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	placed, err := parseLicences([]byte(strings.Replace(string(line), `"stake"`, `"place":{"latitude":52.5163,"longitude":13.3777},"stake"`, 1)))
	if err != nil || len(placed) != 1 || placed[0].Place == nil || *placed[0].Place != (epoch.Place{Latitude: 52.5, Longitude: 13.4}) {
		t.Errorf("of an exact place the log gets %+v, %v", placed, err)
	}
	for what, row := range map[string]struct{ text, says string }{
		"nothing":              {"# nobody\n", "licenses nobody"},
		"no JSON":              {"ada\n", "line 1"},
		"no key":               {`{"address":"` + owner.String() + `","stake":1}`, "an address and a key"},
		"no stake":             {strings.Replace(string(line), `"stake":3`, `"stake":0`, 1), "no stake"},
		"a field that is none": {strings.Replace(string(line), `"stake"`, `"score"`, 1), "score"},
		"a place that is none": {strings.Replace(string(line), `"stake"`, `"place":{"latitude":95,"longitude":13},"stake"`, 1), "not on the Earth"},
		"the same twice":       {string(line) + "\n" + string(line), "line 2"},
	} {
		if _, err := parseLicences([]byte(row.text)); err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v, want %q in it", what, err, row.says)
		}
	}
}

func TestACardHasThePlaceToATenthOfADegree(t *testing.T) {
	folder := t.TempDir()
	var out spoken
	if err := execute(t.Context(), &out, &spoken{}, "checker", "card", "--folder", folder, "--place", "52.5163,-0.02"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), `"place":{"latitude":52.5,"longitude":0}`) {
		t.Error(out.String())
	}
	if licensed, err := parseLicences([]byte(out.String())); err != nil || len(licensed) != 1 || licensed[0].Place == nil {
		t.Errorf("it licenses %+v, %v", licensed, err)
	}
	out = spoken{}
	if err := execute(t.Context(), &out, &spoken{}, "checker", "card", "--folder", folder); err != nil || strings.Contains(out.String(), "place") {
		t.Errorf("who says nothing has %s, %v", &out, err)
	}
	for _, bad := range []string{"52.5,13.4,25", "95,0", "Berlin"} {
		if err := execute(t.Context(), &spoken{}, &spoken{}, "checker", "card", "--folder", folder, "--place", bad); err == nil {
			t.Errorf("%s is taken for a place", bad)
		}
	}
}

func FuzzLicences(f *testing.F) {
	f.Add([]byte(`{"address":"0x0000000000000000000000000000000000000001","owner":"0x0000000000000000000000000000000000000001","key":"0x` + strings.Repeat("01", 32) + `","stake":1}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		licensed, err := parseLicences(content)
		if (err == nil) != (len(licensed) > 0) {
			t.Errorf("%d licences and %v", len(licensed), err)
		}
	})
}
