# SPDX-License-Identifier: BSD-2-Clause
"""Zones are changed, within limits, and taken back exactly; TTLs run out before anything is switched."""

import base64
import contextlib
import datetime
import hashlib
import json
import sqlite3
import struct
import subprocess
import time

import pytest

from lab import mover, sealed
from zones import CACHE, CLOSED, NEW, OLD, PRIMARY, SECONDARY, STUBBORN, Zones

NO, LATER, PERSON = 1, 75, 78
SPF = (f'  changes:\n    - {{name: example.org, type: TXT, old: \'"v=spf1 ip4:{OLD} -all"\', '
       f'new: \'"v=spf1 ip4:{OLD} ip4:{NEW} -all"\'}}\n'
       '    - {name: new.example.org, type: A, new: 203.0.113.20}\n')


@pytest.fixture(name="zones")
def fixture_zones(tmp_path):
    """Name servers with a zone of 30 records."""
    with Zones(tmp_path, fill=20) as zones:
        zones.settings(more=SPF)
        yield zones


def whole(zones):
    """The zone without its SOA, as BIND gives it away."""
    done = subprocess.run(zones.inside("dig", "+noall", "+answer", "-k", f"{zones.folder}/mover.key",
                                       f"@{PRIMARY}", "example.org", "AXFR"),
                          capture_output=True, text=True, check=True, timeout=sealed.PATIENCE)
    return sorted(" ".join(line.split()) for line in done.stdout.splitlines()
                  if line and line[0] != ";" and "\tSOA\t" not in line and " TSIG " not in line
                  and "TSIG" not in line)


def test_a_zone_is_changed_by_update_and_taken_back_exactly(zones):
    before = whole(zones)
    said = zones.run("dns", "diff", expect=NO).stdout
    assert f"- mail.example.org. 3 IN A {OLD}\n+ mail.example.org. 2 IN A {NEW}" in said, said
    assert "+ new.example.org. 2 IN A 203.0.113.20" in said
    assert "3 of 28 records" in said, said
    # forgotten, and named: it leads to the old address, and nothing is going to change it
    assert f"! stays, and names an old address: lists.example.org. A {OLD}" in said
    assert whole(zones) == before

    assert "the cut-over has not begun" in zones.run("dns", "apply", expect=PERSON).stderr
    assert "would be changed" in zones.run("--dry-run", "dns", "apply", "--ahead").stdout
    assert whole(zones) == before
    zones.run("dns", "apply", "--ahead")
    assert zones.ask(PRIMARY) == [(3, OLD)]
    assert zones.ask(PRIMARY, "new.example.org") == [(2, NEW)]
    ahead = whole(zones)
    assert zones.json("dns", "apply", "--now")["end"] == "done"
    assert zones.ask(PRIMARY) == [(2, NEW)]
    after = whole(zones)
    assert "nothing to change" in zones.run("dns", "apply", "--now").stdout
    assert whole(zones) == after

    zones.run("dns", "undo")
    assert whole(zones) == ahead
    zones.run("dns", "undo")
    assert whole(zones) == before
    assert "nothing to take back" in zones.run("dns", "undo").stdout


def test_a_change_of_too_much_is_refused_and_of_what_somebody_else_has_changed(zones):
    many = "  changes:\n" + "".join(
        f"    - {{name: h{number}.example.org, type: A, old: 198.51.100.{number}, "
        f"new: 203.0.113.{number + 100}}}\n" for number in range(1, 11))
    before = whole(zones)
    zones.settings(more=many)
    refused = zones.run("dns", "apply", "--ahead", expect=PERSON).stderr
    assert "10 of the 28 records of zone example.org would change, more than 30 %" in refused
    zones.settings(more=many + "  most_share: 90\n  most_records: 9\n")
    refused = zones.run("dns", "apply", "--ahead", expect=PERSON).stderr
    assert "10 records would change, more than 9" in refused
    assert whole(zones) == before
    zones.run("dns", "apply", "--ahead", "--force")
    assert zones.ask(PRIMARY, "h10.example.org") == [(3600, "203.0.113.110")]
    # one of the ten is somebody else's now: nothing is taken back
    (zones.folder / "else").write_text(
        "server 127.0.0.53\nupdate add h3.example.org 60 A 198.51.100.99\nsend\n")
    subprocess.run(zones.inside("nsupdate", "-k", f"{zones.folder}/mover.key",
                                f"{zones.folder}/else"), check=True, timeout=sealed.PATIENCE)
    there = whole(zones)
    assert "h3.example.org A is neither" in zones.run("dns", "undo", expect=PERSON).stderr
    assert whole(zones) == there


