# SPDX-License-Identifier: BSD-2-Clause
"""`mailhaul lists dump` beside Python's own pickle and marshal: the same values, and nothing run."""

import collections
import datetime
import json
import marshal
import os
import pickle
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

import python2
from lab import sealed

GOOD, USAGE, DATA = 0, 64, 65


def dump(*words, expect=GOOD, octets=b"") -> subprocess.CompletedProcess:
    """One run; `octets` are its standard input."""
    done = subprocess.run([sealed.program(), "lists", "dump", *map(str, words)], input=octets,
                          capture_output=True, check=False, timeout=60)
    assert done.returncode == expect, (words, done.returncode, done.stderr)
    return done


def dump_json(octets: bytes):
    """What mailhaul sees in these octets."""
    return json.loads(dump("--json", "-", octets=octets).stdout)


def typed(value):
    """The JSON that mailhaul(1) promises of a value."""
    if isinstance(value, python2.Long):
        return {"$long": str(int(value))}
    if isinstance(value, (python2.Instance, Stub)):
        return {"$inst": f"{value.module}.{value.name}", "state": typed(value.state)}
    for kind, form in ((bytes, lambda v: "b:" + v.decode("latin-1")), (str, lambda v: "u:" + v),
                       (float, lambda v: {"$float": repr(v)}),
                       (list, lambda v: [typed(row) for row in v]),
                       (tuple, lambda v: {"$tuple": [typed(row) for row in v]}),
                       (dict, typed_dict)):
        if type(value) is kind:
            return form(value)
    return value


def as_long(numbers: list) -> list:
    """Numbers that Python 2 calls long."""
    return [python2.Long(number) for number in numbers]


def typed_dict(value: dict) -> dict:
    """str, then unicode, then the rest by their JSON."""
    rows = [[typed(key), typed(row)] for key, row in value.items()]
    rows.sort(key=lambda row: (0, row[0]) if isinstance(row[0], str) else (1, json.dumps(row[0])))
    return {"$dict": rows}


class Stub:
    """An instance that python3 has read."""
    module = name = ""
    state = None

    def __setstate__(self, state):
        self.__dict__["state"] = state


class Unpickler(pickle.Unpickler):
    """Imports nothing."""

    def find_class(self, module, name):
        """A class with that name."""
        if module == "__builtin__" and name in ("set", "frozenset"):
            return {"set": set, "frozenset": frozenset}[name]
        return type(name, (Stub,), {"module": module, "name": name})


def loads(octets: bytes):
    """As python3 reads what Python 2 has written."""
    import io    # pylint: disable=import-outside-toplevel
    return Unpickler(io.BytesIO(octets), encoding="bytes").load()


PLAIN = {
    b"name": b"gr\xfc\xdfe\n'\"\\\x00", b"text": "Stra\u00dfe \u20ac \U0001f600 \\ \n",
    b"numbers": [0, 1, -1, 255, 256, 65535, 65536, -2 ** 31, 2 ** 31 - 1],
    b"floats": [0.0, -0.0, 0.1, 1e300, 5e-324, 1795360378.06935],
    b"flags": (True, False, None), b"empty": ((), [], {}, b"", ""),
    b"tuples": ((1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)), b"long": b"x" * 70000,
    "key of text": 1, 7: 2, (b"a", 1): 3,
    b"members": {f"user{n}@example.org".encode(): n for n in range(3000)},
}
LARGE = [2 ** 31, 2 ** 40, -2 ** 31 - 1, 2 ** 63 - 1, -2 ** 63]
LIST = {
    b"bounce_info": {b"a@example.org": python2.Instance("Mailman.Bouncer", "_BounceInfo", {
        b"score": 1.0, b"date": (2026, 3, 2), b"cookie": None})},
    b"large": LARGE, b"requests": [python2.Instance("Mailman.UserDesc", "UserDesc", {b"digest": False}), PLAIN],
}


@pytest.mark.parametrize("protocol", range(3))
def test_what_python_2_writes_is_read_and_written_again(protocol):
    octets = python2.dumps(LIST, protocol)

    assert dump_json(octets) == [typed(LIST)]
    assert dump_json(octets + octets) == [typed(LIST)] * 2
    for again in "012":
        written = dump("--pickle", again, "-", octets=octets).stdout
        assert typed(loads(written)) == typed(LIST)
        assert dump_json(written) == [typed(LIST)]


