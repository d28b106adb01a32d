# SPDX-License-Identifier: BSD-2-Clause
"""`mailhaul lists show` and `export` tell what a Mailman site's maker says he has put in.

The maker (tests/mailman21) shares no code with mailhaul, and says in plain words what it made.
"""

import csv
import io
import json
import os
import shutil
import subprocess
import tarfile
from collections import Counter
from pathlib import Path

import pytest

from lab import sealed
from mailman21 import LAYOUTS, Site
from mailman21.persons import Person
from mailman21.letters import as_instance, as_text, letter
from mailman21.pickling import marshalled, pickled

MAILHAUL = sealed.program()
QUEUE_STATES = {"pck": "waits", "bak": "in work", "psv": "put aside", "tmp": "torn"}
REAL = "var-2.1.39"
# lists of the real site: regular and digest members, held, joining, leaving, pending
REAL_LISTS = {
    "balug-talk": (152, 51, 11, 0, 0, 28),
    "entwickler": (57, 3, 2, 2, 1, 7),
    "announce": (30, 0, 0, 0, 0, 0),
    "nihongo": (3, 0, 1, 0, 0, 0),
    "news_example.org": (12, 0, 0, 0, 0, 0),
    "mailman": (0, 0, 0, 0, 0, 0),
}


def mailhaul(*words, code=0):
    """What it prints; it has to end with `code`."""
    done = subprocess.run([MAILHAUL, *words], capture_output=True, timeout=60, check=False)
    assert done.returncode == code, done.stderr.decode()
    return done.stdout.decode()


def shown(root, *words):
    """`lists show --json`: the lists by name, and the rest."""
    document = json.loads(mailhaul("--json", "lists", "show", "--site", root, *words))
    return {one["name"]: one for one in document["lists"]}, document.get("site")


@pytest.fixture(name="site", scope="module", params=sorted(LAYOUTS))
def fixture_site(request, tmp_path_factory):
    """One site a layout, read by all tests of it, changed by none."""
    return Site(tmp_path_factory.mktemp(request.param), request.param).make()


@pytest.fixture(name="told", scope="module")
def fixture_told(site):
    """What mailhaul says of it, secrets and all."""
    return shown(site.root, "--all", "--secrets")


def without(entry: dict, *names) -> dict:
    """A dict without some of its keys."""
    return {key: value for key, value in entry.items() if key not in names}


def test_every_list_is_there_with_its_settings(site, told):
    """Each attribute of each list, with its text decoded by the list's charset."""
    lists, _ = told
    assert sorted(lists) == sorted(site.truth["lists"])
    for name, true in site.truth["lists"].items():
        one = lists[name]
        assert {**true["settings"], **true["secrets"]}.keys() >= one["settings"].keys()
        for attribute, value in {**one["settings"]}.items():
            expected = {**true["settings"], **true["secrets"]}[attribute]
            assert value == expected, f"{name}: {attribute}"
            assert type(value) is type(expected), f"{name}: {attribute}"
        host = one["settings"].get("host_name")
        # cPanel's form: the list is called after its domain
        assert one["address"] == (f"{name.removesuffix(f'_{host}')}@{host}" if host else None)
        for key in ("charset", "data_version", "config_file"):
            assert one[key] == true[key], name


def test_every_member_is_there_with_all_that_is_known_of_him(site, told):
    """Case, name, language, every option bit, disabled by whom and since when, bounces, topics."""
    lists, _ = told
    for name, true in site.truth["lists"].items():
        expected = {person["address"]: person for person in true["members"]}
        members = {str(person["address"]): person for person in lists[name]["members"]}
        if name != "broken":
            assert list(members) == list(expected), name
        for address, person in expected.items():
            one = members[address]
            if one["disabled"]:
                one = {**one, "disabled": without(one["disabled"], "value")}
            assert one == person, f"{name}: {address}"


