# SPDX-License-Identifier: BSD-2-Clause
"""Messages are judged as independent verifiers judge them, and a library that breaks ends nothing."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import judged
from lab import sealed

# one name server for all
pytestmark = pytest.mark.xdist_group("judge")
NO, LATER = 1, 75
# Where a verdict is not that of the independent judge, and why. What differs otherwise is a failure, and
# so is one of these that does not.
OTHERS = {
    # RFC 7208, libspf2 1.2.10; src/mailauth/spf_record.h lists what is put right
    ("spf-azero", "spf"): "5.6 allows a length of 0; libspf2 takes it for a syntax error",
    # RFC 7208, pyspf
    ("spf-redirectall", "lookups"): "4.6.4 counts what is evaluated; pyspf also what is overtaken",
    ("spf-early", "lookups"): "as above",
    ("spf-null-literal", "spf"): "4.3: a literal has no record; pyspf asks DNS for it, and stumbles",
    # RFC 6376, libopendkim 2.11
    ("dkim-query", "dkim"): "3.5: an unknown q= is ignored; libopendkim takes dns/other for dns/txt",
    # RFC 6376, dkimpy
    ("dkim-length-more", "dkim"): "3.5: l= must not be more than the body; dkimpy does not look",
    ("dkim-key-sha1", "dkim"): "3.6.1: the key's h= lists its algorithms; dkimpy does not look",
    ("dkim-key-sub-identity", "dkim"): "3.6.1: t=s forbids i= of a subdomain; dkimpy does not look",
    ("dkim-key-several", "dkim"): "3.6.2.2 leaves several records undefined; dkimpy takes the first",
    ("dkim-second-from", "dkim"): "5.4.2: h= names one From, the lowest; dkimpy holds both against it. "
                                  "The form says from-twice, and DMARC refuses to choose",
}


class World:
    """One name server with all zones, in a network namespace of its own, and mailhaul beside it."""

    def __init__(self, folder: Path):
        self.folder, self.named = folder, None
        folder.chmod(0o755)
        self.holder = subprocess.Popen(
            ["unshare", "-n", "sh", "-c", "ip link set lo up && "
             f"ip address add {judged.SERVER} dev lo; echo; exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.holder.stdout.readline()

    def __enter__(self):
        self.keys = judged.Keys().make(self.folder)
        conf = judged.NAMED.format(dir=self.folder)
        for name, text in judged.zones(self.keys).items():
            (self.folder / f"{name}.zone").write_text(text)
            conf += f'zone "{name}" {{ type primary; file "{self.folder}/{name}.zone"; }};\n'
        # a zone that can't be loaded: SERVFAIL
        conf += f'zone "broken.example.net" {{ type primary; file "{self.folder}/none"; }};\n'
        (self.folder / "named.conf").write_text(conf)
        with open(self.folder / "named.log", "wb") as log:
            self.named = subprocess.Popen(
                self.inside("/usr/sbin/named", "-g", "-n", "1", "-c",
                            f"{self.folder}/named.conf"), stdout=log, stderr=log)
        look = self.inside("dig", "+short", "+time=10", "+tries=1", f"@{judged.SERVER}", "example.net", "SOA")
        sealed.wait_for(lambda: "hostmaster" in subprocess.run(
            look, capture_output=True, text=True, check=False, timeout=60).stdout, 60, "named", every=0.1)
        return self

    def __exit__(self, *_):
        if self.named:
            self.named.kill()
            self.named.wait()
        self.holder.stdin.close()
        self.holder.wait()

    def inside(self, *words: str) -> list[str]:
        """The command line that runs `words` in the namespace."""
        return ["nsenter", "-t", str(self.holder.pid), "-n", *words]

    def judge(self, *words: str, resolver: str = judged.SERVER, **more):
        """`mailhaul judge` with these words."""
        return subprocess.run(
            self.inside(sealed.program(), "--json", "judge", "--time", "300", "--resolver",
                        resolver, *words),
            capture_output=True, text=True, check=False, timeout=400, **more)

    def verdicts(self, session: tuple, files: dict[str, str]) -> dict[str, dict]:
        """What mailhaul says of the messages that came in one session: `files` are names by file."""
        client, helo, sender = session
        done = self.judge("--client", client, "--helo", helo, "--mail-from", sender,
                          *(str(self.folder / file) for file in files))
        assert done.returncode in (0, NO, LATER), done.stderr
        return {files[Path(row["file"]).name]: row for row in json.loads(done.stdout)}


@pytest.fixture(name="world", scope="module")
def fixture_world(tmp_path_factory):
    """The world of this file; its name server only answers."""
    with World(tmp_path_factory.mktemp("judge")) as world:
        yield world


def write(world: World) -> dict[tuple, dict[str, str]]:
    """All messages as files; returns for each session its files and their cases."""
    sessions: dict[tuple, dict[str, str]] = {}
    listed = []
    for number, case in enumerate(judged.cases(world.keys)):
        file = f"{number}.eml"
        (world.folder / file).write_bytes(case.octets)
        sessions.setdefault((case.client, case.helo, case.sender), {})[file] = case.name
        listed.append({"name": case.name, "file": file, "client": case.client,
                       "helo": case.helo, "sender": case.sender})
    (world.folder / "cases.json").write_text(json.dumps(listed))
    assert len({row["name"] for row in listed}) == len(listed) >= 200
    return sessions


def differences(ours: dict, theirs: dict):
    """Yield (topic, ours, theirs) for each that is not the same."""
    spf, dmarc = ours["spf"], ours["dmarc"]
    if spf["result"] != theirs["spf"]["result"]:
        yield "spf", spf, theirs["spf"]
    # pyspf stops counting where it refuses
    elif spf["result"] != "permerror" and spf["lookups"] != theirs["spf"]["lookups"]:
        yield "lookups", spf, theirs["spf"]
    if spf["identity"] != theirs["spf"]["identity"]:
        yield "identity", spf, theirs["spf"]
    signatures = [row["result"] == "pass" for row in ours["dkim"]["signatures"]]
    if signatures != [row["passed"] for row in theirs["dkim"]]:
        yield "dkim", ours["dkim"], theirs["dkim"]
    # where DKIM differs, DMARC follows it
    if signatures != [row["passed"] for row in theirs["dkim"]]:
        return
    said = {"result": dmarc["result"], "disposition": dmarc["disposition"],
            "spf": dmarc["spf_aligned"], "dkim": dmarc["dkim_aligned"]}
    if said != theirs["dmarc"]:
        yield "dmarc", dmarc, theirs["dmarc"]


def test_verdicts_are_those_of_independent_verifiers(world):
    sessions = write(world)
    oracle = subprocess.Popen(
        world.inside("/usr/bin/python3", "-W", "ignore", judged.__file__, str(world.folder)),
        stdout=subprocess.PIPE, text=True)
    ours: dict[str, dict] = {}
    with ThreadPoolExecutor(2) as pool:
        for found in pool.map(lambda row: world.verdicts(*row), sessions.items()):
            ours |= found
    theirs = json.loads(oracle.communicate(timeout=900)[0])
    assert oracle.returncode == 0 and theirs.keys() == ours.keys()
    different = {(name, topic): (mine, other) for name in ours
                 for topic, mine, other in differences(ours[name], theirs[name])}
    assert {key: seen for key, seen in different.items() if key not in OTHERS} == {}
    assert OTHERS.keys() ^ different.keys() == set()

    # both could be wrong, or nothing could have been asked
    assert {row["spf"]["result"] for row in ours.values()} == {
        "pass", "fail", "softfail", "neutral", "none", "temperror", "permerror"}
    assert {row["dmarc"]["disposition"] for row in ours.values()} == {
        "none", "quarantine", "reject"}
    reasons = {name: [row["reason"] for row in verdict["dkim"]["signatures"]]
               for name, verdict in ours.items()}
    for name, reason in {
            "dkim-relaxed-relaxed-ed-good": "", "dkim-relaxed-relaxed-rsa-body": "body-hash",
            "dkim-simple-simple-rsa-subject": "signature", "dkim-expired": "expired",
            "dkim-future": "future", "dkim-length-more": "body-length",
            "dkim-key-absent": "key-missing", "dkim-key-revoked": "key-revoked",
            "dkim-key-small": "key-small", "dkim-key-garbage": "key-syntax",
            "dkim-key-several": "key-several", "dkim-key-chat": "key-use",
            "dkim-key-sub-identity": "domain", "dkim-key-unreachable": "key-unreachable",
            "dkim-no-bh": "syntax"}.items():
        assert reasons[name] == [reason], (name, ours[name]["dkim"])
    look_ups = {name: (ours[f"spf-{name}"]["spf"]["result"], ours[f"spf-{name}"]["spf"]["why"])
                for name in ("eleven", "deep", "tenlooks", "voids", "voidtwo", "mxmany")}
    assert look_ups["tenlooks"] == look_ups["voidtwo"] == ("pass", "")
    for name, words in {"eleven": "more than 10 look-ups", "deep": "more than 10 look-ups",
                        "voids": "found nothing", "mxmany": "more than 10 hosts"}.items():
        assert look_ups[name][0] == "permerror" and words in look_ups[name][1], look_ups[name]
    tail = ours["dkim-length-relaxed-relaxed-tail"]["dkim"]["signatures"][0]
    assert (tail["result"], tail["whole"]) == ("pass", False)
    bits = [ours[name]["dkim"]["signatures"][0]["key_bits"] for name in (
        "dkim-key-big", "dkim-key-small", "dkim-relaxed-relaxed-ed-good")]
    assert bits == [2048, 768, 256]
    below = ours["dmarc-sub.example.com-forged"]["dmarc"]
    assert (below["policy"], below["found_at"], below["pct"]) == ("none", "_dmarc.example.com", 30)


def test_form_is_judged_and_a_person_reads_it(world):
    path = world.folder / "list.eml"
    # a Maildir's file: LF alone is no fault
    octets = judged.sign(world.keys, judged.message(
        List_Id="News <news.example.org>", List_Unsubscribe="<mailto:off@example.org>",
        List_Unsubscribe_Post="List-Unsubscribe=One-Click"))
    path.write_bytes(octets.replace(b"\r\n", b"\n"))
    good = json.loads(world.judge(str(path)).stdout)[0]
    assert good["accepts"] == "pass" and good["spf"]["result"] == "skipped"
    assert [row["id"] for row in good["form"]["findings"]] == [
        "one-click-url", "one-click-unsigned"]
    bad = b"Date: yesterday\r\nDate: today\r\nSubject: caf\xc3\xa9\nx\r\n\r\n" + b"x" * 1200
    path.write_bytes(bad)
    done = world.judge(str(path))
    found = {row["id"] for row in json.loads(done.stdout)[0]["form"]["findings"]}
    assert done.returncode == NO and {
        "bare-lf", "line-long", "header-8bit", "header-line", "date-twice", "date-syntax",
        "from-missing"} <= found, done.stdout
    said = subprocess.run(
        world.inside(sealed.program(), "judge", "--resolver", judged.SERVER, str(path)),
        capture_output=True, text=True, check=False, timeout=60)
    assert "  DKIM  none" in said.stdout and "error      line 2: 2 fields Date" in said.stdout


def test_the_program_alone_answers_what_it_is_asked(world):
    program = Path(sealed.program()).parent / "mailhaul-mailauth"

    def ask(request: str):
        return subprocess.run(world.inside(str(program)), input=request, capture_output=True,
                              text=True, check=False, timeout=60)

    head = (f"mailhaul-mailauth 1\nclient {judged.BAD}\nmail-from a@example.org\n"
            f"resolver {judged.SERVER}\n")
    done = ask(head + "without form\nwithout dkim\nwithout dmarc\nmessage 0\n")
    part = json.loads(done.stdout)      # one line: SPF, of a message that was never sent
    assert (done.returncode, part["part"], part["result"]) == (0, "spf", "fail")
    done = ask(head + "wish yes\nmessage 0\n")
    assert done.returncode == 65 and not done.stdout and "line 5: no such line" in done.stderr


def test_what_breaks_is_unknown_and_the_rest_is_judged(world):
    path, program = world.folder / "plain.eml", world.folder / "breaks"
    path.write_bytes(judged.sign(world.keys, judged.message()))
    real = Path(sealed.program()).parent / "mailhaul-mailauth"
    # libspf2 is hit by a signal, unless it is not asked
    program.write_text(f"""#!{sys.executable}
