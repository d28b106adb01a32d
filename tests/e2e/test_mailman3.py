# SPDX-License-Identifier: BSD-2-Clause
"""`mailhaul lists convert` gives the twelve lists of tests/mailman21 to Debian's Mailman 3, as it is.

All is read back over REST, by which mailhaul has written nothing, and held against what the lists' maker says.
"""

import contextlib
import json
import mailbox
import sqlite3
import subprocess
from urllib.parse import quote

import pytest

from lab import mailman3, sealed
from lab.sealed import wait_for
from mailman21 import Site
from mailman21.letters import letter, mbox, message_id
from mailman21.persons import Person

MAILHAUL = sealed.program()
pytestmark = pytest.mark.xdist_group("mailman3")    # one core for all
STATUS = {0: "enabled", 1: "unknown", 2: "by_user", 3: "by_moderator", 4: "by_bounces"}
# what the maker's lists have to be there; what is not said is as a new list of 2.1 has it
NEW_LIST = {
    "admin_immed_notify": True, "admin_notify_mchanges": False, "administrivia": True, "advertised": True,
    "allow_list_posts": True, "anonymous_list": False, "archive_policy": "public", "autorespond_owner": "none",
    "autorespond_postings": "none", "autorespond_requests": "none", "autoresponse_grace_period": "90d",
    "autoresponse_owner_text": "", "bounce_info_stale_after": "7d", "bounce_notify_owner_on_disable": True,
    "bounce_score_threshold": 5, "bounce_you_are_disabled_warnings": 3, "collapse_alternatives": True,
    "bounce_you_are_disabled_warnings_interval": "7d", "convert_html_to_plaintext": True,
    "default_member_action": "defer", "default_nonmember_action": "hold", "digest_last_sent_at": None,
    "digest_send_periodic": True, "digest_size_threshold": 30.0, "digest_volume_frequency": "monthly",
    "digests_enabled": True, "dmarc_mitigate_action": "no_mitigation", "dmarc_mitigate_unconditionally": False,
    "emergency": False, "filter_action": "discard", "filter_content": False,
    "filter_extensions": ["exe", "bat", "scr"], "forward_unrecognized_bounces_to": "administrators",
    "gateway_to_mail": False, "gateway_to_news": False, "last_post_at": None, "max_days_to_hold": 0,
    "max_message_size": 40, "max_num_recipients": 10, "member_roster_visibility": "members",
    "newsgroup_moderation": "none", "next_digest_number": 1, "nntp_prefix_subject_too": True, "post_id": 1,
    "personalize": "none", "preferred_language": "en", "reply_goes_to_list": "no_munging",
    "pass_types": ["multipart", "message/rfc822", "text/plain"], "process_bounces": False,
    "reply_to_address": "", "require_explicit_destination": True, "respond_to_post_requests": True,
    "send_goodbye_message": True, "send_welcome_message": True, "subscription_policy": "confirm",
    "unsubscription_policy": "confirm", "usenet_watermark": None, "volume": 1,
    "created_at": "2026-11-22T15:07:20.213428",
}
LISTS = {
    "mailman": {},
    "talk": {"subject_prefix": "[Talk %d] ", "description": 'Talk & "quotes", 100% of it', "post_id": 351,
             "accept_these_nonmembers": ["friend@example.com",
                                         *sorted(f"reader{n}@example.net" for n in range(30))],
             "max_days_to_hold": 30,
             "hold_these_nonmembers": ["^.*@odd\\.example\\.com$"], "last_post_at": "2026-11-22T15:13:19.500000"},
    "entwickler": {"preferred_language": "de", "archive_policy": "private",
                   "description": "Gr\xfc\xdfe, \xd6l und \xc4pfel", "subscription_policy": "confirm_then_moderate"},
    "nihongo": {"preferred_language": "ja", "archive_policy": "private",
                "description": "\u65e5\u672c\u8a9e\u306e\u8a71"},
    "announce": {"default_member_action": "hold", "max_message_size": 0,
                 "reply_goes_to_list": "explicit_header", "reply_to_address": "office@example.org"},
    "news": {"linked_newsgroup": "org.example.news", "usenet_watermark": 4711,
             "display_name": "News_example.org"},
    "old-times": {"preferred_language": "fr", "description": "Depuis l'\xe9t\xe9",
                  "digest_size_threshold": 30.5},
    "novosti": {"preferred_language": "ru", "description":
                "\u041d\u043e\u0432\u043e\u0441\u0442\u0438 \u0434\u043d\u044f"},
    "everyone": {"advertised": False, "member_roster_visibility": "moderators", "archive_policy": "never"},
    "c++-users": {"emergency": True},
    "torn": {},
    "broken": {"info": "caf\xe9 in utf-8", "description": "caf\\xe9 in us-ascii"},
}
# of the maker's broken list: two that are no addresses, and one whose octets are none
NO_ADDRESS = {"7", "nodomain", "latin\\xe9@example.com"}


