# SPDX-License-Identifier: BSD-2-Clause
"""What became of some posts of a site, as its logs tell it: posts that went all the way, posts that
wait, and posts that vanished, in each way in which that happens.

    site = Site(tmp_path / "back", "debian").make()
    told = Stories(site, tmp_path / "front").tell()     # the web server's host is made, too
    told.vanished                   # {Message-ID: kind}
    told.seen                       # {Message-ID: the logs and places that have it}
"""

import gzip
import shutil
from pathlib import Path

from .letters import letter, mbox
from .site import Site

DAY = "22"
POSTFIX = "2026-11-%sT15:%02d:%02d+00:00 mail postfix/"


class Stories:
    """Two hosts of one Mailman: `back` has MTA and runners, `front` the web server."""

    def __init__(self, back: Site, front: Path):
        self.back = back
        self.front = Site(front, back.layout_name)
        self.vanished, self.seen = {}, {}
        self.lines = {}         # of each log, below LOG_DIR
        self.front_vette = []
        self.mail = []
        self.number = 0

    # ── lines ────────────────────────────────────────────────────────────────────────────────────

    def log(self, name: str, text: str, day: str = DAY, pid: int = 20001) -> None:
        """A record of one of Mailman's logs."""
        self.number += 1
        self.lines.setdefault(name, []).append(
            f"Nov {day} 15:{20 + self.number // 60:02d}:{self.number % 60:02d} 2026 ({pid}) {text}\n")

    def accepted(self, post: str, name: str, sender: str = "poster@example.net") -> None:
        """The MTA takes a post, and gives it to Mailman."""
        self.number += 1
        head = POSTFIX % (DAY, 20 + self.number // 60, self.number % 60)
        queue = f"4F{self.number:08X}"
        command = f"{self.back.layout.code}/mail/mailman post {name}"
        self.mail += [
            f"{head}smtpd[301]: {queue}: client=mx.example.net[192.0.2.9]",
            f"{head}cleanup[302]: {queue}: message-id=<{post}>",
            f"{head}qmgr[303]: {queue}: from=<{sender}>, size=900, nrcpt=1 (queue active)",
            f"{head}local[304]: {queue}: to=<{name}@lists.example.org>, relay=local, delay=0.1, "
            f"delays=0/0/0/0.1, dsn=2.0.0, status=sent (delivered to command: {command})",
            f"{head}qmgr[303]: {queue}: removed"]

    def held(self, post: str, name: str, sender: str, log: str = "vette") -> None:
        """A runner puts it before the moderators."""
        self.log(log, f"{name.capitalize()} post from {sender} held, message-id=<{post}>: "
                      "Post by non-member to a members-only list")

    def posted(self, post: str, name: str, words: str = "success", day: str = DAY,
               suffix: str = "", pid: int = 20001) -> None:
        """A runner gives it to the MTA for all members."""
        self.log("smtp" + suffix, f"<{post}> smtp to {name} for 12 recips, completed in 0.2 seconds",
                 day, pid)
        self.log("post" + suffix, f"post to {name} from poster@example.net, size=900, "
                                  f"message-id=<{post}>, {words}", day, pid)

    # ── stories with a good end ──────────────────────────────────────────────────────────────────

    def went_through(self) -> None:
        """At once, after approval, long ago, and with recipients that were refused."""
        self.posted("longago@example.net", "talk", day="15", suffix=".2")
        self.accepted("usual@example.net", "talk")
        self.posted("usual@example.net", "talk")
        self.accepted("approved@example.net", "talk")
        self.held("approved@example.net", "talk", "approved@example.com")
        self.log("vette", "talk: held message approved, message-id: <approved@example.net>")
        self.posted("approved@example.net", "talk")
        self.held("rotated@example.net", "announce", "r@example.com", "vette.1")
        self.log("vette.1", "announce: held message approved, message-id: <rotated@example.net>")
        self.posted("rotated@example.net", "announce", suffix=".1")
        self.accepted("failing@example.net", "announce")
        self.posted("failing@example.net", "announce", "2 failures", pid=20077)
        for who, code in (("gone@example.com", 550), ("full@example.com", 452)):
            self.log("smtp-failure", f"delivery to {who} failed with code {code}: no", pid=20077)
        self.seen.update({
            "usual@example.net": {"log", "post", "smtp"},
            "approved@example.net": {"log", "vette", "post", "smtp"},
            "rotated@example.net": {"vette", "post", "smtp"},
            "longago@example.net": {"post", "smtp"},
            "failing@example.net": {"log", "post", "smtp", "smtp-failure"}})

    def were_refused(self) -> None:
        """By a moderator, and by a handler."""
        self.held("refused@example.net", "talk", "refused@example.com")
        self.log("vette", "talk: Refused posting:\n\tFrom: refused@example.com\n\tSubject: no\n"
                          "\tReason: off topic")
        self.accepted("discarded@example.net", "talk")
        self.log("vette", "Message discarded, msgid: <discarded@example.net>'\n\tlist: Talk,\n"
                          "\thandler: SpamDetect")
        self.seen.update({"refused@example.net": {"vette"},
                          "discarded@example.net": {"log", "vette"}})

    def wait(self) -> None:
        """In queues, for a moderator, for the digest; one is in the archive, and the log was off."""
        for number, queue in ((201, "out"), (202, "shunt")):
            self.accepted(f"letter{number}@example.net", "talk")
            self.back.entry(queue, "talk", number, tolist=1)
        base = self.back.queued[-1]["name"].rpartition(".")[0]
        self.log("error", "Uncaught runner exception: no such file", pid=20088)
        self.log("error", f"SHUNTING: {base}", pid=20088)
        self.accepted("letter1@example.net", "talk")
        self.accepted("letter203@example.net", "talk")
        self.accepted("letter204@example.net", "talk")
        places = (self.back.var("lists", "talk", "digest.mbox"),
                  self.back.var("archives", "private", "talk.mbox", "talk.mbox"))
        for number, place in zip((203, 204), places):
            with open(place, "ab") as file:
                file.write(mbox([letter(number, "p@example.net", "talk@lists.example.org")]))
        # before the moderators for an emergency; as a port to Python 3 writes it
        self.seen.update({"letter31@example.net": {"held"}, "letter51@example.net": {"held"}})
        # what came back: is not counted yet, holds a post whole, and nobody knows of whom it tells
        self.back.bounces(letter(206, "MAILER-DAEMON@example.com", "talk-bounces@example.org", "failed",
                                 "> Message-ID: <back@example.net>\n"))
        self.log("bounce", "talk: bounce message w/no discernable addresses: <odd@example.com>")
        self.seen.update({"letter206@example.net": {"events"}, "back@example.net": {"events"},
                          "odd@example.com": {"bounce"}})
        self.seen.update({"letter201@example.net": {"log", "queue"},
                          "letter202@example.net": {"log", "queue", "error"},
                          "letter203@example.net": {"log", "digest"},
                          "letter204@example.net": {"log", "archive"}})

    # ── and without ──────────────────────────────────────────────────────────────────────────────

    def vanish(self) -> None:
        """Each in its own way."""
        self.accepted("nowhere@example.net", "talk")
        self.accepted("nothing@example.net", "entwickler")
        self.held("nothing@example.net", "entwickler", "nothing@example.com")
        self.log("vette", "entwickler: held message approved, message-id: <nothing@example.net>")
        self.held("unheld@example.net", "talk", "unheld@example.com")
        # one no for two posts of one sender: the later one is missed
        self.held("first@example.net", "talk", "twice@example.com")
        self.held("second@example.net", "talk", "twice@example.com")
        self.log("vette", "talk: Discarded posting:\n\tFrom: twice@example.com\n\tSubject: no")
        self.vanished.update({"nowhere@example.net": "accepted", "nothing@example.net": "approved",
                              "unheld@example.net": "held", "second@example.net": "held"})

    def strand(self) -> None:
        """Approved on the web server's host, whose INQUEUE_DIR is its own."""
        self.held("letter205@example.net", "talk", "front@example.com")
        self.front_vette.append("Nov 22 15:40:00 2026 (411) talk: held message approved, "
                                "message-id: <letter205@example.net>\n")
        self.vanished["letter205@example.net"] = "stranded"
        self.seen["letter205@example.net"] = {"vette", "queue"}

    # ── all of it ────────────────────────────────────────────────────────────────────────────────

    def write(self) -> None:
        """Logs, in several parts; the web server's host has the same storage but for its queue."""
        logs = self.back.at(self.back.layout.logs)
        for name, lines in self.lines.items():
            data = "".join(lines).encode()
            if name.endswith(".2"):
                (logs / f"{name}.gz").write_bytes(gzip.compress(data))
                continue
            with open(logs / name, "ab") as file:
                file.write(data)
        self.back.put(self.back.at("/etc/postfix/main.cf"), b"myhostname = mail.example.org\n", 0o644)
        self.back.put(self.back.at("/etc/postfix/master.cf"), b"", 0o644)
        half = len(self.mail) // 2
        for name, lines in (("mail.log.1", self.mail[:half]), ("mail.log", self.mail[half:])):
            self.back.put(self.back.at("/var/log", name), "\n".join([*lines, ""]).encode(), 0o640)
        shutil.copytree(self.back.root, self.front.root, symlinks=True)
        shutil.rmtree(self.front.at("/etc/postfix"))
        queue = self.front.at(self.front.layout.queues, "in")
        shutil.rmtree(queue)
        queue.mkdir()
        self.front.queued = list(self.back.queued)
        self.front.entry("in", "talk", 205, tolist=1, approved=1)
        self.front.at(self.front.layout.logs, "vette").write_text("".join(self.front_vette))

    def tell(self) -> "Stories":
        """All stories."""
        self.went_through()
        self.were_refused()
        self.wait()
        self.vanish()
        self.strand()
        self.write()
        return self
