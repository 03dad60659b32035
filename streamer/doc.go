// Package streamer carries one session to one player: a WebRTC peer connection that the edge offers, with one video
// track, one of sound where it is wanted, two data channels and the statistics of all.
//
// # Vocabulary
//
// An [Engine] is what all sessions of an edge share: ports, certificate, codecs. A [Peer] is one connection. The session's pipeline
// hands it slices ([Peer.WriteSlice]); what the player sends (input, acknowledgements, requests for a keyframe) comes out of a
// [Receiver].
//
// # Concurrency
//
// WriteSlice belongs to one goroutine, the session's pipeline. Everything else may be called from anywhere. Receiver's
// methods are called from the connection's own goroutines and must return quickly.
package streamer
