// Package notary keeps what a network's checkers sign: it says what is due, takes commitments and reports in the order in which they come, publishes the
// epoch's log, and closes it.
//
// It decides nothing. What its log comes to, anybody recomputes (checker/epoch); in which state an edge is follows from that and from what happened to it
// (checker/life). What has to be believed of a notary is what no log can show: that it left nothing out, and that its times are true.
//
// # What is on disk
//
//	epoch-N.log     the epochs' logs, as checker/epoch has them
//	lives.log       what was known of edges when it was compacted, and what happened to them since, one event a line
//
// Every entry is on the disk before anybody is told that it was taken. A line that was cut off in the middle is dropped when the folder is opened again:
// nobody was told of it.
//
// # Over HTTP
//
//	GET  /checks/now               the epoch's number, the notary's time, and the beacon that tasks are drawn by
//	GET  /checks/epochs/N          a log, as far as it is; ?from=OCTETS leaves out the beginning, &wait=SECONDS waits for something behind it
//	POST /checks/commitments       an epoch.Commitment; its time is the notary's to say
//	POST /checks/reports           an epoch.Report
//	POST /checks/passes            a Request, answered by a Pass: a token to visit the edge with
//	GET  /checks/edges/ADDRESS     what is known of an edge: Owned
//	POST /checks/appeals           an Appeal of an edge's owner; answered by an Answer
//	POST /checks/wishes            a Wish of an edge's owner; answered by an Answer
//
// # Concurrency
//
// Any goroutine may call a Notary's methods. One mutex guards all of it; nothing waits for the network while it is held.
package notary
