# SPDX-License-Identifier: BSD-2-Clause
"""Sympa as a destination: Debian's programs as they are, though the package is not installed.

`tools/install-packages check` unpacks it, with the libraries that it loads for this, into a folder. Where it keeps what
is said by a module of constants; ours has the same ones, with places of the test's. Its database is SQLite.
"""

import json
import os
import re
import subprocess
from pathlib import Path

from .sealed import LabError

FOLDER = Path(os.environ.get("MAILHAUL_SYMPA", "/var/cache/mailhaul-lab/sympa"))
LIBRARIES = FOLDER / "usr/share/sympa/lib"
USER = 38       # list, of every Debian

_CONFIG = """domain {domain}
listmaster postmaster@example.org
db_type SQLite
db_name {at}/sympa.sqlite
aliases_program none
sendmail_aliases none
sendmail /bin/false
"""

# What its own parser makes of each list's config; null where it refuses it.
_LOOK = """use strict; use warnings;
use Conf; use Sympa::List; use Sympa::DatabaseManager; use JSON::PP;
Conf::load() or die; Sympa::DatabaseManager::probe_db() or die;
my %all;
for my $name (@ARGV) {
    my ($local, $domain) = split /\\@/, $name;
    my $list = Sympa::List->new($local, $domain, {reload_config => 1});
    my %plain = $list ? map { $_ => $list->{admin}{$_} } grep { !/^_/ } keys %{$list->{admin}} : ();
    $all{$name} = $list ? \\%plain : undef;
}
print JSON::PP->new->canonical->allow_blessed->allow_unknown->encode(\\%all);
"""


def is_here() -> bool:
    """Whether it can be run on this machine."""
    return (FOLDER / "usr/lib/sympa/bin/sympa.pl").exists()


class Server:
    """One Sympa with domains, the first of which is its own; no list yet."""

    def __init__(self, at: Path, *domains: str):
        self.at, self.lists = at, at / "list_data"
        for name in ("list_data", "spool", "arc", "bounce", "etc", "css", "pictures", "lib/Sympa"):
            (at / name).mkdir(parents=True)
        for domain in domains[1:]:
            (at / "etc" / domain).mkdir()
            (at / "etc" / domain / "robot.conf").write_text("listmaster postmaster@example.org\n", "utf-8")
        (at / "etc/sympa.conf").write_text(_CONFIG.format(at=at, domain=domains[0]), "utf-8")
        text = (LIBRARIES / "Sympa/Constants.pm").read_text("utf-8")
        text = text.replace("=> 'sympa'", "=> 'list'")
        for old, new in (("/etc/sympa/sympa/", f"{at}/etc/"), ("/etc/sympa", f"{at}/etc"), ("/run/sympa", at),
                         ("/var/lib/sympa/", f"{at}/"), ("/var/spool/sympa", at / "spool"), ("/usr/", f"{FOLDER}/usr/")):
            text = re.sub(f"=> '{re.escape(str(old))}", f"=> '{new}", text)
        (at / "lib/Sympa/Constants.pm").write_text(text, "utf-8")
        (at / "look.pl").write_text(_LOOK, "utf-8")
        for path in (at, *at.rglob("*")):
            os.chown(path, USER, USER)
        self.run("check")       # makes the tables of its database

    def _run(self, *words) -> tuple[bytes, bytes]:
        libraries = [self.at / "lib", LIBRARIES, FOLDER / "usr/share/perl5",
                     *(FOLDER / "usr/lib/x86_64-linux-gnu/perl5").glob("5.*"),
                     *(FOLDER / "usr/lib/aarch64-linux-gnu/perl5").glob("5.*")]
        libraries = ":".join(map(str, libraries))
        done = subprocess.run(["/usr/bin/perl", *map(str, words)], capture_output=True, user=USER, group=USER, extra_groups=[],
                              cwd=self.at, timeout=300, check=False, env={
            "PATH": "/usr/bin:/bin", "PERL5LIB": libraries, "SYMPALIB": libraries, "LC_ALL": "C.UTF-8",
            "LD_LIBRARY_PATH": ":".join(str(path) for path in FOLDER.glob("usr/lib/*-linux-gnu"))})
        if done.returncode:
            raise LabError(f"{words}: exit {done.returncode}: {done.stderr.decode()}")
        return done.stdout, done.stderr

    def run(self, *words: str) -> str:
        """What its command line says."""
        return b"".join(self._run(FOLDER / "usr/lib/sympa/bin/sympa.pl", *words)).decode()

    def look(self, *names: str) -> dict:
        """The settings of lists, as Sympa itself reads them."""
        return json.loads(self._run(self.at / "look.pl", *names)[0])

    def dumped(self, address: str, role: str = "member") -> dict:
        """Who is one of a list, by address, as `sympa dump` wrote it."""
        local, _, domain = address.partition("@")
        text = (self.lists / domain / local / f"{role}.dump").read_text("utf-8")
        rows = [dict(line.split(" ", 1) for line in part.splitlines()) for part in text.split("\n\n") if part.strip()]
        return {row["email"]: row for row in rows}
