# SPDX-License-Identifier: BSD-2-Clause
"""A whole move with mailboxes that only Dovecot reads (sdbox, mdbox) among the others, under traffic;
and the way back with what these boxes have taken on the new side.
"""

import time

from conftest import Journey
from lab import audit, daemons, imap, mover, people
from lab.sealed import wait_for
from test_dovecot_formats import FORMATS, give_formats, store

DELIVERER = '/usr/lib/dovecot/dovecot-lda -f "$SENDER" -a "$ORIGINAL_RECIPIENT" -d "$USER"'


def count_over_imap(lab, final, other):
    """The audit, without a look at files: nobody but Dovecot reads these."""
    found = audit.sweep(final, "imap") + audit.sweep(final, "pipe") + audit.sweep(other, "pipe")
    for world in lab.worlds:
        found += audit.sweep(world, "sink")
    return audit.expect_good(audit.judge(lab.traffic.record(), found))


def test_dovecots_own_boxes_move_with_the_server_under_traffic_and_back(lab):
    give_formats(lab)
    # Postfix itself delivers to Maildirs only
    lab.old.sh(f"echo 'bob\t{DELIVERER}' >>/etc/postfix/mailbox_command\n"
               "postmap /etc/postfix/mailbox_command && postfix reload")
    journey = Journey(lab, mover.settings("dns", "refuse", canary=False))
    for login in FORMATS:
        store(lab, login, "INBOX", "keyworded", "$Important work \\Flagged")
    journey.traffic()
    journey.get_ready()
    journey.admin.run("cutover")
    journey.admin.run("watch", "--until-agree")
    # mail for the boxes, by now to the new side
    now = time.time()
    wait_for(lambda: {f"{login}@example.org" for login in FORMATS} <= {
        place for sent in lab.traffic.record() if sent.accepted > now
        for recipient in sent.recipients for place in people.expand(recipient)}, 60, "mail for each")
    lab.traffic.stop()
    audit.wait_until_quiet([*lab.worlds, lab.old, lab.new], 60)
    print(count_over_imap(lab, lab.new, lab.old).line())
    journey.admin.run("verify")
    own = journey.ledger()
    assert own["unaccounted"] == 0, own["names"][:10]
    # what had no UID at X gets one from whichever Dovecot looks first
    uidnexts = imap.numbered(lab.old)
    daemons.start(lab.old, "dovecot")
    at_x = imap.as_numbered(imap.snapshot(lab.old), uidnexts)
    daemons.stop(lab.old, "dovecot")
    served = imap.snapshot(lab.new)
    assert imap.compare(at_x, served, later_mail=True) == []

    said = journey.admin.run("rollback").stdout
    assert "brought back" in said
    after = imap.snapshot(lab.old)
    assert imap.compare(at_x, after, later_mail=True) == []
    # dsync keeps even the UIDs of what the new side took
    assert imap.compare({login: served[login] for login in FORMATS}, after) == []
    assert min(imap.count({login: after[login]}) - imap.count({login: at_x[login]})
               for login in FORMATS) > 0
    print(count_over_imap(lab, lab.old, lab.new).line())
