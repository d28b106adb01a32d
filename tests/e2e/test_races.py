# SPDX-License-Identifier: BSD-2-Clause
"""What may happen in a Maildir while it is copied: each race that a scan can lose, one test.

They are those that Dovecot's maildir-sync.c and maildir-uidlist.c tell of, and a few of a copy's
own. A real Dovecot (and where it is not fast enough, another program beside it) works in the folder
of one person of `old` while passes run; mail is delivered all the while. Whatever a pass saw, when
the work is over and a pass finds nothing more to do, clients of both sides see the same: UID by
UID, flag by flag, octet by octet.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import FAILED, keep_words
from lab import daemons, imap, mover, sealed
from lab.caught import Caught
from lab.lab import Lab
from lab.sealed import LabError, wait_for
from lab.storm import Storm

# all of them share a lab, so they have to be of one worker
pytestmark = pytest.mark.xdist_group("races")
BIG = 3000      # messages: the directory is read in many pieces


class Field:
    """An old side that works, and a new side that follows; its Dovecot serves all the while."""

    def __init__(self, lab: Lab):
        self.lab, self.old, self.new = lab, lab.old, lab.new
        self.admin = mover.Mover(lab.new, mover.settings())
        for verb in ("survey", "prepare", "seed"):
            self.admin.run(verb)
        daemons.start(lab.new, "postfix")
        daemons.start(lab.new, "dovecot")

    def seed(self, login: str) -> dict:
        """One pass; nothing may be left out, and nothing be there that old never had."""
        (said,) = self.admin.json("seed", login)["passes"]
        assert (said["skipped"], said["extra"]) == ([], [])
        return said

    def passes(self, storm: Storm, login: str, least: int, times: int = 3,
               enough: Callable[[Counter], bool] = lambda _: True) -> Counter:
        """So many passes at least, and what they did together, once each work of the storm was done so
        many times beside them and it was `enough`."""
        did: Counter = Counter()

        def one() -> None:
            said = self.seed(login)
            did.update({key: said[key] for key in ("copied", "renamed", "removed", "vanished")})
        storm.beside(one, least, times, lambda: enough(did))
        return did

    def rest(self, login: str) -> None:
        """Wait until the last session of a person is over on old, with all that its end does."""
        wait_for(lambda: login not in self.old.run("doveadm", "who", login, check=False).stdout, 60,
                 f"the sessions of {login} to end")

    def until_quiet(self, login: str) -> int:
        """Passes until one finds nothing; how many it took."""
        for number in range(1, 6):
            said = self.seed(login)
            if not said["copied"] + said["renamed"] + said["removed"] + said["files"]:
                return number
        raise AssertionError(f"not quiet after {number} passes: {said}")

    def same(self, login: str) -> imap.Snapshot:
        """The same for clients of both sides, after passes until all is quiet."""
        # looking gives UIDs to what came last, so it comes first
        self.rest(login)
        before = imap.snapshot(self.old, login)
        self.rest(login)
        # what the first pass finds, and one more to see that this was all
        assert self.until_quiet(login) <= 2
        assert imap.compare(before, imap.snapshot(self.new, login)) == []
        return before

    def fill(self, login: str, folder: str, count: int, octets: int = 100) -> None:
        """Many messages in a new folder, as another program leaves them."""
        self.old.run("/usr/bin/python3", "-c", f"""
import os, sys
root = os.path.expanduser('~{login}/Maildir/.{folder}')
for part in ('', 'cur', 'new', 'tmp'):
    os.makedirs(os.path.join(root, part), 0o700, exist_ok=True)
