# SPDX-License-Identifier: BSD-2-Clause
"""A mail server in a bad mood, and a record of what it has answered 250.

usage: python3 -m lab.inside.fickle PORT FOLDER SEED

One answer in four to anything is something else: 4yz, a connection that is closed, an answer that
takes its time or comes octet by octet; and a message may be cut while it comes, or after its end,
before the answer. 5yz goes to recipients whose name begins with "never", each time. FOLDER/kept
gets the subject of each message that was answered 250, FOLDER/cut of each that it took and did not
answer.
"""

import asyncio
import random
import sys
from pathlib import Path

OFFERS = (b"250-fickle.example.org\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n%s"
          b"250 HELP\r\n")
XCLIENT = b"250-XCLIENT NAME ADDR PORT PROTO HELO\r\n"


class Gone(Exception):
    """It hangs up."""


class Fickle:
    """All sessions."""

    def __init__(self, folder: Path, seed: str):
        folder.mkdir(parents=True, exist_ok=True)
        self.kept = open(folder / "kept", "a", buffering=1, encoding="utf-8")
        self.cut = open(folder / "cut", "a", buffering=1, encoding="utf-8")
        self.dice = random.Random(seed)

    async def answer(self, writer, line: bytes) -> None:
        """As it feels."""
        mood = self.dice.random()
        if mood < 0.03:
            raise Gone
        if mood < 0.06:
            await asyncio.sleep(self.dice.random() * 0.5)
        if mood < 0.10:
            for octet in line:
                writer.write(bytes((octet,)))
                await writer.drain()
            return
        writer.write(line)
        await writer.drain()

    async def body(self, reader) -> str:
        """Its subject; hangs up in the middle of some."""
        subject, cut = "", self.dice.random() < 0.04
        while True:
            line = await reader.readuntil(b"\n")
            if line == b".\r\n":
                return subject
            if line.startswith(b"Subject: "):
                subject = line[9:].decode("latin-1").strip()
            if cut and self.dice.random() < 0.2:
                raise Gone

    async def message(self, reader, writer) -> None:
        """From 354 to the answer."""
        await self.answer(writer, b"354 go on\r\n")
        subject = await self.body(reader)
        mood = self.dice.random()
        if mood < 0.1:
            await self.answer(writer, b"451 4.3.0 changed my mind\r\n")
        elif mood < 0.13:
            self.cut.write(subject + "\n")
            raise Gone
        else:
            self.kept.write(subject + "\n")
            # this one is said whole: or nobody could tell a doubling from a loss
            writer.write(b"250 2.0.0 kept\r\n")
            await writer.drain()

    async def command(self, reader, writer, line: bytes, accepted: int) -> int:
        """Returns how many recipients the message has by now."""
        word = line[:4].upper()
        if word in (b"EHLO", b"LHLO"):
            await self.answer(writer, OFFERS % XCLIENT)
        elif word == b"DATA":
            if accepted:
                await self.message(reader, writer)
            else:
                writer.write(b"554 5.5.1 nobody to send it to\r\n")
            return 0
        elif word == b"QUIT":
            writer.write(b"221 2.0.0 Bye\r\n")
            raise Gone
        elif word == b"RCPT" and b"<never" in line:
            await self.answer(writer, b"550 5.1.1 no such person\r\n")
        elif word in (b"MAIL", b"RCPT") and self.dice.random() < 0.1:
            await self.answer(writer, b"451 4.7.1 come back\r\n")
            return 0 if word == b"MAIL" else accepted
        elif word == b"XCLI":
            await self.answer(writer, b"220 fickle.example.org\r\n")
        else:
            await self.answer(writer, b"250 2.0.0 Ok\r\n")
            return accepted + (word == b"RCPT")
        return accepted

    async def serve(self, reader, writer) -> None:
        """One session."""
        accepted = 0
        try:
            if self.dice.random() < 0.1:
                await self.answer(writer, b"421 4.3.2 not today\r\n")
                raise Gone
            await self.answer(writer, b"220 fickle.example.org ESMTP\r\n")
            while True:
                line = await reader.readuntil(b"\n")
                accepted = await self.command(reader, writer, line, accepted)
        except (Gone, OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def main() -> None:
    """Until it is killed."""
    fickle = Fickle(Path(sys.argv[2]), sys.argv[3])
    server = await asyncio.start_server(fickle.serve, "0.0.0.0", int(sys.argv[1]), limit=1 << 20)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
