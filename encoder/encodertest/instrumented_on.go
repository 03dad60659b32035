//go:build race || asan

package encodertest

const instrumented = true
