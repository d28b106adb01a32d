# SPDX-License-Identifier: BSD-2-Clause
"""mailhaul-gate spool: what is in a spool can be seen, held, taken out to other formats, and comes back."""

import json
import subprocess
from pathlib import Path

import pytest

from lab.sealed import program

GATE = Path(program()).resolve().parent / "mailhaul-gate"
MESSAGES = [
    b"Return-Path: <a@example.org>\nSubject: plain\n\nhello\n",
    b"Subject: lines like From\n\nFrom here\n>From there\n>>From everywhere\n\nFrom the end\nFro\n>F",
    b"Subject: octets\r\n\r\n\x00\xff\x80 \r\n" + bytes(range(1, 256)) + b"\r\n",
    b"Subject: large\n\n" + b"0123456789 abcdefghijklmnopqrstuvwxyz\n" * 20000,
    b"",
    b"\n",
]


def spool(verb, folder, *words, code=0):
    """Run a verb; its standard output."""
    done = subprocess.run([GATE, "spool", verb, "--spool", folder, *words], capture_output=True,
                          timeout=60, check=False)
    assert done.returncode == code, done.stderr.decode()
    return done.stdout


def items(folder):
    """All messages of a spool, as `show` tells them, by id."""
    return {row["id"]: row for row in json.loads(spool("show", folder, "--all", "--json"))}


def octets(folder):
    """The octets of all messages, by id."""
    return {row["id"]: spool("show", folder, row["id"], "--message")
            for row in json.loads(spool("list", folder, "--json"))}


@pytest.fixture(name="full")
def make_full(tmp_path):
    """A spool with messages, made from a Maildir."""
    for name in ("new", "cur", "tmp"):
        (tmp_path / "in" / name).mkdir(parents=True)
    for number, message in enumerate(MESSAGES):
        (tmp_path / "in" / "new" / f"{number}.x").write_bytes(message)
    folder = tmp_path / "spool"
    told = spool("import", folder, "--maildir", tmp_path / "in", "--to", "u@example.net", "--json")
    assert json.loads(told) == {"imported": len(MESSAGES), "there": 0, "skipped": 0}
    return folder


def test_messages_leave_and_come_back_octet_for_octet(full, tmp_path):
    before = octets(full)
    assert sorted(before.values()) == sorted(
        m.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for m in MESSAGES)
    for form, where in (("--maildir", tmp_path / "out"), ("--mbox", tmp_path / "out.mbox")):
        spool("export", full, form, where)
        other = tmp_path / f"other{form}"
        spool("import", other, form, where)
        assert octets(other) == before
        assert items(other) == items(full)
        # a second time nothing is doubled
        told = spool("import", other, form, where, "--json")
        assert json.loads(told) == {"imported": 0, "there": len(MESSAGES), "skipped": 0}
        assert octets(other) == before


def test_what_was_not_exported_is_skipped_without_a_recipient(tmp_path, full):
    told = spool("import", full, "--maildir", tmp_path / "in", "--json", code=1)
    assert json.loads(told) == {"imported": 0, "there": 0, "skipped": len(MESSAGES)}


def test_a_person_holds_releases_and_drops(full):
    first, second, *_ = items(full)
    spool("hold", full, first, "--why", "looks odd")
    shown = items(full)[first]
    assert shown["state"] == "held"
    assert [(e["state"], e["reply"]) for e in shown["history"]] == [("held", "looks odd")]
    spool("release", full, first)
    assert items(full)[first]["state"] == "pending"
    spool("drop", full, second)
    assert second not in items(full)
    assert len(items(full)) == len(MESSAGES) - 1
    spool("drop", full, second, code=78)
    spool("drop", full, "--all", code=64)


def test_damage_is_told_and_costs_one_message(full):
    assert b"damaged" in spool("fsck", full)
    segment = min(full.glob("*.segment"))
    whole = bytearray(segment.read_bytes())
    at = whole.index(b"Subject: plain")
    whole[at] ^= 1
    segment.write_bytes(whole)
    spool("fsck", full, code=1)
    assert len(items(full)) == len(MESSAGES) - 1
    spool("release", full, "--all")
    assert len(list((full / "damaged").iterdir())) == 1
