# SPDX-License-Identifier: BSD-2-Clause
"""Accounts of the hosts: people's on `old`, somebody else's on `new`."""

from . import people
from .sealed import Host


def add(host: Host, accounts: dict[str, tuple[int, str, str]]) -> None:
    """Add accounts with a group of the same name and number: name -> (uid, home, shadow hash).

    Written with one process where useradd would need one for each.
    """
    lines: dict[str, list[str]] = {"passwd": [], "group": [], "shadow": [], "gshadow": []}
    for name, (uid, home, hashed) in accounts.items():
        lines["passwd"].append(f"{name}:x:{uid}:{uid}:{name.capitalize()}:{home}:/bin/bash")
        lines["group"].append(f"{name}:x:{uid}:")
        lines["shadow"].append(f"{name}:{hashed}:19700:0:99999:7:::")
        lines["gshadow"].append(f"{name}:!::")
    host.sh("".join(f"cat >>/etc/{table} <<'END'\n" + "\n".join(rows) + "\nEND\n"
                    for table, rows in lines.items()))


def on_old(host: Host) -> None:
    """Ten people, and the account that owns all virtual mailboxes."""
    accounts = {person.login: (person.uid, person.home, person.hash)
                for person in people.PEOPLE if person.system}
    accounts["vmail"] = (people.VMAIL_UID, people.VIRTUAL_ROOT, "!")
    _forget_machine(host)
    add(host, accounts)


def on_new(host: Host) -> None:
    """Nobody of ours, but some of the numbers are taken."""
    _forget_machine(host)
    add(host, {name: (uid, f"/home/{name}", "!") for name, uid in people.TAKEN_ON_NEW.items()})


def _forget_machine(host: Host) -> None:
    """Drop the ordinary accounts of the machine below: they would be survey's findings."""
    host.sh("""names=$(awk -F: '$3 >= 1000 && $3 < 60000 { print $1 }' /etc/passwd)
for table in passwd group shadow gshadow; do
	for name in $names; do sed -i "/^$name:/d" /etc/$table; done
done""")
