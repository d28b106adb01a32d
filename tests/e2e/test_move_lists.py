# SPDX-License-Identifier: BSD-2-Clause
"""A whole move with mailing lists: twelve lists of a Mailman 2.1 from source go onto a Debian one, over ssh,
while somebody writes to one of them. Each post goes out to the members from one side, and once."""

import json
from collections import Counter

from conftest import Journey
from lab import audit, daemons, hosts, mailman, mover
from lab.sealed import wait_for
from mailman21.pickling import pickled

ALONE = "entwickler"        # goes before the others
LISTS = f"{mailman.OLD.code}/lists"

# somebody at the old host's web pages who does not stop
_BUSY = f"""
while [ ! -e /run/enough ]; do echo words >>{LISTS}/talk/digest.mbox; sleep 0.02; done
"""

# a cron of the new host, and a job of Mailman's for it
_JOBS = """
mkdir -p /etc/cron.d
echo '0 12 * * * list /usr/lib/mailman/cron/senddigests -f' >/etc/cron.d/mailman
cp /usr/bin/sleep /usr/local/bin/cron
setsid /usr/local/bin/cron 900 </dev/null >/dev/null 2>&1 &
echo $! >/run/cron.pid
"""

# what comes for weeks to addresses that old has given out: by the link of an invitation, and by VERP
_LATE = """
import smtplib
with smtplib.SMTP("127.0.0.1", 25) as session:
    for address in ("talk-confirm+0123456789abcdef", "talk-bounces+bob=sub.example.net"):
        session.sendmail("bob@sub.example.net", [address + "@example.org"],
                         "From: bob@sub.example.net\\nX-Token: " + address[:12] + "\\n\\nwords\\n")
"""


def states(admin) -> Counter:
    """How many lists are how far."""
    return Counter(row["state"] for row in admin.json("status")["mailing_lists"])


def changes(document: dict) -> list[int]:
    """What each pass of a seed did with lists."""
    return [one["mailing_lists"]["changes"] for one in document["passes"]]


def told(done) -> str:
    """All that a verb has said."""
    return done.stdout + done.stderr


def evidence(admin) -> list[dict]:
    """All that was kept for the report."""
    return json.loads(admin.new.read(admin.json("report")["json"]))["evidence"]


PASSWORD = "<input type=\"password\" name=\"adminpw\">"


def pages(site) -> dict:
    """What a web server shows of the lists."""
    shown = {}
    for one in site.lists:
        place = one.config.get("web_page_url", "http://www.example.org/mailman/")
        shown |= {f"{place}{page}": [200, "all"] for page in ("listinfo", "admin")}
        shown |= {f"{place}{page}/{one.name}": [200, one.name] for page in ("listinfo", "options")}
        shown |= {f"{place}{page}/{one.name}": [200, PASSWORD]
                  for page in ("admin", "admindb", "roster")}
        host = place.split("/")[2]
        if one.config.get("archive_private"):
            shown[f"{place}private/{one.name}/"] = [200, PASSWORD]
        else:
            shown[f"http://{host}/pipermail/{one.name}/"] = [200, "the archive"]
    return shown


def check(admin, *words: str, **more) -> dict[str, dict]:
    """What the questions about lists and pages are answered, by id."""
    return {row["id"]: row for row in admin.json("check", *words, **more)}


