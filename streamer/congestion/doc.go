// Package congestion decides how much video may be sent: what was sent, what arrived and when goes in, and a rate, the next
// frame's size and its pace come out.
//
// It is pure: it knows no socket and no encoder, starts nothing, and is told the time with every call. The same calls give
// the same answers.
//
// # Vocabulary
//
// The target is the rate at which everything together may be sent. A frame's share is the target times the frame's interval;
// its budget is its share less what is owed. A wait is how much longer a packet took than the fastest one of late took,
// which is time in the link's queue: the two clocks behind it have nothing in common, so only differences count. The
// standing queue is what frames' first packets wait, again and again. A frame's own last packets wait behind its first ones,
// which is not a queue that needs an answer. The backlog is how long the link still needs for what it was given. A loop is
// the time from sending to hearing of it. A frame is full when it is most of its share, since a smaller one says little of
// the link.
//
// # What goes in
//
//   - [Controller.PacketSent]: each packet, with the time at which the socket took it. A time that was taken before a pacer
//     makes the pacer's wait look like the link's.
//   - [Controller.Reported]: what the receiver reports of packets, every 50 to 100 ms. It says exactly what happened, late.
//   - [Controller.Acknowledged]: what the player says of each frame that it shows, one loop after it was sent. It says less, early.
//     It may be missing: a spectator sends none, a hidden page stops, a display of 30 Hz shows every other frame.
//   - [Controller.FrameProduced] and [Controller.Tick]: how much the application made of its budget, and that time passes.
//
// All of it but the sending comes from outside. What was never sent, came twice or came from the future is ignored; clocks
// may jump.
//
// # How
//
// Each frame is a probe (probe.go). It leaves within half of its interval, in a few trains, so at twice the target or more.
// If it takes longer to arrive, the link is slower than that pace, and the frame's bytes over the time it took are the
// link's rate. So the link's rate is known before it is exceeded, and the target goes to 91 % of it without filling a queue
// (growth.go). A link that is twice as fast and more shows that it is, and the target grows fast. An application that sends
// little teaches little: then the target stays as it is, and a frame is filled up with padding at times. Near a target at which a queue stood
// lately it grows slowly: frames of two flows may leave in each other's gaps, and then show both of them the whole link.
//
// A queue that stands for three frames is answered by a cut to less than what comes through (cut.go), and frames are made
// smaller, or skipped, until it is gone (budget.go, state.go). Of two flows that share a link, the bigger one sees the
// standing queue as too long first, and what both add is relatively more for the smaller one, so that they come to the same
// rate.
//
// An acknowledgement that is late is itself news. Later than what is usual, it says what the link's rate would be if the link were to
// blame, and the next frame is made smaller, or skipped, by what would then stand in the queue (suspicion.go): nothing else is changed, and
// the next acknowledgement makes a new guess. Overdue (overdue.go), it is answered by a cut: when a link loses three quarters
// of its rate, the first one that is missing comes before any report can. The cut is taken back if it turns out that the link, or the
// player's thread, had only paused. How late they are at times is learned, unless it was the link that delayed them; while frames pass easily
// there is more patience, since then a slow link is the unlikely reason. If it is the player's words that get lost, only more frames bring
// more of them, so that a small one is sent every 100 ms whatever is feared.
//
// Loss is told apart by the waits of its neighbours (loss.go): what a full queue drops comes after long waits, what a radio
// link loses comes after any, and packets in a row are lost once. Only the former is answered, up to what no radio link loses for long.
//
// A queue that stays although half the rate was given up is kept filled by somebody who does not give way, such as a
// download. Then the least wait of the last second counts as none, so that enough is left to play with; the latency is the
// download's doing.
//
// # Sources
//
// Ideas, not code: SQP (Ray et al. 2022, frames as bandwidth probes, a minimum delay whose window adapts to competition),
// Pudica (NSDI 2024, paced frames and near-zero queues in cloud gaming), Salsify (NSDI 2018, a size for each frame), BBR
// (Cardwell et al. 2016, a model of the link rather than its loss), Copa (NSDI 2018, small queues that even out, a mode for
// competition), DCTCP (RFC 8257, an answer in proportion to marks), Google's congestion control (draft-ietf-rmcat-gcc-02,
// what the receiver's reports tell), and the undoing of a spurious timeout (RFC 4015).
package congestion
