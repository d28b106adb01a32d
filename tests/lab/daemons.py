# SPDX-License-Identifier: BSD-2-Clause
"""Start and stop the daemons of a host, each by its pid file."""

from dataclasses import dataclass

from .sealed import Host, wait_for


@dataclass(frozen=True)
class Daemon:
    """One program of a host: how it is started, how it is asked to end."""

    name: str
    pid_file: str
    start: str              # shell; comes back when the daemon serves or is about to
    stop: str = 'kill "$pid"'
    children: str = ""      # where the programs lie that may outlive the daemon


DAEMONS = {daemon.name: daemon for daemon in (
    Daemon("postfix", "/var/spool/postfix/pid/master.pid", "postfix start", "postfix stop"),
    # LMTP processes go on delivering for a while after doveadm has come back
    Daemon("dovecot", "/run/dovecot/master.pid", "dovecot", "doveadm stop",
           "/usr/lib/dovecot/"),
    Daemon("sshd", "/run/sshd.pid", "mkdir -p /run/sshd; /usr/sbin/sshd"),
    Daemon("named", "/run/named/named.pid", "named -u bind -c /etc/bind/named.conf"),
    Daemon("knotd", "/run/knot/knot.pid", "knotd -d -c /etc/knot/knot.conf"),
    Daemon("unbound", "/run/unbound.pid", "unbound -c /etc/unbound/unbound.conf"),
    Daemon("cron", "/run/crond.pid", "cron"),
)}


def pid(host: Host, name: str) -> int | None:
    """The daemon's process id as the host counts, None when it does not run."""
    script = f"pid=$(cat {DAEMONS[name].pid_file}) && kill -0 $pid && echo $pid"
    said = host.run("sh", "-c", script, check=False).stdout.strip()
    return int(said) if said else None


def start(host: Host, name: str) -> None:
    """Start a daemon that does not run."""
    # the daemon keeps what it inherits: an open pipe would keep the caller waiting for its end
    log = f"/var/log/start-{name}.log"
    host.sh(f"({DAEMONS[name].start}) </dev/null >{log} 2>&1 || {{ cat {log} >&2; exit 1; }}")


def stop(host: Host, name: str, seconds: float = 20) -> None:
    """Ask a daemon to end, and wait until it and its children are gone."""
    running = pid(host, name)
    if running is None:
        return
    daemon = DAEMONS[name]
    host.sh(f"pid={running}; {daemon.stop} >/dev/null 2>&1 || true")
    wait_for(lambda: not _alive(host, running, daemon.children), seconds,
             f"{name} on {host.name} to end")


def kill(host: Host, name: str) -> None:
    """End a daemon's main process at once, as a crash would."""
    running = pid(host, name)
    if running is not None:
        host.run("kill", "-9", str(running))


def agents(host: Host) -> list[int]:
    """The process ids of the host's agents: by what they run, as the shells that look whether the
    agent is there have its path in their arguments, too."""
    look = ('for p in /proc/[0-9]*; do case "$(readlink $p/exe)" in '
            '*/.mailhaul/agent-*) echo ${p#/proc/};; esac; done')
    return [int(line) for line in host.run("sh", "-c", look, check=False).stdout.split()]


def _alive(host: Host, running: int, children: str) -> bool:
    look = f"kill -0 {running}"
    if children:
        # by path: Postfix has an lmtp, too
        look += f" || ls -l /proc/[0-9]*/exe 2>/dev/null | grep -qF -e '-> {children}'"
    return host.run("sh", "-c", look, check=False).returncode == 0
