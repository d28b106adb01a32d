# SPDX-License-Identifier: BSD-2-Clause
"""A port passes between a mail server and the gate, and back, under a loop of connections."""

import json
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab import daemons, hosts
from lab.sealed import PATIENCE, File, program, wait_for

GATE = "/usr/local/bin/mailhaul-gate"
CONTROL = "/run/gate.control"
KNOCKERS = (hosts.MAIL_V4, hosts.MAIL_V4, hosts.MAIL_V6)
KNOCKS = "/run/knocks-"       # and a number: an octet for each time
LOOP = """
import collections, errno, json, os, socket, sys
seen, names = collections.Counter(), collections.Counter()
count = open(sys.argv[3], "ab", buffering=0)
print("begun", flush=True)
while not os.path.exists(sys.argv[2]):
    count.write(b"x")
    try:
        with socket.create_connection((sys.argv[1], 25), 120) as s:
            said = s.recv(400)
            names[said[:60].decode("ascii", "replace").strip()] += 1
            if said.startswith(b"220"):
                s.sendall(b"QUIT\\r\\n")
                said = s.recv(400)
            seen["good" if said[:3] in (b"221", b"421") else "cut"] += 1
    except OSError as e:
        seen[errno.errorcode.get(e.errno, type(e).__name__)] += 1
print(json.dumps([seen, names]))
"""


def start_gate(host, *words, name="gate"):
    """The gate of the build, in the spool mode, once it serves."""
    binary = Path(program()).resolve().parent / "mailhaul-gate"
    host.push({GATE: File(binary.read_bytes(), 0o755)})
    pid_file = f"/run/{name}.pid"
    host.run("rm", "-f", pid_file)
    child = subprocess.Popen(
        host.command("sh", "-c", f'exec "$0" "$@" 2>/var/log/{name}.log', GATE, "--listen",
                     "0.0.0.0:25", "--listen", "[::]:25", "--mode", "spool", "--spool",
                     "/var/spool/mailhaul", "--hold", "--domain", "example.org", "--name",
                     "gate.example.org", "--rate", "0", "--pid-file", pid_file, "--control",
                     CONTROL, *words), stdin=subprocess.DEVNULL)
    wait_for(lambda: child.poll() is not None or
             host.run("test", "-s", pid_file, check=False).returncode == 0, 20, "the gate")
    assert child.poll() is None, host.read(f"/var/log/{name}.log").decode()
    return child


def end_gate(host, child, name="gate"):
    """By SIGTERM, as systemd would; exit code 0."""
    host.sh(f"kill $(cat /run/{name}.pid)")
    assert child.wait(60) == 0


@contextmanager
def knocking(lab):
    """Outsiders connect without a pause; afterwards what they saw is in the dictionary."""
    world, stop, seen = lab.worlds[0], "/run/stop-knocking", {}
    world.sh(f"rm -f {stop} {KNOCKS}*")
    children = [subprocess.Popen(world.command("python3", "-c", LOOP, address, stop, f"{KNOCKS}{number}"),
                                 stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
                for number, address in enumerate(KNOCKERS)]
    for child in children:
        child.stdout.readline()
    try:
        yield seen
    finally:
        world.run("touch", stop)
        for child in children:
            ends, names = json.loads(child.communicate(timeout=PATIENCE)[0])
            for kind, row in (("ends", ends), ("names", names)):
                for word, n in row.items():
                    seen.setdefault(kind, {}).setdefault(word, 0)
                    seen[kind][word] += n


def is_served_by(lab, word):
    """True when an outsider is greeted so, on both addresses."""
    return all(word in lab.worlds[0].sh(
        f"timeout 120 bash -c 'exec 3<>/dev/tcp/{address}/25; head -n 1 <&3' || true")
        for address in (hosts.MAIL_V4, hosts.MAIL_V6))


def more(lab, count=40):
    """Until each of those outside has knocked so many times more."""
    look = f"wc -c {KNOCKS}? | awk '$2 != \"total\" {{ print $1 }}'"

    def knocks():
        return [int(line) for line in lab.worlds[0].sh(look).split()]
    before = knocks()
    wait_for(lambda: min(now - then for now, then in zip(knocks(), before)) >= count, 60, "knocks")


@pytest.mark.parametrize("lab", [60], indirect=True)
@pytest.mark.parametrize("take, words", [("steer", ()), ("copy", ()), ("steer", ("--supervise",))])
def test_no_connection_is_refused_when_the_gate_relieves_postfix_and_back(lab, take, words):
    with knocking(lab) as seen:
        more(lab)
        child = start_gate(lab.old, "--take", take, *words)
        more(lab)
        daemons.stop(lab.old, "postfix")
        assert is_served_by(lab, "gate.example.org")
        more(lab)
        daemons.start(lab.old, "postfix")
        more(lab)
        end_gate(lab.old, child)
        more(lab)
        assert is_served_by(lab, "220 mail.example.org")
    print(take, seen)
    # where both accept from one queue, Postfix cuts those whom it took just before its end
    assert set(seen["ends"]) <= {"good"} | ({"cut", "ECONNRESET"} if take == "copy" else set()), seen
    # each of those outside at most in one session, and in one that it begins then
    assert sum(seen["ends"].values()) - seen["ends"]["good"] <= 2 * len(KNOCKERS), seen
    assert any("gate.example.org" in name for name in seen["names"]), seen
    assert any("220 mail.example.org" in name for name in seen["names"]), seen


@pytest.mark.parametrize("lab", [60], indirect=True)
def test_one_gate_relieves_another_and_no_connection_is_refused(lab):
    daemons.stop(lab.old, "postfix")
    first = start_gate(lab.old, "--supervise")      # its keeper lets go of the ports, too
    with knocking(lab) as seen:
        more(lab)
        second = start_gate(lab.old, "--take", "gate", name="second")
        assert first.wait(60) == 0
        more(lab)
    print(seen)
    assert set(seen["ends"]) == {"good"}, seen
    status = json.loads(lab.old.run(GATE, "control", CONTROL, "status").stdout)
    assert status["counters"]["accepted"] > 0
    end_gate(lab.old, second, "second")
