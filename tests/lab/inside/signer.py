# SPDX-License-Identifier: BSD-2-Clause
"""A milter that signs what people of one domain send: DKIM, rsa-sha256, relaxed/relaxed (RFC 6376).

    signer PORT DOMAIN SELECTOR KEY

It stands in for opendkim(8) and has no code in common with what judges its signatures. When its unit
wants to know, it says that it is ready.
"""

import base64
import hashlib
import os
import re
import socket
import socketserver
import struct
import subprocess
import sys

PORT, DOMAIN, SELECTOR, KEY = sys.argv[1:]
SIGNED = ("from", "to", "subject", "date", "message-id")
# libmilter's mfdef.h: what is not sent to us, and that headers may be added
ADD_HEADERS = 0x01
NOTHING_BUT_MESSAGES = 0x01 | 0x02 | 0x04 | 0x08 | 0x40 | 0x100 | 0x200


def relaxed(name: str, value: bytes) -> bytes:
    """One field of the header, section 3.4.2."""
    return name.lower().encode() + b":" + b" ".join(value.split()) + b"\r\n"


def relaxed_body(body: bytes) -> bytes:
    """Section 3.4.4."""
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def signature(fields: list[tuple[str, bytes]], body: bytes) -> bytes:
    """The value of DKIM-Signature, in one line."""
    here = [(name.lower(), value) for name, value in fields if name.lower() in SIGNED]
    told = base64.b64encode(hashlib.sha256(relaxed_body(body)).digest()).decode()
    front = (f"v=1; a=rsa-sha256; c=relaxed/relaxed; d={DOMAIN}; s={SELECTOR}; "
             f"h={':'.join(name for name, _ in here)}; bh={told}; b=").encode()
    data = b"".join(relaxed(*field) for field in here) + relaxed("dkim-signature", front)[:-2]
    done = subprocess.run(["openssl", "dgst", "-sha256", "-sign", KEY], input=data, check=True,
                          stdout=subprocess.PIPE)
    return front + base64.b64encode(done.stdout)


class Session(socketserver.StreamRequestHandler):
    """One connection of the MTA."""

    def say(self, code: bytes, data: bytes = b"") -> None:
        """One packet."""
        self.wfile.write(struct.pack(">I", 1 + len(data)) + code + data)

    def sign(self, fields: list[tuple[str, bytes]], body: bytes) -> None:
        """At a message's end."""
        sender = b"".join(value for name, value in fields if name.lower() == "from")
        if f"@{DOMAIN}>".encode() in sender:
            self.say(b"h", b"DKIM-Signature\0" + signature(fields, body) + b"\0")
        self.say(b"a")

    def handle(self) -> None:
        """Until it hangs up."""
        fields, body = [], b""
        while len(head := self.rfile.read(5)) == 5:
            length, code = struct.unpack(">Ic", head)
            data = self.rfile.read(length - 1)
            if code == b"O":
                self.say(b"O", struct.pack(">III", 6, ADD_HEADERS, NOTHING_BUT_MESSAGES))
            elif code == b"L":
                name, value = data.split(b"\0")[:2]
                fields.append((name.decode(), value))
            elif code == b"B":
                body += data
            elif code == b"E":
                self.sign(fields, body + data)
            if code in b"AE":
                fields, body = [], b""
            if code in b"LB":
                self.say(b"c")


class Server(socketserver.ThreadingTCPServer):
    """Of many connections."""
    allow_reuse_address = daemon_threads = True


with Server(("127.0.0.1", int(PORT)), Session) as server:
    if "NOTIFY_SOCKET" in os.environ:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
    server.serve_forever()
