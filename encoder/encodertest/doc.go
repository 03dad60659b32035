// Package encodertest is the contract of package encoder as a test: every driver passes Run, which encodes moving
// pictures, decodes what came out with package decode, and compares. Benchmark measures all drivers alike. What the
// access units of a codec have to look like is in that codec's file, by way of one table (form.go).
//
// What a driver does not claim (Capabilities.Recovery, FrameBudget and so on) is not asked of it; what the machine or
// the build lacks is skipped by name.
package encodertest
