# SPDX-License-Identifier: BSD-2-Clause
"""Runs inside HyperKitty, in `mailman-web shell`: brings archives there.

Its last line, which mailhaul adds, calls run(). Standard input has jobs, a line each, and behind it the octets of the
rows and of the mbox that it tells of (src/lists/hyperkitty_give.c); standard output gets one line a message, and one a
job. Messages go in by HyperKitty's own add_to_list(), some in one transaction: who ends this in the middle loses none,
and a second run goes on. Headers and parts are read here, since what HyperKitty makes of them loses octets, or ends the
import.
"""

import binascii
import email
import email.header
import email.policy
import email.utils
import json
import os
import re
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from urllib.error import HTTPError

import hyperkitty
from django.conf import settings
from django.core.cache import cache
from django.core.cache.utils import make_template_fragment_key
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.db.models.signals import post_save
from django_mailman3.lib import scrub
from django_mailman3.lib.mailman import get_mailman_client
from hyperkitty.lib import incoming
from hyperkitty.lib.utils import header_to_unicode, parseaddr
from hyperkitty.models import ArchivePolicy, Email, MailingList, Thread
from mailmanclient import MailmanConnectionError

SECONDS = 0.4           # of work in one transaction: SQLite lets nobody else write meanwhile
LOOKED = 200            # messages that are asked for together
OCTETS_MAX = 256 << 20  # of one message
PIECE = 1 << 20
FOLDER = "/var/tmp"     # for files without a name, as large as an mbox
POLICY = email.policy.default.clone(refold_source="none")
# Names under which mail has text that the charset of that name has not.
WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "ks_c_5601-1987": "cp949", "euc-kr": "cp949", "shift_jis": "cp932",
         "iso-2022-jp": "iso-2022-jp-ext", "iso-8859-1": "cp1252", "us-ascii": "utf-8", "big5": "big5hkscs"}
BASE64 = re.compile(rb"[A-Za-z0-9+/=\s]*\Z")


def say(**words):
    print(json.dumps(words), flush=True)


# -- what a message says

def charset_of(part):
    """As the part names it; None: it does not, or it is no name."""
    try:
        name = part.get_content_charset()
        return name if name and len(name) < 60 and name.isascii() else None
    except Exception:   # pylint: disable=broad-exception-caught
        return None


def is_safe(text):
    """Whether a database takes it."""
    return not any(0xD800 <= ord(one) < 0xE000 for one in text) if not text.isascii() else True


def decoded(octets, named, others):
    """Text of octets, and the charset that it was taken as, where that is not the one named: no octet is lost."""
    for at, name in enumerate([named, WIDER.get(named), *others, "cp1252", "latin-1"]):
        if not name:
            continue
        try:
            text = octets.decode(name)
        except (LookupError, ValueError):
            continue
        if is_safe(text):
            return text, name if at else None
    return octets.decode("latin-1"), "latin-1"


def is_address(text, name=None):
    """Whether add_to_list() reads it again as it stands; and with a name, both."""
    if not re.fullmatch(r"[!-~]+@[!-~]+", text) or len(text) > 254:
        return False
    try:
        field = f"<{text}>" if name is None else email.utils.formataddr((name, text), "utf-8")
        return parseaddr(header_to_unicode(field)) == (name or text, text)
    except Exception:   # pylint: disable=broad-exception-caught
        return False


