# SPDX-License-Identifier: BSD-2-Clause
"""Keys of the lab: a private CA, certificates, ssh keys, a DKIM key.  Made anew by every process that makes labs."""

import base64
import functools
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import hosts
from .sealed import File


@dataclass(frozen=True)
class Keys:
    """Everything as text, ready to be pushed."""

    ca: str
    mail_key: str           # of mail.example.org, signed by the CA
    mail_certificate: str
    package_key: str        # self-signed, what Debian's ssl-cert package would have made
    package_certificate: str
    dkim_private: str
    dkim_public: str        # base64, as it stands in the TXT record
    ssh_client: str         # root of `new`
    ssh_client_public: str
    ssh_host: str           # sshd of `old`
    ssh_host_public: str


@functools.cache
def make() -> Keys:
    """Make them all; 0.5 s of a processor, most of it the RSA key."""
    with tempfile.TemporaryDirectory(prefix="mailhaul-lab-") as folder:
        made = Path(folder)
        _self_signed(made, "ca", "Lab CA")
        _signed(made, "mail", (hosts.MAIL_NAME, *(f"{name}.example.org" for name in
                                                  ("imap", "smtp", "lists", "mta-sts"))))
        _self_signed(made, "package", hosts.PLACES["new"].hostname)
        _run(made, "openssl", "genrsa", "-out", "dkim.key", "2048")
        _run(made, "openssl", "rsa", "-in", "dkim.key", "-pubout", "-outform", "DER",
             "-out", "dkim.pub")
        for name, comment in (("client", "root@new.example.org"), ("host", "old.example.org")):
            _run(made, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", name)
        return Keys(
            ca=(made / "ca.pem").read_text(),
            mail_key=(made / "mail.key").read_text(),
            mail_certificate=(made / "mail.pem").read_text(),
            package_key=(made / "package.key").read_text(),
            package_certificate=(made / "package.pem").read_text(),
            dkim_private=(made / "dkim.key").read_text(),
            dkim_public=base64.b64encode((made / "dkim.pub").read_bytes()).decode(),
            ssh_client=(made / "client").read_text(),
            ssh_client_public=(made / "client.pub").read_text(),
            ssh_host=(made / "host").read_text(),
            ssh_host_public=(made / "host.pub").read_text())


def of_package(keys: Keys) -> dict[str, File]:
    """What the packaged Dovecot configuration names, and does not start without."""
    return {
        "/etc/dovecot/private/dovecot.pem": File(keys.package_certificate, 0o640),
        "/etc/dovecot/private/dovecot.key": File(keys.package_key, 0o600),
    }


def on_old(keys: Keys) -> dict[str, File]:
    """Where `old` keeps them."""
    return of_package(keys) | {
        "/etc/ssl/mail/ca.pem": File(keys.ca),
        "/etc/ssl/mail/mail.pem": File(keys.mail_certificate),
        "/etc/ssl/mail/mail.key": File(keys.mail_key, 0o600),
        f"/etc/dkimkeys/{hosts.DKIM_SELECTOR}.private": File(keys.dkim_private, 0o600),
        f"/etc/dkimkeys/{hosts.DKIM_SELECTOR}.txt": File(dkim_record(keys)),
        "/etc/opendkim.conf": File(
            "Domain\t\texample.org\n"
            f"Selector\t{hosts.DKIM_SELECTOR}\n"
            f"KeyFile\t\t/etc/dkimkeys/{hosts.DKIM_SELECTOR}.private\n"
            "Mode\t\tsv\n"),
        "/etc/ssh/ssh_host_ed25519_key": File(keys.ssh_host, 0o600),
        "/etc/ssh/ssh_host_ed25519_key.pub": File(keys.ssh_host_public),
        "/root/.ssh/authorized_keys": File(keys.ssh_client_public, 0o600),
    }


def on_new(keys: Keys) -> dict[str, File]:
    """Where `new` keeps them: the way into `old`, and a package's own certificate."""
    host_key = " ".join(keys.ssh_host_public.split()[:2])
    names = ",".join((hosts.MANAGEMENT_V4, hosts.MANAGEMENT_V6, hosts.MAIL_V4, hosts.MAIL_V6,
                      hosts.PLACES["old"].hostname))
    return of_package(keys) | {
        "/root/.ssh/id_ed25519": File(keys.ssh_client, 0o600),
        "/root/.ssh/id_ed25519.pub": File(keys.ssh_client_public),
        "/root/.ssh/known_hosts": File(f"{names} {host_key}\n"),
    }


def dkim_record(keys: Keys) -> str:
    """The TXT record as a line of a zone; strings of a TXT record hold 255 octets at most."""
    text = f"v=DKIM1; k=rsa; p={keys.dkim_public}"
    strings = " ".join(f'"{text[i:i + 200]}"' for i in range(0, len(text), 200))
    return f"{hosts.DKIM_SELECTOR}._domainkey TXT ( {strings} )\n"


def _run(folder: Path, *cmd: str) -> None:
    subprocess.run(cmd, cwd=folder, check=True, stdin=subprocess.DEVNULL, capture_output=True)


_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def _self_signed(folder: Path, name: str, subject: str) -> None:
    _run(folder, "openssl", "req", "-x509", *_CURVE, "-days", "3650", "-subj", f"/CN={subject}",
         "-keyout", f"{name}.key", "-out", f"{name}.pem")


def _signed(folder: Path, name: str, names: tuple[str, ...]) -> None:
    _run(folder, "openssl", "req", "-new", *_CURVE, "-subj", f"/CN={names[0]}",
         "-keyout", f"{name}.key", "-out", f"{name}.req")
    (folder / "names").write_text("subjectAltName=" + ",".join(f"DNS:{n}" for n in names) + "\n")
    _run(folder, "openssl", "x509", "-req", "-in", f"{name}.req", "-CA", "ca.pem",
         "-CAkey", "ca.key", "-CAcreateserial", "-days", "365", "-extfile", "names",
         "-out", f"{name}.pem")
