# SPDX-License-Identifier: BSD-2-Clause
"""Mailman 2.1 on the lab's hosts: twelve lists on `old`, as from source; an empty Debian one on `new`.

The files are real in form (tests/mailman21). The programs are not, for no system has Python 2 any more:
mailman21/standin.py says what stands in for them.
"""

import io
import re
import tarfile
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from mailman21 import Bare, Site

from . import accounts
from .sealed import Host, LabError, wait_for

STANDIN = Path(__file__).resolve().parents[1] / "mailman21/standin.py"
OWNER = {"source": 141, "debian": 38}
POSTED_TO = "talk"


@dataclass(frozen=True)
class Place:
    """Where a host's Mailman is."""
    code: str
    queues: str
    pid: str
    sent: str
    lists: str

    def told(self) -> dict[str, str]:
        """The file that the stand-in finds them by."""
        return {f"{self.code}/bin/standin.places": "".join(
            f"{name}={getattr(self, name)}\n" for name in ("queues", "pid", "sent", "lists"))}


OLD = Place("/usr/local/mailman", "/usr/local/mailman/qfiles",
            "/usr/local/mailman/data/master-qrunner.pid", "/usr/local/mailman/logs/sent",
            "/usr/local/mailman/lists")
NEW = Place("/usr/lib/mailman", "/var/lib/mailman/qfiles",
            "/var/lib/mailman/data/master-qrunner.pid", "/var/log/mailman/sent",
            "/var/lib/mailman/lists")


def _packed(root: Path, owner: int) -> bytes:
    packed = io.BytesIO()

    def own(entry):
        entry.uid = entry.gid = owner
        entry.uname = entry.gname = ""
        if re.search(r"/qfiles/\w+$", entry.name):
            entry.mode = 0o2777     # the real wrapper is set-gid
        return entry

    with tarfile.open(fileobj=packed, mode="w") as tar:
        for top in ("usr", "var", "etc/mailman", "run"):
            for place in sorted((root / top).glob("*")) if (root / top).is_dir() else ():
                # what is a link on the machine below stays as it is there
                if place != root / "var/lock":
                    tar.add(place, str(place.relative_to(root)), filter=own)
    return packed.getvalue()


def keep_archives(host: Host, place: Place, site: Site) -> None:
    """From now on posts go into the mboxes of those lists that keep an archive."""
    folder = f"{place.code}/archives/private"
    boxes = " ".join(f"'{folder}/{one.name}.mbox/{one.name}.mbox'" for one in site.lists if one.config.get("archive", True))
    host.sh(f"touch {boxes}; chown mailman:mailman {boxes}; chmod 660 {boxes}; "
            f"echo 'archives={folder}' >>{place.code}/bin/standin.places")


def _put(host: Host, site: Site, place: Place) -> None:
    host.run("tar", "--extract", "--file=-", "--directory=/", "--no-overwrite-dir",
             "--same-owner", "--same-permissions", stdin=_packed(site.root, OWNER[site.layout_name]))
    program = STANDIN.read_text("utf-8")
    host.push(place.told())
    for name in ("bin/mailmanctl", "bin/qrunner", "cron/senddigests", "mail/mailman"):
        host.sh(f"mkdir -p {place.code}/mail {place.code}/cron; cat >{place.code}/{name}; chmod 755 {place.code}/{name}",
                stdin=program)


def install(lab, new_too: bool = True) -> Site:
    """Put both where they belong, or `old` alone; its site is what its lists' truth is in."""
    with tempfile.TemporaryDirectory() as folder:
        old = Site(Path(folder, "old"), "source").make()
        accounts.add(lab.old, {"mailman": (OWNER["source"], OLD.code, "!")})
        _put(lab.old, old, OLD)
        if not new_too:
            return old
        new = Bare(Path(folder, "new"), "debian").make()
        _put(lab.new, new, NEW)
        lab.new.sh("ln -s /usr/lib/mailman/mail /var/lib/mailman/mail")     # as the package has it
        return old


