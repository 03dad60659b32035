"""Looks on at a session by WHEP (draft-ietf-wish-whep) with aiortc, which shares no code with Nearlight.

Arguments: the endpoint's URL, and a token. Prints the size of each of the first 30 frames, decoded, a line for the session's DELETE, and ends.
"""

import asyncio
import sys
import urllib.parse
import urllib.request

import aioice.ice
from aiortc import RTCPeerConnection, RTCSessionDescription

FRAMES = 30

# A test speaks to this machine alone, which aioice would leave out.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


def ask(method, url, token, body=None, kind=None):
    request = urllib.request.Request(url, data=body.encode() if body else None, method=method)
    request.add_header("Authorization", "Bearer " + token)
    if kind:
        request.add_header("Content-Type", kind)
    with urllib.request.urlopen(request, timeout=20) as response:
        return response.status, response.headers, response.read().decode()


async def watch(url, token):
    connection = RTCPeerConnection()
    shown = asyncio.get_running_loop().create_future()

    @connection.on("track")
    def on_track(track):
        async def receive():
            for _ in range(FRAMES):
                frame = await track.recv()
                print(f"frame {frame.width}x{frame.height}", flush=True)
            shown.set_result(None)

        if track.kind == "video":
            asyncio.ensure_future(receive())

    connection.addTransceiver("video", direction="recvonly")
    connection.addTransceiver("audio", direction="recvonly")
    await connection.setLocalDescription(await connection.createOffer())
    status, headers, answer = await asyncio.to_thread(ask, "POST", url, token, connection.localDescription.sdp, "application/sdp")
    if status != 201:
        sys.exit(f"POST answers {status}")
    resource = urllib.parse.urljoin(url, headers["Location"])
    await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    await asyncio.wait_for(shown, 30)
    status, _, _ = await asyncio.to_thread(ask, "DELETE", resource, token)
    print(f"deleted {status}", flush=True)
    await connection.close()


asyncio.run(watch(sys.argv[1], sys.argv[2]))
