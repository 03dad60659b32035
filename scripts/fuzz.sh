#!/usr/bin/env bash
# Runs each fuzz target of the module for the time given (default 10s).
set -euo pipefail
time=${1:-10s}
go list -f '{{.Dir}} {{join .TestGoFiles " "}} {{join .XTestGoFiles " "}}' ./... | while read -r dir files; do
	for file in $files; do
		grep -ohE '^func Fuzz[A-Za-z0-9_]+' "$dir/$file" | sed 's/^func //' | while read -r target; do
			echo "== ${dir#"$PWD"/} $target"
			go test "$dir" -run '^$' -fuzz "^$target\$" -fuzztime "$time" </dev/null
		done
	done
done
