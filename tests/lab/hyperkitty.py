# SPDX-License-Identifier: BSD-2-Clause
"""HyperKitty and Postorius beside a core: Debian's packages as they are, though they are not installed.

`tools/install-packages lab` unpacks them, with what they import, beside the core's; Debian's own settings.py is
taken, and of them overridden what says where things lie. One gunicorn worker serves, on a loopback port that was
free; data are in SQLite.
"""

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from . import mailman3
from .ports import free_port
from .sealed import File, LabError, wait_for

FOLDER = mailman3.FOLDER / "web"
PACKAGES = FOLDER / "usr/lib/python3/dist-packages"
USER = 33       # www-data, of every Debian

_SETTINGS = """import sys, types, warnings
warnings.simplefilter("ignore")
sys.modules["settings_local"] = types.ModuleType("settings_local")
from settings import *
SECRET_KEY = "of a test"
ALLOWED_HOSTS = ["*"]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": "{at}/web.db",
                          "OPTIONS": {{"timeout": 60}}}}}}
MAILMAN_REST_API_URL = "http://127.0.0.1:{rest}"
MAILMAN_REST_API_PASS = "{password}"
MAILMAN_ARCHIVER_KEY = "{password}"
HAYSTACK_CONNECTIONS = {{"default": {{"ENGINE": "haystack.backends.whoosh_backend.WhooshEngine",
                                     "PATH": "{at}/index"}}}}
STATIC_ROOT = "{at}/static"
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
COMPRESS_ENABLED = False
LOGGING = {{"version": 1, "disable_existing_loggers": False}}
"""

# Of the machine's own packages none is asked for: -S.
_PROGRAM = """#!/usr/bin/python3 -SB
import os, site, sys
for folder in {folders!r}:
    site.addsitedir(folder)
sys.path[:0] = [{at!r}, {project!r}]
os.environ["DJANGO_SETTINGS_MODULE"] = "settings_lab"
from {module} import {function}
sys.exit({function}({argument}))
"""


def _files(at: Path, rest: int, password: str) -> dict[str, tuple[str, int]]:
    """Settings and programs of one in the folder `at`: name, text and mode."""
    made = {"settings_lab.py": (_SETTINGS.format(at=at, rest=rest, password=password), 0o644)}
    for name, module, function, argument in (
            ("mailman-web", "django.core.management", "execute_from_command_line", "sys.argv"),
            ("serve", "gunicorn.app.wsgiapp", "run", "")):
        made[name] = (_PROGRAM.format(
            folders=[str(mailman3.PACKAGES), str(PACKAGES)], at=str(at), module=module, function=function,
            project=str(FOLDER / "usr/share/mailman3-web"), argument=argument), 0o755)
    return made


def is_here() -> bool:
    """Whether a HyperKitty can be run on this machine."""
    return mailman3.is_here() and (FOLDER / "compiled").exists()


class Web:
    """One HyperKitty; `with Web(core) as web`. `program` is what `mailman-web` is elsewhere."""

    def __init__(self, core: mailman3.Core):
        if not is_here():
            raise LabError(f"{FOLDER} has no HyperKitty: run tools/install-packages lab")
        self.at = Path(tempfile.mkdtemp(prefix="hyperkitty-", dir="/var/tmp"))
        self.port, self.child = free_port(), None
        self.program = self.at / "mailman-web"
        for name, (text, mode) in _files(self.at, core.port, core.password).items():
            (self.at / name).write_text(text, "utf-8")
            (self.at / name).chmod(mode)
        for path in (self.at, *self.at.rglob("*")):
            os.chown(path, USER, USER)
        self.at.chmod(0o755)

    def __enter__(self):
        try:
            self.manage("migrate", "-v", "0")
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        child, self.child = self.child, None
        if child:
            os.killpg(child.pid, signal.SIGKILL)    # nothing of it is looked at again
            child.wait(60)
        shutil.rmtree(self.at, ignore_errors=True)

    def manage(self, *words: str, given: str = "") -> str:
        """A command of Django's, as who serves; what it says."""
        done = subprocess.run([str(self.program), *words], input=given, user=USER, group=USER, extra_groups=[],
                              capture_output=True, text=True, timeout=300, check=False, cwd=self.at)
        if done.returncode:
            raise LabError(f"{words}: {done.stderr}")
        return done.stdout

    def start(self, deadline_s: int = 120) -> None:
        """Serve, and wait until it answers."""
        words = [str(self.at / "serve"), "-w", "1", "-b", f"127.0.0.1:{self.port}", "--worker-tmp-dir", "/dev/shm",
                 "wsgi:application"]
        with open(self.at / "serve.log", "wb") as log:
            self.child = subprocess.Popen(
                words, user=USER, group=USER, extra_groups=[], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.at, start_new_session=True)
        until = time.monotonic() + deadline_s
        while True:
            with contextlib.suppress(OSError):
                if self.ask("/hyperkitty/api/lists/?format=json")[0] == 200:
                    return
            if self.child.poll() is not None or time.monotonic() > until:
                raise LabError(f"HyperKitty does not start: {(self.at / 'serve.log').read_text('utf-8')}")
            time.sleep(0.05)

    def session(self) -> str:
        """A cookie by which one asks as who may see all."""
        return self.manage("shell", given="""
from django.contrib.auth import get_user_model, login
from django.contrib.sessions.backends.db import SessionStore
from django.test import RequestFactory
request = RequestFactory().get("/")
request.session = SessionStore()
user = get_user_model().objects.create_superuser("owner", "owner@example.org", "of a test")
login(request, user, "django.contrib.auth.backends.ModelBackend")
request.session.save()
print("sessionid=" + request.session.session_key)
""").strip()

    def ask(self, path: str, cookie: str = "") -> tuple[int, str]:
        """Status and text of a page."""
        status, octets = self.ask_octets(path, cookie)
        return status, octets.decode("utf-8", "replace")

    def ask_octets(self, path: str, cookie: str = "") -> tuple[int, bytes]:
        """Status, and what came."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request("GET", path, headers={"Cookie": cookie} if cookie else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def get(self, path: str, cookie: str = ""):
        """What its REST says; LabError where it is no 200."""
        status, text = self.ask(f"/hyperkitty/api/{path}{'&' if '?' in path else '?'}format=json", cookie)
        if status != 200:
            raise LabError(f"GET {path}: {status} {text[:300]}")
        return json.loads(text)


AT = Path("/var/lib/mailman3-web-lab")
PORT = 8088
# somebody outside, who asks for what is private again and again; each answer that he has ever got
_WATCHER = """
import sys, time, urllib.error, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
seen = set()
while True:
    for path in sys.argv[1:]:
        try:
            status = opener.open("http://127.0.0.1:{port}" + path, timeout=60).status
        except urllib.error.HTTPError as error:
            status = error.code
        except OSError:
            continue
        if (path, status) not in seen:
            seen.add((path, status))
            with open("/run/hyperkitty-seen", "a", encoding="ascii") as record:
                record.write(f"{path} {status}\\n")
    time.sleep(0.3)