def test_a_command_gets_the_change_and_a_person_is_waited_for(zones):
    program = zones.folder / "panel"
    program.write_text(mover.PANEL)
    program.chmod(0o755)
    words = [str(program), PRIMARY, f"{zones.folder}/mover.key", f"{zones.folder}/asked"]
    zones.settings(more=SPF + f"  command: {words}\n")
    before = whole(zones)
    zones.run("dns", "apply", "--now")
    assert zones.ask(PRIMARY) == [(2, NEW)]
    zones.run("dns", "undo")
    assert whole(zones) == before
    assert (zones.folder / "asked").read_text() == "xx"

    # a zone that is not given away as a whole is read by asking
    yaml = (zones.folder / "move.yaml").read_text()
    (zones.folder / "move.yaml").write_text(
        yaml.replace("switch: dns", "switch: manual").replace(
            f"  key_file: {zones.folder}/mover.key\n", ""))
    said = zones.run("dns", "diff", "--ahead", expect=NO).stdout
    assert "how many there are is not known (name server 127.0.0.53 gives zone" in said, said
    assert f'+ example.org. 3600 IN TXT "v=spf1 ip4:{OLD} ip4:{NEW} -all"' in said, said
    (zones.folder / "move.yaml").write_text(yaml)

    waits = zones.run("dns", "apply", "--ahead", "--by", "hand", expect=LATER).stdout
    assert "+ new.example.org. 2 IN A 203.0.113.20" in waits and "waits" in waits
    assert whole(zones) == before
    edits = zones.json("dns", "apply", "--ahead", "--by", "hand", expect=LATER)
    subprocess.run(zones.inside(*words), check=True, text=True,
                   input=json.dumps(edits), timeout=sealed.PATIENCE)
    assert "done" in zones.run("dns", "apply", "--ahead", "--by", "hand").stdout


def ttl_row(zones):
    """What the check of dns.old-ttl says: its answer, and what was seen."""
    done = subprocess.run(zones.command("--json", "check", "dns"), capture_output=True, text=True,
                          check=False, timeout=sealed.PATIENCE)
    row = next(one for one in json.loads(done.stdout) if one["id"] == "dns.old-ttl")
    return row["answer"], row["evidence"]


def lower(zones):
    """Lowers TTLs, and waits until the secondary has them too."""
    def lowered():
        done = subprocess.run(zones.command("--json", "dns", "lower-ttl"), capture_output=True,
                              text=True, check=False, timeout=sealed.PATIENCE)
        told = json.loads(done.stdout)
        assert told["everywhere"] or (done.returncode == LATER and told["where"])
        return told if told["everywhere"] else None
    return sealed.wait_for(lowered, 60, "the secondary", every=0.1)


@pytest.mark.parametrize("old_ttl", [600, 3])
def test_ttls_are_lowered_and_the_cutover_waits_for_the_old_ones(tmp_path, old_ttl):
    with Zones(tmp_path, ttl=old_ttl) as zones:
        zones.settings(ttl=1)
        zones.run("dns", "undo")
        # a survey wants whole hosts, and the question that is asked here none
        with sqlite3.connect(zones.folder / "state.db") as state:
            state.execute("INSERT INTO fact VALUES ('survey.at_ms', '1')")
        state.close()
        before = whole(zones)
        assert ttl_row(zones)[0] == "skipped"
        began = time.time()
        told = lower(zones)
        lowered = time.time()
        assert zones.ask(PRIMARY) == zones.ask(SECONDARY) == [(1, OLD)]
        until = datetime.datetime.fromisoformat(told["old_until"]).timestamp()
        assert began + old_ttl <= until <= lowered + old_ttl and told["old_ttl"] == old_ttl
        if old_ttl == 3:
            time.sleep(max(0, until - time.time()))
            assert ttl_row(zones)[0] == "yes"
            return
        words = f"the old TTL of 600 s runs out everywhere at {told['old_until'][:19]}Z"
        assert ttl_row(zones) == ("no", words)
        # a restart forgets nothing, and the hour stays
        assert lower(zones)["old_until"] == told["old_until"]
        assert f"dns.old-ttl: {words}" in zones.run("cutover", expect=NO).stdout
        zones.run("dns", "go-early", "the owner wants it today")
        assert ttl_row(zones) == ("yes", f"{words}; not waited for: the owner wants it today")
        with sqlite3.connect(zones.folder / "state.db") as state:
            kept = [words for words, in state.execute("SELECT words FROM evidence")]
        state.close()
        assert any("before the old TTL of 600 s" in one and "the owner wants it today" in one
                   for one in kept), kept
        zones.run("dns", "undo")
        assert whole(zones) == before
        assert ttl_row(zones)[0] == "skipped"
        lower(zones)                # another time: nobody has said that it is not to be waited for
        assert ttl_row(zones)[0] == "no"


