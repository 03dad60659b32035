// Package signaling is the wire protocol by which players, edges and signaling find each other: JSON messages over a
// WebSocket, each at most MaxMessage octets. The parent holds messages, codes and their checks; server and client hold the sockets.
//
// # Keeping alive
//
// Signaling pings players every 10 s and edges every 5 s (WebSocket ping frames). A side from which nothing came for two and a
// half intervals counts as lost.
//
// # Version
//
// The WebSocket subprotocol names it: "nearlight.v1". A peer that offers none that the other knows is refused before the
// upgrade. Within a version fields may be added; unknown fields are ignored, unknown types refused.
//
// # Player, at /signal/player
//
//	to signaling
//	  {"type":"play","token":T,"app":A,"size":{"width":W,"height":H},"codecs":["h264"],"resume":S,"restart":B,"watch":S,"wait":B,
//	   "measures":B}
//	        app, size and resume (a session to go on with) are optional; the first message, within 10 s; restart, with
//	        resume: the connection to the edge is still there, and only needs new ways;
//	        wait: the player waits in line where all machines are in use, and goes on at another where its own cannot;
//	        measures: it answers measure
//	  {"type":"measured","round":N,"edges":[{"edge":E,"roundTrips":[MS],"failed":N}]}
//	        answers measure, 400 ms after it came at the latest; an edge that is left out was not measured
//	  {"type":"answer","sdp":SDP,"player":{"address":K,"signature":X}}
//	        player, optional: signs the connection; a token may demand it
//	  {"type":"candidate","candidate":C,"mid":M,"line":N}    C "" ends the list
//	  {"type":"check"}                                       the heartbeat stopped: is my edge alive?
//	  {"type":"restart"}                                     nothing comes from my edge: an offer with restart, please
//	  {"type":"install","token":T,"app":A}                   may be the first message too; needs the token's right "install"
//	  {"type":"leave"}
//	from signaling
//	  {"type":"measure","round":N,"edges":[{"edge":E,"at":[AT]}]}
//	        before matched, where several edges would do: how far is each? By ICE's connectivity checks at its media port, under credentials that
//	        everybody knows. A second one, with other edges, may follow. Without an answer the player is given an edge all the same
//	  {"type":"matched","session":S,"edge":{"id":E,"name":N},"iceServers":[{"urls":[U],"username":..,"credential":..}],"share":T,"relayOnly":B,
//	   "lease":LEASE}
//	        share, optional: a token for others, who may look on at the session with it and nothing else; relayOnly: by
//	        TURN alone, so that player and edge do not learn each other's addresses; lease: not for a spectator, nor
//	        where another node of signaling got it (package lease checks one)
//	  {"type":"queued","position":N,"waiting":N,"estimate":N}  to who waits; again when it changes; estimate: seconds, -1: unknown
//	  {"type":"moved","reason":ERROR}                        the edge cannot go on, nothing is left of the connection to it; matched,
//	        queued or ended follows
//	  {"type":"progress","stage":"starting","detail":D}      stages: starting (display and app are being started), connecting
//	  {"type":"offer","sdp":SDP,"restart":B,"edge":{"address":K,"epoch":N,"endorsement":T,"signature":X}}
//	        restart: for the connection that stands; without it: a new one's; edge, optional: will sign the connection, and has signed the offer
//	  {"type":"bound","signature":X}                         the edge's signature, in answer to the player's
//	  {"type":"candidate",...}
//	  {"type":"unheard"}                                     the edge hears nothing of its player: time for restart
//	  {"type":"checked","edge":"alive"|"gone"}
//	  {"type":"installing","app":A,"percent":P,"line":L,"done":B,"error":ERROR}
//	  {"type":"ended","reason":ERROR,"output":[LINE]}        output: the app's last lines
//	  {"type":"error","error":ERROR}                         the request failed; signaling then closes
//
// # Edge, at /signal/edge
//
//	to signaling
//	  {"type":"login","address":K}                           the first message, within 10 s
//	  {"type":"register","token":T,"proof":PROOF,"name":N,"slots":N,"free":N,"codecs":[C],"apps":[APP],"sessions":[S],"media":[AT],
//	   "since":MS,"running":[RUNNING],"leases":[SLOT],"endorsement":T,"price":N,"regions":[R],"place":PLACE,"pictures":[PICTURE]}
//	        the second, within 10 s of the challenge that answers login; token: not where the operator lets the key in; media, optional: where it
//	        takes players' packets. since grows with each connection: of two nodes that know the edge, the one with the greater has it. running:
//	        what it runs, so that a node that has never heard of it can go on; sessions, in its place: ids alone. leases: how each slot is.
//	        endorsement: as in offer, for players whose tokens name its root. price: of
//	        a second, in the payment token's smallest unit; place: where it is, for matching with players nearby; pictures: those that it was quick
//	        enough for when it tried its encoders
//	  {"type":"status","free":N,"apps":[APP],"leases":[SLOT],"pictures":[PICTURE]}  all but free optional: only when changed
//	  {"type":"leased","session":S,"lease":LEASE}            answers start with lease, before anything else of the session
//	  {"type":"refuse","session":S,"error":ERROR}
//	  {"type":"progress"|"offer"|"bound"|"candidate"|"unheard"|"ended","session":S,...as to the player}
//	  {"type":"answer","session":S,"sdp":SDP}                to start with offer, or to offer: with all candidates
//	  {"type":"installing","request":R,...as to the player}
//	  {"type":"alive","session":S}                           answers probe
//	  {"type":"degraded","session":S,"reason":ERROR}         the machine does not keep up with the session: its player may be moved, where another
//	        machine has room; without reason: it does again. An edge that says so has nothing free in its status until then
//	  {"type":"usage","session":S,"watch":S,"spans":[SPAN],"quality":QUALITY,"last":B}
//	        watch, quality, last optional: the seconds served that are not counted yet, every so often as registered says and when the
//	        session is over; until counted answers it is told again
//	from signaling
//	  {"type":"challenge","nonce":H}                         answers login; good for one register on this socket
//	  {"type":"registered","edge":E,"usage":N}               usage, optional: tell of each session's use every N seconds
//	  {"type":"counted","session":S,"past":N}                answers usage: seconds before N that came are kept
//	  {"type":"start","session":S,"token":T,"app":A,"size":..,"codecs":[C],"resume":B,"restart":B,"watch":S,"offer":SDP,
//	   "lease":{"slot":N,"expect":EPOCH,"ttl":MS},"trace":P}
//	        offer, with watch: the spectator offers, by WHEP, and has no channels: answer is due, and offer never.
//	        lease: there for a session that begins to be played, not with watch and resume. leased answers it, or refuse; with the code stale
//	        where the slot is taken or its epoch another one, after a status that says how the slots are; trace, optional: the span that the
//	        edge's spans are below
//	  {"type":"offer","session":S,"sdp":SDP,"restart":true}  the same spectator looks for new ways
//	  {"type":"answer"|"candidate"|"restart","session":S,...}
//	  {"type":"probe","session":S}                           answer within 1 s or count as gone
//	  {"type":"install","request":R,"token":T,"app":A}
//	  {"type":"stop","session":S,"reason":ERROR}             the player left or was lost; of an unknown session: end it as well
//	  {"type":"error","error":ERROR}                         registration is refused or over; signaling then closes
//
//	APP    {"name","title","summary","keys":[{"keys","does"}],"package","installed"}
//	PROOF  {"issuedAt","expiresAt","signature"}              of the statement Login (internal/identity)
//	ERROR  {"code","message","hint","retryable"}             message: what happened and why; hint: what to do
//	LEASE  {"edge","slot","epoch","session","player","token","expiresAt","signature"}   the statement Lease (internal/identity), and its signature
//	PLACE  {"latitude","longitude","radius"}                 degrees north and east; radius, optional: kilometres by which it may be wrong
//	PICTURE {"codec","size","frameRate"}
//	SPAN   {"first","past"}       seconds of Unix time, past not among them
//	QUALITY {"framesPerSecond","bitsPerSecond","freezesPerMinute","lossRatio","roundTripP50","roundTripP95","glassP50","glassP95"}   all optional, of the
//	        whole session; times in milliseconds
//	SLOT   {"epoch","taken"}      RUNNING  {"session","app","token","watch","slot","epoch"}   token: TokenID of the player's;
//	        slot and epoch are of its lease, and 0 with watch
//
// After ended and after a failed installation a player's connection stays open for another play or install; after error
// signaling closes it. A player whose connection is lost has 30 s to send play with resume on a new one, with a token of the
// same jti; 5 s when it was closed with 1001, since a browser that reloads the page is back by then; an edge has 2 s to register
// again, by the same key, and then tells what it still runs. An edge may offer again at any time; an offer with restart that
// nobody answers ends nothing, since the connection that it is for may come back by itself.
//
// An edge signs, at each login, the nonce of the challenge together with the host that it has dialed, its role and two times
// in seconds: at most a minute apart, and within 10 s of signaling's clock. A login is thus worth nothing on another socket, at another
// server or later. The id of an edge is its address, and its leases are signed by the same key. Which edges may register by their key alone,
// and which need a token as well, is the operator's choice.
//
// Edge and player may sign the connection between them, so that who relays their descriptions cannot stand in the middle: both sign
// the statement Binding (internal/identity), which holds both certificates' fingerprints. The player signs with its answer, to each offer
// anew; the edge, which then has both, answers with bound. A token that names edges, a root or its holder demands both. Signaling relays
// the signatures and has no say in them (signaling/binding).
//
// play with watch asks to look on at a session that somebody else plays: the spectator gets a session of its own, which takes no slot,
// takes no input and ends with the one it watches.
//
// start carries the player's token, and install the installer's, so that the edge can check the rights itself.
//
// # Bounds
//
// Lengths are octets of UTF-8. A message outside them is refused whole with bad-message.
//
//	message     MaxMessage, one JSON object, nested at most 8 deep, no name twice in an object, names spelled exactly
//	K           an address: 0x, 40 hexadecimal digits    H         0x, 64 lower-case hexadecimal digits
//	X           a signature: 0x, 130 lower-case hexadecimal digits    epoch  0 to 2^53-1    endorsement  1 to 256
//	PROOF       times from 0 to 2^53-1; signature 0x, 130 lower-case hexadecimal digits
//	T           1 to 4096, printable ASCII      S, E, R   1 to 64 of A-Z a-z 0-9 - _
//	A           1 to 64 of a-z 0-9 . _ -, the first a letter or digit
//	SDP         1 to 49152                      C         at most 1024; must be there, even if empty
//	mid         at most 64                      line      0 to 255
//	codecs      1 to 16, each 1 to 16 of a-z 0-9; unknown ones are kept ("h264yuv444" beside "h264": in 4:4:4 as well)
//	size        sides from 16 to 4096           N         (a name) at most 64, no control characters
//	slots       1 to 64                         free      0 to slots (0 to 64 in status)
//	apps        at most 64, names distinct; title 1 to 128, summary 512, package 128, at most 32 keys of keys 64 and does 128
//	sessions    at most 64                      detail    at most 256
//	media       at most 16, each an AT: ADDRESS:PORT, [ADDRESS]:PORT of IPv6, no zone
//	measure     1 to 8 edges, each once, with 1 to 4 AT;   round  1 to 2^31-1
//	measured    at most 8 edges, each once, with at most 16 round trips of more than 0 and at most 10000 MS; failed  0 to 1000
//	price       0 to 2^53-1                     regions   at most 16, each 1 to 32 of a-z 0-9 -
//	PLACE       latitude -90 to 90, longitude -180 to 180, radius 0 to 20038
//	pictures    at most 32; frameRate 1 to 1000
//	percent     0 to 100                        line      (of installing) at most 512
//	output      at most 50 lines of at most 512 each
//	position    1 on                            waiting   position on               estimate  -1 to 86400
//	SLOT        of each slot, in order          EPOCH     0 to 2^53-1               MS        0 to 2^53-1; of ttl 1000 to 600000
//	spans       at most 32, in order, disjoint, each of 1 to 3600 seconds           usage     0 to 600
//	QUALITY     framesPerSecond to 1000, bitsPerSecond to 10^10, freezesPerMinute to 600, lossRatio to 1, times to 600000
//	I, token    of the form of an id            K, signature  at most 256           running   at most 64
//	P           a traceparent of version 00 (W3C Trace Context): 55 octets, hexadecimal digits in lower case, no id of zeros alone
//	ERROR       code 1 to 32 of a-z 0-9 -, unknown ones are kept; message 1 to 512, hint at most 512
//	iceServers  at most 8, each with 1 to 8 urls of at most 256 (stun:, stuns:, turn:, turns:); username, credential 512
//
// # Golden files
//
// testdata holds one message a file, {"direction": D, "message": {...}}, which both the Go and the TypeScript codec must
// read; refused-*.json, {"direction": D, "raw": TEXT, "refused": WHY}, holds what both must refuse. D is one of
// player-to-signaling, signaling-to-player, edge-to-signaling and signaling-to-edge.
//
// # HTTP
//
// A refused request is answered with the message "error" as its body, a refused upgrade too.
//
//	GET /api/apps        Authorization: Bearer TOKEN -> {"apps":[APP]}, of all edges that the token may use
//	GET /healthz         200 while the server runs and is not being stopped
//	GET /livez           200 while the process answers
//	GET /readyz          200 while edges and players may be sent here: the server runs, is not being stopped, and reaches its cluster
//	POST /whep/S         WHEP (draft-ietf-wish-whep): look on at session S; docs/openapi.yaml has this and the others in full
package signaling
