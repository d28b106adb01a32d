# SPDX-License-Identifier: BSD-2-Clause
"""Runs inside Mailman 3, by `mailman shell` (src/agent/streams.c): gives it lists of Mailman 2.1.

Standard input has one plan a line (src/lists/mailman3_plan.h); standard output gets one answer a line. What changes
lists is a process of its own, and who looks at them behind it begins with what was stored. Only what differs is
changed: a second run changes nothing, and goes on where a first one was cut off. So a list may take several
transactions, which are short: while one writes, SQLite lets nobody else in.
Nothing is sent: what tells people of changes is off meanwhile, and the queue of such mail is counted.
"""

import base64
import ctypes
import datetime
import email.utils
import gc
import hashlib
import json
import os
import pickle
import re
import shutil
import signal
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from email import message_from_bytes

from lazr.config import as_boolean, as_timedelta
from mailman.app import moderator
from mailman.app.lifecycle import create_list, remove_list
from mailman.chains.hold import HeldMessagePendable
from mailman.config import config
from mailman.database.transaction import transaction
from mailman.email.message import Message
from mailman.interfaces.action import Action
from mailman.interfaces.address import ExistingAddressError, IEmailValidator
from mailman.interfaces.autorespond import IAutoResponseSet, Response
from mailman.interfaces.bans import IBanManager
from mailman.interfaces.domain import IDomainManager
from mailman.interfaces.languages import ILanguageManager
from mailman.interfaces.listmanager import IListManager
from mailman.interfaces.mailinglist import IHeaderMatchList, SubscriptionPolicy
from mailman.interfaces.member import DeliveryMode, DeliveryStatus, MemberRole
from mailman.interfaces.messages import IMessageStore
from mailman.interfaces.pending import IPendable, IPendings
from mailman.interfaces.styles import IStyleManager
from mailman.interfaces.subscriptions import ISubscriptionManager
from mailman.interfaces.template import ITemplateManager
from mailman.interfaces.usermanager import IUserManager
from mailman.model.address import Address
from mailman.model.digests import OneLastDigest
from mailman.model.member import Member
from mailman.model.preferences import Preferences
from mailman.model.uid import UID
from mailman.model.user import User
from mailman.rest.helpers import ExtendedEncoder
from mailman.rest.listconf import ATTRIBUTES
from mailman.utilities.datetime import now
from mailman.utilities.email import add_message_hash
from mailman.utilities.mailbox import Mailbox
from mailman.version import VERSION
from sqlalchemy import func, select, text as words_of
from sqlalchemy.orm import joinedload
from zope.component import getUtility
from zope.interface import implementer

KEPT = datetime.timedelta(days=3650)    # how long it is known what was brought
OPENED, MADE = "opened", "made"
STYLE = "legacy-default"
WORKED = {"in", "pipeline", "out", "virgin", "command", "bounces", "digest"}     # what waits for another day is in retry
END_OF_POST = "\n\1\1\1\1\n"    # of MMDF
NEVER = datetime.datetime(1, 1, 1)
QUIET = ("admin_immed_notify", "admin_notify_mchanges", "send_welcome_message", "respond_to_post_requests")
POLICIES = ("subscription_policy", "unsubscription_policy")
SCHEMA = "98224512c9c2"     # of the tables that `bulk` writes to: core 3.3.8
ASKED = 500         # addresses in one question
TOGETHER = 100      # members in one transaction: some tenths of a second
ROWS_OF_A_PAGE = 2500
WORKERS_MAX = 4     # of REST that are kept busy at once
PR_SET_PDEATHSIG = 1
REST_S = 120        # that one answer of REST may take
FIELDS = ("email", "delivery_mode", "moderation_action")
# what nobody asked for takes REST longest
SHOWN = urllib.parse.urlencode({"fields": FIELDS}, doseq=True)
COUNTERS = ("post_id", "volume", "next_digest_number", "usenet_watermark")
TIMES = ("created_at", "last_post_at", "digest_last_sent_at")
PATTERNS = ("accept_these_nonmembers", "hold_these_nonmembers", "reject_these_nonmembers",
            "discard_these_nonmembers", "acceptable_aliases")
# queues of 2.1, and those of the same work here
QUEUES = {"in": "in", "commands": "command", "bounces": "bounces", "out": "out", "virgin": "out", "archive": "archive"}


@implementer(IPendable)
class Brought(dict):
    """The mark of something that is brought once, and may be gone since, by a moderator's hand."""
    PEND_TYPE = "mailhaul"


def moment(seconds):
    """Seconds since 1970 as Mailman keeps times."""
    return datetime.datetime.utcfromtimestamp(seconds) if seconds else None


def day(text):
    """A date such as 2026-11-22, or None."""
    with suppress(ValueError):
        return datetime.datetime.strptime(text, "%Y-%m-%d")
    return None


def broken(pattern):
    """Why Python takes no such pattern; None: it does."""
    try:
        re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        return f"is no pattern that Python takes: {error}"
    return None


def no_bulk():
    """Why nothing can be put into its tables; None: they are as they are known here."""
    found = config.db.store.execute(words_of("SELECT version_num FROM alembic_version")).scalars().all()
    if found == [SCHEMA]:
        return None
    return (f"members go in bulk into tables of version {SCHEMA}, and its database has {' '.join(found) or 'none'}: "
            "go without")


