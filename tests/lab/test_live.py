# SPDX-License-Identifier: BSD-2-Clause
"""The lab itself, running: it serves what it promises, and its witnesses notice what is wrong.

Needs root and a built mailhaul; takes a minute.
"""

import json
import os
import time
from pathlib import Path

import pytest

from lab import daemons, dns, hosts, imap, mailboxes, people, probe, sealed, trouble
from lab.lab import Lab
from lab.sealed import wait_for

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not Path(sealed.program()).exists(),
    reason="needs root and a built mailhaul")


@pytest.fixture(scope="module", name="lab")
def fixture_lab():
    """One lab for all tests of this file; each leaves it as good as it was, or comes late."""
    with Lab("selftest") as lab:
        yield lab


@pytest.fixture(scope="module", name="run")
def fixture_run(lab):
    """300 messages that have arrived on the old server."""
    run = lab.traffic.start(rate=60, count=300)
    lab.traffic.wait(30)
    return run


def test_the_old_server_has_about_three_thousand_messages_of_all_shapes(lab):
    picture = imap.snapshot(lab.old)
    assert len(picture) == 20
    assert 2900 <= imap.count(picture) <= 3200
    messages = [message for box in picture.values() for folder in box["folders"].values() if folder
                for message in folder["messages"].values()]
    assert max(message["size"] for message in messages) > 10_000_000
    assert min(message["size"] for message in messages) < 320
    flags = {flag for message in messages for flag in message["flags"]}
    assert flags >= set(mailboxes.KEYWORDS) | {"\\Seen", "\\Answered", "\\Flagged", "\\Draft"}
    dates = {message["date"] for message in messages}
    assert {(-2082844800) % (1 << 32), 2147483648, 0} <= dates


@pytest.mark.parametrize("address", [hosts.MAIL_V4, hosts.MAIL_V6])
def test_every_mail_port_of_the_old_server_answers_from_outside(lab, address):
    world = lab.worlds[0]
    for port in hosts.MAIL_PORTS:
        world.run("timeout", "120", "bash", "-c", f"exec 3<>/dev/tcp/{address}/{port}")


def test_all_mail_arrives_once_on_the_old_server(lab, run):
    verdict = lab.audit(final="old", run=run)
    assert verdict.good, verdict.explain()
    assert verdict.sent == 300 and not verdict.queued


def test_sieve_files_mail_into_folders(lab, run):
    del run
    found = [line for line in map(json.loads, lab.old.python("sweep", "disk").splitlines())
             if line["folder"] in ("Builds", "Automatic.Builds", "Lists.dev")]
    assert {line["place"] for line in found} == {
        person.address for person in people.PEOPLE if person.sieve}


def test_a_removed_message_is_lost(lab, run):
    line = next(line for line in map(json.loads, lab.old.python("sweep", "disk").splitlines())
                if line["place"] == "bob@example.org")
    path = lab.old.sh(f"find /home/bob/Maildir -name '{line['name']}'").strip()
    lab.old.run("mv", path, "/root/kept")
    verdict = lab.audit(final="old", run=run)
    lab.old.run("mv", "/root/kept", path)
    assert verdict.lost == {line["token"]: ["bob@example.org"]}


def test_a_copied_message_is_doubled(lab, run):
    line = next(line for line in map(json.loads, lab.old.python("sweep", "disk").splitlines())
                if line["place"] == "erin@example.org")
    path = lab.old.sh(f"find /home/erin/Maildir -name '{line['name']}'").strip()
    lab.old.run("cp", "-p", path, "/home/erin/Maildir/cur/1.second.copy:2,")
    verdict = lab.audit(final="old", run=run)
    lab.old.run("rm", "/home/erin/Maildir/cur/1.second.copy:2,")
    assert verdict.doubled == {line["token"]: {"erin@example.org": 2}}


