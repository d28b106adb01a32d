/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/verbs.h"

#include "base/file.h"
#include "base/memory.h"
#include "cmd/open.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char template[] =
	"# A move of mailhaul: see move.yaml(5). Everything that is commented out shows its "
	"default, or an example.\n"
	"name: %s\n"
	"\n"
	"# Where the mail server is now: ssh:[USER@]HOST (as root), or folder:/PATH, a folder "
	"that\n"
	"# holds the host's files (a mounted disk, an unpacked backup).\n"
	"old:\n"
	"  host: %s\n"
	"  # ssh_options: [\"-p\", \"22\"]\n"
	"\n"
	"# Where it shall be: this machine.\n"
	"new:\n"
	"  host: %s\n"
	"\n"
	"# What senders meet while the servers change places.\n"
	"#   refuse: nothing listens; they see \"connection refused\" and try again\n"
	"#   defer:  mailhaul-gate answers 421 with the text below\n"
	"#   spool:  it takes the mail and gives it out at the opening: no sender waits\n"
	"#   relay:  as defer until the opening; then what still comes to the old address is\n"
	"#           passed through\n"
	"close: refuse\n"
	"# close_text: \"This server is moving house and will be back within the hour\"\n"
	"\n"
	"# How the world learns of the new place.\n"
	"#   address: the new host takes the old host's address (see `address`)\n"
	"#   dns:     A and AAAA records are changed by dynamic update, RFC 2136 with TSIG (see "
	"`dns`)\n"
	"#   manual:  you change the records; mailhaul says which, and watches\n"
	"switch: manual\n"
	"\n"
	"dns:\n"
	"  # server: 192.0.2.53                # the primary that takes updates\n"
	"  # key_file: /etc/mailhaul/tsig.key  # key \"NAME\" { algorithm hmac-sha256; secret "
	"\"...\"; };\n"
	"  # ttl: 300                          # seconds, of the records written\n"
	"  records:\n"
	"    - name: mail.example.org          # every name that leads to the old server\n"
	"      old: 192.0.2.10\n"
	"      new: 192.0.2.20\n"
	"      # closed: 192.0.2.30            # in two steps: where nobody answers, till nobody "
	"comes to old\n"
	"\n"
	"# address:\n"
	"#   addresses: [192.0.2.10/24]\n"
	"#   old_keeps: 192.0.2.11             # by which the old host stays in reach\n"
	"\n"
	"# window:\n"
	"#   budget: 3600         # seconds from freeze to switch; longer, and the old server "
	"opens again\n"
	"#   session_grace: 20    # seconds that open SMTP sessions get to end by themselves\n"
	"#   flush_wait: 30       # seconds that the old queue gets to empty\n"
	"\n"
	"# limit:               # so that the old server goes on with its work while it is copied\n"
	"#   rate: 5000000      # octets a second\n"
	"#   load: 4            # the load average above which copying rests\n"
	"#   io_pressure: 30    # the same for per cent of time that something waits for a disk\n"
	"\n"
	"# Canaries: mail out and in again before mailboxes are shown to their owners.\n"
	"# canary:\n"
	"#   mailbox: postmaster@example.org\n"
	"#   outside: [echo@example.com, echo@example.net]    # mailboxes that answer by "
	"themselves\n"
	"#   wait: 120\n"
	"\n"
	"# mailboxes: {mbox_to: maildir}    # mailboxes that are mbox files become Maildirs\n"
	"# lists: {to: none}                # lists of Mailman 2.1 stay; else they move\n"
	"\n"
	"# check:                           # what `mailhaul check` can't find out by itself\n"
	"#   dnsbl: [bl.example.com]\n"
	"#   recipient: devnull@example.org # who gets test mail with --send\n"
	"#   pages: [\"https://lists.example.org/mailman/listinfo\"]\n"
	"\n"
	"# resolvers: [198.51.100.55]    # watched beside the authoritative name servers\n"
	"# watch_interval: 60            # seconds\n";

static int usage(struct error *err)
{
	error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
	          "init wants the old host: mailhaul init OLD [NEW] [--name NAME]");
	return EXIT_CODE_USAGE;
}

/* A move's own folder: the given one, or /var/lib/mailhaul/NAME. */
static int make_folder(const char *dir, struct error *err)
{
	if (mkdir(dir, 0700) == 0 || errno == EEXIST)
		return 0;
	if (errno == ENOENT && !strncmp(dir, "/var/lib/mailhaul/", 18) &&
	    mkdir("/var/lib/mailhaul", 0700) == 0 && mkdir(dir, 0700) == 0)
		return 0;
	return error_system(err, "make the folder %s", dir);
}

int cmd_init(struct cmd_run *run, struct error *err)
{
	static const struct option options[] = { { "name", required_argument, NULL, 'n' }, { 0 } };
	const char *name = "move";
	AUTO_BUF struct buf text = { 0 };
	int c;

	while ((c = getopt_long(run->argc, run->argv, "", options, NULL)) != -1) {
		if (c != 'n')
			return EXIT_CODE_USAGE;
		name = optarg;
	}
	if (optind >= run->argc || run->argc - optind > 2) {
		usage(err);
		fprintf(stderr, "mailhaul: %s\n", err->text);
		return EXIT_CODE_USAGE;
	}
	if (strchr(name, '/') || name[0] == '.')
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "a name without '/' and without a dot in front, please: %s", name);

	AUTO_FREE char *old = cmd_place_words(run->argv[optind]);
	AUTO_FREE char *new = cmd_place_words(optind + 1 < run->argc ? run->argv[optind + 1]
	                                                             : "local");
	AUTO_FREE char *dir = run->move_dir ? xstrdup(run->move_dir)
	                                    : xasprintf("/var/lib/mailhaul/%s", name);
	AUTO_FREE char *file = xasprintf("%s/move.yaml", dir);
	buf_addf(&text, template, name, old, new);
	if (run->dry_run) {
		printf("would write %s:\n%s", file, buf_text(&text));
		return EXIT_CODE_GOOD;
	}
	if (make_folder(dir, err) < 0)
		return -1;
	if (access(file, F_OK) == 0)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, EEXIST,
		                 "%s is there already", file);
	if (file_write_path_durable(file, 0600, buf_span(&text), err) < 0)
		return -1;
	if (run->json)
		printf("{\"file\": \"%s\"}\n", file);
	else
		printf("%s written. Read it, fill it in, then:\n  mailhaul -m %s survey\n", file,
		       dir);
	return EXIT_CODE_GOOD;
}
