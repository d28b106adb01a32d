# SPDX-License-Identifier: BSD-2-Clause
"""Messages to be judged, the zones that they need, and an independent judge of them.

The judge is pyspf, dkimpy, and a reading of RFC 7489 that is written here. It runs as a program inside the
lab's network: `judged.py FOLDER` prints what it says of FOLDER/cases.json.
"""

import base64
import email
import email.utils
import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import dkim
import dns.resolver
import nacl.signing
import spf

SERVER = "127.0.0.53"
GOOD, GOOD6, BAD = "192.0.2.25", "2001:db8::25", "198.51.100.66"
SLOW = 60      # seconds that a question may take on a busy machine
NAMED = """options {{ directory "{dir}"; listen-on {{ 127.0.0.53; }}; listen-on-v6 {{ none; }};
  pid-file none; session-keyfile none; recursion no; dnssec-validation no; empty-zones-enable no;
  check-names primary ignore; }};
controls {{ }};
"""
HEAD = "$TTL 60\n@ SOA ns1.example.org. hostmaster.example.org. 1 60 10 86400 60\n@ NS ns1.example.org.\n"
LOOKS = " ".join(f"a:h{number}.example.net" for number in range(2, 13))
# label below example.net: its SPF record, or several
SPF = {
    "ip": "v=spf1 ip4:192.0.2.25 -all",
    "soft": "v=spf1 ip4:192.0.2.25 ~all",
    "neutral": "v=spf1 ip4:192.0.2.25 ?all",
    "open": "v=spf1 ip4:192.0.2.25",
    "empty": "v=spf1",
    "two": ["v=spf1 -all", "v=spf1 +all"],
    "ten": ["v=spf10 -all", "v=spf1 ip4:192.0.2.25 -all"],
    "syntax": "v=spf1 ip4:192.0.2.256 -all",
    "unknown": "v=spf1 ip4:192.0.2.25 wat -all",
    "modifier": "v=spf1 ip4:192.0.2.25 color=blue -all",
    "cidr": "v=spf1 ip4:192.0.2.0/24 -all",
    "six": "v=spf1 ip6:2001:db8::/32 -all",
    "sixfull": "v=spf1 ip6:2001:db8::25 -all",
    "both": "v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 -all",
    "a": "v=spf1 a:h1.example.net -all",
    "own": "v=spf1 a -all",
    "acidr": "v=spf1 a:near.example.net/28 -all",
    "asix": "v=spf1 a:near.example.net//64 -all",
    "adual": "v=spf1 a:near.example.net/30//64 -all",
    "mx": "v=spf1 mx -all",
    "mxother": "v=spf1 mx:mx.example.net -all",
    "mxmany": "v=spf1 mx:many.example.net ?all",
    "mxnone": "v=spf1 mx:ip.example.net ip4:192.0.2.25 -all",
    "ptr": "v=spf1 ptr:example.net -all",
    "ptrother": "v=spf1 ptr:example.com -all",
    "include": "v=spf1 include:ip.example.net -all",
    "includesoft": "v=spf1 include:soft.example.net ?all",
    "includenone": "v=spf1 include:nothing.example.net -all",
    "includebad": "v=spf1 include:syntax.example.net -all",
    "includetemp": "v=spf1 include:broken.example.net -all",
    "includethen": "v=spf1 include:fails.example.net ip4:192.0.2.25 -all",
    "fails": "v=spf1 -all",
    "minus": "v=spf1 -include:ip.example.net +all",
    "redirect": "v=spf1 redirect=ip.example.net",
    "redirectnone": "v=spf1 redirect=nothing.example.net",
    "redirectall": "v=spf1 ~all redirect=ip.example.net",
    "redirecttwice": "v=spf1 redirect=ip.example.net redirect=soft.example.net",
    "redirectmacro": "v=spf1 redirect=ip.%{d2}",
    "exists": "v=spf1 exists:%{ir}.%{v}._spf.%{d2} -all",
    "existsl": "v=spf1 exists:%{l}.user.%{d2} -all",
    "existslr": "v=spf1 exists:%{l1r-}.user.%{d2} -all",
    "existss": "v=spf1 exists:%{s}.who.example.net -all",
    "existso": "v=spf1 exists:%{o}.by.example.net -all",
    "existsh": "v=spf1 exists:%{h}.by.example.net -all",
    "existsp": "v=spf1 exists:%{p}.by.example.net -all",
    "existsd": "v=spf1 exists:%{d1r}.%{dr}.by.example.net -all",
    "badmacro": "v=spf1 exists:%(ir).example.net -all",
    "badletter": "v=spf1 exists:%{z}.example.net -all",
    "eleven": f"v=spf1 {LOOKS} ip4:192.0.2.25 -all",
    "tenlooks": f"v=spf1 {LOOKS.rsplit(' ', 1)[0]} ip4:192.0.2.25 -all",
    "deep": "v=spf1 include:deep1.example.net include:deep2.example.net ip4:192.0.2.25 -all",
    "deep1": "v=spf1 " + " ".join(f"a:h{number}.example.net" for number in range(2, 7)) + " -all",
    "deep2": "v=spf1 " + " ".join(f"a:h{number}.example.net" for number in range(7, 12)) + " -all",
    "voids": "v=spf1 a:no1.example.net a:no2.example.net a:no3.example.net ip4:192.0.2.25 -all",
    "voidtwo": "v=spf1 a:no1.example.net a:no2.example.net ip4:192.0.2.25 -all",
    "voidexists": "v=spf1 exists:no1.example.net exists:no2.example.net exists:no3.example.net +all",
    "loop": "v=spf1 include:loop.example.net -all",
    "looptwo": "v=spf1 include:looptwob.example.net -all",
    "looptwob": "v=spf1 include:looptwo.example.net -all",
    "exp": "v=spf1 ip4:192.0.2.25 exp=words.example.net -all",
    "upper": "V=SPF1 IP4:192.0.2.25 -ALL",
    "spaces": "v=spf1   ip4:192.0.2.25    -all  ",
    "cname": "v=spf1 a:alias.example.net -all",
    "dot": "v=spf1 a:h1.example.net. -all",
    "afterall": "v=spf1 ip4:192.0.2.25 -all a:no1.example.net",
    "first": "v=spf1 -ip4:192.0.2.25 +all",
    "zero": "v=spf1 ip4:0.0.0.0/0 -all",
    "azero": "v=spf1 a:h2.example.net/0 -all",
    "early": "v=spf1 redirect=soft.example.net ip4:192.0.2.25 a:no1.example.net",
    "d2": "v=spf1 exists:%{d3}.by.example.net -all",
    "nodomain": "v=spf1 ip4:192.0.2.25 a: -all",
    "nodot": "v=spf1 ip4:192.0.2.25 include:nodot -all",
    "colon": "v=spf1 redirect:ip.example.net",
    "expempty": "v=spf1 ip4:192.0.2.25 exp= -all",
    "helo": "v=spf1 ip4:192.0.2.25 -all",
}
DMARC = {
    "example.org": "v=DMARC1; p=reject; rua=mailto:reports@example.org",
    "example.com": "v=DMARC1; p=quarantine; sp=none; adkim=s; aspf=s; pct=30",
    "own.example.com": "v=DMARC1;p=reject",
    "odd.example.net": "v = DMARC1 ; p = reject ;",
    "wrong.example.net": "v=DMARC1; p=perhaps; rua=mailto:reports@example.net",
    "wrongest.example.net": "v=DMARC1; p=perhaps",
    "late.example.net": "p=reject; v=DMARC1",
    "other.example.net": "v=DMARC2; p=reject",
    "twice.example.net": ["v=DMARC1; p=reject", "v=DMARC1; p=none"],
    "beside.example.net": ["hello", "v=DMARC1; p=quarantine"],
    "watch.example.net": "v=DMARC1; p=none; fo=1; ri=3600",
    "strictspf.example.net": "v=DMARC1; p=reject; aspf=s",
    "strictdkim.example.net": "v=DMARC1; p=reject; adkim=s",
    "badsp.example.net": "v=DMARC1; p=reject; sp=perhaps",
}


