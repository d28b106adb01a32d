# SPDX-License-Identifier: BSD-2-Clause
"""The traffic source of one world: messages into its own Postfix, at an even rate, with a record.

`send RUN DOMAIN RATE COUNT SECONDS RECORD PIDFILE`; COUNT or SECONDS 0 is without limit, SIGTERM
ends it after the message in hand.  A line of RECORD is written once Postfix has answered 250: from
then on it is Postfix's duty, and the audit's.
"""

import json
import os
import random
import signal
import smtplib
import sys
import time
from dataclasses import asdict, dataclass
from email.utils import formatdate

from lab import people
from lab.messages import Writer


@dataclass
class Sent:
    """One line of the record."""

    token: str
    sender: str
    recipients: list[str]
    octets: int
    accepted: float     # seconds since 1970


class Source:
    """Makes and submits the messages of one run."""

    def __init__(self, run: str, domain: str):
        self.run, self.domain = run, domain
        self.random = random.Random(f"{run}.{domain}")
        self.writer = Writer(f"{run}.{domain}", int(time.time()))
        self.count = 0
        self.session: smtplib.SMTP | None = None

    def submit(self) -> Sent:
        """Hand one message to Postfix; tries until it is accepted."""
        self.count += 1
        token = f"{self.run}.{self.domain.partition('.')[0]}.{self.count}"
        sender = f"s{self.count % 7}@{self.domain}"
        recipients = self._recipients()
        content = self._message(token, sender, recipients)
        while True:
            try:
                self._say(sender, recipients, content)
                return Sent(token, sender, recipients, len(content), time.time())
            except (OSError, smtplib.SMTPServerDisconnected):
                # before the answer to the final dot Postfix has kept nothing
                self.session = None
                time.sleep(0.2)

    def _say(self, sender: str, recipients: list[str], content: bytes) -> None:
        if self.session is None:
            self.session = smtplib.SMTP("127.0.0.1", 25, local_hostname=f"src.{self.domain}",
                                        timeout=60)
            self.session.ehlo()
        refused = self.session.sendmail(sender, recipients, content, ["BODY=8BITMIME"])
        if refused:
            raise SystemExit(f"own Postfix refused {refused}")

    def _recipients(self) -> list[str]:
        dice = self.random
        draw = dice.random()
        if draw < 0.20:
            return [dice.choice(people.ALIAS_ADDRESSES)]
        person = dice.choice(people.PEOPLE)
        if draw < 0.25:
            local, _, domain = person.address.partition("@")
            return [f"{local}+lists@{domain}"] if person.system else [person.address]
        if draw < 0.30:     # one transaction for two people
            return [p.address for p in dice.sample([p for p in people.PEOPLE
                                                    if p.system == person.system], 2)]
        return [person.address]

    def _message(self, token: str, sender: str, recipients: list[str]) -> bytes:
        dice = self.random
        octets = int(dice.choices((600, 2500, 9000, 40_000, 250_000), (30, 40, 20, 9, 1))[0]
                     * dice.uniform(0.5, 1.5))
        word = dice.choice(("", "", "[build] ", "Grüße "))
        fields = [
            f"X-Haul-Token: {token}",
            f"From: Source <{sender}>",
            f"To: {', '.join(recipients)}",
            f"Subject: {word}{token}",
            f"Date: {formatdate()}",
            f"Message-ID: <{token}@{self.domain}>",
        ]
        if dice.random() < 0.1:
            fields.append("List-Id: <dev.lists.example.com>")
        # a raw 8-bit header and 8-bit text, as many a program sends them
        head = "\r\n".join(fields).encode() + b"\r\n\r\n"
        return head + self.writer.body(octets).replace(b"\n", b"\r\n")


def main() -> None:
    """Keep to the schedule until told to stop."""
    run, domain, rate, count, seconds, record, pid_file = sys.argv[1:]
    stop = False

    def on_signal(*_) -> None:
        nonlocal stop
        stop = True

    signal.signal(signal.SIGTERM, on_signal)
    with open(pid_file, "w", encoding="ascii") as file:
        file.write(str(os.getpid()))
    source, started = Source(run, domain), time.monotonic()
    with open(record, "a", encoding="utf-8", buffering=1) as lines:
        while not stop and (int(count) == 0 or source.count < int(count)):
            due = started + source.count / float(rate)
            if float(seconds) and due - started >= float(seconds):
                break
            while not stop and time.monotonic() < due:
                time.sleep(min(0.2, max(due - time.monotonic(), 0)))
            if not stop:
                lines.write(json.dumps(asdict(source.submit())) + "\n")
    os.unlink(pid_file)


if __name__ == "__main__":
    main()