def run(site, program, *words):
    """The command, as it ended."""
    return subprocess.run([MAILHAUL, "--json", "lists", "convert", "--site", site.root, "--to", "mailman3",
                           "--mailman", program, *words], capture_output=True, timeout=300, check=False)


def convert(site, core, *words, code=1, program=None):
    """What it says of each list, by name; of twelve, some always have something that is refused."""
    done = run(site, program or core.mailman, *(words or ("--all",)))
    assert done.returncode == code, done.stderr.decode() + done.stdout.decode()[-3000:]
    return {one["list"].partition("@")[0]: one for one in json.loads(done.stdout)}


def in_old(site) -> dict:
    """The maker's lists, by the name that their address has."""
    return {("news" if one.name == "news_example.org" else one.name): one for one in site.lists}


def list_id(name: str) -> str:
    """What REST calls it, in a path."""
    return quote(f"{name}.{'example.org' if name == 'news' else 'lists.example.org'}")


@pytest.fixture(name="lab", scope="module")
def fixture_lab(tmp_path_factory):
    """A site of 2.1, a Mailman 3 that has nothing, whoever its mail goes to, and what the first run said."""
    if not mailman3.is_here():
        pytest.skip(f"{mailman3.FOLDER} has no Mailman 3: tools/install-packages lab unpacks it")
    site = Site(tmp_path_factory.mktemp("old"), "source").make()
    with mailman3.Sink() as sink, mailman3.Core(sink.port) as core:
        yield site, core, sink, convert(site, core)


def test_the_report_names_every_attribute_once(lab):
    """Set, carried, left or not needed; and those that are left say why."""
    site, _, _, said = lab
    assert set(said) == set(in_old(site)) == set(LISTS)
    for name, one in in_old(site).items():
        rows = said[name]["attributes"]
        assert sorted(row["attribute"] for row in rows) == sorted(one.config), name
        assert not [row for row in rows if row["fate"] in ("left", "not needed") and not row["why"]]
        assert (said[name]["error"], said[name]["differs"], said[name]["mailed"]) == (None, [], 0), name


def test_every_attribute_is_there(lab):
    """By what the maker says, and by what mailhaul has set out to do."""
    site, core, _, _ = lab
    plans = convert(site, core, "--plan", "--all")
    for name, expected in LISTS.items():
        there = core.get(f"lists/{list_id(name)}/config")
        wanted = NEW_LIST | expected
        if name == "broken":
            del wanted["max_message_size"]
        assert {key: there[key] for key in wanted} == wanted, name
        planned = plans[name]["work"]["config"]
        assert {key: there[key] for key in planned} == planned, name
        assert len(planned) >= 60


def test_every_member_is_there_with_every_bit(lab):
    """In 2.1 = there + refused, and none has another's options."""
    site, core, _, said = lab
    for name, one in in_old(site).items():
        roster = core.get(f"lists/{list_id(name)}/roster/member").get("entries", [])
        there = {entry["email"]: entry for entry in roster}
        refused = {row["who"] for row in said[name]["refused"] if row["what"] == "member"}
        assert refused == (NO_ADDRESS if name == "broken" else set())
        assert said[name]["members"] == len(there) + len(refused)
        for person in one.people:
            entry = there[person.key]
            assert entry["display_name"] == (person.name or "")
            mode = "regular" if not person.digest else \
                "plaintext_digests" if person.options & 8 else "mime_digests"
            assert entry["delivery_mode"] == mode
            assert entry["moderation_action"] == ("hold" if person.options & 128 else "defer")
            if person.bounces:
                assert entry["bounce_score"] == int(person.bounces.score)
                assert entry["total_warnings_sent"] == (1 if person.status else 0)
            if name == "talk":
                check_preferences(core, person, entry)


