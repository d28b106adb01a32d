/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/steps.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"

#include <jansson.h>
#include <string.h>

#define PROC_UNIX_MOST (64u << 20) /* octets */

/* Sockets below the queues are bound by relative paths, so the kernel's list does not tell them. A queue
 * holds nothing that a daemon has to find again: folders stay. */
static const char sockets_script[] =
	"find /var/spool /var/lib -xdev -type s -delete 2>/dev/null || :\n"
	"if q=$(postconf -h queue_directory 2>/dev/null) && [ -d \"$q\" ]; then\n"
	"	find \"$q\" -type s -delete\n"
	"fi\n";
static const char clear_script[] =
	"if q=$(postconf -h queue_directory 2>/dev/null) && [ -d \"$q\" ]; then\n"
	"	cd \"$q\"\n"
	"	for d in incoming active deferred hold maildrop defer bounce corrupt flush saved "
	"trace; do\n"
	"		[ ! -d $d ] || find $d -type f -delete\n"
	"	done\n"
	"fi\n"
	"for d in /var/spool/exim4 /var/spool/exim; do\n"
	"	for e in input msglog; do [ ! -d $d/$e ] || find $d/$e -type f -delete; done\n"
	"done\n"
	"[ ! -d /var/spool/mqueue ] || find /var/spool/mqueue -type f -delete\n";

/* Every sealed host has its own of these. */
static bool is_own(struct span path)
{
	static const char *const own[] = {
		"/run/", "/var/run/", "/tmp/", "/dev/", "/proc/", "/sys/"
	};

	for (size_t i = 0; i < ROWS(own); i++)
		if (span_starts(path, own[i]))
			return true;
	return false;
}

/* Paths of sockets that programs of this host have, with a NUL behind each (proc_net(5), "unix"). */
static size_t list_sockets(struct span proc_net_unix, struct buf *out)
{
	struct span line;
	size_t n = 0;

	while (span_next_line(&proc_net_unix, &line)) {
		ssize_t at = span_find_text(line, " /");

		if (at < 0 || is_own(span_from(line, (size_t)at + 1)))
			continue;
		buf_add_span(out, span_from(line, (size_t)at + 1));
		buf_add_char(out, '\0');
		n++;
	}
	return n;
}

int queues_clear_sockets(struct stage *stage, struct strings *notes, struct error *err)
{
	static const char *const remove[] = { "xargs", "-0", "-r", "rm", "-f", "--", NULL };
	AUTO_BUF struct buf text = { 0 }, paths = { 0 };
	AUTO_PROCESS_RESULT struct process_result r = { 0 };
	size_t n;

	if (file_read("/proc/net/unix", PROC_UNIX_MOST, &text, err) < 0)
		return -1;
	n = list_sockets(buf_span(&text), &paths);
	if (n && (stage_run(stage, remove, &(struct process_options){ .input = buf_span(&paths) },
	                    &r, err) < 0 ||
	          process_expect_good(remove, &r, err) < 0))
		return -1;
	if (n)
		strings_addf(notes, "%zu sockets of running programs are not in the copy", n);
	return stage_script(stage, sockets_script, 0, NULL, err);
}

int queues_clear(struct stage *stage, struct strings *notes, struct error *err)
{
	if (queues_clear_sockets(stage, notes, err) < 0)
		return -1;
	return stage_script(stage, clear_script, 0, NULL, err);
}

void queued_fini(struct queued_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->rows[i].sender);
		free(l->rows[i].recipient);
		free(l->rows[i].reason);
	}
	free(l->rows);
	*l = (struct queued_list){ 0 };
}

static const char *text_of(json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

/* One line of postqueue(1) -j. */
static void add_message(struct queued_list *out, struct span line)
{
	json_t *m = json_loadb(line.p, line.n, 0, NULL), *one;
	size_t i;

	json_array_foreach (json_object_get(m, "recipients"), i, one) {
		ARRAY_GROW(out->rows, out->n, out->room);
		out->rows[out->n++] = (struct queued){
			.sender = xstrdup(text_of(m, "sender")),
			.recipient = xstrdup(text_of(one, "address")),
			.reason = xstrdup(text_of(one, "delay_reason")),
			.deferred = strcmp(text_of(m, "queue_name"), "deferred") == 0,
		};
	}
	json_decref(m);
}

int queues_read(struct stage *stage, struct queued_list *out, struct error *err)
{
	static const char *const argv[] = { "postqueue", "-j", NULL };
	/* 127: there is none. Mail that was handed in and not taken up yet is in no list */
	static const char maildrop[] = "command -v postqueue >/dev/null || exit 0; "
				       "find \"$(postconf -h queue_directory)/maildrop\" -type f";
	AUTO_PROCESS_RESULT struct process_result r = { 0 };
	AUTO_BUF struct buf dropped = { 0 };
	struct span rest, line;

	if (stage_script(stage, maildrop, 0, &dropped, err) < 0 ||
	    stage_run(stage, argv, NULL, &r, err) < 0)
		return -1;
	if (r.status == 127)
		return 0;
	if (process_expect_good(argv, &r, err) < 0)
		return -1;
	for (rest = buf_span(&r.out); span_next_line(&rest, &line);)
		add_message(out, line);
	for (rest = buf_span(&dropped); span_next_line(&rest, &line);) {
		ARRAY_GROW(out->rows, out->n, out->room);
		out->rows[out->n++] = (struct queued){ xstrdup(""), xstrdup(""),
			                               xstrdup("not taken up"), false };
	}
	return 1;
}

void queues_flush(struct stage *stage)
{
	struct error err = { 0 };

	/* nothing to flush, or no such program: then nothing moves, which is seen */
	(void)!stage_script(stage, "postqueue -f 2>/dev/null || :", 0, NULL, &err);
}