class Letter(email.message.EmailMessage):
    """A message as add_to_list() asks for it: its headers are words that were read here, so that no parser of
    headers can stumble, and its text and files are those that scrub() below gives."""

    def __init__(self, octets, row, plan):
        super().__init__()
        self.row, self.plan = row, plan
        self.altered, self.words, self.texts, self.files = [], {}, [], {}
        self.others = ["utf-8", plan["charset"]]
        self.octets = octets.replace(b"\r\n", b"\n")
        self.raw = email.message_from_bytes(self.octets, policy=email.policy.compat32)
        if b"\r\n" in octets:
            self.alter("line ends", "CRLF became LF")
        self.words["message-id"] = f"<{row['id']}>"
        self.read_date()
        self.read_from()
        self.read_subject()
        self.read_parent()
        self.parts = None

    # what add_to_list() asks
    def get(self, name, failobj=None):
        return self.words.get(name.lower(), failobj)

    __getitem__ = get

    def __contains__(self, name):
        return name.lower() in self.words

    def get_unixfrom(self):
        came = self.row["came"] or self.row["date"]
        return f"came@mailhaul.invalid {datetime.fromtimestamp(came, timezone.utc):%a, %d %b %Y %H:%M:%S +0000}"

    def alter(self, what, why):
        self.altered.append([what, why[:300]])

    def header(self, name):
        """Octets of the first header of that name as text, unfolded; None: there is none."""
        for key, value in self.raw._headers:    # pylint: disable=protected-access
            if key.lower() == name:
                octets = str(value).encode("utf-8", "surrogateescape")
                text, other = decoded(octets, "utf-8", [self.plan["charset"]])
                if other:
                    self.alter("charset", f"{name} is not encoded: taken as {other}")
                text = re.sub(r"\s*[\r\n]+\s*", " ", text)
                return self.plain(name, text)
        return None

    def plain(self, name, text):
        if "\x00" in text:
            self.alter("NUL", f"{text.count(chr(0))} octets of {name}")
            text = text.replace("\x00", "")
        return text

    @staticmethod
    def unworded(text):
        """A header's text with its encoded words read."""
        try:
            return str(email.header.make_header(email.header.decode_header(text)))
        except Exception:   # pylint: disable=broad-exception-caught
            return text

    def read_date(self):
        row, zone = self.row, 0
        told = self.header("date") or ""
        try:
            parsed = email.utils.parsedate_tz(told)
            if parsed and parsed[9] and abs(parsed[9]) < 13 * 3600 and not row["dated"]:
                zone = parsed[9] // 60 * 60
        except Exception:   # pylint: disable=broad-exception-caught
            pass
        at = datetime.fromtimestamp(row["date"], timezone(timedelta(seconds=zone)))
        self.words["date"] = f"{at:%a, %d %b %Y %H:%M:%S %z}"
        if row["dated"]:
            self.alter("date", f"{told or 'none'} became {at:%Y-%m-%d %H:%M:%S}, {row['dated']}")

    def read_from(self):
        told = self.header("from")
        name, address = email.utils.parseaddr(told or "")
        if "@" not in address and told and " at " in told:
            name, address = email.utils.parseaddr(told.replace(" at ", "@"))
        name = self.unworded(name).strip()
        name, whole = self.printable(name), ""
        # one question for both, which costs as much as one for the address
        good = 0 < len(name) < 256 and is_address(address, name)
        if not good and not is_address(address):
            found = re.search(r"[\w!#$%&'*+/=?^`{|}~.-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", told or "", re.ASCII)
            whole = self.printable(self.unworded(told or "").strip())
            if found and whole.isascii() and is_address(found.group()):
                address = found.group()
            elif whole:
                address = f"{sha256(whole.encode('utf-8', 'replace')).hexdigest()[:16]}@sender.invalid"
            else:
                address = self.row["sender"] if is_address(self.row["sender"]) else "unknown@sender.invalid"
            name = whole
            self.alter("sender", f"{told or 'none'} became {address}")
        if len(name) > 255:
            self.alter("sender", f"a name of {len(name)} characters was cut")
            name = name[:255]
        self.sender, self.name = address, name or address
        self.words["from"] = email.utils.formataddr((name, address), "utf-8") if good else f"<{address}>"

    @staticmethod
    def printable(text):
        """Without what moves the text around it."""
        return text if text.isprintable() else "".join(one for one in text if one.isprintable())

    def read_subject(self):
        text = self.header("subject")
        text = self.unworded(text or "")
        text = "".join(one if one.isprintable() else " " for one in text) if not text.isprintable() else text
        if len(text) > 512:
            self.alter("subject", f"{len(text)} characters: the first 512 stay")
        self.words["subject"] = text[:512]

    def read_parent(self):
        """The nearest that the archive has, of all that it answers; else as HyperKitty chooses."""
        ids = []
        for name in ("in-reply-to", "references"):
            found = [re.sub(r"\s", "", one) for one in re.findall(r"<([^<>]+)>", self.header(name) or "")]
            ids += reversed(found) if name == "references" else found
        ids = [one[:254] for one in ids if one != self.row["id"]]
        if ids:
            known = self.plan["known"]
            self.words["in-reply-to"] = f"<{next((one for one in ids if one in known), ids[0])}>"

    # -- its parts

    def payload(self, part, number):
        """Octets of a part, decoded; of base64 with something behind it, both."""
        raw = part.get_payload()
        if not isinstance(raw, str):
            return b""
        octets = part.get_payload(decode=True) or b""
        if str(part.get("content-transfer-encoding", "")).strip().lower() != "base64":
            return octets
        lines = raw.encode("ascii", "surrogateescape").splitlines(keepends=True)
        end = next((at for at, line in enumerate(lines) if not BASE64.match(line)), len(lines))
        if end == len(lines):
            return octets
        try:
            octets = binascii.a2b_base64(b"".join(lines[:end]))
        except binascii.Error:
            octets = b"".join(lines[:end])
        self.alter("part", f"part {number} is base64 with other text behind it: both stay")
        return octets + (b"\n" if octets else b"") + b"".join(lines[end:])

    @staticmethod
    def inner(part):
        """Octets of a message in a message, as they came."""
        return b"\n".join(one.as_bytes(policy=POLICY) for one in part.get_payload())

    def add_file(self, part, number, kind, octets):
        try:
            name = scrub.Scrubber(email.message.EmailMessage())._get_attachment_filename(part, kind)
        except Exception:   # pylint: disable=broad-exception-caught
            name = "attachment.bin"
        stem, dot, ending = name.rpartition(".")
        if len(name) > 250:
            name = stem[:200] + dot + ending[:40]
        self.files[number] = (name, kind[:255], charset_of(part), octets)

    def add_text(self, part, number):
        octets, named = self.payload(part, number), charset_of(part)
        text, other = decoded(octets, named or ("utf-8" if not octets.isascii() else "us-ascii"), self.others)
        if other:
            self.alter("charset", f"part {number} says {named or 'no charset'}, and is not: taken as {other}")
        self.texts.append(self.plain(f"part {number}", text))

    def walk_parts(self):
        """As scrub.Scrubber numbers them, which does not look into message/rfc822."""
        number, waiting = -1, [self.raw]
        while waiting:
            part, number = waiting.pop(0), number + 1
            yield number, part
            if part.is_multipart() and part.get_content_type() != "message/rfc822":
                waiting[:0] = part.get_payload()

    def attached(self, part):
        """Whether it says so."""
        return str(part.get("content-disposition", "")).strip().lower().split(";")[0].strip() == "attachment"

    def read_parts(self):
        for number, part in self.walk_parts():
            kind = part.get_content_type()
            if part.is_multipart():
                if part.get_content_maintype() == "message":
                    self.add_file(part, number, kind, self.inner(part))
                    continue
                outside = "".join(one for one in (part.preamble, part.epilogue) if one and one.strip())
                if outside and not re.match(r"\s*this is a (cryptographically signed|multi-?part) message",
                                            outside, re.IGNORECASE):
                    self.alter("outside", f"{len(outside)} octets stand outside of the parts of part {number}: "
                                          "are in no archiver")
            elif kind.startswith("multipart/") or kind == "text/plain" and not self.attached(part):
                self.add_text(part, number)
            elif part.get_payload():
                self.add_file(part, number, kind, self.payload(part, number))

    def scrub(self):
        """Text and files. What cannot be read is shown as it came."""
        if self.parts is None:
            try:
                self.read_parts()
            except Exception as error:  # pylint: disable=broad-exception-caught
                self.alter("shown raw", f"{type(error).__name__}: {error}")
                self.texts, self.files = [self.plain("message", decoded(self.octets, None, self.others)[0])], {}
            single = len(self.texts) == 1 and not self.raw.is_multipart()
            text = self.texts[0] if single else "\n".join(
                one if one.endswith("\n") else one + "\n" for one in self.texts)
            self.parts = text, [(number, name, kind, charset, octets)
                                for number, (name, kind, charset, octets) in sorted(self.files.items())]
        return self.parts