def test_broken_members_do_not_hide_the_others(site, told):
    """Each broken value is shown as it is, and told of with its list, attribute and member."""
    lists, _ = told
    broken = lists["broken"]
    members = {str(person["address"]): person for person in broken["members"]}
    assert set(members) == {"good@example.com", "zero@example.com", "Capital@example.com",
                            "nodomain", "both@example.com", "other@example.com", "7",
                            "{'octets': 'latin\xe9@example.com'}"}
    assert members["both@example.com"]["name"] == ["not", "a", "name"]
    assert members["both@example.com"]["options"] == ["nodupes", "bit 4096"]
    assert members["other@example.com"]["option_bits"] == "256"
    assert members["other@example.com"]["name"] == {"octets": "\xff\xfe"}
    assert members["other@example.com"]["disabled"]["value"] == 4
    assert members["other@example.com"]["bounces"] == 3
    assert broken["settings"]["description"] == {"octets": "caf\xe9 in us-ascii"}
    for name, true in site.truth["lists"].items():
        found = {(finding["where"], finding["who"]) for finding in lists[name]["findings"]}
        for finding in true["findings"]:
            assert (finding["attribute"], finding["member"]) in found, name
    # and of the lists that are well nothing is told
    for name in ("mailman", "nihongo", "entwickler", "announce", "everyone", "novosti",
                 "old-times", "c++-users", "news_example.org"):
        assert lists[name]["findings"] == [], name


def test_everything_that_waits_is_there(site, told):
    """Held posts, who wants to join and leave, tokens of all six kinds, the digest."""
    lists, _ = told
    for name, true in site.truth["lists"].items():
        one = lists[name]
        for held, post in zip(true["held"], one["held"], strict=True):
            for key in ("id", "reason", "subject", "file", "lost"):
                assert post[key] == held[key], f"{name}: {held['id']}"
            assert post["metadata"]["listname"] == name
        for key in ("address", "name", "password", "language"):
            assert [e[key] for e in one["joining"]] == [e[key] for e in true["joining"]]
        assert [entry["address"] for entry in one["leaving"]] == true["leaving"]
        assert one["orphans"] == true["orphans"]
        pending = sorted(one["pending"], key=lambda entry: entry["cookie"])
        assert [{key: entry[key] for key in ("cookie", "op", "until")} for entry in pending] \
            == true["pending"], name
        digest = one["digest"]["messages"] if one["digest"] else 0
        assert digest == true["digest_letters"], name
        assert one["templates"] == true["templates"]
    about = {entry["op"]: entry["about"] for entry in lists["talk"]["pending"]
             if "Guest" not in entry["about"]}
    assert about == {"S": "asked@example.org", "U": "bob@example.net", "E": "bounced@example.com",
                     "C": "old@example.net to New@example.net", "H": "1",
                     "P": "bouncing@example.com"}


def test_archives_are_there_and_as_public_as_they_are(site, told):
    """mbox, pages, the next number, and what makes it public."""
    lists, _ = told
    for name, true in site.truth["lists"].items():
        archive, letters = lists[name]["archive"], true["archive"]["mbox_letters"]
        assert archive["private"] == true["archive"]["private"]
        assert archive["public_pages"] == ("none" if archive["private"] else "link"), name
        assert (archive["mbox"]["messages"] if archive["mbox"] else 0) == letters, name
        assert archive["has_state"] == true["archive"]["pages"]
        if true["archive"]["pages"]:
            assert archive["pages"] == archive["sequence"] == letters, name


def test_queues_are_told_by_list(site, told):
    """Every file of every queue once, also torn ones and those of lists that are gone."""
    lists, rest = told
    entries = [entry for one in lists.values() for entry in one["queue"]] + rest["queue"]
    found = {(entry["queue"], entry["name"]): entry for entry in entries}
    assert len(found) == len(entries) == len(site.queued)
    for true in site.queued:
        entry = found[true["queue"], true["name"]]
        assert entry["list"] == true["list"]
        assert entry["at"] == true["at"]
        assert entry["state"] == QUEUE_STATES[true["name"].rsplit(".", 1)[1]]
        if entry["state"] != "torn":
            assert entry["message_id"] == true["message_id"]
            assert entry["problem"] is None