class Made:
    """Addresses and domains that were made here, on record before they are stored: one that is taken back goes only
    where it is ours. A file in Mailman's data folder, a line each."""

    def __init__(self):
        self.path = os.path.join(config.DATA_DIR, "mailhaul.made")

    def add(self, what, *names):
        with open(self.path, "a", encoding="utf-8") as file:
            file.writelines(f"{what} {name}\n" for name in names)

    def sync(self):
        with suppress(FileNotFoundError), open(self.path, "rb") as file:
            os.fsync(file.fileno())

    def read(self):
        with suppress(FileNotFoundError), open(self.path, encoding="utf-8") as file:
            return {tuple(line.rstrip("\n").split(" ", 1)) for line in file if line.endswith("\n")}
        return set()


def write_durably(path, octets):
    """A file that is there whole, or as it was."""
    folder = os.path.dirname(path)
    os.makedirs(folder, exist_ok=True)
    with open(f"{path}.part", "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
    os.rename(f"{path}.part", path)
    folder = os.open(folder, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def gathered(posts):
    """Posts as a digest's mailbox here, which is MMDF; the same posts give the same octets."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "digest.mmdf")
        with Mailbox(path, create=True) as mailbox:
            for post in posts:
                mailbox.add(f"{post['from']}\n{post['message']}".encode("latin-1"))
        with open(path, "rb") as file:
            return file.read()


def plain(value):
    """As REST tells it."""
    return json.loads(json.dumps(value, cls=ExtendedEncoder))


class List:
    """One list on its way; `change`: make it so, else look alone."""

    def __init__(self, plan, change, rest):
        self.plan, self.change, self.rest = plan, change, rest
        self.answer = {"list": plan["list"], "changed": [], "refused": [], "told": [], "members": 0,
                       "new": False, "error": None}
        self.users, self.mlist = getUtility(IUserManager), None
        self.made = Made()
        self.marks, self.roster = set(), {}     # what was brought once; members whom no plan has named yet
        self.brought_in_bulk = set()
        self.reading = None                     # what REST is asked meanwhile
        self.loud = None                        # what the list has that is hushed; None: it may not be

    def refuse(self, what, who, why):
        self.answer["refused"].append({"what": what, "who": who, "why": why})

    def tell(self, words):
        self.answer["told"].append(words)

    def differs(self, what):
        """Count a difference; True: it is to be changed."""
        self.answer["changed"].append(what)
        if self.change and self.loud == {}:
            self.hush()
        return self.change

    # -- the list itself

    def find(self):
        """The list, made where there is none; False: there can be none."""
        name = self.plan["list"]
        self.mlist = getUtility(IListManager).get(name)
        if self.mlist:
            return True
        self.answer["new"] = True
        if not self.differs("list"):
            return False
        host = name.partition("@")[2]
        domains = getUtility(IDomainManager)
        if domains.get(host) is None:
            self.made.add("domain", host)
            domains.add(host)
        self.mlist = create_list(name, (), STYLE)
        self.mark(MADE)
        self.made.sync()
        return True

    def hush(self):
        """Nobody is told of anything, and who asks to come or to go waits for an owner."""
        self.loud = {name: getattr(self.mlist, name) for name in QUIET + POLICIES}
        for name in QUIET:
            setattr(self.mlist, name, False)
        for name in POLICIES:
            setattr(self.mlist, name, SubscriptionPolicy.moderate)

    @contextmanager
    def quiet(self):
        """A transaction in which the first change hushes the list, until its end."""
        self.loud = {}
        try:
            with transaction():
                yield
                self.speak()
                self.made.sync()
        finally:
            self.loud = None

    def speak(self):
        for name, value in self.loud.items():
            setattr(self.mlist, name, value)

    # -- attributes

    def entries(self, name, wanted):
        """Those of a list of addresses and patterns that Mailman takes."""
        good = []
        for entry in wanted:
            if entry.startswith("^"):
                why = broken(entry)
            else:
                why = None if self.is_address(entry) else "is no address that Mailman 3 takes"
            if why:
                self.refuse(name, entry, why)
            elif entry not in good:
                good.append(entry)
        return good

    def config(self):
        opening = self.plan["opening"] if OPENED in self.marks else {}
        for name, wanted in self.plan["config"].items():
            rest = ATTRIBUTES[name]
            if name in PATTERNS:
                wanted = self.entries(name, wanted)
            is_now = plain(rest.get(self.mlist, name))
            same = (sorted(is_now) == sorted(wanted) if isinstance(wanted, list) and is_now is not None
                    else is_now == wanted)
            if same or (name in opening and is_now == opening[name]) or not self.differs(name):
                continue
            value = wanted if isinstance(wanted, list) else str(wanted)
            rest.put(self.mlist, name, rest.decoder(value))

    def password(self, text):
        """A hash of 2.1, as the passwords of Mailman here know it."""
        value = text.encode("ascii", "replace")
        if config.password_context._context.identify(text) is None:     # pylint: disable=protected-access
            self.refuse("password", "moderator_password",
                        "its passlib.cfg does not have hex_sha1: owners have to set a new one")
            return None
        return value

    def core(self):
        for name, wanted in self.plan["core"].items():
            if name in TIMES:
                wanted = moment(wanted)
            if name == "moderator_password":
                wanted = self.password(wanted)
                if wanted is None:
                    continue
            is_now = getattr(self.mlist, name)
            # what has counted on since is never set back
            if is_now == wanted or (name in COUNTERS and (is_now or 0) >= (wanted or 0)):
                continue
            if name == "last_post_at" and is_now and (not wanted or is_now > wanted):
                continue
            if self.differs(name):
                setattr(self.mlist, name, wanted)

    # -- people

    @staticmethod
    def is_address(text):
        return getUtility(IEmailValidator).is_valid(text)

    def address(self, what, text, name=""):
        """Its row, made where there is none; None: refused."""
        if not self.is_address(text):
            self.refuse(what, text, "is no address that Mailman 3 takes")
            return None
        if self.change:
            try:
                found = self.users.create_address(text, name)
                self.made.add("address", found.email)
            except ExistingAddressError:
                found = self.users.get_address(text)
        else:
            found = self.users.get_address(text)
        if found is not None and self.change:
            if found.user is None:
                user = self.users.create_user()
                user.link(found)
                user.display_name = found.display_name
            if found.verified_on is None:
                found.verified_on = now()
            if name and not found.display_name:
                found.display_name = name
                found.user.display_name = found.user.display_name or name
        return found

    def subscribe(self, address, role):
        """As IMailingList.subscribe() does, but that nobody is told, and that nobody is barred: a ban in 2.1 kept
        nobody out who was in. Half of its time goes into these two."""
        member = Member(role=role, list_id=self.mlist.list_id, subscriber=address)
        member.preferences = Preferences()
        config.db.store.add(member)
        return member

    def preferences(self, wanted):
        made = {
            "delivery_mode": DeliveryMode[wanted["mode"]],
            "delivery_status": DeliveryStatus[wanted["status"]],
            "hide_address": wanted["hide"],
            "acknowledge_posts": wanted["ack"],
            "receive_own_postings": wanted["own"],
            "receive_list_copy": wanted["copy"],
        }
        if wanted["language"]:
            made["_preferred_language"] = wanted["language"]
        return made

    @staticmethod
    def bounces(wanted):
        """What a runner goes on with; a member whom bounces disabled has had a warning, or it begins anew."""
        known = wanted.get("bounces")
        made = {"bounce_score": int(known["score"]) if known else 0,
                "last_bounce_received": day(known["date"]) if known else None,
                "total_warnings_sent": known["warnings_sent"] if known else 0}
        last = day(known["last_warning"]) if known else None
        if last:
            made["last_warning_sent"] = last
        return made

    def member(self, wanted, row):
        changed = []
        for thing, values in ((row, {"moderation_action": Action[wanted["action"]]} | self.bounces(wanted)),
                              (row.preferences, self.preferences(wanted))):
            for name, value in values.items():
                if getattr(thing, name) != value:
                    changed.append(name)
                    if self.change:
                        setattr(thing, name, value)
        # of a row that was not stored yet it is None
        if wanted["status"] == "by_bounces" and row.last_warning_sent in (None, NEVER):
            changed.append("last_warning_sent")
            if self.change:
                row.last_warning_sent = now()
        if changed:
            self.differs(f"member {wanted['address']}: {' '.join(changed)}")

    def missing(self, wanted):
        """A member who is not there yet."""
        address = self.address("member", wanted["address"], wanted["name"])
        if not self.is_address(wanted["address"]):
            return False
        if wanted["address"].lower() == self.mlist.posting_address:
            self.refuse("member", wanted["address"], "is the list's own address")
            return False
        if not self.differs(f"member {wanted['address']}"):
            return False
        row = self.subscribe(address, MemberRole.member)
        if wanted["last_digest"]:
            mode = wanted["mode"] if wanted["mode"] != "regular" else "mime_digests"
            self.mlist.send_one_last_digest_to(address, DeliveryMode[mode])
        count = len(self.answer["changed"])
        self.member(wanted, row)
        del self.answer["changed"][count:]
        return True

    def members(self, some):
        there = self.roster
        for wanted in some:
            row = there.pop(wanted["address"].lower(), None)
            if row is not None:
                self.member(wanted, row)
                if wanted["name"] and row.display_name != wanted["name"]:
                    self.tell(f"member {wanted['address']} has another name there: {row.display_name}")
            elif not self.missing(wanted):
                continue
            self.answer["members"] += 1

    def look_at_roster(self):
        rows = config.db.store.query(Member).filter_by(list_id=self.mlist.list_id, role=MemberRole.member).options(
            joinedload(Member._address), joinedload(Member.preferences))     # pylint: disable=protected-access
        self.roster = {row.address.email: row for row in rows}

    def look_at_members(self):
        """All at once: what a transaction has read, the next one reads again, row by row."""
        self.look_at_roster()
        self.members(self.plan["members"])

    # -- members in bulk

    @staticmethod
    def check_schema():
        why = no_bulk()
        if why:
            raise LookupError(why)

    def simple(self):
        """Members who are nowhere in this Mailman, and for whom nothing is to be done but to store them. All others
        go Mailman's own way."""
        new, store = {}, config.db.store
        for wanted in self.plan["members"]:
            key = wanted["address"].lower()
            if key not in new and not wanted["last_digest"] and key != self.mlist.posting_address and \
                    self.is_address(wanted["address"]):
                new[key] = wanted
        keys = list(new)
        for at in range(0, len(keys), ASKED):
            for key in store.execute(select(Address.email).where(Address.email.in_(keys[at:at + ASKED]))).scalars():
                del new[key]
        return new

    @staticmethod
    def insert(model, rows):
        """Rows by their columns; how they are numbered, in their order. In SQLite a writer is alone until its end, and
        a number is the next one; PostgreSQL gives out numbers; others number each row by themselves."""
        table, store = model.__table__, config.db.store
        if config.database.url.startswith("sqlite"):
            first = (store.execute(select(func.max(table.c.id))).scalar() or 0) + 1
            numbers = range(first, first + len(rows))
        elif config.database.url.startswith("postgres"):
            numbers = store.execute(words_of(
                "SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :count)"), {
                    "name": f'"{table.name}"', "count": len(rows)}).scalars().all()
        else:
            return [store.execute(table.insert(), row).inserted_primary_key[0] for row in rows]
        store.execute(table.insert(), [row | {"id": number} for row, number in zip(rows, numbers)])
        return numbers

    def bulk(self):
        """What missing() makes of each, by the columns of Mailman's own model, in one transaction: all or none. Numbers
        of people are random, as its own, and none is asked for."""
        store, when = config.db.store, now()
        if store.query(Member).filter_by(list_id=self.mlist.list_id, role=MemberRole.member).first() is not None:
            return
        self.check_schema()
        new = self.simple()
        if not new:
            return
        users, members = ([uuid.uuid4() for _ in new] for _ in range(2))
        nothing = dict.fromkeys(("acknowledge_posts", "hide_address", "preferred_language", "receive_list_copy",
                                 "receive_own_postings", "delivery_mode", "delivery_status"))
        own = [nothing | {name.lstrip("_"): value for name, value in self.preferences(wanted).items()}
               for wanted in new.values()]
        self.made.add("address", *new)
        # the first that is written: from here on nobody else numbers rows in SQLite
        store.execute(UID.__table__.insert(), [{"uid": one} for one in users + members])
        choices = self.insert(Preferences, [nothing] * (2 * len(new)) + own)
        people = self.insert(User, [
            {"display_name": wanted["name"], "_user_id": number, "_created_on": when, "is_server_owner": False,
             "preferences_id": choice} for wanted, number, choice in zip(new.values(), users, choices)])
        addresses = self.insert(Address, [
            {"email": key, "_original": wanted["address"] if wanted["address"] != key else None,
             "display_name": wanted["name"], "verified_on": when, "registered_on": when, "user_id": person,
             "preferences_id": choice}
            for (key, wanted), person, choice in zip(new.items(), people, choices[len(new):])])
        self.insert(Member, [
            {"_member_id": number, "role": MemberRole.member, "list_id": self.mlist.list_id,
             "moderation_action": Action[wanted["action"]], "address_id": address, "preferences_id": choice,
             "last_warning_sent": when if wanted["status"] == "by_bounces" else NEVER} | self.bounces(wanted)
            for wanted, number, address, choice in zip(new.values(), members, addresses, choices[2 * len(new):])])
        for wanted in new.values():
            self.differs(f"member {wanted['address']}")
        self.brought_in_bulk = set(new)

    def tell_others(self):
        for key in self.roster:
            self.tell(f"member {key} is there, and not in 2.1")

    def roles(self):
        for part, role in (("owners", MemberRole.owner), ("moderators", MemberRole.moderator)):
            roster = self.mlist.get_roster(role)
            there = {row.address.email for row in roster.members}
            for text in self.plan[part]:
                if text.lower() in there:
                    continue
                address = self.address(role.name, text)
                if not self.is_address(text):
                    continue
                if text.lower() == self.mlist.posting_address:
                    self.refuse(role.name, text, "is the list's own address")
                elif self.differs(f"{role.name} {text}"):
                    self.subscribe(address, role)
                    there.add(text.lower())

    # -- beside the list

    def bans(self):
        manager = IBanManager(self.mlist)
        there = {ban.email for ban in manager}
        for entry in self.entries("ban", self.plan["bans"]):
            entry = entry if entry.startswith("^") else entry.lower()
            if entry not in there and self.differs(f"ban {entry}"):
                manager.ban(entry)

    def header_matches(self):
        matches = IHeaderMatchList(self.mlist)
        wanted = []
        for rule in self.plan["header_matches"]:
            why = broken(rule["pattern"])
            if why:
                self.refuse("header rule", f"{rule['header']}: {rule['pattern']}", why)
            else:
                wanted.append((rule["header"], rule["pattern"], rule["action"]))
        there = [(one.header, one.pattern, one.chain) for one in matches]
        if wanted == there or not self.differs("header matches"):
            return
        matches.clear()
        for header, pattern, chain in wanted:
            matches.append(header, pattern, chain)

    def templates(self):
        manager = getUtility(ITemplateManager)
        folder = os.path.join(config.TEMPLATE_DIR, "lists", self.mlist.list_id, "mailhaul")
        for name, text in self.plan["templates"].items():
            path = os.path.join(folder, f"{name}.txt")
            uri, raw, is_now = f"file://{path}", manager.raw(name, self.mlist.list_id), None
            with suppress(OSError), open(path, encoding="utf-8", newline="") as file:
                is_now = file.read()
            if is_now == text and raw is not None and raw.uri == uri or not self.differs(f"template {name}"):
                continue
            write_durably(path, text.encode())
            manager.set(name, self.mlist.list_id, uri)

    # -- what is brought once

    def brought(self):
        """The marks of this list."""
        found = getUtility(IPendings).find(mlist=self.mlist, pend_type=Brought.PEND_TYPE)
        return {data["thing"] for _, data in found if data}

    def mark(self, thing):
        getUtility(IPendings).add(Brought(thing=thing, list_id=self.mlist.list_id), KEPT)

    def once(self, thing):
        """Whether it is to be brought now."""
        if thing in self.marks or not self.differs(thing):
            return False
        self.mark(thing)
        self.marks.add(thing)
        return True

    def posted(self, post):
        """A held post; None: another with its Message-ID is known, and Mailman would keep that one alone."""
        octets = post["message"].encode("latin-1")
        message = message_from_bytes(octets, Message)
        message.original_size = len(octets)
        if message.get("message-id") is None:
            message["Message-ID"] = f"<mailhaul.{post['id']}.{self.plan['list']}>"
        known = getUtility(IMessageStore).get_message_by_id(message["message-id"])
        if known is not None:
            del known["message-id-hash"], known["x-message-id-hash"]
        return message if known is None or known.as_bytes() == message.as_bytes() else None

    def hold(self, post, message):
        when, real = moment(post["at"]) or now(), moderator.now
        moderator.now = lambda *_, **__: when
        try:
            number = moderator.hold_message(self.mlist, message, {
                "listid": self.mlist.list_id, "original_size": message.original_size, "rule_hits": [],
                "moderation_reasons": [post["reason"]]}, post["reason"])
        finally:
            moderator.now = real
        getUtility(IPendings).add(HeldMessagePendable(id=number, list_id=self.mlist.list_id))

    def held(self):
        for post in self.plan["held"]:
            thing = f"held post {post['id']}"
            if thing in self.marks:
                continue
            message = self.posted(post)
            if message is None:
                self.refuse("held post", f"request {post['id']}",
                            "another message with its Message-ID is held already")
            elif self.once(thing):
                self.hold(post, message)

    def joining(self):
        for one in self.plan["joining"]:
            thing = f"joining {one['address']}"
            if thing in self.marks:
                continue
            if self.mlist.members.get_member(one["address"]):
                self.refuse("joining", one["address"], "is a member")
                continue
            address = self.address("joining", one["address"], one["name"])
            if self.is_address(one["address"]) and self.once(thing):
                ISubscriptionManager(self.mlist).register(
                    address, pre_verified=True, pre_confirmed=True, delivery_mode=DeliveryMode[one["mode"]])

    def leaving(self):
        for text in self.plan["leaving"]:
            thing = f"leaving {text}"
            if thing in self.marks:
                continue
            if not self.mlist.members.get_member(text):
                self.refuse("leaving", text, "is no member")
            elif self.once(thing):
                ISubscriptionManager(self.mlist).unregister(self.users.get_address(text), pre_confirmed=True)

    def digest(self):
        """The digest in progress is 2.1's until the list is opened: posts that 2.1 has sent in one meanwhile go, too.
        Marks say by its hash what was written here."""
        path, posts = os.path.join(self.mlist.data_path, "digest.mmdf"), self.plan["digest"]
        if OPENED in self.marks:
            return
        if posts and not self.mlist.digests_enabled:
            self.refuse("digest", "digest.mbox", "the list has no digests")
            posts = []
        for post in [one for one in posts if END_OF_POST in f"\n{one['message']}\n"]:
            self.refuse("digest", post["from"], "a line of it would end it in a digest's mailbox here")
            posts.remove(post)
        there, wanted = b"", gathered(posts)
        with suppress(FileNotFoundError), open(path, "rb") as file:
            there = file.read()
        given = {thing for thing in self.marks if thing.startswith("digest ")}
        now_there, brought = (f"digest {hashlib.sha1(octets).hexdigest()}" for octets in (there, wanted))
        if there == wanted:
            if wanted and brought not in given and self.change:
                self.mark(brought)
        elif (there or given) and now_there not in given:
            # it has gone out here, or posts came to it: nothing of it is taken away, and nothing comes twice
            if brought not in given:
                self.refuse("digest", "digest.mbox", "the list here has one of its own by now: have 2.1 send it")
        elif self.differs("digest"):
            self.mark(brought)
            write_durably(path, wanted)

    def waiting(self):
        self.held()
        self.joining()
        self.leaving()

    def responses(self):
        answers, grace = IAutoResponseSet(self.mlist), self.mlist.autoresponse_grace_period
        for one in self.plan["responses"]:
            # 2.1 keeps until when there is none, Mailman 3 when there was one
            sent = (moment(one["until"]) or now()).date() - grace
            address = self.address("answer", one["address"])
            last = address and answers.last_response(address, Response[one["kind"]])
            if last and last.date_sent >= sent:
                continue
            if self.is_address(one["address"]) and self.differs(f"answer {one['address']}"):
                answers.response_sent(address, Response[one["kind"]])
                answers.last_response(address, Response[one["kind"]]).date_sent = sent

    def steps_of_members(self):
        if self.plan.get("bulk"):
            yield self.bulk
        # who was brought in bulk is looked at by another process
        members = [one for one in self.plan["members"] if one["address"].lower() not in self.brought_in_bulk]
        self.answer["members"] = len(self.brought_in_bulk)
        if not self.brought_in_bulk:
            yield self.look_at_roster
        for at in range(0, len(members), TOGETHER):
            yield lambda some=members[at:at + TOGETHER]: self.members(some)

    def steps(self):
        """What is done, a transaction each."""
        yield self.find
        if not self.mlist:
            return
        if not self.change:
            self.reading = self.rest.begin(self.plan)
        self.marks = self.brought()
        yield self.config
        yield self.core
        if self.change:
            yield from self.steps_of_members()
        else:
            yield self.look_at_members
        yield self.tell_others
        yield self.roles
        yield self.waiting
        yield self.digest
        yield self.bans
        yield self.header_matches
        yield self.templates
        yield self.responses

    def all(self):
        if self.change and self.plan.get("bulk"):
            with transaction():
                self.check_schema()
        for step in self.steps():
            with transaction() if step in (self.find, self.config) else self.quiet():
                step()
            print(flush=True)

    def open(self):
        """What was off until now; a list that is opened stays so, whatever is given later."""
        if not self.find():
            return
        self.marks = self.brought()
        if OPENED not in self.marks:
            self.mark(OPENED)
        for name, wanted in self.plan["opening"].items():
            if plain(ATTRIBUTES[name].get(self.mlist, name)) != wanted and self.differs(name):
                ATTRIBUTES[name].put(self.mlist, name, wanted)


    # -- taken back

    def forget(self):
        """The marks of this list, and whatever else waits for an answer that nobody will give."""
        pendings = getUtility(IPendings)
        for token, _ in list(pendings.find(mlist=self.mlist)):
            pendings.confirm(token, expunge=True)

    def remove(self):
        """A list that was made here is gone again, with those addresses that were made for it and belong to nobody
        else."""
        name = self.plan["list"]
        self.mlist = getUtility(IListManager).get(name)
        if self.mlist is None:
            return
        if MADE not in self.brought():
            self.tell("was there before, and stays as it is now")
            return
        emails = {row.address.email for role in MemberRole for row in self.mlist.get_roster(role).members}
        folder = os.path.join(config.TEMPLATE_DIR, "lists", self.mlist.list_id)
        self.forget()
        # Mailman leaves this behind: where a database minds, it fails there; in SQLite it is the next list's
        IHeaderMatchList(self.mlist).clear()
        config.db.store.query(OneLastDigest).filter_by(mailing_list=self.mlist).delete()
        remove_list(self.mlist)
        shutil.rmtree(os.path.join(folder, "mailhaul"), ignore_errors=True)
        with suppress(OSError):
            os.rmdir(folder)
        self.differs("removed")
        made = self.made.read()
        for text in emails:
            if ("address", text) in made:
                self.remove_address(text)
        host = name.partition("@")[2]
        domain = getUtility(IDomainManager).get(host)
        if ("domain", host) in made and domain is not None and not list(domain.mailing_lists):
            getUtility(IDomainManager).remove(host)

    def remove_address(self, text):
        found, rows = self.users.get_address(text), config.db.store.query(Member)
        user = found.user if found else None
        if found is None or rows.filter_by(address_id=found.id).count() or \
                (user and rows.filter_by(user_id=user.id).count()):
            return
        alone = user is not None and len(list(user.addresses)) == 1 and user.password is None
        self.users.delete_address(found)
        if alone:
            self.users.delete_user(user)

    def disable(self):
        """It has lived here: nothing of it is taken away, and nothing goes out of it by itself."""
        self.mlist = getUtility(IListManager).get(self.plan["list"])
        if self.mlist is None or MADE not in self.brought():
            return
        for name, value in (("emergency", True), ("digests_enabled", False), ("process_bounces", False)):
            if getattr(self.mlist, name) != value and self.differs(name):
                setattr(self.mlist, name, value)


class Entry:
    """What waits in a queue of 2.1 for a list, in the queue of the same work here. No runner runs meanwhile, and its
    name is always the same: given twice, it is there once."""

    def __init__(self, plan):
        self.plan = plan
        self.answer = {"list": plan["list"], "entry": plan["entry"], "error": None}

    def path(self):
        queue, _, name = self.plan["entry"].partition("/")
        at, digest = name.partition("+")[0], hashlib.sha1(self.plan["entry"].encode()).hexdigest()
        return os.path.join(config.switchboards[QUEUES[queue]].queue_directory, f"{float(at)!r}+{digest}.pck")

    def message(self):
        """As the LMTP runner takes one, but that nothing is refused: it was taken already."""
        octets = self.plan["message"].encode("latin-1")
        message = message_from_bytes(octets, Message)
        message.original_size = len(octets)
        if message.get("message-id") is None:
            message["Message-ID"] = email.utils.make_msgid()
        add_message_hash(message)
        if self.plan["sender"]:
            message.set_unixfrom(self.plan["sender"])
            message["X-MailFrom"] = self.plan["sender"]
        return message

    def metadata(self, mlist, size):
        queue, to = self.plan["entry"].partition("/")[0], self.plan["to"]
        made = {"listid": mlist.list_id, "original_size": size, "received_time": now(), "_parsemsg": False,
                "version": config.QFILE_SCHEMA_VERSION}
        if QUEUES[queue] == "out":
            return made | {"recipients": set(self.plan["recipients"]), "nodecorate": True}
        if queue == "archive":
            # its date, where its own is none that can be
            at = float(self.plan["entry"].partition("/")[2].partition("+")[0])
            return made | {"received_time": datetime.datetime.fromtimestamp(at, datetime.timezone.utc)}
        if to:
            made |= {"subaddress": to, f"to_{to}": True}
            if to == "owner":
                made["envsender"] = config.mailman.site_owner
        elif queue == "in":
            made["to_list"] = True
        return made

    def give(self):
        with transaction():
            mlist = getUtility(IListManager).get(self.plan["list"])
            if mlist is None:
                raise LookupError(f"there is no list {self.plan['list']}")
            message, path = self.message(), self.path()
            data = self.metadata(mlist, message.original_size)
        write_durably(path, pickle.dumps(message, 4) + pickle.dumps(data, 4))

    def drop(self):
        for path in (self.path(), self.path().removesuffix("pck") + "bak"):
            with suppress(FileNotFoundError):
                os.unlink(path)


def mails():
    """How much mail to people waits to be sent."""
    return sum(len(config.switchboards[name].files) for name in ("virgin", "out"))


def archiver():
    """Why HyperKitty does not take what is archived here; None: it does."""
    try:
        one = next((one for one in config.archivers if one.name == "hyperkitty"), None)
        if one is None or not one.is_enabled:
            return "mailman.cfg: [archiver.hyperkitty] is not there, or not enabled"
        place = f"{one.base_url}api/mailman/urls?mlist=nobody@mailhaul.invalid"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(urllib.request.Request(place, headers=one.headers), timeout=REST_S) as got:
            got.read()
    except Exception as error:  # pylint: disable=broad-exception-caught
        return f"HyperKitty does not take what this Mailman archives: {type(error).__name__}: {error}"[:300]
    if "archive" not in (name.removeprefix("runner.") for name in started_runners()):
        return "mailman.cfg: [runner.archive] is not started, and nothing is archived"
    return None


def started_runners():
    return [section.name for section in config.runner_configs if as_boolean(section.start)]


def about(rest):
    """What a person has to know of this Mailman before lists come to it."""
    languages = getUtility(ILanguageManager)
    hashes = config.password_context._context       # pylint: disable=protected-access
    told = {"list": "", "version": VERSION, "sqlite": config.database.url.startswith("sqlite"),
            "incoming": config.mta.incoming, "data": config.DATA_DIR, "queues": config.QUEUE_DIR,
            "lmtp_host": config.mta.lmtp_host, "lmtp_port": int(config.mta.lmtp_port), "verp_delimiter": config.mta.verp_delimiter,
            "name_chars": config.mailman.listname_chars, "languages": sorted(languages.codes),
            "style": getUtility(IStyleManager).get(STYLE) is not None,
            "old_hashes": hashes.identify("0" * 40) is not None,
            "domains_by": config.dmarc.org_domain_data_url, "rest": None,
            "archiver": archiver()}
    with transaction():
        told["no_bulk"] = no_bulk()
    try:
        rest.get("system/versions")
    except OSError as error:
        told["rest"] = f"{rest.base}: {error}"
    return told


def unshunt(plan):
    """What a runner has put aside since then, as it does when SQLite was locked by another, is given to it again; the
    rest of a shunt queue is older, and another's business."""
    answer, shunt = {"list": "", "given": [], "error": None}, config.switchboards["shunt"]
    try:
        for filebase in shunt.files:
            if float(filebase.partition("+")[0]) < plan["since"]:
                continue
            message, data = shunt.dequeue(filebase)
            queue = data.get("whichq", "in")
            config.switchboards[queue if queue in config.switchboards else "in"].enqueue(message, data)
            shunt.finish(filebase)
            answer["given"].append(f"{data.get('listid')}: {message['message-id']}")
    except Exception as error:  # pylint: disable=broad-exception-caught
        answer["error"] = f"{type(error).__name__}: {error}"
    return answer


def runners():
    """Of this Mailman: pids by name. Who has started them may have named its configuration by another path."""
    found, own = {}, os.path.realpath(config.filename)
    for folder in os.listdir("/proc"):
        words = []
        with suppress(OSError), open(f"/proc/{folder}/cmdline", "rb") as file:
            words = os.fsdecode(file.read()).split("\0")
        name = next((word[len("--runner="):].partition(":")[0] for word in words if word.startswith("--runner=")), None)
        if name and os.path.realpath(dict(zip(words, words[1:])).get("-C", "")) == own:
            found.setdefault(name, []).append(int(folder))
    return found


def waiting(names):
    """How many entries these runners have, the one that each is at among them."""
    return sum(name.endswith((".pck", ".bak")) for queue in names for name in
               os.listdir(config.switchboards[queue].queue_directory))


def settle(plan):
    """Before it is stopped, it takes no more posts (the MTA keeps them), and works off those that it has: a runner that is
    told to end breaks off what it is at. What has gone out in part then goes out again, and a digest stays locked."""
    there = runners()
    for pid in there.get("lmtp", ()):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    until, quiet = time.monotonic() + plan["wait"], 0
    while quiet < 3 and time.monotonic() < until:       # an entry is gone before all that it changes is stored
        time.sleep(0.1)
        quiet = 0 if waiting(WORKED & set(there)) else quiet + 1
    return {"list": "", "left": waiting(WORKED & set(there)), "error": None}


def list_answer(plan, rest):
    one = List(plan, plan["do"] != "look", rest)
    before = mails()
    try:
        if plan["do"] in ("open", "remove", "disable"):
            with transaction():
                getattr(one, plan["do"])()
        else:
            one.all()
        if one.reading:
            one.answer["rest"] = rest.end(one.reading)
    except Exception as error:  # pylint: disable=broad-exception-caught
        one.answer["error"] = f"{type(error).__name__}: {error}"
    one.answer["mailed"] = mails() - before
    return one.answer


def entry_answer(plan):
    one = Entry(plan)
    try:
        getattr(one, plan["do"])()
    except Exception as error:  # pylint: disable=broad-exception-caught
        one.answer["error"] = f"{type(error).__name__}: {error}"
    return one.answer


def answer_to(plan, rest):
    """One plan, one answer."""
    if plan["do"] == "about":
        return about(rest)
    if plan["do"] == "unshunt":
        return unshunt(plan)
    if plan["do"] == "settle":
        return settle(plan)
    return entry_answer(plan) if "entry" in plan else list_answer(plan, rest)


class Rest:
    """Mailman's own REST, which had no part in what is done here, and which is asked for what others see."""

    def __init__(self):
        told = config.webservice
        scheme = "https" if as_boolean(told.use_https) else "http"
        word = base64.b64encode(f"{told.admin_user}:{told.admin_pass}".encode()).decode("ascii")
        self.base, self.headers = f"{scheme}://{told.hostname}:{told.port}/3.1/", {"Authorization": f"Basic {word}"}
        # it is on this host, whatever the environment says
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.mute = None
        # no more than it has workers: what is asked beyond that waits there, and is thrown away with its worker
        self.pool = ThreadPoolExecutor(max(1, min(int(told.workers), WORKERS_MAX)))

    def get(self, path):
        with self.opener.open(urllib.request.Request(self.base + path, headers=self.headers), timeout=REST_S) as got:
            return json.load(got)

    def page(self, place, role, number):
        """What is compared of each row, and whether it is the last."""
        rows = self.get(f"{place}/roster/{role}?count={ROWS_OF_A_PAGE}&page={number}&{SHOWN}").get("entries", [])
        return [{name: row.get(name) for name in FIELDS} for row in rows], len(rows) < ROWS_OF_A_PAGE

    def begin(self, plan):
        """Asks for all of a list that is compared, several at once: each worker of REST is a process."""
        local, _, host = plan["list"].partition("@")
        place = f"lists/{urllib.parse.quote(local, safe='')}.{host}"
        if self.mute:
            return place, None
        count = {"member": len(plan["members"]) // ROWS_OF_A_PAGE + 1, "owner": 1, "moderator": 1}
        return place, {"config": [self.pool.submit(self.get, f"{place}/config")]} | {
            role: [self.pool.submit(self.page, place, role, n + 1) for n in range(pages)] for role, pages in count.items()}

    def roster(self, place, role, pages):
        """All rows of one: those that were asked for, and those that nobody expected."""
        rows, number = [], 0
        while True:
            number += 1
            page, is_last = pages.pop(0).result() if pages else self.page(place, role, number)
            rows += page
            if is_last and not pages:
                return rows

    def end(self, reading):
        """What came; or why nobody can be asked, which is found out once."""
        place, asked = reading
        try:
            if asked:
                return {"config": asked.pop("config")[0].result()} | {
                    role: self.roster(place, role, pages) for role, pages in asked.items()}
        except urllib.error.HTTPError:
            raise
        except OSError as error:
            self.mute = f"{self.base}: {error}"
        return {"mute": self.mute}


def answer_all(plans, rest):
    for plan in plans:
        print(json.dumps(answer_to(plan, rest)), flush=True)


def apart(plans, rest):
    """In a process of its own, with a connection of its own to the database, which ends with this one."""
    sys.stdout.flush()
    config.db.close_session()
    config.db.engine.dispose()
    parent, child = os.getpid(), os.fork()
    if not child:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == parent:
            answer_all(plans, rest)
            sys.stdout.flush()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status:
        sys.exit(f"what changes lists ended with {os.waitstatus_to_exitcode(status)}")


def run():
    """What is called. A line that is no answer says that it goes on."""
    # to look for garbage among many rows that are all in use takes a fifth of their time
    gc.freeze()
    gc.set_threshold(50000, 20, 50)
    rest = Rest()
    for name in ("moderator_request_life", "pending_request_life"):
        if as_timedelta(config.mailman[name]) < datetime.timedelta(days=30):
            print(json.dumps({"setting": f"mailman.cfg: {name} is {config.mailman[name]}: what waits for longer "
                                         "than that is dropped"}))
    lines = sys.stdin.readlines()
    apart(map(json.loads, lines), rest)
    answer_all((plan | {"do": "look"} for plan in map(json.loads, lines) if plan.get("look")), rest)
