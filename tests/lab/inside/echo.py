#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Answer one message: `echo SENDER RECIPIENT`, run by pipe(8) with the message on stdin.

Stands alone: a world has it as /usr/local/libexec/echo.  Exit 75 has Postfix try again.
"""

import subprocess
import sys
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

TEMPORARY = 75      # EX_TEMPFAIL, sysexits.h


def main() -> int:
    """Reply to the sender; nothing to say to a bounce or to another machine (RFC 3834)."""
    sender, recipient = sys.argv[1:3]
    came = message_from_bytes(sys.stdin.buffer.read(), policy=policy.compat32)
    if not sender or sender.upper().startswith("MAILER-DAEMON"):
        return 0
    if str(came.get("Auto-Submitted", "no")).lower() != "no":
        return 0
    answer = EmailMessage()
    answer["From"], answer["To"] = recipient, sender
    answer["Date"], answer["Message-ID"] = formatdate(), make_msgid(domain=recipient.split("@")[1])
    answer["Subject"] = "Re: " + " ".join(str(came.get("Subject", "")).split())
    answer["Auto-Submitted"] = "auto-replied"
    ident = " ".join(str(came.get("Message-ID", "")).split())
    if ident:
        answer["In-Reply-To"] = answer["References"] = ident
    for name in ("X-Haul-Token", "X-Haul-Canary"):
        if came.get(name):
            answer[name + "-Answered"] = str(came[name])
    received = came.get_all("Received") or []
    answer.set_content(f"Your message has arrived.\n\nIt came this way:\n"
                       + "\n".join(" ".join(str(line).split()) for line in received) + "\n")
    done = subprocess.run(["/usr/sbin/sendmail", "-i", "-f", recipient, "--", sender],
                          input=answer.as_bytes(), check=False)
    return 0 if done.returncode == 0 else TEMPORARY


if __name__ == "__main__":
    sys.exit(main())
