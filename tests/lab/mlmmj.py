# SPDX-License-Identifier: BSD-2-Clause
"""mlmmj as a destination: Debian's programs as they are, though the package is not installed.

`tools/install-packages check` unpacks it into a folder. Its programs work on a list's directory wherever that is, and
mail to a port of the test.
"""

import os
import subprocess
from pathlib import Path

FOLDER = Path(os.environ.get("MAILHAUL_MLMMJ", "/var/cache/mailhaul-lab/mlmmj"))
TEXTS = FOLDER / "usr/share/mlmmj/text.skel"
USER = 38       # whose the lists are: list, of every Debian


def is_here() -> bool:
    """Whether it can be run on this machine."""
    return (FOLDER / "usr/bin/mlmmj-receive").exists()


class Spool:
    """A folder of lists, all of whose mail goes to `port`."""

    def __init__(self, folder: Path, port: int):
        self.folder, self.port = folder, port
        folder.mkdir()
        os.chown(folder, USER, USER)
        # its user has to get there
        for above in list(folder.parents)[:-1]:
            if above.stat().st_uid == os.getuid():
                above.chmod(above.stat().st_mode | 0o011)

    def run(self, program: str, name: str, *words: str, text: bytes = b"") -> str:
        """What one of its programs says of a list."""
        at = self.folder / name
        port = at / "control/smtpport"
        port.write_text(f"{self.port}\n", "utf-8")
        os.chown(port, USER, USER)
        done = subprocess.run([FOLDER / "usr/bin" / program, "-L", at, *words], input=text, capture_output=True,
                              user=USER, group=USER, extra_groups=[], timeout=120, check=True)
        return done.stdout.decode()

    def post(self, name: str, sender: str, to: str, subject: str = "a word", more: str = "") -> None:
        """A mail for the list comes, as Postfix would hand it over; back when it went through."""
        text = (f"Return-Path: <{sender}>\nDelivered-To: {to}\nFrom: Somebody <{sender}>\nTo: {to}\n"
                f"Subject: {subject}\nMessage-ID: <{abs(hash((sender, subject)))}@example.net>\n{more}\nA line.\n")
        self.run("mlmmj-receive", name, "-F", text=text.encode())

    def members(self, name: str, kind: str) -> list:
        """Who is a member: kind "-s", "-d" (digests) or "-n" (no mail)."""
        return sorted(self.run("mlmmj-list", name, kind).split())