@dataclass
class Case:
    """One message, and the session in which it came."""

    name: str
    octets: bytes
    client: str = GOOD
    helo: str = "mail.example.org"
    sender: str = "alice@example.org"


@dataclass
class Keys:
    """Private keys, and the TXT records of their public ones."""

    private: dict = field(default_factory=dict)
    records: dict = field(default_factory=dict)

    def make(self, folder: Path) -> "Keys":
        """RSA of three sizes, Ed25519, and what a record can have wrong."""
        for name, bits in (("rsa", 1024), ("big", 2048), ("small", 768)):
            subprocess.run(["openssl", "genrsa", "-traditional", "-out", folder / name, str(bits)],
                           check=True, capture_output=True)
            public = subprocess.run(
                ["openssl", "rsa", "-in", folder / name, "-pubout", "-outform", "DER"],
                check=True, capture_output=True).stdout
            self.private[name] = (folder / name).read_bytes()
            self.records[name] = "v=DKIM1; k=rsa; p=" + base64.b64encode(public).decode()
        signer = nacl.signing.SigningKey.generate()
        self.private["ed"] = base64.b64encode(bytes(signer))
        self.records["ed"] = ("v=DKIM1; k=ed25519; p="
                              + base64.b64encode(bytes(signer.verify_key)).decode())
        plain = self.records["rsa"]
        for name, record in {
                "plain": plain.replace("v=DKIM1; k=rsa; ", ""),
                "revoked": "v=DKIM1; p=", "garbage": "v=DKIM1; k=rsa; p=Z2FyYmFnZQ==",
                "version": plain.replace("DKIM1", "DKIM2"), "kind": plain.replace("k=rsa", "k=dsa"),
                "chat": plain.replace("k=rsa", "k=rsa; s=chat"),
                "sha1": plain.replace("k=rsa", "k=rsa; h=sha1"),
                "sub": plain.replace("k=rsa", "k=rsa; t=s"),
                "test": plain.replace("k=rsa", "k=rsa; t=y"), "words": "hello"}.items():
            self.private[name], self.records[name] = self.private["rsa"], record
        self.private["absent"] = self.private["rsa"]
        return self


