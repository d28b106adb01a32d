# SPDX-License-Identifier: BSD-2-Clause
"""Real senders through the gate to a real Postfix: who the client was, and every octet."""

import json
import os
import re

import pytest

from lab import foreign, hosts
from lab.sealed import wait_for
from lab.yard import Yard

ADDED = re.compile(rb"(?:Received|Delivered-To|X-Original-To|Return-Path|Date|Message-I[dD]|"
                   rb"X-Mailer|DKIM-Signature):.*?\n(?=[^ \t])", re.S)
WORLD1, WORLD2 = hosts.main_address("world1"), hosts.main_address("world2")


def letter(subject: str, body: bytes = b"one\n.two\n..\n.\n\nend\n", head: bytes = b"") -> bytes:
    """A message with LF, as one is given to a sendmail."""
    return (b"From: a@one.example.com\nTo: u@example.org\nSubject: " + subject.encode() + b"\n"
            b"Date: Mon, 23 Nov 2026 10:00:00 +0000\nMessage-ID: <" + subject.encode() +
            b"@one.example.com>\n" + head + b"\n" + body)


def bare(message: bytes) -> bytes:
    """A message without what servers on its way put on top of it."""
    head, _, body = message.partition(b"\n\n")
    return ADDED.sub(b"", head + b"\n\n", 0).strip(b"\n") + b"\n\n" + body


def by_subject(messages: list[bytes]) -> dict[str, bytes]:
    """The messages, each once."""
    found: dict[str, bytes] = {}
    for message in messages:
        subject = re.search(rb"^Subject: (.*)$", message, re.M).group(1).decode()
        assert subject not in found, f"{subject} has come twice"
        found[subject] = message
    return found


def received(message: bytes) -> list[bytes]:
    """The Received: lines, the newest first, unfolded."""
    head = message.partition(b"\n\n")[0]
    return re.findall(rb"^Received: (.*)$", re.sub(rb"\n[ \t]+", b" ", head), re.M)


def talk(host, *steps, source: str = "", to: str = hosts.MAIL_V4, port: int = 25) -> list:
    """One session of raw octets from a host; the answers."""
    order = {"host": to, "port": port, "from": source, "steps": steps}
    return json.loads(host.python("talk", stdin=json.dumps(order)))


def send_by_all(yard: Yard) -> dict[str, bytes]:
    """A message by each sender; returns them by subject."""
    sent = {name: letter(name) for name in ("postfix", "exim", "opensmtpd")}
    large = {f"large-{name}": letter(f"large-{name}", b"".join(
        b"%06d %s\n" % (i, b"y" * 60) for i in range(20000))) for name in ("postfix", "exim")}
    strangers = yard.host["world2"]
    for subject, message in (sent | large).items():
        if "postfix" in subject:
            yard.sender.run("/usr/sbin/sendmail", "-i", "-f", "a@one.example.com", "u@example.org",
                            stdin=message)
        elif "exim" in subject:
            foreign.by_exim(strangers, "a@two.example.com", ["u@example.org"], message)
        else:
            foreign.by_opensmtpd(strangers, "a@two.example.com", ["u@example.org"], message)
    swaks = letter("swaks")
    yard.sender.run("swaks", "--server", hosts.MAIL_V4, "--tls-optional", "--from",
                    "a@one.example.com", "--to", "u@example.org,w@example.net", "--helo",
                    "mx.one.example.com", "--data", "-", stdin=swaks)
    return sent | large | {"swaks": swaks + b"\n"}     # a line end of its own


@pytest.fixture(name="yard", scope="module")
def fixture_yard():
    """One yard for this file: it is up in a second, and each test starts a gate of its own."""
    with Yard(f"gate-{os.getpid()}") as yard:
        yield yard


@pytest.fixture(name="fresh")
def fixture_fresh(yard):
    """The same, with nothing of the test before."""
    yard.forget()
    yield yard
    yard.end_gate_if_it_runs()


@pytest.fixture(name="strange")
def fixture_strange():
    """One with Exim and OpenSMTPD, for one test: they remember who did not answer."""
    with Yard(f"gate-s-{os.getpid()}", strangers=True) as yard:
        yield yard


