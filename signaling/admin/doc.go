// Package admin is what an operator may ask of signaling over HTTP: which edges and sessions there are, who waits, why a session is where it is, what
// checkers have found, and who did what; and to drain, to ban, and to end a session. docs/openapi.yaml describes it.
//
// # Vocabulary
//
// An operator is known by a bearer token of its own, of which a file has the name and the SHA-256 (Operators). An order is what holds until it
// is lifted or over: a drain or a ban. Every act is in the audit log, with the operator's name and the reason that it gave, before it is done
// and answered.
//
// # Concurrency
//
// A handler is safe for concurrent use. It starts nothing.
package admin