def says(zones, name="mail.example.org"):
    """What the kept file of the watch, by way of --once, says: server -> its sight of the name."""
    table = json.loads(subprocess.run(zones.command("--json", "watch", "--once"),
                                      capture_output=True, text=True, check=False,
                                      timeout=sealed.PATIENCE).stdout)
    return table, {server["address"]: sight for server in table["servers"]
                   for sight in server["sights"] if sight["name"] == name}


def log_line(at, words):
    """A line of the gate's log on the old host."""
    stamp = datetime.datetime.fromtimestamp(at, datetime.timezone.utc)
    return f"{stamp:%Y-%m-%dT%H:%M:%S}.{stamp.microsecond // 1000:03}Z {words}\n"


def time_of(line):
    """When a line of the watch was written."""
    return datetime.datetime.fromisoformat(line[:24].replace("Z", "+00:00")).timestamp()


def watch_to_its_end(zones, *options):
    """The lines of a watch that comes to its end."""
    done = subprocess.run(zones.command("watch", *options), capture_output=True, text=True,
                          check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines(keepends=True)


QUESTION = b"\4mail\7example\3org\0\0\1\0\1"      # its A
STRAGGLERS = ("--quiet-for", "3", "--log", "/gate.log")


def test_a_change_is_watched_to_its_end_and_not_longer(tmp_path):
    """A cache that does as it should, one that stretches TTLs, and two who come late."""
    old_ttl = 3
    with Zones(tmp_path, ttl=old_ttl) as zones:
        zones.start_stubborn(20)    # so long that a busy machine sees it, too
        zones.settings(ttl=2, stubborn=", 127.0.0.57")
        zones.start_prober(PRIMARY, SECONDARY, CACHE, STUBBORN)
        _, before = says(zones)
        assert {sight["says"] for sight in before.values()} == {"old"}
        zones.run("dns", "apply", "--now")
        log = zones.folder / "old/gate.log"
        log.write_text(
            log_line(time.time(), "taken id=1 session=1 client=[198.51.100.7]:4711 "
                     "from=<someone@example.com> to=<a@example.org> size=26") +
            log_line(time.time(), "client=[198.51.100.7]:4711 port=25 end=quit "
                     'said="EHLO mx.example.com" session=1 messages=1'))
        with subprocess.Popen(zones.command("watch", *STRAGGLERS), stdout=subprocess.PIPE,
                              text=True) as watch:
            assert any(" NEW" in line for line in watch.stdout)
            watch.kill()            # it is started again, and goes on
        kept = json.loads((zones.folder / "watch.json").read_text())
        assert kept["stragglers"]["all"] == 1
        # one more comes when all is over but for the quiet
        late = time.time() + 11
        with open(log, "a", encoding="ascii") as out:
            out.write(log_line(late, "client=[203.0.113.77]:4712 port=25 end=quit "
                               'said="HELO [203.0.113.77]" session=2 messages=0'))
        lines = watch_to_its_end(zones, *STRAGGLERS)
        said = "".join(lines)
        probed, ended = zones.probed(), time_of(lines[-1])
        asked = zones.asked_stubborn()

        # as the prober knows: the last old answer of all, and until when a cache somewhere could
        # have held what an authoritative server said last
        assert set(probed["said"].values()) == {NEW}
        last = max(max(at for at, _ in probed["last"].values()),
                   *(probed["last"][server][0] + old_ttl for server in (PRIMARY, SECONDARY)))
        over = next(time_of(line) for line in lines if "no cache can hold" in line)
        # and not later than a look after that was so: it is told of by the next
        looks = len([at for at in asked[QUESTION.hex()] if last < at < over])
        assert last < over and looks <= 4, (last, over, looks, said)
        # quiet is counted from when that was so, which is told a little later
        assert max(last, late) + 3 <= ended + 0.002, (last, late, ended, said)
        # the second watch has not asked sooner than the first would have
        assert time_of(lines[0]) * 1000 >= kept["looked_ms"] + 1000
        gaps = {question: [later - sooner for sooner, later in zip(times, times[1:])]
                for question, times in asked.items() if len(times) > 1}
        assert len(gaps) >= 3, asked
        assert min(min(one) for one in gaps.values()) > 0.99, gaps

        assert "keeps it too long" in said
        assert "2 came to the old address" in lines[-1]
        assert "198.51.100.7 mx.example.com: 1" in said and "; mail of example.com" in said
        assert "203.0.113.77 [203.0.113.77]: 1" in said
        table, after = says(zones)
        assert {sight["says"] for sight in after.values()} == {"NEW"}
        assert after[PRIMARY]["since"] < after[STUBBORN]["since"]
        # since when, and who came, outlived the SIGKILL
        assert after[PRIMARY]["since"] < over_text(kept["looked_ms"])
        assert [one["domain"] for one in table["stragglers"]["senders"]] == ["example.com"]
        assert sum(hour["n"] for hour in table["stragglers"]["hours"]) == 2


def over_text(at_ms):
    """A moment as the watch writes it, right after."""
    stamp = datetime.datetime.fromtimestamp(at_ms / 1000 + 0.001, datetime.timezone.utc)
    return f"{stamp:%Y-%m-%dT%H:%M:%S}.{stamp.microsecond // 1000:03}Z"


@contextlib.contextmanager
def as_if_seen_late(zones):
    """As if all name servers had followed the last change in an hour from now."""
    change = "UPDATE zone_change SET seen_ms = ? WHERE id = (SELECT max(id) FROM zone_change)"
    with sqlite3.connect(zones.folder / "state.db") as state:
        before, = state.execute("SELECT seen_ms FROM zone_change ORDER BY id DESC").fetchone()
        state.execute(change, (int(time.time() + 3600) * 1000,))
    yield
    with state:
        state.execute(change, (before,))
    state.close()


def test_mail_is_turned_away_first_and_to_the_new_host_when_nobody_comes_to_the_old_one(tmp_path):
    """Seed 004's two steps, by the verbs alone."""
    with Zones(tmp_path, ttl=3) as zones:
        zones.settings(ttl=2, closed=CLOSED)
        zones.start_prober(PRIMARY, SECONDARY, CACHE)
        before = whole(zones)
        said = zones.run("dns", "diff", expect=NO).stdout
        assert f"+ mail.example.org. 2 IN A {CLOSED}" in said and "first of two steps" in said
        assert "the first of its two steps" in zones.run("dns", "diff", "--switch",
                                                         expect=PERSON).stderr
        assert "away from the old host" in zones.run("dns", "apply", expect=PERSON).stderr
        zones.run("dns", "apply", "--now")
        assert zones.ask(PRIMARY) == [(2, CLOSED)]
        zones.run("dns", "undo")            # the way back from the first step
        assert whole(zones) == before
        # a secondary that is two changes behind has the answer of the next one before the old one comes back
        sealed.wait_for(lambda: zones.ask(SECONDARY, "example.org", "SOA")
                        == zones.ask(PRIMARY, "example.org", "SOA"), 60, "the secondary", every=0.1)
        zones.run("dns", "apply", "--away", "--now")
        away = whole(zones)
        assert f"+ mail.example.org. 2 IN A {NEW}" in zones.run("dns", "diff", expect=NO).stdout

        # the watch sees nothing of the old answer, and has to know that the secondary gave it a moment ago
        sealed.wait_for(lambda: zones.ask(SECONDARY) == [(2, CLOSED)], 60, "the secondary", every=0.1)
        lines = watch_to_its_end(zones, "--until-away")
        assert "the second step may come" in lines[-1], lines
        assert time_of(lines[-1]) >= time_of(lines[0]) + 3 - 0.05, lines
        assert any(" closed" in line for line in lines)
        probed = zones.probed()
        assert set(probed["said"].values()) == {CLOSED}
        assert time_of(lines[-1]) > max(probed["last"][server][0] + 3
                                        for server in (PRIMARY, SECONDARY))
        table, sights = says(zones)
        assert {sight["says"] for sight in sights.values()} == {"closed"}
        assert table["away"] and not table["agree"] and not table["done"]

        with as_if_seen_late(zones):
            assert "may hold the old address until" in zones.run("dns", "apply", "--now",
                                                                 expect=LATER).stderr

        def turn():                         # the cut-over's wait, by hand
            began = time.time()
            done = subprocess.run(zones.command("dns", "apply", "--now"), check=False,
                                  capture_output=True, text=True, timeout=sealed.PATIENCE)
            assert done.returncode in (0, LATER), done.stderr
            return began if done.returncode == 0 else None
        turned = sealed.wait_for(turn, 60, "the old answers to run out", every=0.2)
        assert zones.ask(PRIMARY) == [(2, NEW)]
        lines = watch_to_its_end(zones)
        # what a cache has heard of the closed address has run out as well
        assert time_of(lines[-1]) >= turned + 2
        zones.run("dns", "undo")
        assert whole(zones) == away
        zones.run("dns", "undo")
        assert whole(zones) == before


def ds_record(zones):
    """What the zone above is to say of example.org's key (RFC 4034 section 5.1.4, appendix B)."""
    keys = sealed.wait_for(lambda: [data for _, data in zones.ask(PRIMARY, "example.org", "DNSKEY")
                                    if data.startswith("257 ")], 60, "the key", every=0.1)
    flags, protocol, algorithm, key = keys[0].split(None, 3)
    data = struct.pack("!HBB", int(flags), int(protocol), int(algorithm))
    data += base64.b64decode(key.replace(" ", ""))
    tag = sum(octet << 8 if at % 2 == 0 else octet for at, octet in enumerate(data))
    tag = (tag + (tag >> 16)) & 0xffff
    digest = hashlib.sha256(b"\7example\3org\0" + data).hexdigest().upper()
    return f"{tag} {algorithm} 2 {digest}"


def say_above(zones, data):
    """Has the zone above name the key of this DS record, and waits until the cache knows it."""
    (zones.folder / "parent").write_text(
        f"server {PRIMARY}\nzone org\nupdate del example.org DS\n"
        f"update add example.org 1 DS {data}\nsend\n")
    subprocess.run(zones.inside("nsupdate", "-k", f"{zones.folder}/mover.key",
                                f"{zones.folder}/parent"), check=True, timeout=sealed.PATIENCE)
    def known():
        said = [one.split(None, 3) for _, one in zones.ask(CACHE, "example.org", "DS")]
        return said and [*said[0][:3], said[0][3].replace(" ", "")] == data.split()
    sealed.wait_for(known, 60, "the cache", every=0.1)


def test_a_signed_zone_is_signed_after_a_change_too(tmp_path):
    with Zones(tmp_path, ttl=3, signed="here") as zones:
        zones.settings(more=SPF)
        wanted = ds_record(zones)
        assert "zone example.org is signed by its primary" in zones.run("dns", "diff",
                                                                        expect=NO).stdout
        # a parent that names another key: who validates sees no such zone
        tag, rest = wanted.split(None, 1)
        say_above(zones, f"{(int(tag) + 1) % 65536} {rest}")
        said = zones.run("dns", "apply", "--ahead", expect=NO).stdout
        assert "! no key of zone example.org is the one that its parent's DS record names" in said
        say_above(zones, wanted)
        said = zones.run("dns", "apply", "--now").stdout
        assert "1 changed sets are signed, and the keys too up to its parent's DS record" in said
        # and an eye that is not ours sees it
        seen = subprocess.run(
            zones.inside("delv", f"@{PRIMARY}", "-a", write_anchor(zones, wanted),
                         "+root=example.org", "mail.example.org", "A"),
            capture_output=True, text=True, check=False, timeout=sealed.PATIENCE)
        assert "fully validated" in seen.stdout and NEW in seen.stdout, seen.stdout + seen.stderr
        zones.run("dns", "undo")
        assert zones.ask(PRIMARY) == [(3, OLD)]


def write_anchor(zones, data):
    """A file for delv(1) that trusts the key of example.org that this DS record names."""
    tag, algorithm, kind, digest = data.split(None, 3)
    anchor = zones.folder / "anchors"
    anchor.write_text(f'trust-anchors {{ example.org. static-ds {tag} {algorithm} {kind} '
                      f'"{digest.replace(" ", "")}"; }};\n')
    return str(anchor)


def test_a_zone_that_is_signed_elsewhere_is_told(tmp_path):
    with Zones(tmp_path, ttl=3, signed="elsewhere") as zones:
        zones.settings(more=SPF)
        sealed.wait_for(lambda: zones.ask(SECONDARY, "example.org", "DNSKEY"), 60, "the keys", every=0.1)
        said = zones.run("dns", "apply", "--ahead").stdout
        assert f"! zone example.org is signed elsewhere: {SECONDARY} gives its keys" in said
