# SPDX-License-Identifier: BSD-2-Clause
"""A port passes between a mail server and the gate, and back, under a loop of connections."""

import json
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab import daemons, hosts
from lab.sealed import File, program, wait_for

GATE = "/usr/local/bin/mailhaul-gate"
CONTROL = "/run/gate.control"
LOOP = """
import collections, errno, json, os, socket, sys, time
seen, names = collections.Counter(), collections.Counter()
until = time.monotonic() + 60
print("begun", flush=True)
while time.monotonic() < until and not os.path.exists(sys.argv[2]):
    try:
        with socket.create_connection((sys.argv[1], 25), 5) as s:
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
    world.run("rm", "-f", stop)
    children = [subprocess.Popen(world.command("python3", "-c", LOOP, address, stop),
                                 stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
                for address in (hosts.MAIL_V4, hosts.MAIL_V4, hosts.MAIL_V6)]
    for child in children:
        child.stdout.readline()
    try:
        yield seen
    finally:
        world.run("touch", stop)
        for child in children:
            ends, names = json.loads(child.communicate(timeout=30)[0])
            for kind, row in (("ends", ends), ("names", names)):
                for word, n in row.items():
                    seen.setdefault(kind, {}).setdefault(word, 0)
                    seen[kind][word] += n


def is_served_by(lab, word):
    """True when an outsider is greeted so, on both addresses."""
    return all(word in lab.worlds[0].sh(
        f"timeout 5 bash -c 'exec 3<>/dev/tcp/{address}/25; head -n 1 <&3' || true")
        for address in (hosts.MAIL_V4, hosts.MAIL_V6))


def rest(seconds):
    """Time for connections to be made meanwhile; nothing is asserted about it."""
    subprocess.run(["sleep", str(seconds)], check=True)


@pytest.mark.parametrize("lab", [60], indirect=True)
@pytest.mark.parametrize("take, more", [("steer", ()), ("copy", ()), ("steer", ("--supervise",))])
def test_no_connection_is_refused_when_the_gate_relieves_postfix_and_back(lab, take, more):
    with knocking(lab) as seen:
        rest(0.3)
        child = start_gate(lab.old, "--take", take, *more)
        rest(0.5)
        daemons.stop(lab.old, "postfix")
        assert is_served_by(lab, "gate.example.org")
        rest(0.5)
        daemons.start(lab.old, "postfix")
        rest(0.5)
        end_gate(lab.old, child)
        rest(0.5)
        assert is_served_by(lab, "220 mail.example.org")
    print(take, seen)
    # where both accept from one queue, Postfix cuts those whom it took just before its end
    assert set(seen["ends"]) <= {"good"} | ({"cut", "ECONNRESET"} if take == "copy" else set()), seen
    assert seen["ends"]["good"] > 100 * (sum(seen["ends"].values()) - seen["ends"]["good"]), seen
    assert any("gate.example.org" in name for name in seen["names"]), seen
    assert any("220 mail.example.org" in name for name in seen["names"]), seen


@pytest.mark.parametrize("lab", [60], indirect=True)
def test_one_gate_relieves_another_and_no_connection_is_refused(lab):
    daemons.stop(lab.old, "postfix")
    first = start_gate(lab.old, "--supervise")      # its keeper lets go of the ports, too
    with knocking(lab) as seen:
        rest(0.3)
        second = start_gate(lab.old, "--take", "gate", name="second")
        assert first.wait(60) == 0
        rest(0.3)
    print(seen)
    assert set(seen["ends"]) == {"good"}, seen
    status = json.loads(lab.old.run(GATE, "control", CONTROL, "status").stdout)
    assert status["counters"]["accepted"] > 0
    end_gate(lab.old, second, "second")
