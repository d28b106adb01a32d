# SPDX-License-Identifier: BSD-2-Clause
"""The gate by itself, on loopback: modes, recipients, TLS, limits, control, its rights, its end."""

import contextlib
import json
import os
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

from lab.ports import free_port
from lab.sealed import PATIENCE, program, wait_for

GATE = str(Path(program()).resolve().parent / "mailhaul-gate")
SENDER, ALICE = "a@one.example.com", "alice@example.org"


UNIT = Path(__file__).resolve().parents[2] / "contrib" / "mailhaul-gate.service"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze")
def test_systemd_has_nothing_against_the_unit(tmp_path):
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/usr/bin/mailhaul-gate", GATE))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], check=False,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr.strip() == "", done.stderr


class Gate:
    """A gate of the build, with a folder of its own."""

    def __init__(self, folder, *words, name="gate.example.org"):
        self.clients = []
        self.folder = Path(folder)
        self.folder.mkdir(exist_ok=True)
        os.chmod(self.folder, 0o755)
        self.port, self.control_path = free_port(), self.folder / "control"
        self.log_path, pid_file = self.folder / "log", self.folder / "pid"
        pid_file.unlink(missing_ok=True)
        with open(self.log_path, "wb") as log:
            self.child = subprocess.Popen(      # pylint: disable=consider-using-with
                [GATE, "--listen", f"127.0.0.1:{self.port}", "--pid-file", pid_file, "--control",
                 self.control_path, "--name", name, *map(str, words)], stderr=log)
        wait_for(lambda: self.child.poll() is not None or
                 (pid_file.exists() and pid_file.stat().st_size), 20, "the gate")
        assert self.child.poll() is None, self.log()

    def log(self):
        """What it has said."""
        return self.log_path.read_text()

    def control(self, *words, check=True):
        """What `mailhaul-gate control` answers."""
        done = subprocess.run([GATE, "control", self.control_path, *words], check=False,
                              capture_output=True, text=True, timeout=PATIENCE)
        assert not check or done.returncode == 0, done.stderr
        return done

    def status(self):
        """What it does now."""
        return json.loads(self.control("status").stdout)

    def client(self, port=None):
        """A session with its EHLO."""
        s = smtplib.SMTP("127.0.0.1", port or self.port, "one.example.com", timeout=PATIENCE)
        self.clients.append(s)
        s.ehlo()
        return s

    def raw(self):
        """A connection whose greeting has been read."""
        s = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        self.clients.append(s)
        return s, s.makefile("rb")

    def spooled(self, *words):
        """`mailhaul-gate spool` with its own spool."""
        return subprocess.run([GATE, "spool", *words, "--spool", self.folder / "spool"], check=True,
                              capture_output=True, text=True, timeout=PATIENCE).stdout

    def end(self):
        """By SIGTERM; exit code 0. Clients that are left have gone by then."""
        for client in self.clients:
            client.close()
        self.child.terminate()
        assert self.child.wait(60) == 0, self.log()


@pytest.fixture(name="tmp_path")
def fixture_tmp_path():
    """A folder that the gate can still reach when it is not root any more; pytest's own it can't."""
    with tempfile.TemporaryDirectory(prefix="mailhaul-gate-") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.fixture(name="gates")
def fixture_gates(tmp_path):
    """Starts gates, and ends those that are left."""
    with contextlib.ExitStack() as stack:
        def start(*words, folder="gate", **more):
            gate = Gate(tmp_path / folder, *words, **more)
            stack.callback(lambda: gate.child.poll() is None and gate.child.kill())
            return gate
        yield start


def spool(tmp_path, folder="gate"):
    """The words for a gate that takes mail for one domain."""
    return ("--mode", "spool", "--hold", "--spool", tmp_path / folder / "spool", "--domain",
            "example.org")


def mail(s, recipient=ALICE, sender=SENDER):
    """The answers to MAIL and RCPT."""
    return s.docmd(f"MAIL FROM:<{sender}>")[0], s.docmd(f"RCPT TO:<{recipient}>")[0]