# ── zones ──────────────────────────────────────────────────────────────────────────────────────────

def txt(text: str) -> str:
    """TXT data in strings of at most 200 octets."""
    return "TXT ( " + " ".join(f'"{text[at:at + 200]}"' for at in range(0, len(text), 200)) + " )"


def rows(name: str, texts) -> str:
    """TXT records of one name."""
    return "".join(f"{name}. {txt(text)}\n" for text in ([texts] if isinstance(texts, str) else texts))


def zones(keys: Keys) -> dict[str, str]:
    """Name to text."""
    made = {name: HEAD for name in ("org", "example.org", "example.com", "example.net",
                                    "2.0.192.in-addr.arpa", "100.51.198.in-addr.arpa",
                                    "8.b.d.0.1.0.0.2.ip6.arpa")}
    both = "v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 -all"
    for domain in ("example.org", "example.com", "bounce.example.org", "sub.example.org",
                   "own.example.com", "bounce.example.com"):
        made[".".join(domain.split(".")[-2:])] += rows(domain, both)
    for domain, record in DMARC.items():
        made[".".join(domain.split(".")[-2:])] += rows(f"_dmarc.{domain}", record)
    for domain in ("org", "example.org", "sub.example.org", "example.com", "sub.example.com",
                   "example.net", "strictdkim.example.net", "in.strictdkim.example.net"):
        zone = domain if domain == "org" else ".".join(domain.split(".")[-2:])
        for selector, record in keys.records.items():
            made[zone] += rows(f"{selector}._domainkey.{domain}", record)
        made[zone] += rows(f"several._domainkey.{domain}",
                           [keys.records["rsa"], keys.records["rsa"] + "; n=again"])
    made["org"] += f"example NS ns1.example\nns1.example A {SERVER}\n"
    made["example.org"] += f"ns1 A {SERVER}\nmail A {GOOD}\n"
    made["example.net"] += net_zone()
    made["2.0.192.in-addr.arpa"] += ("25 PTR mail.example.net.\n26 PTR liar.example.net.\n"
                                     + "".join(f"27 PTR p{number}.example.net.\n"
                                               for number in range(12)))
    made["8.b.d.0.1.0.0.2.ip6.arpa"] += "5.2" + ".0" * 22 + " PTR mail.example.net.\n"
    return made


