// Program generate writes the databases of the tests, for addresses of documentation (RFC 5737, RFC 3849). It is a module of its own, so
// that nothing else needs what writes them. Run it in its folder: go run . && mv *.mmdb ..
package main

import (
	"log"
	"net/netip"
	"os"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"go4.org/netipx"
)

type entry struct {
	network string
	data    mmdbtype.Map
}

func place(latitude, longitude mmdbtype.Float64, radius mmdbtype.Uint16, country mmdbtype.String) mmdbtype.Map {
	return mmdbtype.Map{
		"location": mmdbtype.Map{"latitude": latitude, "longitude": longitude, "accuracy_radius": radius, "time_zone": mmdbtype.String("UTC")},
		"country":  mmdbtype.Map{"iso_code": country},
	}
}

func main() {
	for file, database := range map[string]struct {
		kind    string
		entries []entry
	}{
		"city.mmdb": {"Nearlight-Test-City", []entry{
			{"192.0.2.0/25", place(52.52, 13.40, 20, "DE")},
			{"192.0.2.128/25", place(35.68, 139.69, 50, "JP")},
			{"2001:db8::/33", place(-33.87, 151.21, 100, "AU")},
			{"198.51.100.0/25", place(91, 13, 1, "longer")}, // nowhere
			{"198.51.100.128/25", mmdbtype.Map{"location": mmdbtype.Map{"latitude": mmdbtype.Float64(1)}}},
		}},
		"asn.mmdb": {"Nearlight-Test-ASN", []entry{
			{"192.0.2.0/24", mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(64496)}},
		}},
		"odd.mmdb": {"Nearlight-Test-City", []entry{
			{"192.0.2.0/24", mmdbtype.Map{"location": mmdbtype.String("Berlin"), "country": mmdbtype.Slice{}}},
		}},
		"domains.mmdb": {"Nearlight-Test-Domain", []entry{
			{"192.0.2.0/24", mmdbtype.Map{"domain": mmdbtype.String("example")}},
		}},
	} {
		tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: database.kind, RecordSize: 24, IncludeReservedNetworks: true, BuildEpoch: 1})
		if err != nil {
			log.Fatal(err)
		}
		for _, e := range database.entries {
			if err := tree.Insert(netipx.PrefixIPNet(netip.MustParsePrefix(e.network)), e.data); err != nil {
				log.Fatal(err)
			}
		}
		out, err := os.Create(file)
		if err != nil {
			log.Fatal(err)
		}
		if _, err := tree.WriteTo(out); err != nil {
			log.Fatal(err)
		}
		if err := out.Close(); err != nil {
			log.Fatal(err)
		}
	}
}