def test_recipients_are_answered_as_the_list_says(gates, tmp_path):
    names = tmp_path / "names"
    names.write_text("domain example.org\nalice@example.org\ndelimiter +\n@catch.example.org\n"
                     "unknown 550 5.1.1 no such person\n")
    gate = gates("--mode", "spool", "--spool", tmp_path / "gate" / "spool", "--hold",
                 "--recipients", names, "--domain", "example.net")
    s = gate.client()
    s.mail(SENDER)
    said = {who: s.rcpt(who) for who in (ALICE, "Alice+x@EXAMPLE.org", "bob@example.org",
                                         "bob@example.net", "bob@example.com", "postmaster",
                                         "any@catch.example.org", "bob%example.com@example.org")}
    assert {who: code for who, (code, _) in said.items()} == {
        ALICE: 250, "Alice+x@EXAMPLE.org": 250, "bob@example.org": 550, "bob@example.net": 450,
        "bob@example.com": 554, "postmaster": 250, "any@catch.example.org": 250,
        "bob%example.com@example.org": 550}
    assert said["bob@example.org"][1] == b"5.1.1 no such person"
    # another list, without another start
    names.write_text("domain example.org\nbob@example.org\n")
    gate.control("reload")
    assert s.rcpt("bob@example.org")[0] == 250 and s.rcpt(ALICE)[0] == 550
    names.write_text("nonsense\n")
    assert "names:1: no address" in gate.control("reload", check=False).stderr
    assert s.rcpt("bob@example.org")[0] == 250
    gate.end()


def test_a_transaction_ends_in_the_mode_in_which_it_began(gates, tmp_path):
    gate = gates(*spool(tmp_path))
    s = gate.client()
    assert mail(s) == (250, 250)
    gate.control("mode", "defer")
    assert s.docmd("DATA")[0] == 354
    s.send("Subject: begun before\r\n\r\n.\r\n")
    assert s.getreply()[0] == 250
    assert s.docmd(f"MAIL FROM:<{SENDER}>")[0] == 451
    with pytest.raises(smtplib.SMTPConnectError):
        gate.client()
    gate.control("mode", "spool")
    assert mail(s) == (250, 250)            # the same session
    assert "without --deliver-to" in gate.control("mode", "relay", check=False).stderr
    assert gate.status()["mode"] == "spool"
    gate.end()
    assert "begun before" in gate.spooled("show", gate.spooled("list").split()[0], "--message")


def test_no_published_form_of_smuggling_gets_through_the_relay(gates, tmp_path):
    behind = gates(*spool(tmp_path, "behind"), "--xclient-from", "127.0.0.1", folder="behind")
    front = gates("--mode", "relay", "--domain", "example.org", "--deliver-to",
                  f"127.0.0.1:{behind.port}")
    ends = (b"\n.\n", b"\n.\r\n", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r.\r", b"\r\0\n.\r\n")
    evil = b"MAIL FROM:<evil@example.net>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\nevil\r\n.\r\n"
    for end in ends:
        with contextlib.closing(front.client()) as s:
            assert mail(s) == (250, 250)
            assert s.docmd("DATA")[0] == 354
            s.sock.sendall(b"Subject: x\r\n\r\nhello" + end + evil)
            code, _ = s.getreply()
            assert code // 100 == 5, (end, code)
    with contextlib.closing(front.client()) as s:
        assert s.sendmail(SENDER, [ALICE], "Subject: good\r\n\r\n.\r\n..\r\n. .\r\n") == {}
        # BDAT becomes DATA there, with the same octets
        mail(s)
        s.sock.sendall(b"BDAT 16\r\nSubject: chunk\r\nBDAT 8 LAST\r\n\r\n.\r\nx\r\n")
        assert (s.getreply()[0], s.getreply()[0]) == (250, 250)
    ids = [line.split()[0] for line in behind.spooled("list").splitlines()]
    assert len(ids) == 2
    bodies = [behind.spooled("show", i, "--message").replace("\r\n", "\n") for i in ids]
    assert bodies[0].endswith("Subject: good\n\n.\n..\n. .\n")
    assert bodies[1].endswith("Subject: chunk\n\n.\nx\n"), bodies[1]
    assert "evil" not in "".join(bodies)
    front.end()
    behind.end()


def test_the_relay_answers_for_a_server_that_is_not_there(gates, tmp_path):
    words = ("--mode", "relay", "--domain", "example.org", "--deliver-to",
             f"127.0.0.1:{free_port()}", "--hold", "--spool", tmp_path / "gate" / "spool")
    gate = gates(*words)
    s = gate.client()
    assert s.docmd(f"MAIL FROM:<{SENDER}>")[0] == 451
    gate.end()
    gate = gates(*words, "--unreachable", "spool")
    with contextlib.closing(gate.client()) as s:
        assert s.sendmail(SENDER, [ALICE], "Subject: kept\r\n\r\nx\r\n") == {}
        assert mail(s, "bob@example.com") == (250, 554)
    gate.end()
    assert len(gate.spooled("list").splitlines()) == 1


def make_certificate(folder, name):
    """CERTIFICATE,KEY of `name`, and of all below it."""
    pem, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", pem, "-days", "2",
                    "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"], check=True,
                   capture_output=True)
    os.chmod(key, 0o600)
    return f"{pem},{key}"


