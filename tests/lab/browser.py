# SPDX-License-Identifier: BSD-2-Clause
"""A real browser without a screen: Debian's chromium, which `tools/install-packages check` unpacks."""

import os
import subprocess
import tempfile
from pathlib import Path

from .sealed import LabError

FOLDER = Path(os.environ.get("MAILHAUL_BROWSER", "/var/cache/mailhaul-lab/browser"))
PROGRAM = FOLDER / "usr/lib/chromium/chromium-headless-shell"
NOBODY = 65534


class Browser:
    """Asks 127.0.0.1, at whatever port, for each host; of certificates it wants nothing."""

    def __init__(self, place: Path):
        self.place = place
        place.mkdir(parents=True)
        os.chown(place, NOBODY, NOBODY)

    def dom(self, url: str) -> str:
        """What stands in its window at the end, as HTML; LabError where it does not run."""
        libraries = ":".join(str(path) for kind in ("*-linux-gnu", "*-linux-gnu/pulseaudio")
                             for path in (FOLDER / "usr/lib").glob(kind))
        with tempfile.TemporaryDirectory(dir=self.place) as home:
            os.chown(home, NOBODY, NOBODY)
            done = subprocess.run(
                [str(PROGRAM), "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server",
                 "--disable-background-networking", "--disable-component-update", "--ignore-certificate-errors",
                 "--host-resolver-rules=MAP * 127.0.0.1", f"--user-data-dir={home}", "--timeout=60000", "--dump-dom",
                 url],
                user=NOBODY, group=NOBODY, extra_groups=[], cwd=home, capture_output=True, text=True, errors="replace",
                timeout=180, check=False, env={"LD_LIBRARY_PATH": libraries, "PATH": os.environ["PATH"], "HOME": home})
        if done.returncode or not done.stdout.strip():
            raise LabError(f"the browser does not run: {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout


def why_not(place: Path) -> str:
    """Why no browser runs on this machine; empty: one does."""
    if not PROGRAM.exists():
        return f"{FOLDER} has no browser: tools/install-packages check unpacks one"
    try:
        return "" if "runs" in Browser(place).dom("data:text/html,<p>runs") else "it shows nothing"
    except (LabError, OSError) as error:
        return str(error)[:300]
