//go:build cgo

package main

import (
	"debug/elf"
	"os"
	"strings"
	"testing"

	"github.com/NVIDIA/go-nvml/pkg/dl"
)

// go-nvml has the linker let undefined symbols pass, so that NVML's are found when they are called. It passes everybody's:
// a C function of ours that is declared and nowhere defined would no longer fail the build, but end the program.
func TestNoSymbolButNVMLsIsLeftUndefined(t *testing.T) {
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	wanted, err := program.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	loaded := dl.New("", dl.RTLD_LAZY) // by no name: the program and the libraries that it was linked with
	if err := loaded.Open(); err != nil {
		t.Fatal(err)
	}
	defer loaded.Close()
	undefined, ofNVML := 0, 0
	for _, symbol := range wanted {
		if symbol.Section != elf.SHN_UNDEF || elf.ST_BIND(symbol.Info) == elf.STB_WEAK {
			continue
		}
		undefined++
		if strings.HasPrefix(symbol.Name, "nvml") {
			ofNVML++
			continue
		}
		if err := loaded.Lookup(symbol.Name); err != nil {
			t.Errorf("%s is defined nowhere: %v", symbol.Name, err)
		}
	}
	if ofNVML == 0 || undefined == ofNVML {
		t.Errorf("of %d undefined symbols, %d are NVML's: this test looks at the wrong ones", undefined, ofNVML)
	}
}