@pytest.mark.parametrize("mode", ["spool", "relay"])
def test_all_senders_octets_arrive_once_under_the_client_s_own_address(strange, mode):
    yard = strange
    yard.start_gate(mode, "--tls", "/etc/ssl/mail/mail.pem,/etc/ssl/mail/mail.key")
    sent = send_by_all(yard)
    # swaks wrote to two, at two domains; all lands in one folder, once for each
    messages = yard.wait_for_arrivals(len(sent) + 1)
    copies = [message for message in messages if b"Subject: swaks\n" in message]
    assert len(copies) == 2
    for message in copies[1:]:
        messages.remove(message)
    got = by_subject(messages)
    assert got.keys() == sent.keys()
    for subject, message in sent.items():
        assert bare(got[subject]) == bare(message), subject
        client = WORLD1 if subject in ("postfix", "large-postfix", "swaks") else WORLD2
        assert f"[{client}]".encode() in received(got[subject])[0], received(got[subject])
    log = yard.log()
    assert set(yard.clients()) <= {WORLD1, WORLD2}, log
    # what a check of SPF is told: the client, and never the gate
    told = yard.new.sh("cat /srv/sink/policy.log")
    assert f"client={WORLD1} " in told and f"client={WORLD2} " in told
    assert hosts.MAIL_V4 not in told
    assert "reject:" not in log
    # the three came under TLS to the gate
    assert "Trusted TLS" in yard.log(yard.sender) or "Untrusted TLS" in yard.log(yard.sender)
    assert b"TLS" in b" ".join(received(got["postfix"]))


@pytest.mark.parametrize("mode", ["spool", "relay"])
def test_parameters_and_chunks_pass_through(fresh, mode):
    yard = fresh
    yard.start_gate(mode)
    chunk = ("From: a@one.example.com\r\nSubject: chunk\r\n\r\nfirst\r\n",
             "\xc3\xa4 second\r\n.\r\n..\r\nlast\r\n")
    said = talk(yard.sender, "EHLO mx.one.example.com\r\n",
                "MAIL FROM:<j\xc3\xb6rg@one.example.com> SMTPUTF8 BODY=8BITMIME RET=HDRS "
                "ENVID=ab+2Bc\r\n",
                "RCPT TO:<u@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;first@example.org\r\n",
                f"BDAT {len(chunk[0])}\r\n{chunk[0]}", f"BDAT {len(chunk[1])} LAST\r\n{chunk[1]}",
                "QUIT\r\n")
    assert [word[:3] for word in said] == ["220", "250", "250", "250", "250", "250", "221"], said
    for keyword in ("PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN",
                    "CHUNKING"):
        assert re.search(rf"^250[- ]{keyword}", said[1], re.M), said[1]
    got = yard.wait_for_arrivals(1)[0]
    assert b"Subject: chunk\n" in got
    assert got.endswith("\nfirst\nä second\n.\n..\nlast\n".encode())
    assert "Return-Path: <jörg@one.example.com>".encode() in got
    # a notice of success was asked for, and the receiving Postfix makes it: it knows all of this
    log = wait_for(lambda: "sender delivery status notification" in yard.log() and yard.log(), 20,
                   "the notice")
    ident = re.search(r"([0-9A-F]+): sender delivery status notification: ([0-9A-F]+)", log)
    notice = yard.new.sh(f"postcat -q {ident.group(2)} || cat /var/log/mail.log")
    assert "Original-Envelope-Id: ab+c" in notice, notice
    assert "Original-Recipient: rfc822;first@example.org" in notice, notice


@pytest.mark.parametrize("mode", ["spool", "relay"])
def test_a_receiver_behind_the_proxy_protocol_sees_the_client_too(fresh, mode):
    yard = fresh
    yard.start_gate(mode, "--deliver-identity", "proxy", to=f"{hosts.NEW_V4}:10025")
    for to in (hosts.MAIL_V4, hosts.MAIL_V6):
        talk(yard.sender, "EHLO mx.one.example.com\r\n", "MAIL FROM:<a@one.example.com>\r\n",
             "RCPT TO:<u@example.org>\r\n", "DATA\r\n", f"Subject: {to}\r\n\r\nx\r\n.\r\n",
             "QUIT\r\n", to=to)
    got = by_subject(yard.wait_for_arrivals(2))
    assert set(yard.clients()) == {WORLD1, hosts.PLACES["world1"].addresses[1].partition("/")[0]}
    for message in got.values():
        assert b"from mx.one.example.com (unknown [" in received(message)[0]


