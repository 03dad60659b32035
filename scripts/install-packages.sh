#!/usr/bin/env bash
# Installs the Debian packages named as arguments that are missing; of THIS|OTHER, THIS where neither is there. Says exactly what to install
# where it cannot.
# With --idle first, services that come with them are neither started nor enabled: tests start what they need themselves.
set -euo pipefail

idle=
if [ "${1:-}" = --idle ]; then
	idle=1
	shift
fi

if [ "$(uname -s)" != Linux ]; then
	echo "Nearlight runs on Linux, and this is $(uname -s). Use a virtual machine with Debian 12, with Go and Node, and run 'make up' there." >&2
	exit 3
fi

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	echo "This system has no apt. Install what corresponds to these Debian packages, then run 'CGO_LDFLAGS=-Wl,-z,lazy go build ./cmd/nearlight':" >&2
	printf '  %s\n' "$@" >&2
	exit 3
fi

has() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

missing=()
for package in "$@"; do
	has "${package%%|*}" || has "${package##*|}" || missing+=("${package%%|*}")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "These packages are missing, and neither root nor sudo is at hand. As root, run:" >&2
		echo "  apt-get install -y --no-install-recommends ${missing[*]}" >&2
		exit 3
	fi
	as_root=(sudo)
fi

echo "Installing: ${missing[*]}"
policy=/usr/sbin/policy-rc.d
if [ -n "$idle" ] && [ ! -e "$policy" ]; then # Debian's way of saying that no service is to be started (policy-rc.d(8))
	trap '"${as_root[@]}" rm -f "$policy"' EXIT
	printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
	"${as_root[@]}" chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"
if [ -n "$idle" ] && command -v systemctl >/dev/null; then
	for package in "${missing[@]}"; do
		case $package in
		postgresql | coturn) "${as_root[@]}" systemctl --quiet disable "$package" ;; # else the next boot starts them
		wireplumber) "${as_root[@]}" systemctl --quiet --global disable wireplumber.service pipewire.service pipewire.socket ;; # or the next login
		esac
	done
fi
