# SPDX-License-Identifier: BSD-2-Clause
"""A program of a host that is stopped at the moment when something is so.

Who looks stands in the host, beside the program, and starts no process for a look: so it is caught in
the middle however slow the machine is. It can still come to its end before that; the caller then tries
again with one that takes longer.
"""

import subprocess
from typing import Self

from .sealed import PATIENCE, Host, LabError

# No process but the program: a subshell or a sleep(1) would be another one to wait for.
_WATCH = r"""
shopt -s nullglob
exec 8<> <(:)
"$@" </dev/null >/run/caught.out 2>&1 8>&- & program=$!
# a process that has ended is still there to the kernel until wait
look() { read -r -d '' state </proc/$program/stat; state=${state##*) }; }
count() { n=$#; }
until { CONDITION; }; do
	look 2>/dev/null && [ "${state%% *}" != Z ] || { echo ended; wait $program; exit; }
	read -r -t 0.002 -u 8
done
kill -STOP $program
until look && case ${state%% *} in T) true;; Z) echo ended; wait $program; exit;; *) false;; esac; do :; done
echo caught
read -r what
[ "$what" = kill ] && kill -KILL $program || kill -CONT $program
wait $program
echo $?
"""


class Caught:
    """`with Caught(host, 'count ~bob/Maildir/tmp/*; [ $n -gt 5 ]', *command) as it:` the program stands
    still from then on, if `it.caught`. `condition` is a line of bash; its function count sets n to the
    number of its words. One at a time in each host."""

    def __init__(self, host: Host, condition: str, *command: str):
        self.host, self.caught = host, False
        self.child = subprocess.Popen(
            host.command("bash", "-c", _WATCH.replace("CONDITION", condition), "caught", *command),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        self.caught = self.child.stdout.readline() == "caught\n"
        return self

    def __exit__(self, *_) -> None:
        if self.child.poll() is None:
            self.child.communicate("kill\n" if self.caught else None, timeout=PATIENCE)

    def let_go(self) -> tuple[int, str]:
        """It goes on to its end: exit code, and all that it has said."""
        if not self.caught:
            raise LabError("it has ended before it was caught")
        code, _ = self.child.communicate("go on\n", timeout=2 * PATIENCE)
        return int(code), self.host.read("/run/caught.out").decode("utf-8", "replace")

    def kill(self) -> None:
        """It dies where it stands."""
        self.child.communicate("kill\n", timeout=PATIENCE)
