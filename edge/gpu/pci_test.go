package gpu

import (
	"slices"
	"testing"
	"testing/fstest"
)

// pci is the kernel's list of devices, as files of a few of their attributes.
func pci(devices map[string]map[string]string) fstest.MapFS {
	sys := fstest.MapFS{}
	for address, attributes := range devices {
		for name, value := range attributes {
			sys["bus/pci/devices/"+address+"/"+name] = &fstest.MapFile{Data: []byte(value + "\n")}
		}
	}
	return sys
}

func TestOnlyNVIDIAsDisplayControllersAreCards(t *testing.T) {
	sys := pci(map[string]map[string]string{
		"0000:00:02.0": {"vendor": "0x8086", "class": "0x030000"}, // another maker's
		"0000:01:00.0": {"vendor": "0x10de", "class": "0x030000"}, // with connectors
		"0000:01:00.1": {"vendor": "0x10de", "class": "0x040300"}, // the sound of its connectors
		"0000:41:00.0": {"vendor": "0x10de", "class": "0x030200"}, // without
		"0000:81:00.0": {"vendor": "0x10de", "class": "0x068000"}, // an NVSwitch
		"0000:82:00.0": {"class": "0x030000"},
	})
	if got, want := cards(sys), []Address{"0000:01:00.0", "0000:41:00.0"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := cards(fstest.MapFS{}); got != nil {
		t.Errorf("without a PCI bus: %v", got)
	}
}

func TestTheWidthOfACardIsAbsentWhereTheKernelDoesNotKnowIt(t *testing.T) {
	for text, want := range map[string]Reading[int]{
		"16": Known(16), "1": Known(1), "32": Known(32), "255": {}, "0": {}, "-4": {}, "Unknown": {}, "": {},
	} {
		sys := pci(map[string]map[string]string{"0000:01:00.0": {"max_link_width": text}})
		if got := cardWidth(sys, "0000:01:00.0"); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
	if got := cardWidth(fstest.MapFS{}, ""); got != (Reading[int]{}) {
		t.Errorf("without a PCI bus: %v", got)
	}
}