def check_preferences(core, person, entry):
    """Each preference of a member, as REST tells it."""
    there = core.get(f"members/{entry['member_id']}/preferences")
    status = person.status[0] if person.status else 2 if person.options & 1 else 0
    assert there["delivery_status"] == STATUS[status], person
    assert there["receive_own_postings"] == (not person.options & 2), person
    assert there["acknowledge_posts"] == bool(person.options & 4), person
    assert there["hide_address"] == bool(person.options & 16), person
    assert there["receive_list_copy"] == (not person.options & 256), person
    assert there.get("preferred_language") == person.language, person
    address = core.get(f"addresses/{quote(person.key)}")
    assert address.get("original_email", address["email"]).partition("@")[0] == \
        person.address.partition("@")[0]


def test_what_stands_beside_a_list_is_there(lab):
    """Owners, moderators, bans, header rules, templates, who waits to join and to leave."""
    _, core, _, said = lab
    talk = f"lists/{list_id('talk')}"
    assert [one["email"] for one in core.get(f"{talk}/roster/owner")["entries"]] == ["owner@example.org"]
    assert [one["email"] for one in core.get(f"{talk}/roster/moderator")["entries"]] == ["mod@example.net"]
    assert sorted(one["email"] for one in core.get(f"{talk}/bans")["entries"]) == \
        ["^.*@bad\\.example\\.com$", "spammer@example.com"]
    rules = core.get(f"{talk}/header-matches")["entries"]
    assert [(one["header"], one["pattern"], one["action"]) for one in rules] == \
        [("x-spam-flag", "^yes", "discard"), ("x-spam", "^high", "discard"), ("subject", "^buy", "hold")]
    assert {one["name"] for one in core.get(f"{talk}/uris")["entries"]} == \
        {f"list:member:{kind}:{part}" for kind in ("regular", "digest") for part in ("header", "footer")}
    waiting = core.get(f"{talk}/requests")["entries"]
    assert sorted(one["email"] for one in waiting) == ["new.sub@example.org", "uni@example.org"]
    assert core.get(f"{talk}/config")["moderator_password"] == "1" * 40
    refused = [row["what"] for row in said["talk"]["refused"]]
    assert sorted(set(refused)) == ["held post", "token"]


# what is another's in another core, or of another moment
OWN = {"http_etag", "self_link", "member_id", "user", "user_id", "address", "last_warning_sent", "created_on",
       "registered_on", "verified_on", "created_at"}


def seen(core, name: str) -> dict:
    """All that REST tells of a list and of those who are in it."""
    def shown(row: dict) -> dict:
        return {key: value for key, value in row.items() if key not in OWN} | {
            key: key in row for key in ("user", "verified_on")}

    there = {"config": shown(core.get(f"lists/{list_id(name)}/config"))}
    for role in ("member", "owner", "moderator"):
        for row in core.get(f"lists/{list_id(name)}/roster/{role}").get("entries", []):
            mail = quote(row["email"])
            there[role, row["email"]] = [shown(row), row["last_warning_sent"].startswith("0001-")] + [
                shown(core.get(path)) for path in (
                    f"members/{row['member_id']}/preferences", f"addresses/{mail}", f"addresses/{mail}/user",
                    f"addresses/{mail}/preferences")]
    return there


def altered(core, name: str, words: str):
    """Mailman's program with something done to it first."""
    path = core.at / name / "mailman"
    path.parent.mkdir()
    path.parent.chmod(0o755)
    path.write_text(core.mailman.read_text("utf-8").replace("from mailman.bin", f"{words}\nfrom mailman.bin", 1), "utf-8")
    path.chmod(0o755)
    return path


DIES = """
import os, sqlalchemy
@sqlalchemy.event.listens_for(sqlalchemy.engine.Engine, "after_cursor_execute")
def die(connection, cursor, statement, *_):
    if statement.startswith("INSERT INTO member "):
        os.kill(os.getpid(), 9)
"""


