# SPDX-License-Identifier: BSD-2-Clause
"""What must not go on in silence: a forgotten listener, a job that injects mail, a wrong pair, a full
disk, a loss on the new side.
"""

import re

import pytest

from conftest import Journey
from lab import audit, daemons, hosts, imap, mover, trouble
from lab.sealed import wait_for


def old_serves_again(lab, journey):
    """After it went back by itself: service on the old side, and nothing lost."""
    assert daemons.pid(lab.old, "postfix") and daemons.pid(lab.old, "dovecot")
    assert journey.admin.json("status")["phase"] == "gone back"
    run = lab.traffic.start(rate=40, count=40)
    lab.traffic.wait(60)
    audit.expect_good(lab.audit("old", run, quiet_seconds=150))


def test_a_forgotten_listener_is_named_and_the_cutover_goes_back(lab):
    journey = Journey(lab, mover.settings(canary=False))
    trouble.forgotten_listener(lab.old)
    journey.get_ready()
    done = journey.admin.run("cutover", expect=mover.NO)
    assert re.search(rf"postfix.*listens on {hosts.FORGOTTEN_V4} port 25", done.stdout), done.stdout
    assert "went back" in done.stdout
    old_serves_again(lab, journey)


@pytest.mark.parametrize("job", ["loop", "cron"])
def test_a_job_that_injects_mail_is_found_and_the_cutover_goes_back(lab, job):
    journey = Journey(lab, mover.settings(canary=False))
    journey.get_ready()
    if job == "loop":
        trouble.start_injector(lab.old, every=0.2)
        done = journey.admin.run("cutover", expect=mover.NO)
        assert re.search(r"drop folder|submitted on the old host", done.stdout), done.stdout
        trouble.stop_injector(lab.old)
        old_serves_again(lab, journey)
    else:
        # a cron that mailhaul knows is stopped before it can, and starts again after a rollback
        trouble.start_cron_injector(lab.old)
        done = journey.admin.run("cutover")
        assert "cron stopped on the old host" in done.stdout
        assert not daemons.pid(lab.old, "cron")
        journey.admin.run("rollback")
        assert daemons.pid(lab.old, "cron")


def test_a_budget_that_runs_out_opens_the_old_side_again(lab):
    journey = Journey(lab, mover.settings(canary=False, budget=15, grace=25))
    journey.get_ready()
    # a client that says nothing holds its session, and with it the window
    lab.worlds[0].spawn("/usr/bin/python3", "-c",
                        "import socket, time\n"
                        f"s = socket.create_connection(('{hosts.MAIL_V4}', 25))\ntime.sleep(3600)")
    wait_for(lambda: lab.old.run("ss", "-Htn", "state", "established", "sport = :25").stdout, 30,
             "its session")
    done = journey.admin.run("cutover", expect=mover.NO)
    assert "the budget of 15 s has run out" in done.stdout, done.stdout
    old_serves_again(lab, journey)


def test_a_wrong_pair_is_refused(lab):
    journey = Journey(lab, mover.settings(old="local"))
    done = journey.admin.run("survey", expect=mover.PERSON)
    assert "the same machine" in done.stderr
    journey.admin.configure(mover.settings())
    journey.admin.run("survey")
    # another machine answers under the old address now
    lab.old.sh("echo 0123456789abcdef0123456789abcdef >/etc/machine-id")
    done = journey.admin.run("survey", expect=mover.PERSON)
    assert "belongs to another pair" in done.stderr


def test_a_full_disk_in_mid_seed_is_told_and_seed_goes_on(lab):
    journey = Journey(lab, mover.settings())
    journey.admin.run("survey")
    journey.admin.run("prepare")
    trouble.fill_disk(lab.new, 4 << 20)
    done = journey.admin.run("seed", expect=mover.PERSON)
    assert re.search(r"No space left|not enough room|free", done.stderr), done.stderr
    trouble.free_disk(lab.new)
    journey.admin.run("seed", "--until-small")
    journey.admin.run("verify")
    daemons.start(lab.new, "dovecot")
    assert imap.compare(imap.snapshot(lab.old), imap.snapshot(lab.new)) == []


def test_each_kind_of_loss_on_the_new_side_is_named(lab):
    journey = Journey(lab, mover.settings(canary=False))
    journey.get_ready()
    journey.admin.run("cutover", "--until", "verify")
    daemons.start(lab.new, "dovecot")       # behind the fence
    picture = imap.snapshot(lab.new)
    login = next(person for person in picture if len(picture[person]["folders"]["INBOX"]["messages"])
                 > 8 and person not in ("dave", "dave@example.net"))
    uids = [int(uid) for uid in picture[login]["folders"]["INBOX"]["messages"]][:5]
    assert "no difference" in journey.admin.run("verify").stdout
    imap.flip_bit(lab.new, login, "INBOX", uids[0])
    imap.set_flag(lab.new, login, "INBOX", uids[1], "\\Flagged",
                  "\\Flagged" not in picture[login]["folders"]["INBOX"]["messages"][str(uids[1])]["flags"])
    imap.duplicate(lab.new, login, "INBOX", uids[2])
    imap.renumber(lab.new, login, "INBOX", uids[3])
    imap.expunge(lab.new, login, "INBOX", uids[4])
    done = journey.admin.run("verify", expect=mover.NO)
    for word in ("missing", "other octets", "flags", "doubled"):
        assert word in done.stdout, f"{word} is not named:\n{done.stdout}"
    assert "2 differences" not in done.stdout and login in done.stdout


def test_a_uid_that_changed_on_the_new_side_is_named(lab):
    journey = Journey(lab, mover.settings(canary=False))
    journey.get_ready()
    journey.admin.run("verify")
    # the last line of bob's uidlist gets another number, below the next one
    lab.new.sh("f=/home/bob/Maildir/dovecot-uidlist\n"
               "last=$(tail -1 $f | cut -d' ' -f1); other=$((last + 7))\n"
               "sed -i -E \"1s/ N[0-9]+/ N$((other + 1))/; s/^$last /$other /\" $f")
    done = journey.admin.run("verify", expect=mover.NO)
    assert re.search(r"^bob INBOX/.*UID [0-9]+ instead of [0-9]+", done.stdout, re.M), done.stdout
