# SPDX-License-Identifier: BSD-2-Clause
"""Dovecot: as its package configures it, and with what the old server's administrator changed."""

from . import people
from .sealed import File, Host

# The administrator of `old` has left the package's files alone, but for who may log in.
_AUTH = """disable_plaintext_auth = yes
auth_mechanisms = plain login
!include auth-site.conf.ext
"""

# dave's mailbox differs from everybody's default: his account is found in passwd, and the second
# file adds the one field (no user number stands there, so none has to change in a move).
_AUTH_SITE = """passdb {
  driver = passwd-file
  args = scheme=CRYPT username_format=%u /etc/dovecot/users
}
passdb {
  driver = pam
}
userdb {
  driver = passwd-file
  args = username_format=%u /etc/dovecot/users
}
userdb {
  driver = passwd
  result_success = continue-ok
}
userdb {
  driver = passwd-file
  args = username_format=%u /etc/dovecot/mbox-users
  skip = notfound
}
"""

_LOCAL = """# changes of this site to the packaged configuration
log_path = /var/log/dovecot.log
log_timestamp = "%Y-%m-%d %H:%M:%S "
syslog_facility = local5
listen = *, ::
mail_location = maildir:~/Maildir
mail_privileged_group = mail
first_valid_uid = 1000
# a deliverer that runs as the user cannot make lock files in /var/mail
mbox_write_locks = fcntl
# folder names with dots in them
mail_plugins = $mail_plugins listescape

namespace inbox {
  separator = /
  mailbox Archive {
    special_use = \\Archive
  }
}

ssl = yes
ssl_cert = </etc/ssl/mail/mail.pem
ssl_key = </etc/ssl/mail/mail.key

service lmtp {
  unix_listener /var/spool/postfix/private/dovecot-lmtp {
    mode = 0600
    user = postfix
    group = postfix
  }
}
service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0660
    user = postfix
    group = postfix
  }
  # dovecot-lda asks under the number of whoever gets the mail
  unix_listener auth-userdb {
    mode = 0666
  }
}
service stats {
  unix_listener stats-writer {
    mode = 0666
  }
}
service imap-login {
  process_min_avail = 2
}

protocol lmtp {
  mail_plugins = $mail_plugins sieve
  postmaster_address = postmaster@example.org
}
protocol lda {
  # it runs as the user, who must not write the daemons' log
  log_path = syslog
  mail_plugins = $mail_plugins sieve
  postmaster_address = postmaster@example.org
}
protocol imap {
  mail_max_userip_connections = 100
}
plugin {
  sieve = file:~/sieve;active=~/.dovecot.sieve
}
"""


def on_old() -> dict[str, File]:
    """The site's own files; the packaged ones are put below them by prepare()."""
    users = "".join(
        f"{person.login}:{person.hash}:{people.VMAIL_UID}:{people.VMAIL_UID}::{person.home}::\n"
        for person in people.PEOPLE if not person.system)
    mbox_users = "".join(
        f"{person.login}:::::::userdb_mail=mbox:~/mail:INBOX=/var/mail/{person.login}\n"
        for person in people.PEOPLE if person.mbox)
    return {
        "/etc/dovecot/conf.d/10-auth.conf": File(_AUTH),
        "/etc/dovecot/conf.d/auth-site.conf.ext": File(_AUTH_SITE),
        "/etc/dovecot/local.conf": File(_LOCAL),
        "/etc/dovecot/users": File(users, 0o640, "root", "dovecot"),
        "/etc/dovecot/mbox-users": File(mbox_users, 0o640, "root", "dovecot"),
    }


def prepare(host: Host) -> None:
    """Put the package's own configuration in place, whatever the machine below has made of it."""
    host.sh("rm -rf /etc/dovecot/conf.d /etc/dovecot/dovecot.conf /etc/dovecot/local.conf"
            " /etc/dovecot/users\n"
            "cp -r /usr/share/dovecot/conf.d /usr/share/dovecot/dovecot.conf /etc/dovecot/\n"
            "install -d -m 755 /var/lib/dovecot")
