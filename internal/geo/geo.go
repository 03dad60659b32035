// Package geo answers roughly where in the world a network address is, by database files in MaxMind's format (MaxMind DB file format
// specification 2.0) that an operator may have: GeoLite2 City and ASN, DB-IP's, and others with the same fields. Nothing is asked of anybody.
//
// # Concurrency
//
// A Database may be used by several goroutines at once.
package geo

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strings"

	"github.com/oschwald/maxminddb-golang/v2"
)

// Location is what the files know of an address.
type Location struct {
	// Latitude and Longitude are in degrees, WGS 84. Placed says that they are known.
	Latitude, Longitude float64
	Placed              bool
	// Radius is how far off they may well be, in kilometres; 0 is unknown.
	Radius uint16
	// Country is the ISO 3166-1 code; "" is unknown.
	Country string
	// AutonomousSystem is the number of the network's operator; 0 is unknown.
	AutonomousSystem uint32
}

// Database is one or several files.
type Database struct{ readers []*maxminddb.Reader }

// Open opens files, each of which may know something else of an address; of what two know the first is believed. An error names the file
// and what is wrong with it.
func Open(files ...string) (_ *Database, err error) {
	d := &Database{}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	for _, file := range files {
		reader, err := maxminddb.Open(file)
		if err != nil {
			return nil, fmt.Errorf("open %s, which should be a MaxMind DB file (.mmdb): %w", file, err)
		}
		d.readers = append(d.readers, reader)
		kind := reader.Metadata.DatabaseType
		if !strings.Contains(kind, "City") && !strings.Contains(kind, "Country") && !strings.Contains(kind, "ASN") && !strings.Contains(kind, "ISP") {
			return nil, fmt.Errorf("%s is a database of the kind %q: want one of cities, countries or autonomous systems (ASN)", file, kind)
		}
	}
	return d, nil
}

// Close closes the files.
func (d *Database) Close() error {
	var failed error
	for _, reader := range d.readers {
		failed = errors.Join(failed, reader.Close())
	}
	return failed
}

// record has the fields that the databases name alike.
type record struct {
	Location struct {
		Latitude  *float64 `maxminddb:"latitude"`
		Longitude *float64 `maxminddb:"longitude"`
		Radius    uint16   `maxminddb:"accuracy_radius"`
	} `maxminddb:"location"`
	Country struct {
		Code string `maxminddb:"iso_code"`
	} `maxminddb:"country"`
	AutonomousSystem uint32 `maxminddb:"autonomous_system_number"`
}

// Locate looks an address up. What no file knows is zero. An error means that a file is corrupt; what the others know is in the Location.
func (d *Database) Locate(address netip.Addr) (Location, error) {
	var l Location
	var failed error
	for _, reader := range d.readers {
		var r record
		if err := reader.Lookup(address.Unmap()).Decode(&r); err != nil {
			failed = errors.Join(failed, fmt.Errorf("look an address up in the database of the kind %q: %w", reader.Metadata.DatabaseType, err))
			continue
		}
		if latitude, longitude := r.Location.Latitude, r.Location.Longitude; !l.Placed && latitude != nil && longitude != nil &&
			math.Abs(*latitude) <= 90 && math.Abs(*longitude) <= 180 { // false for what is not a number
			l.Latitude, l.Longitude, l.Radius, l.Placed = *latitude, *longitude, r.Location.Radius, true
		}
		if l.Country == "" && len(r.Country.Code) == 2 {
			l.Country = r.Country.Code
		}
		if l.AutonomousSystem == 0 {
			l.AutonomousSystem = r.AutonomousSystem
		}
	}
	return l, failed
}
