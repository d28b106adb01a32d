# SPDX-License-Identifier: BSD-2-Clause
"""The verbs that only look: survey, plan, check, status, trace, report; for people and as JSON."""

import json
import re

from conftest import Journey
from lab import audit, imap, mover


def test_what_a_person_and_a_program_are_told(lab):
    journey = Journey(lab, mover.settings())
    admin = journey.admin
    before = imap.snapshot(lab.old, "alice")
    files = "find /etc /home/alice /var/spool/postfix -newer /etc/hostname -type f | sort | md5sum"
    stamp = lab.old.sh(files)

    said = admin.run("survey").stdout
    for word in ("alice", "dave", "example.net", "/etc/postfix/virtual", "/usr/local/bin/intake",
                 "lab2026.private", "filters.sieve", "submission", "mail.key", ".fetchmailrc",
                 "mail-report", "Traffic"):
        assert word in said, f"survey says nothing of {word}"
    assert lab.old.sh(files) == stamp, "survey changed something"
    assert imap.snapshot(lab.old, "alice") == before

    assert "waits" not in admin.json("status")["phase"]
    assert "prepare" in admin.json("status")["waits_for"]
    assert admin.run("check", expect=mover.NO).stdout.count("must: mailhaul") == 2
    journey.get_ready()
    assert all(row["answer"] != "no" for row in admin.json("check") if row["weight"] == "must")
    plan = admin.json("plan")
    # of how long things took on this machine, and of nothing that is a guess before the first seed
    parts = plan["window_parts"]
    assert plan["window_seconds"] > 5 and not [one for one in parts if "guess: nothing" in one["why"]]
    assert abs(plan["window_seconds"] - sum(one["seconds"] for one in parts)) < 0.01
    assert [step["name"] for step in plan["cutover"]][:3] == ["preconditions", "close-new", "freeze"]
    assert "copied" in admin.run("seed", "--dry-run").stdout
    assert "would do switch" in admin.run("cutover", "--dry-run").stdout
    assert admin.json("status")["phase"] == "idle"      # a dry run is no cut-over

    run = lab.traffic.start(rate=40, count=30)
    lab.traffic.wait(60)
    audit.wait_until_quiet([*lab.worlds, lab.old], 60)
    admin.run("seed")
    log = lab.old.read("/var/log/mail.log").decode(errors="replace")
    queued = re.search(rf"(\w+): message-id=<({run}[^>]*)>", log)
    assert queued
    for words in (queued[1], queued[2], f"<{queued[2]}>"):
        places = admin.json("trace", words)
        assert any("accepted as" in place["what"] for place in places)
        assert any("sent for" in place["what"] for place in places)
    assert any(place["where"] == "mailbox" for place in admin.json("trace", queued[2]))
    assert "seen nowhere" in admin.run("trace", "<nobody@example.org>", expect=mover.NO).stdout

    paths = admin.json("report")
    html = lab.new.read(paths["html"]).decode()
    assert html.startswith("<!doctype html>") and not re.search(r"(src|href)\s*=", html)
    assert json.loads(lab.new.read(paths["json"]))["phase"] == "idle"


def test_wrong_words_are_told_apart_by_their_exit_code(lab):
    admin = Journey(lab, mover.settings(more="clsoe: refuse\n")).admin
    done = admin.run("survey", expect=mover.DATA)
    assert re.search(r'move\.yaml:\d+: unknown key "clsoe"', done.stderr)
    assert 'did you mean "close"?' in done.stderr
    admin.configure(mover.settings(old="ssh:root@203.0.113.99"))
    assert "203.0.113.99" in admin.run("survey", expect=mover.UNREACHED).stderr
    admin.configure(mover.settings())
    assert "survey has not been run" in admin.run("seed", expect=mover.PERSON).stderr
    assert "no verb" in admin.run("sruvey", expect=mover.USAGE).stderr
    assert "no step" in admin.run("cutover", "--until", "nowhere", expect=mover.DATA).stderr
    assert "nothing to take back" in admin.run("rollback", expect=None).stdout \
        or "survey has not been run" in admin.run("rollback", expect=None).stderr
