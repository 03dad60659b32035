// Package edge is a node of the network: it takes sessions from signaling, runs each one's display and app, and joins
// capture, encoder and streamer into the pipeline that carries the picture.
//
// # Vocabulary and concurrency
//
// A [Node] has slots; a session fills one. Each session owns its goroutines and ends them all before its slot is free
// again. Its pipeline is one goroutine that does a frame's work from damage to last packet, so that there is no queue of
// frames between any two steps.
package edge