def test_in_bulk_it_is_the_same(lab, tmp_path):
    """Members as rows of its tables: refused where these are others, all or none where it is killed, and nothing of
    them is other than by Mailman's own way; who has an address there already keeps it."""
    _, plain, sink, _ = lab
    site = Site(tmp_path, "source").make()
    with mailman3.Core(sink.port, ("rest",)) as core:
        with contextlib.closing(sqlite3.connect(core.at / "var/data/mailman.db", timeout=60)) as base:
            real, = base.execute("SELECT version_num FROM alembic_version").fetchone()
            words = "import mailman.bin.mailman, mailman.database.factory as f, sqlalchemy\n" \
                "f.SchemaManager.setup_database = lambda self: None\n"
            base.execute("UPDATE alembic_version SET version_num = 'another'")
            base.commit()
            said = convert(site, core, "--bulk", "talk", program=altered(core, "other", words))["talk"]
            assert "has another" in said["error"] and "go without" in said["error"]
            assert core.ask("GET", f"lists/{list_id('talk')}")[0] == 404
            base.execute("UPDATE alembic_version SET version_num = ?", (real,))
            base.commit()

        # killed when all rows are written, before they are stored
        done = run(site, altered(core, "dying", DIES), "--bulk", "talk")
        assert done.returncode == 78, done.stderr
        assert core.get(f"lists/{list_id('talk')}/roster/member")["total_size"] == 0
        person = next(one for one in in_old(site)["talk"].people if one.address == one.key)
        mixed = person.address.upper().partition("@")[0] + "@" + person.address.partition("@")[2]
        assert core.ask("POST", "users", email=mixed)[0] == 201

        # all but what has its mark in another core: the address with another spelling
        assert {name: (one["differs"], one["error"], one["mailed"]) for name, one in
                convert(site, core, "--bulk", "--all").items()} == {name: ([], None, 0) for name in LISTS}
        assert core.get(f"addresses/{quote(person.key)}")["original_email"] == mixed
        for name in ("talk", "entwickler", "nihongo", "broken"):
            there, wanted = seen(core, name), seen(plain, name)
            assert set(there) == set(wanted)
            other = [key for key in wanted if there[key] != wanted[key]]
            assert other == ([("member", person.key)] if ("member", person.key) in wanted else []), name
        assert not [one for one in convert(site, core, "--bulk", "--all").values() if one["changed"]]


def test_a_second_run_brings_only_what_is_late(lab):
    """A member who subscribes in 2.1 after the first run, and what differs since; nothing else, and nothing twice.
    What was opened stays open, and what a moderator has dealt with does not come back."""
    site, core, _, _ = lab
    convert(site, core, "--open", "nihongo", code=0)
    nihongo = f"lists/{list_id('nihongo')}"
    assert core.get(f"{nihongo}/config")["process_bounces"]
    number = core.get(f"{nihongo}/held")["entries"][0]["request_id"]
    assert core.ask("POST", f"{nihongo}/held/{number}", action="discard")[0] == 204
    one = in_old(site)["nihongo"]
    late = Person("Late@jp.example.net", "\u9045\u308c", "ja", 16)
    late.add_to(one.config)
    one.people.append(late)
    site.put(site.var("lists", one.name, "config.pck"), one.pickled(one.config, one.protocol))
    assert core.ask("PATCH", f"lists/{list_id('torn')}/config", description="another's")[0] == 204
    said = convert(site, core)
    assert {name: row["changed"] for name, row in said.items() if row["changed"]} == \
        {"nihongo": ["member Late@jp.example.net"], "torn": ["description"]}
    assert said["nihongo"]["members"] == said["nihongo"]["there"] == 4
    assert core.get(f"{nihongo}/config")["process_bounces"]
    assert core.get(f"{nihongo}/held")["total_size"] == 0
    assert core.get(f"lists/{list_id('talk')}/held")["total_size"] == 5