class Scrubber:     # pylint: disable=too-few-public-methods
    """What add_to_list() calls for text and files."""

    def __init__(self, message):
        self.message = message

    def scrub(self):
        """Both."""
        return self.message.scrub()


def is_known():
    """Whether this HyperKitty reads messages as ours is written for."""
    return hasattr(incoming, "Scrubber") and hasattr(scrub.Scrubber, "_get_attachment_filename")


# -- one list

class List:
    """One archive on its way."""

    def __init__(self, plan):
        self.plan, self.name = plan, plan["list"]
        self.told, self.mlist, self.core, self.absent = [], None, None, False
        self.known, self.touched, self.months = {}, set(), set()
        self.tries, self.made, self.policy, self.others = 0, None, None, 0

    def refused(self):
        """Why nothing may be brought; None: it may. A private archive is private before there is a message in it."""
        if not is_known():
            return "this HyperKitty reads messages in a way that is not known here: 1.3.7 is known"
        why = None if self.plan["rests"] else self.ask_core()
        if self.plan["do"] == "remove":
            self.mlist = MailingList.objects.filter(name=self.name).first()
            return None if self.absent else why
        if why:
            return why
        policy = self.policy = self.plan["rests"] or self.core.settings["archive_policy"]
        self.mlist = MailingList.objects.filter(name=self.name).first()
        if not self.plan["private"] or policy == "private":
            return None
        if policy == "never" or self.plan["rests"] or (self.mlist and self.mlist.emails.exists()):
            return (f"its archive is private in 2.1, and archive_policy in Mailman 3 is \"{policy}\", of which HyperKitty "
                    "hides nothing")
        if self.plan["do"] == "give":
            self.core.settings["archive_policy"] = "private"
            self.core.settings.save()
        self.told.append(f"archive_policy in Mailman 3: \"{policy}\" becomes \"private\", as it is in 2.1")
        return None

    def ask_core(self):
        """Finds the core's list; why there is none."""
        try:
            self.core = get_mailman_client().get_list(self.name)
        except HTTPError as error:
            if error.code == 404:
                self.absent = True
                return "Mailman 3 has no such list: `lists convert` makes it"
            return f"Mailman 3 says {error}"
        except MailmanConnectionError as error:
            return f"Mailman 3's REST does not answer: {str(error)[:200]}"
        return None

    def make(self):
        """HyperKitty's row, with all that the core says of the list, in one transaction: it is never public first. Of a
        core that rests, what it has been given last is known; all else of a new row comes when HyperKitty asks it."""
        with transaction.atomic():
            self.mlist = MailingList.objects.get_or_create(
                name=self.name, defaults={"archive_policy": ArchivePolicy.private.value})[0]
            if self.core:
                self.mlist.update_from_mailman()
                self.mlist.refresh_from_db()
            else:
                self.mlist.archive_policy = ArchivePolicy[self.policy].value
                self.mlist.list_id = self.mlist.list_id or self.name.replace("@", ".")
                self.mlist.save()
            self.guard()

    def guard(self):
        """Whoever makes a private archive public ends us."""
        if self.plan["private"] and self.mlist.archive_policy != ArchivePolicy.private.value:
            raise PermissionError("HyperKitty does not have the list as private")

    def letters(self):
        """All of them, in the order of the mbox."""
        with again(self.plan["mbox"]) as mbox, again(self.plan["letters"]) as rows:
            for line in rows:
                row = json.loads(line)
                if row["octets"] > OCTETS_MAX:
                    say(n=row["n"], fate="refused", why=f"{row['octets']} octets are more than a page can have")
                    continue
                mbox.seek(row["at"])
                yield row, mbox.read(row["octets"])

    def look_known(self):
        self.known = dict(Email.objects.filter(mailinglist=self.mlist).values_list("message_id", "thread_id")
                          .iterator()) if self.mlist else {}
        with again(self.plan["letters"]) as rows:
            ids = {json.loads(line)["id"][:254] for line in rows}
        self.others = len(self.known.keys() - ids)
        self.plan["known"] = ids.union(self.known)

    # -- giving

    def add(self, row, octets):
        """One message into HyperKitty; what became of it."""
        own = row["id"][:254]
        try:
            letter = Letter(octets, row, self.plan)
            with transaction.atomic():
                incoming.add_to_list(self.name, letter, from_import=True)
                made = self.made
                if made.sender_name != letter.name:
                    Email.objects.filter(id=made.id).update(sender_name=letter.name)
        except OperationalError:
            raise
        except Exception as error:  # pylint: disable=broad-exception-caught
            # one of us that was killed has had it in hand until now
            if Email.objects.filter(mailinglist=self.mlist, message_id=own).exists():
                return {"n": row["n"], "fate": "there"}
            return {"n": row["n"], "fate": "refused", "why": f"{type(error).__name__}: {error}"[:300]}
        self.touched.add(made.thread_id)
        self.months.add((made.date.year, made.date.month))
        self.known[own] = made.thread_id
        return {"n": row["n"], "fate": "new"}

    def remember(self, instance, created, **_):
        """What HyperKitty has made of a message."""
        if created:
            self.made = instance

    def give(self):
        settings.HYPERKITTY_BATCH_MODE = True
        post_save.connect(self.remember, sender=Email)
        incoming.Scrubber = Scrubber
        self.make()
        self.look_known()
        waiting = ((row, octets) for row, octets in self.letters() if row["id"][:254] not in self.known)
        some, ended = [], False
        try:
            while not ended:
                some, ended = self.give_some(some, waiting)
        finally:
            post_save.disconnect(self.remember, sender=Email)
        self.end()

    def give_some(self, some, waiting):
        """One transaction: those that one which failed has left, then as many as there is time for. What is left, and
        whether there are no more."""
        until, answers, taken, ended = time.monotonic() + SECONDS, [], [], False
        try:
            with transaction.atomic():
                self.mlist.refresh_from_db()
                self.guard()
                while time.monotonic() < until or len(taken) < len(some):
                    row, octets = some[len(taken)] if len(taken) < len(some) else next(waiting, (None, None))
                    ended = row is None
                    if ended:
                        break
                    taken.append((row, octets))
                    answers.append(self.add(row, octets))
        except OperationalError:
            # somebody else writes; what this transaction has added is not known
            self.tries += 1
            if self.tries > 5:
                raise
            self.look_known()
            return taken + some[len(taken):], False
        self.tries = 0
        for answer in answers:
            say(**answer)
        return [], ended

    def remove(self):
        """What stands in the mbox goes again; so does the list's page with its last message, but where Mailman 3 has the
        list: what is archived next would find another."""
        settings.HYPERKITTY_BATCH_MODE = True
        self.look_known()
        waiting = iter([row for row, _ in self.letters() if row["id"][:254] in self.known])
        ended = False
        while not ended:
            until, gone = time.monotonic() + SECONDS, []
            with transaction.atomic():
                while time.monotonic() < until and not ended:
                    row = next(waiting, None)
                    ended = row is None
                    if row:
                        for one in Email.objects.filter(mailinglist=self.mlist, message_id=row["id"][:254]):
                            one.delete()
                        gone.append(row["n"])
            for number in gone:
                say(n=number, fate="removed")
        with transaction.atomic():
            if self.mlist and not self.core and not self.mlist.emails.exists():
                self.mlist.delete()
                self.told.append("has no page any more")
                self.mlist = None
            elif self.mlist:
                for value in (*self.mlist.recent_cached_values, self.mlist.cached_values["first_date"]):
                    value.rebuild()

    def end(self):
        """What answers what came later, the order in threads, and what HyperKitty keeps counted. Also what a run that
        was ended has left undone."""
        starters = Email.objects.filter(mailinglist=self.mlist, parent__isnull=True, in_reply_to__isnull=False)
        late = [pair for pair in starters.values_list("message_id", "in_reply_to") if pair[1] in self.known]
        for child, parent in late:
            one, other = (Email.objects.filter(mailinglist=self.mlist, message_id=each).first()
                          for each in (child, parent))
            # of two that answer each other, one begins
            if one and other and one.thread_id != other.thread_id:
                with transaction.atomic():
                    one.set_parent(other)
                    self.touched.add(other.thread_id)
        torn = Thread.objects.filter(mailinglist=self.mlist, emails__thread_order__isnull=True)
        self.touched.update(torn.values_list("id", flat=True).distinct())
        for thread in sorted(self.touched):
            with transaction.atomic():
                self.order(thread)
        for value in (*self.mlist.recent_cached_values, self.mlist.cached_values["first_date"]):
            value.rebuild()
        for year, month in sorted(self.months):
            self.mlist.cached_values["participants_count_for_month"].rebuild(year, month)

    def order(self, number):
        """As hyperkitty.lib.analysis.compute_thread_order_and_depth() has it, but for any depth."""
        rows = list(Email.objects.filter(thread_id=number).order_by("date", "id").values_list(
            "id", "parent_id", "date", "thread_order", "thread_depth"))
        thread = Thread.objects.filter(id=number).first()
        if not rows or thread is None:
            return
        children, ids = {}, {row[0] for row in rows}
        for row in rows:
            children.setdefault(row[1] if row[1] in ids else None, []).append(row[0])
        is_now = {row[0]: (row[3], row[4]) for row in rows}
        seen, place = set(), 0
        waiting = [(one, 0) for one in reversed(children.get(None, [rows[0][0]]))]
        while waiting:
            one, depth = waiting.pop()
            if one in seen:
                continue
            seen.add(one)
            if is_now[one] != (place, depth):
                Email.objects.filter(id=one).update(thread_order=place, thread_depth=depth)
            place += 1
            waiting += [(child, depth + 1) for child in reversed(children.get(one, []))]
            if not waiting:
                waiting = [(row[0], 0) for row in rows if row[0] not in seen][:1]
        last = max(row[2] for row in rows)
        if thread.date_active != last:
            Thread.objects.filter(id=number).update(date_active=last)
        cache.delete_many([f"Thread:{number}:{name}" for name in ("participants_count", "emails_count", "subject")])
        cache.delete(make_template_fragment_key("thread_participants", [number]))

    # -- looking

    @staticmethod
    def differs(letter, stored):
        """What of a message is stored otherwise; its octets, wanted and there."""
        text, files = letter.scrub()
        have = {one.counter: bytes(one.get_content() or b"") for one in stored.attachments.all()}
        want = {number: octets for number, _, _, _, octets in files}
        subject = header_to_unicode(letter.get("subject"))
        pairs = {"text": (text, stored.content), "files": (want, have), "sender": (letter.sender, stored.sender_id),
                 "name": (letter.name, stored.sender_name), "subject": (str(subject)[:512], stored.subject),
                 "date": (letter.row["date"], stored.date.timestamp())}
        return ([name for name, (wanted, there) in pairs.items() if wanted != there],
                [len(text.encode()), len(stored.content.encode()), sum(map(len, want.values())),
                 sum(map(len, have.values()))])

    def look(self):
        """What is there, of all messages; only what the database says counts."""
        self.look_known()
        some = []
        for pair in self.letters():
            some.append(pair)
            if len(some) == LOOKED:
                self.look_at(some)
                some = []
        self.look_at(some)

    def look_at(self, some):
        rows = Email.objects.filter(mailinglist=self.mlist, message_id__in=[row["id"][:254] for row, _ in some]) \
            .prefetch_related("attachments") if self.mlist else []
        there = {one.message_id: one for one in rows}
        for row, octets in some:
            letter, stored = Letter(octets, row, self.plan), there.get(row["id"][:254])
            if stored is None:
                letter.scrub()
                say(n=row["n"], fate="missing", altered=letter.altered)
                continue
            differs, sizes = self.differs(letter, stored)
            say(n=row["n"], fate="there", differs=differs, octets=sizes, altered=letter.altered)


