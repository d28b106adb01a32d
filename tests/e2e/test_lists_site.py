# SPDX-License-Identifier: BSD-2-Clause
"""Where a Mailman stands, what its MTA is told, and whose its files are: survey, aliases, perms.

The site's maker (tests/mailman21) and the rules here share no code with mailhaul.
"""

import json
import os
import re
import shutil
import stat
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from lab import foreign, sealed
from mailman21 import LAYOUTS, Site

MAILHAUL = sealed.program()
GID, UID = 4141, 4142
COMMANDS = {"": "post", "-admin": "admin", "-bounces": "bounces", "-confirm": "confirm",
            "-join": "join", "-leave": "leave", "-owner": "owner", "-request": "request",
            "-subscribe": "subscribe", "-unsubscribe": "unsubscribe"}
LISTS = {"mailman", "talk", "announce", "entwickler", "nihongo", "novosti", "everyone",
         "news_example.org", "c++-users", "old-times", "broken", "torn"}
ALIAS = re.compile(r'^([^\s:#]+):\s*"\|(\S+) (\S+) (\S+)"$')
REAL = "var-2.1.39"


def mailhaul(*words, code=0):
    """What it prints; it has to end with `code`."""
    done = subprocess.run([MAILHAUL, *words], capture_output=True, timeout=120, check=False)
    assert done.returncode == code, done.stderr.decode() + done.stdout.decode()
    return done.stdout.decode()


def as_host(root: Path) -> Path:
    """A folder with users of its own."""
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc/passwd").write_text(f"root:x:0:0::/root:/bin/sh\nmailman:x:{UID}:{GID}::/:/x\n"
                                     f"list:x:{UID}:{GID}::/:/x\n")
    (root / "etc/group").write_text(f"root:x:0:\nmailman:x:{GID}:\nlist:x:{GID}:\n")
    return root


def surveyed(tmp_path: Path, old: Path) -> list:
    """The old host's items."""
    new = tmp_path / "new"
    new.mkdir()
    as_host(new)
    mailhaul("-m", str(tmp_path / "move"), "init", f"folder:{old}", f"folder:{new}")
    document = json.loads(mailhaul("-m", str(tmp_path / "move"), "--json", "survey"))
    return document["old"]["items"]


def of_kind(items: list, kind: str) -> dict:
    """Items of a kind by name."""
    return {item["name"]: item for item in items if item["kind"] == kind}


@pytest.fixture(name="site", params=sorted(LAYOUTS))
def fixture_site(request, tmp_path):
    """A fresh site, for it is changed."""
    root = tmp_path / "old"
    root.mkdir()
    site = Site(root, request.param).make()
    as_host(root)
    return site


# ── survey ───────────────────────────────────────────────────────────────────────────────────────


def test_survey_finds_the_site_as_it_was_laid_out(site, tmp_path):
    """Layout, version, each path, each list, each queue's files."""
    layout = site.layout
    items = surveyed(tmp_path, site.root)
    (mailman,) = of_kind(items, "mailman").values()
    assert mailman["detail"]["layout"] == site.layout_name
    assert mailman["detail"]["version"] == "2.1.39"
    assert mailman["detail"]["settings"] == f"{layout.settings}/mm_cfg.py"
    assert mailman["detail"]["group"] == layout.group
    paths = {name: item["source"] for name, item in of_kind(items, "mailman path").items()}
    assert paths["LIST_DATA_DIR"] == f"{layout.var}/lists"
    assert paths["INQUEUE_DIR"] == f"{layout.queues}/in"
    assert paths["LOG_DIR"] == layout.logs
    assert paths["LOCK_DIR"] == layout.locks
    classes = {name: item["class"] for name, item in of_kind(items, "mailman path").items()}
    assert classes["LOCK_DIR"] == "stays" and classes["INQUEUE_DIR"] == "must move"
    lists = of_kind(items, "mailing list")
    assert set(lists) == set(site.truth["lists"]) == LISTS
    for name, item in lists.items():
        held = len(list(site.var("data").glob(f"heldmsg-{name}-[0-9]*.*")))
        assert item["detail"]["held"] == held, name
    queues = of_kind(items, "list queue")
    for name, variable in (("in", "INQUEUE_DIR"), ("shunt", "SHUNTQUEUE_DIR"),
                           ("out", "OUTQUEUE_DIR"), ("bad", "BADQUEUE_DIR")):
        files = [path.suffix for path in site.at(layout.queues, name).iterdir()]
        detail = queues[variable]["detail"]
        assert detail["waiting"] == files.count(".pck"), name
        assert detail["in_work"] == files.count(".bak"), name
        assert detail["kept"] == files.count(".psv"), name


