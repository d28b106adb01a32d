# SPDX-License-Identifier: BSD-2-Clause
"""`mailhaul lists convert` writes the twelve lists of tests/mailman21 for Debian's Sympa, as it is.

Its own parser reads their settings, its own `restore` takes the people, and its own `dump` says who they are.
"""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from lab import sealed, sympa
from mailman21 import Site

MAILHAUL = sealed.program()
pytestmark = pytest.mark.xdist_group("sympa")       # one server for all
HOST = "lists.example.org"
NO_ADDRESS = {"7", "nodomain", "latin\\xe9@example.com"}


def convert(site, server, *words):
    """What it says of each list, by address; of twelve, some always have something that is refused."""
    done = subprocess.run([MAILHAUL, "--json", "lists", "convert", "--site", site.root, "--to", "sympa",
                           "--folder", server.lists, *(words or ("--all",))],
                          capture_output=True, timeout=300, check=False)
    assert done.returncode == 1, done.stderr.decode()
    return {one["list"]: one for one in json.loads(done.stdout)}


def address_of(one) -> str:
    """Of a list of the maker's."""
    return "news@example.org" if one.name == "news_example.org" else f"{one.name}@{HOST}"


@pytest.fixture(name="lab", scope="module")
def fixture_lab(tmp_path_factory):
    """A site of 2.1, a Sympa that had nothing, what was said, and what Sympa makes of the lists' settings."""
    if not sympa.is_here():
        pytest.skip(f"{sympa.FOLDER} has no Sympa: tools/install-packages check unpacks it")
    site = Site(tmp_path_factory.mktemp("old"), "source").make()
    at = Path(tempfile.mkdtemp(prefix="sympa-", dir="/var/tmp"))
    at.chmod(0o755)
    try:
        server = sympa.Server(at / "sympa", HOST, "example.org")
        said = convert(site, server)
        again = convert(site, server)
        assert not [row for row in again.values() if row["changed"] or row["differs"]]
        said_of_people = server.run("restore", "--roles=member,owner,editor", "*")
        assert said_of_people.count("Restored") == 3 * len(site.lists), said_of_people
        server.run("dump", "--roles=member,owner,editor", "*")
        yield site, server, said, server.look(*said)
    finally:
        shutil.rmtree(at)


def test_the_report_names_every_attribute_once(lab):
    """Set, carried, left or not needed; and those that are left say why. What waits is named."""
    site, _, said, _ = lab
    for one in site.lists:
        report = said[address_of(one)]
        rows = report["attributes"]
        assert sorted(row["attribute"] for row in rows) == sorted(one.config), one.name
        assert not [row for row in rows if row["fate"] in ("left", "not needed") and not row["why"]]
        assert (report["error"], report["differs"]) == (None, []), one.name
        held = [row for row in report["refused"] if row["what"] == "held post"]
        assert len(held) == len(one.held)


def test_sympa_takes_every_setting(lab):
    """By its own parser, which leaves out what it does not know."""
    _, _, _, there = lab
    assert all(there.values())
    talk, announce = there[f"talk@{HOST}"], there[f"announce@{HOST}"]
    expected = {"subject": 'Talk & "quotes", 100% of it', "lang": "en-US", "custom_subject": "Talk [%list.sequence%]",
                "max_size": "40960", "status": "open", "process_archive": "on", "footer_type": "append"}
    assert {key: talk[key] for key in expected} == expected
    scenarios = {"visibility": "noconceal", "subscribe": "auth", "unsubscribe": "auth", "review": "private",
                 "send": "privateoreditorkey"}
    assert {key: talk[key]["name"] for key in scenarios} == scenarios
    assert talk["archive"]["web_access"]["name"] == "public"
    assert talk["digest"] == {"days": list("0123456"), "hour": "12", "minute": "00"}
    assert talk["creation"]["date_epoch"] == "1795360040"
    assert announce["reply_to_header"]["value"] == "other_email"
    assert announce["reply_to_header"]["other_email"] == "office@example.org"
    assert announce["max_size"] == "0" and announce["send"]["name"] == "editorkey"
    german = there[f"entwickler@{HOST}"]
    assert german["lang"] == "de" and german["archive"]["web_access"]["name"] == "private"
    assert german["subject"].startswith("Gr\xfc\xdfe") and german["subscribe"]["name"] == "auth_owner"
    assert there[f"everyone@{HOST}"]["process_archive"] == "off"
    assert there[f"everyone@{HOST}"]["visibility"]["name"] == "conceal"
    assert there[f"c++-users@{HOST}"]["send"]["name"] == "editorkey"        # an emergency


def test_sympa_has_every_member(lab):
    """By its own restore and dump: kind of delivery, name, and whether they are hidden; in 2.1 = there + refused."""
    site, server, said, _ = lab
    for one in site.lists:
        address = address_of(one)
        there = server.dumped(address)
        refused = {row["who"] for row in said[address]["refused"] if row["what"] == "member"}
        assert refused == (NO_ADDRESS if one.name == "broken" else set())
        assert said[address]["members"] == len(there) + len(refused), (address, there)
        for person in one.people:
            row = there[person.key]
            reception = "nomail" if person.status or person.options & 1 else \
                ("digestplain" if person.options & 8 else "digest") if person.digest else \
                "not_me" if person.options & 2 else "mail"
            assert row["reception"] == reception, (address, person)
            assert row["visibility"] == ("conceal" if person.options & 16 else "noconceal"), person
            assert row.get("gecos", "") == (person.name or ""), person
    assert list(server.dumped(f"talk@{HOST}", "owner")) == ["owner@example.org"]
    assert list(server.dumped(f"talk@{HOST}", "editor")) == ["mod@example.net"]