def net_zone() -> str:
    """What the SPF records of example.net lead to."""
    text = "".join(rows(f"{label}.example.net", record) for label, record in SPF.items())
    text += "".join(f"h{number} A 203.0.113.{number}\n" for number in range(2, 13))
    text += (f"h1 A {GOOD}\nown A {GOOD}\nnear A 192.0.2.17\nnear AAAA 2001:db8::1\n"
             f"mail A {GOOD}\nmail AAAA {GOOD6}\nliar A 203.0.113.99\nalias CNAME h1\n"
             "mx MX 10 h2\nmx MX 20 h1\nmx2 A 203.0.113.9\n"
             + "".join(f"p{number} A 192.0.2.27\n" for number in range(12))
             + "".join(f"many MX 10 h{number}\n" for number in range(1, 12)))
    for name in ("25.2.0.192.in-addr._spf", "alice.user", "list.user",
                 "alice\\@existss.example.net.who", "alice.at.who", "existso.example.net.by",
                 "mail.example.org.by", "mail.example.net.by",
                 "existsd.net.example.existsd.by", "d2.example.net.by",
                 "5.2" + ".0" * 22 + ".8.b.d.0.1.0.0.2.ip6._spf"):
        text += f"{name} A 127.0.0.2\n"
    return text + "words TXT \"go away\"\n"


# ── messages ───────────────────────────────────────────────────────────────────────────────────────

def message(sender: str = "alice@example.org", **change) -> bytes:
    """A plain one; `change` gives header fields other values, None leaves one out."""
    fields = {"From": f"Alice <{sender}>", "To": "bob@example.com", "Subject": "The  news",
              "Date": email.utils.formatdate(), "Message-ID": "<4711@mail.example.org>"}
    fields |= {name.replace("_", "-"): value for name, value in change.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)
    return head.encode() + b"\r\nDear Bob,\r\n\r\nsuch  news \t today.\r\nAlice\r\n"


class Signer(dkim.DKIM):
    """Signs with tags that dkimpy would not write."""

    change: dict = {}

    def gen_header(self, fields, *args, **named):
        kept = [(name, self.change.get(name.decode(), value)) for name, value in fields]
        extra = [(name.encode(), value) for name, value in self.change.items()
                 if name.encode() not in dict(fields)]
        fields[:] = [row for row in kept[:-1] + extra + kept[-1:] if row[1] is not None]
        return super().gen_header(fields, *args, **named)


def sign(keys: Keys, octets: bytes, selector: str = "rsa", domain: str = "example.org",
         canon: str = "relaxed/relaxed", alg: str = "", length: bool = False,
         names: tuple = ("from", "to", "subject", "date"), **change) -> bytes:
    """The message with one more signature on top; `change` are its tags."""
    alg = alg or ("ed25519-sha256" if selector == "ed" else "rsa-sha256")
    signer = Signer(octets, signature_algorithm=alg.encode())
    signer.change = {name: value if value is None else value.encode()
                     for name, value in change.items()}
    made = signer.sign(change.get("s", selector).encode(), domain.encode(), keys.private[selector],
                       canonicalize=tuple(canon.encode().split(b"/")), length=length,
                       include_headers=[name.encode() for name in names],
                       identity=change["i"].encode() if change.get("i") else None)
    return made + octets


def retag(octets: bytes, old: bytes, new: bytes) -> bytes:
    """The topmost signature with a tag rewritten after it was signed."""
    head, _, rest = octets.partition(b"\r\nFrom:")
    assert old in head, (old, head)
    return head.replace(old, new, 1) + b"\r\nFrom:" + rest


BREAKS = {
    "good": lambda m: m,
    "body": lambda m: m.replace(b"such  news", b"other news"),
    "subject": lambda m: m.replace(b"The  news", b"Old news"),
    "forged": lambda m: m.replace(b"Alice <alice@", b"Mallory <mallory@"),
    "blanks": lambda m: m.replace(b"such  news \t today", b"such news today"),
    "lines": lambda m: m + b"\r\n\r\n",
    "folded": lambda m: m.replace(b"Subject: The  news", b"SUBJECT:  The\r\n\tnews"),
    "tail": lambda m: m + b"And buy this.\r\n",
}