def test_survey_asks_for_what_is_code(tmp_path):
    """extend.py, code in mm_cfg.py, a program of one's own in bin/: told, and not run."""
    root = tmp_path / "old"
    root.mkdir()
    site = Site(root).make()
    as_host(root)
    with site.at(site.layout.settings, "mm_cfg.py").open("a") as file:
        file.write("import os\nif 1:\n    SPAM_DIR = '/elsewhere'\n"
                   f"os.system('touch {root}/was-run')\n")
    site.put(site.var("lists", "talk", "extend.py"),
             f"open('{root}/was-run', 'w')\n".encode())
    site.put(site.var("bin", "our-report"), b"#!/bin/sh\n")
    site.put(site.var("bin", "newlist"), b"#!/bin/sh\n")
    items = surveyed(tmp_path, root)
    looks = "\n".join(of_kind(items, "look"))
    assert re.search(r'mm_cfg\.py:\d+: SPAM_DIR: is set below "if"', looks)
    assert re.search(r"mm_cfg\.py:\d+: os: is called", looks)
    assert "list talk has an extend.py" in looks
    assert "bin/our-report is none of Mailman's own programs" in looks
    assert "newlist" not in looks
    assert of_kind(items, "mailman path")["SPAM_DIR"]["class"] == "look at"
    assert not (root / "was-run").exists()


# ── aliases ──────────────────────────────────────────────────────────────────────────────────────


def parse_aliases(text: str) -> dict:
    """NAME to (program, command, list)."""
    found = (ALIAS.match(line) for line in text.splitlines())
    return {match[1]: match.groups()[1:] for match in found if match}


def made_for(root, mta: str) -> dict:
    """Path to text."""
    made = json.loads(mailhaul("--json", "lists", "aliases", "--site", str(root), "--mta", mta))
    return {file["path"]: file["text"] for file in made["files"]}


def test_aliases_are_made_and_held_against_what_is_there(site):
    """Ten a list and the loop; then a wrong wrapper, one that is missing, and one too many."""
    table = site.at("/etc/aliases")
    made = made_for(site.root, "sendmail")
    virtual, made = made["/etc/mail/virtusertable"], made["/etc/aliases"]
    site.put(site.at("/etc/mail/virtusertable"), virtual.encode(), 0o644)
    wrapper = f"{site.layout.code}/mail/mailman"
    assert parse_aliases(made) == {
        name + suffix: (wrapper, command, name)
        for name in LISTS for suffix, command in COMMANDS.items()}
    assert f"\nmailman-loop: {site.layout.var}/data/owner-bounces.mbox\n" in made
    table.write_text("root: alice\n" + made)
    words = ("--json", "lists", "aliases", "--site", str(site.root), "--mta", "sendmail", "--check")
    assert json.loads(mailhaul(*words))["good"] == 10 * len(LISTS) + 1 + 10
    site.at("/etc/mail/virtusertable").write_text(
        virtual.replace("news-join@example.org\tnews_example.org-join\n", ""))
    lines = [line for line in table.read_text().splitlines() if not line.startswith("talk-owner:")]
    lines = [line.replace(wrapper, "/opt/old/mailman") if line.startswith("nihongo:") else line
             for line in lines] + ['gone: "|/opt/old/mail/mailman post gone"']
    table.write_text("\n".join(lines) + "\n")
    found = json.loads(mailhaul(*words, code=1))["findings"]
    assert {(one["fault"], one["address"]) for one in found} == {
        ("missing", "talk-owner"), ("wrong", "nihongo"), ("surplus", "gone"),
        ("missing", "news-join@example.org")}


