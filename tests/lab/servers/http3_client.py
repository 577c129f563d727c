"""Fetches pages over HTTP/3 with aioquic: http3_client.py ADDRESS PORT NAME PATH..."""

import asyncio
import ssl
import sys

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration


class Client(QuicConnectionProtocol):
    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.http = H3Connection(self._quic)
        self.ended = {}

    def quic_event_received(self, event):
        for answer in self.http.handle_event(event):
            if isinstance(answer, (HeadersReceived, DataReceived)) and answer.stream_ended:
                self.ended[answer.stream_id].set_result(None)

    async def fetch(self, name, path):
        stream = self._quic.get_next_available_stream_id()
        self.ended[stream] = asyncio.get_running_loop().create_future()
        headers = [(":method", "GET"), (":scheme", "https"), (":authority", name), (":path", path)]
        self.http.send_headers(stream, [(key.encode(), value.encode()) for key, value in headers], end_stream=True)
        self.transmit()
        await self.ended[stream]


async def main(address, port, name, *paths):
    configuration = QuicConfiguration(alpn_protocols=H3_ALPN, server_name=name, verify_mode=ssl.CERT_NONE)
    async with connect(address, int(port), configuration=configuration, create_protocol=Client) as client:
        for path in paths:
            await client.fetch(name, path)


asyncio.run(main(*sys.argv[1:]))