def tell_mta(host: Host, admin, *words: str) -> None:
    """Have a host's Postfix know the addresses that `mailhaul lists aliases` prints."""
    for file in admin.json("lists", "aliases", *words)["files"]:
        path = file["path"]
        host.sh(f"cat >{path}", stdin=file["text"])
        if "virtual" in path:
            host.sh(f"postmap {path}; postconf -e "
                    f"virtual_alias_maps=\"$(postconf -h virtual_alias_maps), hash:{path}\"")
        else:
            host.sh(f"postalias {path}; postconf -e alias_maps='hash:/etc/aliases, hash:{path}'")
        host.sh(f"chown root: {path}*")


def start(host: Host, place: Place) -> None:
    """Have the runners run."""
    host.run(f"{place.code}/bin/mailmanctl", "-s", "start")


def running(host: Host) -> bool:
    """Whether a runner does."""
    return "/bin/qrunner" in host.run("ps", "axww", "-o", "args").stdout


def digests(host: Host, place: Place) -> None:
    """What cron does at noon: each list that is there sends one, as digest-LIST."""
    host.run(f"{place.code}/cron/senddigests")


def post(host: Host, address: str, token: str) -> None:
    """One post, by the host's own MTA."""
    host.sh(f"sendmail -f poster@one.example.com {address}",
            stdin=f"From: poster@one.example.com\nX-Token: {token}\n\nwords\n")


def sent(host: Host, place: Place) -> list[str]:
    """What went out to the members, by token."""
    return host.run("sh", "-c", f"cat {place.sent}", check=False).stdout.split()


def queued(host: Host, place: Place) -> dict[str, bytes]:
    """Entries of all queues, QUEUE/NAME to content, those aside and torn ones not."""
    data = host.run("sh", "-c", f"cd {place.queues} && tar -c [a-z]*[a-z]").stdout
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data.encode("utf-8", "surrogateescape"))) as tar:
        for entry in tar:
            if entry.isfile() and "moved-by" not in entry.name and not entry.name.endswith(".tmp"):
                found[entry.name] = tar.extractfile(entry).read()
    return found


def expect_once(lab, accepted: list[str]) -> None:
    """Wait until no post is on its way; each went out to the members from one side, once, and so did what had
    waited before; LabError when not."""
    both = ((lab.old, OLD), (lab.new, NEW))
    wait_for(lambda: not any(name.startswith(("in/", "out/")) for host, place in both
                             for name in queued(host, place)), 60, "the runners to finish")
    went = Counter(name for host, place in both for name in sent(host, place))
    lost = [token for token in accepted if not went[token]]
    doubled = [name for name, times in went.items() if times > 1]
    if lost or doubled or not accepted:
        raise LabError(f"of {len(accepted)} posts {len(lost)} are lost: {lost[:5]}, "
                       f"{len(doubled)} doubled: {doubled[:5]}")


_POST = """
import os, smtplib, sys, time
number = 0
while not os.path.exists("/run/no-more-posts"):
    number += 1
    with smtplib.SMTP("127.0.0.1", 25) as session:
        session.sendmail("poster@one.example.com", [sys.argv[1]],
                         f"From: poster@one.example.com\\nX-Token: post-{number}\\n\\nwords\\n")
    with open("/run/posts", "a", encoding="ascii") as record:
        record.write(f"post-{number}\\n")
    time.sleep(float(sys.argv[2]))
"""


class Posts:
    """Somebody outside who writes to a list, all the time, and waits `pause` seconds between two."""

    def __init__(self, world: Host, address: str, pause: float = 0.3):
        self.world = world
        self.child = world.spawn("/usr/bin/python3", "-c", _POST, address, str(pause))

    def end(self) -> list[str]:
        """No more; all that were accepted."""
        self.world.sh("touch /run/no-more-posts")
        assert self.child.wait(60) == 0, self.child.stdout.read()
        return self.world.sh("cat /run/posts").split()