def test_virtual_addresses_are_those_of_the_lists_domains(tmp_path):
    """Only lists whose host_name is one of POSTFIX_STYLE_VIRTUAL_DOMAINS; read from pickles."""
    site = Site(tmp_path).make()
    domains = {name: true["settings"]["host_name"] for name, true in site.truth["lists"].items()
               if "host_name" in true["settings"]}
    domain = next(d for d in sorted(set(domains.values())) if d != domains["mailman"]) \
        if len(set(domains.values())) > 1 else domains["talk"]
    with site.at(site.layout.settings, "mm_cfg.py").open("a") as file:
        file.write(f"POSTFIX_STYLE_VIRTUAL_DOMAINS = ['{domain}']\n")
    made = json.loads(mailhaul("--json", "lists", "aliases", "--site", str(tmp_path),
                               "--mta", "postfix"))
    table = next(f["text"] for f in made["files"] if f["path"].endswith("/virtual-mailman"))
    rows = dict(line.split() for line in table.splitlines() if line and line[0] != "#")
    wanted = {f"{name}{suffix}@{domain}": name + suffix for name in domains for suffix in COMMANDS
              if domains[name] == domain and name != "mailman"}
    wanted |= {f"mailman{suffix}@{domain}": "mailman" + suffix
               for suffix in ("", "-owner", "-bounces", "-request")}
    wanted[f"mailman-loop@{domain}"] = "mailman-loop"
    # a list with its domain in its name has none of it in its addresses
    wanted |= {f"news{suffix}@example.org": "news_example.org" + suffix for suffix in COMMANDS}
    if domains.get("mailman") == domain:
        wanted |= {key: value for key, value in rows.items() if key.startswith("mailman-")}
    assert rows == wanted


@pytest.mark.skipif(not shutil.which("postconf"), reason="needs Postfix's postconf")
def test_postfix_is_asked_which_tables_it_looks_into(tmp_path):
    """A table that alias_maps does not name counts for nothing; once it is named, all is right."""
    site = Site(tmp_path).make()
    own = f"{site.layout.var}/data/aliases"
    main = site.at("/etc/postfix/main.cf")
    site.put(site.at("/etc/postfix/master.cf"), b"")
    site.put(site.at("/etc/aliases"), b"root: alice\n", 0o644)
    virtual = f"{site.layout.var}/data/virtual-mailman"
    made = made_for(tmp_path, "postfix")
    for path in (own, virtual):
        site.at(path).write_text(made[path])
    words = ("--json", "lists", "aliases", "--site", str(tmp_path), "--check")
    main.write_text("compatibility_level = 2\nalias_maps = hash:/etc/aliases\n"
                    "virtual_alias_maps =\n")
    found = json.loads(mailhaul(*words, code=1))["findings"]
    assert [f["address"] for f in found if f["fault"] == "idle"] == [own, virtual]
    assert len([f for f in found if f["fault"] == "missing"]) == 10 * len(LISTS) + 1 + 10
    main.write_text(f"compatibility_level = 2\nalias_maps = hash:/etc/aliases, hash:{own}\n"
                    f"virtual_alias_maps = hash:{virtual}\n")
    told = json.loads(mailhaul(*words))
    assert told["mta"] == "postfix" and told["good"] == 10 * len(LISTS) + 1 + 10