def certificate_of(s):
    """What the server shows, as DER."""
    return s.sock.getpeercert(True)


def test_certificates_are_chosen_by_name_and_replaced_while_sessions_go_on(gates, tmp_path):
    one, two = (make_certificate(tmp_path, f"{n}.example.org") for n in ("one", "two"))
    gate = gates(*spool(tmp_path), "--tls", one, "--tls", two)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def begin(name):
        s = gate.client()
        s._host = name  # what smtplib asks for; pylint: disable=protected-access
        assert s.starttls(context=context)[0] == 220
        s.ehlo()
        assert not s.has_extn("starttls")
        return s

    sessions = {name: begin(name) for name in
                ("one.example.org", "two.example.org", "three.example.org")}
    shown = {name: certificate_of(s) for name, s in sessions.items()}
    files = {name: ssl.PEM_cert_to_DER_cert((tmp_path / f"{name}.pem").read_text())
             for name in ("one.example.org", "two.example.org")}
    assert shown == {**files, "three.example.org": files["one.example.org"]}
    make_certificate(tmp_path, "one.example.org")       # renewed, readable by root alone
    gate.control("reload")
    assert certificate_of(begin("one.example.org")) != shown["one.example.org"]
    assert sessions["one.example.org"].sendmail(SENDER, [ALICE], "Subject: x\r\n\r\n") == {}
    (tmp_path / "one.example.org.key").write_text("junk")
    assert gate.control("reload", check=False).returncode == 65
    assert certificate_of(begin("two.example.org")) == shown["two.example.org"]
    # octets in clear behind STARTTLS end the session
    s, lines = gate.raw()
    s.sendall(b"EHLO x\r\nSTARTTLS\r\nMAIL FROM:<evil@example.net>\r\n")
    assert b"2.1.0" not in lines.read()
    gate.end()
    assert "(using TLSv1.3" in gate.spooled("show", gate.spooled("list").split()[0], "--message")


def test_one_address_can_not_take_all_connections_and_a_crowd_is_cheap(gates, tmp_path):
    gate = gates(*spool(tmp_path), "--connections", 30, "--connections-each", 5, "--rate", 0)
    first = [gate.client() for _ in range(5)]
    for _ in range(300):
        s, lines = gate.raw()
        assert lines.readline().startswith(b"421 4.7.0 gate.example.org Too many connections from")
        s.close()
    other = socket.create_connection(("127.0.0.1", gate.port), PATIENCE, ("127.0.0.2", 0))
    assert other.recv(100).startswith(b"220 ")
    assert all(s.noop()[0] == 250 for s in first)
    counters = gate.status()["counters"]
    assert counters["too_many"] == 300 and counters["sessions"] == 6
    gate.end()


def begin_a_message(gate):
    """A session in the middle of its message: of a gate with little patience, which may have ended those
    before on a machine that is slower than that."""
    for _ in range(100):
        with contextlib.suppress(smtplib.SMTPException, OSError):
            s = gate.client()
            if mail(s) == (250, 250) and s.docmd("DATA")[0] == 354:
                s.send("Subject: half\r\n")
                return s
    raise AssertionError("no message can be begun")


def test_whoever_says_nothing_or_reads_nothing_is_ended(gates, tmp_path):
    gate = gates(*spool(tmp_path), "--command-timeout", 1, "--data-timeout", 1)
    s, lines = gate.raw()
    s.sendall(b"EH")
    mute = gate.raw()[0]
    begun = begin_a_message(gate)
    # what it is told it never reads: what is kept for it has an end, and so has our patience
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.connect(("127.0.0.1", gate.port))
    deaf.settimeout(PATIENCE)
    with pytest.raises(ConnectionError):
        while True:
            deaf.sendall(b"EHLO x\r\n" * 512)
    assert lines.read().endswith(b"421 4.4.2 gate.example.org Error: timeout exceeded\r\n")
    assert begun.getreply()[0] == 421
    wait_for(lambda: gate.status()["connections"] == 0, 20, "all sessions to end")
    with open(f"/proc/{gate.child.pid}/status", encoding="ascii") as status:
        facts = dict(line.split(":", 1) for line in status)
    assert int(facts["VmRSS"].split()[0]) < 40000
    mute.close()
    gate.end()
    assert gate.spooled("list") == ""