def test_bounces_that_nobody_counted_are_told(site, told):
    """They stand in a file that no later process reads."""
    lists, rest = told
    for name, one in lists.items():
        expected = [{"file": "bounce-events-10628.pck", "list": name, "date": "2026-11-22",
                     "address": "bouncing@example.com"}] if name in site.bounced else []
        assert one["bounce_events"] == expected
    assert rest["bounce_events"] == []


def test_two_shows_of_one_site_are_one_text_and_a_change_is_one_line(site):
    """What a person does: diff."""
    before = mailhaul("lists", "show", "--site", site.root, "--all")
    assert before == mailhaul("lists", "show", "--site", f"folder:{site.root}", "--all")
    assert before == mailhaul("lists", "show", "--site", os.path.relpath(site.root), "--all")
    assert "  member alice.adams@example.org: regular, as Alice.Adams@example.org, " \
        'name "Alice Adams", language "en", options nodupes\n' in before
    lines = before.splitlines()
    assert len([line for line in lines if line.startswith("list ")]) == 12
    counted = Counter(line.split(" ")[2] for line in lines if line.startswith("  "))
    assert counted["member"] == sum(len(one["members"]) for one in shown(site.root, "--all")[0]
                                    .values())


def secrets_of(site) -> set:
    """Passwords of people and lists, and cookies."""
    out = set()
    for true in site.truth["lists"].values():
        out |= {value for value in true["secrets"].values() if value}
        out |= {person["password"] for person in true["members"] if person["password"]}
        out |= {entry["password"] for entry in true["joining"]}
        out |= {entry["cookie"] for entry in true["pending"]}
    return out | {"woexpiad"}


def test_no_secret_is_told_to_one_who_did_not_ask(site, tmp_path):
    """Neither on the screen nor in a file of an export."""
    texts = [mailhaul("lists", "show", "--site", site.root, "--all"),
             mailhaul("--json", "lists", "show", "--site", site.root, "--all")]
    mailhaul("lists", "export", "--site", site.root, "--to", tmp_path / "out", "--all", code=1)
    texts += [path.read_text(errors="replace") for path in (tmp_path / "out").rglob("*")
              if path.is_file()]
    for secret in secrets_of(site):
        assert not any(secret in text for text in texts), secret


def test_an_export_needs_no_mailman_to_be_read(site, tmp_path):
    """members.csv, JSON, and each message octet for octet."""
    out = tmp_path / "out"
    told = mailhaul("--json", "lists", "export", "--site", site.root, "--secrets", "--to", out,
                    "talk", "entwickler", "novosti", code=1)
    assert [one["name"] for one in json.loads(told)] == ["talk", "entwickler", "novosti"]
    assert all(one["not_exact"] == [] for one in json.loads(told))
    for name in ("talk", "entwickler", "novosti"):
        true = site.truth["lists"][name]
        rows = list(csv.DictReader(io.StringIO((out / name / "members.csv").read_text())))
        assert [row["address"] for row in rows] == [m["address"] for m in true["members"]]
        assert [row["name"] or None for row in rows] == [m["name"] or None
                                                         for m in true["members"]]
        assert [row["options"].split() for row in rows] == [m["options"] for m in true["members"]]
        settings = json.loads((out / name / "settings.json").read_text())
        assert settings == {**true["settings"], **true["secrets"]}
        for post in true["held"]:
            file = out / name / "held" / f"{post['id']}.eml"
            assert file.exists() != post["lost"]
            if not post["lost"]:
                assert file.read_bytes() == post["text"].encode("latin-1"), file
        for entry in (entry for entry in site.queued if entry["list"] == name):
            file = out / name / "queue" / entry["queue"] / f"{entry['name']}.eml"
            assert file.read_bytes() == entry["text"].encode("latin-1"), file
    var = site.root / site.layout.var.lstrip("/")
    for exported, own in (("digest.mbox", "lists/talk/digest.mbox"),
                          ("archive.mbox", "archives/private/talk.mbox/talk.mbox"),
                          ("templates/en/listinfo.html", "lists/talk/en/listinfo.html")):
        assert (out / "talk" / exported).read_bytes() == (var / own).read_bytes()
    pending = json.loads((out / "talk" / "pending.json").read_text())
    assert {entry["cookie"] for entry in pending} \
        == {entry["cookie"] for entry in site.truth["lists"]["talk"]["pending"]}
    assert (out / "talk" / "members.csv").stat().st_mode & 0o777 == 0o600


