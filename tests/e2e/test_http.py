# SPDX-License-Identifier: BSD-2-Clause
"""mailhaul-http, asked by frames that are made here: what it fetches, what it refuses, what it tells of a
certificate, and what it can't do any more."""

import base64
import http.server
import os
import socket
import ssl
import struct
import subprocess
import threading
from pathlib import Path

import pytest

from lab import sealed

pytestmark = pytest.mark.xdist_group("http")
ASK, ANSWER, ERROR = 80, 81, 3
GET, HEAD, POST, PATCH, PUT, DELETE = range(6)
TYPE, ACCEPT, USER, PASSWORD, AUTHORIZATION, ANY_CERTIFICATE = (1 << i for i in range(6))
NAME, EXPIRED, EARLY, ISSUER = (1 << i for i in range(4))
NEVER, PERSON, REACH = 2, 3, 4


class Handler(http.server.BaseHTTPRequestHandler):
    """Tells what was asked."""

    protocol_version = "HTTP/1.1"

    def answer(self, status: int, body: bytes, **fields: str) -> None:
        """One answer, over a connection that stays."""
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def any(self) -> None:
        """Whatever the method."""
        sent = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path == "/big":
            self.answer(200, b"x" * 100000)
        elif self.path == "/moved":
            self.answer(301, b"", Location="file:///etc/passwd\x1b[1m")
        elif self.path == "/silent":
            self.server.ended.wait(60)
        elif self.path == "/together":
            self.server.together.wait(60)
            self.answer(200, b"all")
        elif self.path == "/endless":
            self.send_response(200)
            self.send_header("X", "x" * 60000)
            self.send_header("Y", "y" * 60000)
            self.end_headers()
        elif self.path == "/smtp":
            self.wfile.write(b"220 mail.example.org ESMTP\r\n")
            self.close_connection = True
        else:
            self.server.paths.append(self.path)
            told = [self.command, self.path, self.headers["Host"],
                    self.headers.get("Authorization", "-"), self.headers.get("Content-Type", "-"),
                    self.headers["Accept"], str(self.client_address[1]), sent.decode()]
            self.answer(200, "\n".join(told).encode(), **{"Content-Type": "text/plain"})

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = any

    def log_message(self, *_) -> None:  # pylint: disable=arguments-differ
        """Nobody reads it."""


class Six(http.server.ThreadingHTTPServer):
    """Over IPv6."""

    address_family = socket.AF_INET6


