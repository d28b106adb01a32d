# SPDX-License-Identifier: BSD-2-Clause
"""mailhaul doctor on a Mailman that three hosts share: `back` has the runners, `front` the pages
for moderators, `web` the archives; each a sealed host of its own, with the same directories mounted.

The site comes from tests/mailman21. A fault is planted, has to be found by its id, and nothing but
it; then it is taken away again.
"""

import contextlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from lab import sealed
from lab.sealed import File
from mailman21 import Site

pytestmark = pytest.mark.xdist_group("doctor")

HOSTS = {"back": "203.0.113.31", "front": "203.0.113.32", "web": "203.0.113.33"}
HOME = "/usr/local/mailman"
SHARED = ("lists", "data", "qfiles", "archives", "spam", "locks", "logs")
GID, UID = 4141, 4142
RUNNERS = ("Arch", "Bounce", "Command", "Incoming", "News", "Outgoing", "Virgin", "Retry")
PYTHON = "/usr/bin/python2.7"
MASTER = f"{HOME}/bin/mailmanctl -s -q start"
MM_CFG = f"{HOME}/Mailman/mm_cfg.py"
LOCAL_IN = "/var/spool/mailman-in"
# who sleeps under the name of one of Mailman's processes
SLEEP = "setsid sh -c 'sleep 600; exit' {} </dev/null >/dev/null 2>&1 & echo $!"


def description(name: str, shared: Path) -> str:
    """The three hosts."""
    return json.dumps({      # which is YAML too
        "name": name,
        "segments": [{"name": "site", "gateways": ["203.0.113.1/24"]}],
        "hosts": [{"name": host, "hostname": f"{host}.example.org", "segment": "site",
                   "addresses": [f"{address}/24"], "fresh": ["/root", "/var/log", "/home"],
                   "share": [str(shared)]} for host, address in HOSTS.items()]})