def again(file):
    """The same file from its beginning, whoever else reads it."""
    return open(f"/proc/self/fd/{file.fileno()}", "rb")


def taken(stdin, octets):
    """So many of standard input, in a file that nobody else can find. Where there is no room for them, they are taken all
    the same, for what follows is a job."""
    file, why = tempfile.TemporaryFile(dir=FOLDER), None
    while octets:
        piece = stdin.read(min(octets, PIECE))
        if not piece:
            sys.exit("there is less than a job tells of")
        octets -= len(piece)
        try:
            if why is None:
                file.write(piece)
        except OSError as error:
            why = error
    try:
        file.flush()
    except OSError as error:
        why = error
    return file, why


def about():
    """What a person has to know of this HyperKitty before archives come to it."""
    told = {"list": "", "version": getattr(hyperkitty, "VERSION", None) or getattr(hyperkitty, "__version__", "?"),
            "known": is_known(), "key": bool(getattr(settings, "MAILMAN_ARCHIVER_KEY", None)), "core": None,
            "sqlite": connection.vendor == "sqlite", "rest": settings.MAILMAN_REST_API_URL}
    try:
        told["core"] = get_mailman_client().system["mailman_version"]
        told["lists"] = MailingList.objects.count()
    except Exception as error:  # pylint: disable=broad-exception-caught
        told["why"] = f"{type(error).__name__}: {error}"[:300]
    say(**told)


