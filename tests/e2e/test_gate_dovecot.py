# SPDX-License-Identifier: BSD-2-Clause
"""The gate before a real Dovecot: people who log in, by whose password it says so, and LMTP."""

import base64
import os
import re

import pytest

from lab import daemons, hosts
from lab.sealed import wait_for
from lab.yard import Yard
from test_gate_senders import bare, letter, received, talk

CONFIG = """protocols = lmtp
log_path = /var/log/dovecot.log
listen = *, ::
ssl = no
auth_mechanisms = plain login
first_valid_uid = 1
mail_location = maildir:~/Maildir
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=mail gid=mail home=/srv/dovecot/%Lu
}
service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0666
  }
}
service lmtp {
  inet_listener lmtp {
    port = 24
  }
}
"""

SUBMISSION = r"""cat >>/etc/postfix/master.cf <<'END'
submission inet n     -       n       -       -       smtpd
  -o syslog_name=postfix/submission
  -o smtpd_tls_security_level=encrypt
  -o smtpd_tls_auth_only=yes
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_sasl_type=dovecot
  -o smtpd_sasl_path=private/auth
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
END
postconf -e default_transport=virtual
kill -HUP $(cat /var/spool/postfix/pid/master.pid)
"""

CERTIFICATE = ("--tls", "/etc/ssl/mail/mail.pem,/etc/ssl/mail/mail.key")
LOG_IN = ("--listen-submission", "0.0.0.0:587", "--submission-to", f"{hosts.NEW_V4}:587",
          *CERTIFICATE)
WORLD1 = hosts.main_address("world1")
U, W = "/srv/dovecot/u@example.org", "/srv/dovecot/w@example.net"


@pytest.fixture(name="yard", scope="module")
def fixture_yard():
    """With Dovecot on the new host: it asks for passwords, and takes mail by LMTP."""
    with Yard(f"dovecot-{os.getpid()}") as yard:
        yard.new.push({"/etc/dovecot/dovecot.conf": CONFIG})
        yard.new.sh("install -d -o mail -g mail /srv/dovecot")
        daemons.start(yard.new, "dovecot")
        yard.new.sh(SUBMISSION)
        wait_for(lambda: ":587 " in yard.new.sh("ss -ltn"), 20, "submission")
        wait_for(lambda: yard.new.run("test", "-S", "/var/spool/postfix/private/auth",
                                      check=False).returncode == 0, 20, "who knows passwords")
        yield yard


@pytest.fixture(name="fresh")
def fixture_fresh(yard):
    """The same, with nothing of the test before."""
    yard.forget()
    yard.new.sh("rm -rf /srv/dovecot/*")
    yield yard
    yard.end_gate_if_it_runs()


def submit(yard, password: str, to: str = "u@example.org", body: str = "x\r\n") -> list[str]:
    """A person sends a message, under TLS; the answers from that to EHLO on."""
    word = base64.b64encode(b"\0alice\0" + password.encode()).decode()
    order = ["EHLO home.one.example.com\r\n", "STARTTLS\r\n", {"tls": True},
             "EHLO home.one.example.com\r\n", f"AUTH PLAIN {word}\r\n",
             "MAIL FROM:<alice@example.org>\r\n", f"RCPT TO:<{to}>\r\n", "DATA\r\n",
             f"Subject: sent\r\n\r\n{body}.\r\n", "QUIT\r\n"]
    return talk(yard.sender, *order, port=587)[3:]


def codes(said: list[str]) -> list[str]:
    """Their first three octets."""
    return [answer[:3] for answer in said]


def test_who_logs_in_is_passed_through_under_his_own_address_and_password(fresh):
    yard = fresh
    yard.start_gate("relay", *LOG_IN)
    body = "".join(f"{i:05} {'y' * 60}\r\n" for i in range(5000))
    # also to a domain that is none of ours: the new server may let him
    for to in ("u@example.org", "friend@elsewhere.example.com"):
        said = submit(yard, "secret", to, body)
        assert "AUTH PLAIN LOGIN" in said[0]
        assert codes(said) == ["250", "235", "250", "250", "354", "250", "221"], said
    for message in yard.wait_for_arrivals(1):
        assert message.endswith(("\n\n" + body.replace("\r\n", "\n")).encode())
        assert f"[{WORLD1}]".encode() in received(message)[0]
    # Postfix's words come to the log by another program
    words = rf"submission/smtpd.* client=\S*\[{WORLD1}\], sasl_method=PLAIN, sasl_username=alice"
    wait_for(lambda: len(re.findall(words, yard.log())) >= 2, 60, "its log")
    assert len(re.findall(words, yard.log())) == 2, yard.log()

    said = submit(yard, "guessed")
    assert codes(said)[:2] == ["250", "535"]
    assert said[3][:3] in ("530", "554", "503"), said
    # in clear nobody is asked for a password
    clear = talk(yard.sender, "EHLO home.one.example.com\r\n", "AUTH PLAIN AGEAYg==\r\n",
                 "MAIL FROM:<alice@example.org>\r\n", "RCPT TO:<friend@elsewhere.example.com>\r\n",
                 port=587)
    assert "AUTH" not in clear[1] and clear[2][0] in "45" and clear[4][0] == "5", clear


