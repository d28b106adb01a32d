# SPDX-License-Identifier: BSD-2-Clause
"""Mail from many sessions at once, and a record of what was answered 250, for a server that dies.

usage: python3 -m lab.inside.burst HOST PORT SESSIONS FOLDER PAUSE

Runs until SIGTERM to the process in FOLDER/pid. FOLDER/accepted gets a token for each message that
was answered 250, before the next one is begun; FOLDER/unknown one for each whose connection broke
between its end and the answer: that one may be there or not. Nothing is ever sent twice, and
whoever loses his connection comes back. A session waits up to PAUSE seconds between two messages.
"""

import asyncio
import os
import random
import signal
import sys
from pathlib import Path


class Burst:
    """All sessions, and their two files."""

    def __init__(self, host: str, port: int, folder: Path, pause: float):
        self.host, self.port, self.pause = host, port, pause
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pid").write_text(f"{os.getpid()}\n", encoding="ascii")
        self.accepted = open(folder / "accepted", "a", buffering=1, encoding="ascii")
        self.unknown = open(folder / "unknown", "a", buffering=1, encoding="ascii")
        self.number, self.ending = 0, False
        self.dice = random.Random()

    def message(self) -> tuple[str, bytes]:
        """Token and octets, CRLF and dots done, mostly small."""
        self.number += 1
        token = f"t{os.getpid()}x{self.number}"
        size = self.dice.choice((300, 2000, 2000, 2000, 9000, 70000, 300000))
        lines = (f".{token} " + "x" * 60 + "\r\n") * (size // 78 + 1)
        head = (f"From: a@one.example.com\r\nTo: u@example.org\r\nSubject: {token}\r\n"
                f"Message-ID: <{token}@one.example.com>\r\nX-Lines: {size // 78 + 1}\r\n\r\n")
        return token, (head + lines).replace("\r\n.", "\r\n..").encode() + b".\r\n"

    async def say(self, streams, line: bytes) -> bytes:
        """One command, and the last line of its answer."""
        streams[1].write(line)
        await streams[1].drain()
        return await self.hear(streams)

    @staticmethod
    async def hear(streams) -> bytes:
        """The last line of an answer."""
        while True:
            line = await asyncio.wait_for(streams[0].readuntil(b"\n"), 60)
            if line[3:4] != b"-":
                return line

    async def one(self, streams) -> bool:
        """One message; False when the session is of no more use."""
        for line in (b"MAIL FROM:<a@one.example.com>\r\n", b"RCPT TO:<u@example.org>\r\n",
                     b"DATA\r\n"):
            if (await self.say(streams, line))[:1] not in b"23":
                return False
        token, octets = self.message()
        said = b""
        try:
            said = await self.say(streams, octets)
        finally:
            if said.startswith(b"250"):
                self.accepted.write(token + "\n")
            elif not said:
                self.unknown.write(token + "\n")
        return said.startswith(b"250")

    async def session(self) -> None:
        """One after the other, over connections that live for some messages."""
        while not self.ending:
            streams = None
            try:
                streams = await asyncio.open_connection(self.host, self.port)
                await self.hear(streams)
                await self.say(streams, b"EHLO mx.one.example.com\r\n")
                for _ in range(self.dice.randrange(1, 20)):
                    if self.ending or not await self.one(streams):
                        break
                    await asyncio.sleep(self.dice.random() * self.pause)
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError,
                    asyncio.LimitOverrunError):
                await asyncio.sleep(0.05)
            finally:
                if streams:
                    streams[1].close()

    async def run(self, sessions: int) -> None:
        """Until told to end."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, lambda: setattr(self, "ending", True))
        await asyncio.gather(*(self.session() for _ in range(sessions)))


if __name__ == "__main__":
    asyncio.run(Burst(sys.argv[1], int(sys.argv[2]), Path(sys.argv[4]), float(sys.argv[5])).run(
        int(sys.argv[3])))
