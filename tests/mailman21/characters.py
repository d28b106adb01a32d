# SPDX-License-Identifier: BSD-2-Clause
"""Twelve lists, each of another character."""

from .archives import posts
from .charsets import encoded
from .community import DAY, NOW, Community, HeldPost, cookie, invitation
from .defaults import new_list
from .letters import as_instance, letter
from .persons import Bounces, Person
from .pickling import Instance, Unicode

HOST = "lists.example.org"


def mailman() -> Community:
    """The site list: never changed since it was made, so there is no config.pck.last."""
    return Community("mailman", new_list("mailman", owner=["postmaster@example.org"]),
                     has_last=False, pages=False)


def talk() -> Community:
    """English, public, with everything that a list can have."""
    people = [Person("Alice.Adams@Example.org", "Alice Adams", options=256),
              Person("bob@example.net", None, options=0, password=None, language=None)]
    people += [Person(f"option{bit}@example.net", f"Bit {bit}", options=bit, digest=bit == 8)
               for bit in (1, 2, 4, 8, 16, 32, 64, 128, 256)]
    people += [
        Person("every.Bit@example.net", "Every", options=511),
        Person("digest1@example.com", "Digest One", digest=True, options=8 | 256),
        Person("Digest2@example.com", "", digest=True, unicode=True),
        Person("unknown@example.com", "U", status=(1, NOW - 9 * DAY)),
        Person("self@example.com", "B", status=(2, NOW - 8 * DAY)),
        Person("admin@example.com", "A", status=(3, NOW - 7.5 * DAY)),
        Person("bounced@example.com", "E", status=(4, NOW - 6 * DAY),
               bounces=Bounces(5.0, (2026, 11, 16), 2, (2026, 11, 17), cookie("talk", 4))),
        Person("bouncing@example.com", "F", bounces=Bounces(2)),
        Person("comma@example.com", 'Doe, Jane "JD"'),
        Person("curious@example.com", "G", topics=["releases", "events"]),
        Person("leftdigest@example.com", "H", one_last_digest=True),
        Person("o'brien+lists@example.com", "O\u2019Brien \u65e5\u672c", unicode=True),
    ]
    config = new_list(
        "talk", description="Talk & \"quotes\", 100% of it", advertised=1,
        topics=[("releases", r"release[s]?", "New versions", 0),
                ("events", r"meet.*up", "Where we meet", 0)],
        topics_enabled=1, subject_prefix=Unicode("[Talk %d] "),
        header_filter_rules=[("X-Spam-Flag: yes\nX-Spam: high", 3, False), ("Subject: buy", 7, 0)],
        ban_list=["spammer@example.com", "^.*@bad\\.example\\.com$"],
        accept_these_nonmembers=["friend@example.com", "@announce"],
        hold_these_nonmembers=["^.*@odd\\.example\\.com$"], mod_password="1" * 40,
        moderator=["mod@example.net"], max_days_to_hold=30, last_post_time=NOW - 100.5,
        post_id=351.0, hold_and_cmd_autoresponses={"a@example.com": ((2026, 11, 22), -1)},
        postings_responses={"b@example.com": NOW + 90 * DAY},
        usenet_watermark=None, our_own_patch={"depth": [1, (2, 3)], "on": True})
    held = [HeldPost(letter(1, "stranger@example.com", "talk@" + HOST)),
            HeldPost(letter(2, "eight@example.com", "talk@" + HOST, b"caf\xe9", b"gr\xfcn\n",
                            [("X-Folded", "one\n two")]), "Message has 8bit headers"),
            HeldPost(letter(3, "text@example.com", "talk@" + HOST, "as text",
                            "Dear all,\n\nFrom the start.\n"), form="txt"),
            HeldPost(letter(4, "lost@example.com", "talk@" + HOST), lost=True),
            HeldPost(letter(5, "big@example.com", "talk@" + HOST, "big", "x" * 79 + "\n" * 2),
                     "Message body is too big:\n55381 bytes with a limit of 40 KB"),
            HeldPost(letter(6, "many@example.com", "talk@" + HOST, "many parts"),
                     parts=("One.\n", b"Zw\xf6lf.\n"))]
    bounce = as_instance(letter(9, "MAILER-DAEMON@example.com", "talk-bounces@" + HOST))
    return Community(
        "talk", config, people, held=held, orphans=[9],
        joining=[("New.Sub@example.org", "New Sub", "piexfeir", 0, "en"),
                 ("uni@example.org", Unicode("\xdcn\xef"), "woexpiad", 1, "en")],
        leaving=["bob@example.net"],
        pending=[("S", invitation("asked@example.org", "Asked")),
                 ("S", invitation("Guest@example.org", "Guest", "talk")),
                 ("U", "bob@example.net"), ("C", "old@example.net", "New@example.net", 0),
                 ("E", "talk", "bounced@example.com"), ("H", 1),
                 ("P", "bouncing@example.com", bounce)],
        digest=[letter(40 + n, "poster@example.net", "talk@" + HOST) for n in range(3)],
        archived=posts("talk", HOST, 20),
        templates={"en/listinfo.html": b"<html><!-- ours --><MM-List-Name></html>\n"})