def test_xclient_and_proxy_are_believed_from_those_who_may(gates, tmp_path):
    gate = gates(*spool(tmp_path), "--xclient-from", "127.0.0.2", "--proxy-from", "127.0.0.3")
    assert not gate.client().has_extn("xclient")
    assert gate.client().docmd("XCLIENT ADDR=192.0.2.9")[0] // 100 == 5
    s = smtplib.SMTP("127.0.0.1", gate.port, "x", PATIENCE, ("127.0.0.2", 0))
    s.ehlo()
    assert s.has_extn("xclient")
    assert s.docmd("XCLIENT ADDR=198.51.100.7 NAME=one.example.com HELO=h.example.com")[0] == 220
    s.ehlo()
    assert s.sendmail(SENDER, [ALICE], "Subject: x\r\n\r\n") == {}
    with socket.create_connection(("127.0.0.1", gate.port), PATIENCE, ("127.0.0.3", 0)) as s:
        s.sendall(b"PROXY TCP4 198.51.100.8 192.0.2.1 4000 25\r\n")
        lines = s.makefile("rb")
        assert lines.readline().startswith(b"220 ")
        s.sendall(b"EHLO p.example.com\r\nMAIL FROM:<>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n")
        while not lines.readline().startswith(b"354"):
            pass
        s.sendall(b"x: y\r\n.\r\n")
        assert lines.readline().startswith(b"250")
    with socket.create_connection(("127.0.0.1", gate.port), PATIENCE, ("127.0.0.3", 0)) as s:
        s.sendall(b"EHLO x\r\n")
        assert s.recv(100) == b""
    gate.end()
    said = gate.log()
    assert "client=[198.51.100.7]" in said and "client=[198.51.100.8]:4000" in said
    for line, address in zip(gate.spooled("list").splitlines(), ("198.51.100.7", "198.51.100.8")):
        text = gate.spooled("show", line.split()[0], "--message")
        assert f"[{address}]" in text, text


def test_too_big_too_full_and_too_many_are_told_apart(gates, tmp_path):
    gate = gates(*spool(tmp_path), "--message-size", "20k", "--header-size", "1k",
                 "--recipients-most", 100, "--errors", 3)
    s = gate.client()
    assert s.docmd(f"MAIL FROM:<{SENDER}> SIZE=30000")[0] == 552
    for message in ("Subject: x\r\n\r\n" + "y\r\n" * 10000, "X: y\r\n" * 300 + "\r\n"):
        mail(s)
        assert s.data(message)[0] == 552
    mail(s)
    for n in range(99):
        assert s.rcpt(f"u{n}@example.org")[0] == 250
    assert s.rcpt("one.more@example.org")[0] == 452
    gate.end()
    gate = gates(*spool(tmp_path), "--reserve", "1000G")
    s = gate.client()
    code, words = s.docmd(f"MAIL FROM:<{SENDER}>")
    assert code == 452 and words.startswith(b"4.3.1")
    assert gate.status()["counters"]["full"] == 1
    gate.end()


def test_nothing_that_was_answered_is_lost_when_it_is_told_to_end(gates, tmp_path):
    gate = gates(*spool(tmp_path), "--rate", 0)
    answered, lock = [0], threading.Lock()

    def send():
        # AttributeError: smtplib reads from a socket that it has closed by itself
        with contextlib.suppress(smtplib.SMTPException, OSError, AttributeError):
            with gate.client() as s:
                for _ in range(2000):
                    s.sendmail(SENDER, [ALICE], "Subject: x\r\n\r\nhello\r\n")
                    with lock:
                        answered[0] += 1

    senders = [threading.Thread(target=send) for _ in range(8)]
    for sender in senders:
        sender.start()
    wait_for(lambda: answered[0] > 200, 20, "mail")
    gate.end()
    for sender in senders:
        sender.join(PATIENCE)
    kept = len(gate.spooled("list").splitlines())
    # a client may be gone before it hears its 250; never the other way round
    assert answered[0] <= kept <= answered[0] + len(senders)


