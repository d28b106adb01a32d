# SPDX-License-Identifier: BSD-2-Clause
"""Rehearsals of a new host that was prepared: the healthy one passes, each planted fault is named and
nothing beside it, and nothing gets out.

Not a test by itself: test_prepare.py has such a host, which takes longer to get than all this. The faults
are planted in two groups; MAILHAUL_FAULTS=alone in the environment plants each by itself.
"""

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lab import daemons, dns, hosts, mailman, mover, people
from lab.sealed import File, wait_for

CA = "/etc/ssl/mail/ca.pem"
HOST = f"http://{hosts.MAIL_NAME}"
PAGE = f"{HOST}/archive/"
OLD_PAGE = f"{HOST}/pipermail/"     # of lists, whose archive is elsewhere now
EXPIRED = "/etc/ssl/mail/expired"
SECOND_V4 = "203.0.113.21"
BRANCH = "branch.example.com"       # mail for it is passed on
LIST = "talk"
SIGNER = 8891

# a web server that says when it is ready, as its unit promises
PAGES = f"""import http.server, os, socket
os.chdir("/srv/www")
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if not os.path.exists("/srv/moved" + self.path):
            return super().do_GET()
        self.send_response(301)
        self.send_header("Location", "{PAGE}")
        self.end_headers()
server = http.server.ThreadingHTTPServer(("", 80), Handler)
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
    notify.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
server.serve_forever()
"""
UNIT = """[Service]
Type=notify
ExecStart=/usr/bin/python3 \\
	/usr/local/libexec/{}
"""
# all that passes the host's link; no rehearsal's address may be there
CAPTURE = """import os, socket
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
link.settimeout(0.2)
link.bind(("eth0", 0))
print("ready", flush=True)
seen = []
while not os.path.exists("/run/capture-ends"):
    try:
        seen.append(link.recv(65535))
    except TimeoutError:
        pass
theirs = [frame for frame in seen if bytes((198, 18)) in (frame[26:28], frame[30:32])
          or bytes.fromhex("200100020000") in (frame[22:28], frame[38:44])
          or b"rehearsal" in frame or b"outside" in frame]
print(len(seen), len(theirs), flush=True)
"""
LIVE = f"""import smtplib, os, time
sent = 0
while not os.path.exists("/run/live-ends"):
    with smtplib.SMTP("{hosts.NEW_V4}", timeout=60) as client:
        client.sendmail("live@one.example.com", ["bob@example.org"],
                        f"From: <live@one.example.com>\\r\\nSubject: live {{sent}}\\r\\n\\r\\nlive\\r\\n")
    sent += 1
    time.sleep(0.1)
print(sent)
"""


def settings() -> str:
    """Two accounts that may log in, a page, where it was, and the programs for all that."""
    accounts = "".join(f"\n    - {{user: {p.login}, password: \"{p.password}\"}}"
                       for p in people.PEOPLE if p.login in ("alice", "mallory@example.net"))
    return mover.settings(canary=False, more=(
        f"check:\n  redirects:\n    - {{from: '{OLD_PAGE}', to: '{PAGE}'}}\n"
        f"  redirect_map: moved\n  redirect_base: {HOST}\n"
        f"rehearse:\n  ca_file: {CA}\n  services: [pages.service, signer.service]\n"
        f"  pages: [{PAGE}]\n  accounts:{accounts}\n"))


def make_ready(lab, admin) -> None:
    """What the machine below has there is none of the lab's business; and a web server, something that signs,
    a list, and a domain whose mail is passed on."""
    admin.configure(settings())
    lab.new.sh("rm -f /etc/rc?.d/S* /etc/systemd/system/multi-user.target.wants/*\n"
               "ln -s /lib/systemd/system/postfix.service /lib/systemd/system/dovecot.service "
               "/etc/systemd/system/multi-user.target.wants/\n"
               "mkdir -p /srv/www/archive /srv/moved/pipermail /srv/moved/lists")
    key = f"/etc/dkimkeys/{hosts.DKIM_SELECTOR}.private"
    signer = Path(__file__).resolve().parents[1] / "lab/inside/signer.py"
    lab.new.push({f"{mover.MOVE}/moved": "/lists/ /archive/\n",
                  "/usr/local/libexec/pages": File(PAGES),
                  "/usr/local/libexec/signer": File(signer.read_text("utf-8")),
                  "/etc/systemd/system/pages.service": File(UNIT.format("pages")),
                  "/etc/systemd/system/signer.service": File(UNIT.format(
                      f"signer {SIGNER} example.org {hosts.DKIM_SELECTOR} {key}")),
                  key: File(lab.old.read(key).decode(), 0o600)})
    lab.new.run("postconf", "-e", f"non_smtpd_milters = inet:127.0.0.1:{SIGNER}",
                "milter_default_action = accept", f"relay_domains = {BRANCH}")
    put_list(lab)
    lab.old.sh(f"postconf -e relay_domains={BRANCH}\n"
               f"echo '{LIST}: \"|{mailman.OLD.code}/mail/mailman post {LIST}\"' >>/etc/aliases\n"
               "postalias /etc/aliases")


