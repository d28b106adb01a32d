# SPDX-License-Identifier: BSD-2-Clause
"""A whole move with mailing lists into a Mailman 3: twelve lists of a Mailman 2.1 go into Debian's core on the new
host, their archives into its HyperKitty, while somebody writes to seven of them. Each post goes out to every member from
one side, and once, and is archived once; what waits for a moderator waits there."""

import base64
import hashlib
import json
from collections import Counter
from contextlib import suppress
from email import parser

import pytest

from conftest import Journey
from lab import audit, dns, hosts, hyperkitty, mailman, mailman3, mover
from lab.sealed import File, LabError, wait_for
from mailman21.letters import message_id
from mailman21.persons import Person
from mailman21.pickling import pickled

LISTS = f"{mailman.OLD.code}/lists"
POSTED_TO = ("talk", "entwickler", "nihongo", "novosti", "old-times", "everyone")
PRIVATE = ("entwickler", "nihongo")
DOMAIN = "lists.example.org"
# in `in` and `archive` of old from the beginning
WAITED = {"talk": ("letter81@example.net", "letter83@example.net"),
          "entwickler": ("letter82@example.net", "letter92@example.net")}
HELD = ("c++-users",)       # whose posts wait for a moderator
NAMES = {"mailman", "announce", "news", "torn", "broken", *POSTED_TO, *HELD}

# somebody who writes to each of them in turn; all that was taken stands in /run/posts
_POST = """
import json, os, smtplib, sys, time
lists, number = json.loads(sys.argv[1]), 0
while not os.path.exists("/run/no-more-posts"):
    name, sender = lists[number % len(lists)]
    number += 1
    token = f"{name}:{number}"
    with smtplib.SMTP("127.0.0.1", 25) as session:
        session.sendmail("poster@one.example.com", [f"{name}@lists.example.org"],
                         f"From: {sender}\\nTo: {name}@lists.example.org\\nSubject: words\\n"
                         f"Message-ID: <{number}@one.example.com>\\nX-Token: {token}\\n\\nwords\\n")
    with open("/run/posts-by-id", "a", encoding="ascii") as record:
        record.write(f"{token} {number}@one.example.com\\n")
    with open("/run/posts", "a", encoding="ascii") as record:
        record.write(token + "\\n")
    time.sleep(0.6)
"""


def regular(one) -> set[str]:
    """Members to whom each post goes."""
    return {person.key for person in one.people
            if not person.digest and not person.status and not person.options & 1}


def poster(one) -> str:
    """A member who may write there, and gets what he writes."""
    return next((person.key for person in one.people if not person.options & (2 | 128)), one.people[0].key)


def told(done) -> str:
    """All that a verb has said."""
    return done.stdout + done.stderr


def states(admin) -> Counter:
    """How many lists are how far."""
    return Counter(row["state"] for row in admin.json("status")["mailing_lists"])


def judged(admin, question: str) -> str:
    """What `check` answers to it."""
    row, = (row for row in admin.json("check", question, expect=None) if row["id"] == question)
    return row["answer"]


def token_of(text: str) -> str:
    """Of a post of ours; "" of another's, and of a notice with one in it."""
    return parser.HeaderParser().parsestr(text)["X-Token"] or ""


def own_id(token: str) -> str:
    """Message-ID of what is put into a queue of old."""
    return f"{token.replace(':', '.')}@one.example.com"


def queue_entry(lab, name: str, token: str, sender: str) -> None:
    """A post that old's MTA has put into Mailman's queue, where no runner runs."""
    lab.old.sh(f"{mailman.OLD.code}/mail/mailman post {name}",
               stdin=f"From: {sender}\nTo: {name}@lists.example.org\nSubject: words\n"
                     f"Message-ID: <{own_id(token)}>\nX-Token: {token}\n\nwords\n")


