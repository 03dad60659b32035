package audio

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// pipeWire is the sound server of newer desktops, whose packages exclude PulseAudio's (Debian's pipewire-audio and pipewire-alsa do). It is a
// graph without a will of its own: its module protocol-pulse serves PulseAudio's clients, and WirePlumber connects their streams to the sink.
var pipeWire = &Kind{
	name:     "PipeWire",
	programs: []string{"pipewire", wirePlumber},
	packages: "wireplumber",
	hushes:   true,
	files: func(at places) map[string]string {
		files := map[string]string{pipeWireSettings: pipeWireGraph(at), pipeWirePulse: pipeWireServer(at)}
		if wirePlumberByLua() {
			files[wirePlumberSettings] = wirePlumberComponents
		} else {
			files[filepath.Join("wireplumber.conf.d", "session.conf")] = wirePlumberProfile
		}
		return files
	},
	args: func(at places) []string { return []string{"-c", filepath.Join(at.settings, pipeWireSettings)} },
	env: func(at places) []string {
		return []string{
			"PIPEWIRE_RUNTIME_DIR=" + at.state, "XDG_STATE_HOME=" + at.state, "PIPEWIRE_CONFIG_DIR=" + at.settings, "WIREPLUMBER_CONFIG_DIR=" + at.settings,
		}
	},
}

const (
	wirePlumber         = "wireplumber"
	pipeWireSettings    = "pipewire.conf"
	pipeWirePulse       = "pulse.conf"
	wirePlumberSettings = "wireplumber.conf"
)

// wirePlumberByLua reports whether this machine's WirePlumber is of version 0.4, whose settings are made of Lua. From 0.5 on they are not,
// and parts of its own can be switched off.
func wirePlumberByLua() bool {
	_, err := os.Stat("/usr/share/wireplumber/main.lua.d")
	return err == nil
}

// pipeWireCommon is what the graph and the server of PulseAudio's clients have in common. They open no device, ask for no thread of real time,
// and talk to no desktop.
const pipeWireCommon = `context.spa-libs = {
  audio.convert.* = audioconvert/libspa-audioconvert
  audio.adapt = audioconvert/libspa-audioconvert
  support.* = support/libspa-support
}
`

// pipeWireGraph is the daemon, which makes sound in pieces of FragmentTime and starts the other two.
func pipeWireGraph(at places) string {
	return fmt.Sprintf(`context.properties = {
  core.daemon = true
  core.name = pipewire-0
  support.dbus = false
  mem.allow-mlock = false
  log.level = 1
  default.clock.rate = %[1]d
  default.clock.allowed-rates = [ %[1]d ]
  default.clock.quantum = %[2]d
  default.clock.min-quantum = %[2]d
  default.clock.max-quantum = %[2]d
}
context.modules = [
  { name = libpipewire-module-protocol-native }
  { name = libpipewire-module-metadata }
  { name = libpipewire-module-spa-node-factory }
  { name = libpipewire-module-client-node }
  { name = libpipewire-module-access }
  { name = libpipewire-module-adapter }
  { name = libpipewire-module-link-factory }
  { name = libpipewire-module-session-manager }
]
context.exec = [
  { path = %[3]q args = "-c %[4]s" }
  { path = %[5]q args = "-c %[6]s" }
]
`, SampleRate, pieceSamples, wirePlumber, wirePlumberSettings, "pipewire", filepath.Join(at.settings, pipeWirePulse)) + pipeWireCommon
}

// pieceSamples is FragmentTime in samples of a channel.
const pieceSamples = int(SampleRate * FragmentTime / time.Second)

// pipeWireServer is the server for PulseAudio's clients, with the sink and the source. That apps must load no modules is said to those versions
// that know it; before, a module is loaded in the server's own cage, where it finds the session's files and nothing else.
func pipeWireServer(at places) string {
	return fmt.Sprintf(`context.properties = {
  support.dbus = false
  mem.allow-mlock = false
  log.level = 1
}
context.modules = [
  { name = libpipewire-module-protocol-native }
  { name = libpipewire-module-client-node }
  { name = libpipewire-module-adapter }
  { name = libpipewire-module-metadata }
  { name = libpipewire-module-protocol-pulse
    args = {
      server.address = [ "unix:%[3]s" ]
      pulse.allow-module-loading = false
      pulse.min.req = %[2]d/%[1]d
      pulse.default.req = %[2]d/%[1]d
      pulse.min.frag = %[2]d/%[1]d
      pulse.min.quantum = %[2]d/%[1]d
    }
  }
]
pulse.cmd = [
  { cmd = "load-module" args = %[4]q }
  { cmd = "load-module" args = %[5]q }
]
`, SampleRate, pieceSamples, at.socket, sinkModule(""), sourceModule(at.pipe)) + pipeWireCommon
}

// wirePlumberComponents are those parts of WirePlumber 0.4 that connect streams, without the ones that look for devices and remember.
const wirePlumberComponents = `context.properties = {
  log.level = 1
  wireplumber.script-engine = lua-scripting
  support.dbus = false
}
context.spa-libs = {
  audio.convert.* = audioconvert/libspa-audioconvert
  support.* = support/libspa-support
}
context.modules = [
  { name = libpipewire-module-protocol-native }
  { name = libpipewire-module-client-node }
  { name = libpipewire-module-adapter }
  { name = libpipewire-module-metadata }
  { name = libpipewire-module-session-manager }
]
wireplumber.components = [
  { name = libwireplumber-module-lua-scripting, type = module }
  { name = libwireplumber-module-metadata, type = module }
  { name = access/access-default.lua, type = script/lua }
  { name = libwireplumber-module-default-nodes, type = module }
  { name = libwireplumber-module-si-node, type = module }
  { name = libwireplumber-module-si-audio-adapter, type = module }
  { name = libwireplumber-module-si-audio-endpoint, type = module }
  { name = libwireplumber-module-si-standard-link, type = module }
  { name = libwireplumber-module-default-nodes-api, type = module }
  { name = libwireplumber-module-mixer-api, type = module }
  { name = create-item.lua, type = script/lua }
  { name = policy-node.lua, type = script/lua }
]
`

// wirePlumberProfile switches off the same in the settings that come with WirePlumber 0.5
// (https://pipewire.pages.freedesktop.org/wireplumber/daemon/configuration/features.html).
const wirePlumberProfile = `context.properties = { log.level = 1 support.dbus = false }
wireplumber.profiles = {
  main = {
    hardware.audio = disabled
    hardware.bluetooth = disabled
    hardware.video-capture = disabled
    support.dbus = disabled
    hooks.node.suspend = disabled
    hooks.device.profile.state = disabled
    hooks.default-nodes.state = disabled
    hooks.stream.state = disabled
  }
}
`
