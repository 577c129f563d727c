"""A WebSocket with compressed messages: `websocket_peer.py server ADDRESS` answers, `websocket_peer.py client ADDRESS` talks."""

import asyncio
import sys

import websockets

PORT = 8766


async def answer(socket):
    async for message in socket:
        await socket.send(message)


async def server(address):
    async with websockets.serve(answer, address, PORT):
        await asyncio.Future()


async def client(address):
    async with websockets.connect(f"ws://{address}:{PORT}/nen") as socket:
        for message in ("lap lai " * 40, bytes(range(256)), "x" * 70_000):
            await socket.send(message)
            await socket.recv()
        # One message in three frames.
        await socket.send(["mot, ", "hai, ", "ba"])
        await socket.recv()


asyncio.run({"server": server, "client": client}[sys.argv[1]](sys.argv[2]))
