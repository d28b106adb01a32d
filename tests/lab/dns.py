# SPDX-License-Identifier: BSD-2-Clause
"""Name servers: BIND as primary (`ns1`), Knot as secondary and as the rest of the tree (`ns2`),
Unbound as the resolver that everybody asks (`cache`).
"""

import ipaddress

from . import hosts, keys
from .sealed import File, Host

_SOA = "hostmaster.example.org. 1 60 10 3600"


def on_ns1(made: keys.Keys) -> dict[str, File]:
    """BIND: both domains that move, updates by TSIG, NOTIFY to Knot without delay."""
    files = {"/etc/bind/named.conf": File(_NAMED.format(
        key=tsig_key(), secondary=hosts.SECONDARY_V4,
        zones="".join(_NAMED_ZONE.format(zone=zone, key=hosts.TSIG_NAME)
                      for zone in hosts.DOMAINS)))}
    # the journals of updates lie beside the zones, so the folder is named's own
    files["/var/lib/bind/example.org.zone"] = File(_zone_org(made), 0o644, "bind", "bind")
    files["/var/lib/bind/example.net.zone"] = File(_zone_net(), 0o644, "bind", "bind")
    return files


def tsig_key() -> str:
    """The update key in BIND's `key` form, as `new` has it in hosts.TSIG_PATH."""
    return (f'key "{hosts.TSIG_NAME}" {{\n\talgorithm {hosts.TSIG_ALGORITHM};\n'
            f'\tsecret "{hosts.TSIG_SECRET}";\n}};\n')


_NAMED = """{key}
options {{
	directory "/var/cache/bind";
	pid-file "/run/named/named.pid";
	recursion no;
	listen-on {{ any; }};
	listen-on-v6 {{ any; }};
	dnssec-validation no;
	notify explicit;
	also-notify {{ {secondary}; }};
	allow-transfer {{ {secondary}; key mover; }};
	/* by default a NOTIFY waits five seconds for more changes */
	notify-delay 0;
	notify-rate 100;
	serial-query-rate 100;
}};
{zones}
logging {{
	channel file {{
		file "/var/log/named.log";
		severity info;
		print-time iso8601;
		print-category yes;
	}};
	category default {{ file; }};
	category update {{ file; }};
	category notify {{ file; }};
	category xfer-out {{ file; }};
}};
"""

_NAMED_ZONE = """
zone "{zone}" {{
	type primary;
	file "/var/lib/bind/{zone}.zone";
	journal "/var/lib/bind/{zone}.jnl";
	update-policy {{ grant {key} zonesub ANY; }};
}};
"""


def _zone_org(made: keys.Keys) -> str:
    return f"""$ORIGIN example.org.
$TTL {hosts.TTL_REST}
@	SOA	ns1 {_SOA} {hosts.TTL_MAIL}
@	NS	ns1
@	NS	ns2
@	{hosts.TTL_MAIL}	MX	10 mail
@	TXT	"v=spf1 mx ip4:{hosts.NEW_V4} -all"
_dmarc	TXT	"v=DMARC1; p=none"
{keys.dkim_record(made)}mail	{hosts.TTL_MAIL}	A	{hosts.MAIL_V4}
mail	{hosts.TTL_MAIL}	AAAA	{hosts.MAIL_V6}
imap	CNAME	mail
smtp	CNAME	mail
_imaps._tcp	SRV	0 1 993 mail
_submission._tcp	SRV	0 1 587 mail
old	A	{hosts.MANAGEMENT_V4}
old	AAAA	{hosts.MANAGEMENT_V6}
new	A	{hosts.NEW_V4}
new	AAAA	{hosts.NEW_V6}
ns1	A	{hosts.PRIMARY_V4}
ns2	A	{hosts.SECONDARY_V4}
"""


def _zone_net() -> str:
    return f"""$ORIGIN example.net.
$TTL {hosts.TTL_REST}
@	SOA	ns1.example.org. {_SOA} {hosts.TTL_MAIL}
@	NS	ns1.example.org.
@	NS	ns2.example.org.
@	{hosts.TTL_MAIL}	MX	10 {hosts.MAIL_NAME}.
@	TXT	"v=spf1 include:example.org -all"
"""


def on_ns2() -> dict[str, File]:
    """Knot: secondary of both domains, and alone for the root, the parents and the worlds."""
    zones = _static_zones()
    config = _KNOT.format(secondary=hosts.SECONDARY_V4, root=hosts.ROOT_V4,
                          primary=hosts.PRIMARY_V4)
    for zone in zones:
        config += f"  - domain: {zone}\n    file: {_zone_file(zone)}\n"
    for zone in hosts.DOMAINS:
        config += f"  - domain: {zone}.\n    master: primary\n    acl: notify\n"
    files = {f"/var/lib/knot/{_zone_file(zone)}": File(text, 0o640, "knot", "knot")
             for zone, text in zones.items()}
    files["/etc/knot/knot.conf"] = File(config)
    return files


_KNOT = """server:
    user: knot:knot
    rundir: /run/knot
    listen: [ {secondary}@53, {root}@53 ]
log:
  - target: /var/log/knot.log
    any: info
database:
    storage: /var/lib/knot
remote:
  - id: primary
    address: {primary}@53
acl:
  - id: notify
    address: {primary}
    action: notify
template:
  - id: default
    storage: /var/lib/knot
    semantic-checks: off
zone:
"""


def _zone_file(zone: str) -> str:
    return (zone.rstrip(".") or "root") + ".zone"


