package nvenc

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Version names NVIDIA's driver and the models of its GPUs: what was measured with others says nothing of these. It asks the
// kernel, not the driver's libraries, whose first call takes time. Empty where no such driver is loaded.
func Version() string { return version(os.DirFS("/proc/driver/nvidia")) }

// driverVersion is the one word of the kernel module's line that is a version, for example 470.57.02.
var driverVersion = regexp.MustCompile(`(?m)^NVRM version:.*\s(\d+\.\d+(?:\.\d+)?)\s`)

func version(driver fs.FS) string {
	text, err := fs.ReadFile(driver, "version")
	if err != nil {
		return ""
	}
	found := driverVersion.FindSubmatch(text)
	if found == nil {
		return ""
	}
	parts := []string{string(found[1])}
	gpus, err := fs.Glob(driver, path.Join("gpus", "*", "information"))
	if err != nil { // only for a pattern that is malformed
		return parts[0]
	}
	for _, gpu := range gpus {
		text, err := fs.ReadFile(driver, gpu)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if model, is := strings.CutPrefix(line, "Model:"); is {
				parts = append(parts, strings.TrimSpace(model))
			}
		}
	}
	slices.Sort(parts[1:]) // the folders' names are bus addresses, and the same cards may change places
	return strings.Join(parts, ", ")
}