def serve(kind: type, address: str, certificate: Path | None = None):
    """A server at a free port, in a thread."""
    server = kind((address, 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    server.ended, server.together = threading.Event(), threading.Barrier(4)
    server.paths = []
    if certificate:
        shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        shown.load_cert_chain(certificate, certificate.with_suffix(".key"))
        server.socket = shown.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


def openssl(folder: Path, *words: str) -> None:
    """One command."""
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=60)


def make_certificates(folder: Path) -> None:
    """An authority, and what it says of lists.example.org: now, and until yesterday."""
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl(folder, "req", "-x509", *new, "-subj", "/CN=A CA", "-keyout", "ca.key", "-out", "ca.pem")
    (folder / "names").write_text("subjectAltName=DNS:lists.example.org,IP:127.0.0.1\n")
    for name, days in (("good", "2"), ("expired", "-1")):
        openssl(folder, "req", *new, "-subj", "/CN=x", "-keyout", f"{name}.key", "-out", f"{name}.req")
        openssl(folder, "x509", "-req", "-in", f"{name}.req", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-days", days, "-extfile", "names", "-out", f"{name}.pem")


def text(value: bytes | str) -> bytes:
    """A string of the wire."""
    octets = value.encode() if isinstance(value, str) else value
    return struct.pack("<I", len(octets)) + octets


def number(value: int) -> bytes:
    """A number of the wire."""
    return struct.pack("<Q", value)


class Reader:
    """Fields of a body."""

    def __init__(self, body: bytes):
        self.body, self.at = body, 0

    def number(self) -> int:
        """The next one is a number."""
        self.at += 8
        return struct.unpack_from("<Q", self.body, self.at - 8)[0]

    def octets(self) -> bytes:
        """The next one is a string."""
        size = struct.unpack_from("<I", self.body, self.at)[0]
        self.at += 4 + size
        assert self.at <= len(self.body)
        return self.body[self.at - size:self.at]

    def text(self) -> str:
        """The same, of characters."""
        return self.octets().decode()


class Program:
    """mailhaul-http, and a socket to it."""

    def __init__(self, *words: str, **environment: str):
        here, there = socket.socketpair()
        path = Path(sealed.program()).resolve().parent / "mailhaul-http"
        self.process = subprocess.Popen([path, "--together", "4", *words], stdin=there, stdout=there,
                                        env=dict(os.environ, **environment))
        there.close()
        self.socket, self.file = here, here.makefile("rb")
        self.count = 0

    def begin(self, url: str, *addresses: str, method: int = GET, body: bytes = b"", flags: int = 0,
              texts: dict[int, str] | None = None, time_ms: int = 60000, most: int = 65536) -> int:
        """A request; its number."""
        texts = texts or {}
        self.count += 1
        packed = number(method) + text(url) + number(len(addresses))
        packed += b"".join(text(a) for a in addresses) + text(body) + number(flags | sum(texts))
        packed += b"".join(text(texts.get(flag, "")) for flag in
                           (TYPE, ACCEPT, USER, PASSWORD, AUTHORIZATION))
        packed += number(time_ms) + number(most)
        self.socket.sendall(struct.pack("<IBI", len(packed), ASK, self.count) + packed)
        return self.count

    def wait(self) -> tuple[int, dict]:
        """The next answer."""
        size, kind, which = struct.unpack("<IBI", self.file.read(9))
        r = Reader(self.file.read(size))
        if kind == ERROR:
            r.number()
            return which, {"retry": r.number(), "errno": r.number(), "why": r.text(), "hint": r.text()}
        assert kind == ANSWER
        found = {"status": r.number(), "flags": r.number(), "location": r.text(), "type": r.text(),
                 "address": r.text(), "page": r.octets(), "wrong": r.number(), "words": r.text()}
        found["names"] = [r.text() for _ in range(r.number())]
        return which, found | {"issuer": r.text(), "from": r.number(), "until": r.number()}

    def ask(self, url: str, *addresses: str, **more) -> dict:
        """Both."""
        which = self.begin(url, *addresses, **more)
        told, answer = self.wait()
        assert told == which
        return answer

    def end(self) -> int:
        """The exit code."""
        self.file.close()
        self.socket.close()
        return self.process.wait(60)


@pytest.fixture(name="world", scope="module")
def fixture_world(tmp_path_factory):
    """Servers, and the program that knows the authority."""
    folder = tmp_path_factory.mktemp("http")
    folder.chmod(0o755)
    make_certificates(folder)
    servers = {"plain": serve(http.server.ThreadingHTTPServer, "127.0.0.1"), "six": serve(Six, "::1")}
    for name in ("good", "expired"):
        servers[name] = serve(http.server.ThreadingHTTPServer, "127.0.0.1", folder / f"{name}.pem")
    program = Program("--ca-file", str(folder / "ca.pem"), http_proxy="http://127.0.0.1:9",
                      ALL_PROXY="http://127.0.0.1:9", SSL_CERT_FILE="/nothing")
    yield {name: s.server_address[1] for name, s in servers.items()} | {
        "program": program, "servers": servers, "folder": folder}
    code = program.end()
    for server in servers.values():
        server.ended.set()
        server.shutdown()
        server.server_close()
    assert code == 0


def lines(answer: dict) -> list[str]:
    """What the server was asked."""
    assert answer["status"] == 200, answer
    return answer["page"].decode().split("\n")


def test_a_request_is_sent_as_it_was_asked(world):
    """Any method, body, type and who asks; by address, under the name of the URL; nothing by proxy."""
    program, url = world["program"], f"http://lists.example.org:{world['plain']}"
    told = lines(program.ask(f"{url}/a/../b?c=d", "127.0.0.1"))
    assert told[:6] == ["GET", "/a/../b?c=d", f"lists.example.org:{world['plain']}", "-", "-", "*/*"]
    told = lines(program.ask(url + "/p", "127.0.0.1", method=POST, body=b"x=1",
                             texts={USER: "rest", PASSWORD: "se cret:"}))
    assert told[0] == "POST" and told[4] == "application/x-www-form-urlencoded" and told[7] == "x=1"
    assert base64.b64decode(told[3].removeprefix("Basic ")) == b"rest:se cret:"
    for method, word in ((PATCH, "PATCH"), (PUT, "PUT")):
        told = lines(program.ask(url + "/p", "127.0.0.1", method=method, body=b"{}",
                                 texts={TYPE: "application/json", ACCEPT: "text/plain",
                                        AUTHORIZATION: "Bearer abc"}))
        assert told[0] == word and told[3:6] == ["Bearer abc", "application/json", "text/plain"]
        assert told[7] == "{}"
    # who asked before is forgotten
    told = lines(program.ask(url + "/p", "127.0.0.1", method=DELETE))
    assert told[0] == "DELETE" and told[3] == "-"
    answer = program.ask(url + "/p", "127.0.0.1", method=HEAD)
    assert answer["status"] == 200 and answer["page"] == b"" and answer["type"] == "text/plain"
    assert lines(program.ask(f"http://[::1]:{world['six']}/six", "::1"))[1] == "/six"
    # the next address, where nobody listens at the first
    answer = program.ask(url, "127.0.0.2", "127.0.0.1")
    assert answer["status"] == 200 and answer["address"] == "127.0.0.1"


def test_a_connection_serves_the_next_request_too(world):
    """Keep-alive: the same port of ours; and as many at once as were allowed."""
    program, url = world["program"], f"http://again.example.org:{world['plain']}"
    first, second = (lines(program.ask(f"{url}/{n}", "127.0.0.1")) for n in range(2))
    assert first[6] == second[6]
    for _ in range(4):
        program.begin(url + "/together", "127.0.0.1")
    assert [program.wait()[1]["page"] for _ in range(4)] == [b"all"] * 4


def test_no_redirect_is_followed_and_no_answer_is_believed(world):
    """Where it leads is told, in print; limits of time and octets hold; what is no HTTP is refused."""
    program, url = world["program"], f"http://lists.example.org:{world['plain']}"
    answer = program.ask(url + "/moved", "127.0.0.1")
    assert answer["status"] == 301 and answer["location"] == r"file:///etc/passwd\x1b[1m"
    answer = program.ask(url + "/big", "127.0.0.1", most=10)
    assert answer["page"] == b"x" * 10 and answer["flags"] & 4
    answer = program.ask(url + "/silent", "127.0.0.1", time_ms=50)
    assert (answer["retry"], answer["errno"]) == (REACH, 110)
    answer = program.ask(url + "/endless", "127.0.0.1")
    assert answer["retry"] == NEVER and "no end" in answer["why"]
    assert "no HTTP" in program.ask(url + "/smtp", "127.0.0.1")["why"]
    answer = program.ask(url, "127.0.0.2")
    assert (answer["retry"], answer["errno"]) == (REACH, 111) and "127.0.0.2: connect" in answer["why"]


@pytest.mark.parametrize("url, addresses, more", [
    ("file:///etc/passwd", ["127.0.0.1"], {}), ("ftp://lists.example.org/", ["127.0.0.1"], {}),
    ("http://user@lists.example.org/", ["127.0.0.1"], {}),
    ("http://lists.example.org/", ["lists.example.org"], {}), ("http://lists.example.org/", [], {}),
    ("http://lists.example.org/", ["127.0.0.1"], {"texts": {ACCEPT: "a\r\nX: y"}}),
    ("https://lists.example.org/", ["127.0.0.1"],
     {"texts": {AUTHORIZATION: "Bearer x"}, "flags": ANY_CERTIFICATE}),
    ("http://lists.example.org/", ["127.0.0.1"], {"method": 6}),
])
def test_what_cannot_be_asked_is_refused(world, url, addresses, more):
    """By the program too, which asks servers alone, and no name."""
    assert world["program"].ask(url, *addresses, **more)["retry"] == NEVER


def test_what_is_wrong_with_a_certificate_is_told(world):
    """Name, date and issuer, all that is wrong; and the page where it is wanted anyway."""
    program = world["program"]

    def ask(name: str, server: str, **more):
        return program.ask(f"https://{name}:{world[server]}/", "127.0.0.1", **more)

    good = ask("lists.example.org", "good")
    assert good["status"] == 200 and good["wrong"] == 0 and good["words"] == ""
    assert good["names"] == ["lists.example.org", "127.0.0.1"] and good["issuer"] == "CN=A CA"
    assert good["until"] - good["from"] == 2 * 86400
    assert ask("127.0.0.1", "good")["wrong"] == 0
    # refused, and nothing of the request sent; then fetched, and nothing refused is let in behind it
    for name, server, wrong, words in (
            ("www.example.org", "good", NAME, "for another name: lists.example.org"),
            ("lists.example.org", "expired", EXPIRED, "its certificate has expired: "),
            ("www.example.org", "expired", NAME | EXPIRED, "has expired")):
        paths = world["servers"][server].paths
        for _ in range(2):
            del paths[:]
            answer = ask(name, server, texts={AUTHORIZATION: "Bearer secret"})
            assert answer["retry"] == PERSON and words in answer["why"] and not paths
            answer = ask(name, server, flags=ANY_CERTIFICATE)
            assert answer["status"] == 200 and answer["wrong"] == wrong and words in answer["words"]
    stranger = Program()
    answer = stranger.ask(f"https://lists.example.org:{world['good']}/", "127.0.0.1",
                          flags=ANY_CERTIFICATE)
    assert answer["wrong"] == ISSUER and "CN=A CA" in answer["words"]
    assert stranger.end() == 0


def test_authorities_that_cannot_be_read_are_told(world):
    """To who asks, not by an end of the program."""
    program = Program("--ca-file", "/nothing")
    answer = program.ask(f"http://lists.example.org:{world['plain']}/", "127.0.0.1")
    assert answer["retry"] == PERSON and "/nothing" in answer["why"]
    assert program.end() == 0


def test_the_program_has_given_up_what_it_need_not_have(world):
    """No root, no new rights, a filter of calls; who asks stands in no argv; nonsense ends it."""
    program = world["program"]
    status = Path(f"/proc/{program.process.pid}/status").read_text("ascii")
    words = dict(line.split(":", 1) for line in status.splitlines())
    assert set(words["Uid"].split()) == set(words["Gid"].split()) == {"65534"}
    assert (words["NoNewPrivs"].strip(), words["Seccomp"].strip()) == ("1", "2")
    bad = Program()
    bad.socket.sendall(struct.pack("<IBI", 0, 7, 1))
    assert bad.process.wait(60) == 65
    bad.end()