def dkim_cases(keys: Keys):
    """Signatures: each canon, each break; then what a signature can have wrong."""
    plain = message()
    for canon, selectors in {"simple/simple": ("rsa", "ed"), "simple/relaxed": ("rsa",),
                             "relaxed/simple": ("ed",), "relaxed/relaxed": ("rsa", "ed")}.items():
        for selector in selectors:
            signed = sign(keys, plain, selector, canon=canon)
            for name, change in BREAKS.items():
                yield Case(f"dkim-{canon.replace('/', '-')}-{selector}-{name}", change(signed))
    for canon in ("simple/simple", "relaxed/relaxed"):
        signed = sign(keys, plain, canon=canon, length=True)
        for name in ("good", "tail", "body"):
            yield Case(f"dkim-length-{canon.replace('/', '-')}-{name}", BREAKS[name](signed))
    now = int(time.time())
    yield Case("dkim-length-more", sign(keys, plain, l="4000"))
    for name, tags in {
            "expired": {"x": str(now - 200000), "t": str(now - 300000)},
            "not-expired": {"x": str(now + 200000)}, "future": {"t": str(now + 200000)},
            "no-bh": {"bh": None}, "no-d": {"d": None}, "no-s": {"s": None}, "no-h": {"h": None},
            "no-v": {"v": None}, "no-a": {"a": None}, "version": {"v": "2"},
            "algorithm": {"a": "rsa-md5"}, "query": {"q": "dns/other"},
            "identity": {"i": "alice@sub.example.org"}, "no-c": {"c": None},
            "unknown-tag": {"zz": "top"}}.items():
        canon = "simple/simple" if name == "no-c" else "relaxed/relaxed"
        if "s" in tags:
            yield Case(f"dkim-{name}", sign(keys, plain).replace(b" s=rsa;", b"", 1))
        else:
            yield Case(f"dkim-{name}", sign(keys, plain, canon=canon, **tags))
    yield Case("dkim-identity-other", retag(sign(keys, plain), b"i=@example.org",
                                            b"i=@example.com"))
    yield Case("dkim-signature-cut", retag(sign(keys, plain), b" b=", b" b=QUJD"))
    for selector in ("big", "small", "absent", "plain", "revoked", "garbage", "version", "kind",
                     "chat", "sha1", "sub", "test", "words"):
        yield Case(f"dkim-key-{selector}", sign(keys, plain, selector))
    yield Case("dkim-key-sub-identity", sign(keys, plain, "sub", i="alice@sub.example.org"))
    yield Case("dkim-key-several", sign(keys, plain, "rsa", s="several"))
    yield Case("dkim-key-unreachable", sign(keys, plain, domain="broken.example.net"))
    yield Case("dkim-sha1", sign(keys, plain, alg="rsa-sha1"))
    yield Case("dkim-none", plain)
    broken = BREAKS["body"](sign(keys, plain))
    yield Case("dkim-two-good", sign(keys, sign(keys, plain), "ed"))
    yield Case("dkim-two-first-broken", sign(keys, broken, "ed"))
    yield Case("dkim-two-both-broken", BREAKS["body"](sign(keys, sign(keys, plain), "ed")))
    yield Case("dkim-two-domains", sign(keys, sign(keys, plain), domain="example.net"))
    signed = sign(keys, plain, names=("from", "from", "subject"))
    second = b"From: Mallory <mallory@example.net>\r\n"
    yield Case("dkim-oversigned-good", signed)
    yield Case("dkim-oversigned-second-from", second + signed)
    yield Case("dkim-second-from", second + sign(keys, plain))