def _static_zones() -> dict[str, str]:
    head = (f"@ SOA root.example.com. {_SOA} 5\n@ NS root.example.com.\n")
    delegation = "NS ns1.example.org.\nexample NS ns2.example.org.\n"
    zones = {
        ".": head + "com. NS root.example.com.\norg. NS root.example.com.\n"
             "net. NS root.example.com.\nin-addr.arpa. NS root.example.com.\n"
             f"ip6.arpa. NS root.example.com.\nroot.example.com. A {hosts.ROOT_V4}\n",
        "com.": head + f"example NS root.example.com.\nroot.example A {hosts.ROOT_V4}\n",
        "org.": head + f"example {delegation}ns1.example A {hosts.PRIMARY_V4}\n"
                f"ns2.example A {hosts.SECONDARY_V4}\n",
        "net.": head + f"example {delegation}",
        "example.com.": head + f"root A {hosts.ROOT_V4}\ncache A {hosts.RESOLVER_V4}\n",
    }
    for world, domain in hosts.WORLD_DOMAINS.items():
        v4, v6 = (address.partition("/")[0] for address in hosts.PLACES[world].addresses)
        zones[f"{domain}."] = head + (f"@ MX 10 mx\n@ TXT \"v=spf1 mx -all\"\n"
                                      f"mx A {v4}\nmx AAAA {v6}\n")
        label = domain.partition(".")[0]
        zones["example.com."] += f"{label} NS root.example.com.\n"
    zones["example.com."] += f"{BLOCKLIST.partition('.')[0]} NS root.example.com.\n"
    zones[f"{BLOCKLIST}."] = head + _TEST_ADDRESSES
    zones |= _reverse_zones(head)
    return {name: f"$ORIGIN {name}\n$TTL 60\n{text}" for name, text in zones.items()}


# what every list of addresses has (RFC 5782 section 5): 127.0.0.2, and ::FFFF:7F00:2
BLOCKLIST = "bl.example.com"
_TEST_ADDRESSES = ("2.0.0.127 A 127.0.0.2\n"
                   f"2.0.0.0.0.0.f.7.f.f.f.f{'.0' * 20} A 127.0.0.2\n")


def _reverse_zones(head: str) -> dict[str, str]:
    zones = {"in-addr.arpa.": head, "ip6.arpa.": head}
    named = [(address, place.hostname) for place in hosts.PLACES.values()
             for address in place.addresses]
    for address, name in named:
        plain = address.partition("/")[0]
        if plain in (hosts.MAIL_V4, hosts.MAIL_V6):
            name = hosts.MAIL_NAME
        pointer = ipaddress.ip_address(plain).reverse_pointer
        zone = "ip6.arpa." if pointer.endswith("ip6.arpa") else "in-addr.arpa."
        zones[zone] += f"{pointer}. PTR {name}.\n"
    return zones


def on_cache() -> dict[str, File]:
    """Unbound: from the lab's own root, as long as a record lives and no longer."""
    return {
        "/etc/unbound/unbound.conf": File(_UNBOUND),
        "/etc/unbound/lab.hints": File(
            f". 3600 NS root.example.com.\nroot.example.com. 3600 A {hosts.ROOT_V4}\n"),
    }


_UNBOUND = """server:
	interface: 0.0.0.0
	interface: ::0
	access-control: 0.0.0.0/0 allow
	access-control: ::/0 allow
	interface-automatic: yes
	chroot: ""
	username: "unbound"
	directory: "/etc/unbound"
	pidfile: "/run/unbound.pid"
	use-syslog: no
	logfile: "/var/log/unbound.log"
	do-ip6: no
	# no validator: the lab's root is not signed
	module-config: "iterator"
	root-hints: "/etc/unbound/lab.hints"
	# unbound answers for the documentation networks itself unless told not to
	local-zone: "113.0.203.in-addr.arpa." nodefault
	local-zone: "100.51.198.in-addr.arpa." nodefault
	local-zone: "8.b.d.0.1.0.0.2.ip6.arpa." nodefault
remote-control:
	control-enable: yes
	control-interface: /run/unbound.ctl
	control-use-cert: no
"""


def prepare_ns1(host: Host) -> None:
    """Folders and files that only named may write."""
    host.sh("install -d -o bind -g bind /run/named /var/cache/bind\n"
            "install -d -o root -g bind -m 775 /var/lib/bind\n"
            "install -o bind -g bind -m 644 /dev/null /var/log/named.log")


def prepare_ns2(host: Host) -> None:
    """Folders and files that only knotd may write."""
    host.sh("install -d -o knot -g knot /run/knot /var/lib/knot\n"
            "install -o knot -g knot -m 644 /dev/null /var/log/knot.log")


def prepare_cache(host: Host) -> None:
    """The log file that only unbound may write."""
    host.sh("install -o unbound -g unbound -m 644 /dev/null /var/log/unbound.log")


def ask(host: Host, server: str, name: str, kind: str) -> list[tuple[int, str]]:
    """Ask one server from `host`: (time to live in seconds, data) of each answer, sorted."""
    lines = host.run("dig", "+noall", "+answer", "+time=10", "+tries=3", f"@{server}", name, kind,
                     check=False).stdout.splitlines()
    found = [line.split(None, 4) for line in lines if line and not line.startswith(";")]
    return sorted((int(words[1]), words[4]) for words in found if words[3] == kind)


def update(host: Host, *lines: str, zone: str = "example.org") -> str:
    """One dynamic update from `host` with the lab's key.

    `lines` are nsupdate's; returns what it complains of, "" when all is well.
    """
    text = "\n".join((f"server {hosts.PRIMARY_V4}", f"zone {zone}", *lines, "send", ""))
    return host.run("nsupdate", "-k", hosts.TSIG_PATH, stdin=text, check=False).stderr.strip()