CONTROL = "/run/gate.control"


def control(yard, *words: str) -> None:
    """Tell the gate something."""
    yard.gate.run("/usr/local/bin/mailhaul-gate", "control", CONTROL, *words)


def reconfigure(yard, *settings: str) -> None:
    """The receiver's, from the next session on: an idle smtpd would have one more as before."""
    if settings:
        yard.new.run("postconf", "-e", *settings)
    yard.new.sh("kill -HUP $(cat /var/spool/postfix/pid/master.pid)\n"
                "kill $(pgrep -x smtpd) || true")


def put(yard, subject: str) -> list:
    """One small message from the sending host; the answers."""
    return talk(yard.sender, "EHLO mx.one.example.com\r\n", "MAIL FROM:<a@one.example.com>\r\n",
                "RCPT TO:<u@example.org>\r\n", "DATA\r\n", f"Subject: {subject}\r\n\r\nx\r\n.\r\n",
                "QUIT\r\n")


def ask(yard, to: str, source: str = "") -> str:
    """What is answered when a recipient elsewhere is named, from one address or the other."""
    return talk(yard.sender, "EHLO mx.one.example.com\r\n", "MAIL FROM:<a@one.example.com>\r\n",
                "RCPT TO:<friend@elsewhere.example.com>\r\n", "QUIT\r\n", to=to, source=source)[3]


def test_who_could_send_to_everywhere_waits_and_is_then_the_new_server_s_to_judge(fresh):
    yard = fresh
    networks = ("--relay-networks", f"{WORLD1}/32", "--control", CONTROL)
    yard.start_gate("spool", *networks, "--hold")
    assert ask(yard, hosts.MAIL_V4).startswith("450 4.7.1 ")
    # anybody else, by IPv6: never
    assert ask(yard, hosts.MAIL_V6).startswith("554 5.7.1 ")
    control(yard, "mode", "relay")
    before = yard.log().count("<friend@elsewhere.example.com>")
    assert ask(yard, hosts.MAIL_V6).startswith("554 5.7.1 ")
    assert yard.log().count("<friend@elsewhere.example.com>") == before
    # the new server has no such network yet; then it has
    assert ask(yard, hosts.MAIL_V4).startswith("554 5.7.1 <friend@")
    reconfigure(yard, f"mynetworks=127.0.0.0/8 {WORLD1}",
                "smtpd_relay_restrictions=permit_mynetworks reject_unauth_destination")
    assert ask(yard, hosts.MAIL_V4).startswith("250 ")
    reconfigure(yard, "mynetworks=127.0.0.0/8 [::1]/128",
                "smtpd_relay_restrictions=reject_unauth_destination")
    assert yard.end_gate() == 0
    # told nothing of the client, it would judge the gate
    yard.start_gate("relay", *networks, "--deliver-identity", "none")
    assert ask(yard, hosts.MAIL_V4).startswith("450 4.7.1 ")


CA = ("--deliver-ca", "/etc/ssl/mail/ca.pem", "--deliver-name")


@pytest.mark.parametrize("wrong", [("--deliver-ca", "/etc/ssl/mail/stranger.pem"),
                                   (*CA, "mail.example.net")])
def test_only_a_server_whose_certificate_is_vouched_for_gets_mail(fresh, wrong):
    yard = fresh
    yard.start_gate("spool", *wrong, "--control", CONTROL)
    put(yard, "kept")
    wait_for(lambda: "state=unreachable" in yard.gate_log(), 20, "its answer")
    control(yard, "mode", "relay")
    assert put(yard, "passed")[2].startswith("451 4.4.1")
    assert yard.end_gate() == 0
    assert "certificate verify failed" in yard.gate_log() and not yard.arrived()
    assert "state=deferred" not in yard.gate_log()

    yard.start_gate("spool", *CA, hosts.MAIL_NAME)
    assert by_subject(yard.wait_for_arrivals(1)).keys() == {"kept"}
    assert b"TLSv1.3" in received(yard.arrived()[0])[0]


