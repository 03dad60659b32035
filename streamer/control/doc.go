// Package control is the wire form of what player and edge tell each other over a session's two data channels: input
// and acknowledgements one way; cursor, heartbeat and notices the other way.
//
// # Channels
//
//   - "motion": unordered, no retransmission. A lost message is made good by the next one, never repeated.
//   - "control": ordered, reliable.
//
// # Form
//
// One binary message is one type octet followed by the fields below, big-endian, without padding. A message with an
// unknown type, a wrong length or a field out of range is refused by its parser; the receiver drops and counts it.
// Times are microseconds, at most 2^53-1: a browser's are performance.now(), an edge's CLOCK_MONOTONIC. A flag is 0 or 1.
// Type and channel say who may send a message; one on the other channel, or from the wrong side, is malformed as well.
//
//	from the player, on motion
//	  0x01 Move     seq u32, x u16, y u16               where the pointer is: 0 is the picture's first column or row, 65535 its last
//	  0x02 Turn     seq u32, dx i32, dy i32             pointer lock: movement since the channel opened, as running totals in 1/16 pixel modulo 2^32,
//	                                                    so that a lost message loses nothing
//	  0x03 Held     seq u32, buttons u8, n u8, n x u16  all that is held now: at most 32 keys, and bit b of buttons for Button's number b
//	                                                    (bit 1 is middle, bit 2 right: not the order of MouseEvent.buttons)
//	  0x04 Ack      rtp u32, received u64, presented u64, decode u32, frames u32
//	                                                    one presented frame: its RTP timestamp, when its last packet came, when it was
//	                                                    presented, how long it was decoded (us), and how many were presented so far
//	  0x05 Ping     id u32, sent u64
//
//	from the player, on control
//	  0x10 Key      seq u32, down u8, code u16          evdev key code (linux/input-event-codes.h), 1 to 767, of the physical key;
//	                                                    testdata/keys.json has it for each KeyboardEvent.code
//	  0x11 Button   seq u32, down u8, button u8, at u8, x u16, y u16
//	                                                    DOM button number 0 to 4; at is 1 when x and y (as in Move) count, 0 under pointer lock
//	  0x12 Wheel    seq u32, dx i16, dy i16             1/120 of a notch, positive is right and down
//	  0x13 Text     seq u32, n u16, n octets            UTF-8 of 1 to 256 octets, for characters that no key makes
//	  0x14 Release  seq u32                             let go of every key and button (focus lost)
//
//	from the edge, on motion
//	  0x81 Pong     id u32, sent u64, edge u64          Ping's id and sent, and the edge's clock when it was answered
//
//	from the edge, on control
//	  0x90 Cursor   serial u32, width u16, height u16, x u16, y u16, n u32, n octets
//	                                                    the pointer's picture as PNG (at most 256x256, 128 KiB) and its hot spot inside it;
//	                                                    hidden: width, height, x, y and n all 0
//	  0x91 Alive    edge u64                            heartbeat, twice a second
//	  0x92 Notice   n u32, n octets                     one JSON object {"kind": ...} of at most 64 KiB
//
// # Notices
//
// Unknown fields and unknown kinds are ignored, so that an older player keeps working.
//
//	{"kind":"app","state":"starting"|"running"|"exited","title":T,"detail":D}
//	        detail: what is being done, or why it ended; "" when there is nothing to say
//	{"kind":"video","encoder":"x264","codec":"h264","width":W,"height":H,"frameRate":F,"reason":R,"instead":I}
//	        what is being sent from now on; reason: why it is less than was asked for, or ""
//	{"kind":"stats","stages":{"capture_convert":{"p50":MS,"p99":MS},...},"rtt":{"p50":MS,"p99":MS},"bitrate_bps":B,"frames":N,"dropped":N,
//	 "link":{"state":S,"cause":S,"target_bps":B,"capacity_bps":B,"queue_ms":MS,"loss":SHARE,"left_out":N}}
//	        the edge's last seconds; stages are named as in the benchmarks (capture_convert, encode, edge_overhead, ...) and
//	        appear once measured, as does rtt; frames sent and dropped before encoding since the session began
//
// # Sequence numbers
//
// seq starts at 1 (0 is malformed) and grows by one with every input message of a connection, on whichever channel.
// An edge ignores a Move, Turn or Held that is not newer than the newest of its kind; a Move that is older than the
// newest Turn or Button with a place, and a Turn that is older than the newest of these; and a Held that is older than
// the newest Key, Button or Release. What control brings is never ignored for its age: it comes once and in order.
//
// # Both languages
//
// testdata/golden.json holds messages and malformed ones that the parsers in Go and in TypeScript (web/player) both pass.
//
// # Clocks
//
// A video frame's RTP timestamp is its capture instant on the edge's clock, in 90 kHz ticks, modulo 2^32, without a
// random offset: a player that knows the clocks' difference from Ping and Pong knows each frame's age.
package control
