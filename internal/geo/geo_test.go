package geo

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhatTheFilesKnowIsPutTogether(t *testing.T) {
	d, err := Open("testdata/city.mmdb", "testdata/asn.mmdb")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, step := range []struct {
		address, why string
		want         Location
	}{
		{"192.0.2.1", "a place and an operator", Location{52.52, 13.40, true, 20, "DE", 64496}},
		{"::ffff:192.0.2.200", "IPv4 in IPv6", Location{35.68, 139.69, true, 50, "JP", 64496}},
		{"2001:db8::1", "IPv6, whose operator no file knows", Location{-33.87, 151.21, true, 100, "AU", 0}},
		{"203.0.113.1", "an address that no file knows", Location{}},
		{"198.51.100.1", "a place that there is not", Location{}},
		{"198.51.100.200", "half a place", Location{}},
	} {
		got, err := d.Locate(netip.MustParseAddr(step.address))
		if err != nil || got != step.want {
			t.Errorf("%s (%s): got %+v, %v, want %+v", step.address, step.why, got, err, step.want)
		}
	}
}

func TestTheFirstFileThatKnowsAPlaceIsBelieved(t *testing.T) {
	d, err := Open("testdata/asn.mmdb", "testdata/odd.mmdb", "testdata/city.mmdb")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	got, err := d.Locate(netip.MustParseAddr("192.0.2.1"))
	if err == nil {
		t.Error("a file whose fields are of another kind is not told")
	}
	if want := (Location{52.52, 13.40, true, 20, "DE", 64496}); got != want {
		t.Errorf("got %+v, want %+v of the others", got, want)
	}
}

func TestAFileThatIsNoDatabaseOfPlacesIsNamed(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text.mmdb")
	if err := os.WriteFile(text, []byte("no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{text: "MaxMind DB", "testdata/none.mmdb": "none.mmdb", "testdata/domains.mmdb": "Nearlight-Test-Domain"} {
		if _, err := Open("testdata/city.mmdb", file); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: got %v, want an error with %q", file, err, want)
		}
	}
}

// A file that was cut off or changed says so, or knows less; it never takes signaling with it.
func FuzzACorruptFile(f *testing.F) {
	city, err := os.ReadFile("testdata/city.mmdb")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(city)
	f.Add(city[:len(city)/2])
	f.Add(bytes.ReplaceAll(city, []byte("latitude"), []byte("\xff\xff\xff\xff\xff\xff\xff\xff")))
	f.Fuzz(func(t *testing.T, content []byte) {
		file := filepath.Join(t.TempDir(), "fuzz.mmdb")
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := Open(file)
		if err != nil {
			return
		}
		for _, address := range []string{"192.0.2.1", "198.51.100.1", "2001:db8::1", "255.255.255.255", "::"} {
			l, err := d.Locate(netip.MustParseAddr(address))
			if l.Placed && !(l.Latitude >= -90 && l.Latitude <= 90 && l.Longitude >= -180 && l.Longitude <= 180) {
				t.Errorf("%s is at %+v, %v", address, l, err)
			}
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
}