def test_it_gives_up_its_rights_and_obeys_its_owner_alone(gates, tmp_path):
    port = free_port()
    gate = gates(*spool(tmp_path), "--metrics", f"127.0.0.1:{port}", "--sandbox", "must")
    with open(f"/proc/{gate.child.pid}/status", encoding="ascii") as status:
        facts = dict(line.split(":", 1) for line in status)
    assert set(facts["Uid"].split()) == {"65534"} and facts["NoNewPrivs"].strip() == "1"
    assert facts["Seccomp"].strip() == "2" and int(facts["CapEff"], 16) == 0
    assert os.stat(gate.control_path).st_mode & 0o777 == 0o600
    os.chmod(gate.control_path, 0o666)      # even then: the kernel is asked who it is
    stranger = subprocess.run(["setpriv", "--reuid", "12345", "--clear-groups", GATE, "control",
                               gate.control_path, "stop"], check=False, capture_output=True)
    assert stranger.returncode == 78
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as s:
        s.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        page = s.makefile("rb").read()
    assert b"mailhaul_gate_taken_total 0\n" in page and b"mailhaul_gate_spool_free " in page
    gate.child.send_signal(signal.SIGHUP)
    wait_for(lambda: gate.log().count("loaded ") == 2, 20, "the reload")
    gate.control("stop")
    assert gate.child.wait(60) == 0


def test_sockets_of_the_parent_are_taken(tmp_path):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(10)
        waiting = socket.create_connection(s.getsockname(), PATIENCE)
        at = f"127.0.0.1:{s.getsockname()[1]}"

        def give():
            os.dup2(s.fileno(), 3)
            os.environ["LISTEN_PID"] = str(os.getpid())

        with subprocess.Popen(      # pylint: disable=subprocess-popen-preexec-fn
                ["sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"', GATE, "--listen", at,
                 "--mode", "defer", "--name", "g.example.org", "--wait", "0"], preexec_fn=give,
                pass_fds=(3,), stderr=subprocess.PIPE) as child:
            assert waiting.recv(100).startswith(b"421 4.3.2 g.example.org")
            child.terminate()
            assert child.wait(60) == 0


def test_a_session_that_logs_in_is_relayed_or_deferred_never_kept(gates, tmp_path):
    port = free_port()
    gate = gates(*spool(tmp_path), "--listen-submission", f"127.0.0.1:{port}", "--defer-at",
                 "command")
    with contextlib.closing(gate.client(port)) as s:
        assert not s.has_extn("auth")
        assert s.docmd("AUTH PLAIN AGEAYg==")[0] // 100 == 5
        assert s.docmd(f"MAIL FROM:<{ALICE}>")[0] == 451
    assert gate.client().sendmail(SENDER, [ALICE], "Subject: x\r\n\r\n") == {}
    gate.end()
    assert len(gate.spooled("list").splitlines()) == 1


def test_half_a_conversation_is_answered_to_its_end(gates, tmp_path):
    """Everything in one piece, and no more reading: what was said counts."""
    gate = gates(*spool(tmp_path))
    s, lines = gate.raw()
    s.sendall(b"EHLO x\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n"
              b"Subject: x\r\n\r\n.\r\nMAIL FROM:<b@example.com>\r\nRCPT TO:<bob@example.org>\r\n"
              b"DATA\r\nSubject: y\r\n\r\n.\r\nQUIT\r\n")
    s.shutdown(socket.SHUT_WR)
    codes = [line[:3] for line in lines if line[3:4] == b" "]
    assert codes == [b"220", b"250"] + [b"250", b"250", b"354", b"250"] * 2 + [b"221"]
    gate.end()
    assert len(gate.spooled("list").splitlines()) == 2