def queue_for_others(lab, one) -> tuple[str, str, str]:
    """What 2.1's queues have that is no post: a bounce of a member, commands of strangers, a member who leaves, and a
    confirmation. Whose bounce it is; the member; and the entry that nobody can work on."""
    bounced, leaves = [person for person in one.people if person.key in regular(one) and not person.bounces][:2]
    mail = "From: {0}\nTo: talk-{1}@lists.example.org\nSubject: {2}\nMessage-ID: <{1}@one.example.com>\n{3}\n"
    report = "\n".join((
        "MIME-Version: 1.0", 'Content-Type: multipart/report; report-type=delivery-status; boundary="x"', "", "--x", "",
        "gone", "--x", "Content-Type: message/delivery-status", "", "Reporting-MTA: dns; one.example.com", "",
        f"Final-Recipient: rfc822; {bounced.key}", "Action: failed", "Status: 5.1.1", "", "--x--"))
    entries = [("bounces", mail.format("MAILER-DAEMON@one.example.com", "bounces", "failure", report), {}),
               ("commands", mail.format("asks@one.example.com", "request", "help", ""), {"torequest": 1}),
               ("commands", mail.format("joins@one.example.com", "join", "in", ""), {"tojoin": 1}),
               ("commands", mail.format(leaves.key, "leave", "out", ""), {"toleave": 1}),
               ("commands", mail.format("confirms@one.example.com", "confirm", "yes", ""), {"toconfirm": 1})]
    names = [f"{queue}/179536050{number}.125+{number:040x}.pck" for number, (queue, _, _) in enumerate(entries)]
    lab.old.push({f"{mailman.OLD.queues}/{name}": File(
        pickled(text.encode(), 0) + pickled({"listname": "talk", "_parsemsg": True, "version": 3} | more, 0), 0o660,
        "mailman", "mailman") for name, (_, text, more) in zip(names, entries)})
    return bounced.key, leaves.key, names[-1]


def expect_worked_on(core, bounced: str, leaves: str) -> None:
    """Each of them, once, by the runners."""
    def score() -> int:
        return core.ask("GET", f"lists/talk.lists.example.org/member/{bounced}")["bounce_score"]

    def answers() -> Counter:
        return Counter((address, parser.HeaderParser().parsestr(text)["subject"].split(" ")[0]) for to, text in core.sent()
                       for address in to if address in ("asks@one.example.com", "joins@one.example.com", leaves)
                       and not token_of(text))

    wanted = Counter({("asks@one.example.com", "The"): 1, ("joins@one.example.com", "Your"): 1, (leaves, "Your"): 1})
    wait_for(lambda: score() == 1 and answers() == wanted, 120, "bounces and commands of 2.1's queues")


def expect_questions(lab, admin, core) -> None:
    """Those that `check` asks of addresses and commands of lists ask the Mailman 3."""
    def of_new(name: str, *words: str) -> dict:
        row, = (row for row in admin.json("check", name, *words, expect=None) if row["id"] == name)
        return row["new"]

    lab.new.push({"/etc/cron.d/mailman3": "0 8 * * *  list\tif [ -x /usr/bin/mailman ]; then /usr/bin/mailman notify; fi\n"})
    jobs, = (row for row in admin.json("check", "lists.jobs", expect=None) if row["id"] == "lists.jobs")
    assert "mailman notify is in force in /etc/cron.d/mailman3" in json.dumps(jobs), jobs
    taken = of_new("lists.taken")
    assert taken["answer"] == "no" and "-admin@lists.example.org" in taken["evidence"], taken
    core.lead_admins([one["fqdn_listname"] for one in core.ask("GET", "lists")["entries"]])
    taken = of_new("lists.taken")
    assert taken["answer"] == "yes" and "of 12 lists" in taken["evidence"], taken
    answered = of_new("lists.answer", "--send")
    assert answered["answer"] == "yes", answered
    lab.new.sh("sendmail -f someone@example.org talk-admin@lists.example.org",
               stdin="From: someone@example.org\nX-Token: to-admins\n\nwords\n")
    wait_for(lambda: "owner@example.org" in [address for to, text in core.sent() if token_of(text) == "to-admins"
                                             for address in to], 60, "a mail to LIST-admin to come to its owners")


def subscribe_late(lab, site) -> None:
    """Somebody joins a list of 2.1 when it has been copied already."""
    one = next(one for one in site.lists if one.name == "nihongo")
    late = Person("Late@jp.example.net", "Late", "ja", 16)
    late.add_to(one.config)
    one.people.append(late)
    lab.old.push({f"{LISTS}/nihongo/config.pck": File(
        one.pickled(one.config, one.protocol), 0o660, "mailman", "mailman")})


def where(lab, core) -> tuple[Counter, dict[str, Counter], Counter]:
    """Of each token: how often old sent it, how often each member got it of new, how often it waits there."""
    gave: dict[str, Counter] = {}
    for to, text in core.sent():
        gave.setdefault(token_of(text), Counter()).update(address.lower() for address in to)
    held = Counter()
    for name in HELD:
        found = core.ask("GET", f"lists/{name.replace('+', '%2B')}.lists.example.org/held")
        held.update(token_of(entry["msg"]) for entry in found.get("entries", []))
    return Counter(mailman.sent(lab.old, mailman.OLD)), gave, held


