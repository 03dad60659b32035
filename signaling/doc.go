// Package signaling is the wire protocol by which players, edges and signaling find each other: JSON messages over a
// WebSocket, each at most MaxMessage octets. The parent holds messages, codes and their checks; server and client hold the sockets.
//
// # Version
//
// The WebSocket subprotocol names it: "nearlight.v1". A peer that offers none that the other knows is refused before the
// upgrade. Within a version fields may be added; unknown fields are ignored, unknown types refused.
//
// # Player, at /signal/player
//
//	to signaling
//	  {"type":"play","token":T,"app":A,"size":{"width":W,"height":H},"codecs":["h264"],"resume":S}
//	        app, size and resume (a session to go on with) are optional; the first message, within 10 s
//	  {"type":"answer","sdp":SDP}
//	  {"type":"candidate","candidate":C,"mid":M,"line":N}    C "" ends the list
//	  {"type":"check"}                                       the heartbeat stopped: is my edge alive?
//	  {"type":"install","token":T,"app":A}                   may be the first message too; needs the token's right "install"
//	  {"type":"leave"}
//	from signaling
//	  {"type":"matched","session":S,"edge":{"id":E,"name":N},"iceServers":[{"urls":[U],"username":..,"credential":..}]}
//	  {"type":"progress","stage":"starting","detail":D}      stages: starting (display and app are being started), connecting
//	  {"type":"offer","sdp":SDP}
//	  {"type":"candidate",...}
//	  {"type":"checked","edge":"alive"|"gone"}
//	  {"type":"installing","app":A,"percent":P,"line":L,"done":B,"error":ERROR}
//	  {"type":"ended","reason":ERROR,"output":[LINE]}        output: the app's last lines
//	  {"type":"error","error":ERROR}                         the request failed; signaling then closes
//
// # Edge, at /signal/edge
//
//	to signaling
//	  {"type":"register","token":T,"name":N,"slots":N,"free":N,"codecs":[C],"apps":[APP]}
//	  {"type":"status","free":N,"apps":[APP]}                apps optional: only when changed
//	  {"type":"refuse","session":S,"error":ERROR}
//	  {"type":"progress"|"offer"|"candidate"|"ended","session":S,...as to the player}
//	  {"type":"installing","request":R,...as to the player}
//	  {"type":"alive","session":S}                           answers probe
//	from signaling
//	  {"type":"registered","edge":E}
//	  {"type":"start","session":S,"token":T,"app":A,"size":..,"codecs":[C],"resume":B}
//	  {"type":"answer"|"candidate","session":S,...}
//	  {"type":"probe","session":S}                           answer within 1 s or count as gone
//	  {"type":"install","request":R,"app":A}
//	  {"type":"stop","session":S,"reason":ERROR}             the player left or was lost
//
//	APP    {"name","title","summary","keys":[{"keys","does"}],"package","installed"}
//	ERROR  {"code","message","hint","retryable"}             message: what happened and why; hint: what to do
//
// # HTTP
//
//	GET /api/apps        Authorization: Bearer TOKEN -> {"apps":[APP]}, of all edges that the token may use
//	GET /healthz         200 when at least the server runs
package signaling
