# SPDX-License-Identifier: BSD-2-Clause
"""The questions: a healthy pair passes, each planted fault is found by its id and nothing else is."""

import json
import re
import xml.etree.ElementTree as xml
from concurrent.futures import ThreadPoolExecutor

from conftest import Journey
from lab import daemons, dns, hosts, mover
from lab.sealed import wait_for

CA = "/etc/ssl/mail/ca.pem"
# a listener whose program is gone: it was removed while it ran
STALE = """cp "$(readlink -f /usr/bin/python3)" /run/stale
/run/stale -c 'import socket, time; s = socket.create_server(("0.0.0.0", 4190)); time.sleep(99)' \\
	</dev/null >/dev/null 2>&1 &
until ss -Htln sport = :4190 | grep -q .; do sleep 0.05; done
rm /run/stale
"""
KEY = f"/etc/dkimkeys/{hosts.DKIM_SELECTOR}.private"
PACKAGE = "/etc/dovecot/private/dovecot"
KEPT, MADE, BACKUP, SCRATCH = "/srv/kept", "/srv/made", "/srv/backup.tar", "/srv/scratch"
LISTS, MAP = "https://lists.example.org", "/run/redirects"
PAGES = {
    f"{LISTS}/info": [200, "all lists"],
    f"{LISTS}/members": [200, "<form><input type=\"password\" name=\"password\"></form>"],
    f"{LISTS}/old": [301, f"{LISTS}/info"],
    f"{LISTS}/older": [301, f"{LISTS}/info"],
    f"{LISTS}/mapped": [301, f"{LISTS}/info"],
    f"{LISTS}/robots.txt": [200, "User-agent: *\nDisallow: /\n"],
    "http://lists.example.org/info": [301, f"{LISTS}/info"],
    "https://mta-sts.example.org/.well-known/mta-sts.txt":
        [200, "version: STSv1\nmode: enforce\nmx: *.example.org\nmax_age: 86400\n"],
}
SETTINGS = f"""check:
  dnsbl: [{dns.BLOCKLIST}]
  recipient: devnull@example.org
  burst: 10
  flood: 35
  pages: ['{LISTS}/info']
  closed_pages: ['{LISTS}/members']
  redirects: [{{from: '{LISTS}/old', to: '{LISTS}/info'}}, {{from: '{LISTS}/older', to: '{LISTS}/info'}}]
  redirect_map: {MAP}
  redirect_base: {LISTS}
  backups:
    - {{of: old, made: {MADE}}}
    - {{of: new, made: {MADE}}}
    - {{of: old, made: {BACKUP}, original: {KEPT}, scratch: {SCRATCH},
        restore: [/usr/local/sbin/mailhaul-restore, {BACKUP}]}}
    - {{of: new, made: {BACKUP}, original: {KEPT}, scratch: {SCRATCH},
        restore: [/usr/local/sbin/mailhaul-restore, {BACKUP}]}}
"""
BACKED_UP = f"""mkdir -p {KEPT}/below {SCRATCH}; cd {KEPT}
for name in one two below/three; do echo "$name" >$name; touch -d '2 days ago' $name; done
tar -cPf {BACKUP} {KEPT}; touch {MADE}
printf '#!/bin/sh\\nexec tar -xf "$1" -C "$2"\\n' >/usr/local/sbin/mailhaul-restore
chmod 755 /usr/local/sbin/mailhaul-restore
"""


# at the old server's IPv4 address it says an octet now and then, at the other it never stops
LIARS = f"""
import socket, threading, time
def drip(client):
    client.sendall(b"220-")
    while True:
        client.sendall(b"x")
        time.sleep(0.1)
def shout(client):
    while True:
        client.sendall(b"220 yes 220-no " * 500)
def serve(family, address, talk):
    server = socket.create_server((address, 25), family=family)
    while True:
        threading.Thread(target=talk, args=(server.accept()[0],), daemon=True).start()
threading.Thread(target=serve, args=(socket.AF_INET6, "{hosts.MAIL_V6}", shout), daemon=True).start()
serve(socket.AF_INET, "{hosts.MAIL_V4}", drip)
"""