def put_list(lab) -> None:
    """A list, with a wrapper as it is: compiled for one group, and with the rights of another."""
    code, wrapper = mailman.NEW.code, f"{mailman.NEW.code}/mail/mailman"
    source = mailman.STANDIN.with_name("wrapper.c")
    with tempfile.TemporaryDirectory() as folder:
        for group in ("nogroup", "mailman"):
            subprocess.run(["cc", f'-DMAIL_GROUP="{group}"', f'-DSCRIPT="{code}/scripts/mailman"',
                            "-o", f"{folder}/{group}", source], check=True)
        lab.new.push({wrapper: File(Path(folder, "nogroup").read_bytes()),
                      f"{wrapper}.mailman": File(Path(folder, "mailman").read_bytes())})
    lab.new.push({
        f"{code}/scripts/mailman": File(mailman.STANDIN.read_text("utf-8"), 0o755),
        f"{mailman.NEW.lists}/{LIST}/config.pck": ""} | mailman.NEW.told())
    lab.new.sh(f"""mkdir -p {mailman.NEW.queues}/in
chgrp list {wrapper}* {mailman.NEW.queues}/in
chmod 2755 {wrapper}*; chmod 2770 {mailman.NEW.queues}/in
echo '{LIST}: "|{wrapper} post {LIST}"' >>/etc/aliases; postalias /etc/aliases""")


def failures(result: dict) -> set[tuple[str, str]]:
    """Step and name of each; of an address the local part, as four domains of old are local."""
    return {(row["step"], row["name"].partition("@")[0] if row["step"] == "in.rcpt" else row["name"])
            for row in result["failures"]}


def state_of_files(lab) -> str:
    """Every file that a service of mail could write: name, inode, size, time of its last change."""
    return lab.new.sh("find /etc /home /srv /var/mail /var/spool /var/lib/dovecot /var/log -xdev "
                      r"-printf '%p %i %s %C@\n' | grep -v /var/lib/mailhaul | sort")


def everything(lab, admin) -> None:
    """On a prepared host, whose services do not run."""
    make_ready(lab, admin)
    said = admin.run("rehearse", "--dry-run").stdout
    assert "would start    postfix@-, by its unit" in said and "/archive/" not in said
    for name in ("postfix", "dovecot"):
        daemons.start(lab.new, name)
    healthy_beside_live_mail(lab, admin)
    # and where nobody else writes, nothing is written
    for name in ("postfix", "dovecot"):
        daemons.stop(lab.new, name)
    pulled_out(lab, admin)
    if os.environ.get("MAILHAUL_FAULTS") == "alone":
        one_by_one(lab, admin)
    else:
        in_groups(lab, admin)


def finds(faults: list["Fault"]) -> set[tuple[str, str]]:
    """All that they are found by."""
    return set().union(*(fault.finds for fault in faults))


def find(admin, faults: list["Fault"]) -> dict:
    """Rehearse; what is found is what they are, and nothing else."""
    found = admin.json("rehearse", "--wait", "1", expect=mover.NO)
    assert failures(found) == finds(faults), found["failures"]
    words = {(row["step"], row["name"].partition("@")[0]): row["words"] for row in found["failures"]}
    for fault in faults:
        step, name = min(fault.finds)
        assert fault.words in words[step, name.partition("@")[0]], (fault.name, found["failures"])
    return found


