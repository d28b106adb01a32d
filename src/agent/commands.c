/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/agent.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/process.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define ARGUMENTS_MAX 256u

/*
 * Every program that an agent ever runs. mailhaul names a row and adds arguments; there is no way
 * to run anything else. To add one, add a row.
 */
struct command {
	const char *name;
	/* NULL-terminated; the request's arguments follow. "*" in front of the program: it stands where its
	 * makers have put it, and the first argument is its path, which ends so */
	const char *argv[6];
	/* the same question asked of a folder that holds a host's files, by this machine's program;
	 * "@" in front of a path is replaced by the folder. NULL: can't be asked of a folder */
	const char *folder_argv[6];
	bool control;  /* changes the host */
	int timeout_s; /* 0: 60 */
};

/* clang-format off */
static const struct command commands[] = {
	/* name, on a live host, on a folder, control, time-out */
	{ "postfix-settings", { "postconf" }, { "postconf", "-c", "@/etc/postfix" }, false, 0 },
	{ "postfix-settings-set", { "postconf", "-n" }, { "postconf", "-n", "-c", "@/etc/postfix" }, false, 0 },
	{ "postfix-master", { "postconf", "-M" }, { "postconf", "-M", "-c", "@/etc/postfix" }, false, 0 },
	{ "postfix-queue", { "postqueue", "-j" }, { NULL }, false, 0 },
	{ "postfix-map-list", { "postmap", "-s" }, { NULL }, false, 0 },
	{ "postfix-flush", { "postqueue", "-f" }, { NULL }, true, 0 },
	{ "postfix-start", { "postfix", "start" }, { NULL }, true, 0 },
	{ "postfix-stop", { "postfix", "stop" }, { NULL }, true, 120 },
	{ "postfix-reload", { "postfix", "reload" }, { NULL }, true, 0 },
	{ "postfix-edit", { "postconf", "-e" }, { NULL }, true, 0 },
	{ "postfix-master-edit", { "postconf", "-M", "-e" }, { NULL }, true, 0 },
	{ "postfix-map-build", { "postmap" }, { NULL }, true, 0 },
	{ "postfix-types", { "postconf", "-m" }, { NULL }, false, 0 },
	{ "postfix-alias-build", { "postalias" }, { NULL }, true, 0 },
	{ "postfix-check", { "postfix", "check" }, { NULL }, true, 0 },
	{ "postfix-super", { "postsuper" }, { NULL }, true, 0 },
	{ "sendmail", { "sendmail", "-G", "-i" }, { NULL }, true, 0 },
	{ "dovecot-settings", { "doveconf", "-n" }, { "doveconf", "-n", "-c", "@/etc/dovecot/dovecot.conf" }, false, 0 },
	{ "dovecot-settings-all", { "doveconf", "-a" }, { "doveconf", "-a", "-c", "@/etc/dovecot/dovecot.conf" }, false, 0 },
	{ "dovecot-settings-secret", { "doveconf", "-n", "-P" }, { "doveconf", "-n", "-P", "-c", "@/etc/dovecot/dovecot.conf" }, false, 0 },
	{ "dovecot-version", { "dovecot", "--version" }, { NULL }, false, 0 },
	{ "dovecot-users", { "doveadm", "user", "*" }, { NULL }, false, 0 },
	{ "dovecot-user", { "doveadm", "user" }, { NULL }, false, 0 },
	{ "dovecot-start", { "dovecot" }, { NULL }, true, 0 },
	{ "dovecot-stop", { "doveadm", "stop" }, { NULL }, true, 0 },
	{ "getent", { "getent" }, { NULL }, false, 0 },
	{ "useradd", { "useradd" }, { NULL }, true, 0 },
	{ "groupadd", { "groupadd" }, { NULL }, true, 0 },
	{ "usermod", { "usermod" }, { NULL }, true, 0 },
	{ "chpasswd", { "chpasswd", "-e" }, { NULL }, true, 0 },
	{ "nft-apply", { "nft", "-f", "-" }, { NULL }, true, 0 },
	{ "nft-list", { "nft", "list", "ruleset" }, { NULL }, false, 0 },
	{ "ip-addresses", { "ip", "-j", "address", "show" }, { NULL }, false, 0 },
	{ "ip-routes", { "ip", "-j", "route", "show" }, { NULL }, false, 0 },
	{ "ip-routes-6", { "ip", "-6", "-j", "route", "show" }, { NULL }, false, 0 },
	{ "ip-batch", { "ip", "-force", "-batch", "-" }, { NULL }, true, 0 },
	{ "service", { "service" }, { NULL }, true, 120 },
	{ "systemctl", { "systemctl" }, { NULL }, true, 120 },
	{ "clock", { "date", "+%s.%N" }, { NULL }, false, 0 },
	{ "rpm-versions", { "rpm", "-q" }, { NULL }, false, 0 },
	{ "file-unpack", { "tar", "-x", "-p", "-f", "-" }, { NULL }, true, WIRE_RUN_LONG_S },
	{ "file-append", { "dd", "status=none", "conv=notrunc,fsync", "oflag=seek_bytes" }, { NULL }, true, WIRE_RUN_LONG_S },
	{ "file-time", { "touch", "-h", "-c" }, { NULL }, true, 0 },
	{ "file-owner", { "chown" }, { NULL }, true, 0 },
	{ "mailmanctl", { "*/bin/mailmanctl" }, { NULL }, true, 120 },
	{ "backup-restore", { "*/mailhaul-restore" }, { NULL }, true, WIRE_RUN_LONG_S },
	{ "process-end", { "kill", "-TERM" }, { NULL }, true, 0 },
	{ "file-sync", { "sync", "-f" }, { NULL }, true, WIRE_RUN_LONG_S },
};
/* clang-format on */

