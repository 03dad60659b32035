package main

import (
	"reflect"
	"strings"
	"testing"

	"nearlight/signaling"
)

func TestAPlaceIsReadAndWrittenAlike(t *testing.T) {
	for _, step := range []struct {
		text string
		want *signaling.Place // nil: refused
	}{
		{"52.52,13.4", &signaling.Place{Latitude: 52.52, Longitude: 13.4}},
		{"-33.87,151.21,25", &signaling.Place{Latitude: -33.87, Longitude: 151.21, Radius: 25}},
		{"", nil},
		{"52.52", nil},
		{"52.52,13.4,1,1", nil},
		{"91,0", nil},
		{"0,-181", nil},
		{"NaN,0", nil},
		{"0,Inf", nil},
		{"0,0,-1", nil},
		{"north,east", nil},
	} {
		var v placeValue
		err := v.Set(step.text)
		if (err == nil) != (step.want != nil) || !reflect.DeepEqual(v.Place, step.want) {
			t.Errorf("%q is read as %+v, %v; want %+v", step.text, v.Place, err, step.want)
		}
		if err == nil && v.String() != step.text {
			t.Errorf("%q is written as %q", step.text, v.String())
		}
	}
}

func TestAPolicyIsOneOfThoseThatThereAre(t *testing.T) {
	var v policyValue
	for _, name := range []string{"balanced", "nearest", "cheapest"} {
		if err := v.Set(name); err != nil || v.String() != name {
			t.Errorf("%s is read as %s, %v", name, v.String(), err)
		}
	}
	if err := v.Set("best"); err == nil || !strings.Contains(err.Error(), "balanced, nearest or cheapest") {
		t.Errorf("an unknown policy: %v", err)
	}
}