@pytest.mark.parametrize("protocol", range(6))
def test_what_python_3_writes_is_read(protocol):
    shared = [1]
    value = [PLAIN, shared, shared, -5, [{}]]

    assert dump_json(pickle.dumps(value, protocol)) == [typed(value)]
    # python3 has one kind of numbers, and writes these as long where there is an opcode for it
    assert dump_json(pickle.dumps(LARGE, protocol)) == [typed(
        as_long(LARGE) if protocol < 3 else LARGE)]
    others = [{1}, frozenset((2,)), 2 ** 80, collections.OrderedDict(a=1), bytearray(b"q"),
              datetime.timedelta(1)]
    words = json.dumps(dump_json(pickle.dumps(others, protocol)))
    for word in ('{"$set": [1]}', '{"$frozenset": [2]}', str(2 ** 80), '"collections.OrderedDict"',
                 'bytearray"', '"datetime.timedelta"'):
        assert word in words, (word, words)


@pytest.mark.parametrize("version", (0, 1, 2, 4))
def test_marshal_of_both_pythons_is_read(version):
    seen = dump_json(marshal.dumps({**PLAIN, b"large": LARGE}, version))

    assert seen == typed({**PLAIN, b"large": as_long(LARGE) if version < 3 else LARGE})


def test_what_a_file_names_is_never_run(tmp_path):
    mark = tmp_path / "mark"
    command = f"touch {mark}".encode()
    attacks = (b"cos\nsystem\n(S'" + command + b"'\ntR.", b"(S'" + command + b"'\nios\nsystem\n.",
               b"(cposix\nsystem\nU" + bytes([len(command)]) + command + b"o.",
               b"c__builtin__\neval\n(S'1'\ntR.",
               pickle.dumps(os.system), b"}(U\1acsubprocess\nPopen\n(S'x'\ntRu.")

    for octets in attacks:
        done = dump("-", octets=octets, expect=DATA)
        assert b"is nothing that Mailman writes" in done.stderr
        assert b"octet " in done.stderr and b"hint" in done.stderr
        assert dump("--foreign", "--json", "-", octets=octets).stdout
        dump("--foreign", "--pickle", "1", "-", octets=octets)
    assert not mark.exists()


def test_damage_costs_what_is_behind_it(tmp_path):
    octets = python2.dumps({b"first": 1, b"second": [1, 2, 3], b"third": b"x" * 100}, 1)
    torn, whole = tmp_path / "torn.pck", tmp_path / "whole.pck"
    torn.write_bytes(octets[:-50])
    whole.write_bytes(octets)

    done = dump(torn, expect=DATA)
    assert b"'first': 1" in done.stdout and b"'second': [1, 2, 3]" in done.stdout
    assert b"the damage is here" in done.stdout
    assert f"{torn}: octet ".encode() in done.stderr and b"SHORT_BINSTRING" in done.stderr
    seen = json.loads(dump("--json", torn, expect=DATA).stdout)
    assert seen[0]["$torn"]["$dict"][0] == ["b:first", 1]
    rows = json.loads(dump("--json", torn, whole, tmp_path / "none", expect=DATA).stdout)
    assert [row["file"] for row in rows] == [str(torn), str(whole), str(tmp_path / "none")]
    assert "error" in rows[0] and "error" not in rows[1] and rows[2]["values"] == []
    assert rows[1]["values"] == [typed({b"first": 1, b"second": [1, 2, 3], b"third": b"x" * 100})]
    dump("--pickle", "1", torn, expect=DATA)
    dump(expect=USAGE)
    dump("--pickle", "3", whole, expect=USAGE)


PYTHON2 = r"""
import cPickle, marshal, sys
class Bounce: pass
Bounce.__module__, Bounce.__name__ = 'Mailman.Bouncer', '_BounceInfo'
def find(module, name):
    return {'_BounceInfo': Bounce, 'set': set}[name]
def value():
    b = Bounce(); b.score = 1.5; b.date = (2026, 3, 2)
    shared = [b, u'\u20ac\U0001f600', 'gr\xfc\xdf', 5L, 2**70, True, 1, 0.1, 2**40, -1, set([3])]
    loop = [shared]; loop.append(loop)
    return {'a': shared, 'again': shared, 'loop': loop, u'u': None, 3: ((), (1,), (1, 2, 3, 4))}
def same(a, b, seen):
    if id(a) in seen: return seen[id(a)] == id(b)
    if type(a) is not type(b): return False
    if isinstance(a, (list, dict, Bounce)): seen[id(a)] = id(b)
    if isinstance(a, Bounce): a, b = a.__dict__, b.__dict__
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same(x, y, seen) for x, y in zip(a, b))
    if isinstance(a, dict): return set(a) == set(b) and all(same(a[k], b[k], seen) for k in a)
    return a == b
if sys.argv[1] == 'write':
    p = cPickle.Pickler(sys.stdout, int(sys.argv[2]))
    sys.modules['Mailman'] = sys.modules['Mailman.Bouncer'] = type(sys)('Mailman')
    sys.modules['Mailman.Bouncer']._BounceInfo = Bounce
    p.dump(value())
else:
    u = cPickle.Unpickler(sys.stdin); u.find_global = find
    sys.exit(0 if same(value(), u.load(), {}) else 1)
"""


