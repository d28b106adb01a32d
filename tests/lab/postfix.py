# SPDX-License-Identifier: BSD-2-Clause
"""Postfix of each kind of host: the old server, the new one as its package left it, the worlds."""

from . import hosts, people
from .sealed import File, Host

# Debian's master.cf without its chroots and without transports of programs that are not there.
MASTER = """# service type  private unpriv  chroot  wakeup  maxproc command
smtp      inet  n       -       n       -       -       smtpd
pickup    unix  n       -       n       60      1       pickup
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
verify    unix  -       -       n       -       1       verify
flush     unix  n       -       n       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
proxywrite unix -       -       n       -       1       proxymap
smtp      unix  -       -       n       -       -       smtp
relay     unix  -       -       n       -       -       smtp
showq     unix  n       -       n       -       -       showq
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
discard   unix  -       -       n       -       -       discard
local     unix  -       n       n       -       -       local
virtual   unix  -       n       n       -       -       virtual
lmtp      unix  -       -       n       -       -       lmtp
anvil     unix  -       -       n       -       1       anvil
scache    unix  -       -       n       -       1       scache
postlog   unix-dgram n  -       n       -       1       postlogd
"""

_SUBMISSION = """submission inet n     -       n       -       -       smtpd
  -o syslog_name=postfix/submission
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_tls_auth_only=yes
  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
submissions inet n    -       n       -       -       smtpd
  -o syslog_name=postfix/submissions
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
"""

# The head of Debian's /etc/postfix/main.cf, as the package writes it for an "Internet Site".
DEBIAN = """# See /usr/share/postfix/main.cf.dist for a commented, more complete version

smtpd_banner = $myhostname ESMTP $mail_name (Debian/GNU)
biff = no
append_dot_mydomain = no
readme_directory = no
compatibility_level = 3.6

smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated defer_unauth_destination
alias_maps = hash:/etc/aliases
alias_database = hash:/etc/aliases
relayhost =
mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128
mailbox_size_limit = 0
recipient_delimiter = +
inet_interfaces = all
inet_protocols = all
"""

_OLD = """myhostname = mail.example.org
mydomain = example.org
myorigin = /etc/mailname
mydestination = $myhostname, old.example.org, example.org, localhost
maillog_file = /var/log/mail.log
message_size_limit = 52428800

# people with an account: Maildir at home, some by Dovecot's deliverer (Sieve, mbox)
home_mailbox = Maildir/
mailbox_command_maps = hash:/etc/postfix/mailbox_command

# people without one
virtual_mailbox_domains = example.net
virtual_mailbox_maps = hash:/etc/postfix/vmailbox
virtual_transport = lmtp:unix:private/dovecot-lmtp
virtual_alias_maps = hash:/etc/postfix/virtual

smtpd_tls_cert_file = /etc/ssl/mail/mail.pem
smtpd_tls_key_file = /etc/ssl/mail/mail.key
smtpd_tls_security_level = may
smtp_tls_CAfile = /etc/ssl/mail/ca.pem
smtp_tls_security_level = may
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
"""

_WORLD = """myhostname = {hostname}
mydestination = localhost
maillog_file = /var/log/mail.log
message_size_limit = 52428800
smtp_tls_security_level = may
default_process_limit = 200

# everything that comes for this domain, in one Maildir; X-Original-To tells for whom
virtual_mailbox_domains = {domain}
virtual_mailbox_base = /srv/sink
virtual_mailbox_maps = static:in/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_mailbox_limit = 0
transport_maps = inline:{{ echo@{domain}=echo: }}

# lab clock: Postfix's own 300..4000 s between two attempts, sixty times faster
minimal_backoff_time = 5s
maximal_backoff_time = 30s
queue_run_delay = 5s
smtp_connect_timeout = 5s
smtp_helo_timeout = 5s
# and its 300..600 s for an answer: five sessions behind a cable that was cut are all that qmgr(8)
# has for a destination at first, and nothing else goes there until they give up
smtp_starttls_timeout = 10s
smtp_mail_timeout = 10s
smtp_rcpt_timeout = 10s
smtp_data_init_timeout = 10s
smtp_data_xfer_timeout = 10s
# one that is not patient enough for the last answer sends again what was taken (RFC 1047)
smtp_data_done_timeout = 120s
smtp_rset_timeout = 10s
smtp_quit_timeout = 10s
"""

# In one process at a time: an answer is a new message, and its order says something to a canary.
_ECHO = """echo      unix  -       n       n       -       1       pipe
  flags=q user=nobody argv=/usr/local/libexec/echo ${sender} ${recipient}
"""

SINK = "/srv/sink/in"           # on a world


