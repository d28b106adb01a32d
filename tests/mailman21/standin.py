#!/usr/bin/python3 -ISB
# SPDX-License-Identifier: BSD-2-Clause
"""Stands in for four of Mailman's programs, which no system has any more, under their own names:
bin/mailmanctl, bin/qrunner, cron/senddigests, and mail/mailman, the wrapper that an alias pipes into.

What it does is what a move meets: a queue entry per post, a master with a pid file, a runner that has a
file as .bak while it is at it, ends at SIGTERM when it is through with that file, and finds its .bak
again when it starts. A post goes from `in` to `out`, and from there into the file `sent` in the logs,
which is where a member's mailbox would be; if it is told where mboxes are, it goes into that of its list, if that has
one, too. A command is answered without a queue; other queues are left
alone. A list is there when its directory has a configuration: for another the wrapper fails, and a runner
puts its entry into `shunt`. Each list that is there gets a digest. It finds its paths in a file
`standin.places` beside it, NAME=PATH; the real wrapper is set-gid, so queues are open to everybody here.

It imports next to nothing: the wrapper runs once a post, and starting Python is most of its work.
"""

import os
import sys
import time
from _io import BytesIO
from _pickle import Unpickler, dumps
from _signal import SIGTERM, signal

SELF = os.path.abspath(__file__)
with open(os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))),
                       "bin/standin.places"), encoding="ascii") as places:
    PLACES = dict(line.rstrip("\n").split("=", 1) for line in places)
QUEUES, PID_FILE, SENT, LISTS = (PLACES[name] for name in ("queues", "pid", "sent", "lists"))
ARCHIVES = PLACES.get("archives")   # where mboxes are; without it nothing is archived
STOP = []
DEAF = "/run/deaf"      # when it is there, no command is answered


def put(queue: str, data: bytes, at: str = "") -> None:
    """One entry, named as Mailman names it."""
    place = f"{QUEUES}/{queue}/{at or repr(time.time())}+{os.urandom(20).hex()}.pck"
    with open(place + ".tmp", "wb") as early:
        early.write(data)
    os.chmod(place + ".tmp", 0o660)
    os.rename(place + ".tmp", place)


def entries(queue: str, end: str) -> list[str]:
    """Paths of a queue's files whose names end so, in order of arrival."""
    return [f"{QUEUES}/{queue}/{name}" for name in sorted(os.listdir(f"{QUEUES}/{queue}"))
            if name.endswith(end) and not name.startswith(".")]


def answer() -> None:
    """What the commands' runner does, at once: a mail to who has written, from who takes its bounces."""
    name, _, host = sys.argv[2].partition("_")
    if os.path.exists(DEAF):
        return
    with os.popen(f"/usr/sbin/sendmail -f '{name}-bounces@{host or 'lists.example.org'}' -- \"$SENDER\"",
                  "w") as mail:
        mail.write("Subject: The results\n\nhelp\n")


def is_there(name: str) -> bool:
    """Utils.list_exists()"""
    return any(os.path.exists(f"{LISTS}/{name}/config.{end}") for end in ("pck", "pck.last", "db"))


def digests() -> None:
    """cron/senddigests"""
    for name in sorted(os.listdir(LISTS)):
        if is_there(name):
            put("out", dumps(f"X-Token: digest-{name}\n", 0) + dumps({"listname": name}, 0))


def wrapper() -> None:
    """mail/mailman post LIST, and request LIST"""
    if not is_there(sys.argv[2]):
        sys.exit(f"post script, list not found: {sys.argv[2]}")
    text = sys.stdin.buffer.read().decode("latin-1")
    if sys.argv[1] == "request":
        answer()
        return
    put("in", dumps(text, 0) + dumps(
        {"listname": sys.argv[2], "_parsemsg": True, "tolist": 1, "version": 3}, 0))


class Inert(Unpickler):
    """Reads an entry whose message is an instance of a class that nobody has here."""

    def find_class(self, _module, name):
        return type(name, (), {"__init__": lambda *_: None, "__setstate__": lambda *_: None})


def list_of(data: bytes) -> str:
    """Whose an entry is: its second pickle says so."""
    reader = Inert(BytesIO(data), encoding="latin-1")
    reader.load()
    return reader.load().get("listname", "mailman")


def token_of(data: bytes) -> str:
    """The word behind a message's X-Token, or nothing."""
    word = data.partition(b"X-Token: ")[2].replace(b"\\", b"\n").split(maxsplit=1)
    return word[0].decode("ascii", "replace") if word else ""


def archive(data: bytes) -> None:
    """What the archive's runner does with a post."""
    path, text = f"{ARCHIVES}/{list_of(data)}.mbox/{list_of(data)}.mbox", Inert(BytesIO(data), encoding="latin-1").load()
    if isinstance(text, str) and os.path.exists(path):
        first = "" if text.startswith("From ") else f"From nobody@example.org  {time.asctime(time.gmtime())}\n"
        with open(path, "ab") as mbox:
            mbox.write(f"{first}{text}\n".encode("latin-1"))


def work(queue: str, entry: str) -> None:
    """What a runner does with one file."""
    mine = entry.removesuffix(".pck") + ".bak"
    os.rename(entry, mine)
    with open(mine, "rb") as file:
        data = file.read()
    arrived = os.path.basename(entry).partition("+")[0]
    if not is_there(list_of(data)):
        put("shunt", data, arrived)
    elif queue == "in":
        if ARCHIVES:
            archive(data)
        put("out", data, arrived)
    else:
        with open(SENT, "a", encoding="ascii") as sent:
            sent.write((token_of(data) or os.path.basename(entry)) + "\n")
    os.unlink(mine)


def runner() -> None:
    """bin/qrunner"""
    signal(SIGTERM, lambda *_: STOP.append(1))
    for queue in ("in", "out"):
        for left in entries(queue, ".bak"):
            os.rename(left, left.removesuffix(".bak") + ".pck")
    while not STOP:
        for queue in ("in", "out"):
            for entry in entries(queue, ".pck"):
                if STOP:
                    return
                work(queue, entry)
        time.sleep(0.05)


def master() -> None:
    """What `mailmanctl start` leaves behind."""
    os.setsid()
    nothing = os.open("/dev/null", os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)
    qrunner = os.path.join(os.path.dirname(SELF), "qrunner")
    child = os.posix_spawn(qrunner, [qrunner, "--runner=All:0:1"], os.environ)
    signal(SIGTERM, lambda *_: os.kill(child, SIGTERM))
    with open(PID_FILE, "w", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")
    os.waitpid(child, 0)
    if os.path.exists(PID_FILE):
        os.unlink(PID_FILE)


def control() -> None:
    """bin/mailmanctl [-s] start|stop"""
    if sys.argv[-1] == "stop":
        with open(PID_FILE, encoding="ascii") as file:
            os.kill(int(file.read()), SIGTERM)
    elif os.fork() == 0:
        master()


{"mailman": wrapper, "qrunner": runner, "mailmanctl": control,
 "senddigests": digests}[os.path.basename(SELF)]()