def find_python2() -> str:
    """One that really is there, or a skip that says so."""
    for name in (os.environ.get("PYTHON2"), "python2.7", "python2"):
        path = shutil.which(name) if name else None
        if path and subprocess.run([path, "-c", "import cPickle"], capture_output=True,
                                   check=False).returncode == 0:
            return path
    return pytest.skip("no Python 2.7 on this machine")


@pytest.mark.parametrize("protocol", "012")
def test_python_2_itself_reads_what_is_written(protocol):
    python = find_python2()
    written = subprocess.run([python, "-c", PYTHON2, "write", protocol], capture_output=True,
                             check=True).stdout

    for again in "012":
        octets = dump("--pickle", again, "-", octets=written).stdout
        done = subprocess.run([python, "-c", PYTHON2, "read"], input=octets, check=False,
                              capture_output=True)
        assert done.returncode == 0, done.stderr


@pytest.fixture(name="extra", scope="module")
def fixture_extra(tmp_path_factory):
    """Real files, which are no part of the repository: name of the expected JSON -> the file."""
    if not os.environ.get("MAILHAUL_EXTRA_DATA"):
        pytest.skip("MAILHAUL_EXTRA_DATA names no folder with files of real Mailmans")
    data, at = Path(os.environ["MAILHAUL_EXTRA_DATA"]), tmp_path_factory.mktemp("extra")
    for name in ("var-2.1.39.tar.gz", "old-versions.tar.gz"):
        with tarfile.open(data / name) as archive:
            archive.extractall(at, members=[m for m in archive if m.isfile() or m.isdir()])
    rows, known = {}, {}
    for expected in (*at.glob("expected/*.json"), *at.glob("old-versions/expected/*.json")):
        old = expected.parent.parent.name == "old-versions"
        version, _, rest = expected.stem.partition("_")
        root = at / "old-versions" / version if old else at / "var-2.1.39"
        if root not in known:
            known[root] = {str(path.relative_to(root)).replace("/", "_"): path
                           for path in root.rglob("*") if path.is_file()}
        rows[expected] = known[root][rest if old else expected.stem]
    return data, at, rows


def test_real_files_hold_what_is_expected(extra):
    data, _, rows = extra
    assert len(rows) > 100
    seen = json.loads(dump("--json", *rows.values()).stdout)
    for expected, path, row in zip(rows, rows.values(), seen):
        assert row == {"file": str(path), "values": json.loads(expected.read_text())}
    one = next(expected for expected in rows if expected.stem == "lists_balug-talk_config.pck")
    assert json.loads(dump("--json", rows[one]).stdout) == json.loads(one.read_text())
    for path in data.glob("config*.pck"):
        assert b"'real_name':" in dump(path).stdout


def test_real_files_are_written_again_as_they_were(extra):
    _, _, rows = extra
    wanted = []
    for expected, path in rows.items():
        values = json.loads(expected.read_text())
        wanted += [values] if path.suffix == ".db" else values      # marshal holds one
    for protocol in "012":
        octets = dump("--pickle", protocol, *rows.values()).stdout
        assert dump_json(octets) == wanted, protocol


def test_real_indexes_of_archives_are_read(extra):
    _, at, _ = extra
    files = [path for path in at.rglob("database/*-*") if ".lock" not in path.name]
    assert len(files) > 100
    for path, row in zip(files, json.loads(dump("--json", "--nested", *files).stdout)):
        with open(path, "rb") as file:
            value = marshal.loads(file.read())
        assert row["file"] == str(path) and "error" not in row
        assert len(row["values"]["$dict"]) == len(value)
        if path.name.endswith("-article"):
            assert all(pair[1]["$call"] == "pickle.loads" for pair in row["values"]["$dict"])