class Yard:
    """The hosts with the site on them, healthy; up as long as a `with` block lasts."""

    def __init__(self, folder: Path):
        self.name = f"doc{os.getpid()}"
        self.folder = folder
        self.shared = folder / "shared"
        self.file = folder / "yard.yaml"
        self.host = {name: sealed.Host(self.name, name) for name in HOSTS}
        self.pids = {}

    def __enter__(self) -> "Yard":
        site = Site(self.shared).make()
        for lock in site.at(site.layout.locks).iterdir():
            lock.unlink()
        for path in self.shared.rglob("*"):
            os.chown(path, UID, GID, follow_symlinks=False)
        self.file.write_text(description(self.name, self.shared), encoding="utf-8")
        subprocess.run([sealed.program(), "sealed", "start", str(self.file)], check=True,
                       capture_output=True, timeout=60)
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        sealed.end(self.name)

    def _build(self) -> None:
        key = self.folder / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        public, private = key.with_suffix(".pub").read_text(), key.read_text()
        code = self.shared / HOME.lstrip("/") / "Mailman"
        files = {f"{HOME}/Mailman/{path.name}": File(path.read_text()) for path in code.iterdir()}
        runners = ", ".join(f"('{name}Runner', 1)" for name in RUNNERS)
        files[f"{HOME}/Mailman/Defaults.py"] = File(
            (code / "Defaults.py").read_text() + f"QRUNNERS = [{runners}]\n")
        files |= {
            f"{HOME}/bin/mailmanctl": File(f"#!{PYTHON}\n", 0o755),
            f"{HOME}/cgi-bin/admindb": File(b"\x7fELF\0www-data\0admindb\0", 0o755),
            "/etc/apache2/envvars": File("export APACHE_RUN_GROUP=www-data\n"),
            "/etc/ssh/ssh_host_ed25519_key": File(private, 0o600),
            "/etc/ssh/ssh_host_ed25519_key.pub": File(public),
            "/root/.ssh/authorized_keys": File(public, 0o600),
            "/root/.ssh/id_ed25519": File(private, 0o600),
            # one connection for all runs: to make a new one costs ten times what doctor does
            "/root/.ssh/config": File("ControlMaster auto\nControlPath ~/.ssh/%C\n"
                                      "ControlPersist 600\n", 0o600),
            "/root/.ssh/known_hosts": File("".join(
                f"{address} {public}" for address in HOSTS.values())),
        }
        mounts = "".join(f"mkdir -p {HOME}/{name}; mount --bind {self.shared}{HOME}/{name} "
                         f"{HOME}/{name}\n" for name in SHARED)
        for host in self.host.values():
            host.push(files)
            host.sh(mounts + f"echo mailman:x:{GID}: >>/etc/group\n"
                    f"echo mailman:x:{UID}:{GID}::/:/bin/false >>/etc/passwd\n"
                    f"chgrp mailman {HOME}/cgi-bin/admindb; chmod 2755 {HOME}/cgi-bin/admindb\n"
                    "mkdir -p /run/sshd; /usr/sbin/sshd </dev/null >/dev/null 2>&1")
        here = Path(sealed.program()).resolve().parent
        self.host["back"].push({f"/usr/local/bin/{name}": File((here / name).read_bytes(), 0o755)
                                for name in ("mailhaul", "mailhaul-agent")})
        self.host["back"].push({"/etc/cron.d/mailman": File(CRON + "\n")})
        self.run_as("back", "master", MASTER)
        (self.shared / HOME.lstrip("/") / "data/master-qrunner.pid").write_text("1\n")
        for name in RUNNERS:
            self.run_as("back", name, f"{HOME}/bin/qrunner --runner={name}Runner:0:1 -s")

    def run_as(self, host: str, what: str, command: str) -> None:
        """A process that looks like `command`."""
        self.pids[what] = self.host[host].sh(SLEEP.format(command)).strip()

    def stop(self, host: str, what: str) -> None:
        """End it again; it leads a group of its own, with its sleep."""
        self.host[host].sh(f"kill -- -{self.pids.pop(what)}")

    def add(self, host: str, path: str, text: str) -> None:
        """Put a line at the end of a file, and keep the file as it was."""
        self.host[host].sh(f"cp -p {path} {path}.was; cat >>{path}", stdin=text)

    def put_back(self, host: str, path: str) -> None:
        """Undo that."""
        self.host[host].sh(f"mv {path}.was {path}")

    def doctor(self, *words: str, code: int = 0) -> str:
        """What it prints; it has to end with `code`. It runs on `back`."""
        done = self.host["back"].run("mailhaul", *words, "local",
                                     *(HOSTS[name] for name in ("front", "web")), check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def look(self, *words: str, code: int = 1) -> dict:
        """The document, with hosts by our names."""
        document = json.loads(self.doctor("--json", "doctor", *words, code=code))
        assert not document["troubles"]
        names = {"local": "back"} | {address: name for name, address in HOSTS.items()}
        for finding in document["findings"]:
            finding["hosts"] = {names[host] for host in finding["hosts"]}
        return document

    def everything(self) -> dict:
        """What is shared: every name with its size and times."""
        return {str(path): (path.lstat().st_mtime_ns if not path.is_dir() else 0,
                            path.lstat().st_size if not path.is_dir() else 0)
                for path in self.shared.rglob("*")}


def line(path: str, text: str):
    """A fault that is a line at the end of a file."""
    return (lambda yard, host: yard.add(host, path, text),
            lambda yard, host: yard.put_back(host, path))


def script(plant: str, undo: str):
    """A fault that is made and taken away by shell commands on the host."""
    return (lambda yard, host: yard.host[host].sh(plant),
            lambda yard, host: yard.host[host].sh(undo))


def unmounted(name: str):
    """A directory of the host's own, where a shared one was."""
    return (lambda yard, host: yard.host[host].sh(f"umount {HOME}/{name}"),
            lambda yard, host: yard.host[host].sh(
                f"mount --bind {yard.shared}{HOME}/{name} {HOME}/{name}"))


def changed(path: str, sed: str):
    """A file of the host that says something else."""
    return script(f"cp -p {path} {path}.was; sed -i {sed} {path}", f"mv {path}.was {path}")


def everywhere(plant: str, undo: str):
    """The same on all hosts."""
    return (lambda yard, _: [each.sh(plant) for each in yard.host.values()],
            lambda yard, _: [each.sh(undo.format(shared=yard.shared)) for each in yard.host.values()])


RPM = "#!/bin/sh\necho mailman-2.1.29-4.el7; echo package python is not installed\n"
AVC = ("type=AVC msg=audit(1795360300.5:7): avc:  denied  { write } for pid=9 comm=\"admindb\" "
       "name=\"in\" scontext=system_u:system_r:mailman_cgi_t:s0 tclass=dir")
LATE_DATE = ("#!/bin/sh\\nexec /usr/bin/date.was "
             "-d \"@$(($(/usr/bin/date.was +%s) + 90))\" \"$@\"\\n")
CRON = f"0 12 * * * mailman [ -x {HOME}/cron/senddigests ] && {HOME}/cron/senddigests"
ODD = "1795360250.5+0123456789012345678901234567890123456789.pck"
SHUNTED = (b"S'From: a@example.net\\n\\nx\\n'\n.(dS'listname'\nS'talk'\nsS'_parsemsg'\nI01\n"
           b"sS'whichq'\nS'/var/lib/mailman/qfiles/in'\ns.")
LOCK = f"{HOME}/locks/talk.lock"
# id, verdict, host, what it is about, how it is planted and taken away
FAULTS = (
    ("storage.lists", "must", "web", "LIST_DATA_DIR", unmounted("lists")),
    ("storage.data", "must", "front", "DATA_DIR", unmounted("data")),
    ("storage.archives", "must", "web", "PRIVATE_ARCHIVE_FILE_DIR", unmounted("archives")),
    ("storage.locks", "must", "front", "LOCK_DIR", unmounted("locks")),
    ("storage.rest", "should", "web", "SPAM_DIR", unmounted("spam")),
    ("storage.own", "info", "web", "MESSAGES_DIR", everywhere(
        f"mkdir -p {HOME}/messages; mount --bind {HOME}/spam {HOME}/messages",
        f"umount {HOME}/messages; rmdir {HOME}/messages")),
    ("storage.missing", "must", "web", "LOCK_DIR", everywhere(
        f"umount {HOME}/locks; rmdir {HOME}/locks",
        f"mkdir {HOME}/locks; mount --bind {{shared}}{HOME}/locks {HOME}/locks")),
    ("storage.paths", "should", "front", "LOCK_DIR", (
        lambda yard, host: (yard.host[host].sh(
            f"mkdir -p /mnt/l; mount --bind {yard.shared}{HOME}/locks /mnt/l"),
            yard.add(host, MM_CFG, "LOCK_DIR = '/mnt/l'\n")),
        lambda yard, host: yard.put_back(host, MM_CFG))),
    ("settings.defaults", "should", "front", "Defaults.py",
     line(f"{HOME}/Mailman/Defaults.py", "PUBLIC_MBOX = True\n")),
    ("settings.site", "should", "web", "mm_cfg.py",
     line(MM_CFG, "DEFAULT_EMAIL_HOST = 'old.example.org'\n")),
    ("settings.unknown", "should", "web", "SPAM_DIR",
     line(MM_CFG, "import socket\nSPAM_DIR = socket.gethostname()\n")),
    ("settings.passwords", "should", "front", "SITE_PW_FILE", (
        lambda yard, host: (yard.host[host].sh("echo other >/etc/adm.pw"),
                            yard.add(host, MM_CFG, "SITE_PW_FILE = '/etc/adm.pw'\n")),
        lambda yard, host: yard.put_back(host, MM_CFG))),
    ("settings.aliases", "should", "front", "aliases", everywhere(
        f"cp -p {MM_CFG} {MM_CFG}.was; echo \"CONFIG_DIR = '/etc/mailman'\" >>{MM_CFG}\n"
        "mkdir /etc/mailman; hostname | grep -w front >/etc/mailman/aliases || :",
        f"mv {MM_CFG}.was {MM_CFG}; rm -r /etc/mailman")),
    ("version.mailman", "must", "web", "Mailman/Version.py",
     changed(f"{HOME}/Mailman/Version.py", "s/39/29/")),
    ("version.pythons", "should", "front", "/usr/bin/python2.6",
     changed(f"{HOME}/bin/mailmanctl", "s/2.7/2.6/")),
    ("runners.masters", "must", "front", "PIDFILE", (
        lambda yard, host: yard.run_as(host, "second", f"{HOME}/bin/mailmanctl -s start"),
        lambda yard, host: yard.stop(host, "second"))),
    ("runners.none", "must", "back", "mailmanctl", (
        lambda yard, host: yard.stop(host, "master"),
        lambda yard, host: yard.run_as(host, "master", MASTER))),
    ("runners.pid", "should", "web", "/run/mailman.pid", (
        lambda yard, host: (yard.host[host].sh("echo 7 >/run/mailman.pid"),
                            yard.add(host, MM_CFG, "PIDFILE = '/run/mailman.pid'\n")),
        lambda yard, host: yard.put_back(host, MM_CFG))),
    ("runners.slices", "must", "back", "QRUNNERS", (
        lambda yard, host: yard.stop(host, "Retry"),
        lambda yard, host: yard.run_as(host, "Retry",
                                       f"{HOME}/bin/qrunner --runner=RetryRunner:0:1 -s"))),
    ("runners.cron", "should", "front", "cron", script(
        f"echo '{CRON}' >/etc/cron.d/mailman", "rm /etc/cron.d/mailman")),
    ("locks.held", "should", "back", LOCK, (
        lambda yard, host: yard.host[host].sh(
            f"echo {LOCK}.front.example.org.4000000.0 >{LOCK}; "
            f"ln {LOCK} {LOCK}.front.example.org.4000000.0"),
        lambda yard, host: yard.host[host].sh(f"rm {LOCK}*"))),
    ("queues.shunted", "should", "back", f"{HOME}/qfiles/shunt", (
        lambda yard, host: yard.host[host].push({f"{HOME}/qfiles/shunt/{ODD}": SHUNTED}),
        lambda yard, host: yard.host[host].sh(f"rm {HOME}/qfiles/shunt/{ODD}"))),
    ("ids.differ", "must", "front", "mailman",
     changed("/etc/passwd", f"s/mailman:x:{UID}/mailman:x:41/")),
    ("clock.skew", "must", "web", "clock", script(
        f"mv /usr/bin/date /usr/bin/date.was; printf '{LATE_DATE}' >/usr/bin/date; "
        "chmod 755 /usr/bin/date", "mv /usr/bin/date.was /usr/bin/date")),
    ("security.denials", "must", "front", "/var/log/audit/audit.log", script(
        f"mkdir -p /var/log/audit; echo '{AVC}' >/var/log/audit/audit.log",
        "rm /var/log/audit/audit.log")),
    ("wrapper.rights", "must", "web", f"{HOME}/cgi-bin/admindb",
     script(f"chmod g-s {HOME}/cgi-bin/admindb", f"chmod g+s {HOME}/cgi-bin/admindb")),
    ("wrapper.group", "must", "web", f"{HOME}/cgi-bin/admindb",
     changed("/etc/apache2/envvars", "s/www-data/apache/")),
    ("links.public", "must", "web", f"{HOME}/archives/public", script(
        f"ln -s /home/mailman/archives/private/talk {HOME}/archives/public/lost",
        f"rm {HOME}/archives/public/lost")),
)


@pytest.fixture(name="yard", scope="module")
def fixture_yard(tmp_path_factory):
    """One for all tests of this file: each leaves it healthy."""
    with Yard(tmp_path_factory.mktemp("yard")) as yard:
        yield yard


def test_nothing_is_found_where_all_is_well(yard):
    """Neither by looking nor by probing; looking writes nothing, a probe leaves nothing."""
    before = yard.everything()
    for words in ((), ("--probe",)):
        document = yard.look(*words, code=0)
        assert document["findings"] == [] and document["stranded"] == []
        assert document["probed"] == bool(words)
        storage = {row["variable"]: row["storage"] for row in document["paths"]}
        assert all(storage[name] == "same" for name in
                   ("LIST_DATA_DIR", "DATA_DIR", "INQUEUE_DIR", "VIRGINQUEUE_DIR", "LOCK_DIR"))
        assert yard.everything() == before
    hosts = {host["name"]: host for host in document["hosts"]}
    assert hosts["local"]["back"] and hosts["local"]["python_version"] == 207
    assert abs(hosts[HOSTS["web"]]["clock_ahead_ms"]) < 60000


def test_each_planted_fault_is_found_by_its_id_and_only_that_one(yard):
    """One after the other, on the host where it was planted."""
    for name, verdict, host, what, (plant, undo) in FAULTS:
        plant(yard, host)
        found = yard.look(code=0 if verdict == "info" else 1)["findings"]
        undo(yard, host)
        assert {finding["id"] for finding in found} == {name}, (name, found)
        first = found[0]
        assert first["verdict"] == verdict and first["what"] == what, first
        assert any(host in finding["hosts"] for finding in found), (name, found)
        assert first["seen"] and first["why"] and first["remedy"]
    yard.look(code=0)


def test_what_rpm_has_installed_is_told_with_a_version(yard):
    """Where it is another one than the back end's."""
    plant, undo = changed(f"{HOME}/Mailman/Version.py", "s/39/29/")
    web = yard.host["web"]
    web.push({"/usr/local/bin/rpm": File(RPM, 0o755)})
    web.sh("mkdir /var/lib/rpm")
    plant(yard, "web")
    (found,) = yard.look()["findings"]
    undo(yard, "web")
    web.sh("rm -r /usr/local/bin/rpm /var/lib/rpm")
    assert found["id"] == "version.mailman"
    assert found["seen"][1:] == [f"{HOSTS['web']}: package mailman-2.1.29-4.el7"]


def stray(folder: Path) -> dict:
    """What a moderator approved on the front end: entries as Mailman writes them, by name."""
    site = Site(folder)
    site.entry("in", "talk", 281, approved=1, tolist=1)
    site.entry("in", "entwickler", 282, text=True, tolist=1)
    place = site.at(site.layout.queues, "in")
    # those of the site itself have the same times
    return {path.name.replace(".125+", f"{end}+"): path.read_bytes()
            for path in place.iterdir() for end in (".25", ".375")}


def test_a_front_end_with_an_in_queue_of_its_own(yard, tmp_path):
    """By rule and by probe; what is stranded there is named, and handed in as it is, once."""
    entries = stray(tmp_path)
    front, queue = yard.host["front"], yard.shared / HOME.lstrip("/") / "qfiles/in"
    before = set(queue.iterdir())
    yard.add("front", MM_CFG, f"INQUEUE_DIR = '{LOCAL_IN}'\n")
    front.push({f"{LOCAL_IN}/{name}": File(data, 0o660) for name, data in entries.items()})

    for words, proof in (((), "device and inode are not the same"),
                         (("--probe",), "what local wrote there was not found on")):
        document = yard.look(*words)
        (found,) = document["findings"]
        assert found["id"] == "storage.queues" and found["what"] == "INQUEUE_DIR"
        assert found["hosts"] == {"front"} and found["verdict"] == "must"
        seen = "\n".join(found["seen"])
        assert "rule: local names /usr/local/mailman/qfiles/in" in seen and proof in seen
        assert f"{LOCAL_IN} (mm_cfg.py line 8)" in seen, seen
        assert seen.count("stranded on") == len(entries)
        assert {(row["list"], row["file"]) for row in document["stranded"]} >= {
            ("talk", name) for name in entries if name.startswith("1795360200")}
        assert all(row["sender"] and row["subject"] and row["age_s"] > 0
                   for row in document["stranded"])
    assert front.sh(f"ls -A {LOCAL_IN}").split() == sorted(entries)

    told = yard.doctor("doctor", "--hand-in", "--dry-run")
    assert told.endswith("4 would be handed in, 0 left\n") and set(queue.iterdir()) == before
    told = yard.doctor("doctor", "--hand-in")
    assert told.count("handed in  203.0.113.32: list ") == 4
    assert {path.name for path in set(queue.iterdir()) - before} == set(entries)
    for name, data in entries.items():
        there = queue / name
        assert there.read_bytes() == data
        assert (there.stat().st_mode & 0o7777, there.stat().st_uid, there.stat().st_gid) \
            == (0o660, UID, GID)
    assert front.sh(f"ls -A {LOCAL_IN}") == ""
    assert yard.doctor("doctor", "--hand-in") == "0 handed in, 0 left\n"

    yard.put_back("front", MM_CFG)
    yard.look(code=0)


def at_work_in(folder: Path) -> list[str]:
    """Agents of a host that lies there; they outlive a mailhaul that was killed a little."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (place / "cmdline").read_bytes().decode("utf-8", "replace")
            if "agent" in words and str(folder) in words:
                found.append(words)
    return found


def test_a_hand_in_that_is_killed_gives_each_entry_once(tmp_path):
    """Killed again and again while a runner takes what it sees; two folders are the hosts."""
    site = Site(tmp_path / "front")
    for number in range(120):
        site.entry("in", "talk", 1000 + number, text=True, tolist=1)
    front, back = (tmp_path / name / HOME.lstrip("/") / "qfiles/in" for name in ("front", "back"))
    wanted = {path.name: path.read_bytes() for path in front.iterdir()}
    for name in ("front", "back"):
        Site(tmp_path / name, characters=()).settings()
        (tmp_path / name / HOME.lstrip("/") / "lists").mkdir()
        (tmp_path / name / "etc").mkdir()
        (tmp_path / name / "etc/passwd").write_text(f"mailman:x:{UID}:{GID}::/:/x\n")
        (tmp_path / name / "etc/group").write_text(f"mailman:x:{GID}:\n")
    back.mkdir(parents=True)
    hosts = [f"folder:{tmp_path / name}" for name in ("back", "front")]
    command = [sealed.program(), "doctor", "--back", hosts[0], "--hand-in", *hosts]
    taken, ended = {}, None
    # entries; then it may come to its end
    for patience in (2, 3, 4, 5, 6, 7, 8, 9, 10, 0):
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
            seen = 0
            while running.poll() is None and (not patience or seen < patience):
                for path in back.glob("*.pck"):
                    assert path.name not in taken
                    taken[path.name] = path.read_bytes()
                    path.unlink()
                    seen += 1
            if patience:
                running.kill()
            running.communicate(timeout=sealed.PATIENCE)
            ended = running.returncode
        sealed.wait_for(lambda: not at_work_in(tmp_path), 60, "its agents to end")
    assert ended == 0
    taken |= {path.name: path.read_bytes() for path in back.glob("*.pck")}
    assert taken == wanted and not list(front.iterdir())