def in_groups(lab, admin) -> None:
    """Two rehearsals for all; and what failed is tried again."""
    groups = [[fault for fault in FAULTS if fault.group == number] for number in (1, 2)]
    plant(lab, groups[0])
    before = state_of_files(lab)
    found = find(admin, groups[0])
    assert all(row["new"] for row in found["failures"]) and not found["mended"]
    assert state_of_files(lab) == before
    mend(lab, groups[0])

    plant(lab, groups[1])
    found = find(admin, groups[1])
    both = finds(groups[0]) & finds(groups[1])
    assert both and {(row["step"], row["name"]) for row in found["failures"] if not row["new"]} == both
    assert "sieve alice" in found["mended"] and f"pages {PAGE}" not in found["mended"]
    mend(lab, groups[1])
    again = admin.json("rehearse", "--only", "imap", "--only", "sieve")
    assert [row["step"] for row in again["steps"]] == ["services", "logins", "sieve"]
    assert again["mended"] == ["imap port 993"]


def one_by_one(lab, admin) -> None:
    """A rehearsal for each."""
    for fault in FAULTS:
        plant(lab, [fault])
        print(fault.name, sorted(failures(find(admin, [fault]))), flush=True)
        mend(lab, [fault])
    assert not admin.json("rehearse")["failures"]


def plant(lab, faults) -> None:
    """All of them at once; Postfix and Dovecot do not run."""
    change(lab, [fault.plant for fault in faults], [fault.zone for fault in faults if fault.zone])


def mend(lab, faults) -> None:
    """All is well again."""
    change(lab, [fault.mend for fault in faults], [fault.zone_mend for fault in faults if fault.zone])


def change(lab, scripts: list[str], zones: list[tuple[str, ...]]) -> None:
    """By a shell of the new host, and in the zone."""
    lab.new.sh("set -e; cd /etc/postfix\n" + "\n".join(scripts))
    for lines in zones:
        assert not dns.update(lab.new, *lines)


def healthy_beside_live_mail(lab, admin) -> None:
    """Live mail flows on, the host's link sees nothing of the rehearsal, and all is well."""
    capture = lab.new.spawn("/usr/bin/python3", "-c", CAPTURE)
    assert capture.stdout.readline() == "ready\n"
    live = lab.host["world1"].spawn("/usr/bin/python3", "-c", LIVE)
    result = admin.json("rehearse")
    lab.host["world1"].run("touch", "/run/live-ends")
    lab.new.run("touch", "/run/capture-ends")
    sent = int(live.stdout.read())
    frames, theirs = map(int, capture.stdout.read().split())
    assert not result["failures"], result["failures"]
    assert {row["step"]: row["asked"] > 0 for row in result["steps"]} == {
        row["step"]: True for row in result["steps"]}
    assert any("none leads to a file system of this host" in line for line in result["proof"])
    assert sent > 0 and frames > sent and theirs == 0
    count = "grep -rlE '^Subject: live [0-9]+' /home/bob/Maildir/new /home/bob/Maildir/cur | wc -l"
    wait_for(lambda: int(lab.new.sh(count)) == sent, 60, "the live mail")
    envelope = json.loads(lab.new.read(f"{mover.MOVE}/rehearsal/1.json"))
    assert envelope["client"] in (hosts.NEW_V4, hosts.NEW_V6)
    # what was passed on to the outside was judged too, by the signature that it came with
    assert sum("passes SPF, DKIM and DMARC" in line for line in result["proof"]) == 2
    judged, = (row["asked"] for row in result["steps"] if row["step"] == "out.judge")
    sent_here, = (row["asked"] for row in result["steps"] if row["step"] == "out.sent")
    assert judged == sent_here + len(FORWARDS)