def expect_good_questions_and_planted_faults(lab, site, admin) -> None:
    """Each question about lists is answered, and tells when something is worse on new."""
    shown = pages(site)
    daemons.start(lab.new, "postfix")
    for host in (lab.old, lab.new):
        host.push({"/run/pages.json": json.dumps(shown)})
        host.spawn(*host.python_command("pages"))
        host.sh("until ss -Htln sport = :80 | grep -q .; do sleep 0.05; done")
    rows = check(admin, "lists", "web", "--send", "--baseline")
    for name in ("lists.taken", "web.lists", "web.admins", "web.archives", "web.closed"):
        assert rows[name]["old"]["answer"] == rows[name]["new"]["answer"] == "yes", rows[name]
    assert rows["lists.answer"]["old"]["answer"] == "yes", rows["lists.answer"]
    assert rows["lists.answer"]["new"]["answer"] == "skipped"   # it is not open

    lab.old.sh("touch /run/deaf")
    row = check(admin, "lists.answer", "--send", "--time", "3")["lists.answer"]
    assert row["old"]["answer"] == "unknown" and "no answer" in row["old"]["evidence"], row
    closed, = {url for url in shown if "/private/" in url and "entwickler" in url}
    lab.new.push({"/run/pages.json": json.dumps(shown | {
        "http://www.example.org/mailman/listinfo/talk": [404, "no such list"],
        "http://www.example.org/mailman/admindb/talk": [500, "a bug in Mailman"],
        "http://www.example.org/pipermail/talk/": [403, "not yours"],
        closed: [200, "the archive"]})})
    lab.new.sh("cd /etc; for table in $(postconf -h alias_maps | tr , '\\n' | sed 's/ *hash://'); do "
               "sed -i '/^mailman-loop:/d' $table; postalias $table; done")
    rows = check(admin, "lists", "web", "--baseline", expect=mover.NO)
    assert {name for name, row in rows.items() if row["worse"]} == {
        "lists.taken", "web.lists", "web.admins", "web.archives", "web.closed"}
    assert "mailman-loop@" in rows["lists.taken"]["new"]["evidence"]
    assert f"{closed} is open to everybody" in rows["web.closed"]["new"]["evidence"]
    daemons.stop(lab.new, "postfix")
    mailman.tell_mta(lab.new, admin, "--new")


def as_it_was(lab) -> list[str]:
    """What is to be on old again when a list has come back: configurations, and the list's files."""
    return [lab.old.sh(f"cat /etc/postfix/{name}") for name in ("main.cf", "master.cf")] + sorted(
        lab.old.sh(f"cd {LISTS}/{ALONE} && find . -type f -exec md5sum {{}} +").splitlines())


def bring_stragglers(lab, admin) -> None:
    """What comes to old's queues and moderators after the switch comes to new, once."""
    lab.old.sh(f"{mailman.OLD.code}/mail/mailman post {mailman.POSTED_TO}",
               stdin="From: poster@one.example.com\nX-Token: straggler\n\nwords\n")
    held = pickled({"version": (0, 1), 9: (1, (1.5, "a@example.com", "words", "why",
                                               "heldmsg-talk-9.pck", {}))})
    lab.old.run("sh", "-c", f"cat >{LISTS}/talk/request.pck", stdin=held)
    lab.old.sh(f"echo held >{mailman.OLD.code}/data/heldmsg-talk-9.pck")
    told_of = told(admin.run("lists", "stragglers"))
    assert "1 entries of queues, 2 requests" in told_of and "number 10" in told_of, told_of
    wait_for(lambda: "straggler" in mailman.sent(lab.new, mailman.NEW), 60, "a straggler on new")
    waits = lab.new.sh("cat -v /var/lib/mailman/lists/talk/request.pck")
    assert "heldmsg-talk-10.pck" in waits and "late" not in waits, waits
    assert lab.new.sh("cat /var/lib/mailman/data/heldmsg-talk-10.pck") == "held\n"
    assert "0 entries of queues, 0 requests" in told(admin.run("lists", "stragglers"))
    assert not mailman.running(lab.old) and mailman.running(lab.new)


def old_lets_it_go(lab) -> list[str]:
    """Old does nothing of its own for a list that has gone, and gives on what comes for it; the tokens of
    what came."""
    mailman.digests(lab.old, mailman.OLD)
    mailman.post(lab.worlds[0], f"{ALONE}@example.org", "late-far")
    mailman.post(lab.old, f"{ALONE}@old.example.org", "late-near")
    mailman.post(lab.new, "bob@example.org", "to-a-member")     # whose mailbox is where it was
    wait_for(lambda: {"late-far", "late-near"} <= set(mailman.sent(lab.new, mailman.NEW)), 60,
             "late posts on new")
    wait_for(lambda: "to-a-member" in lab.old.run("grep", "-rhs", "to-a-member", "/home", "/srv",
                                                  check=False).stdout, 60, "a post to a member")
    wait_for(lambda: f"digest-{mailman.POSTED_TO}" in mailman.sent(lab.old, mailman.OLD), 60,
             "a digest of those that stay")
    assert f"digest-{ALONE}" not in mailman.sent(lab.old, mailman.OLD)
    assert not lab.old.run("sh", "-c", f"ls -d {LISTS}/{ALONE}", check=False).stdout
    return ["late-far", "late-near"]