@pytest.mark.parametrize("mode", ["spool", "defer"])
def test_who_logs_in_waits_in_every_other_mode_and_nothing_of_his_is_kept(fresh, mode):
    yard = fresh
    yard.start_gate(mode, *LOG_IN, "--hold")
    said = talk(yard.sender, "EHLO home.one.example.com\r\n", port=587)
    assert said[0].startswith("421 4.3.2 "), said
    assert yard.gate.run("/usr/local/bin/mailhaul-gate", "spool", "list", "--spool",
                         "/var/spool/mailhaul").stdout == ""
    assert "taken " not in yard.gate_log()


def test_without_the_new_server_who_logs_in_waits_too(fresh):
    yard = fresh
    # --unreachable spool is for mail to our own people, and not for what he sends
    yard.start_gate("relay", "--listen-submission", "0.0.0.0:587", "--submission-to",
                    f"{hosts.NEW_V4}:5870", *CERTIFICATE, "--unreachable", "spool", "--hold")
    said = submit(yard, "secret")
    assert "AUTH" not in said[0] and codes(said)[1:4] == ["502", "451", "503"], said
    assert "taken " not in yard.gate_log()


def test_by_lmtp_each_recipient_gets_each_octet_once(fresh):
    yard = fresh
    yard.start_gate("spool", "--deliver-protocol", "lmtp", "--deliver-identity", "none", "--hold",
                    "--control", "/run/gate.control", to=f"{hosts.NEW_V4}:24")
    sent = {"small": letter("small"), "large": letter("large", b"".join(
        b"%06d %s\n" % (i, b"y" * 60) for i in range(20000)))}
    for message in sent.values():
        yard.sender.run("/usr/sbin/sendmail", "-i", "-f", "a@one.example.com", "u@example.org",
                        "w@example.net", stdin=message)
    utf8 = "From: a@one.example.com\r\nSubject: eight\r\n\r\nzw\u00f6lf\r\n.\r\n"
    said = talk(yard.sender, "EHLO mx.one.example.com\r\n",
                "MAIL FROM:<a@one.example.com> BODY=8BITMIME\r\n", "RCPT TO:<u@example.org>\r\n",
                f"BDAT {len(utf8.encode())} LAST\r\n" + utf8.encode().decode("latin-1"), "QUIT\r\n")
    assert codes(said) == ["220", "250", "250", "250", "250", "221"], said
    taken = "grep -c '^[^ ]* taken ' /var/log/gate.log || true"
    wait_for(lambda: int(yard.gate.sh(taken)) == 3, 20, "all to be taken")
    yard.gate.run("/usr/local/bin/mailhaul-gate", "control", "/run/gate.control", "release")

    def kept(folder: str) -> list[bytes]:
        return yard.arrived(f"{folder}/Maildir")
    wait_for(lambda: len(kept(U)) == 3 and len(kept(W)) == 2, 20, "all to be given out")
    for folder in (U, W):
        for message in kept(folder):
            subject = re.search(rb"^Subject: (.*)$", message, re.M).group(1).decode()
            if subject == "eight":
                assert message.endswith("\n\nzw\u00f6lf\n.\n".encode())
                continue
            assert bare(message) == bare(sent[subject]), subject
            # Dovecot's line is on top, ours below it, and ours names the client
            assert f"[{WORLD1}]".encode() in b" ".join(received(message)[1:2])
    # it is in the mailbox before the gate hears of it
    words = "state=delivered .*reply=\"250 2.0.0 <[uw]@example.(?:org|net)>"
    wait_for(lambda: len(re.findall(words, yard.gate_log())) >= 5, 60, "its log")
    log = yard.gate_log()
    assert len(re.findall(words, log)) == 5 and "state=held" not in log
