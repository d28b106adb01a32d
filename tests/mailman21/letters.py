# SPDX-License-Identifier: BSD-2-Clause
"""Messages: as text, and as Mailman's pickles hold them."""

from .pickling import Instance, octets

CLASS = ("Mailman.Message", "Message")


def letter(number: int, sender: str, to: str, subject="A question", body="Hello.\n",
           extra=()) -> tuple:
    """(headers, body); headers are (name, value) with whatever octets."""
    headers = [("From", sender), ("To", to), ("Subject", subject),
               ("Date", f"Sun, 22 Nov 2026 15:{number % 60:02d}:00 +0000"),
               ("Message-ID", f"<letter{number}@example.net>"), *extra]
    return headers, body


def message_id(made: tuple) -> str:
    """With its angle brackets."""
    return dict(made[0])["Message-ID"]


def as_text(made: tuple, unix_from=None) -> bytes:
    """RFC 5322, with line ends as Mailman keeps them; with `unix_from`, as in an mbox."""
    headers, body = made
    lines = [octets(name) + b": " + octets(value) for name, value in headers]
    if unix_from:
        lines.insert(0, octets(unix_from))
        body = octets(body).replace(b"\nFrom ", b"\n>From ")
    return b"\n".join(lines) + b"\n\n" + octets(body)


def as_instance(made: tuple, unix_from=None, name=CLASS, **more) -> Instance:
    """The parsed message, as in heldmsg-*.pck and in queue files."""
    headers, body = made
    return Instance(*name, {
        "__version__": (4, 0, 3), "_charset": None, "_default_type": "text/plain",
        "_headers": [(octets(key), octets(value)) for key, value in headers],
        "_payload": octets(body), "_unixfrom": unix_from, "defects": [], "epilogue": None,
        "preamble": None, **more})


def as_multipart(made: tuple, parts: list, boundary="=_b_=") -> Instance:
    """A message that holds others."""
    headers, _ = made
    whole = as_instance((headers + [("Content-Type", f'multipart/mixed; boundary="{boundary}"')],
                         ""))
    whole.state["_payload"] = [
        Instance("email.mime.text", "MIMEText",
                 as_instance(([("Content-Type", "text/plain")], part)).state) for part in parts]
    whole.state["preamble"] = b"This is a message of many parts."
    whole.state["epilogue"] = b""
    return whole


def multipart_text(made: tuple, parts: list, boundary="=_b_=") -> bytes:
    """The text of as_multipart()."""
    headers, _ = made
    head = as_text((headers + [("Content-Type", f'multipart/mixed; boundary="{boundary}"')], ""))
    mark = b"--" + octets(boundary)
    return (head + b"This is a message of many parts.\n" + b"\n".join(
        mark + b"\nContent-Type: text/plain\n\n" + octets(part) for part in parts)
            + b"\n" + mark + b"--\n")


def envelope(number: int) -> str:
    """A From_ line."""
    return f"From poster{number}@example.net  Sun Nov 22 15:{number % 60:02d}:00 2026"


def mbox(letters: list) -> bytes:
    """As Mailman appends them, one blank line behind each."""
    return b"".join(as_text(made, envelope(number)) + b"\n" for number, made in enumerate(letters))
