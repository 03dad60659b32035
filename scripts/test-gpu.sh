#!/usr/bin/env bash
# Runs the tests that look at this machine's GPU, and says of each that it passed, failed, or could not run and why.
# NEARLIGHT_NVIDIA_LIBRARIES names the folder of NVIDIA's libraries, where that is not the system's.
set -uo pipefail
cd "$(dirname "$0")/.."

packages=(./checker/challenge/redraw ./internal/cuda ./internal/scene/gles ./edge/capture/scene ./edge/capture/wayland/... ./encoder/nvenc)
output=$(NEARLIGHT_TEST_GPU=1 "${GO:-go}" test -count=1 -v -timeout 5m -run '^TestGPU' "${packages[@]}" 2>&1)
status=$?

# A test's own lines come before its outcome; subtests are told by their parents' names.
awk '
	/^ *[a-z_]+_test\.go:[0-9]+: /  { line = $0; sub(/^ *[a-z_]+_test\.go:[0-9]+: /, "", line); said = said == "" ? line : said "; " line }
	/^=== (RUN|PAUSE|CONT|NAME)/    { if ($2 == "RUN") said = "" }
	/^ *--- (PASS|FAIL|SKIP): /     {
		outcome = $2; name = $3
		text = "  " name (said == "" ? "" : ": " said)
		if (outcome == "PASS:") passed = passed text "\n"
		else if (outcome == "SKIP:") { sub(/COULD NOT RUN: /, "", text); skipped = skipped text "\n" }
		else failed = failed text "\n"
		said = ""
	}
	END {
		printf "passed:\n%s", passed == "" ? "  nothing\n" : passed
		printf "could not run here:\n%s", skipped == "" ? "  nothing\n" : skipped
		if (failed != "") printf "failed:\n%s", failed
	}
' <<<"$output"

if [ "$status" -ne 0 ]; then
	printf '\nall that was said:\n%s\n' "$output"
fi
exit "$status"