# what the web server shows from now on
EXPIRED = """openssl req -x509 -new -key /etc/ssl/mail/mail.key -subj /CN=lists.example.org \\
	-addext subjectAltName=DNS:lists.example.org -days 1 -out /run/shown.new
openssl x509 -in /run/shown.new -signkey /etc/ssl/mail/mail.key -days -1 -out /run/shown.pem"""
# id: where, a setting of Postfix or a command, what the answer has to say
FAULTS = {
    "smtp.relay": ("old", "mynetworks = 127.0.0.0/8 203.0.113.0/24", "250 2.1.5"),
    "smtp.unknown": ("new", "local_recipient_maps =", "@example.org: 250 2.1.5"),
    "smtp.starttls": ("new", f"smtpd_tls_chain_files = {PACKAGE}.key {PACKAGE}.pem",
                      "not for mail.example.org"),
    "smtp.size": ("new", "message_size_limit = 1024000", "new: 1.0 MB"),
    "smtp.greylist": ("new", "echo never >/run/guard", "told to wait for"),
    "smtp.burst": ("old", "echo burst=8 least=1500 most=1000000 >/run/guard",
                   "of 10 mails in a row were taken"),
    "smtp.empty-body": ("old", "true", "there is nothing in it"),
    "smtp.size-taken": ("old", "true", "too large"),
    "names.helo": ("new", "smtp_helo_name = nowhere.example.org", "nowhere"),
    "smtp.key": ("old", "chmod o+r /etc/ssl/mail/mail.key", "0604"),
    "dns.dkim": ("new", f"openssl genrsa -out {KEY} 2048", "another key"),
    "listeners.owner": ("new", STALE, "/run/stale (deleted)"),
    "web.certificate": ("new", EXPIRED, "lists.example.org: its certificate has expired: "),
    "backup.recent": ("new", f"touch -d '3 days ago' {MADE}", "old"),
    "backup.restored": ("old", f"echo more >>{KEPT}/two; touch -d '2 days ago' {KEPT}/two",
                        "two: has another length"),
}
# id, the page that is another one on new, and what the answer has to say
PAGE_FAULTS = {
    "web.pages": (f"{LISTS}/info", 404, "", "status 404"),
    "web.closed-pages": (f"{LISTS}/members", 200, "the members are", "open to everybody"),
    "web.redirects": (f"{LISTS}/old", 302, f"{LISTS}/info", "status 302"),
    "web.redirect-map": (f"{LISTS}/mapped", 301, f"{LISTS}/nowhere", f"status 301, to {LISTS}/nowhere"),
    "web.one-hop": (f"{LISTS}/older", 301, f"{LISTS}/old", f"{LISTS}/older: 2 redirects"),
    "web.robots": (f"{LISTS}/robots.txt", 200, "User-agent: *\n", "which differ"),
    "web.https": ("http://lists.example.org/info", 200, "all lists", "status 200, to nowhere"),
}
DNS_FAULTS = {
    "dns.spf-new": "2001:db8:113::20 is not named",
    "dns.agree": "something new",
    "dns.early": "soon.example.org A is not there",
    "dns.tlsa": "its own would be 3 1 1",
    "dns.tls-rpt": "several records",
    "dns.mta-sts": "does not name mail.example.org",
    "dns.dnssec": "nothing leads there",
    "names.dnsbl": f"{hosts.NEW_V4} is on {dns.BLOCKLIST}: 127.0.0.4: a test",
}
UPDATE = "update add example.org. 300 TXT "


def changed(lab, *lines: str) -> None:
    """A change of the zone that the secondary has, too."""
    before = dns.ask(lab.new, hosts.SECONDARY_V4, "example.org", "SOA")
    assert not dns.update(lab.new, *lines)
    wait_for(lambda: dns.ask(lab.new, hosts.SECONDARY_V4, "example.org", "SOA") != before, 30,
             "the secondary")


def sign(lab) -> None:
    """example.net is signed, and the cache trusts its key."""
    lab.host["ns1"].sh("""cd /etc/bind
sed -i '/^zone "example.net"/a dnssec-policy default; inline-signing yes;' named.conf
kill -HUP $(cat /run/named/named.pid)""")
    keys = wait_for(lambda: dns.ask(lab.new, hosts.SECONDARY_V4, "example.net", "DNSKEY"), 30,
                    "example.net to be signed")
    cache = lab.host["cache"]
    cache.sh(f"""cat >/etc/unbound/anchor
sed -i 's|module-config:.*|module-config: "validator iterator"|
	s|^server:|&\\n\\ttrust-anchor-file: "/etc/unbound/anchor"|' /etc/unbound/unbound.conf""",
             stdin="".join(f"example.net. DNSKEY {data}\n" for _, data in keys))
    daemons.stop(cache, "unbound")
    daemons.start(cache, "unbound")
    wait_for(lambda: dns.ask(lab.new, hosts.RESOLVER_V4, "example.net", "SOA"), 30, "the cache")