def test_an_export_of_all_lists_is_a_set_that_can_be_made_again(tmp_path):
    """sha256sum finds every file good; the second time the same octets, and nothing that is no more."""
    place, out = Site(tmp_path / "host").make(), tmp_path / "out"

    def octets():
        return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}

    for _ in range(2):
        mailhaul("lists", "export", "--site", place.root, "--to", out, "--all", code=1)
    first = octets()
    rows = list(csv.DictReader(io.StringIO(first["lists.csv"].decode())))
    assert [row["name"] for row in rows] == sorted(place.truth["lists"])
    for row in rows:
        true = place.truth["lists"][row["name"]]
        assert int(row["members"]) == len(true["members"]) or row["name"] == "broken"
        assert len([name for name in first if name.startswith(f"{row['name']}/")]) == int(row["files"]) + 1
        subprocess.run(["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=out / row["name"], check=True, timeout=60,
                       stdout=subprocess.DEVNULL)
    (out / "talk/notes.txt").write_text("of a person")
    place.var("data", "heldmsg-talk-1.pck").unlink()
    mailhaul("lists", "export", "--site", place.root, "--to", out, "talk", code=1)
    assert sorted(set(first) - set(octets())) == ["talk/held/1.eml"]
    assert (out / "talk/notes.txt").exists()


def test_no_cell_of_a_table_is_a_formula(tmp_path):
    """And what was there can be had again: one apostrophe less."""
    site = Site(tmp_path / "host")
    names = ['=1+2', '+SUM(A1:A9)', "-2+3", "@cmd", "\t=1", "'quoted", "''", "\uff1d1", "x;=1",
             '=HYPERLINK("http://www.example.com/?"&A1,"see")', "O'Brien", "a\t=1", "=", "plain"]
    talk = next(one for one in site.lists if one.name == "talk")
    talk.people += [Person(f"name{number:02}@example.org", name, unicode=True)
                    for number, name in enumerate(names)]
    talk.people.append(Person("=cmd|x!a1@example.org", "An address"))
    site.make()
    mailhaul("lists", "export", "--site", site.root, "--to", tmp_path / "out", "talk", code=1)
    with (tmp_path / "out/talk/members.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for cell in (cell for row in rows for cell in row.values()):
        assert cell[:1] not in tuple("=+-@\t\r\n\uff1d"), cell
    shown_as = {row["address"]: {key: cell[cell.startswith("'"):] for key, cell in row.items()}
                for row in rows}
    people = shown(site.root, "talk")[0]["talk"]["members"]
    told = {f"name{number:02}@example.org": name for number, name in enumerate(names)}
    for person in people:
        if person["address"] in told:
            assert person["name"] == told[person["address"]]
            assert shown_as[person["address"]]["name"].replace("\\t", "\t") == person["name"]
    assert shown_as["'=cmd|x!a1@example.org"]["address"] == "=cmd|x!a1@example.org"
    # what parts a line at other signs finds no formula behind them
    raw = (tmp_path / "out/talk/members.csv").read_text("utf-8")
    assert '"x;=1"' in raw


def test_a_list_that_is_not_there_is_an_error(site):
    """And it says where it was looked for."""
    done = subprocess.run([MAILHAUL, "lists", "show", "--site", site.root, "nobody"],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 78
    assert 'no list "nobody"' in done.stderr


# The agent at the end of a line that nothing passes until both ends wait for it: how often it was turned
# round does not depend on how fast either of them is.
SLOW = """#!/usr/bin/python3
import os, select, subprocess, sys
agent = subprocess.Popen([{agent!r}, *sys.argv[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         bufsize=0)
def waits(process):
    with open(f'/proc/{{process}}/stat') as stat:
        return stat.read().rpartition(')')[2].split()[0] == 'S'
ways = {{0: agent.stdin.fileno(), agent.stdout.fileno(): 1}}
held = dict.fromkeys(ways, b'')
turns, ended = 0, None
while ended is None:
    ready = select.select(list(ways), [], [], 0 if any(held.values()) else None)[0]
    for source in ready:
        data = os.read(source, 1 << 20)
        held[source] += data
        ended = ended if data else source
    if ready or not (waits(os.getppid()) and waits(agent.pid)) or select.select(
            list(ways), [], [], 0)[0]:
        continue
    turns += bool(held[0])
    for source, data in held.items():
        while data:
            data = data[os.write(ways[source], data):]
        held[source] = b''
open({turns!r}, 'w').write(str(turns))
for source, data in held.items():
    while data and source != 0:
        data = data[os.write(ways[source], data):]
agent.stdin.close()
os._exit(agent.wait())
"""


def test_a_slow_line_waits_for_all_lists_as_for_one(tmp_path):
    """What is asked of a host for each list is asked for all of them together."""
    site = Site(tmp_path / "host", "debian").make()
    slow, turns = tmp_path / "agent", tmp_path / "turns"
    agent = os.environ.get("MAILHAUL_AGENT", str(Path(MAILHAUL).with_name("mailhaul-agent")))
    slow.write_text(SLOW.format(agent=agent, turns=str(turns)))
    slow.chmod(0o755)
    took = {}
    for words in (("show", "--all"), ("show", "talk")):
        subprocess.run([MAILHAUL, "lists", words[0], "--site", site.root, *words[1:]], timeout=60,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
                       env={**os.environ, "MAILHAUL_AGENT": str(slow)})
        took[words] = int(turns.read_text())
    every, one = took.values()
    assert every - one <= len(site.lists), took       # five times as many, one behind the other


@pytest.fixture(name="real", scope="module")
def fixture_real(tmp_path_factory):
    """A var prefix that the genuine 2.1.39 wrote; not in the repository, because it has texts of
    others."""
    archive = Path(os.environ.get("MAILHAUL_EXTRA_DATA", "/nowhere")) / f"{REAL}.tar.gz"
    if not archive.exists():
        pytest.skip("MAILHAUL_EXTRA_DATA names no folder with data of a real Mailman")
    folder = tmp_path_factory.mktemp("real")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, members=[m for m in tar if m.name.startswith(REAL + "/")
                                        and (m.isfile() or m.isdir())])
    return folder / REAL


def test_the_lists_of_a_real_mailman_are_told(real):
    """Members, what waits, and the queues, as those who made the site counted them."""
    lists, rest = shown(real, "--all")
    counts = {}
    for name, one in lists.items():
        delivery = Counter(person["delivery"] for person in one["members"])
        counts[name] = (delivery["regular"], delivery["digest"], *(len(one[key]) for key in (
            "held", "joining", "leaving", "pending")))
    assert counts == REAL_LISTS
    talk = lists["balug-talk"]["members"]
    assert len([m for m in talk if m["disabled"]]) == 42
    assert {m["disabled"]["code"] for m in talk if m["disabled"]} == {1, 2, 3, 4}
    assert len([m for m in talk if m["bounces"]]) == 9
    assert len([m for m in talk if m["topics"]]) == 34
    assert len([m for m in talk if m["one_last_digest"]]) == 1
    assert {option for m in talk for option in m["options"]} >= {
        "notmetoo", "ack", "plain", "hide", "noremind", "nmtopics", "mod", "nodupes"}
    assert len(lists["balug-talk"]["settings"]["topics"]) == 2
    assert {entry["op"] for entry in lists["balug-talk"]["pending"]} == set("SUCHEP")
    assert lists["balug-talk"]["templates"] == ["en/listinfo.html"]
    # 350 messages, but some have lines that begin with "From "
    assert lists["balug-talk"]["archive"]["mbox"]["messages"] == 394
    assert lists["balug-talk"]["archive"]["pages"] == 394
    assert "\u7dca\u6025" in lists["nihongo"]["held"][0]["reason"]
    assert "f\xfcr Gr\xfc\xdfe" in lists["entwickler"]["settings"]["description"]
    entries = [entry for one in lists.values() for entry in one["queue"]] + rest["queue"]
    queues = Counter((entry["queue"], entry["state"]) for entry in entries)
    assert queues["in", "waits"] == 3 and queues["in", "in work"] == 1
    assert queues["out", "waits"] == 5 and queues["out", "torn"] == 1
    assert sorted(entry["goes_back"] or "" for entry in entries if entry["queue"] == "shunt") \
        == ["", "/srv/mm2old/var/qfiles/in"]


# ── what goes wrong with files ──────────────────────────────────────────────────────────────────


def damage_archives(site, var):
    """Links, pipermail's state, mboxes."""
    public = var / "archives" / "public"
    private = var / "archives" / "private"
    (public / "talk").unlink()
    (public / "talk").symlink_to("/home/mailman/archives/private/talk")
    (public / "entwickler").symlink_to(f"{site.layout.var}/archives/private/entwickler")
    (public / "novosti").unlink()
    (public / "novosti").mkdir()
    (public / "old-times").unlink()
    (private / "news_example.org" / "pipermail.pck").write_bytes(
        pickled({"sequence": 3, "archives": []}, 0))
    state = private / "nihongo" / "pipermail.pck"
    state.write_bytes(state.read_bytes()[:100])
    (private / "old-times" / "pipermail.pck").unlink()
    with (private / "nihongo.mbox" / "nihongo.mbox").open("ab") as box:
        box.write(b"From the start to the end\n")
    return {
        ("talk", "PUBLIC_ARCHIVE_FILE_DIR", "never mends"),
        ("entwickler", "PUBLIC_ARCHIVE_FILE_DIR", "private, and a link makes it public"),
        ("novosti", "PUBLIC_ARCHIVE_FILE_DIR", "a directory, not a link"),
        ("old-times", "PUBLIC_ARCHIVE_FILE_DIR", "the link is missing"),
        ("news_example.org", "pipermail.pck", "number 3, and there is a page 3"),
        ("nihongo", "pipermail.pck", "would overwrite pages"),
        ("old-times", "pipermail.pck", "is not there"),
        ("nihongo", "nihongo.mbox", "3 lines begin with \"From \", 2 of them"),
    }


def damage_lists(var):
    """Files beside config.pck, tokens, directories that are no list."""
    lists = var / "lists"
    (lists / "talk" / "extend.py").write_text("def extend(mlist): pass\n")
    (lists / "talk" / "config.pck.tmp.host.77").write_bytes(b"")
    (lists / "talk" / "pending.pck").unlink()
    (lists / "entwickler" / "request.pck").write_bytes(b"(dp0\n")
    (lists / "nihongo" / "pending.pck").mkdir()
    (lists / "empty").mkdir()
    shutil.copytree(lists / "everyone", lists / "Capital")
    (var / "data" / "pending.pck").write_bytes(pickled({"0" * 40: ("U", "x@example.org")}, 0))
    return {
        ("talk", "extend.py", "code that Mailman runs"),
        ("talk", "config.pck.tmp.host.77", "not finished"),
        ("talk", "bounce_info", "its cookie is not in pending.pck"),
        ("entwickler", "request.pck", "cannot be read"),
        ("nihongo", "pending.pck", "cannot be read"),
        ("entwickler", "DATA_DIR", "no request names"),
        (None, "LIST_DATA_DIR", "without a config.pck"),
        (None, "LIST_DATA_DIR", "takes no list of such a name"),
        (None, "DATA_DIR", "1 tokens of 2.1.4 or before"),
    }


def damage_queues(queues):
    """Files that a runner breaks on, or that an upgrade ruined, and a pair of 2.1.4."""
    base = "1795360000.5+" + "0" * 40
    made = letter(1, "a@example.org", "talk@example.org")
    known = {"listname": "talk", "received_time": 1795360000.5, "recips": ["x@example.org"]}
    (queues / "in" / "noplus.pck").write_bytes(pickled("x", 0) + pickled({}, 0))
    (queues / "commands" / f"{base}.pck").write_bytes(
        pickled(as_text(made)) + pickled({**known, "_parsemsg": False}))
    (queues / "out" / f"{base}.pck").write_bytes(pickled(as_instance(made)))
    (queues / "out" / f"{base}.db").write_bytes(marshalled(known))
    (queues / "news" / f"{base}.db").write_bytes(marshalled(known))
    (queues / "retry" / f"{base}.msg").write_bytes(as_text(made))
    (queues / "retry" / f"{base}.db").write_bytes(marshalled(known))
    (queues / "archive" / f"{base}.pck").write_bytes(pickled(as_instance(made)) + b"garbage")
    return {
        ("in", "waits", "breaks on such a name"),
        ("commands", "waits", "a runner shunts it"),
        ("out", "old form", None),
        ("news", "old form", "its message is not there"),
        ("retry", "old form", None),
        ("archive", "waits", "octet"),
    }


def test_what_is_wrong_with_files_is_told(tmp_path):
    """Each planted thing by list and place, and what stands beside it is read all the same."""
    site = Site(tmp_path).make()
    var = site.root / site.layout.var.lstrip("/")
    planted = damage_archives(site, var) | damage_lists(var)
    queues = damage_queues(var / "qfiles")
    lists, rest = shown(site.root, "--all")
    assert sorted(lists) == sorted(site.truth["lists"])
    found = [(one["name"], finding) for one in lists.values() for finding in one["findings"]]
    found += [(None, finding) for finding in rest["findings"]]
    for name, where, words in planted:
        assert [f for list_name, f in found if list_name == name and f["where"] == where
                and words in f["what"]], (name, where, words)
    assert lists["entwickler"]["archive"]["public_pages"] == "link"
    assert lists["novosti"]["archive"]["public_pages"] == "no link, but a copy"
    assert lists["talk"]["archive"]["public_target"] == "/home/mailman/archives/private/talk"
    assert lists["talk"]["other_files"] == ["config.pck.tmp.host.77", "extend.py"]
    assert len(lists["entwickler"]["members"]) == 20
    known = {entry["name"] for entry in site.queued}
    entries = [entry for one in lists.values() for entry in one["queue"]] + rest["queue"]
    new = [entry for entry in entries if entry["name"] not in known]
    assert len(new) == len(queues)
    for queue, state, words in queues:
        entry, = (entry for entry in new if entry["queue"] == queue)
        assert entry["state"] == state
        assert words in entry["problem"] if words else entry["problem"] is None, entry
        if state == "old form":
            assert (entry["list"], entry["recipients"]) == ("talk", 1)
        if queue in ("out", "retry"):
            assert entry["message_id"] == "<letter1@example.net>"


def behind_a_link(root, path, target):
    """Move what is at `path` of the host to `target` of it, and leave a link."""
    place, end = root / path.lstrip("/"), root / target.lstrip("/")
    end.parent.mkdir(parents=True, exist_ok=True)
    place.rename(end)
    place.symlink_to(target)


def test_a_site_whose_directories_stand_on_other_disks_is_the_same(tmp_path):
    """Links to lists/, data/, qfiles/ and archives/, to one list, one queue and one archive."""
    site = Site(tmp_path).make()
    before = mailhaul("lists", "show", "--site", site.root, "--all")
    var = site.layout.var
    for path in ("lists/talk", "qfiles/in", "archives/private/talk", "archives/private/talk.mbox",
                 "archives/private/entwickler.mbox/entwickler.mbox", "lists", "data", "qfiles",
                 "archives"):
        behind_a_link(site.root, f"{var}/{path}", f"/disk2/{path.replace('/', '-')}")
    # the list's owner has made the public link anew: it leads there by another way
    public = site.root / "disk2" / "archives" / "public" / "talk"
    public.unlink()
    public.symlink_to("/disk2/archives-private-talk")
    assert mailhaul("lists", "show", "--site", site.root, "--all") == before