import os, signal, subprocess, sys
asked = sys.stdin.buffer.read()
if b"\\nwithout spf\\n" not in asked:
    print('{{"part": "form", "findings": [], "from": ["example.org"]}}', flush=True)
    os.kill(os.getpid(), signal.SIGSEGV)
sys.exit(subprocess.run(["{real}"], input=asked).returncode)
""")
    program.chmod(0o755)
    session = ("--client", judged.GOOD, "--mail-from", "alice@example.org")
    told = json.loads(world.judge(*session, str(path),
                                  env={"MAILHAUL_MAILAUTH": str(program)}).stdout)[0]
    assert told["spf"]["result"] == "unknown" and "signal 11" in told["spf"]["why"]
    assert told["dkim"]["result"] == told["dmarc"]["result"] == told["accepts"] == "pass"
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    done = world.judge("--time", "1", *session, str(path),
                       env={"MAILHAUL_MAILAUTH": str(program)})
    told = json.loads(done.stdout)[0]
    assert done.returncode == LATER and told["accepts"] == told["spf"]["result"] == "unknown"
    assert told["dkim"]["why"] == "the time was over"
    done = world.judge(*session, str(path), env={"MAILHAUL_MAILAUTH": "/nonexistent"})
    assert done.returncode != 0 and "/nonexistent" in done.stderr
    # nobody answers there: told, and soon
    silent = json.loads(world.judge(*session, str(path), resolver="127.0.0.99").stdout)[0]
    assert {silent[part]["result"] for part in ("spf", "dkim", "dmarc")} == {"temperror"}