def wrong(lab, core, site, accepted: list[str]) -> list[str]:
    """What is not as it has to be of these posts; nothing: each reached every member once."""
    sent, gave, held = where(lab, core)
    people = {one.name: regular(one) for one in site.lists}
    found = []
    for token in accepted:
        name = token.partition(":")[0]
        of_new = gave.get(token, Counter())
        if sent[token] == 1 and not of_new and not held[token]:
            continue
        if sent[token] == 0 and name in HELD and held[token] == 1 and not of_new:
            continue
        if sent[token] == 0 and name not in HELD and not held[token] and \
                of_new == Counter(dict.fromkeys(people[name], 1)):
            continue
        found.append(f"{token}: old {sent[token]}, new {len(of_new)} of {len(people[name])}, most "
                     f"{max(of_new.values(), default=0)} times, held {held[token]}")
    return found


def archive_of(one) -> str:
    """Its name in HyperKitty."""
    return f"{one.name.partition('_')[0]}@{'example.org' if one.name.startswith('news_') else DOMAIN}"


def ids_of(lab, accepted: list[str]) -> dict[str, str]:
    """Message-ID of each post of ours."""
    numbers = dict(line.split() for line in lab.worlds[0].sh("cat /run/posts-by-id").splitlines())
    return {token: numbers.get(token, own_id(token)) for token in accepted}


def not_archived_once(lab, site, web, accepted: list[str]) -> list[str]:
    """What is not as it has to be in HyperKitty; nothing: it has each post once, what old had archived, what waited in
    old's queues from the beginning, and no other. What is held is in no archive."""
    there, own, sent = web.archived(), ids_of(lab, accepted), mailman.sent(lab.old, mailman.OLD)
    found = []
    for one in site.lists:
        name = archive_of(one)
        want = Counter(message_id(letter)[1:-1] for letter in one.archived)
        want.update(WAITED.get(one.name, ()))
        if one.config.get("archive", True):
            want.update(own[token] for token in accepted
                        if token.partition(":")[0] == one.name and (one.name not in HELD or token in sent))
        have = Counter(there.get(name, []))
        found += [f"{name}: {one_id}: {have[one_id]}, not {want[one_id]}" for one_id in want | have
                  if want[one_id] != have[one_id]]
    return found


def private_pages(site) -> list[str]:
    """What nobody outside may ever see."""
    return [path for one in site.lists if one.name in PRIVATE for path in (
        f"/hyperkitty/api/list/{archive_of(one)}/emails/?format=json", f"/hyperkitty/list/{archive_of(one)}/",
        f"/hyperkitty/list/{archive_of(one)}/message/{hashed(message_id(one.archived[0])[1:-1])}/")]


def hashed(own: str) -> str:
    """HyperKitty's name of a Message-ID."""
    return base64.b32encode(hashlib.sha1(own.encode()).digest()).decode()


def expect_old_address_leads_to_its_message(admin, site, web) -> None:
    """By the map that `lists redirects` writes, to the page of the Message-ID that the old page says."""
    admin.run("lists", "redirects", "--target", "hyperkitty", "--base", f"https://{DOMAIN}", "--to", "/run/rules", "talk")
    rows = dict(line.split(" ") for line in admin.new.sh("cat /run/rules/redirects.txt").splitlines())
    letter = next(one for one in site.lists if one.name == "talk").archived[-1]
    target = next(new for old, new in rows.items() if old.endswith("/talk/2026-November/000019.html"))
    status, text = web.ask(target.removeprefix(f"https://{DOMAIN}"))
    assert status == 200 and dict(letter[0])["Subject"] in text, target
    assert target.endswith(f"/message/{hashed(message_id(letter)[1:-1])}/"), target


