# SPDX-License-Identifier: BSD-2-Clause
"""Pickles and marshalled data as Python 2 wrote them.

Python 3's own pickle module cannot: it has no old-style instances, and no `str` of octets in
protocols 0 and 1. In this package

    bytes, or str of ASCII alone   Python 2 str
    Unicode("...")                 Python 2 unicode
    Long(7)                        7L
    Instance(module, name, state)  an old-style instance with that __dict__
    bool int float None tuple list dict    themselves
"""

import struct
from dataclasses import dataclass, field


class Unicode(str):
    """Python 2 unicode."""


class Long(int):
    """Python 2 long, however small."""


@dataclass(eq=False)
class Instance:
    """An old-style instance: a class by name, and its attributes."""
    module: str
    name: str
    state: dict = field(default_factory=dict)


def octets(text) -> bytes:
    """The octets of what stands for a Python 2 str."""
    return text if isinstance(text, bytes) else text.encode("ascii")


BATCH = 1000    # cPickle writes at most so many items behind one MARK


class _Pickler:
    """One pickle; strings are memoized by value, whatever holds others by identity."""

    def __init__(self):
        self.out = []
        self.memo = {}
        self.kept = []      # so that no identity is used twice

    def put(self, key) -> None:
        """Remember what stands on the stack now."""
        self.memo[key] = len(self.memo)
        self.emit_put(self.memo[key])

    def known(self, key) -> bool:
        """Emit a GET for what was there before."""
        if key not in self.memo:
            return False
        self.emit_get(self.memo[key])
        return True

    def key(self, value):
        """What a value is known by, or None: it is never asked for again."""
        if isinstance(value, Unicode):
            return ("u", value)
        if isinstance(value, (bytes, str)):
            return ("s", octets(value))
        if isinstance(value, (tuple, list, dict, Instance)) and value != ():
            return ("i", id(value))
        return None

    def save(self, value) -> None:
        """Emit one value."""
        key = self.key(value)
        if key and self.known(key):
            return
        self.kept.append(value)
        for kind, emit in self.rows():
            if isinstance(value, kind):
                emit(value, key)
                return
        raise TypeError(f"no Python 2 form of {type(value)}")

    def rows(self):
        """Which function emits what; the first that fits."""
        return ((type(None), self.none), (bool, self.boolean), (Long, self.long), (int, self.int),
                (float, self.float), (Unicode, self.unicode), ((bytes, str), self.str),
                (tuple, self.tuple), (list, self.list), (dict, self.dict),
                (Instance, self.instance))

    def none(self, _value, _key):
        self.out.append(b"N")

    def boolean(self, value, _key):
        self.out.append(b"I01\n" if value else b"I00\n")

    def long(self, value, _key):
        self.out.append(b"L%dL\n" % int(value))


class _Text(_Pickler):
    """Protocol 0."""

    def emit_put(self, number):
        self.out.append(b"p%d\n" % number)

    def emit_get(self, number):
        self.out.append(b"g%d\n" % number)

    def int(self, value, _key):
        self.out.append(b"I%d\n" % value)

    def float(self, value, _key):
        self.out.append(b"F%s\n" % repr(value).encode())

    def unicode(self, value, key):
        text = str(value).replace("\\", "\\u005c").replace("\n", "\\u000a")
        self.out.append(b"V" + text.encode("raw_unicode_escape") + b"\n")
        self.put(key)

    def str(self, value, key):
        self.out.append(b"S" + repr(octets(value))[1:].encode() + b"\n")
        self.put(key)

    def tuple(self, value, key):
        self.out.append(b"(")
        for item in value:
            self.save(item)
        self.out.append(b"t")
        if key:
            self.put(key)

    def list(self, value, key):
        self.out.append(b"(l")
        self.put(key)
        for item in value:
            self.save(item)
            self.out.append(b"a")

    def dict(self, value, key):
        self.out.append(b"(d")
        self.put(key)
        for name, item in value.items():
            self.save(name)
            self.save(item)
            self.out.append(b"s")

    def instance(self, value, key):
        self.out.append(b"(i%s\n%s\n" % (value.module.encode(), value.name.encode()))
        self.put(key)
        self.save(value.state)
        self.out.append(b"b")


