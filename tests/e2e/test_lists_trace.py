# SPDX-License-Identifier: BSD-2-Clause
"""Posts are followed through Mailman on two hosts; those that vanished are found; what waits is added up.

The stories are those of tests/mailman21/stories.py, which writes the logs that tell of them.
"""

import json
import mailbox
import subprocess
from collections import Counter

import pytest

from lab import sealed
from mailman21 import Site
from mailman21.stories import Stories

MAILHAUL = sealed.program()


def told(*words, code=0):
    """The JSON that it prints; it has to end with `code`."""
    done = subprocess.run([MAILHAUL, "--json", *words], capture_output=True, timeout=60, check=False)
    assert done.returncode == code, done.stderr.decode()
    return json.loads(done.stdout)


@pytest.fixture(name="stories", scope="module")
def fixture_stories(tmp_path_factory):
    """Two hosts that share one Mailman, but for the queue that posts come into."""
    root = tmp_path_factory.mktemp("trace")
    return Stories(Site(root / "back", "debian").make(), root / "front").tell()


@pytest.fixture(name="hosts", scope="module")
def fixture_hosts(stories):
    """As words of the command line."""
    return [word for site in (stories.back, stories.front)
            for word in ("--host", f"folder:{site.root}")]


def test_posts_that_vanished_are_found_and_no_other(stories, hosts):
    """Of each kind one; a post that two lines speak of is named once, with its last trace."""
    found = told("trace", *hosts, "--vanished", code=1)
    assert {row["message_id"]: row["kind"] for row in found["vanished"]} == stories.vanished
    assert len(found["vanished"]) == len(stories.vanished)
    assert not found["not_read"] and found["passes"] == 1
    rows = {row["message_id"]: row for row in found["vanished"]}
    nothing = rows["nothing@example.net"]
    assert (nothing["list"], nothing["sender"]) == ("entwickler", "nothing@example.com")
    assert nothing["host"] == f"folder:{stories.back.root}" and not nothing["doubt"]
    with open(stories.back.at(nothing["file"]), "rb") as file:
        file.seek(nothing["offset"])
        assert "held message approved, message-id: <nothing@" in file.readline().decode()
    stranded = rows["letter205@example.net"]
    assert stories.front.at(stranded["file"]).exists() and stranded["waits"]
    assert rows["nowhere@example.net"]["list"] == "talk"
    assert "mailman post talk" in rows["nowhere@example.net"]["last_trace"]


def test_a_post_is_followed_through_logs_queues_and_archives(stories, hosts):
    """Each place that the maker has put it into, and no other log; with file and place."""
    around = {"qrunner", "locks"}
    for post, places in stories.seen.items():
        rows = told("trace", *hosts, f"<{post}>")
        assert {row["where"] for row in rows} - around == places, post
        for row in rows:
            assert row["file"] and row["place"] and row["site"].startswith("folder:"), row
        times = [row["at_ms"] for row in rows]
        assert times == sorted(times), post
    failing = told("trace", *hosts, "failing@example.net")
    assert sum(row["where"] == "smtp-failure" for row in failing) == 2
    shunted = told("trace", *hosts, "letter202@example.net")
    assert any("no such file" in row["what"] for row in shunted)
    refused = told("trace", *hosts, "refused@example.net")
    assert any("Refused posting" in row["what"] for row in refused)
    assert told("trace", *hosts, "nobody@example.org", code=1) == []


def test_a_log_that_cannot_be_read_is_named(stories, hosts):
    """Packed by a stranger, or damaged; and what such a log may have told of is not said to be lost."""
    logs = stories.back.at(stories.back.layout.logs)
    packed = logs / "post.2.gz"
    whole = packed.read_bytes()
    (logs / "vette.3.xz").write_bytes(b"packed")
    packed.write_bytes(whole[:-12])
    try:
        # the web server's host has the file whole, and then it is read there
        whole_there = told("trace", *hosts, "--vanished", code=1)["not_read"]
        assert len(whole_there) == 1
        found = told("trace", *hosts[:2], "--vanished", code=1)
        assert sum("vette.3.xz: is packed" in line for line in found["not_read"]) == 1
        assert any("post.2.gz: is cut off" in line for line in found["not_read"])
        assert all(row["doubt"] for row in found["vanished"] if row["kind"] != "stranded")
        rows = told("trace", *hosts, "longago@example.net")
        assert any("not read" in row["what"] and row["file"].endswith(".xz") for row in rows)
    finally:
        packed.write_bytes(whole)
        (logs / "vette.3.xz").unlink()


def test_what_waits_is_added_up(stories):
    """By queue and by list, as many as the maker has put there."""
    back = stories.back
    found = told("lists", "queue", "--site", str(back.root))
    states = {"pck": "waits", "bak": "in work", "psv": "put aside", "tmp": "torn"}
    expected = Counter((entry["list"], entry["queue"], states[entry["name"].rpartition(".")[2]])
                       for entry in back.queued)
    for one in back.lists:
        for post in one.truth()["held"]:
            expected[one.name, "held", "lost" if post["lost"] else "waits"] += 1
        for kind in ("joining", "leaving"):
            if one.truth()[kind]:
                expected[one.name, kind, "waits"] += len(one.truth()[kind])
        if one.orphans:
            expected[one.name, "orphan", "waits"] += len(one.orphans)
    for name in back.bounced:
        expected[name, "bounce", "not counted"] += 1
    assert {(row["list"], row["place"], row["state"]): row["count"]
            for row in found["lists"]} == expected
    places = {(row["place"], row["state"]): row for row in found["places"]}
    waiting = [entry for entry in back.queued
               if entry["queue"] == "shunt" and entry["name"].endswith(".pck")]
    shunt = places["shunt", "waits"]
    assert shunt["count"] == len(waiting)
    assert shunt["octets"] == sum(back.at(back.layout.queues, "shunt", entry["name"]).stat().st_size
                                  for entry in waiting)
    assert shunt["oldest"] == min(entry["at"] for entry in waiting)
    gone = next(row for row in found["lists"] if row["list"] == "gone")
    assert not gone["list_is_there"]
    assert gone["senders"] == [{"sender": "poster88@example.net", "count": 1}]


def test_an_mbox_is_indexed_as_python_reads_it(stories, tmp_path):
    """Each message of an archive with its place, Message-ID and date; a doubtful From_ line is told."""
    place = stories.back.var("archives", "private", "talk.mbox", "talk.mbox")
    [document] = told("lists", "mbox", "--list", str(place))
    box = mailbox.mbox(str(place))
    assert [row["message_id"] for row in document["messages"]] == [one["Message-ID"] for one in box]
    assert document["summary"]["messages"] == document["summary"]["separators"] == len(box)
    data = place.read_bytes()
    for row in document["messages"]:
        assert data[row["offset"]:].startswith(b"From ")
    bad = tmp_path / "bad.mbox"
    bad.write_bytes(data + b"From here on it is a body.\n\n")
    [document] = told("lists", "mbox", str(bad), code=1)
    assert document["summary"]["doubtful"] == [len(data)]
    [document] = told("lists", "mbox", "--find", "letter204@example.net", str(place))
    assert len(document["messages"]) == 1