"""
_ASK = """
import sys, urllib.error, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    got = opener.open("http://127.0.0.1:{port}" + sys.argv[1], timeout=60)
except urllib.error.HTTPError as error:
    got = error
print(got.status)
print(got.read().decode("utf-8", "replace"))
"""


class HostWeb:
    """One in a host of the lab, beside its core, to which the core gives all posts."""

    def __init__(self, core: mailman3.HostCore):
        self.host, self.program = core.host, str(AT / "mailman-web")
        self.host.push({f"{AT}/{name}": File(text, mode, "www-data", "www-data")
                        for name, (text, mode) in _files(AT, mailman3.REST, core.password).items()})
        self.host.sh(f"chown www-data:www-data {AT}; : >/run/hyperkitty-seen")
        core.archive_to(f"http://127.0.0.1:{PORT}/hyperkitty/", core.password)

    def as_user(self, *words: str, stdin: str = "") -> str:
        """As who serves."""
        return self.host.run("setpriv", "--reuid=www-data", "--regid=www-data", "--clear-groups", "env", "-C", str(AT),
                             *words, stdin=stdin).stdout

    def migrate(self) -> None:
        """Have its tables made."""
        self.as_user(self.program, "migrate", "-v", "0")

    def start(self) -> None:
        """As a person does it; returns when it answers."""
        self.migrate()
        self.host.spawn("setpriv", "--reuid=www-data", "--regid=www-data", "--clear-groups", "env", "-C", str(AT),
                        str(AT / "serve"), "-w", "1", "-b", f"127.0.0.1:{PORT}", "--worker-tmp-dir", "/dev/shm",
                        "wsgi:application")
        wait_for(lambda: self.ask("/hyperkitty/api/lists/?format=json")[0] == 200, 120, "HyperKitty to answer", 0.3)

    def watch(self, *paths: str) -> None:
        """Somebody asks for these from now on."""
        self.host.spawn("/usr/bin/python3", "-c", _WATCHER.replace("{port}", str(PORT)), *paths)

    def seen(self) -> dict[str, set[int]]:
        """What he has been answered."""
        found: dict[str, set[int]] = {}
        for line in self.host.sh("cat /run/hyperkitty-seen").splitlines():
            path, _, status = line.rpartition(" ")
            found.setdefault(path, set()).add(int(status))
        return found

    def ask(self, path: str) -> tuple[int, str]:
        """Status and text of a page, as somebody outside gets it; 0: nobody answers."""
        done = self.host.run("/usr/bin/python3", "-c", _ASK.replace("{port}", str(PORT)), path, check=False).stdout
        status, _, text = done.partition("\n")
        return int(status or 0), text

    def archived(self) -> dict[str, list[str]]:
        """Message-IDs by list, as its database has them."""
        return json.loads(self.as_user(self.program, "shell", stdin="""
import json
from hyperkitty.models import Email, MailingList
print(json.dumps({one.name: list(Email.objects.filter(mailinglist=one).values_list("message_id", flat=True))
                  for one in MailingList.objects.all()}))
""").splitlines()[-1])
