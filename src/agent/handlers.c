/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent/agent.h"

#include "base/clock.h"
#include "base/file.h"
#include "wire/mailbox.h"
#include "wire/stream.h"
#include "wire/tree.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

/* What tells this host from another that runs now: two namespaces on one kernel differ too. */
static void name_instance(struct agent *a, struct buf *out)
{
	AUTO_BUF struct buf boot = { 0 };
	struct error ignored;
	struct stat st;

	if (agent_is_folder(a)) {
		if (fstat(a->rootfd, &st) == 0)
			buf_addf(out, "folder %llx:%llx", (unsigned long long)st.st_dev,
			         (unsigned long long)st.st_ino);
		return;
	}
	if (file_read("/proc/sys/kernel/random/boot_id", 100, &boot, &ignored) == 0)
		buf_add_span(out, span_trim(buf_span(&boot)));
	if (stat("/proc/self/ns/mnt", &st) == 0)
		buf_addf(out, " %llx", (unsigned long long)st.st_ino);
}

static int hello(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	uint64_t version = wire_get_u64(r), wanted;
	AUTO_BUF struct buf machine = { 0 }, instance = { 0 }, hostname = { 0 }, system = { 0 };
	struct error ignored;
	struct utsname u;

	wanted = r->rest.n ? wire_get_u64(r) : 0;
	if (wire_read_end(r, "greeting", err) < 0)
		return -1;
	if (version != WIRE_VERSION)
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, 0,
		                 "this agent speaks version %u of the wire, mailhaul %llu",
		                 WIRE_VERSION, (unsigned long long)version);
	uname(&u);
	buf_addf(&system, "%s %s %s", u.sysname, u.release, u.machine);
	if (!agent_is_folder(a))
		buf_add_text(&hostname, u.nodename);
	else if (file_read_below(a->rootfd, "etc/hostname", 300, &hostname, &ignored) < 0)
		buf_add_text(&hostname, "folder");
	/* both are there on systems with systemd or D-Bus; older ones have neither */
	if (file_read_below(a->rootfd, "etc/machine-id", 100, &machine, &ignored) < 0)
		(void)!file_read_below(a->rootfd, "var/lib/dbus/machine-id", 100, &machine,
		                       &ignored);
	name_instance(a, &instance);
	a->features = wanted & WIRE_FEATURE_ZSTD;
	wire_put_hello(end, &(struct wire_hello){
				    .version = WIRE_VERSION,
				    .hostname = span_trim(buf_span(&hostname)),
				    .machine_id = span_trim(buf_span(&machine)),
				    .instance = buf_span(&instance),
				    .system = buf_span(&system),
				    .uid = geteuid(),
				    .control = a->control,
				    .now_ms = (uint64_t)clock_wall_ms(),
				    .features = a->features,
			    });
	return 0;
}

/* To add a request, add a row. */
static const struct agent_handler handlers[] = {
	{ WIRE_HELLO, "HELLO", false, hello },
	{ WIRE_RUN, "RUN", false, agent_run }, /* each command's row says if it needs control */
	{ WIRE_READ, "READ", false, agent_read },
	{ WIRE_LIST, "LIST", false, agent_list },
	{ WIRE_SPACE, "SPACE", false, agent_space },
	{ WIRE_LIMITS, "LIMITS", false, agent_limits },
	{ WIRE_LISTENERS, "LISTENERS", false, agent_listeners },
	{ WIRE_PROCESSES, "PROCESSES", false, agent_processes },
	{ WIRE_SESSIONS, "SESSIONS", false, agent_sessions },
	{ WIRE_WRITE, "WRITE", true, agent_write },
	{ WIRE_RENAME, "RENAME", true, agent_rename },
	{ WIRE_MKDIR, "MKDIR", true, agent_mkdir },
	{ WIRE_MAIL_SCAN, "MAIL_SCAN", false, agent_mail_scan },
	{ WIRE_MAIL_FIND, "MAIL_FIND", false, agent_mail_find },
	{ WIRE_MAIL_SIGN, "MAIL_SIGN", false, agent_mail_sign },
	{ WIRE_MAIL_FETCH, "MAIL_FETCH", false, agent_mail_fetch },
	{ WIRE_MBOX_FETCH, "MBOX_FETCH", false, agent_mbox_fetch },
	{ WIRE_MBOX_SCAN, "MBOX_SCAN", false, agent_mbox_scan },
	{ WIRE_MBOX_GROW, "MBOX_GROW", true, agent_mbox_grow },
	{ WIRE_MAIL_STORE, "MAIL_STORE", true, agent_mail_store },
	{ WIRE_MAIL_COMMIT, "MAIL_COMMIT", true, agent_mail_commit },
	{ WIRE_MAIL_BRING, "MAIL_BRING", true, agent_mail_bring },
	{ WIRE_MAIL_CHANGE, "MAIL_CHANGE", true, agent_mail_change },
	{ WIRE_MBOX_APPEND, "MBOX_APPEND", true, agent_mbox_append },
	{ WIRE_TREE_SCAN, "TREE_SCAN", false, agent_tree_scan },
	{ WIRE_TREE_FETCH, "TREE_FETCH", false, agent_tree_fetch },
	{ WIRE_TREE_STORE, "TREE_STORE", true, agent_tree_store },
	{ WIRE_TREE_COMMIT, "TREE_COMMIT", true, agent_tree_commit },
	{ WIRE_ANNOUNCE, "ANNOUNCE", true, agent_announce },
	{ WIRE_DAEMON, "DAEMON", true, agent_daemon },
	/* each stream's row says if it needs control */
	{ WIRE_STREAM_START, "STREAM_START", false, agent_stream_start },
	{ WIRE_STREAM_EXCHANGE, "STREAM_EXCHANGE", false, agent_stream_exchange },
	{ WIRE_STREAM_STOP, "STREAM_STOP", false, agent_stream_stop },
};

/* Those that read much, and that nobody waits for: they rest when the host is above its bounds. */
static const enum wire_kind patient[] = { WIRE_MAIL_SCAN, WIRE_MAIL_FETCH, WIRE_MBOX_FETCH };

bool agent_may_rest(enum wire_kind kind)
{
	for (size_t i = 0; i < ROWS(patient); i++)
		if (patient[i] == kind)
			return true;
	return false;
}

const struct agent_handler *agent_handler_find(enum wire_kind kind)
{
	for (size_t i = 0; i < ROWS(handlers); i++)
		if (handlers[i].kind == kind)
			return &handlers[i];
	return NULL;
}