@pytest.mark.skipif(not shutil.which("postalias"), reason="needs Postfix's postalias and postmap")
def test_postfix_finds_every_address_in_its_own_maps(tmp_path):
    """Compiled and asked by the programs that Postfix has for it."""
    site = Site(tmp_path).make()
    wrapper = f"{site.layout.code}/mail/mailman"
    with site.at(site.layout.settings, "mm_cfg.py").open("a") as file:
        file.write("POSTFIX_STYLE_VIRTUAL_DOMAINS = ['lists.example.org']\n")
    config = tmp_path / "config"
    config.mkdir()
    (config / "main.cf").write_text("compatibility_level = 2\n")
    local = {"mailman-loop": f"{site.layout.var}/data/owner-bounces.mbox"}
    local |= {name + suffix: f'"|{wrapper} {command} {name}"'
              for name in LISTS for suffix, command in COMMANDS.items()}
    domains = {f"news{suffix}@example.org": f"news_example.org{suffix}" for suffix in COMMANDS}
    domains |= {f"talk{suffix}@lists.example.org": f"talk{suffix}" for suffix in COMMANDS}
    domains |= {"mailman-owner@lists.example.org": "mailman-owner",
                "mailman-loop@lists.example.org": "mailman-loop"}
    for program, path, wanted in (
            ("postalias", f"{site.layout.var}/data/aliases", local),
            ("postmap", f"{site.layout.var}/data/virtual-mailman", domains)):
        table = f"hash:{tmp_path / Path(path).name}"
        (tmp_path / Path(path).name).write_text(made_for(tmp_path, "postfix")[path])
        subprocess.run([program, "-c", config, table], check=True, timeout=60)
        told = subprocess.run([program, "-c", config, "-q", "-", table], check=True, timeout=60,
                              input="".join(f"{name}\n" for name in wanted), text=True,
                              stdout=subprocess.PIPE).stdout
        assert dict(re.split(r":?\s+", line, maxsplit=1) for line in told.splitlines()) == wanted


def test_exim_takes_every_address_by_its_routers(tmp_path):
    """Of each list, by a list's own name that ends as another's address does, too; and nothing else."""
    site = Site(tmp_path).make()
    exim = foreign.exim_here(tmp_path)
    for name in ("talk-owner", "stray"):
        site.var("lists", name).mkdir()
    shutil.copy(site.var("lists/talk/config.pck"), site.var("lists/talk-owner"))
    text = made_for(tmp_path, "exim")["exim.conf"].replace("/usr/local/mailman", str(tmp_path) +
                                                           "/usr/local/mailman")
    text = re.sub("(user|group) = mailman", r"\1 = mail", text)
    routers, _, transports = text.partition("\n# Transports")
    config = tmp_path / "exim.conf"
    config.write_text("domainlist local_domains = lists.example.org : example.org\n"
                      f"spool_directory = {tmp_path}\nlog_file_path = {tmp_path}/%slog\n"
                      f"begin routers\n{routers}\nbegin transports\n#{transports}")
    for folder in (tmp_path, *tmp_path.parents):
        if os.access(folder, os.W_OK) and str(folder) != "/":
            folder.chmod(folder.stat().st_mode | 0o055)
    by_router = {
        "mailman_lists": ["talk", "TALK", "c++-users", "talk-owner", "mailman", "news_example.org"],
        "mailman_addresses": [f"talk{suffix}" for suffix in COMMANDS if suffix not in ("", "-owner")]
        + ["talk-bounces+a=b.example.net", "talk-confirm+0123456789", "talk-owner-join",
           "mailman-owner"],
        "mailman_domain_lists": ["news@example.org"],
        "mailman_domain_addresses": ["news-owner@example.org", "news-bounces+x=y@example.org"],
        "mailman_loop": ["mailman-loop"],
        None: ["stray", "nobody", "talkative", "talk-x", "news", "talk-@", "-owner"]}
    for router, names in by_router.items():
        for name in names:
            address = name if "@" in name else f"{name}@lists.example.org"
            told = subprocess.run([*exim, "-C", config, "-bt", address], text=True, timeout=60,
                                  capture_output=True, check=False).stdout
            if router == "mailman_loop":
                assert f"-> {tmp_path}/usr/local/mailman/data/owner-bounces.mbox" in told, told
            else:
                found = re.search(r"router = (\w+), transport = mailman\n", told)
                assert (found[1] if found else None) == router, (address, told)