def test_large_messages_pass_in_chunks_or_at_once_and_hold_no_memory(gates, tmp_path):
    behind = gates(*spool(tmp_path, "behind"), "--xclient-from", "127.0.0.1", folder="behind")
    front = gates("--mode", "relay", "--domain", "example.org", "--deliver-to",
                  f"127.0.0.1:{behind.port}")
    head, line = b"Subject: large\r\n\r\n", b"z" * 998 + b"\r\n"
    body = head + line * 12000
    for gate in (front, behind):
        with contextlib.closing(gate.client()) as s:
            mail(s)
            for at in range(0, len(body), 5000000):
                piece = body[at:at + 5000000]
                last = b" LAST" if at + 5000000 >= len(body) else b""
                s.sock.sendall(b"BDAT %d%s\r\n" % (len(piece), last) + piece)
                assert s.getreply()[0] == 250
            assert s.sendmail(SENDER, [ALICE], body) == {}
        with open(f"/proc/{gate.child.pid}/status", encoding="ascii") as status:
            facts = dict(row.split(":", 1) for row in status)
        assert int(facts["VmHWM"].split()[0]) < 40000
    for row in behind.spooled("list").splitlines():
        text = subprocess.run([GATE, "spool", "show", row.split()[0], "--message", "--spool",
                               behind.folder / "spool"], check=True, capture_output=True).stdout
        assert text.endswith(body)
    front.end()
    behind.end()


class Server(threading.Thread):
    """A new server that takes everything, asks for a password, and remembers what it was told."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.heard = []
        self.start()

    def run(self):
        while True:
            client = self.socket.accept()[0]
            threading.Thread(target=self.talk, args=(client,), daemon=True).start()

    def talk(self, client):
        """One session, with AUTH PLAIN and LOGIN of bob, b."""
        with client, client.makefile("rb") as lines:
            client.sendall(b"220 behind.example.org ESMTP\r\n")
            for line in lines:
                line = line.rstrip(b"\r\n")
                self.heard.append(line)
                word = line.split(b" ")[0].upper()
                if word == b"EHLO":
                    said = b"250-behind\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n"
                elif line == b"AUTH PLAIN AGJvYgBi":
                    said = b"235 2.7.0 Welcome\r\n"
                elif line == b"AUTH LOGIN":
                    client.sendall(b"334 VXNlcm5hbWU6\r\n")
                    self.heard.append(lines.readline())
                    client.sendall(b"334 UGFzc3dvcmQ6\r\n")
                    self.heard.append(lines.readline())
                    said = b"235 2.7.0 Welcome\r\n"
                elif word == b"AUTH":
                    said = b"535 5.7.8 Wrong\r\n"
                elif word == b"DATA":
                    client.sendall(b"354 go on\r\n")
                    while lines.readline() not in (b".\r\n", b""):
                        pass
                    said = b"250 2.0.0 queued\r\n"
                else:
                    said = b"250 2.0.0 Ok\r\n"
                client.sendall(said)
                if word == b"QUIT":
                    return


def test_a_password_goes_to_the_new_server_and_nobody_relays_without_one(gates, tmp_path):
    server, port = Server(), free_port()
    gate = gates("--mode", "relay", "--domain", "example.org", "--listen-submission",
                 f"127.0.0.1:{port}", "--deliver-to", f"127.0.0.1:{server.port}",
                 "--submission-to", f"127.0.0.1:{server.port}", "--deliver-identity", "none",
                 "--tls", make_certificate(tmp_path, "gate.example.org"))
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with contextlib.closing(gate.client(port)) as s:
        assert not s.has_extn("auth")       # not in clear
        assert mail(s, "friend@example.com") == (250, 554)
        s.rset()
        s.starttls(context=context)
        s.ehlo()
        assert s.esmtp_features["auth"].split() == ["PLAIN", "LOGIN"]
        assert mail(s, "friend@example.com") == (250, 554)
        s.rset()
        assert s.docmd("AUTH PLAIN AGJvYgBj")[0] == 535
        s.user, s.password = "bob", "b"
        assert s.auth("PLAIN", s.auth_plain)[0] == 235
        assert s.sendmail("bob@example.org", ["friend@example.com"], "Subject: x\r\n\r\n") == {}
    with contextlib.closing(gate.client(port)) as s:
        s.starttls(context=context)
        s.ehlo()
        s.user, s.password = "bob", "b"
        assert s.auth("LOGIN", s.auth_login, initial_response_ok=False)[0] == 235
    with contextlib.closing(gate.client()) as s:            # port 25 knows no passwords
        s.starttls(context=context)
        s.ehlo()
        assert not s.has_extn("auth")
        assert mail(s, "friend@example.com") == (250, 554)
    told = [line.upper() for line in server.heard]
    assert told.count(b"RCPT TO:<FRIEND@EXAMPLE.COM>") == 1
    assert b"AGJvYgBi" not in gate.log_path.read_bytes()
    gate.end()