def both(lab, work) -> None:
    """The same on both hosts: each postconf(1) waits when a setting has only just changed."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(work, (lab.old, lab.new)))


def make_host_whole(host) -> None:
    """A backup, a guard in front of the MTA, a web server."""
    host.sh(BACKED_UP)
    host.push({"/run/guard": "delay=1\n", "/run/pages.json": json.dumps(PAGES),
               MAP: "# old, new; the second one stays\n/mapped /info\n/info /%69nfo\n"})
    for module in ("guard", "pages"):
        host.spawn(*host.python_command(module))
    host.run("postconf", "-e", "smtpd_client_message_rate_limit = 30",
             "anvil_rate_time_unit = 1h",
             "smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:10040",
             "smtpd_end_of_data_restrictions = check_policy_service inet:127.0.0.1:10040")
    host.sh("postfix reload; for port in 80 443 10040; do "
            "until ss -Htln sport = :$port | grep -q .; do sleep 0.05; done; done")


def make_whole(lab) -> None:
    """All that the questions are about, in order."""
    both(lab, make_host_whole)
    shown = lab.old.sh("openssl x509 -in /etc/ssl/mail/mail.pem -noout -pubkey | "
                       "openssl pkey -pubin -outform DER | sha256sum").split()[0]
    changed(lab, f"update add _25._tcp.mail.example.org. 300 TLSA 3 1 1 {shown}",
            f"update add soon.example.org. 300 A {hosts.NEW_V4}",
            f"update add mta-sts.example.org. 300 A {hosts.MAIL_V4}",
            'update add _mta-sts.example.org. 300 TXT "v=STSv1; id=1;"',
            'update add _smtp._tls.example.org. 300 TXT "v=TLSRPTv1; rua=mailto:tls@example.org"')
    assert not dns.update(lab.new, 'update add _smtp._tls.example.net. 300 TXT "v=TLSRPTv1; '
                          'rua=mailto:tls@example.org"', zone="example.net")
    sign(lab)


def plant_on(host) -> None:
    """The faults of one host, in one go."""
    words = [what for where, what, _ in FAULTS.values() if where == host.name]
    settings = [word for word in words if word.split()[1:2] == ["="]]
    host.run("postconf", "-e", *settings)
    host.sh("\n".join([*(word for word in words if word not in settings), "postfix reload",
                       f"rm -rf {SCRATCH}/*"]))


def plant(lab) -> None:
    """All faults."""
    both(lab, plant_on)
    pages = {url: [status, words] for url, status, words, _ in PAGE_FAULTS.values()}
    lab.new.push({"/run/pages.json": json.dumps(PAGES | pages)})
    policy, = (url for url in PAGES if "mta-sts" in url)
    lab.old.push({"/run/pages.json": json.dumps(
        PAGES | {policy: [200, PAGES[policy][1].replace("*.", "mx.")]})})
    changed(lab, "update delete example.org. TXT", f'{UPDATE}"v=spf1 ip4:{hosts.MAIL_V4} -all"',
            "update delete soon.example.org. A",
            "update delete _25._tcp.mail.example.org. TLSA",
            f"update add _25._tcp.mail.example.org. 300 TLSA 3 1 1 {'0' * 64}",
            'update add _smtp._tls.example.org. 300 TXT "v=TLSRPTv1; rua=mailto:b@example.org"')
    # from now on it does not follow
    ns2, cache = lab.host["ns2"], lab.host["cache"]
    ns2.run("knotc", "-b", "zone-freeze", "example.org.")
    assert not dns.update(lab.new, f'{UPDATE}"something new"')
    name = ".".join(reversed(hosts.NEW_V4.split("."))) + f".{dns.BLOCKLIST}."
    ns2.sh(f"""knotc zone-begin {dns.BLOCKLIST}.