def test_qmail_has_a_file_for_every_address(tmp_path):
    """And what qmail-local gives to sh for all others, sh takes apart as it should."""
    site = Site(tmp_path).make()
    files = made_for(tmp_path, "qmail")
    assert len(files) == 11 * len(LISTS) + 1
    wrapper = f"{site.layout.code}/mail/mailman"
    folder = "/var/qmail/alias/.qmail-"
    assert files[folder + "news_example:org-owner"] == f"|preline {wrapper} owner news_example.org\n"
    assert files[folder + "mailman-loop"] == f"{site.layout.var}/data/owner-bounces.mbox\n"
    for path, text in files.items():
        site.put(site.at(path), text.encode(), 0o644)
    words = ("--json", "lists", "aliases", "--site", str(tmp_path), "--mta", "qmail", "--check")
    assert json.loads(mailhaul(*words))["good"] == 11 * len(LISTS) + 1
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "preline").write_text('#!/bin/sh\necho "$@"\n')
    (programs / "preline").chmod(0o755)
    line = files[folder + "talk-default"]
    for local, told, code in (
            ("talk-bounces+a=b.example.net", f"{wrapper} bounces talk\n", 0),
            ("talk-confirm+0123", f"{wrapper} confirm talk\n", 0), ("talk-x", "", 100)):
        done = subprocess.run(["/bin/sh", "-c", line[1:]], capture_output=True, text=True, timeout=60,
                              check=False, env={"LOCAL": local,
                                                "PATH": f"{programs}:{os.environ['PATH']}"})
        assert (done.stdout, done.returncode) == (told, code)
    site.at(folder + "talk-default").unlink()
    site.at(folder + "mailman-loop").unlink()
    found = json.loads(mailhaul(*words, code=1))["findings"]
    assert [(one["fault"], one["address"]) for one in found] == [
        ("missing", "mailman-loop"), ("missing", "talk-default")]


# ── perms ────────────────────────────────────────────────────────────────────────────────────────


def mode_of(path) -> int:
    """Permission bits."""
    return stat.S_IMODE(os.lstat(path).st_mode)


def rights(root: Path) -> dict:
    """Mode, owner and target of everything; times do not count."""
    out = {}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(folder, name)
            there = os.lstat(path)
            target = os.readlink(path) if stat.S_ISLNK(there.st_mode) else None
            out[os.path.relpath(path, root)] = (there.st_mode, there.st_uid, there.st_gid, target)
    return out


def is_right(site, path: Path) -> str:
    """The rules in other words; empty, or what is wrong."""
    there = os.lstat(path)
    if stat.S_ISLNK(there.st_mode):
        return ""
    mode = stat.S_IMODE(there.st_mode)
    if there.st_gid != GID:
        return "group"
    if stat.S_ISDIR(there.st_mode):
        return "" if mode & 0o2770 == 0o2770 and not mode & 0o002 else "directory"
    if path.name in ("config.pck", "config.pck.last", "request.pck", "pending.pck"):
        return "" if mode == 0o660 else "list file"
    if path.is_relative_to(site.at(site.layout.queues)) and mode & 0o660 != 0o660:
        return "queue file"
    return "" if not mode & 0o002 else "everyone may write"