def pulled_out(lab, admin) -> None:
    """Killed in the middle, it leaves nothing."""
    look = "ps -eo comm= | grep -cxE 'outside|stage-keeper|mailhaul' || :"
    child = subprocess.Popen(admin.command("rehearse"), stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    wait_for(lambda: "outside" in lab.new.sh("ps -eo comm="), 60, "the pretended internet")
    lab.new.sh("kill -9 $(pgrep -x mailhaul | head -n 1)")
    child.wait(60)
    wait_for(lambda: int(lab.new.sh(look)) == 0, 60, "the end of all of it")
    assert json.loads(lab.new.run("mailhaul", "sealed", "list", "--json").stdout) == []


@dataclass(frozen=True)
class Fault:
    """One fault, how it is planted and taken away, and what a rehearsal has to say."""
    name: str
    group: int              # 0: only by itself
    plant: str              # shell, in /etc/postfix of the new host
    mend: str
    finds: frozenset
    words: str = ""         # of the first of them
    zone: tuple[str, ...] = ()
    zone_mend: tuple[str, ...] = ()


def bad(name: str, group: int, change_: tuple[str, str], *finds: tuple[str, str], **more) -> Fault:
    """One of them."""
    return Fault(name, group, *change_, frozenset(finds), **more)


def set_to(setting: str) -> tuple[str, str]:
    """Postfix's parameter, which it had not."""
    return f"postconf -e '{setting}'", f"postconf -X {setting.split()[0]}"


def was(setting: str, good: str) -> tuple[str, str]:
    """Postfix's parameter, which it had."""
    return f"postconf -e '{setting}'", f"postconf -e '{setting.split()[0]} = {good}'"


def no_alias(name: str) -> tuple[str, str]:
    """It is not in /etc/aliases."""
    return (f"sed -i 's/^{name}:/#&/' /etc/aliases; postalias /etc/aliases",
            f"sed -i 's/^#{name}:/{name}:/' /etc/aliases; postalias /etc/aliases")


def other_unit(name: str, good: str, bad_: str) -> tuple[str, str]:
    """A word of a service's unit."""
    path = f"/etc/systemd/system/{name}.service"
    return f"sed -i 's,{good},{bad_},' {path}", f"sed -i 's,{bad_},{good},' {path}"


DOVECOT = "/etc/dovecot/dovecot.conf"
MAIL = hosts.MAIL_NAME
# who has a forward to the outside
FORWARDS = ("helpdesk@example.org", "info@example.org", "staff@example.org", "frank@example.org",
            "partners@example.net")
WRAPPER = f"{mailman.NEW.code}/mail/mailman"


def spf(new: str) -> tuple[str, ...]:
    """With this address beside what the MX has."""
    return ("update delete example.org. TXT", f'update add example.org. 300 TXT "v=spf1 {new} -all"')


def ttl(seconds: int) -> tuple[str, ...]:
    """Of the mail host."""
    return (f"update delete {MAIL} A", f"update add {MAIL} {seconds} A {hosts.MAIL_V4}")


# The first fifteen are those that a rehearsal has to find, one by one.
FAULTS = (
    bad("missing alias", 1, no_alias("abuse"), ("in.rcpt", "abuse")),
    bad("wrong relay domain", 2, was(f"relay_domains = x{BRANCH}", BRANCH), ("in.rcpt", BRANCH)),
    bad("unreadable key", 1, was("smtpd_tls_key_file = /etc/ssl/mail/nothing.key",
                                   "/etc/ssl/mail/mail.key"), ("questions", "smtp.starttls")),
    bad("expired certificate", 1, (
        f"""openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=mail -keyout {EXPIRED}.key -days 1 \\
	-addext subjectAltName=DNS:{MAIL} -out {EXPIRED}.new 2>/dev/null
openssl x509 -in {EXPIRED}.new -signkey {EXPIRED}.key -days -1 -out {EXPIRED}.pem \\
	-copy_extensions copyall 2>/dev/null || cp {EXPIRED}.new {EXPIRED}.pem
cp {CA} {CA}.good; cat {EXPIRED}.pem >>{CA}; cp {DOVECOT} {DOVECOT}.good
printf 'ssl_cert = <{EXPIRED}.pem\nssl_key = <{EXPIRED}.key\n' >>{DOVECOT}""",
        f"mv {DOVECOT}.good {DOVECOT}; mv {CA}.good {CA}"),
        ("imap", "alice"), ("imap", "mallory@example.net"), ("pop", "alice"),
        ("pop", "mallory@example.net"), words="certificate has expired"),
    # example.net includes it; where nobody signs, so that nothing else carries the mail
    bad("SPF without the new address", 1, ("", ""), ("questions", "dns.spf-new"),
          ("out.verdict", "example.net"), zone=spf(f"ip4:{hosts.MAIL_V4}"),
          zone_mend=spf(f"mx ip4:{hosts.NEW_V4}")),
    bad("DKIM key of another selector", 2,
          other_unit("signer", f" {hosts.DKIM_SELECTOR} ", " next "), ("out.dkim", "example.org"), words='selector "next": there is no key'),
    bad("wrong HELO", 1, set_to("smtp_helo_name = nowhere.example.org"),
          ("out.helo", "nowhere.example.org")),
    bad("closed IMAP", 2, (
        f"cp {DOVECOT} {DOVECOT}.good; printf 'service imap-login {{\n inet_listener imaps {{\n "
        f"port = 0\n }}\n}}\n' >>{DOVECOT}", f"mv {DOVECOT}.good {DOVECOT}"), ("imap", "port 993")),
    bad("Sieve lost", 1, ("mv ~alice/.dovecot.sieve ~alice/lost.sieve",
                            "mv ~alice/lost.sieve ~alice/.dovecot.sieve"), ("sieve", "alice")),
    bad("list alias missing", 1, no_alias(LIST), ("in.rcpt", LIST)),
    bad("wrong group on the wrapper", 2, (f"chgrp mail {WRAPPER}; chmod 2755 {WRAPPER}",
                                            f"chgrp list {WRAPPER}; chmod 2755 {WRAPPER}"),
          ("in.end", f"{LIST}@example.org")),
    bad("redirect missing", 2, ("rmdir /srv/moved/pipermail", "mkdir /srv/moved/pipermail"),
        ("questions", "web.redirects"),
          words="404"),
    bad("TTL too long", 2, ("", ""), ("questions", "dns.ttl"), words="86400", zone=ttl(86400),
          zone_mend=ttl(hosts.TTL_MAIL)),
    bad("greylist that never lets in", 1, (
        "echo 'judy@example.org 450 4.7.1 come again' >grey; postconf -e 'smtpd_recipient_restrictions "
        "= check_recipient_access texthash:/etc/postfix/grey'",
        "rm grey; postconf -X smtpd_recipient_restrictions"), ("in.rcpt", "judy"),
        words="again and again"),
    bad("outgoing mail by the wrong address", 2, (
        f"ip address add {SECOND_V4}/24 dev eth0\n"
        f"postconf -e smtp_bind_address={SECOND_V4} smtp_address_preference=ipv4",
        f"ip address del {SECOND_V4}/24 dev eth0\n"
        "postconf -X smtp_bind_address smtp_address_preference"),
        ("out.address", SECOND_V4)),

    bad("wrapper made for another group", 0, (
        f"mv {WRAPPER} {WRAPPER}.good; cp -p {WRAPPER}.mailman {WRAPPER}",
        f"mv {WRAPPER}.good {WRAPPER}"), ("in.end", f"{LIST}@example.org"), words="Group mismatch"),
    bad("redirect of the map missing", 2, ("rmdir /srv/moved/lists", "mkdir /srv/moved/lists"),
        ("questions", "web.redirect-map"), words="404"),
    bad("mail in clear", 1, was("smtp_tls_security_level = none", "may"),
            ("out.tls", hosts.PLACES["new"].hostname), words="offers STARTTLS"),
    # of outside, on its way to where it is passed on
    bad("signed mail is changed", 1, set_to(
        "header_checks = regexp:{{/^Subject: (.*)/ REPLACE Subject: [house] $$1}}"),
        *(("out.forward", address) for address in FORWARDS), words="DKIM fail"),
    bad("strangers may relay", 1, set_to("mynetworks = 0.0.0.0/0 [::]/0"),
          ("in.relay", "accept@one.outside.example"), ("in.relay", "accept@two.outside.example")),
    bad("program that may not be run", 1, ("chmod 0 /usr/local/bin/intake",
                                             "chmod 755 /usr/local/bin/intake"),
          ("in.end", "tickets@example.org"), words="/intake"),
    bad("program that does not start", 1,
          other_unit("pages", "libexec/pages", "libexec/nothing"),
          ("pages", PAGE), ("questions", "web.redirects"), ("questions", "web.redirect-map"),
          ("services", "pages")),
    # and one of this list's members has his box there
    bad("domain that is not ours", 2, was("virtual_mailbox_domains =", "example.net"),
          ("in.rcpt", "example.net"), ("in.end", "announce@example.org")),
    bad("nobody is unknown", 2, set_to("local_recipient_maps ="),
          *(("in.unknown", name) for name in ("example.org", MAIL, "old.example.org", "localhost"))),
    # and a redirect of the map leads there
    bad("page that is not there", 2, ("rmdir /srv/www/archive", "mkdir /srv/www/archive"),
          ("pages", PAGE), ("questions", "web.redirect-map")),
)
