package gpu

import (
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// devices is where the kernel lists PCI devices, in its own file system (/sys).
const devices = "bus/pci/devices"

// Kernel identifiers of an NVIDIA card that draws or computes.
const (
	nvidia  = "0x10de"
	display = "0x03" // first byte of a class: display controllers, among them those without a connector (PCI Code and ID Assignment, 1.4)
)

// cards lists the NVIDIA cards that the kernel sees, with a driver or without.
func cards(sys fs.FS) []Address {
	entries, err := fs.ReadDir(sys, devices)
	if err != nil {
		return nil // no PCI bus, or none that we may see: nothing contradicts the driver then
	}
	var found []Address
	for _, entry := range entries {
		address := Address(entry.Name())
		if attribute(sys, address, "vendor") == nvidia && strings.HasPrefix(attribute(sys, address, "class"), display) {
			found = append(found, address)
		}
	}
	return found
}

// cardWidth is the width of the link, in lanes, that a card has of its own, whatever its slot has.
func cardWidth(sys fs.FS, address Address) Reading[int] {
	lanes, err := strconv.Atoi(attribute(sys, address, "max_link_width"))
	if err != nil || lanes < 1 || lanes > 32 { // 255 for one that the kernel cannot read
		return Reading[int]{}
	}
	return Known(lanes)
}

func attribute(sys fs.FS, address Address, name string) string {
	text, err := fs.ReadFile(sys, path.Join(devices, string(address), name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// addressOf writes an address as the kernel does. A graphics card's function is always 0.
func addressOf(domain, bus, device uint32) Address {
	return Address(fmt.Sprintf("%04x:%02x:%02x.0", domain, bus, device))
}