def spf_cases():
    """A session for each record, and some with another client."""
    for label in SPF:
        yield Case(f"spf-{label}", message(), sender=f"alice@{label}.example.net")
    for label in ("ip", "soft", "neutral", "open", "a", "mx", "cidr", "exists", "exp", "include",
                  "includesoft", "redirect", "minus", "first"):
        yield Case(f"spf-{label}-other", message(), BAD, sender=f"mallory@{label}.example.net")
    for label in ("six", "sixfull", "both", "asix", "adual", "ip", "exists", "ptr"):
        yield Case(f"spf-{label}-v6", message(), GOOD6, sender=f"alice@{label}.example.net")
    for name, client in (("v6-other", "2001:db8:1::66"), ("mapped", "::ffff:192.0.2.25")):
        yield Case(f"spf-both-{name}", message(), client, sender="alice@both.example.net")
    yield Case("spf-mxother-6", message(), GOOD6, sender="alice@mxother.example.net")
    yield Case("spf-ptr-liar", message(), "192.0.2.26", sender="alice@ptr.example.net")
    yield Case("spf-ptr-many", message(), "192.0.2.27", sender="alice@ptr.example.net")
    yield Case("spf-existslr-2", message(), sender="list-owner@existslr.example.net")
    yield Case("spf-none", message(), sender="alice@nothing.example.net")
    yield Case("spf-temp", message(), sender="alice@broken.example.net")
    yield Case("spf-null", message(), helo="helo.example.net", sender="")
    yield Case("spf-null-other", message(), BAD, helo="helo.example.net", sender="")
    yield Case("spf-null-none", message(), helo="nothing.example.net", sender="")
    yield Case("spf-null-literal", message(), helo="[192.0.2.25]", sender="")


def dmarc_cases(keys: Keys):
    """Policies, alignment, what is to be done."""
    for domain in ("example.org", "sub.example.org", "deep.sub.example.org", "example.com",
                   "sub.example.com", "own.example.com", "example.net", *(
                       name for name in DMARC if name.endswith("example.net"))):
        plain = message(f"alice@{domain}")
        zone = ".".join(domain.split(".")[-2:])
        yield Case(f"dmarc-{domain}-forged", plain, BAD)
        yield Case(f"dmarc-{domain}-dkim", sign(keys, plain, domain=zone), BAD,
                   sender=f"alice@{zone}")
        yield Case(f"dmarc-{domain}-spf", plain, sender="alice@example.org")
    yield Case("dmarc-strict-dkim", sign(keys, message("a@strictdkim.example.net"),
                                         domain="strictdkim.example.net"), BAD)
    yield Case("dmarc-strict-dkim-sub", sign(keys, message("a@strictdkim.example.net"),
                                             domain="in.strictdkim.example.net"), BAD)
    yield Case("dmarc-strict-spf", message("a@example.com"), sender="a@bounce.example.com")
    yield Case("dmarc-strict-spf-same", message("a@example.com"), sender="a@example.com")
    yield Case("dmarc-relaxed-spf", message(), sender="a@bounce.example.org")
    yield Case("dmarc-siblings", message("a@sub.example.org"), sender="a@bounce.example.org")
    yield Case("dmarc-null-helo", message("a@example.net"), helo="helo.example.net", sender="")
    yield Case("dmarc-suffix", sign(keys, message(), domain="org"), BAD)
    first = sign(keys, message("a@sub.example.org"), domain="example.org")
    yield Case("dmarc-passed-then-own-broken", retag(
        sign(keys, first, domain="sub.example.org"), b" bh=", b" bh=AAAA"), BAD)
    yield Case("dmarc-own-broken-then-passed", sign(keys, retag(
        sign(keys, message("a@sub.example.org"), domain="sub.example.org"), b" bh=", b" bh=AAAA"),
        domain="example.org"), BAD)
    yield Case("dmarc-several-from", message(From="a@example.org, b@example.com"), BAD)
    yield Case("dmarc-same-from-twice", message(From="a@example.org, b@example.org"), BAD)
    yield Case("dmarc-no-from", message(From=None), BAD)
    yield Case("dmarc-quoted", message(From='"bob@example.net, or so" <alice@example.org>'), BAD)
    yield Case("dmarc-comment", message(From="alice@example.org (bob@example.net)"), BAD)
    yield Case("dmarc-upper", message("alice@EXAMPLE.ORG"))
    yield Case("dmarc-temp", message("alice@broken.example.net"), BAD)


def cases(keys: Keys) -> list[Case]:
    """All of them."""
    return [*dkim_cases(keys), *spf_cases(), *dmarc_cases(keys)]


