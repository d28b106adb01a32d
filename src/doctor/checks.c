/* SPDX-License-Identifier: BSD-2-Clause */
#include "doctor/inside.h"

#include "base/attr.h"

/* To add a check, add a row and its function, and its words in man/mailhaul-doctor.1. */
const struct doctor_check doctor_checks[] = {
	{ "storage.queues", DOCTOR_MUST,
	  "what a host puts into a queue of its own, no runner ever sees: a post that a moderator "
	  "approves there is gone without a line in any log",
	  "let the variable name the shared directory in that host's mm_cfg.py (or mount it "
	  "there), "
	  "then `mailhaul doctor --hand-in` for what has been left in the host's own",
	  check_queues },
	{ "storage.lists", DOCTOR_MUST,
	  "members, settings and requests are in there: each host changes its own copy",
	  "let LIST_DATA_DIR be one directory for all hosts", check_lists },
	{ "storage.data", DOCTOR_MUST,
	  "held posts are in there: what one host holds, another can't show to a moderator",
	  "let DATA_DIR be one directory for all hosts", check_data },
	{ "storage.archives", DOCTOR_MUST,
	  "the web server shows an archive into which nothing is put any more",
	  "let the archives be one directory for all hosts", check_archives },
	{ "storage.locks", DOCTOR_MUST,
	  "each host locks for itself: two of them save one list at a time, and one change is lost",
	  "let LOCK_DIR be one directory for all hosts, with the same path, on a file system with "
	  "hard links",
	  check_locks },
	{ "storage.rest", DOCTOR_SHOULD,
	  "queues and files that Mailman's makers share too; what lies on one side is not worked "
	  "on",
	  "share it like the others: all that is below VAR_PREFIX", check_rest },
	{ "storage.own", DOCTOR_INFO,
	  "programs on shared storage: an upgrade of one host changes the other one's, and a "
	  "wrapper "
	  "is built for one host's groups",
	  "let each host have its own, of the same version", check_own },
	{ "storage.missing", DOCTOR_MUST,
	  "Mailman does not work without it, or makes an empty one when it is first used",
	  "make it, with the rights that `mailhaul lists perms` tells", check_missing },
	{ "storage.paths", DOCTOR_SHOULD,
	  "one directory by two paths: locks, shunted entries and links to archives hold whole "
	  "paths, which are true on one of the hosts only",
	  "mount it at one path on all hosts", check_paths },
	{ "settings.unknown", DOCTOR_SHOULD,
	  "its value is made by code, which is not run here: nothing could be said of it",
	  "look at that line of mm_cfg.py by hand", check_unknown },
	{ "settings.defaults", DOCTOR_SHOULD,
	  "two builds of Mailman: what is not set in mm_cfg.py differs with them",
	  "install the same package on all hosts, or set the value in mm_cfg.py", check_defaults },
	{ "settings.site", DOCTOR_SHOULD,
	  "the hosts were told different things: what happens to a list depends on which one of "
	  "them "
	  "does it",
	  "give all hosts the same mm_cfg.py", check_site },
	{ "settings.passwords", DOCTOR_SHOULD,
	  "the site's password is right on one host and wrong on another",
	  "share the file, or copy it", check_passwords },
	{ "settings.aliases", DOCTOR_SHOULD,
	  "a list that is made or removed on one host gets its addresses there, and the MTA asks "
	  "the "
	  "other's table",
	  "share CONFIG_DIR (each host's mm_cfg.py has to fit both then), or make lists on one "
	  "host "
	  "only; `mailhaul lists aliases --check` tells what the MTA lacks",
	  check_tables },
	{ "version.mailman", DOCTOR_MUST,
	  "the older one takes lists of the newer one for old ones, upgrades them again, and what "
	  "only the newer one knows loses its meaning",
	  "install the same version on all hosts", check_versions },
	{ "version.python", DOCTOR_MUST, "this Mailman does not run, or not well, on this Python",
	  "an older Python, or Mailman 2.1.13 or newer; a distribution that ships both has patched "
	  "it",
	  check_python },
	{ "version.pythons", DOCTOR_MUST,
	  "what one Python writes into pickles, another one can't read",
	  "let Mailman run on the same Python on all hosts", check_pythons },
	{ "runners.masters", DOCTOR_MUST,
	  "two masters over one tree of queues take each other's entries, and put them into bad/",
	  "stop all but one: mailmanctl stop, and keep it from starting with the host",
	  check_masters },
	{ "runners.none", DOCTOR_MUST, "nothing is worked on: queues only grow",
	  "mailmanctl start on the back end", check_no_master },
	{ "runners.pid", DOCTOR_SHOULD,
	  "the master has died: mailmanctl start may refuse until that is known",
	  "look at logs/qrunner and logs/error, then mailmanctl -s start", check_pid },
	{ "runners.slices", DOCTOR_MUST,
	  "entries whose hash falls into a slice that nobody has wait for ever; into one that two "
	  "have, are done twice",
	  "mend QRUNNERS in mm_cfg.py and restart, so that each runner has all its slices once",
	  check_slices },
	{ "locks.links", DOCTOR_MUST,
	  "a lock is taken by a hard link: without them no list is ever saved",
	  "put LOCK_DIR on a file system that has them; NFS has", check_hard_links },
	{ "runners.cron", DOCTOR_SHOULD,
	  "reminders and digests go out twice, and requests are thrown away twice as early",
	  "keep Mailman's crontab on one host only", check_cron },
	{ "locks.held", DOCTOR_SHOULD,
	  "until it expires (a list's after five hours, the master's after thirty), all who want "
	  "it "
	  "wait",
	  "if its process is gone, remove both of its files", check_held_locks },
	{ "queues.left", DOCTOR_MUST,
	  "messages lie where queues once were, and no runner looks there any more",
	  "mailhaul doctor --hand-in", check_left },
	{ "queues.shunted", DOCTOR_SHOULD,
	  "such an entry says by a whole path which queue it came from: bin/unshunt makes that "
	  "directory, and puts it where no runner looks",
	  "do not run unshunt on them; `mailhaul lists carry` rewrites the path of what it brings",
	  check_shunted },
	{ "ids.differ", DOCTOR_MUST,
	  "files on shared storage belong to numbers: one host's Mailman can't read or write what "
	  "the other's has made",
	  "give the user and the group the same numbers on all hosts, then `mailhaul lists perms`",
	  check_ids },
	{ "clock.skew", DOCTOR_SHOULD,
	  "locks break too early, and a list that was changed elsewhere is not read again",
	  "run an NTP client on all hosts", check_clocks },
	{ "security.denials", DOCTOR_MUST, "SELinux or AppArmor keeps Mailman from its files",
	  "let its policy allow it (restorecon, setsebool, the profile); with SELinux, `semodule "
	  "-DB` "
	  "shows what is denied in silence",
	  check_denials },
	{ "security.nfs", DOCTOR_SHOULD,
	  "SELinux is enforcing, and does not let the web server use files on NFS: some of these "
	  "denials are not logged",
	  "setsebool -P httpd_use_nfs on", check_selinux },
	{ "wrapper.rights", DOCTOR_MUST,
	  "a wrapper that is not set-gid to Mailman's group may read and write nothing of it",
	  "mailhaul lists perms --repair", check_setgid },
	{ "wrapper.group", DOCTOR_MUST,
	  "a wrapper works for the one group that it was built for, and sends others away: mail to "
	  "lists bounces, pages do not open",
	  "start it as that group, or build it for this one (configure --with-mail-gid, "
	  "--with-cgi-gid)",
	  check_callers },
	{ "links.public", DOCTOR_MUST,
	  "the links to public archives are absolute: the web server shows nothing, or something "
	  "else",
	  "mailhaul lists perms --repair on that host", check_links },
};
const unsigned doctor_checks_rows = ROWS(doctor_checks);