def test_a_copy_that_no_client_sees_is_unseen(lab, run):
    daemons.stop(lab.old, "dovecot")
    line = next(line for line in map(json.loads, lab.old.python("sweep", "disk").splitlines())
                if line["place"] == "niaj@example.net" and line["folder"] == "INBOX")
    root = "/srv/vmail/example.net/niaj/Maildir"
    # the folder's times stay as they were, so Dovecot has no reason to look
    lab.old.sh(f"cd {root}; touch -r cur /tmp/time; cp -p */'{line['name']}' cur/2.unseen:2,S;"
               " touch -r /tmp/time cur")
    daemons.start(lab.old, "dovecot")
    verdict = lab.audit(final="old", run=run)
    lab.old.run("rm", f"{root}/cur/2.unseen:2,S")
    assert verdict.doubled and verdict.unseen == [f"{line['token']} niaj@example.net"]


def test_a_real_bounce_is_counted(lab, run):
    world, token = lab.worlds[0], f"{run}.bounced"
    world.run("sendmail", "-i", "-f", "s1@one.example.com", "nosuch@example.org",
              stdin=f"X-Haul-Token: {token}\nSubject: to nobody\n\nhello\n")
    verdict = wait_for(lambda: (v if (v := lab.audit(final="old", run=run)).bounced else None), 20,
                       "the bounce")
    assert verdict.bounced == [token]
    world.sh(f"grep -rl {token} /srv/sink | xargs rm")


def test_a_client_sees_each_kind_of_difference(lab):
    before = imap.snapshot(lab.old, "heidi")
    uids = sorted(map(int, before["heidi"]["folders"]["INBOX"]["messages"]))
    imap.set_flag(lab.old, "heidi", "INBOX", uids[3], "$Changed")
    imap.expunge(lab.old, "heidi", "INBOX", uids[4])
    new = imap.store(lab.old, "heidi", "INBOX", b"Subject: one more\r\n\r\n", "\\Seen", 1e9)
    found = imap.compare(before, imap.snapshot(lab.old, "heidi"))
    assert {(diff.uid, diff.what) for diff in found} == {
        (str(uids[3]), "flags"), (str(uids[4]), "missing"), (str(new), "extra"), ("", "uidnext")}
    later = imap.compare(before, imap.snapshot(lab.old, "heidi"), later_mail=True)
    assert {(diff.uid, diff.what) for diff in later} == {
        (str(uids[3]), "flags"), (str(uids[4]), "missing")}


@pytest.mark.parametrize("damage,expected", [
    (imap.flip_bit, {"sha256"}),
    (imap.expunge, {"missing"}),
    (imap.duplicate, {"extra", "uidnext"}),
    (imap.renumber, {"missing", "extra", "uidnext"}),
])
def test_each_damage_is_a_difference(lab, damage, expected):
    before = imap.snapshot(lab.old, "ivan")
    uid = sorted(map(int, before["ivan"]["folders"]["Sent"]["messages"]))[2]
    damage(lab.old, "ivan", "Sent", uid)
    found = imap.compare(before, imap.snapshot(lab.old, "ivan"))
    assert {diff.what for diff in found} == expected


def test_mail_to_echo_is_answered(lab):
    lab.old.run("sendmail", "-i", "-f", "alice@example.org", "echo@two.example.com",
                stdin="Subject: canary 1\nMessage-ID: <canary1@example.org>\n"
                "X-Haul-Canary: c1\n\nhello?\n")
    wait_for(lambda: lab.old.run("grep", "-rlq", "X-Haul-Canary-Answered: c1",
                                 "/home/alice/Maildir", check=False).returncode == 0,
             20, "the answer from echo@")


def test_a_user_can_submit_with_a_password_over_tls(lab):
    person = people.BY_ADDRESS["ute@example.net"]
    lab.worlds[1].run(
        "python3", "-", stdin="import smtplib, ssl\n"
        "context = ssl.create_default_context()\ncontext.check_hostname = False\n"
        "context.verify_mode = ssl.CERT_NONE\n"
        f"with smtplib.SMTP_SSL('{hosts.MAIL_NAME}', 465, context=context) as session:\n"
        f"    session.login({person.login!r}, {person.password!r})\n"
        f"    session.sendmail({person.address!r}, 'x@one.example.com', 'Subject: x\\n\\nx\\n')\n")


