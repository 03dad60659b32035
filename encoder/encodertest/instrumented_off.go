//go:build !race && !asan

package encodertest

const instrumented = false