def test_rights_are_mended_and_a_second_time_nothing_is(site):
    """Dry run changes nothing; what is mended holds against rules of the test's own."""
    root = str(site.root)
    private = site.var("archives", "private")
    private.chmod(0o2771)
    site.var("lists", "talk", "config.pck").chmod(0o644)
    before = rights(site.root)
    would = mailhaul("lists", "perms", "--site", root, "--repair", "--dry-run", code=1)
    assert f"would    {site.layout.var}/lists/talk/config.pck: 0644" in would
    assert rights(site.root) == before
    done = mailhaul("lists", "perms", "--site", root, "--repair")
    assert re.search(r"\d+ mended, 0 failed, 0 findings are left", done)
    bad = {}
    for below in ("lists", "data", "archives", "spam"):
        for folder, folders, files in os.walk(site.var(below)):
            for name in folders + files:
                path = Path(folder, name)
                if why := is_right(site, path):
                    bad[str(path)] = why
    assert not bad
    after = rights(site.root)
    assert mailhaul("lists", "perms", "--site", root, "--repair").splitlines()[-1] \
        == "0 mended, 0 failed, 0 findings are left"
    assert rights(site.root) == after


def test_a_repair_that_was_killed_is_done_by_the_next(tmp_path):
    """Wherever it was cut, the next one does the rest, and nothing else."""
    site = Site(tmp_path / "cut").make()
    as_host(tmp_path / "cut")
    shutil.copytree(tmp_path / "cut", tmp_path / "whole", symlinks=True)
    for path in rights(tmp_path / "cut"):
        twin = tmp_path / "whole" / path
        there = os.lstat(tmp_path / "cut" / path)
        os.chown(twin, there.st_uid, there.st_gid, follow_symlinks=False)
        if not stat.S_ISLNK(there.st_mode):
            os.chmod(twin, stat.S_IMODE(there.st_mode))
    for delay in (0.01, 0.03, 0.1):
        with subprocess.Popen([MAILHAUL, "lists", "perms", "--site", str(tmp_path / "cut"),
                               "--repair"], stdout=subprocess.DEVNULL) as running:
            time.sleep(delay)
            running.kill()
    for name in ("cut", "whole"):
        mailhaul("lists", "perms", "--site", str(tmp_path / name), "--repair")
    assert rights(tmp_path / "cut") == rights(tmp_path / "whole")
    assert site.var("lists", "talk", "config.pck").exists()


def test_a_private_archive_is_closed_and_its_link_taken_away(tmp_path):
    """A link, directories that others may enter; the public ones stay open, with their links."""
    site = Site(tmp_path).make()
    as_host(tmp_path)
    mailhaul("lists", "perms", "--site", str(tmp_path), "--repair")
    private, public = site.var("archives", "private"), site.var("archives", "public")
    private.chmod(0o2771)
    flags = {name: true["settings"].get("archive_private")
             for name, true in site.truth["lists"].items()}
    with_pages = [name for name in flags if (private / name).is_dir()]
    closed = [name for name in with_pages if flags[name]]
    opened = [name for name in with_pages if flags[name] == 0]
    assert closed and opened
    for name in closed:
        (private / name).chmod(0o2775)
        if not os.path.lexists(public / name):
            (public / name).symlink_to(f"/usr/local/mailman/archives/private/{name}")
    for name in opened:
        (public / name).unlink(missing_ok=True)
    told = mailhaul("lists", "perms", "--site", str(tmp_path), code=1)
    for name in closed:
        assert re.search(rf"leak +\S+/public/{re.escape(name)}: ", told), name
        assert re.search(rf"leak +\S+/private/{re.escape(name)}: ", told), name
    mailhaul("lists", "perms", "--site", str(tmp_path), "--repair")
    for name in closed:
        assert not os.path.lexists(public / name) and mode_of(private / name) & 0o7 == 0, name
    for name in opened:
        assert os.readlink(public / name) == f"/usr/local/mailman/archives/private/{name}"
        assert mode_of(private / name) & 0o5 == 0o5, name