def test_an_update_reaches_both_servers_at_once(lab):
    assert dns.update(lab.new, "prereq yxrrset mail.example.org A 203.0.113.10",
                      "update delete mail.example.org A",
                      f"update add mail.example.org {hosts.TTL_MAIL} A {hosts.NEW_V4}") == ""
    for server in (hosts.PRIMARY_V4, hosts.SECONDARY_V4):
        wait_for(lambda server=server: dns.ask(lab.worlds[0], server, hosts.MAIL_NAME, "A")
                 == [(hosts.TTL_MAIL, hosts.NEW_V4)], 3, f"{server} to answer the new address")
    assert "NXRRSET" in dns.update(lab.new, "prereq yxrrset mail.example.org A 203.0.113.10")
    assert dns.update(lab.new, "update delete mail.example.org A",
                      f"update add mail.example.org {hosts.TTL_MAIL} A {hosts.MAIL_V4}") == ""


def test_ssh_leads_from_new_to_old(lab):
    done = lab.new.run("ssh", "-o", "BatchMode=yes", f"root@{hosts.MANAGEMENT_V4}", "hostname")
    assert done.stdout.strip() == "old.example.org"


def test_a_probe_measures_how_long_the_door_was_shut(lab):
    with probe.Probe(lab.worlds[1], hosts.MAIL_V4, every=0.05, patience=60) as watching:
        wait_for(lambda: len(watching.knocks) > 5, 20, "the first knocks")
        begun = watching.knocks[-1].time
        daemons.stop(lab.old, "postfix")
        wait_for(lambda: watching.answers().get("refused", 0) > 5, 20, "some that find it shut")
        shut = time.time()
        time.sleep(1)
        opened = time.time()
        daemons.start(lab.old, "postfix")
        wait_for(lambda: watching.knocks[-1].open, 20, "the door to open")
        ended = time.time()
    [(_, length)] = watching.gaps()
    assert opened - shut <= length <= ended - begun


def test_the_old_server_can_be_had_as_a_folder(lab):
    trouble.take_folder(lab.old, lab.new, "/mnt/old-disk")
    assert "carol:x:1003:" in lab.new.sh("cat /mnt/old-disk/etc/passwd")
    count = "find {} -type f -path '*/Maildir/*' | wc -l"
    assert (lab.new.sh(count.format("/mnt/old-disk/home"))
            == lab.old.sh(count.format("/home")))
    assert lab.new.sh("stat -c %u /mnt/old-disk/home/heidi/Maildir").strip() == "1011"


def test_a_queue_can_be_filled(lab):
    idents = trouble.fill_queue(lab.old)
    assert lab.old.run("postcat", "-qb", idents["hold"]).stdout.strip() == "held in the queue"
    lab.old.run("postsuper", "-d", "ALL")


def test_a_full_disk_is_really_full(lab):
    trouble.fill_disk(lab.new, leave=1 << 20)
    write = ("dd", "if=/dev/zero", "of=/srv/big", "bs=1M", "count=8", "status=none")
    assert "No space left" in lab.new.run(*write, check=False).stderr
    trouble.free_disk(lab.new)
    lab.new.run(*write)
    lab.new.run("rm", "/srv/big")


def test_mail_is_injected_by_a_job_and_through_a_forgotten_listener(lab):
    trouble.forgotten_listener(lab.old)
    lab.worlds[0].run("timeout", "120", "bash", "-c",
                      f"exec 3<>/dev/tcp/{hosts.FORGOTTEN_V4}/25; read -r line <&3;"
                      " case $line in 220*) ;; *) exit 1 ;; esac")
    trouble.start_injector(lab.old, every=0.2)
    wait_for(lambda: lab.old.run("grep", "-rlq", "Subject: report 3", "/home/alice/Maildir",
                                 check=False).returncode == 0, 10, "the job's mail")
    trouble.stop_injector(lab.old)
    assert daemons.pid(lab.old, "postfix")


def test_a_cable_can_be_pulled(lab):
    look = ("timeout", "2", "bash", "-c", f"exec 3<>/dev/tcp/{hosts.MANAGEMENT_V4}/22")
    wait_for(lambda: lab.new.run(*look, check=False).returncode == 0, 60, "old to answer")
    sealed.cable(lab.old, up=False)
    assert lab.new.run(*look, check=False).returncode != 0
    sealed.cable(lab.old, up=True)
    wait_for(lambda: lab.new.run(*look, check=False).returncode == 0, 10, "old to be back")