def test_lists_move_with_the_mailboxes_and_each_post_goes_out_once(lab):
    site = mailman.install(lab)
    journey = Journey(lab, mover.settings("address", "refuse", canary=False,
                                          more="lists: {waves: 3}\n"
                                               "check: {sender: alice@example.org}\n"))
    admin, names = journey.admin, {one.name for one in site.lists}
    lab.old.sh('postconf -e "mydestination = $(postconf -h mydestination), lists.example.org"')
    mailman.tell_mta(lab.old, admin)
    stay = {name: data for name, data in mailman.queued(lab.old, mailman.OLD).items()
            if not name.startswith(("in/", "out/"))}
    mailman.start(lab.old, mailman.OLD)
    posts = mailman.Posts(lab.worlds[0], f"{mailman.POSTED_TO}@example.org")

    admin.run("survey")
    admin.run("prepare")
    first = admin.json("seed", "--until-small")
    assert changes(first)[0] > 100 and states(admin) == {"seeded": len(names)}, first
    # queues stay: both sides could send
    assert mailman.queued(lab.new, mailman.NEW) == {}
    assert "lists.addresses" in admin.run("check", "lists", expect=mover.NO).stdout
    refused = told(admin.run("lists", "open", ALONE, expect=mover.PERSON))
    assert f"does not know the list's address {ALONE}" in refused, refused
    mailman.tell_mta(lab.new, admin, "--new")
    version = "/usr/lib/mailman/Mailman/Version.py"
    lab.new.sh(f"cp {version} {version}.good; echo DATA_FILE_VERSION = 97 >>{version}\n{_JOBS}")
    rows = {row["id"]: row for row in admin.json("check", "lists", expect=mover.NO)}
    assert {name for name, row in rows.items() if row["answer"] == "no"} == {"lists.new", "lists.jobs"}
    assert rows["lists.jobs"]["evidence"] == "senddigests is in force in /etc/cron.d/mailman, cron runs"
    lab.new.sh(f"mv {version}.good {version}; rm /etc/cron.d/mailman; kill $(cat /run/cron.pid)")
    lab.old.sh(f"cd {mailman.OLD.code}/Mailman; cp Version.py good; sed -i s/2.1.39/2.2.0/ Version.py")
    (row,) = admin.json("check", "lists.new", expect=mover.NO)
    assert "a port to Python 3 has written" in row["evidence"], row
    lab.old.sh(f"cd {mailman.OLD.code}/Mailman; mv good Version.py")
    admin.run("check", "lists")
    expect_good_questions_and_planted_faults(lab, site, admin)

    plan = admin.json("plan")
    assert plan["mailing_lists"] == {"lists": len(names), "opened": 0, "seeded": len(names),
                                     "waves": 3, "archives": "none"}
    assert [part for part in plan["window_parts"] if "mailing lists" in part["why"]]
    assert "lists open" in admin.run("plan").stdout

    # without a Mailman there nothing is touched; what the package leaves when it goes is none
    lab.new.sh("mv /usr/lib/mailman /usr/lib/away")
    refused = told(admin.run("cutover", expect=mover.NO))
    lab.new.sh("mv /usr/lib/away /usr/lib/mailman")
    assert "the new one has no mailmanctl" in refused and "close-new" not in refused, refused

    # one goes alone, with what waits for it, and the others stay where they are
    rows = admin.json("lists", "waves")
    assert {row["list"] for row in rows} == names and {row["wave"] for row in rows} == {1, 2, 3}
    was = as_it_was(lab)
    opened = admin.json("lists", "open", ALONE)
    assert opened == [{"list": ALONE, "state": "opened"}]
    assert mailman.running(lab.old) and mailman.running(lab.new)
    late = old_lets_it_go(lab)
    # and back: old is what it was, to the octet
    assert admin.json("lists", "open", "--back", ALONE) == [{"list": ALONE, "state": "seeded"}]
    assert as_it_was(lab) == was
    mailman.post(lab.old, f"{ALONE}@example.org", "late-back")
    wait_for(lambda: "late-back" in mailman.sent(lab.old, mailman.OLD), 60, "a post on old")
    admin.json("lists", "open", ALONE)
    alone = mailman.queued(lab.new, mailman.NEW)
    assert {name.partition("/")[0] for name in alone} == {"archive"}
    assert states(admin) == {"opened": 1, "seeded": len(names) - 1}

    # back from the middle, for old's lists change all the time: nothing was open, so old is as it was
    admin.run("cutover", "--until", "verify")
    assert not mailman.running(lab.old) and not mailman.running(lab.new)
    assert states(admin) == {"opened": 1, "verified": len(names) - 1}
    size = f"stat -c %s {LISTS}/talk/digest.mbox"
    was = lab.old.sh(size)
    busy = lab.old.spawn("sh", "-c", _BUSY)
    wait_for(lambda: lab.old.sh(size) != was, 60, "him to begin")
    refused = told(admin.run("cutover", expect=mover.NO))
    lab.old.sh("touch /run/enough")
    assert busy.wait(60) == 0
    assert f"{LISTS}/talk/digest.mbox has changed" in refused and "going back" in refused, refused
    assert mailman.running(lab.old) and mailman.running(lab.new)
    assert mailman.queued(lab.new, mailman.NEW) == alone
    assert stay.items() - alone.items() <= mailman.queued(lab.old, mailman.OLD).items()

    # what is done on old's web pages behind the last pass is brought
    admin.run("cutover", "--until", "verify")
    assert states(admin) == {"opened": 1, "verified": len(names) - 1}
    moderated = pickled({"version": (0, 1), 7: (1, "late")})
    lab.old.run("sh", "-c", f"cat >{LISTS}/talk/request.pck", stdin=moderated)
    lab.old.sh(f"{mailman.OLD.code}/mail/mailman post {mailman.POSTED_TO}",
               stdin="From: poster@one.example.com\nX-Token: approved\n\nwords\n")

    # back from the end: what the lists became on new is there, and what they were stands aside; once,
    # there is nothing to stop the runners with but their master's process
    lab.old.sh(f"cd {mailman.OLD.code}/bin; mv mailmanctl away")
    went = told(admin.run("cutover"))
    lab.old.sh(f"cd {mailman.OLD.code}/bin; mv away mailmanctl")
    assert f"{LISTS}/talk/request.pck has changed" in went, went
    assert "queue entry in/" in went and "straggler" not in went, went
    assert "late" in lab.new.sh("cat -v /var/lib/mailman/lists/talk/request.pck")
    # and what is done there later is told
    lab.old.sh(f"echo words >>{LISTS}/talk/digest.mbox")
    assert f"straggler: {LISTS}/talk/digest.mbox" in told(admin.run("cutover"))
    bring_stragglers(lab, admin)
    notes = [note for row in evidence(admin) if row["topic"] == "list notes"
             for note in row["whole"]]
    assert any("cull_bad_shunt" in note for note in notes), notes
    assert not mailman.running(lab.old) and mailman.running(lab.new)
    assert states(admin) == {"opened": len(names)}
    lab.worlds[0].run("/usr/bin/python3", "-c", _LATE)
    wait_for(lambda: {"talk-confirm", "talk-bounces"} <= set(mailman.sent(lab.new, mailman.NEW))
             and "post-" in " ".join(mailman.sent(lab.new, mailman.NEW)), 60, "mail on new")
    lab.new.sh("echo joined >>/var/lib/mailman/lists/talk/digest.mbox")
    admin.run("rollback")
    assert mailman.running(lab.old)
    # the list that has gone alone lives there still, and nobody but old can come to it
    mailman.post(lab.old, f"{ALONE}@example.org", "late-rollback")
    wait_for(lambda: "late-rollback" in mailman.sent(lab.new, mailman.NEW), 60, "a post on new")
    assert lab.worlds[0].run("sh", "-c", f"echo QUIT | nc -w 5 {hosts.NEW_V4} 25",
                             check=False).returncode
    assert lab.old.sh("tail -n 1 /usr/local/mailman/lists/talk/digest.mbox") == "joined\n"
    assert "joined" not in lab.old.sh("cat /usr/local/mailman/lists.before-mailhaul/talk/digest.mbox")
    assert mailman.queued(lab.new, mailman.NEW) == alone


    accepted = posts.end() + ["approved", "talk-confirm", "talk-bounces", "straggler", "late-back",
                              "late-rollback", *late]
    audit.wait_until_quiet([lab.worlds[0], lab.old], 60)
    mailman.expect_once(lab, accepted)
    there = mailman.queued(lab.old, mailman.OLD) | alone
    assert there.keys() == stay.keys()
    for name, data in stay.items():
        assert name.startswith("shunt/") or there[name] == data, name
