"""A bad wire between two network namespaces: packets over two tun devices, delayed, dropped and held to a rate.

In place of netem, which the kernels of small virtual machines often lack.
"""

import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import threading
import time

TUNSETIFF = 0x400454CA
TUN_WITHOUT_HEAD = 0x1001
MTU = 1_500
# What waits for its turn at the rate, as a router's queue.
QUEUE_S = 2.0


class Wire:
    """Ends in the namespaces `here` and `there`, with the addresses 10.99.0.1 and 10.99.0.2."""

    def __init__(self, here, there):
        self.settings(delay=0.001)
        self.bytes = [0, 0]
        self.ends = []
        for number, (space, peer) in enumerate([(here, 2), (there, 1)]):
            name = f"ml{os.getpid() % 100_000}-{number}"
            end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH", name.encode(), TUN_WITHOUT_HEAD))
            self.ends.append(end)
            for command in (["link", "set", name, "netns", space],
                            ["-n", space, "addr", "add", f"10.99.0.{3 - peer}", "peer", f"10.99.0.{peer}", "dev", name],
                            ["-n", space, "link", "set", name, "mtu", str(MTU), "up"]):
                subprocess.run(["ip", *command], check=True)
        self.closing = False
        self.thread = threading.Thread(target=self.carry, daemon=True)
        self.thread.start()

    def settings(self, loss=0.0, delay=0.0, kbit_s=None):
        """For each way: the share of packets that is lost, seconds of delay, and the rate."""
        self.loss, self.delay, self.kbit_s = loss, delay, kbit_s

    def carry(self):
        waiting, free_at, number = [], [0.0, 0.0], 0
        while not self.closing:
            now = time.monotonic()
            pause = min(0.05, max(0.0, waiting[0][0] - now)) if waiting else 0.05
            readable, _, _ = select.select(self.ends, [], [], pause)
            now = time.monotonic()
            for end in readable:
                try:
                    packet = os.read(end, 65_536)
                except OSError:
                    continue
                way = self.ends.index(end)
                leaves = max(now, free_at[way])
                if random.random() < self.loss or leaves - now > QUEUE_S:
                    continue
                if self.kbit_s:
                    leaves += len(packet) * 8 / (self.kbit_s * 1_000)
                free_at[way] = leaves
                number += 1
                heapq.heappush(waiting, (leaves + self.delay, number, way, packet))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, way, packet = heapq.heappop(waiting)
                self.bytes[way] += len(packet)
                try:
                    os.write(self.ends[1 - way], packet)
                except OSError:
                    pass

    def close(self):
        self.closing = True
        self.thread.join()
        for end in self.ends:
            os.close(end)
