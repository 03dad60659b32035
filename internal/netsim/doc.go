// Package netsim answers one question: what does a real-time sender do on a network that is worse than this one? It is network
// links in user space, for tests and benchmarks; the kernel's own emulation (netem) is not everywhere, and takes root.
//
// # Forms
//
// A Link is one direction of a path, as a pure mechanism: packets go in with an instant and come out with an instant. It is
// driven by whatever clock its owner has, as fast as that goes. A Network joins conns of one process by a pair of links, for
// peers that take a net.PacketConn. A Relay joins real peers, a browser included, by UDP on loopback.
//
// # What a packet meets
//
//	Loss, Duplicate -> Queue -> Rate -> Reorder -> Delay and Jitter
//
// Queue and Rate are the bottleneck; packets of Config.Bulk, a download, enter there as well. Each mechanism has its own file,
// and its parameters have their source beside them.
//
// # Repeatable
//
// Chances come from seeded generators (PCG), one for each mechanism. A link's outcome is a function of its Config and of the
// packets with their instants. On a Relay the instants are the machine's, so that two runs are alike and not the same; which
// packets are lost at random, by their number, and what the rate and the jitter are, by the clock, is the same even there.
//
// # Accuracy
//
// A Link is exact to the nanosecond. A Relay takes the kernel's timestamp for the instant at which a datagram came, and hands it
// on when it is due, never earlier. How much later is measured all the time (RelayStats.Late). docs/performance.md has the
// figures; for the relay's cost see BenchmarkRelay. The thread asks for real time, above that of the edge; where the system
// refuses, a busy machine makes it late by what others take at a time, which may be many milliseconds. A program that is
// measured should not share its process with a Relay when it keeps all of GOMAXPROCS busy: the thread then waits for its
// turn among goroutines.
//
// A relay whose links both have a delay of some milliseconds takes half the processor time of one without: it need not look at its
// sockets for each datagram.
//
// # Limits
//
// A trace's opportunities lie at whole milliseconds, as in mahimahi. A relay's datagrams are at most 2048 octets. Rates count
// whole packets with the headers that Config.Headers says, not a link layer's framing.
package netsim
