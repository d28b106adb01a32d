# SPDX-License-Identifier: BSD-2-Clause
"""A web server at ports 80 and, where there is a certificate, 443; all names, all addresses.

/run/pages.json has what it shows, and is read again for each page: URL to [status, words]; the words of a
redirect are where it leads.
"""

import http.server
import json
import ssl
import threading
from pathlib import Path

PAGES = Path("/run/pages.json")
SHOWN = Path("/run/shown.pem")      # a certificate in place of the other, for the same key
CERTIFICATE, KEY = "/etc/ssl/mail/mail.pem", "/etc/ssl/mail/mail.key"


class Handler(http.server.BaseHTTPRequestHandler):
    """One page."""

    def do_GET(self) -> None:       # pylint: disable=invalid-name
        """RFC 9110 section 9.3.1."""
        scheme = "https" if isinstance(self.connection, ssl.SSLSocket) else "http"
        url = f"{scheme}://{self.headers['Host']}{self.path}"
        status, words = json.loads(PAGES.read_text("utf-8")).get(url, [404, "there is no such page"])
        body = words.encode()
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", words)
        self.send_header("Content-Type", "text/plain" if url.endswith(".txt") else "text/html")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_) -> None:  # pylint: disable=arguments-differ
        """Nobody reads it."""


def show(connection: ssl.SSLSocket, _name: str | None, _context: ssl.SSLContext) -> None:
    """The certificate as it is now."""
    if SHOWN.exists():
        other = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        other.load_cert_chain(SHOWN, KEY)
        connection.context = other


def serve(port: int, context: ssl.SSLContext | None) -> None:
    """One port, for ever."""
    server = http.server.ThreadingHTTPServer(("", port), Handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    if Path(CERTIFICATE).exists():
        shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        shown.load_cert_chain(CERTIFICATE, KEY)
        shown.sni_callback = show
        threading.Thread(target=serve, args=(443, shown), daemon=True).start()
    serve(80, None)
