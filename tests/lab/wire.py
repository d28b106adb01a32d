# SPDX-License-Identifier: BSD-2-Clause
"""The agent's end of the wire, asked from Python: frames and fields as src/wire/wire.h has them."""

import struct
import subprocess

DATA, END, ERROR = 1, 2, 3
HELLO, RUN, READ, LIST, SPACE = 16, 17, 18, 19, 23
VERSION = 1


class WireError(Exception):
    """The agent's ERROR to a request: its words."""


def text(value: bytes | str) -> bytes:
    """A string field."""
    value = value.encode() if isinstance(value, str) else value
    return struct.pack("<I", len(value)) + value


def number(value: int) -> bytes:
    """A u64 field."""
    return struct.pack("<Q", value)


class Fields:
    """Takes fields off a body."""

    def __init__(self, body: bytes):
        self.rest = body

    def number(self) -> int:
        """The next u64."""
        value, self.rest = struct.unpack("<Q", self.rest[:8])[0], self.rest[8:]
        return value

    def text(self) -> bytes:
        """The next string."""
        size = struct.unpack("<I", self.rest[:4])[0]
        value, self.rest = self.rest[4:4 + size], self.rest[4 + size:]
        return value


class Agent:
    """A running agent; one request at a time."""

    def __init__(self, *argv, **more):
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **more)
        self.requests = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(60)

    def ask(self, kind: int, *fields: bytes) -> tuple[list[bytes], Fields]:
        """Send a request; its DATA bodies, and the fields of its END."""
        self.requests += 1
        body = b"".join(fields)
        self.process.stdin.write(struct.pack("<IBI", len(body), kind, self.requests) + body)
        self.process.stdin.flush()
        data = []
        while True:
            size, answer, request = struct.unpack("<IBI", self.process.stdout.read(9))
            body = self.process.stdout.read(size)
            assert request == self.requests and answer in (DATA, END, ERROR)
            if answer == DATA:
                data.append(body)
            elif answer == END:
                return data, Fields(body)
            else:
                fields = Fields(body)
                _ = fields.number(), fields.number(), fields.number()
                raise WireError(fields.text().decode())