for number in range({count}):
    with open(f'{{root}}/cur/1700000000.M{{number:06}}P1.old:2,S', 'w') as file:
        file.write(f'Subject: {{number}}\\nMessage-ID: <{{number}}@example.com>\\n\\n')
        file.write(os.urandom({octets} // 2).hex() + '\\n')
""")
        self.old.sh(f"chown -R {login}: ~{login}/Maildir/.{folder}")
        imap.snapshot(self.old, login)      # Dovecot gives them their UIDs


@pytest.fixture(name="shared", scope="module")
def fixture_shared():
    """One lab for all of them; each has a person of its own."""
    with Lab(f"races-{os.getpid()}", letters=200) as lab:
        yield Field(lab)


@pytest.fixture(name="field")
def fixture_field(shared, request):
    """The lab; a failed test leaves what its hosts say."""
    yield shared
    if request.node.stash.get(FAILED, False):
        keep_words(shared.lab, Path(sealed.program()).parent / "e2e" / request.node.name)


def names(host, login, folder=""):
    """What lies in a folder, with its size; without the order in which it lies there."""
    return sorted(host.sh(f"cd ~{login}/Maildir/{folder} && find cur new -type f -printf '%P %s\\n'")
                  .splitlines())


def uids(host, login, folder=""):
    """Base name to UID, as the folder's list has it; a name may be listed twice, then the last counts."""
    lines = host.sh(f"cat ~{login}/Maildir/{folder}/dovecot-uidlist").splitlines()[1:]
    return {line.partition(" :")[2]: int(line.split(" ")[0]) for line in lines}


# ── names that change while they are read ────────────────────────────────────────────────────────

def test_messages_that_are_renamed_while_a_folder_is_read_are_neither_gone_nor_sent_again(field):
    """readdir(3) leaves entries out, or gives them twice, when others are renamed meanwhile."""
    field.fill("bob", "Big", BIG)
    assert field.seed("bob")["copied"] >= BIG
    with Storm(field.old, "bob", "rename:Big") as storm:
        said = field.passes(storm, "bob", 5, BIG, lambda did: did["renamed"] > 0)
    print(storm.done, said)
    assert (said["copied"], said["removed"]) == (0, 0)
    field.same("bob")


def test_flags_that_dovecot_sets_on_all_messages_are_renames(field):
    """The same with Dovecot's own order: thousands of files by one command of a client."""
    field.fill("carol", "Big", BIG)
    field.seed("carol")
    with Storm(field.old, "carol", "flags:Big", "deliver") as storm:
        said = field.passes(storm, "carol", 3, enough=lambda did: did["renamed"] > 0)
    print(storm.done, said)
    assert said["removed"] == 0
    field.same("carol")
    assert said["copied"] <= storm.done["deliver"]


def test_mail_that_moves_from_new_to_cur_while_it_is_listed_is_brought_once(field):
    """Dovecot numbers what came, and moves it, while the two directories are read in turn."""
    with Storm(field.old, "erin", "deliver", "read") as storm:
        said = field.passes(storm, "erin", 4, enough=lambda did: did["copied"] > 100)
    print(storm.done, said)
    said["copied"] += field.seed("erin")["copied"]
    count = len(field.same("erin")["erin"]["folders"]["INBOX"]["messages"])
    # nothing was expunged, so nothing may have been taken for it and brought again
    assert said["removed"] == 0 and said["copied"] <= count


def test_mail_of_one_second_that_nobody_has_numbered_yet_is_brought_once(field):
    """Other programs deliver many a second; UIDs come between the look at the list and at the names."""
    with Storm(field.old, "frank", "drop", "read") as storm:
        said = field.passes(storm, "frank", 3, enough=lambda did: did["copied"] > 0)
    print(storm.done, said)
    assert said["removed"] == 0 and said["copied"] <= storm.done["drop"]
    field.same("frank")


def test_copies_in_a_folder_that_share_an_inode_are_messages_of_their_own(field):
    """Dovecot's COPY makes hard links; the original goes a moment later."""
    with Storm(field.old, "heidi", "copy", "deliver") as storm:
        said = field.passes(storm, "heidi", 3, enough=lambda did: did["copied"] and did["removed"])
    print(storm.done, said)
    field.same("heidi")


# ── one name, two messages ───────────────────────────────────────────────────────────────────────

def leave(field, login, path, text, part=0.0):
    """A file as a deliverer leaves it in one and the same second."""
    field.old.push({f"/home/{login}/Maildir/{path}": sealed.File(text, 0o600, login, login)})
    field.old.sh(f"touch -d @{1700000000 + part} ~{login}/Maildir/{path}")


def test_a_second_message_of_a_name_is_told_and_brought_when_it_has_a_name_of_its_own(field):
    """A process number that comes back within a second: two deliverers use the same name, when a
    client has moved the first message to cur/ in between."""
    leave(field, "ivan", "new/1700000000.P77.old", "Subject: one\n\nfirst\n")
    imap.snapshot(field.old, "ivan")
    uid = uids(field.old, "ivan")["1700000000.P77.old"]
    # without a flag on the first, Dovecot itself would move the second over it
    imap.set_flag(field.old, "ivan", "INBOX", uid, "\\Seen")
    assert "1700000000.P77.old:2,S" in field.old.sh("ls ~ivan/Maildir/cur")
    field.seed("ivan")
    leave(field, "ivan", "new/1700000000.P77.old", "Subject: two\n\nsecond\n")
    said = field.admin.run("seed", "ivan", expect=mover.NO).stdout
    assert "1700000000.P77.old" in said and "the same name" in said, said
    # the first one is not harmed
    assert field.new.sh("cat ~ivan/Maildir/cur/1700000000.P77.old:2,S") == "Subject: one\n\nfirst\n"
    known = len(names(field.old, "ivan"))
    imap.set_flag(field.old, "ivan", "INBOX", uid, "\\Flagged")     # Dovecot sees it, and names it anew
    assert len(field.same("ivan")["ivan"]["folders"]["INBOX"]["messages"]) == known


def test_another_message_under_the_name_of_an_expunged_one_is_brought(field):
    """The same, when the first was expunged in between: even if both have the same length."""
    leave(field, "judy", "new/1700000000.P88.old", "Subject: one\n\nAAA\n")
    imap.snapshot(field.old, "judy")
    field.seed("judy")
    field.old.sh("rm ~judy/Maildir/*/1700000000.P88.old*")
    leave(field, "judy", "new/1700000000.P88.old", "Subject: two\n\nBBB\n", 0.5)
    field.seed("judy")
    assert "two" in field.new.sh("cat ~judy/Maildir/*/1700000000.P88.old*")
    field.same("judy")


# ── mail that comes and goes ─────────────────────────────────────────────────────────────────────

def in_the_middle(field, login, count, work, hit=lambda _: True):
    """Do `work` (with the name of the folder) on old while a pass is in the middle of a folder's `count`
    messages; the folder, and what the pass says. When it was too late, so that it is no `hit`, once more
    with another folder, and slower."""
    for number, limit in enumerate(("4M", "2M", "1M", "500k", "250k")):
        folder = f"Heavy{number}"
        field.fill(login, folder, count, 60_000)
        place = f"/home/{login}/Maildir/.{folder}"
        # it stands still, however long the work takes; old's agent gets no further than its pipe
        with Caught(field.new, f"count {place}/tmp/* {place}/tmp/*/* {place}/cur/*; [ $n -gt 20 ]", "mailhaul", "-m",
                    mover.MOVE, "seed", "--limit", limit, "--json", login) as seeding:
            if not seeding.caught:
                continue
            field.old.sh(work.format(folder))
            code, said = seeding.let_go()
        assert code == mover.GOOD, said
        (passed,) = json.loads(said)["passes"]
        if hit(passed):
            return folder, passed
    raise LabError("the pass was never caught in the middle")


def test_mail_that_is_expunged_before_its_turn_has_vanished_and_is_no_failure(field):
    """Half of the messages that a pass has listed are gone when it comes to read them."""
    folder, passed = in_the_middle(field, "frank", 160, "doveadm expunge -u frank mailbox {} 61:160",
                                   lambda passed: passed["vanished"] > 0)
    assert passed["skipped"] == []
    assert passed["copied"] + passed["vanished"] >= 160
    assert len(field.same("frank")["frank"]["folders"][folder]["messages"]) == 60


def test_a_folder_that_is_renamed_in_the_middle_of_its_messages_comes_under_its_new_name(field):
    """What was listed is not where it was."""
    folder, passed = in_the_middle(field, "ivan", 120, "doveadm mailbox rename -u ivan {} Other/Heavier")
    print(passed)
    folders = field.same("ivan")["ivan"]["folders"]
    assert len(folders["Other/Heavier"]["messages"]) == 120 and folder not in folders


def test_folders_that_are_made_renamed_and_deleted_all_the_time_end_as_they_are(field):
    """The same names again and again, each time a folder with another UIDVALIDITY."""
    with Storm(field.old, "erin", "folders:Tmp", "deliver", "read") as storm:
        field.passes(storm, "erin", 4)
    print(storm.done)
    assert "Tmp-kept" in field.same("erin")["erin"]["folders"]


def test_what_dovecot_is_deleting_is_no_folder(field):
    """A folder that is deleted lies under another name until its files are gone; after a crash longer."""
    field.fill("frank", "Trashed", 5)
    field.seed("frank")
    field.old.sh("cd ~frank/Maildir && mv .Trashed ..DOVECOT-TRASHED")
    said = field.seed("frank")
    assert (said["copied"], said["removed"]) == (0, 5)
    assert "TRASHED" not in field.new.sh("ls -a ~frank/Maildir")
    field.same("frank")


def test_mail_that_moves_between_folders_is_in_one_of_them(field):
    """IMAP MOVE, one and all, there and back, while both folders are listed one after the other."""
    field.fill("grace", "Elsewhere", 20)
    with Storm(field.old, "grace", "move:Elsewhere", "deliver") as storm:
        field.passes(storm, "grace", 3)
    print(storm.done)
    field.same("grace")


def test_files_that_another_program_moves_between_folders_keep_their_names_and_arrive(field):
    """The same base name is in the one folder and then in the other, with a UID of each."""
    field.fill("heidi", "Elsewhere", 20)
    with Storm(field.old, "heidi", "shift:Elsewhere", "deliver", "read", "read:Elsewhere") as storm:
        field.passes(storm, "heidi", 3)
    print(storm.done)
    # a name that comes back gets another UID from Dovecot, with its second look
    imap.snapshot(field.old, "heidi")
    field.same("heidi")


def test_what_a_slow_client_is_still_saving_is_not_brought(field):
    """It grows in tmp/; nothing on new is ever shorter than its name says."""
    def look():
        field.seed("grace")
        for line in names(field.new, "grace"):
            promised = re.search(r",S=(\d+)", line)
            assert not promised or promised[1] == line.split(" ")[1], line

    with Storm(field.old, "grace", "trickle", "append") as storm:
        storm.beside(look, 3)
    print(storm.done)
    field.same("grace")


# ── what Dovecot writes beside the messages ──────────────────────────────────────────────────────

def test_a_list_of_uids_that_is_appended_to_and_written_anew_never_tells_another_uid(field):
    """Lines are appended by each delivery, the whole is replaced now and then, and names in it may
    be gone."""
    seen = []

    def look():
        field.seed("ivan")
        seen.append(uids(field.new, "ivan"))

    with Storm(field.old, "ivan", "append", "expunge", "rewrite", "deliver") as storm:
        storm.beside(look, 3)
    print(storm.done)
    final = uids(field.old, "ivan")
    for known in seen:
        assert {base: uid for base, uid in known.items() if final.get(base, uid) != uid} == {}
    field.same("ivan")


def test_keywords_that_are_new_to_the_folder_keep_their_names(field):
    """A letter in a file's name means what dovecot-keywords says at that moment; all 26 are used."""
    field.fill("judy", "Labelled", 200)
    with Storm(field.old, "judy", "keywords:Labelled", "deliver") as storm:
        field.passes(storm, "judy", 3, 1)
    print(storm.done)
    messages = field.same("judy")["judy"]["folders"]["Labelled"]["messages"].values()
    assert len({word for message in messages for word in message["flags"] if "Word" in word}) == 26


def test_a_change_in_the_tick_in_which_a_pass_looked_is_seen_by_the_next(field):
    """A directory's time is as fine as the kernel's tick: what changes twice in one has one stamp."""
    for number in range(2):
        with Storm(field.old, "niaj@example.net", "flags", "deliver") as storm:
            field.passes(storm, "niaj@example.net", 1, 1)
        field.rest("niaj@example.net")
        assert field.until_quiet("niaj@example.net") <= 2
        home = "/srv/vmail/example.net/niaj/Maildir/cur"
        assert field.new.sh(f"ls {home}") == field.old.sh(f"ls {home}"), number
    field.same("niaj@example.net")
