# SPDX-License-Identifier: BSD-2-Clause
"""Apache and nginx, the real programs, on ports of the loopback: no right of root, nothing outside of a folder.

`tools/install-packages lab` unpacks them beside the machine's own packages.
"""

import os
import socket
import ssl
import subprocess
import time
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path

from .foreign import FOLDER
from .ports import free_port
from .sealed import LabError

WEB = FOLDER / "web"
NOBODY = 65534
NAME = "lists.example.org"

_APACHE = """ServerRoot {place}
ServerName {name}
PidFile {place}/pid
ErrorLog {place}/error.log
{modules}
Listen 127.0.0.1:{plain}
Listen 127.0.0.1:{tls}
DocumentRoot {pages}
<Directory {pages}>
  Options FollowSymLinks
</Directory>
DirectoryIndex index.html
<VirtualHost *:{plain}>
{rules}
</VirtualHost>
<VirtualHost *:{tls}>
  SSLEngine on
  SSLCertificateFile {place}/cert.pem
  SSLCertificateKeyFile {place}/key.pem
{rules}
</VirtualHost>
"""

_NGINX = """daemon off;
master_process off;
pid {place}/pid;
error_log {place}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {place}/t1; proxy_temp_path {place}/t2; fastcgi_temp_path {place}/t3;
  uwsgi_temp_path {place}/t4; scgi_temp_path {place}/t5;
  keepalive_requests 100000;
  {before}
  server {{
    listen 127.0.0.1:{plain};
    listen 127.0.0.1:{tls} ssl;
    server_name _;
    ssl_certificate {place}/cert.pem;
    ssl_certificate_key {place}/key.pem;
    root {pages};
    {rules}
  }}
}}
"""


class WebServer:
    """One of the two; `rules` is called with the port of https and gives what its configuration includes."""

    def __init__(self, kind: str, place: Path, pages: Path, rules):
        self.kind, self.place, self.pages, self.process = kind, place, pages, None
        if not (WEB / "usr/sbin/apache2").exists() or not (WEB / "usr/sbin/nginx").exists():
            raise LabError(f"{WEB} has no web servers: run tools/install-packages lab")
        place.mkdir(parents=True)
        os.chown(place, NOBODY, NOBODY)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={NAME}",
                        "-keyout", place / "key.pem", "-out", place / "cert.pem"], check=True,
                       capture_output=True, timeout=60)
        os.chown(place / "key.pem", NOBODY, NOBODY)
        # another process can take a port between the look and the start
        for _ in range(10):
            self.plain, self.tls = free_port(), free_port()
            if self._start(rules(self.tls)):
                return
        raise LabError(f"{kind} does not start: {self.log()}")

    def _words(self, rules: dict) -> list:
        names = {"place": self.place, "pages": self.pages, "plain": self.plain, "tls": self.tls,
                 "name": NAME, "rules": "", "before": "", **rules}
        conf = self.place / "conf"
        if self.kind == "nginx":
            conf.write_text(_NGINX.format(**names))
            return [WEB / "usr/sbin/nginx", "-p", self.place, "-c", conf, "-e",
                    self.place / "error.log"]
        modules = "\n".join(f"LoadModule {name}_module {WEB}/usr/lib/apache2/modules/mod_{name}.so"
                            for name in ("mpm_event", "authz_core", "dir", "rewrite", "ssl"))
        conf.write_text(_APACHE.format(modules=modules, **names))
        return [WEB / "usr/sbin/apache2", "-D", "FOREGROUND", "-f", conf]

    def _start(self, rules: dict) -> bool:
        libraries = ":".join(str(path) for path in (WEB / "usr/lib").glob("*-linux-gnu"))
        with open(self.place / "said", "wb") as said:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                self._words(rules), stdout=said, stderr=said, user=NOBODY, group=NOBODY,
                extra_groups=[], env={"LD_LIBRARY_PATH": libraries, "PATH": os.environ["PATH"]})
        end = time.monotonic() + 120
        while time.monotonic() < end and self.process.poll() is None:
            try:
                for port in (self.plain, self.tls):
                    socket.create_connection(("127.0.0.1", port), 10).close()
                return True
            except OSError:
                time.sleep(0.02)
        self.stop()
        return False

    def log(self) -> str:
        """What it complains of."""
        return "".join(path.read_text(errors="replace") for path in
                       (self.place / "said", self.place / "error.log") if path.exists())

    def stop(self) -> None:
        """Ends it."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def asker(self, tls: bool):
        """A connection on which one can ask again and again."""
        if not tls:
            return HTTPConnection("127.0.0.1", self.plain, timeout=60)
        context = ssl.create_default_context(cafile=str(self.place / "cert.pem"))
        context.check_hostname = False
        return HTTPSConnection("127.0.0.1", self.tls, timeout=60, context=context)