@pytest.fixture(name="strict")
def fixture_strict(fresh):
    """The receiver refuses whoever has no name in the DNS; and what makes an end of that."""
    reconfigure(fresh, "smtpd_client_restrictions=reject_unknown_client_hostname",
                "unknown_client_reject_code=550")

    def relax():
        reconfigure(fresh, "smtpd_client_restrictions=", "unknown_client_reject_code=450")
    yield fresh, relax
    relax()


def test_a_server_that_wants_a_client_s_name_says_later_and_never_no(strict):
    yard, relax = strict
    yard.start_gate("spool", "--deliver-retry-least", "1", "--deliver-retry-most", "2",
                    "--control", CONTROL)
    put(yard, "kept")
    wait_for(lambda: "reply=\"450 4.7.25" in yard.gate_log(), 20, "its answer")
    assert "state=held" not in yard.gate_log()
    control(yard, "mode", "relay")
    assert put(yard, "passed")[3].startswith("450 4.7.25"), yard.log()
    relax()
    assert by_subject(yard.wait_for_arrivals(1)).keys() == {"kept"}
    # a name that is not there is told as such, and no other's
    assert re.search(rf"client=unknown\[{re.escape(WORLD1)}\]", yard.log())


def test_behind_the_proxy_protocol_such_a_server_asks_for_the_name_itself(strict):
    yard, _ = strict
    yard.new.sh(f"echo {WORLD1} mx.one.example.com >>/etc/hosts")
    yard.new.run("postconf", "-P", "10025/inet/smtpd_peername_lookup=yes")
    reconfigure(yard)
    yard.start_gate("spool", "--deliver-identity", "proxy", to=f"{hosts.NEW_V4}:10025")
    put(yard, "named")
    got = by_subject(yard.wait_for_arrivals(1))
    assert f"(mx.one.example.com [{WORLD1}])".encode() in received(got["named"])[0]


def test_what_is_on_hold_stays_until_the_gate_is_told_otherwise(fresh):
    yard = fresh
    yard.start_gate("spool", "--hold")
    for number in range(5):
        talk(yard.sender, "EHLO mx.one.example.com\r\n", "MAIL FROM:<a@one.example.com>\r\n",
             "RCPT TO:<u@example.org>\r\n", "DATA\r\n", f"Subject: {number}\r\n\r\nx\r\n.\r\n",
             "QUIT\r\n")
    assert yard.end_gate() == 0
    assert not yard.arrived()
    yard.start_gate("spool")
    got = by_subject(yard.wait_for_arrivals(5))
    assert got.keys() == set("01234")


# all published ways to make one server see an end where another sees none
ENDS = ("\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r\n", "\r\n.\r", "\r.\r", "\n.\r", "\r.\n",
        "\r\n\0.\r\n", "\r\0\n.\r\n", "\r\n.\0\r\n", "\r\n\0.\n", "\r\n.\r\r\n", "\r\r\n.\r\r\n",
        "\n\n.\n\n", "\r\n. \r\n", "\r\n..\r\n", "\x85.\x85", "\r\n\t.\r\n")


@pytest.mark.parametrize("mode", ["spool", "relay"])
@pytest.mark.parametrize("newlines", ["reject", "normalize"])
def test_no_message_can_be_smuggled_in_another(fresh, mode, newlines):
    yard = fresh
    yard.start_gate(mode, "--newlines", newlines)
    taken = 0
    for number, form in enumerate(ENDS):
        smuggled = (f"MAIL FROM:<admin@example.org>\r\nRCPT TO:<u@example.org>\r\nDATA\r\n"
                    f"Subject: smuggled-{number}\r\n\r\nx\r\n")
        said = talk(yard.sender, "EHLO mx.one.example.com\r\n",
                    "MAIL FROM:<a@one.example.com>\r\n", "RCPT TO:<u@example.org>\r\n", "DATA\r\n",
                    f"Subject: outer-{number}\r\n\r\nx{form}{smuggled}.\r\n", "QUIT\r\n")
        # one answer to one message, and nothing that answers what was in it
        assert len(said) == 7 and said[4][:3] == "354", (form, said)
        assert said[5] and said[5][0] in "25", (form, said)
        assert said[6] is not None and said[6][:3] in ("221", ""), (form, said)
        taken += said[5].startswith("2")
    got = by_subject(yard.wait_for_arrivals(taken))
    assert len(got) == taken
    assert all(subject.startswith("outer-") for subject in got), got.keys()
    assert taken >= 4       # those that are plain text in a message
