# SPDX-License-Identifier: BSD-2-Clause
"""A policy server for Postfix (SMTPD_POLICY_README): greylisting, a flood guard, a filter.

What it does stands in /run/guard, words that are read again for each question:

    delay=SECONDS   who is named as sender waits so long at first
    never           ... for ever
    burst=N         not more than N mails to the one whose mail is thrown away
    least=OCTETS    a shorter message is refused
    most=OCTETS     a longer one, too
"""

import socketserver
import time
from pathlib import Path

PORT = 10040
WORDS = Path("/run/guard")
NOBODY = "devnull@"
FIRST: dict[str, float] = {}
COUNT: dict[str, int] = {}


def verdict(asked: dict[str, str]) -> str:
    """What Postfix shall do."""
    line = WORDS.read_text("ascii").strip() if WORDS.exists() else ""
    words = dict(word.partition("=")[::2] for word in line.split())
    if asked["protocol_state"] == "END-OF-MESSAGE":
        size = int(asked["size"])
        if size < int(words.get("least", 0)):
            return "reject 5.7.1 there is nothing in it"
        return "reject 5.3.4 too large" if size > int(words.get("most", 1 << 40)) else "dunno"
    if asked["recipient"].startswith(NOBODY):
        COUNT[line] = COUNT.get(line, 0) + 1
        return "defer_if_permit too many" if COUNT[line] > int(words.get("burst", 1 << 40)) else "dunno"
    if not asked["sender"]:
        return "dunno"
    waited = time.monotonic() - FIRST.setdefault(f"{asked['client_address']} {line}", time.monotonic())
    waits = "never" in words or waited < float(words.get("delay", 0))
    return "defer 4.7.1 greylisted, come again" if waits else "dunno"


class Handler(socketserver.StreamRequestHandler):
    """One smtpd: questions, each with an empty line behind it."""

    def handle(self) -> None:
        asked: dict[str, str] = {}
        for line in self.rfile:
            name, _, value = line.decode("utf-8", "replace").rstrip("\n").partition("=")
            if name:
                asked[name] = value
            else:
                self.wfile.write(f"action={verdict(asked)}\n\n".encode())
                asked = {}


if __name__ == "__main__":
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    socketserver.ThreadingTCPServer.daemon_threads = True
    socketserver.ThreadingTCPServer(("127.0.0.1", PORT), Handler).serve_forever()