def test_a_baseline_of_old_holds_on_another_layout(tmp_path):
    """Written on one layout, held against a copy on another, where something was lost."""
    sites = {}
    for layout in ("source", "redhat"):
        (tmp_path / layout).mkdir()
        sites[layout] = Site(tmp_path / layout, layout).make()
        as_host(tmp_path / layout)
        mailhaul("lists", "perms", "--site", str(tmp_path / layout), "--repair")
    baseline = str(tmp_path / "baseline")
    mailhaul("lists", "perms", "--site", str(tmp_path / "source"), "--baseline", baseline)
    mailhaul("lists", "perms", "--site", str(tmp_path / "source"), "--baseline", baseline)
    talk = sites["redhat"].var("lists", "talk")
    talk.chmod(0o755)
    (talk / "request.pck").unlink()
    told = mailhaul("lists", "perms", "--site", str(tmp_path / "redhat"), "--baseline", baseline,
                    code=1)
    lines = [line for line in told.splitlines() if "LIST_DATA_DIR" in line]
    assert sorted(line.split(":")[0] for line in lines) == [
        "differs  LIST_DATA_DIR/talk", "gone     LIST_DATA_DIR/talk/request.pck"]
    assert "was d2775 root:mailman, is d0755 root:mailman" in lines[0] + lines[1]


# ── a real one ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(name="real")
def fixture_real(tmp_path):
    """A host with what the genuine Mailman 2.1.39 wrote, and its own mm_cfg.py."""
    archive = Path(os.environ.get("MAILHAUL_EXTRA_DATA", "/nowhere")) / f"{REAL}.tar.gz"
    if not archive.exists():
        pytest.skip("MAILHAUL_EXTRA_DATA names no folder with data of a real Mailman")
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path)
    home = tmp_path / "old/usr/local"
    home.mkdir(parents=True)
    shutil.move(tmp_path / REAL, home / "mailman")
    (home / "mailman/Mailman").mkdir()
    shutil.copy(tmp_path / "mm_cfg-2.1.39.py", home / "mailman/Mailman/mm_cfg.py")
    return as_host(tmp_path / "old")


def test_a_real_site_is_told_and_its_own_aliases_are_made_again(real, tmp_path):
    """Settings of its mm_cfg.py; the aliases that Mailman itself wrote, but for the paths."""
    items = surveyed(tmp_path, real)
    (mailman,) = of_kind(items, "mailman").values()
    assert mailman["detail"]["mta"] == "Postfix"
    assert mailman["detail"]["postfix_domains"] == ["virt.old.example"]
    assert mailman["detail"]["virtual_hosts"] == ["www.old.example", "www.virt.old.example"]
    lists = of_kind(items, "mailing list")
    assert {name: item["detail"]["held"] for name, item in lists.items()} == {
        "announce": 0, "balug-talk": 11, "entwickler": 2, "mailman": 0, "news_example.org": 0,
        "nihongo": 1}
    assert of_kind(items, "list queue")["OUTQUEUE_DIR"]["detail"]["waiting"] == 5
    assert not [name for name in of_kind(items, "look") if "mm_cfg" in name]
    made = json.loads(mailhaul("--json", "lists", "aliases", "--site", str(real)))["files"]
    data = real / "usr/local/mailman/data"
    ours = {Path(f["path"]).name: f["text"] for f in made}
    theirs = {name: (data / name).read_text() for name in ("aliases", "virtual-mailman")}
    for name, text in theirs.items():
        text = text.replace("/srv/mm2old/prefix", "/usr/local/mailman") \
                   .replace("/srv/mm2old/var", "/usr/local/mailman")
        assert sorted(" ".join(line.split()) for line in text.splitlines()
                      if line and line[0] != "#") \
            == sorted(" ".join(line.split()) for line in ours[name].splitlines()
                      if line and line[0] != "#"), name


def test_a_real_site_is_mended(real):
    """What moved with wrong links is mended; a second look finds nothing."""
    told = mailhaul("lists", "perms", "--site", str(real), code=1)
    assert re.search(r"link +/usr/local/mailman/archives/public/balug-talk: leads to /srv/mm2old",
                     told)
    mailhaul("lists", "perms", "--site", str(real), "--repair")
    mailhaul("lists", "perms", "--site", str(real))
    assert os.readlink(real / "usr/local/mailman/archives/public/balug-talk") \
        == "/usr/local/mailman/archives/private/balug-talk"