knotc zone-set {dns.BLOCKLIST}. {name} 60 A 127.0.0.4
knotc zone-set {dns.BLOCKLIST}. {name} 60 TXT '"a test"'
knotc zone-commit {dns.BLOCKLIST}.""")
    # signed, and nothing leads there; all is forgotten, too
    cache.sh("sed -i /trust-anchor-file/d /etc/unbound/unbound.conf; unbound-control -q reload")
    wait_for(lambda: dns.ask(lab.new, hosts.RESOLVER_V4, "example.net", "SOA"), 30, "the cache")


def expect_a_liar_is_told(lab, admin) -> None:
    """Lists that have everybody, and one that does not answer us."""
    cache = lab.host["cache"]
    for zone, address in (("liar.example.com", "127.0.0.2"), ("shy.example.com", "127.255.255.254")):
        cache.run("unbound-control", "-q", "local_zone", zone, "redirect")
        cache.run("unbound-control", "-q", "local_data", f"{zone} A {address}")
    admin.configure(mover.settings(
        more="check: {dnsbl: [liar.example.com, shy.example.com, nobody.example.com]}\n"))
    row, = admin.json("check", "names.dnsbl")
    for side in ("old", "new"):
        assert row[side]["answer"] == "unknown"
        for words in ("liar.example.com has every address, even 127.0.0.1", "the resolver lies",
                      "it answers no public resolver", "nobody.example.com has not even 127.0.0.2"):
            assert words in row[side]["evidence"], row


def test_a_healthy_pair_passes_and_each_fault_is_found(lab):
    lab.old.sh("echo 'devnull: /dev/null' >>/etc/aliases; postalias /etc/aliases; "
               "postconf -e message_size_limit=2048000; postfix reload")
    coming = f"  changes: [{{name: soon.example.org, type: A, new: {hosts.NEW_V4}}}]\n  records:"
    yaml = mover.settings(more=SETTINGS.replace("", "")).replace("  records:", coming)
    admin = Journey(lab, yaml).admin
    admin.until_ready()
    daemons.start(lab.new, "postfix")
    lab.new.sh(f"install -D /dev/stdin {CA}", stdin=lab.old.read(CA).decode())
    row, = admin.json("check", "smtp.flood", "--send")
    assert row["old"]["answer"] == "no" and "35 of 35" in row["old"]["evidence"]
    make_whole(lab)
    done = admin.run("check", "--ca-file", CA, "--baseline", "--junit", "/run/check.xml", "--send",
                     "--restore")
    assert "worse" not in done.stdout and ", 0 in the way; run 2" in done.stdout
    table = {name: answers for answers, name in re.findall(r"^(. .)  (\S+)", done.stdout, re.M)}
    assert all(set(table[name]) <= {"Y", " "}
               for name in (*FAULTS, *PAGE_FAULTS, *DNS_FAULTS)), done.stdout
    assert table["smtp.flood"] == "Y Y" and "let in" in done.stdout
    suite = xml.fromstring(lab.new.read("/run/check.xml").decode())
    assert int(suite.get("tests", "0")) == len(suite.findall("testcase")) > 100

    plant(lab)
    admin.configure(yaml.replace("check:\n", "check:\n  greylist: 2\n"))
    rows = {row["id"]: row for row in
            admin.json("check", "--ca-file", CA, "--baseline=2", "--send", "--restore",
                       expect=mover.NO)}
    found = {name for name, row in rows.items() if row["worse"]}
    wanted = set(FAULTS) | set(PAGE_FAULTS) | set(DNS_FAULTS)
    assert found == wanted, [rows[name] for name in found ^ wanted]
    for name, (where, _, words) in FAULTS.items():
        answer = rows[name].get(where) or rows[name]["both"]
        assert answer["answer"] == "no" and words in answer["evidence"], f"{name}: {answer}"
    for name, (*_, words) in PAGE_FAULTS.items():
        answer = rows[name].get("new") or rows[name]["both"]
        assert answer["answer"] == "no" and words in answer["evidence"], f"{name}: {answer}"
    for name, words in DNS_FAULTS.items():
        assert rows[name]["answer"] == "no" and words in rows[name]["evidence"], rows[name]
    expect_a_liar_is_told(lab, admin)


def test_a_host_that_hangs_is_told_and_the_others_are_asked(lab):
    admin = Journey(lab, mover.settings()).admin
    admin.run("survey")
    # the kernel still takes connections, and nobody answers: ssh waits for its banner
    lab.old.sh("kill -STOP $(cat /run/sshd.pid)")
    rows = {row["id"]: row for row in admin.json("check", "--time", "8", expect=mover.NO)}
    lab.old.sh("kill -CONT $(cat /run/sshd.pid)")
    for name in ("listeners.owner", "store.disk", "names.helo"):
        assert rows[name]["old"]["answer"] == "unknown"
        assert "no answer within" in rows[name]["old"]["evidence"]
    assert rows["logs.old"]["answer"] == "unknown" and rows["logs.new"]["answer"] == "yes"
    assert rows["store.disk"]["new"]["answer"] == "yes"
    assert rows["smtp.relay"]["old"]["answer"] == rows["dns.mx"]["answer"] == "yes"

    # nor is one believed, or waited for, that drips or shouts
    daemons.stop(lab.old, "postfix")
    lab.old.spawn("/usr/bin/python3", "-c", LIARS)
    lab.old.sh("until test $(ss -Htln sport = :25 | wc -l) = 2; do sleep 0.05; done")
    rows = {row["id"]: row for row in admin.json("check", "smtp", "--time", "3")}
    for name in ("greeting", "takes", "unknown", "relay", "starttls", "greylist"):
        row = rows[f"smtp.{name}"]["old"]
        assert row["answer"] == "unknown" and row["evidence"], row

    assert "root" in admin.run("check", "--answer", "human.backup", "no", "not", "yet").stdout
    assert admin.run("check", "--answer", "human.backup", "perhaps", expect=None).returncode == mover.USAGE
    assert admin.json("check", "human.backup")[0]["answer"] == "no"
    history = admin.run("check", "--history", "human.backup").stdout
    assert "unknown" in history and "root: not yet" in history