def entwickler() -> Community:
    """German, latin-1 octets in texts and names, a private archive."""
    words = "Gr\xfc\xdfe, \xd6l und \xc4pfel"
    people = [Person(f"Entwickler{n}@de.example.net", f"J\xf6rg M\xfcller {n}", "de", 256, n % 9 == 0)
              for n in range(20)]
    return Community(
        "entwickler", new_list(
            "entwickler", preferred_language="de", available_languages=["de", "en"],
            archive_private=1, description=encoded(words, "de"), info=encoded(words * 20, "de"),
            msg_footer=encoded("Viele Gr\xfc\xdfe\n%(web_page_url)s\n", "de"), subscribe_policy=3),
        people, held=[HeldPost(letter(11, "fremd@de.example.net", "entwickler@" + HOST,
                                      encoded("\xdcber \xd6l", "de"),
                                      encoded("Sch\xf6n.\n", "de")), form="txt")],
        joining=[("neu@de.example.net", encoded("J\xfcrgen", "de"), "doipnuat", 0, "de")],
        archived=posts("entwickler", HOST, 6))


def nihongo() -> Community:
    """Japanese in euc-jp."""
    people = [Person("Taro@jp.example.net", "\u592a\u90ce", "ja", 256),
              Person("hanako@jp.example.net", "\u82b1\u5b50", "ja", 0, True),
              Person("uni@jp.example.net", "\u30e6\u30cb", "ja", unicode=True)]
    return Community(
        "nihongo", new_list("nihongo", preferred_language="ja", archive_private=1,
                            description=encoded("\u65e5\u672c\u8a9e\u306e\u8a71", "ja"),
                            available_languages=["ja"]),
        people, held=[HeldPost(letter(21, "jiro@jp.example.net", "nihongo@" + HOST,
                                      "=?iso-2022-jp?b?GyRCRnxLXBsoQg==?="))],
        archived=posts("nihongo", HOST, 2))


def announce() -> Community:
    """Everybody is moderated; a lock is left over from a process that died."""
    people = [Person(f"reader{n}@example.net", f"Reader {n}", options=128) for n in range(30)]
    return Community("announce", new_list("announce", default_member_moderation=1,
                                          max_message_size=0, reply_goes_to_list=2,
                                          reply_to_address="office@example.org"),
                     people, locked=True, pages=False,
                     digest=[letter(60, "office@example.org", "announce@" + HOST)])


def cpanel() -> Community:
    """The name has the domain in it."""
    return Community(
        "news_example.org", new_list(
            "news_example.org", host_name="example.org", real_name="News_example.org",
            web_page_url="http://example.org/mailman/", linked_newsgroup="org.example.news",
            nntp_host="news.example.org", gateway_to_news=1, usenet_watermark=4711),
        [Person(f"user{n}@example.org", None, options=256) for n in range(12)],
        archived=posts("news_example.org", "example.org", 4))


def old() -> Community:
    """Written by 2.1.12: sixteen attributes did not exist, others had other forms. In French, as its
    archive's months are."""
    return Community("old-times", new_list("old-times", 97, reply_goes_to_list="", emergency=0,
                                           useropts_version=1, digest_size_threshhold=30.5,
                                           preferred_language="fr",
                                           description=encoded("Depuis l'\xe9t\xe9", "fr")),
                     [Person("since2003@example.org", "H\xe9l\xe8ne Ancien", "fr", 256)],
                     archived=posts("old-times", HOST, 3),
                     volumes=("2026-ao\xfbt", "2026-septembre"))


