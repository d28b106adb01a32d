# SPDX-License-Identifier: BSD-2-Clause
"""mailhaul-agent is one small static file, and works where nothing newer than Linux 2.6.32 is."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from lab import sealed, wire

BUILD = Path(sealed.program()).parent
AGENT = BUILD / "mailhaul-agent"
OLD_KERNEL = BUILD / "tests" / "kernel" / "old-kernel"
# each of them scans, fetches, stores and commits through real agents, and looks at the files then
UNIT_PROGRAMS = ["remote_test_host", "copy_test_pass", "copy_test_mbox", "copy_test_verify",
                 "copy_test_bring"]


@pytest.fixture(name="folder")
def fixture_folder(tmp_path):
    """A program that no shared library can be missing for, and a file, on the live host."""
    shutil.copy(AGENT, tmp_path / "getent")
    (tmp_path / "there").write_text("hello\n")
    (tmp_path / "link").symlink_to(tmp_path / "there")
    return tmp_path


def test_the_agent_is_one_static_file_below_two_megabytes():
    """Nothing that an old system may lack: no interpreter, no dynamic section, no shared library."""
    assert AGENT.stat().st_size < 2_000_000
    headers = subprocess.run(["readelf", "-W", "-l", "-d", AGENT], capture_output=True, text=True,
                             check=True).stdout
    assert "There is no dynamic section in this file." in headers
    assert "INTERP" not in headers


def test_the_filter_takes_away_what_is_newer():
    """The test's own tool: a program of today's C library does not come far."""
    done = subprocess.run([OLD_KERNEL, "/bin/ls", "/"], capture_output=True, text=True, check=False)
    assert done.returncode != 0


def test_on_an_old_kernel_the_agent_answers(folder):
    """HELLO, LIST, READ through a symbolic link, SPACE, and RUN with a child of its own."""
    here = {"PATH": str(folder)}
    with wire.Agent(OLD_KERNEL, AGENT, "--control", env=here) as agent:
        _, hello = agent.ask(wire.HELLO, wire.number(wire.VERSION))
        assert hello.number() == wire.VERSION
        assert hello.text() == os.uname().nodename.encode()
        _ = hello.text(), hello.text()
        assert hello.text().startswith(b"Linux 2.6.")

        entries, _ = agent.ask(wire.LIST, wire.text(str(folder)), wire.number(1))
        assert sorted(wire.Fields(entry).text() for entry in entries) == [
            b"", b"getent", b"link", b"there"]
        data, end = agent.ask(wire.READ, wire.text(str(folder / "link")), wire.number(0),
                              wire.number(100))
        assert b"".join(data) == b"hello\n" and end.number() == 6
        _, end = agent.ask(wire.SPACE, wire.text(str(folder)))
        assert end.number() > 0

        _, end = agent.ask(wire.RUN, wire.text("getent"), wire.number(1), wire.text("--version"),
                           wire.text(""))
        assert end.number() == 0
        assert end.text().startswith(b"mailhaul-agent ")


@pytest.mark.parametrize("program", UNIT_PROGRAMS)
def test_on_an_old_kernel_mailboxes_are_scanned_fetched_and_stored(program):
    """All that the unit tests do with agents, with both of them on an old kernel."""
    done = subprocess.run([BUILD / "tests" / "unit" / f"unit_{program}"], capture_output=True,
                          text=True, check=False, timeout=900,
                          env={**os.environ, "MAILHAUL_AGENT": str(OLD_KERNEL),
                               "OLD_KERNEL_PROGRAM": str(AGENT)})
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("program", ["copy_test_fault", "copy_test_kill"])
def test_a_copy_survives_each_failing_call_and_each_kill(program):
    """Every call of either agent fails once; 200 kills while mail comes and goes."""
    done = subprocess.run([BUILD / "tests" / "unit" / f"unit_{program}"], capture_output=True,
                          text=True, check=False, timeout=900,
                          env={**os.environ, "MAILHAUL_AGENT": str(AGENT),
                               "FAIL_AT_PROGRAM": str(OLD_KERNEL.parent / "fail-at")})
    assert done.returncode == 0, done.stdout + done.stderr