# ── the independent judge ──────────────────────────────────────────────────────────────────────────

def judge_spf(case: dict) -> dict:
    """pyspf: result, look-ups, identity, domain."""
    query = spf.query(i=case["client"], s=case["sender"], h=case["helo"], timeout=SLOW)
    result = query.check()[0]
    return {"result": result, "lookups": query.lookups, "domain": query.o,
            "identity": query.ident}


def judge_dkim(octets: bytes) -> list[dict]:
    """dkimpy: each signature, in the order of the header."""
    verdicts = []
    count = sum(name.lower() == b"dkim-signature" for name, _ in dkim.rfc822_parse(octets)[0])
    for number in range(count):
        verifier = dkim.DKIM(octets, timeout=SLOW)
        try:
            passed = verifier.verify(idx=number)
        except (dkim.DKIMException, KeyError, ValueError) as error:
            passed, verifier.domain = False, str(error)
        verdicts.append({"passed": bool(passed), "domain": str(verifier.domain, "ascii")
                         if isinstance(verifier.domain, bytes) else ""})
    return verdicts


def records(name: str) -> list[str]:
    """TXT records; an exception when DNS does not say."""
    try:
        answer = dns.resolver.resolve(name, "TXT")
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    return [b"".join(row.strings).decode() for row in answer]


def organization(domain: str) -> str:
    """All suffixes here have one label."""
    return ".".join(domain.split(".")[-2:])


def tags(record: str) -> dict[str, str]:
    """RFC 7489 section 6.4."""
    pairs = (part.partition("=") for part in record.split(";") if "=" in part)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def find_policy(domain: str) -> tuple[str, dict] | None:
    """Section 6.6.3: where the record is, and its tags."""
    for place in dict.fromkeys((domain, organization(domain))):
        found = [tags(text) for text in records(f"_dmarc.{place}")
                 if [part.strip() for part in text.partition(";")[0].partition("=")]
                 == ["v", "=", "DMARC1"]]
        if len(found) > 1:
            return None
        if found:
            return place, found[0]
    return None


def judge_dmarc(octets: bytes, one: dict, signatures: list[dict]) -> dict:
    """RFC 7489: result, what is to be done, both alignments."""
    parsed = email.message_from_bytes(octets)
    addresses = email.utils.getaddresses(parsed.get_all("From", []))
    domains = {address.rpartition("@")[2].lower() for _, address in addresses}
    nothing = {"result": "none", "disposition": "none", "spf": False, "dkim": False}
    if len(domains) != 1:
        return nothing | {"result": "permerror"}
    domain = domains.pop()
    try:
        found = find_policy(domain)
    except dns.resolver.NoNameservers:
        return nothing | {"result": "temperror"}
    if not found:
        return nothing
    place, record = found
    words = ("none", "quarantine", "reject")
    if record.get("p") not in words or record.get("sp", "none") not in words:
        if not record.get("rua", "").startswith("mailto:"):
            return nothing | {"result": "permerror"}
        record = {"p": "none"}
    aligned = {
        "s": lambda other: other == domain,
        "r": lambda other: organization(other) == organization(domain) and "." in other}
    by_spf = one["result"] == "pass" and aligned[record.get("aspf", "r")](one["domain"])
    by_dkim = any(row["passed"] and aligned[record.get("adkim", "r")](row["domain"])
                  for row in signatures)
    policy = record["p"] if place == domain else record.get("sp", record["p"])
    return {"result": "pass" if by_spf or by_dkim else "fail", "spf": by_spf, "dkim": by_dkim,
            "disposition": "none" if by_spf or by_dkim else policy}


def main(folder: Path) -> None:
    """Judge all that FOLDER/cases.json lists."""
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.timeout, resolver.lifetime = [SERVER], 5, SLOW
    dns.resolver.default_resolver = resolver
    verdicts = {}
    for case in json.loads((folder / "cases.json").read_text()):
        octets = (folder / case["file"]).read_bytes()
        one, signatures = judge_spf(case), judge_dkim(octets)
        verdicts[case["name"]] = {"spf": one, "dkim": signatures,
                                  "dmarc": judge_dmarc(octets, one, signatures)}
    json.dump(verdicts, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