class _Binary(_Pickler):
    """Protocol 1."""

    def emit_put(self, number):
        self.out.append(b"q%c" % number if number < 256 else b"r" + struct.pack("<i", number))

    def emit_get(self, number):
        self.out.append(b"h%c" % number if number < 256 else b"j" + struct.pack("<i", number))

    def int(self, value, _key):
        if 0 <= value < 1 << 8:
            self.out.append(b"K%c" % value)
        elif 0 <= value < 1 << 16:
            self.out.append(b"M" + struct.pack("<H", value))
        elif -(1 << 31) <= value < 1 << 31:
            self.out.append(b"J" + struct.pack("<i", value))
        else:
            self.out.append(b"I%d\n" % value)

    def float(self, value, _key):
        self.out.append(b"G" + struct.pack(">d", value))

    def unicode(self, value, key):
        text = str(value).encode("utf-8", "surrogatepass")
        self.out.append(b"X" + struct.pack("<i", len(text)) + text)
        self.put(key)

    def str(self, value, key):
        text = octets(value)
        head = b"U%c" % len(text) if len(text) < 256 else b"T" + struct.pack("<i", len(text))
        self.out.append(head + text)
        self.put(key)

    def tuple(self, value, key):
        if not value:
            self.out.append(b")")
            return
        self.out.append(b"(")
        for item in value:
            self.save(item)
        self.out.append(b"t")
        self.put(key)

    def batches(self, items, one, many):
        """The items, a thousand at a time; `items` are tuples of what belongs together."""
        for start in range(0, len(items), BATCH):
            part = items[start:start + BATCH]
            if len(part) > 1:
                self.out.append(b"(")
            for item in part:
                for value in item:
                    self.save(value)
            self.out.append(one if len(part) == 1 else many)

    def list(self, value, key):
        self.out.append(b"]")
        self.put(key)
        self.batches([(item,) for item in value], b"a", b"e")

    def dict(self, value, key):
        self.out.append(b"}")
        self.put(key)
        self.batches(list(value.items()), b"s", b"u")

    def instance(self, value, key):
        name = ("c", value.module, value.name)
        self.out.append(b"(")
        if not self.known(name):
            self.out.append(b"c%s\n%s\n" % (value.module.encode(), value.name.encode()))
            self.put(name)
        self.out.append(b"o")
        self.put(key)
        self.save(value.state)
        self.out.append(b"b")


class _Port(_Binary):
    """Protocol 1 by a Mailman 2.1 that was ported to Python 3: a str is text, in which octets that
    are no text are lone surrogates (PEP 383), and instances are objects that copy_reg makes."""

    def str(self, value, key):
        self.unicode(Unicode(octets(value).decode("utf-8", "surrogateescape")), key)

    def instance(self, value, key):
        made = ("c", "copy_reg", "_reconstructor")
        if not self.known(made):
            self.out.append(b"ccopy_reg\n_reconstructor\n")
            self.put(made)
        self.out.append(b"(c%s\n%s\nc__builtin__\nobject\nNtR"
                        % (value.module.encode(), value.name.encode()))
        self.put(key)
        self.save(value.state)
        self.out.append(b"b")


def ported(value) -> bytes:
    """One pickle, as Mailman's port to Python 3 writes it."""
    pickler = _Port()
    pickler.save(value)
    return b"".join(pickler.out) + b"."


def pickled(value, protocol: int = 1) -> bytes:
    """One pickle, as cPickle of Python 2 wrote it."""
    pickler = _Binary() if protocol else _Text()
    pickler.save(value)
    return b"".join(pickler.out) + b"."


def _marshal_text(value) -> bytes:
    text = octets(value)
    return b"s" + struct.pack("<i", len(text)) + text


def marshalled(value) -> bytes:
    """The same by marshal, version 2 (Python 2.5 to 2.7)."""
    if value is None:
        return b"N"
    if isinstance(value, bool):
        return b"T" if value else b"F"
    if isinstance(value, int):
        wide = not -(1 << 31) <= value < 1 << 31
        return b"I" + struct.pack("<q", value) if wide else b"i" + struct.pack("<i", value)
    if isinstance(value, float):
        return b"g" + struct.pack("<d", value)
    if isinstance(value, Unicode):
        text = str(value).encode("utf-8", "surrogatepass")
        return b"u" + struct.pack("<i", len(text)) + text
    if isinstance(value, (bytes, str)):
        return _marshal_text(value)
    if isinstance(value, (tuple, list)):
        head = b"(" if isinstance(value, tuple) else b"["
        return head + struct.pack("<i", len(value)) + b"".join(map(marshalled, value))
    if isinstance(value, dict):
        return b"{" + b"".join(marshalled(k) + marshalled(v) for k, v in value.items()) + b"0"
    raise TypeError(f"marshal knows no {type(value)}")


def typed(value):
    """As JSON that tells the types apart: "b:..." is a str, shown as latin-1, "u:..." unicode."""
    if isinstance(value, Unicode):
        return "u:" + value
    if isinstance(value, (bytes, str)):
        return "b:" + octets(value).decode("latin-1")
    if isinstance(value, float):
        return {"$float": repr(value)}
    if isinstance(value, Long):
        return {"$long": str(int(value))}
    if isinstance(value, tuple):
        return {"$tuple": [typed(item) for item in value]}
    if isinstance(value, list):
        return [typed(item) for item in value]
    if isinstance(value, dict):
        rows = [[typed(k), typed(v)] for k, v in value.items()]
        return {"$dict": sorted(rows, key=lambda row: (isinstance(row[0], str), str(row[0])))}
    if isinstance(value, Instance):
        return {"$inst": f"{value.module}.{value.name}", "state": typed(value.state)}
    return value
