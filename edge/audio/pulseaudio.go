package audio

import "path/filepath"

// pulseAudio is the sound server of Linux desktops until 2021 or so.
var pulseAudio = &Kind{
	name:     "PulseAudio",
	programs: []string{"pulseaudio"},
	packages: Package,
	files: func(at places) map[string]string {
		return map[string]string{pulseSettings: pulseDaemon, pulseScript: pulseModules(at)}
	},
	args: func(at places) []string {
		return []string{"-n", "-F", filepath.Join(at.settings, pulseScript), "--daemonize=no", "--use-pid-file=no", "--log-target=stderr", "--log-level=error"}
	},
	env: func(at places) []string {
		return []string{"PULSE_RUNTIME_PATH=" + at.state, "PULSE_STATE_PATH=" + at.state, "PULSE_CONFIG=" + filepath.Join(at.settings, pulseSettings)}
	},
}

const (
	pulseSettings = "daemon.conf"
	pulseScript   = "script.pa"
)

// pulseDaemon keeps a server to what a session needs: no device, no module after its start, no memory shared with apps, and threads
// that run as the app's own do.
const pulseDaemon = `allow-module-loading = no
allow-exit = no
exit-idle-time = -1
realtime-scheduling = no
high-priority = no
enable-shm = no
flat-volumes = no
default-sample-format = s16le
default-sample-rate = 48000
alternate-sample-rate = 48000
default-sample-channels = 2
`

// pulseModules makes the sink, and the source that Speak feeds. Whoever reaches the socket may enter: its folder is the session's user's
// alone, and no cage but the app's shows it.
func pulseModules(at places) string {
	return "load-module " + sinkModule("norewinds=1") + "\nset-default-sink " + sink + "\n" +
		"load-module " + sourceModule(at.pipe) + "\nset-default-source " + microphone + "\n" +
		"load-module module-native-protocol-unix auth-anonymous=1 auth-cookie-enabled=0 socket=" + at.socket + "\n"
}
