# SPDX-License-Identifier: BSD-2-Clause
"""The gate in front of real senders, and the watch over real name servers."""

import json
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from lab import audit, daemons, dns, hosts, mover
from lab.sealed import File, program, wait_for

GATE = "/usr/local/bin/mailhaul-gate"
TEXT = "moving house, back within the hour"
PORT_25 = ("--listen", "0.0.0.0:25", "--listen", "[::]:25")


def start_gate(host, *words, name="mail.example.org"):
    """The gate of the build, on port 25 of a host; returns its child here once it listens."""
    binary = Path(program()).resolve().parent / "mailhaul-gate"
    host.push({GATE: File(binary.read_bytes(), 0o755)})
    host.run("rm", "-f", "/run/gate.pid")
    child = subprocess.Popen(
        host.command("sh", "-c", 'exec "$0" "$@" 2>/var/log/gate.log', GATE, *PORT_25, "--mode",
                     "defer", "--name", name, "--text", TEXT, "--pid-file", "/run/gate.pid",
                     *words), stdin=subprocess.DEVNULL)
    return child


def gate_is_ready(host):
    """True once it holds its ports."""
    return host.run("test", "-s", "/run/gate.pid", check=False).returncode == 0


def log_of(host, name="mail"):
    """The text of a log."""
    return host.read(f"/var/log/{name}.log").decode("utf-8", "replace")


def end_gate(host, child):
    """By SIGTERM, as systemd would; exit code 0."""
    host.sh("kill $(cat /run/gate.pid)")
    assert child.wait(60) == 0


@pytest.mark.parametrize("lab", [60], indirect=True)
def test_a_real_sender_is_put_off_and_nothing_bounces(lab):
    daemons.stop(lab.old, "postfix")
    child = start_gate(lab.old)
    wait_for(lambda: gate_is_ready(lab.old), 10, "the gate")
    lab.traffic.start(rate=20, count=60)
    world = lab.worlds[0]
    answer = f"refused to talk to me: 421 4.3.2 mail.example.org {TEXT}"
    wait_for(lambda: answer in log_of(world), 30, "a deferral")
    lab.traffic.wait(60)
    log = log_of(world)
    assert re.search(r"dsn=4\.3\.2, status=deferred .*" + re.escape(answer), log)
    assert "status=bounced" not in log
    said = log_of(lab.old, "gate")
    assert re.search(r'client=\[198\.51\.100\.1[12]\]:\d+ port=25 end=\w+ said="', said), said
    end_gate(lab.old, child)
    # the port is free again at once, and all that was put off arrives, once
    daemons.start(lab.old, "postfix")
    verdict = audit.expect_good(lab.audit("old"))
    assert verdict.sent == 60


@pytest.mark.parametrize("lab", [60], indirect=True)
def test_it_takes_the_port_when_the_mta_lets_go_and_gives_it_back(lab):
    child = start_gate(lab.old, "--wait", "30")
    wait_for(lambda: lab.old.run("pgrep", "-x", "mailhaul-gate", check=False).stdout, 20, "its start")
    assert not gate_is_ready(lab.old)       # Postfix has the port
    daemons.stop(lab.old, "postfix")
    wait_for(lambda: gate_is_ready(lab.old), 20, "the gate")
    for address in (hosts.MAIL_V4, hosts.MAIL_V6):
        heard = lab.worlds[0].sh(f"printf 'QUIT\\r\\n' | timeout 120 bash -c "
                                 f"'exec 3<>/dev/tcp/{address}/25; cat >&3; cat <&3'")
        assert heard.startswith(f"421 4.3.2 mail.example.org {TEXT}\r\n221 2.0.0 "), heard
    end_gate(lab.old, child)
    child = start_gate(lab.old, "--wait", "0")
    wait_for(lambda: gate_is_ready(lab.old), 20, "the gate")
    second = start_gate(lab.old, "--listen", "not-an-address")
    assert second.wait(60) == mover.USAGE
    occupied = start_gate(lab.new, "--wait", "0")
    assert occupied.wait(60) == mover.LATER
    assert "another program listens there" in log_of(lab.new, "gate")
    child.send_signal(signal.SIGTERM)
    child.wait(60)


@pytest.mark.parametrize("lab", [60], indirect=True)
def test_the_watch_sees_the_world_change_over(lab):
    admin = mover.Mover(lab.new, mover.settings("dns", "refuse",
                                                more="domains: [example.org, example.net]\n"))
    first = admin.json("watch", "--once", expect=mover.NO)
    assert not first["agree"] and first["problems"] == {}
    says = {server["address"]: {s["name"]: s["says"] for s in server["sights"]}
            for server in first["servers"]}
    for address in (hosts.PRIMARY_V4, hosts.SECONDARY_V4, hosts.RESOLVER_V4):
        assert set(says[address].values()) == {"old"}, says
        assert set(says[address]) >= {"example.org", "example.net", hosts.MAIL_NAME}

    child = subprocess.Popen(admin.command("watch", "--interval", "1"), stdout=subprocess.PIPE,
                             text=True, stdin=subprocess.DEVNULL)
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(child.stdout), daemon=True)
    reader.start()
    wait_for(lambda: lines, 30, "its first look")
    dns.update(lab.new, f"update delete {hosts.MAIL_NAME} A {hosts.MAIL_V4}",
               f"update add {hosts.MAIL_NAME} {hosts.TTL_MAIL} A {hosts.NEW_V4}")
    wait_for(lambda: "mixed" in "".join(lines), 30, "it to see half of the change")
    started = time.monotonic()
    dns.update(lab.new, f"update delete {hosts.MAIL_NAME} AAAA {hosts.MAIL_V6}",
               f"update add {hosts.MAIL_NAME} {hosts.TTL_MAIL} AAAA {hosts.NEW_V6}")
    child.wait(300)
    took = time.monotonic() - started
    reader.join(60)
    said = "".join(lines)
    assert child.returncode == mover.GOOD, said
    assert "no cache can hold the old answer any longer" in said.splitlines()[-1]
    assert took >= hosts.TTL_MAIL, said
    assert admin.json("watch", "--once")["done"]


@pytest.mark.parametrize("lab", [60], indirect=True)
def test_the_watch_ends_cleanly_and_does_not_hang_on_a_dead_server(lab):
    admin = mover.Mover(lab.new, mover.settings("dns", "refuse", more="domains: [example.org]\n"))
    daemons.stop(lab.host["ns1"], "named")
    lab.host["ns1"].sh("nft -f - <<'.'\ntable inet t {\nchain c {\n"
                       "type filter hook input priority 0;\nudp dport 53 drop;\n"
                       "tcp dport 53 drop;\n}\n}\n.")
    # that names wait together is shown by tests/unit/watch/test_world.c
    seen = json.loads(admin.run("watch", "--once", "--json", expect=mover.NO).stdout)
    sights = [s["says"] for server in seen["servers"] if server["address"] == hosts.PRIMARY_V4
              for s in server["sights"]]
    assert sights and set(sights) == {"no answer"}
    child = subprocess.Popen(admin.command("watch"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    assert child.stdout.readline()      # it is at work
    lab.new.sh("kill -INT $(pgrep -x mailhaul)")
    _, words = child.communicate(timeout=120)
    assert "stopped before all agreed" in words
