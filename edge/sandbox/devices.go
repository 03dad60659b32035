package sandbox

import (
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// devices is where a machine has its device files.
const devices = "/dev"

// renderNodes are the GPUs' device files for rendering without a screen.
func renderNodes(devices string) []string { return nodes(devices, "dri/renderD*") }

// nvidiaNodes are the device files that the libraries of NVIDIA's own driver open besides a render node: the card, the
// driver, its memory for CUDA, its mode setting, which EGL asks as well, and the parts that a card was divided into.
func nvidiaNodes(devices string) []string {
	var all []string
	for _, pattern := range []string{"nvidia[0-9]*", "nvidiactl", "nvidia-uvm", "nvidia-modeset", "nvidia-caps/nvidia-cap[0-9]*"} {
		all = append(all, nodes(devices, pattern)...)
	}
	return all
}

func nodes(devices, pattern string) []string {
	found, err := filepath.Glob(filepath.Join(devices, pattern))
	if err != nil {
		panic("the patterns are constant and well formed: " + err.Error())
	}
	return found
}

// HasGPU reports whether programs of a session can draw on a GPU.
func HasGPU() bool { return RenderNode() != "" }

// RenderNode is the device file of the GPU that a session's display draws on: the machine's first, empty where there is none.
func RenderNode() string {
	nodes := renderNodes(devices)
	if len(nodes) == 0 {
		return ""
	}
	return nodes[0]
}

// gpuArguments show a cage the machine's GPUs, where it has any.
func gpuArguments(devices string) (args []string) {
	for _, node := range slices.Concat(renderNodes(devices), nvidiaNodes(devices)) {
		args = append(args, "--dev-bind", node, node)
	}
	if len(args) == 0 {
		return nil
	}
	// Mesa finds the driver of a render node through sysfs, NVIDIA's libraries the card's address.
	for _, folder := range []string{"/sys/dev/char", "/sys/devices", "/sys/class/drm", "/sys/bus/pci"} {
		args = append(args, "--ro-bind-try", folder, folder)
	}
	return args
}

// gpuGroups own the GPUs' device files, root's left out.
func gpuGroups(devices string) (groups []int) {
	for _, node := range slices.Concat(renderNodes(devices), nvidiaNodes(devices)) {
		var stat unix.Stat_t
		if unix.Stat(node, &stat) == nil && stat.Gid != 0 && !slices.Contains(groups, int(stat.Gid)) {
			groups = append(groups, int(stat.Gid))
		}
	}
	return groups
}
