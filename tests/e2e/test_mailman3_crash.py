# SPDX-License-Identifier: BSD-2-Clause
"""`mailhaul lists convert` into Mailman 3, killed, and told the same again: in the end all is as if it never had been.

CRASH_ROUNDS says how often, from nothing; CRASH_SEED, by which dice. No runner of the core is there: what counts is
what its program has stored.
"""

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections import Counter

import pytest

from lab import mailman3
from mailman21 import Site
from test_mailman3 import MAILHAUL, convert

pytestmark = pytest.mark.xdist_group("mailman3")
ROUNDS = int(os.environ.get("CRASH_ROUNDS", "1"))
SEED = os.environ.get("CRASH_SEED", "21")
DEATHS = 4      # of a round
NAMES = ("talk", "nihongo", "broken")
# each commit is counted in a file, and at the one that another file says, Mailman's program dies
_PROGRAM = """
import os, sqlalchemy.orm
at = {at!r}
def dies(when):
    def count(session):
        with open(f"{{at}}/{{when}}", "ab") as file:
            file.write(b".")
        try:
            with open(f"{{at}}/die") as file:
                moment, number = file.read().split()
        except FileNotFoundError:
            return
        if moment == when and int(number) == os.path.getsize(f"{{at}}/{{when}}"):
            os.kill(os.getpid(), 9)
    return count
for when in ("before_commit", "after_commit"):
    sqlalchemy.event.listen(sqlalchemy.orm.Session, when, dies(when))
from mailman.bin"""
_CHOICES = ("acknowledge_posts", "hide_address", "preferred_language", "receive_list_copy", "receive_own_postings",
            "delivery_mode", "delivery_status")
_PEOPLE = f"""
SELECT m.role, m.list_id, m.moderation_action, m.bounce_score, m.last_bounce_received, m.total_warnings_sent,
       m.last_warning_sent > '0002', a.email, a._original, a.display_name, a.verified_on IS NULL, u.display_name,
       {", ".join(f"{table}.{name}" for table in ("own", "theirs", "everyones") for name in _CHOICES)}
FROM member m LEFT JOIN address a ON a.id = m.address_id LEFT JOIN user u ON u.id = a.user_id
LEFT JOIN preferences own ON own.id = m.preferences_id LEFT JOIN preferences theirs ON theirs.id = a.preferences_id
LEFT JOIN preferences everyones ON everyones.id = u.preferences_id"""
# numbers, and what is of a moment
_OWN = {"id", "_created_on", "registered_on", "verified_on", "uid", "token", "expiration_date", "pended_id", "_user_id",
        "_member_id", "path", "last_warning_sent", "address_id", "user_id", "preferences_id", "date_sent", "value",
        "_preferred_address_id", "data_hash", "key", "mailing_list_id", "data"}


class Still:
    """A core of which nothing runs."""

    def __init__(self, core):
        self.core, self.mailman, self.folder = core, core.at / "dying/mailman", core.at / "dying"
        self.folder.mkdir()
        self.mailman.write_text(core.mailman.read_text("utf-8").replace(
            "from mailman.bin", _PROGRAM.format(at=str(self.folder)), 1), "utf-8")
        self.mailman.chmod(0o755)
        os.chown(self.folder, mailman3.USER, mailman3.USER)

    def keep(self) -> None:
        """As it is now it is whenever it is empty()."""
        shutil.copytree(self.core.at / "var", self.core.at / "kept")

    def empty(self) -> None:
        """Nothing was ever given to it."""
        shutil.rmtree(self.core.at / "var")
        shutil.copytree(self.core.at / "kept", self.core.at / "var")
        for path in (self.core.at / "var", *(self.core.at / "var").rglob("*")):
            os.chown(path, mailman3.USER, mailman3.USER)

    def dies(self, *words) -> None:
        """When, from the next start on; nothing: never."""
        for name in ("before_commit", "after_commit", "die"):
            (self.folder / name).unlink(missing_ok=True)
        if words:
            (self.folder / "die").write_text(" ".join(map(str, words)), "utf-8")

    def commits(self) -> int:
        """How many there were since then."""
        return (self.folder / "before_commit").stat().st_size

    def stored(self) -> dict:
        """All rows, those that belong together as one, and the files beside."""
        var = self.core.at / "var"
        with contextlib.closing(sqlite3.connect(var / "data/mailman.db", timeout=60)) as base:
            made = {"people": Counter(base.execute(_PEOPLE))}
            for table, in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                names = [row[1] for row in base.execute(f"PRAGMA table_info('{table}')") if row[1] not in _OWN]
                quoted = ", ".join(f'"{name}"' for name in names) or "1"
                made[table] = Counter(base.execute(f'SELECT {quoted} FROM "{table}"'))
            made["waits"] = Counter(base.execute("SELECT step, json_remove(data, '$.user_key') FROM workflowstate"))
            made["things"] = Counter(base.execute(
                "SELECT key, value FROM pendedkeyvalue WHERE key IN ('thing', 'list_id', 'type', 'email')"))
        made["made"] = set((var / "data/mailhaul.made").read_text("utf-8").splitlines())
        made["files"] = {str(path.relative_to(var)): path.read_bytes() for folder in ("messages", "templates", "lists")
                         for path in (var / folder).rglob("*") if path.is_file()}
        assert not list((var / "queue").rglob("*.pck"))
        return made


def kill(site, still, words, seconds: float) -> None:
    """mailhaul itself, so long after its start."""
    with subprocess.Popen([MAILHAUL, "-q", "lists", "convert", "--site", site.root, "--to", "mailman3", "--mailman",
                           still.mailman, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("bulk", [(), ("--bulk",)])
def test_killed_at_any_moment_the_same_command_brings_all_to_its_end(tmp_path, bulk):
    if not mailman3.is_here():
        pytest.skip(f"{mailman3.FOLDER} has no Mailman 3: tools/install-packages lab unpacks it")
    site, dice = Site(tmp_path, "source").make(), random.Random(SEED + "".join(bulk))
    core = mailman3.Core(1)     # nothing is sent
    try:
        still = Still(core)
        convert(site, core, "--dry-run", *NAMES, program=still.mailman)
        still.keep()
        still.dies()
        begun = time.monotonic()
        convert(site, core, *bulk, *NAMES, program=still.mailman)
        took, commits, wanted = time.monotonic() - begun, still.commits(), still.stored()
        assert len(wanted["people"]) > 30 and commits > 2 * len(NAMES)
        for _ in range(ROUNDS):
            still.empty()
            for number in range(DEATHS):
                if number == 2:
                    still.dies()
                    kill(site, still, (*bulk, *NAMES), dice.uniform(0, took))
                    continue
                how = dice.choice(("before_commit", "after_commit"))
                still.dies(how, at := dice.randint(1, commits))
                done = subprocess.run([MAILHAUL, "lists", "convert", "--site", site.root, "--to", "mailman3", "--mailman",
                                       still.mailman, *bulk, *NAMES], capture_output=True, timeout=300, check=False)
                # later there may be less to do than at first
                assert done.returncode == 78 or (number and still.commits() < at), (how, at, commits, done.stderr)
            still.dies()
            said = convert(site, core, *bulk, *NAMES, program=still.mailman)
            assert not [one for one in said.values() if one["error"] or one["differs"] or one["mailed"]], said
            there = still.stored()
            assert {key: (there[key], wanted[key]) for key in wanted if there[key] != wanted[key]} == {}
        assert not [one for one in convert(site, core, *bulk, *NAMES, program=still.mailman).values() if one["changed"]]
    finally:
        core.__exit__()
