# SPDX-License-Identifier: BSD-2-Clause
"""A site: the twelve lists, their queues, locks, logs and settings, in one of three layouts."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from .archives import write_archive
from .characters import EVERYBODY
from .community import NOW, Community, cookie
from .letters import as_instance, as_text, envelope, letter, mbox
from .pickling import pickled

AHEAD = 5 * 3600        # seconds: how far in the future a list lock's mtime lies


@dataclass(frozen=True)
class Layout:
    """Where things lie; `links` are made besides, name to target."""
    code: str           # PREFIX
    var: str            # VAR_PREFIX
    queues: str
    logs: str
    locks: str
    settings: str       # the folder of mm_cfg.py
    group: str
    links: tuple = ()


LAYOUTS = {
    "source": Layout("/usr/local/mailman", "/usr/local/mailman", "/usr/local/mailman/qfiles",
                     "/usr/local/mailman/logs", "/usr/local/mailman/locks",
                     "/usr/local/mailman/Mailman", "mailman"),
    "debian": Layout("/var/lib/mailman", "/var/lib/mailman", "/var/lib/mailman/qfiles",
                     "/var/log/mailman", "/run/lock/mailman", "/etc/mailman", "list",
                     (("/var/lib/mailman/logs", "/var/log/mailman"),
                      ("/var/lib/mailman/locks", "/var/lock/mailman"),
                      ("/var/lock", "/run/lock"),
                      ("/var/lib/mailman/templates", "/etc/mailman"),
                      ("/var/lib/mailman/Mailman", "/usr/lib/mailman/Mailman"),
                      ("/usr/lib/mailman/Mailman/mm_cfg.py", "/etc/mailman/mm_cfg.py"))),
    "redhat": Layout("/usr/lib/mailman", "/var/lib/mailman", "/var/spool/mailman",
                     "/var/log/mailman", "/var/lock/mailman", "/etc/mailman", "mailman",
                     (("/usr/lib/mailman/Mailman/mm_cfg.py", "/etc/mailman/mm_cfg.py"),)),
}
CPANEL = "/usr/local/cpanel/3rdparty/mailman"
# of which users report, and which nobody here has seen
REPORTED = {"cpanel": Layout(CPANEL, CPANEL, f"{CPANEL}/qfiles", f"{CPANEL}/logs", f"{CPANEL}/locks",
                             f"{CPANEL}/Mailman", "mailman")}
QUEUES = ("in", "out", "commands", "bounces", "news", "archive", "shunt", "virgin", "bad", "retry")
PATHS = (               # what Defaults.py says, besides what a layout chooses
    ("LIST_DATA_DIR", "VAR_PREFIX", "lists"), ("DATA_DIR", "VAR_PREFIX", "data"),
    ("SPAM_DIR", "VAR_PREFIX", "spam"), ("TEMPLATE_DIR", "PREFIX", "templates"),
    ("MESSAGES_DIR", "PREFIX", "messages"), ("BIN_DIR", "PREFIX", "bin"),
    ("SCRIPTS_DIR", "PREFIX", "scripts"), ("WRAPPER_DIR", "EXEC_PREFIX", "mail"),
    ("PUBLIC_ARCHIVE_FILE_DIR", "VAR_PREFIX", "archives", "public"),
    ("PRIVATE_ARCHIVE_FILE_DIR", "VAR_PREFIX", "archives", "private"),
    ("INQUEUE_DIR", "QUEUE_DIR", "in"), ("OUTQUEUE_DIR", "QUEUE_DIR", "out"),
    ("CMDQUEUE_DIR", "QUEUE_DIR", "commands"), ("BOUNCEQUEUE_DIR", "QUEUE_DIR", "bounces"),
    ("NEWSQUEUE_DIR", "QUEUE_DIR", "news"), ("ARCHQUEUE_DIR", "QUEUE_DIR", "archive"),
    ("SHUNTQUEUE_DIR", "QUEUE_DIR", "shunt"), ("VIRGINQUEUE_DIR", "QUEUE_DIR", "virgin"),
    ("BADQUEUE_DIR", "QUEUE_DIR", "bad"), ("RETRYQUEUE_DIR", "QUEUE_DIR", "retry"),
    ("MAILDIR_DIR", "QUEUE_DIR", "maildir"), ("PIDFILE", "DATA_DIR", "master-qrunner.pid"),
    ("SITE_PW_FILE", "DATA_DIR", "adm.pw"), ("LISTCREATOR_PW_FILE", "DATA_DIR", "creator.pw"),
)
CODE = {"debian": "/usr/lib/mailman"}       # where Mailman/ is, if it is not PREFIX


class Site:
    """One Mailman below a folder that is the host's root."""

    def __init__(self, root, layout: str = "source", characters=EVERYBODY):
        self.root = Path(root)
        self.layout_name = layout
        self.layout = (LAYOUTS | REPORTED)[layout]
        self.lists: list[Community] = [make() for make in characters]
        self.queued = []        # what is told of each file of a queue
        self.bounced = []       # the list of each bounce that was not counted yet
        self.truth = {}

    # ── places ───────────────────────────────────────────────────────────────────────────────────

    def at(self, path: str, *below) -> Path:
        """The place of a path of the host; its folder is made."""
        place = self.root.joinpath(path.lstrip("/"), *below)
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def var(self, *below) -> Path:
        """Below VAR_PREFIX."""
        return self.at(self.layout.var, *below)

    @staticmethod
    def put(place: Path, data: bytes, mode: int = 0o660) -> None:
        """A file with all its folders."""
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        place.chmod(mode)

    # ── all of it ────────────────────────────────────────────────────────────────────────────────

    def make(self) -> "Site":
        """Write everything; fills .truth."""
        for name in QUEUES:
            self.at(self.layout.queues, name).mkdir(parents=True, exist_ok=True)
            self.at(self.layout.queues, name).chmod(0o2770)
        for path in (self.layout.locks, self.layout.logs, self.layout.var + "/spam"):
            self.at(path).mkdir(parents=True, exist_ok=True)
        self.settings()
        for one in self.lists:
            one.build()
            self.list(one)
        self.data()
        self.queues()
        self.logs()
        for path, target in self.layout.links:      # last: nothing may be written through them
            self.at(path).symlink_to(target)
        self.truth = {
            "layout": self.layout_name,
            "var": self.layout.var,
            "lists": {one.name: self._list_truth(one) for one in self.lists},
        }
        return self

    def _list_truth(self, one: Community) -> dict:
        queue = [entry for entry in self.queued if entry["list"] == one.name]
        return {**one.truth(), "queue": sorted(queue, key=lambda e: (e["queue"], e["name"]))}

    # ── the installation ─────────────────────────────────────────────────────────────────────────

    def settings(self) -> None:
        """Defaults.py and mm_cfg.py: assignments alone, in our own words."""
        layout = self.layout
        code = CODE.get(self.layout_name, layout.code)
        lines = ["import os", "", f"PREFIX = '{layout.code}'", "EXEC_PREFIX = PREFIX",
                 f"VAR_PREFIX = '{layout.var}'", f"MAILMAN_GROUP = '{layout.group}'",
                 f"MAILMAN_USER = '{layout.group}'", "MAILMAN_SITE_LIST = 'mailman'",
                 "HOLD_MESSAGES_AS_PICKLES = True", "PUBLIC_MBOX = False", "LC_DESCRIPTIONS = {}",
                 "add_language('de', 'German', 'iso-8859-1', 'ltr')",
                 "add_language('fr', 'French', 'iso-8859-1', 'ltr')",
                 f"QUEUE_DIR = '{layout.queues}'", f"LOG_DIR = '{layout.logs}'",
                 f"LOCK_DIR = '{layout.locks}'"]
        lines += [f"{name} = os.path.join({below}, {', '.join(map(repr, parts))})"
                  for name, below, *parts in PATHS]
        self.put(self.at(code, "Mailman", "Defaults.py"),
                 ("\n".join(lines) + "\n").encode(), 0o644)
        self.put(self.at(code, "Mailman", "Version.py"), b"VERSION = '2.1.39'\n", 0o644)
        self.put(self.at(layout.settings, "mm_cfg.py"), (
            "from Defaults import *\n\n"
            "DEFAULT_EMAIL_HOST = 'lists.example.org'\nDEFAULT_URL_HOST = 'www.example.org'\n"
            "add_virtualhost(DEFAULT_URL_HOST, DEFAULT_EMAIL_HOST)\n"
            "add_language('fr', 'French', 'utf-8', 'ltr')\n"
            "MTA = 'Postfix'\n").encode(), 0o644)

    def list(self, one: Community) -> None:
        """lists/NAME, its held messages, its archive, its lock."""
        place = self.var("lists", one.name)
        config = one.pickled(one.config, one.protocol)
        if one.has_last:
            self.put(place / "config.pck.last", config)
        self.put(place / "config.pck", config[:len(config) // 2] if one.torn else config)
        if len(one.requests) > 1 or one.name == "announce":     # an empty one is left behind
            self.put(place / "request.pck", one.pickled(one.requests))
        if one.pending:
            self.put(place / "pending.pck", one.pickled(one.pending_dict(), 0))
        if one.digest:
            self.put(place / "digest.mbox", mbox(one.digest))
        for name, text in one.templates.items():
            self.put(place / name, text)
        for name, data in one.held_files().items():
            self.put(self.var("data", name), data)
        write_archive(self.var("archives", "private"), f"{self.layout.var}/archives/private",
                      one.name, one.archived, one.pages, one.volumes)
        public = self.var("archives", "public", one.name)
        if not one.config.get("archive_private"):
            public.symlink_to(f"{self.layout.var}/archives/private/{one.name}")
        if one.locked:
            self.lock(f"{one.name}.lock", f"{one.name}.lock.mail.example.org.10628.0")

    def lock(self, name: str, claim: str) -> None:
        """A pair of hard links whose time lies in the future."""
        place = self.at(self.layout.locks, claim)
        self.put(place, f"{self.layout.locks}/{claim}".encode(), 0o664)
        os.utime(place, (time.time() + AHEAD,) * 2)
        os.link(place, place.with_name(name))

    def data(self) -> None:
        """What is in DATA_DIR besides held messages."""
        self.put(self.var("data", "adm.pw"), b"a" * 40 + b"\n", 0o640)
        self.put(self.var("data", "creator.pw"), b"b" * 40 + b"\n", 0o640)
        self.put(self.var("data", "last_mailman_version"), b"0x20127f0\n", 0o644)
        self.bounces(letter(70, "MAILER-DAEMON@example.com", "talk-bounces@example.org"))
        self.put(self.var("data", "aliases"), b"".join(
            f"# STANZA START: {one.name}\n{one.name}: \"|{self.layout.code}/mail/mailman post "
            f"{one.name}\"\n# STANZA END: {one.name}\n\n".encode() for one in self.lists), 0o664)
        self.put(self.var("spam", "spam-talk-15.msg"),
                 as_text(letter(71, "spammer@example.com", "talk@example.org")))

    def bounces(self, made) -> None:
        """A bounce that is not counted yet, of two lists."""
        place = self.var("data", "bounce-events-10628.pck")
        names = ["talk", "announce"]
        self.bounced += names
        self.put(place, (place.read_bytes() if place.exists() else b"") + b"".join(
            pickled((name, "bouncing@example.com", (2026, 11, 22), as_instance(made)))
            for name in names))

    # ── queues ───────────────────────────────────────────────────────────────────────────────────

    def queue(self, queue: str, name, data: bytes, extension: str = "pck", **told) -> None:
        """One file of a queue; `name` is of the list, or None."""
        number = len(self.queued)
        at = NOW - 300 + number + 0.125
        file = f"{at!r}+{cookie('queue', number)}.{extension}"
        self.put(self.at(self.layout.queues, queue, file), data)
        self.queued.append({"queue": queue, "name": file, "list": name, "at": at, **told})

    def entry(self, queue: str, name, number: int, extension: str = "pck", text: bool = False,
              **metadata) -> None:
        """A message that waits in a queue, parsed or as text."""
        made = letter(number, f"poster{number}@example.net", f"{name}@lists.example.org")
        known = {"received_time": NOW - 400, "version": 3, "_parsemsg": text, **metadata}
        if name:
            known = {"listname": name, **known}
        body = (pickled(as_text(made, envelope(number)), 0) if text
                else pickled(as_instance(made, envelope(number))))
        self.queue(queue, name, body + pickled(known, 0 if text else 1), extension,
                   message_id=dict(made[0])["Message-ID"], text=as_text(made).decode("latin-1"))

    def queues(self) -> None:
        """Everything that can lie in a queue."""
        here = f"{self.layout.queues}/in"
        self.entry("in", "talk", 81, text=True, tolist=1)
        self.entry("in", "entwickler", 82, text=True, tolist=1)
        self.entry("in", "talk", 83, "bak", text=True, tolist=1, _bak_count=1)
        self.entry("out", "talk", 84, recips=["a@example.net", "b@example.net"], lang="en",
                   pipeline=[], stripped_subject="A question")
        self.queue("out", None, pickled(as_instance(letter(85, "x@example.net", "y")))[:90],
                   "pck.tmp")
        self.entry("virgin", "announce", 86, recips=["owner@example.org"], nodecorate=1,
                   reduced_list_headers=1)
        self.entry("shunt", "talk", 87, tolist=1, whichq=here)
        self.entry("shunt", "gone", 88, tolist=1)
        self.entry("retry", "talk", 89, recips=["late@example.net"], deliver_after=NOW + 3600,
                   deliver_until=NOW + 5 * 86400, last_recip_count=1)
        self.entry("commands", "nihongo", 90, text=True, torequest=1)
        self.entry("bounces", "talk", 91, text=True)
        self.entry("archive", "entwickler", 92, lang="de")
        self.entry("bad", None, 93, "psv", text=True)

    def logs(self) -> None:
        """A few lines of each log, as 2.1.39 writes them."""
        stamp = "Nov 22 15:%02d:%02d 2026 (10628) "
        lines = {
            "vette": ["Talk post from stranger@example.com held, message-id=<letter1@example.net>: "
                      "Post by non-member to a members-only list",
                      "talk: held message approved, message-id: <letter7@example.net>",
                      "talk: Refused posting:\n\tFrom: x@example.com\n\tSubject: no\n\tReason: off "
                      "topic", "entwickler: held subscription request from neu@de.example.net"],
            "post": ["post to talk from poster84@example.net, size=310, "
                     "message-id=<letter84@example.net>, success"],
            "smtp": ["<letter84@example.net> smtp to talk for 2 recips, completed in 0.014 seconds"],
            "smtp-failure": ["delivery to late@example.net failed with code 451: 4.2.1 try later"],
            "bounce": ["talk: bouncing@example.com bounce score: 1.0"],
            "subscribe": ["talk: new Alice Adams <Alice.Adams@example.org>, via admin mass sub"],
            "error": ["Uncaught runner exception: no such list", "SHUNTING: 1795360200.125+" +
                      cookie("queue", 7)],
            "qrunner": ["Main qrunner loop started.", "IncomingRunner qrunner started."],
            "mischief": ["Hostile listname: listname=../etc: remote=192.0.2.7"],
            "locks": ["announce.lock lifetime has expired, breaking"],
        }
        for name, texts in lines.items():
            self.put(self.at(self.layout.logs, name), "".join(
                stamp % (15, number) + text + "\n" for number, text in enumerate(texts)).encode())


class Bare(Site):
    """An installation with nothing in it but the site list, as a package leaves it."""

    def __init__(self, root, layout):
        super().__init__(root, layout, characters=())

    def data(self):
        self.put(self.var("data", "last_mailman_version"), b"0x20127f1\n", 0o644)
        self.put(self.var("lists", "mailman", "config.pck"),
                 pickled({"members": {}, "digest_members": {}, "archive_private": 0}))

    def queues(self):
        pass
