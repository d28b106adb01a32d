# SPDX-License-Identifier: BSD-2-Clause
"""The old server is left in peace while it is copied, and a slow line is used well."""

import json
import random
import subprocess
import time

from lab import daemons, hosts, imap, mover
from lab.sealed import File, wait_for

CALM = "0.10 0.10 0.10 1/100 1000\n"
BUSY = "9.50 3.10 1.10 9/100 1000\n"
STALLED = ("some avg10=73.20 avg60=9.00 avg300=2.00 total=1\n"
           "full avg10=50.00 avg60=5.00 avg300=1.00 total=1\n")
WORDS = [f"{random.Random(number).getrandbits(40):x}" for number in range(2000)]


def letters(count, octets):
    """Messages of words as people write them: zstd makes less than half of them."""
    chance = random.Random(7)
    return {f"/srv/slow/Maildir/cur/1700000000.M{number}P1.old,S={octets}:2,S":
            ("Subject: words\n\n" + " ".join(chance.choices(WORDS, k=octets // 8)))[:octets]
            for number in range(count)}


def test_a_limit_is_held_and_a_slow_line_is_packed(lab):
    """zstd begins by itself, through a real sshd, when the line is what everything waits for."""
    mover.Mover(lab.new, mover.settings())
    lab.old.sh("mkdir -p /srv/noise && head -c 3000000 /dev/urandom >/srv/noise/noise")
    began = time.monotonic()
    lab.new.run("mailhaul", "copy", "--kind", "tree", "--limit", "1M",
                f"root@{hosts.MANAGEMENT_V4}:/srv/noise", "/srv/noise")
    # slower is always possible, faster must not be; a line that stood idle catches up 0.2 s
    assert time.monotonic() - began > 2.8

    lab.old.sh("mkdir -p /srv/slow/Maildir/cur /srv/slow/Maildir/new /srv/slow/Maildir/tmp")
    lab.old.push(letters(16, 1_000_000))
    lab.old.sh("tc qdisc add dev eth0 root tbf rate 16mbit burst 64kb latency 200ms")
    sent = "cat /sys/class/net/eth0/statistics/tx_bytes"
    before, began = int(lab.old.sh(sent)), time.monotonic()
    done = lab.new.run("mailhaul", "--json", "copy", f"root@{hosts.MANAGEMENT_V4}:/srv/slow",
                       "/srv/slow", seconds=120)
    octets = int(lab.old.sh(sent)) - before
    print(f"16 MB as {octets} octets in {time.monotonic() - began:.1f} s")
    assert json.loads(done.stdout)["created"] == 16
    # the first four are how it finds out
    assert 4_000_000 < octets < 12_000_000
    check = "cd /srv/slow && find . -type f -path '*/cur/*' | sort | xargs -d '\\n' sha256sum"
    assert lab.new.sh(check) == lab.old.sh(check)


def resting(admin):
    """What status says about copying; empty when it does not rest."""
    return admin.json("status").get("resting") or ""


def test_copying_rests_while_the_old_host_is_busy_and_status_tells_so(lab):
    """Its load average, then its disks; and a copy that is killed while it rests."""
    admin = mover.Mover(lab.new, mover.settings(more="limit: {load: 4, io_pressure: 40}\n"))
    # what the kernel would say, in the words of the test
    lab.old.push({"/run/load": File(CALM), "/run/pressure": File("some avg10=0.00 avg60=0.00\n")})
    lab.old.sh("mount --bind /run/load /proc/loadavg\n"
               "mount --bind /run/pressure /proc/pressure/io")
    admin.run("survey")
    admin.run("prepare")
    for path, text, words in (("load", BUSY, "load average is 9.50, the bound is 4.00"),
                              ("pressure", STALLED, "I/O pressure is 73.20 %, the bound is 40.00 %")):
        calm = lab.old.sh(f"cat /run/{path}")
        lab.old.run("tee", f"/run/{path}", stdin=text)
        child = subprocess.Popen(admin.command("seed"), stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert words in wait_for(lambda: resting(admin), 30, "status to tell of it")
        assert words in admin.run("status").stdout
        assert child.poll() is None
        if path == "pressure":
            # killed now, it is told on, with its time, until the next one begins
            lab.new.sh("kill -9 $(pgrep -x mailhaul)")
            child.wait(60)
            assert words in resting(admin)
            lab.old.run("tee", f"/run/{path}", stdin=calm)
            child = subprocess.Popen(admin.command("seed"), stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        else:
            lab.old.run("tee", f"/run/{path}", stdin=calm)
        said, _ = child.communicate(timeout=600)
        assert child.returncode == mover.GOOD, said
        assert ("copying rests since" in said) == ("copying goes on" in said) == (path == "load")
        assert resting(admin) == ""
    daemons.start(lab.new, "dovecot")
    assert imap.compare(imap.snapshot(lab.old), imap.snapshot(lab.new)) == []
