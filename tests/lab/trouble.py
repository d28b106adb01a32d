# SPDX-License-Identifier: BSD-2-Clause
"""What may come in the way of a move: a forgotten listener, jobs that inject mail, a queue that is
not empty, a full disk; and the old server as a folder.
"""

import subprocess

from . import daemons, hosts, postfix
from .sealed import File, Host, wait_for

FORGOTTEN_PORT = 25
_FORGOTTEN = "/etc/postfix-forgotten"
_INJECTOR_PID = "/run/nightly-mail.pid"

_BALLAST = "/home/ballast"

# what a rescued disk of a mail server has, as far as a move is concerned
OLD_FOLDERS = ("etc", "home", "root", "srv", "var/mail", "var/spool/postfix", "var/spool/cron",
               "var/log", "var/lib/dovecot", "usr/local/bin/intake")


def forgotten_listener(old: Host) -> None:
    """A second Postfix instance on an address of its own, with its own queue.

    The first one has to leave the wildcard address for that; it is restarted on named addresses.
    """
    own = ", ".join((hosts.MAIL_V4, hosts.MAIL_V6, hosts.MANAGEMENT_V4, "127.0.0.1", "::1"))
    daemons.stop(old, "postfix")
    old.sh(f"postconf -e 'inet_interfaces = {own}'\n"
           f"ip addr add {hosts.FORGOTTEN_V4}/24 dev $(ip -o route get {hosts.RESOLVER_V4}"
           " | sed 's/.* dev \\([^ ]*\\).*/\\1/')")
    daemons.start(old, "postfix")
    old.push({
        f"{_FORGOTTEN}/main.cf": File(
            f"compatibility_level = 3.6\nmyhostname = web.example.org\n"
            f"inet_interfaces = {hosts.FORGOTTEN_V4}\ninet_protocols = ipv4\n"
            "queue_directory = /var/spool/postfix-forgotten\n"
            "data_directory = /var/lib/postfix-forgotten\n"
            "maillog_file = /var/log/mail-forgotten.log\n"
            "mydestination = example.org\nalias_maps = hash:/etc/aliases\nhome_mailbox = Maildir/\n"
            "mynetworks = 127.0.0.0/8\nsmtpd_relay_restrictions = reject_unauth_destination\n"),
    })
    old.sh(f"cp /etc/postfix/master.cf {_FORGOTTEN}/\n"
           f"sed -i '/^submission/,$d' {_FORGOTTEN}/master.cf\n"
           "install -d -o postfix -g root -m 755 /var/lib/postfix-forgotten\n"
           "install -d -m 755 /var/spool/postfix-forgotten\n"
           f"postconf -e 'alternate_config_directories = {_FORGOTTEN}'\n"
           f"postfix -c {_FORGOTTEN} start </dev/null >/var/log/start-forgotten.log 2>&1")


def start_injector(old: Host, every: float = 2, recipient: str = "alice@example.org") -> None:
    """A job that hands mail to sendmail(1) again and again, whatever the listeners do."""
    old.push({"/usr/local/sbin/nightly-mail": File(
        f"#!/bin/sh\n# reports to whoever reads them\nn=0\nwhile :; do\n\tn=$((n + 1))\n"
        f"\tprintf 'Subject: report %s\\n\\nall is well\\n' $n |"
        f" /usr/sbin/sendmail -i -f root@example.org {recipient}\n\tsleep {every}\ndone\n", 0o755)})
    old.sh("setsid /usr/local/sbin/nightly-mail </dev/null >/dev/null 2>&1 &\n"
           f"echo $! >{_INJECTOR_PID}")


def stop_injector(old: Host) -> None:
    """End the job of start_injector()."""
    old.run("sh", "-c", f"kill $(cat {_INJECTOR_PID}); rm -f {_INJECTOR_PID}", check=False)


def start_cron_injector(old: Host, recipient: str = "alice@example.org") -> None:
    """The same by a real cron, which begins at the next full minute and mails every ten seconds."""
    old.push({"/etc/cron.d/reports": File(
        "MAILTO=\"\"\n* * * * * root for i in 1 2 3 4 5 6; do"
        " printf 'Subject: cron report\\n\\nok\\n'"
        f" | /usr/sbin/sendmail -i -f root@example.org {recipient}; sleep 10; done\n")})
    daemons.start(old, "cron")


def fill_queue(old: Host) -> dict[str, str]:
    """Mail that waits in the queue: one message deferred (its destination is down), one on hold.

    Returns what each is in: {"deferred": QUEUE-ID, "hold": QUEUE-ID}.
    """
    # an address where nothing listens, so that the attempt fails at once and for a while
    for subject, recipient in (("waits", postfix.NOWHERE), ("held", postfix.NOWHERE)):
        old.run("sendmail", "-i", "-f", "alice@example.org", recipient,
                stdin=f"Subject: {subject}\nX-Queue-Test: {subject}\n\n{subject} in the queue\n")
    look = "find /var/spool/postfix/deferred -type f -perm -0100 -printf '%f\\n'"
    idents = wait_for(lambda: found if len(found := old.sh(look).split()) == 2 else None,
                      20, "two messages to be deferred")
    held = next(ident for ident in idents if "X-Queue-Test: held" in
                old.run("postcat", "-qh", ident).stdout)
    old.run("postsuper", "-h", held)
    return {"deferred": next(ident for ident in idents if ident != held), "hold": held}


def fill_disk(host: Host, leave: int) -> None:
    """Take all room on the disk of `host` but `leave` octets; real ENOSPC from then on."""
    host.sh("free=$(df --output=avail -B1 /home | tail -1)\n"
            f"[ $free -le {leave} ] || fallocate -l $((free - {leave})) {_BALLAST}")


def free_disk(host: Host) -> None:
    """Give the room of fill_disk() back."""
    host.run("rm", "-f", _BALLAST)


def take_folder(old: Host, target: Host | None, folder: str) -> None:
    """Copy the files of `old` to `folder`, as a mounted disk would show them.

    target  the host that gets them; None for this machine.  Owners stay numbers, as on a disk.
    """
    pack = old.command("tar", "--create", "--file=-", "--directory=/", "--numeric-owner",
                       "--ignore-failed-read", "--sparse", *OLD_FOLDERS)
    script = ('mkdir -p "$1"; exec tar --extract --file=- --directory="$1" --numeric-owner'
              " --preserve-permissions --warning=no-timestamp")
    unpack = ["sh", "-ec", script, "unpack", folder]
    if target is not None:
        unpack = target.command(*unpack)
    packing = subprocess.Popen(pack, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
    with packing:
        subprocess.run(unpack, stdin=packing.stdout, check=True)
    # 1: a socket or a file that changed; the log of a running host always does
    if packing.returncode not in (0, 1):
        raise subprocess.CalledProcessError(packing.returncode, pack)
