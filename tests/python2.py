# SPDX-License-Identifier: BSD-2-Clause
"""Values as Python 2 pickles them: bytes as its str, str as its unicode, old-style instances, long.

python3's own pickler writes bytes as a call of _codecs.encode in the older protocols, which no
Mailman on Python 2 ever did; all other opcodes are the same, and come from it.
"""
import io
import pickle
import struct


class Instance:
    """An old-style instance: of which class, and its attributes."""

    def __init__(self, module: str, name: str, state: dict) -> None:
        self.module, self.name, self.state = module, name, state


class Long(int):
    """A long."""


class Class:
    """A class's name; one object for each, so that the memo knows it."""

    known: dict = {}

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name

    @classmethod
    def of(cls, module: str, name: str) -> "Class":
        """The one object for that name."""
        return cls.known.setdefault((module, name), cls(module, name))


def text_repr(octets: bytes) -> bytes:
    """repr() of Python 2's str."""
    words = repr(octets)[1:]        # python3 writes the same escapes behind its b
    return words.encode("ascii")


class Pickler(pickle._Pickler):  # pylint: disable=protected-access
    """The pickler in Python, with rows for what Python 3 has no more."""

    dispatch = dict(pickle._Pickler.dispatch)  # pylint: disable=protected-access

    def save_octets(self, octets: bytes) -> None:
        """A str of Python 2."""
        if not self.bin:
            self.write(b"S" + text_repr(octets) + b"\n")
        elif len(octets) < 256:
            self.write(b"U" + bytes([len(octets)]) + octets)
        else:
            self.write(b"T" + struct.pack("<i", len(octets)) + octets)
        self.memoize(octets)

    def save_number(self, number: int) -> None:
        """An int where Python 2 on 64 bits has one, else a long."""
        if -2 ** 63 <= number < 2 ** 63 and not (self.bin and -2 ** 31 <= number < 2 ** 31):
            self.write(f"I{number}\n".encode())
        else:
            self.save_long(number)

    def save_class(self, named: Class) -> None:
        """GLOBAL."""
        self.write(f"c{named.module}\n{named.name}\n".encode())
        self.memoize(named)

    def save_instance(self, instance: Instance) -> None:
        """INST and OBJ, as cPickle has them."""
        self.write(b"(")
        if self.bin:
            self.save(Class.of(instance.module, instance.name))
            self.write(b"o")
        else:
            self.write(f"i{instance.module}\n{instance.name}\n".encode())
        self.memoize(instance)
        self.save(instance.state)
        self.write(b"b")

    dispatch[bytes] = save_octets
    dispatch[int] = save_number
    dispatch[Long] = pickle._Pickler.save_long  # pylint: disable=protected-access
    dispatch[Class] = save_class
    dispatch[Instance] = save_instance


def dumps(value: object, protocol: int = 1) -> bytes:
    """A pickle of protocol 0, 1 or 2."""
    out = io.BytesIO()
    Pickler(out, protocol, fix_imports=False).dump(value)
    return out.getvalue()