def test_lists_move_into_mailman_3_and_each_post_goes_out_once(lab):
    if not hyperkitty.is_here():
        pytest.skip(f"{mailman3.FOLDER} has no Mailman 3 and HyperKitty: tools/install-packages check unpacks them")
    site = mailman.install(lab, new_too=False)
    mailman.keep_archives(lab.old, mailman.OLD, site)
    core = mailman3.HostCore(lab.new)
    web = hyperkitty.HostWeb(core)
    journey = Journey(lab, mover.settings("address", "refuse", canary=False,
                                          more=f"lists: {{to: mailman3, mailman: {core.mailman}, bulk: true, "
                                          f"archives: hyperkitty, mailman_web: {web.program}}}\n"
                                          f"check: {{sender: {mailman3.PASSED_ON}}}\n"))
    admin, by_name = journey.admin, {one.name: one for one in site.lists}
    dns.update(lab.new, f"update add lists.example.org 20 MX 10 {hosts.MAIL_NAME}.")
    lab.old.sh('postconf -e "mydestination = $(postconf -h mydestination), lists.example.org"')
    mailman.tell_mta(lab.old, admin)
    mailman.start(lab.old, mailman.OLD)

    # nobody is there yet who could take lists, and prepare says so
    admin.run("survey")
    refused = told(admin.run("prepare", expect=mover.NO))
    assert "REST does not answer" in refused and "names of c++-users are cut off" in refused, refused
    core.configure("verp_delimiter: +", "verp_delimiter: ~")
    core.start()
    refused = told(admin.run("prepare", expect=mover.NO))
    assert "HyperKitty does not take what this Mailman archives" in refused, refused
    web.start()
    assert "can take archives" in told(admin.run("prepare", "-v"))
    web.watch(*private_pages(site))
    writers = [(name, poster(by_name[name])) for name in POSTED_TO + HELD]
    child = lab.worlds[0].spawn("/usr/bin/python3", "-c", _POST, json.dumps(writers))

    assert judged(admin, "lists.archives") == "no"
    first, = admin.json("seed")["passes"]
    assert first["mailing_lists"]["lists"] == 12 and first["mailing_lists"]["changes"] > 100
    assert first["archives"]["new"] >= sum(len(one.archived) for one in site.lists) and not first["archives"]["refused"]
    assert states(admin) == {"seeded": len(NAMES)}
    assert judged(admin, "lists.archives") == "yes"
    # a second time it brings what has come since, and nothing twice
    second, = admin.json("seed")["passes"]
    arrived = second["archives"]["messages"] - first["archives"]["messages"]
    assert second["archives"]["new"] == arrived and not second["archives"]["refused"], (first, second)
    # in bulk: one moment for the people of a list, not one for each
    moments, people = core.of_database("SELECT count(DISTINCT registered_on), count(*) FROM address")
    assert moments < people / 2, (moments, people)
    refused = told(admin.run("check", "lists", expect=mover.NO))
    assert "transport_maps" in refused, refused
    core.tell_mta()
    # old's aliases have come along with its tables, and what they lead to has not
    refused = told(admin.run("check", "lists", expect=mover.NO))
    assert "lead to the program of a Mailman 2.1" in refused, refused
    lab.new.sh("postconf -e alias_maps=hash:/etc/aliases")
    admin.run("check", "lists")
    subscribe_late(lab, site)
    assert "mailing lists: nihongo@lists.example.org: member Late@jp.example.net" in told(
        admin.run("verify", expect=mover.NO))

    # once, back from the middle: what waited goes back to old
    admin.run("cutover", "--until", "verify")
    assert states(admin) == {"verified": len(NAMES)}
    assert not mailman.running(lab.old) and not core.is_running()
    admin.run("cutover", "--postpone")
    assert mailman.running(lab.old) and core.is_running()
    # and where it was told to take no more posts, and did not end behind it
    admin.run("cutover", "--until", "hush-lists")
    core.start()
    core.end_runner("lmtp")
    admin.run("cutover", "--postpone")
    assert mailman.running(lab.old) and core.is_running("lmtp")

    # a post that comes behind the last pass is brought, as is what waited then
    core.also("bounces", "command", "virgin")
    bounced, leaves, nobodys = queue_for_others(lab, by_name["talk"])
    admin.run("cutover", "--until", "verify")
    queue_entry(lab, "talk", "talk:behind", poster(by_name["talk"]))
    went = told(admin.run("cutover"))
    assert {word for word in went.split() if word.startswith(("commands/", "bounces/"))} >= {nobodys}, went
    assert "1 stragglers of mailing lists" in went and f"straggler: queue entry {nobodys}" in went and "in/" in went, went
    assert ", 0 messages brought" in went, went
    queue_entry(lab, "talk", "talk:late", poster(by_name["talk"]))
    assert "1 entries" in told(admin.run("lists", "stragglers"))
    assert states(admin) == {"opened": len(NAMES)}
    sums = admin.json("status")["archives"]
    assert sums["messages"] == sums["there"] > first["archives"]["messages"] and not sums["refused"], sums
    assert not mailman.running(lab.old) and core.is_running()

    lab.worlds[0].sh("touch /run/no-more-posts")
    assert child.wait(60) == 0, child.stdout.read()
    accepted = lab.worlds[0].sh("cat /run/posts").split() + ["talk:behind", "talk:late"]
    assert len({token.partition(":")[0] for token in accepted}) == len(POSTED_TO + HELD)
    audit.wait_until_quiet([lab.worlds[0], lab.new], 60)

    def is_right() -> bool:
        """Two runners at one SQLite put posts aside now and then; the account gives them to these again."""
        if wrong(lab, core, site, accepted):
            admin.run("cutover")
            return False
        return True

    with suppress(LabError):
        wait_for(is_right, 120, "each post at every member, once", 5)
    assert wrong(lab, core, site, accepted) == [], core.words()
    sent, gave, held = where(lab, core)
    with suppress(LabError):
        wait_for(lambda: not not_archived_once(lab, site, web, accepted), 60, "each post in its archive, once", 3)
    missing = not_archived_once(lab, site, web, accepted)
    assert not missing, "\n".join([*missing, core.words()])
    seen = web.seen()
    assert set(seen) == set(private_pages(site)) and not any(200 in answers for answers in seen.values()), seen
    assert all(403 in answers for path, answers in seen.items() if "/api/" in path), seen
    expect_old_address_leads_to_its_message(admin, site, web)
    assert set(gave) & set(accepted) and set(held) & set(accepted) and set(sent) & set(accepted)

    expect_worked_on(core, bounced, leaves)
    expect_questions(lab, admin, core)

    # what waited for a moderator waits, and goes out when he says so; and who came late is a member
    talk = "lists/talk.lists.example.org"
    waits = core.ask("GET", f"{talk}/held")["entries"]
    big = next(entry for entry in waits if entry["subject"] == "big")
    core.ask("POST", f"{talk}/held/{big['request_id']}", action="accept")
    wait_for(lambda: [to for to, text in core.sent() if "Subject: [Talk" in text and "big" in text], 60,
             "an approved post")
    # what 2.1 had gathered for its next digest is in the first one here
    core.send_digest("talk.lists.example.org")
    readers = {person.key for person in by_name["talk"].people
               if person.one_last_digest or person.digest and not person.status}

    def reading() -> Counter:
        return Counter(address.lower() for to, text in core.sent()
                       if all(message_id(made) in text for made in by_name["talk"].digest) for address in to)

    with suppress(LabError):
        wait_for(lambda: reading() == Counter(dict.fromkeys(readers, 1)), 60, "the digest at its readers")
    assert reading() == Counter(dict.fromkeys(readers, 1)), core.words()
    nihongo = core.ask("GET", "lists/nihongo.lists.example.org/roster/member")["entries"]
    assert "late@jp.example.net" in {row["email"] for row in nihongo}

    # a Mailman 3 and a HyperKitty on another host are reached over ssh, which leaves nothing behind but what they make
    far = mailman3.HostCore(lab.old, ("rest",))
    far_web = hyperkitty.HostWeb(far)
    far.start()
    far_web.migrate()
    there = f"ssh:root@{hosts.MANAGEMENT_V4}"
    gave = admin.json("lists", "convert", "--into", there, "--mailman", far.mailman, "--to", "mailman3", "announce",
                      "entwickler")
    assert (gave[0]["new"], gave[0]["there"], gave[0]["differs"]) == (True, 30, []), gave
    assert "announce" in lab.old.sh(f"cat {mailman3.AT}/var/data/postfix_lmtp")
    brought, = admin.json("lists", "archive", "import", "--to", "hyperkitty", "--into", there, "--mailman-web",
                          far_web.program, "entwickler")
    assert (brought["policy"], brought["missing"], brought["new"]) == ("private", 0, brought["messages"]), brought
    assert {message_id(letter)[1:-1] for letter in by_name["entwickler"].archived} < set(
        far_web.archived()[f"entwickler@{DOMAIN}"])

    # and back: old's lists live again, and new's hold what comes
    went = told(admin.run("rollback"))
    assert "12 lists stay in Mailman 3, disabled" in went and "archives stay in HyperKitty, with" in went, went
    assert mailman.running(lab.old)
    assert core.ask("GET", f"{talk}/config")["emergency"] is True
    # what only new has stays there, and the rest goes if one says so
    own = Counter(there[1:-1] for there in map(message_id, by_name["talk"].archived))
    removed, = admin.json("lists", "archive", "import", "--to", "hyperkitty", "--mailman-web", web.program, "--remove", "talk")
    left = web.archived()[f"talk@{DOMAIN}"]
    assert removed["removed"] >= len(own) and not set(left) & set(own), (removed, left)
    assert own_id("talk:late") in left and len(left) == removed["others"], (removed, left)