def test_the_digest_in_progress_goes_on_there(lab):
    """It is 2.1's until somebody else has put something into it, or has sent it: then nothing of it is taken away, and
    nothing comes twice."""
    site, core, _, _ = lab
    there, old = core.at / "var/lists/announce.lists.example.org/digest.mmdf", in_old(site)["announce"]
    here = site.var("lists", "announce", "digest.mbox")
    posts = [*old.digest, *(letter(n, "office@example.org", "announce@lists.example.org",
                                   body=f"Hello.\n\nFrom the office, number {n}\n") for n in (61, 62))]

    def gathered():
        with contextlib.closing(mailbox.MMDF(there, create=False)) as box:
            return [(one["Message-ID"], one.get_payload()) for one in box]

    def wanted(some):
        return [(message_id(made), made[1].replace("\nFrom ", "\n>From ")) for made in some]

    assert gathered() == wanted(posts[:1])
    try:
        here.write_bytes(mbox(posts[:2]))
        assert convert(site, core, "announce", code=0)["announce"]["changed"] == ["digest"]
        assert gathered() == wanted(posts[:2])
        here.write_bytes(b"torn\n\n" + mbox(posts[2:]))       # 2.1 has sent those two
        said = convert(site, core, "announce")["announce"]
        assert [row["why"] for row in said["refused"]] == ["4 octets stand before its first message"]
        assert gathered() == wanted(posts[2:])
        here.write_bytes(mbox(posts[2:]))
        with contextlib.closing(mailbox.MMDF(there)) as box:
            box.add(b"From: u@example.net\nMessage-ID: <own>\n\nwritten here\n")
        assert convert(site, core, "announce", code=0)["announce"]["changed"] == []
        here.write_bytes(mbox(posts))
        for _ in range(2):
            said = convert(site, core, "announce")["announce"]
            assert [row["what"] for row in said["refused"]] == ["digest"]
        assert [own for own, _ in gathered()] == [message_id(posts[2]), "<own>"]
    finally:
        here.write_bytes(mbox(old.digest))


def test_a_mailman_3_that_cannot_be_run_is_told_of(lab):
    """Nothing was done; who runs it has to say where it is."""
    site, _, _, _ = lab
    done = subprocess.run([MAILHAUL, "lists", "convert", "--site", site.root, "--to", "mailman3",
                           "--mailman", "/bin/false", "talk"], capture_output=True, timeout=60, check=False)
    assert done.returncode == 78 and b"--mailman" in done.stderr


def test_a_post_that_was_held_is_approved_and_goes_to_the_members(lab):
    """With the reason and the day of 2.1; nothing was mailed before, and nothing but it is now."""
    site, core, sink, _ = lab
    talk = in_old(site)["talk"]
    held = {entry["subject"]: entry for entry in core.get(f"lists/{list_id('talk')}/held")["entries"]}
    assert sorted(entry["reason"] for entry in held.values()) == \
        sorted(post.reason for post in talk.held if not post.lost)
    number = held["big"]["request_id"]
    assert held["big"]["hold_date"].startswith("2026-11-21T")
    assert not sink.mails
    assert core.ask("POST", f"lists/{list_id('talk')}/held/{number}", action="accept")[0] == 204
    expected = {person.key for person in talk.people
                if not person.digest and not person.status and not person.options & 1}
    wait_for(lambda: {address.lower() for _, to, _ in list(sink.mails) for address in to} >= expected, 120,
             "the post to go out")
    gone = [address.lower() for _, to, _ in sink.mails for address in to]
    assert sorted(gone) == sorted(expected)
    text = sink.mails[0][2]
    assert b"Subject: [Talk 351] big\r\n" in text
    assert b"x" * 79 in text and b"http://www.example.org/mailman/listinfo/talk\r\n" in text


def test_a_list_is_taken_away_again_and_nothing_else(lab):
    """With the addresses that were made for it and that no other list has; who made it himself keeps it."""
    site, core, _, _ = lab
    nihongo = {person.key for person in in_old(site)["nihongo"].people}
    others = {entry["email"] for name in LISTS if name != "nihongo"
              for role in ("member", "owner", "moderator")
              for entry in core.get(f"lists/{list_id(name)}/roster/{role}").get("entries", [])}
    gone = convert(site, core, "--remove", "nihongo", "torn", code=0)
    assert gone["nihongo"]["changed"] == ["removed"] and not gone["nihongo"]["error"]
    assert core.ask("GET", f"lists/{list_id('nihongo')}")[0] == 404
    for address in nihongo:
        assert core.ask("GET", f"addresses/{quote(address)}")[0] == (200 if address in others else 404), address
    assert {one["email"] for one in core.get(f"lists/{list_id('talk')}/roster/member")["entries"]} <= others

    # one that another has made since under such a name
    assert core.ask("POST", "lists", fqdn_listname="torn@lists.example.org")[0] == 201
    assert convert(site, core, "--remove", "torn", code=0)["torn"]["told"] == \
        ["was there before, and stays as it is now"]
    assert core.get(f"lists/{list_id('torn')}")["list_name"] == "torn"

    # and it can come again, with what waits
    assert convert(site, core, "nihongo", code=1 if in_old(site)["nihongo"].pending else 0)["nihongo"]["new"]
    assert core.get(f"lists/{list_id('nihongo')}/held")["total_size"] == 1
