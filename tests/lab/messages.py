# SPDX-License-Identifier: BSD-2-Clause
"""Messages of the shapes that real mailboxes hold, the same for the same seed.

A `Letter` is what lies on disk: its octets with the line ends of the file, and its time.
"""

import base64
import random
from collections.abc import Callable
from dataclasses import dataclass
from email.header import Header
from email.utils import formatdate

SMALLEST, LARGEST = 300, 10_000_000     # octets
_DAY = 86400

_WORDS = ("the of and to in is that for it as was with be by on not he his but at are this have "
          "from or had an they which one you were her all she there would their we him been has "
          "when who will more no if out so said what up its about into than them can only other "
          "new some time invoice meeting delivery order contract project Tuesday backup server "
          "release question "
          "Gruß Änderung Straße später überweisen côté déjà niño").split()
_NAMES = ("Ann Archer", "Bo Baker", "Cleo Cook", "Jörg Müller", "Dora Dyer", "Élodie Étienne",
          "Finn Fisher", "Gil Glover", "Hope Hunter", "Ían Ó Briain")
_PLACES = ("one.example.com", "two.example.com", "lists.example.com", "shop.example.com")


@dataclass
class Letter:
    """One message as a file; `kind` is the name of its shape."""

    kind: str
    content: bytes
    time: int       # seconds since 1970 UTC, may be before