static const struct command *find(struct span name)
{
	for (size_t i = 0; i < ROWS(commands); i++)
		if (span_is(name, commands[i].name))
			return &commands[i];
	return NULL;
}

int agent_check_program(const char *row, const char *end, struct span path, struct error *err)
{
	AUTO_FREE char *name = span_dup(path);
	struct stat known;

	if (!span_starts(path, "/") || !span_ends(path, end) || span_find_text(path, "/../") >= 0)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
		                 "%s: \"%s\" is not its path", row, name);
	if (stat(name, &known) < 0)
		return error_system(err, "%s", name);
	if (!S_ISREG(known.st_mode) || known.st_mode & S_IWOTH)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
		                 "%s: anybody may change it, or it is no file: not run", name);
	return 0;
}

/* The row's words for this host; those made for a folder are owned by `made`. */
static int row_words(const struct agent *a, const struct command *c, struct strings *made,
                     struct error *err)
{
	const char *const *words = agent_is_folder(a) ? c->folder_argv : c->argv;

	if (!words[0])
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, EOPNOTSUPP,
		                 "%s can't be asked of a folder", c->name);
	for (size_t i = words[0][0] == '*'; words[i]; i++) {
		if (words[i][0] == '@')
			strings_addf(made, "%s%s", a->root, words[i] + 1);
		else
			strings_add(made, words[i]);
	}
	return 0;
}

int agent_run(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	AUTO_STRINGS struct strings words = { 0 };
	AUTO_PROCESS_RESULT struct process_result result = { 0 };
	struct process_options options = { 0 };
	struct span name = wire_get_span(r);
	uint64_t n = wire_get_u64(r);
	const struct command *c = find(name);

	if (!c)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
		                 "no such command row: %.*s", (int)name.n, name.p);
	if (c->control && !a->control)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
		                 "%s changes the host, and this agent was started read-only",
		                 c->name);
	if (n > ARGUMENTS_MAX)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0, "%s: %llu arguments",
		                 c->name, (unsigned long long)n);
	if (row_words(a, c, &words, err) < 0)
		return -1;
	if (c->argv[0][0] == '*' && !n)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0, "%s: where is it?",
		                 c->name);
	for (uint64_t i = 0; i < n; i++) {
		struct span word = wire_get_span(r);

		if (i == 0 && c->argv[0][0] == '*' &&
		    agent_check_program(c->name, c->argv[0] + 1, word, err) < 0)
			return -1;
		strings_add_span(&words, word);
	}
	options.input = wire_get_span(r);
	options.timeout_ms = c->timeout_s * 1000;
	options.limit = WIRE_BODY_MAX - (128u << 10);
	if (wire_read_end(r, "command", err) < 0)
		return -1;

	AUTO_FREE const char **argv = xcalloc(words.n + 1, sizeof *argv);
	for (size_t i = 0; i < words.n; i++)
		argv[i] = words.rows[i];
	if (process_run(argv, &options, &result, err) < 0)
		return -1;
	wire_put_u64(end, (uint64_t)result.status);
	wire_put_span(end, buf_span(&result.out));
	wire_put_span(end, buf_span(&result.errors));
	wire_put_u64(end, result.cut);
	return 0;
}
