# SPDX-License-Identifier: BSD-2-Clause
"""Rehearsals of the whole cut-over and its way back, on copies of both hosts: all goes well, or what does
not is named by its step; and neither host has changed.

Not a test by itself: test_prepare.py has such a pair, which takes longer to get than all this.
"""

from lab import hosts, mover, trouble
from lab.sealed import Host

# Owner, mode, size, inode and times of all that a cut-over writes to.
LOOK = ("find {0}/etc {0}/home {0}/root {0}/var/mail {0}/var/spool {0}/var/lib/dovecot {0}/var/log -xdev"
        r" -printf '%p %M %U %i %s %T@ %C@\n' | grep -v /var/lib/mailhaul | sort")
# What a move knows, but for what it has seen.
STATE = f"""import hashlib, sqlite3
state = sqlite3.connect("file:{mover.MOVE}/state.db?mode=ro", uri=True)
tables = [name for name, in state.execute("SELECT name FROM sqlite_master WHERE type = 'table'"
                                          " AND name NOT IN ('evidence', 'sqlite_sequence') ORDER BY name")]
print(*(f"{{name}} {{hashlib.sha256(repr(state.execute(f'SELECT * FROM {{name}}').fetchall()).encode()).hexdigest()}}"
        for name in tables), sep="\\n")
"""


def take_old(lab) -> None:
    """All files of `old` in a folder of `new`; what no test changes is one and the same there."""
    trouble.take_folder(lab.old, lab.new, mover.FOLDER)
    lab.new.sh(f"""cd {mover.FOLDER}
mkdir -p usr tmp run dev proc sys
mount --bind /usr usr
for name in bin sbin lib lib64; do [ -e $name ] || ln -s usr/$name $name; done
rm -f etc/rc?.d/S* etc/systemd/system/multi-user.target.wants/*
mkdir -p etc/systemd/system/multi-user.target.wants
ln -s /lib/systemd/system/postfix.service /lib/systemd/system/dovecot.service \\
	etc/systemd/system/multi-user.target.wants/""")


def everything_as_it_is(new: Host) -> tuple[str, ...]:
    """Both real hosts, and the move's state."""
    return (new.sh(LOOK.format("")), new.sh(LOOK.format(mover.FOLDER)),
            new.run("/usr/bin/python3", "-c", STATE).stdout)


def ends(result: dict, back: bool) -> dict[str, str]:
    """How each step of one way has ended, in their order."""
    return {row["name"]: row["end"] for row in result["cutover"]["steps"] if row["back"] == back}


def everything(lab, admin) -> None:
    """On a host that is prepared and seeded, and whose services do not run."""
    before_all = lab.new.read(f"{mover.MOVE}/move.yaml")
    refused = admin.run("rehearse", "--only", "cutover", expect=mover.PERSON)
    assert "rehearse.old_root" in refused.stderr
    take_old(lab)
    admin.configure(mover.settings(canary=False, more=f"rehearse: {{old_root: {mover.FOLDER}}}\n"))
    said = admin.run("rehearse", "--dry-run").stdout
    assert f"way back, on a copy of {hosts.PLACES['old'].hostname} from {mover.FOLDER}" in said
    before = everything_as_it_is(lab.new)
    goes_well(admin)
    assert everything_as_it_is(lab.new) == before
    lab.new.sh("cp -p /etc/dovecot/dovecot.conf /etc/dovecot/dovecot.good\n"
               "printf 'service imap-login {\\n inet_listener imap {\\n address = 192.0.2.77\\n }\\n}\\n'"
               " >>/etc/dovecot/dovecot.conf")
    # an old host of which nothing runs is quicker gone through
    admin.configure(mover.settings(canary=False, old=f"folder:{mover.FOLDER}"))
    before = everything_as_it_is(lab.new)
    breaks_off(admin)
    assert everything_as_it_is(lab.new) == before
    lab.new.sh(f"mv /etc/dovecot/dovecot.good /etc/dovecot/dovecot.conf\n"
               f"umount {mover.FOLDER}/usr; rm -r {mover.FOLDER}")
    admin.configure(before_all)


def goes_well(admin) -> None:
    """There and back, timed, with mail all the while."""
    result = admin.json("rehearse", "--only", "cutover")
    assert not result["failures"], result["failures"]
    there, back = ends(result, False), ends(result, True)
    assert [*there][0] == "preconditions" and [*there][-1] == "account"
    assert {"freeze", "delta", "verify", "switch", "open-smtp", "open-mailboxes"} <= set(there)
    assert set(there.values()) == {"done"} and set(back.values()) == {"undone"}
    assert [*back][0] == "open-mailboxes" and "switch" in back and [*back][-1] == "close-new"
    assert 0 < result["cutover"]["window_seconds"] < result["seconds"]
    # for each of three people: before, while, after, and when all is back
    assert result["cutover"]["messages"] >= 12
    for whose in ("the copy", "old's copy"):
        assert any(f"mounts of {whose}: none leads to a file system of this host" in line
                   for line in result["proof"])


def breaks_off(admin) -> None:
    """New's Dovecot can't start: that shows when the world is turned already."""
    result = admin.json("rehearse", "--only", "cutover", expect=mover.NO)
    assert [(row["step"], row["name"]) for row in result["failures"]] == [("cutover", "open-smtp")]
    assert "192.0.2.77" in result["failures"][0]["words"]
    there, back = ends(result, False), ends(result, True)
    assert there["switch"] == "done" and there["open-smtp"] == "failed" and "account" not in there
    assert set(back.values()) == {"undone"} and "switch" in back and "window_seconds" not in result["cutover"]
