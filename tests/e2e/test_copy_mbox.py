# SPDX-License-Identifier: BSD-2-Clause
"""`mailhaul copy --kind mbox`: mbox files over ssh, as they are, and into Maildirs."""

import json

import pytest

from lab import hosts, imap, mover

SPOOL = f"root@{hosts.MANAGEMENT_V4}:/var/mail"
SUMS = "cd {} && find . -type f ! -path '*/.*' -printf '%p %s %m %U %G %T@\\n' -exec sha256sum {{}} + | sort"


def copy(lab, *words, expect=mover.GOOD):
    done = lab.new.run("mailhaul", "--json", "copy", *words, check=False, seconds=120)
    assert done.returncode == expect, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("lab", [300], indirect=True)
def test_mboxes_are_followed_and_only_what_is_new_travels(lab):
    mover.Mover(lab.new, mover.settings())      # puts mailhaul there; its move.yaml is not used
    lab.old.sh("cp /var/mail/dave /var/mail/eve; chown bob:mail /var/mail/eve; chmod 660 /var/mail/eve")
    first = copy(lab, SPOOL, "/srv/spool")      # auto: nothing but mboxes is there
    assert first["created"] == first["messages"] > 5 and not first["failed"]
    assert lab.new.sh(SUMS.format("/srv/spool")) == lab.old.sh(SUMS.format("/var/mail"))
    lab.old.sh("printf 'From a@one.example.com Mon Mar  2 10:00:00 2026\\nSubject: a\\n\\na\\n\\n'"
               " >>/var/mail/eve; sleep 2.1")
    second = copy(lab, "--kind", "mbox", SPOOL, "/srv/spool")
    assert second["created"] == 1 and second["bytes_sent"] < 5000
    assert lab.new.sh(SUMS.format("/srv/spool")) == lab.old.sh(SUMS.format("/var/mail"))
    copy(lab, SPOOL, "/srv/spool")
    again = copy(lab, SPOOL, "/srv/spool")
    assert again["unchanged"] == again["messages"] and again["bytes_read"] < 5000

    one = copy(lab, SPOOL + "/eve", "/srv/eve")         # auto: one file, that is one
    assert one["created"] == one["messages"]
    assert lab.new.sh("cat /srv/eve") == lab.old.sh("cat /var/mail/eve")


@pytest.mark.parametrize("lab", [300], indirect=True)
def test_folders_become_maildirs_that_dovecot_shows_as_it_showed_the_mboxes(lab):
    mover.Mover(lab.new, mover.settings())
    old = imap.snapshot(lab.old, "dave")["dave"]["folders"]
    folders = f"root@{hosts.MANAGEMENT_V4}:/home/dave/mail"
    lab.new.sh("install -d -o deploy -g deploy /home/deploy")
    done = copy(lab, "--kind", "mbox", "--mbox-to", "maildir", folders, "/home/deploy/mail")
    assert not done["failed"], done["skipped"]
    lab.new.sh("chown -R deploy:deploy /home/deploy")
    location = "mail_location=maildir:/home/deploy/mail:LAYOUT=fs"
    for name, folder in old.items():
        if not folder or name == "INBOX" or "&" in name or not folder["messages"]:
            continue
        words = ["doveadm", "-o", location, "fetch", "-u", "deploy", "uid flags date.received",
                 "mailbox", name]
        said = lab.new.run(*words).stdout
        uids = [line.split()[1] for line in said.splitlines() if line.startswith("uid: ")]
        assert uids == sorted(folder["messages"], key=int), said
    again = copy(lab, "--kind", "mbox", "--mbox-to", "maildir", folders, "/home/deploy/mail")
    assert not again["created"] and not again["renamed"]