class Writer:
    """Makes letters; two writers with the same seed make the same ones."""

    def __init__(self, seed: str, now: int):
        self.random = random.Random(seed)
        self.now = now
        self.count = 0
        self.seed = seed
        text = " ".join(self.random.choice(_WORDS) for _ in range(60_000)).encode()
        # lines of some 70 octets: a slice of this is a body
        self.prose = b"\n".join(text[i:i + 70] for i in range(0, len(text), 70)) + b"\n"
        noise = base64.b64encode(self.random.randbytes(300_000))
        self.noise = b"\n".join(noise[i:i + 76] for i in range(0, len(noise), 76)) + b"\n"

    def letter(self, to: str) -> Letter:
        """One ordinary message, of an ordinary size."""
        octets = int(min(max(self.random.lognormvariate(8.1, 1.4), SMALLEST), 900_000))
        kind = self.random.choices(
            ("plain", "8bit", "encoded", "multipart", "list"), (50, 12, 13, 15, 10))[0]
        return self.make(kind, to, octets)

    def make(self, kind: str, to: str, octets: int) -> Letter:
        """One message of a shape of _SHAPES, of about `octets`."""
        time = self.now - int(self.random.expovariate(1 / (500 * _DAY))) - 60
        lines = self.headers(to, time)
        return Letter(kind, _SHAPES[kind](self, lines, octets), time)

    def headers(self, to: str, time: int) -> dict[str, bytes]:
        """The usual header fields, in their usual order."""
        self.count += 1
        name, domain = self.random.choice(_NAMES), self.random.choice(_PLACES)
        local = name.split()[0].lower().encode("ascii", "ignore").decode()
        date = formatdate(time, localtime=False)
        ident = f"{self.seed}.{self.count}"
        subject = " ".join(self.random.choices(_WORDS[60:], k=4))
        return {
            "Return-Path": f"<{local}@{domain}>".encode(),
            "Delivered-To": to.encode(),
            "Received": (f"from mx.{domain} (mx.{domain} [198.51.100.11])\n"
                         f"\tby mail.example.org (Postfix) with ESMTPS id {ident.upper()}\n"
                         f"\tfor <{to}>; {date}").encode(),
            "From": f"{Header(name, 'utf-8').encode()} <{local}@{domain}>".encode(),
            "To": to.encode(),
            "Subject": Header(subject, "utf-8").encode().encode(),
            "Date": date.encode(),
            "Message-ID": f"<{ident}@{domain}>".encode(),
        }

    def body(self, octets: int, source: bytes | None = None) -> bytes:
        """Lines of text of about `octets`, at least one."""
        source = source or self.prose
        start = source.find(b"\n", self.random.randrange(len(source) // 2)) + 1
        octets = max(octets, 20)
        if start + octets <= len(source):
            text = source[start:start + octets]
        else:
            text = (source[start:] + source * (octets // len(source) + 1))[:octets]
        return text[:-1].rstrip(b"\n") + b"\n"


def join(fields: dict[str, bytes], body: bytes) -> bytes:
    """Header fields, an empty line, the body."""
    return b"".join(name.encode() + b": " + value + b"\n"
                    for name, value in fields.items()) + b"\n" + body


def _rest(fields: dict[str, bytes], octets: int) -> int:
    return octets - len(join(fields, b""))


def _plain(writer: Writer, fields: dict[str, bytes], octets: int) -> bytes:
    fields["Content-Type"] = b"text/plain; charset=utf-8"
    fields["Content-Transfer-Encoding"] = b"8bit"
    return join(fields, writer.body(_rest(fields, octets)))


def _raw_header(writer: Writer, fields: dict[str, bytes], octets: int) -> bytes:
    # 8-bit octets in a header, in two character sets, as old programs write them
    charset = writer.random.choice(("latin-1", "utf-8"))
    fields["Subject"] = "Überweisung für Straße Nº 5".encode(charset)
    fields["From"] = "Jörg Müller <joerg@shop.example.com>".encode(charset)
    return join(fields, writer.body(_rest(fields, octets)))


def _encoded(writer: Writer, fields: dict[str, bytes], octets: int) -> bytes:
    fields["Subject"] = (b"=?UTF-8?B?w5xiZXJwcsO8ZnVuZyBkZXIgQW5mcmFnZQ==?=\n"
                         b" =?ISO-8859-1?Q?f=FCr_M=E4rz?=")
    fields["Content-Type"] = b"text/html; charset=iso-8859-1"
    return join(fields, b"<html><body>\n" + writer.body(_rest(fields, octets) - 40)
                + b"</body></html>\n")


def _multipart(writer: Writer, fields: dict[str, bytes], octets: int) -> bytes:
    edge = b"=_edge_%d" % writer.count
    fields["MIME-Version"] = b"1.0"
    fields["Content-Type"] = b'multipart/mixed; boundary="' + edge + b'"'
    text = writer.body(min(octets // 4, 2000))
    rest = _rest(fields, octets) - len(text) - 200
    return join(fields, b"".join((
        b"--", edge, b"\nContent-Type: text/plain\n\n", text,
        b"--", edge, b"\nContent-Type: application/octet-stream\n"
        b"Content-Transfer-Encoding: base64\n\n", writer.body(rest, writer.noise),
        b"--", edge, b"--\n")))


def _list(writer: Writer, fields: dict[str, bytes], octets: int) -> bytes:
    fields["List-Id"] = b"Developers <dev.lists.example.com>"
    fields["List-Post"] = b"<mailto:dev@lists.example.com>"
    fields["Precedence"] = b"list"
    return join(fields, writer.body(_rest(fields, octets)))


def _without(name: str) -> Callable:
    def shape(writer: Writer, fields: dict[str, bytes], octets: int) -> bytes:
        del fields[name]
        return join(fields, writer.body(_rest(fields, octets)))
    return shape


def _nul(writer: Writer, fields: dict[str, bytes], octets: int) -> bytes:
    text = writer.body(_rest(fields, octets))
    return join(fields, text[:50] + b"\0\0" + text[50:])


def _carriage_return(writer: Writer, fields: dict[str, bytes], octets: int) -> bytes:
    text = writer.body(_rest(fields, octets))
    return join(fields, text[:40] + b"\rback to the left\r\r" + text[40:])


def _empty_body(_writer: Writer, fields: dict[str, bytes], _octets: int) -> bytes:
    return join(fields, b"")


def _no_end_of_header(_writer: Writer, fields: dict[str, bytes], _octets: int) -> bytes:
    return join(fields, b"")[:-1]


def _no_last_newline(writer: Writer, fields: dict[str, bytes], octets: int) -> bytes:
    return join(fields, writer.body(_rest(fields, octets)))[:-1]


def _long_header(writer: Writer, fields: dict[str, bytes], octets: int) -> bytes:
    fields["X-Spam-Report"] = b"score " * 20_000          # 120,000 octets in one line
    fields["To"] = b",\n ".join(b"person%d@lists.example.com" % n for n in range(400))
    return join(fields, writer.body(octets))


def _crlf(writer: Writer, fields: dict[str, bytes], octets: int) -> bytes:
    # a fetcher that keeps the line ends of the wire
    return _plain(writer, fields, octets).replace(b"\n", b"\r\n")


def _from_lines(writer: Writer, fields: dict[str, bytes], octets: int) -> bytes:
    return join(fields, b"He wrote:\n>From here on\n>>From there\n. \n..\n"
                + writer.body(_rest(fields, octets)))


def _no_header(writer: Writer, _fields: dict[str, bytes], octets: int) -> bytes:
    return b"\n" + writer.body(octets)


def _smallest(_writer: Writer, fields: dict[str, bytes], _octets: int) -> bytes:
    short = {name: fields[name] for name in ("From", "To", "Subject", "Date", "Message-ID")}
    content = join(short, b"")
    return content + b"." * (SMALLEST - len(content) - 1) + b"\n"


_SHAPES: dict[str, Callable[[Writer, dict[str, bytes], int], bytes]] = {
    "plain": _plain,
    "8bit": _raw_header,
    "encoded": _encoded,
    "multipart": _multipart,
    "list": _list,
    "no-message-id": _without("Message-ID"),
    "no-date": _without("Date"),
    "no-from": _without("From"),
    "nul": _nul,
    "carriage-return": _carriage_return,
    "empty-body": _empty_body,
    "no-end-of-header": _no_end_of_header,
    "no-last-newline": _no_last_newline,
    "long-header": _long_header,
    "crlf": _crlf,
    "from-lines": _from_lines,
    "no-header": _no_header,
    "smallest": _smallest,
}

_DATES = {
    "1904": (-2082844800, b"Fri, 1 Jan 1904 00:00:00 +0000"),
    "2038": (2147483648, b"Tue, 19 Jan 2038 03:14:08 +0000"),
    "1970": (0, b"Thu, 1 Jan 1970 00:00:00 +0000"),
    "nonsense": (None, b"yesterday, I think"),
}


def oddities(writer: Writer, to: str) -> list[Letter]:
    """One of each shape that a careless mover stumbles over, and the pairs among them."""
    ordinary = ("plain", "8bit", "encoded", "multipart", "list")
    letters = [writer.make(kind, to, 2500) for kind in _SHAPES if kind not in ordinary]
    for name, (time, date) in _DATES.items():
        odd = writer.make("plain", to, 1800)
        odd.content = odd.content.replace(b"\nDate: ", b"\nDate: " + date + b"\nX-Real-Date: ", 1)
        odd.kind, odd.time = f"date-{name}", odd.time if time is None else time
        letters.append(odd)
    twin = writer.make("plain", to, 1500)
    other = Letter("same-id-other-bytes", twin.content + b"-- \nanother footer\n", twin.time + 5)
    letters += [twin, Letter("identical", twin.content, twin.time), other]
    return letters


def biggest(writer: Writer, to: str) -> Letter:
    """One message of LARGEST octets."""
    letter = writer.make("multipart", to, LARGEST)
    letter.kind = "biggest"
    return letter