def on_old() -> dict[str, File]:
    """The old server: three kinds of maps, aliases of every kind, a pipe, an included list."""
    aliases = "".join(f"{name}: {', '.join(targets)}\n" for name, targets in people.ALIASES.items())
    virtual = "".join(f"{address}\t{', '.join(targets)}\n"
                      for address, targets in people.VIRTUAL.items())
    mailboxes = "".join(f"{person.address}\tyes\n" for person in people.PEOPLE
                        if not person.system)
    deliverer = '/usr/lib/dovecot/dovecot-lda -f "$SENDER" -a "$ORIGINAL_RECIPIENT" -d "$USER"'
    commands = "".join(f"{person.login}\t{deliverer}\n" for person in people.PEOPLE
                       if person.system and (person.sieve or person.mbox))
    return {
        "/etc/postfix/main.cf": File(DEBIAN + _OLD),
        "/etc/postfix/master.cf": File(MASTER + _SUBMISSION),
        "/etc/postfix/virtual": File(virtual),
        "/etc/postfix/vmailbox": File(mailboxes),
        "/etc/postfix/mailbox_command": File(commands),
        "/etc/aliases": File("# who gets what\n" + aliases),
        people.ANNOUNCE: File("\n".join(people.INCLUDED) + "\n"),
        "/etc/mailname": File("example.org\n"),
        "/usr/local/bin/intake": File(_INTAKE, 0o755),
    }


# Each delivery is a file of its own, so that the audit can tell a carried one from a second one.
# 75 and not 1: a folder that is missing after a move must not bounce anybody's mail.
_INTAKE = f"""#!/bin/sh
# keeps each request as a file of its own in {people.INTAKE}
name={people.INTAKE}/$(date +%s.%N).$$.$(hostname)
cat >"$name.part" && mv "$name.part" "$name" || exit 75
"""


# As postfix-files of the package has them; `postfix start` would take 2.5 s to make these, and another
# second to look at all of them, which the file quick-start spares the first start.
SPOOL = """cd /var/spool/postfix
for name in active bounce corrupt defer deferred flush hold incoming private saved trace; do
	mkdir -m 700 $name; chown postfix $name
done
mkdir -m 1730 maildrop; mkdir -m 2710 public; chown postfix:postdrop maildrop public
chmod 1730 maildrop; chmod 2710 public
mkdir -p -m 755 pid dev etc lib usr/lib/sasl2; : >quick-start
"""


def prepare_old(host: Host) -> None:
    """Compile the maps; give the log to Postfix, whose tools write it while the master is down."""
    host.sh(f"{SPOOL}install -d -o nobody -g nogroup {people.INTAKE}\n"
            "chown postfix:adm /var/log/mail.log; chmod 640 /var/log/mail.log\n"
            "cd /etc/postfix; postmap virtual vmailbox mailbox_command; postalias /etc/aliases")


def on_new() -> dict[str, File]:
    """The new server as the package leaves it, but for its host name."""
    name = hosts.PLACES["new"].hostname
    return {
        "/etc/postfix/main.cf": File(
            DEBIAN + f"myhostname = {name}\nmyorigin = /etc/mailname\n"
            f"mydestination = $myhostname, {name}, localhost.example.org, localhost\n"),
        "/etc/aliases": File("postmaster:    root\n"),
        "/etc/mailname": File(f"{name}\n"),
    }


def prepare_new(host: Host) -> None:
    """What the package's postinst and its start script do."""
    host.sh(f"{SPOOL}cp /usr/share/postfix/master.cf.dist /etc/postfix/master.cf\n"
            "postalias /etc/aliases\n"
            "/usr/lib/postfix/configure-instance.sh - >/dev/null")


def on_world(name: str) -> dict[str, File]:
    """An outside domain that retries, keeps what comes in, and answers mail to echo@."""
    here = __file__.rpartition("/")[0]
    with open(f"{here}/inside/echo.py", encoding="utf-8") as source:
        echo = source.read()
    place = hosts.PLACES[name]
    return {
        "/etc/postfix/main.cf": File(DEBIAN + _WORLD.format(
            hostname=place.hostname, domain=hosts.WORLD_DOMAINS[name])),
        "/etc/postfix/master.cf": File(MASTER + _ECHO),
        "/etc/aliases": File("postmaster: root\n"),
        "/etc/mailname": File(f"{place.hostname}\n"),
        "/usr/local/libexec/echo": File(echo, 0o755),
    }


def prepare_world(host: Host) -> None:
    """The sink's folder and the maps."""
    host.sh(f"{SPOOL}install -d -o nobody -g nogroup /srv/sink\npostalias /etc/aliases")


NOWHERE = "someone@[198.51.100.55]"     # nothing listens there


def queued(host: Host) -> int:
    """How many messages the queue of `host` holds, those on hold apart (0600 = never accepted), and those
    to NOWHERE, which wait for ever."""
    return int(host.sh("cd /var/spool/postfix; find incoming active deferred maildrop -type f -perm -0100"
                       f" -exec grep -LaF '{NOWHERE}' {{}} + 2>/dev/null | wc -l"))


def flush(host: Host) -> None:
    """Have everything in the queue tried now."""
    host.run("postqueue", "-f")
