# A WebSocket: two messages, a ping, the end.
# packages: python3-websockets
printf 'import asyncio,websockets,sys\nasync def echo(ws):\n    async for m in ws: await ws.send("nghe: "+m)\nasync def main():\n    async with websockets.serve(echo,sys.argv[1],8765,compression=None): await asyncio.sleep(20)\nasyncio.run(main())\n' >ws-server.py
printf 'import asyncio,websockets,sys\nasync def main():\n    async with websockets.connect("ws://%%s:8765/chat"%%sys.argv[1],compression=None) as ws:\n        for m in ("xin chao","tam biet"):\n            await ws.send(m); await ws.recv()\n        await (await ws.ping())\nasyncio.run(main())\n' >ws-client.py
serve server ws /usr/bin/python3 ws-server.py $SERVER
wait_port client $SERVER 8765
from client /usr/bin/python3 ws-client.py $SERVER
stop_server ws