def answer_to(plan, why):
    """One job, its lines and a last one."""
    one = List(plan)
    try:
        why = why and f"{FOLDER}: {why}" or one.refused()
        # an archive that is to be none, and is
        idle = plan["empty"] and one.policy in ("never", None) and plan["do"] != "remove"
        if idle:
            why = None
        elif why is None:
            getattr(one, plan["do"])()
        if why is None and plan["index"] and not idle:
            call_command("update_index_one_list", one.name, verbosity=0)
    except Exception as error:  # pylint: disable=broad-exception-caught
        why = f"{type(error).__name__}: {error}"[:400]
    say(list=one.name, error=why, told=one.told, others=one.others,
        policy=ArchivePolicy(one.mlist.archive_policy).name if one.mlist else None)


def run():
    """What mailhaul calls."""
    sys.setrecursionlimit(10000)
    # what a site's logging says of its own is no word of ours; what goes wrong is in the answers
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    stdin = sys.stdin.buffer
    say(uid=os.getuid())
    for line in iter(stdin.readline, b""):
        plan = json.loads(line)
        if plan["do"] == "about":
            about()
            continue
        plan["letters"], why = taken(stdin, plan["letters"])
        plan["mbox"], full = taken(stdin, plan["mbox"])
        answer_to(plan, why or full)
        plan["letters"].close()
        plan["mbox"].close()
