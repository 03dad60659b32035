package main

import (
	"errors"
	"log/slog"
	"net/netip"
	"reflect"
	"testing"

	"github.com/spf13/pflag"

	"nearlight/signaling/match"
	"nearlight/signaling/server"
)

func TestSignalingKnowsOfAddressesWhatItsDatabasesDo(t *testing.T) {
	var f matchFlags
	flags := pflag.NewFlagSet("signaling", pflag.ContinueOnError)
	f.register(flags)
	if err := flags.Parse([]string{"--geo", "../../internal/geo/testdata/city.mmdb,../../internal/geo/testdata/asn.mmdb", "--policy", "cheapest"}); err != nil {
		t.Fatal(err)
	}
	var config server.Config
	places, err := f.open(&config, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := places.close(); err != nil {
			t.Error(err)
		}
	}()
	if config.Policy.Name() != "cheapest" {
		t.Errorf("the policy is %s", config.Policy.Name())
	}
	for address, want := range map[string]server.Location{
		"192.0.2.1":   {Near: &match.Near{Place: match.Place{Latitude: 52.52, Longitude: 13.40}, Uncertainty: 20}, Network: "AS64496"},
		"2001:db8::1": {Near: &match.Near{Place: match.Place{Latitude: -33.87, Longitude: 151.21}, Uncertainty: 100}},
		"127.0.0.1":   {},
	} {
		if got := config.Locate(netip.MustParseAddr(address)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", address, got, want)
		}
	}
	if got := config.Locate(netip.Addr{}); !reflect.DeepEqual(got, server.Location{}) {
		t.Errorf("an unknown address: %+v", got)
	}
}

func TestADatabaseThatIsNoneIsNamed(t *testing.T) {
	f := matchFlags{files: []string{"../../internal/geo/testdata/domains.mmdb"}}
	var wrong *failure
	if _, err := f.open(&server.Config{}, slog.New(slog.DiscardHandler)); !errors.As(err, &wrong) || wrong.exit != exitUsage {
		t.Errorf("got %v, want wrong usage", err)
	}
}
