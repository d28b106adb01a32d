# SPDX-License-Identifier: BSD-2-Clause
"""One SMTP session of raw octets: standard input is JSON, and so is what comes out.

    {"host": "...", "port": 25, "from": "address or empty", "tls": false, "steps": [...]}

Each step is text in Latin-1 that is sent as it is; then one answer is read. The words come back as
a list, the greeting first; "" stands for a connection that was closed, null for no answer in PATIENCE seconds.
A step {"tls": true} does the handshake; {"send": text} sends and reads nothing; {"hear": n} reads n
answers.
"""

import json
import socket
import ssl
import sys

PATIENCE = 120


class Talk:
    """The session."""

    def __init__(self, order: dict):
        source = (order["from"], 0) if order.get("from") else None
        self.socket = socket.create_connection((order["host"], order["port"]), PATIENCE, source)
        self.kept = b""
        self.said: list[str | None] = []

    def hear(self) -> None:
        """One answer, of any number of lines."""
        text = b""
        try:
            while True:
                while b"\n" not in self.kept:
                    more = self.socket.recv(4096)
                    if not more:
                        self.said.append((text + self.kept).decode("latin-1"))
                        return
                    self.kept += more
                line, _, self.kept = self.kept.partition(b"\n")
                text += line + b"\n"
                if line[3:4] != b"-":
                    self.said.append(text.decode("latin-1"))
                    return
        except TimeoutError:
            self.said.append(None)
        except OSError:
            self.said.append("")

    def step(self, step) -> None:
        """One thing of the list."""
        if isinstance(step, str):
            step = {"send": step, "hear": 1}
        if step.get("tls"):
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket)
        if "send" in step:
            try:
                self.socket.sendall(step["send"].encode("latin-1"))
            except OSError:
                pass
        for _ in range(step.get("hear", 0)):
            self.hear()


def main() -> None:
    """Do what standard input says."""
    order = json.load(sys.stdin)
    talk = Talk(order)
    talk.hear()
    for step in order["steps"]:
        talk.step(step)
    talk.socket.close()
    json.dump(talk.said, sys.stdout)


if __name__ == "__main__":
    main()