def russian() -> Community:
    """utf-8, as a port to Python 3 writes it."""
    return Community("novosti", new_list(
        "novosti", preferred_language="ru",
        description=encoded("\u041d\u043e\u0432\u043e\u0441\u0442\u0438 \u0434\u043d\u044f", "ru")),
        [Person("ivan@example.com", "\u0418\u0432\u0430\u043d", "ru", 256),
         Person("olga@example.com", "\u041e\u043b\u044c\u0433\u0430", "ru", 16, unicode=True,
                bounces=Bounces(1.5))],
        held=[HeldPost(letter(51, "raw@example.com", "novosti@" + HOST, b"raw \xe4",
                              b"gr\xfcn \xff\n"))],
        joining=[("neu@example.com", encoded("\u042f", "ru"), "piexfeir", 0, "ru")],
        pending=[("S", invitation("asked@example.com", "\u042f")), ("U", "olga@example.com")],
        ported=True,
        templates={"ru/welcome.txt": encoded("\u041f\u0440\u0438\u0432\u0435\u0442\n", "ru")})


def umbrella() -> Community:
    """Its members are lists."""
    return Community("everyone", new_list("everyone", umbrella_list=1, advertised=0,
                                          private_roster=2, archive=False),
                     [Person("talk@" + HOST), Person("entwickler@" + HOST)], pages=False)


def cplusplus() -> Community:
    """A name with signs; held for an emergency; protocol 0."""
    return Community("c++-users", new_list("c++-users", emergency=1, use_dollar_strings=1,
                                           msg_footer="$real_name\n"),
                     [Person("bjarne@example.com", "B", options=256)],
                     held=[HeldPost(letter(31, "x@example.com", "c++-users@" + HOST), "emergency")],
                     protocol=0, pages=False)


def torn() -> Community:
    """config.pck was cut off when a disk was full; what was saved before counts."""
    return Community("torn", new_list("torn"), [Person("only@example.com", "Only")], torn=True,
                     pages=False, findings=[("config.pck", None)])


def broken() -> Community:
    """Values that cannot be what they should be. The others are as good as ever."""
    people = [Person("good@example.com", "Good", options=256),
              Person("zero@example.com", "Zero", digest=True)]
    bad = [
        ("owner", None, "owner@example.org"),                       # a str, no list
        ("max_message_size", None, "40"),
        ("topics", None, [("only", "three")]),
        ("description", None, b"caf\xe9 in us-ascii"),
        ("info", None, "caf\xe9 in utf-8".encode()),
        ("members", b"latin\xe9@example.com", 0),
        ("members", "Capital@example.com", 0),
        ("members", "nodomain", 0),
        ("members", "both@example.com", 0),
        ("digest_members", "both@example.com", 0),
        ("members", "other@example.com", "Wrong@example.com"),
        ("members", 7, 0),
        ("user_options", "good2@example.com", 256),                 # no member
        ("user_options", "other@example.com", "256"),
        ("user_options", "both@example.com", 1 << 12 | 256),
        ("usernames", "other@example.com", b"\xff\xfe"),
        ("usernames", "both@example.com", ["not", "a", "name"]),
        ("delivery_status", "other@example.com", 4),
        ("delivery_status", "both@example.com", (9, "then")),
        ("delivery_status", "nodomain", (4, NOW)),                  # and no bounce_info
        ("bounce_info", "other@example.com", 3),
        ("bounce_info", "both@example.com", Instance("Mailman.Bouncer", "_BounceInfo",
                                                     {"score": "high", "date": 5})),
        ("language", "both@example.com", 12),
        ("passwords", "other@example.com", None),
        ("topics_userinterest", "other@example.com", "releases"),
    ]
    return Community("broken", new_list("broken"), people, damage=bad, pages=False, findings=[
        ("owner", None), ("max_message_size", None), ("topics", None), ("description", None),
        ("members", "latin\\xe9@example.com"), ("members", "Capital@example.com"),
        ("members", "nodomain"), ("digest_members", "both@example.com"),
        ("members", "other@example.com"), ("members", "7"), ("user_options", "good2@example.com"),
        ("user_options", "other@example.com"), ("user_options", "both@example.com"),
        ("usernames", "other@example.com"), ("usernames", "both@example.com"),
        ("delivery_status", "other@example.com"), ("delivery_status", "both@example.com"),
        ("delivery_status", "nodomain"), ("bounce_info", "other@example.com"),
        ("bounce_info", "both@example.com"), ("language", "both@example.com"),
        ("passwords", "other@example.com"), ("topics_userinterest", "other@example.com")])


EVERYBODY = (mailman, talk, entwickler, nihongo, announce, cpanel, old, russian, umbrella, cplusplus,
             torn, broken)
