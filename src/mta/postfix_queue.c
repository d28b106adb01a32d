/* SPDX-License-Identifier: BSD-2-Clause */
#include "mta/postfix.h"

#include "base/memory.h"
#include "mta/postfix_settings.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

#define HASH_DEPTH_MAX 4u /* hash_queue_depth: levels of folders below a queue */

const char *postfix_id_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool postfix_queue_path_good(const char *path)
{
	size_t depth = 1;

	if (!*path || strlen(path) > 90 || *path == '/')
		return false;
	for (const char *c = path; *c; c++) {
		char l = ascii_lower(*c);

		if (*c == '/') {
			if (c[1] == '/' || !c[1] || ++depth > HASH_DEPTH_MAX + 2)
				return false;
		} else if (!((l >= 'a' && l <= 'z') || (*c >= '0' && *c <= '9'))) {
			return false;
		}
	}
	return true;
}

int postfix_queue_dir(struct host *h, char **out, struct error *err)
{
	AUTO_MTA_FACTS struct mta_facts f = { 0 };
	AUTO_BUF struct buf text = { 0 };

	if (host_do(h, "postfix-settings", NULL, SPAN(""), &text, err) < 0)
		return -1;
	postfix_settings_parse(&f, buf_span(&text), false);
	*out = mta_setting_expanded(&f, "queue_directory");
	return 0;
}

int postfix_list_queue(struct host *h, const char *queue_dir, const char *queue,
                       struct host_listing *out, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s", queue_dir, queue);
	AUTO_LISTING struct host_listing l = { 0 };
	struct error why = { 0 };
	size_t kept = 0;

	if (host_list(h, path, HASH_DEPTH_MAX + 1, &l, &why) < 0) {
		if (why.sys_errno == ENOENT) {
			*out = (struct host_listing){ 0 };
			return 0;
		}
		*err = why;
		return error_context(err, "queue %s", queue);
	}
	for (size_t i = 0; i < l.n; i++) {
		if (S_ISREG(l.rows[i].mode)) {
			struct host_entry moved = l.rows[kept];

			l.rows[kept++] = l.rows[i];
			l.rows[i] = moved;
		}
	}
	for (size_t i = kept; i < l.n; i++) {
		free(l.rows[i].path);
		free(l.rows[i].target);
	}
	l.n = kept;
	*out = l;
	l = (struct host_listing){ 0 };
	return 0;
}

/* ── counting files ──────────────────────────────────────────────────────────────────────────── */

static int count_queue(struct host *h, const char *queue_dir, const char *queue, uint64_t *whole,
                       uint64_t *unfinished, struct error *err)
{
	AUTO_LISTING struct host_listing l = { 0 };

	if (postfix_list_queue(h, queue_dir, queue, &l, err) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++)
		++*(postfix_is_whole(l.rows[i].mode) ? whole : unfinished);
	return 0;
}

static int count_all(struct host *h, const char *queue_dir, struct mta_counts *out,
                     struct error *err)
{
	struct mta_counts c = { 0 };
	const struct {
		const char *queue;
		uint64_t *count;
	} queues[] = {
		/* in the order that a new message takes: one that moves on meanwhile is counted twice
		 * rather than missed */
		{ "maildrop", &c.maildrop }, { "incoming", &c.incoming }, { "active", &c.active },
		{ "deferred", &c.deferred }, { "hold", &c.hold },
	};

	for (size_t i = 0; i < ROWS(queues); i++)
		if (count_queue(h, queue_dir, queues[i].queue, queues[i].count, &c.unfinished,
		                err) < 0)
			return -1;
	*out = c;
	return 0;
}

int postfix_counts(struct host *h, struct mta_counts *out, struct error *err)
{
	AUTO_FREE char *queue_dir = NULL;

	if (postfix_queue_dir(h, &queue_dir, err) < 0 || count_all(h, queue_dir, out, err) < 0)
		return -1;
	/* a deferred message on its way back to incoming may have passed between two looks: "empty"
	 * is what decisions rest on, so it is said after a second look only */
	return mta_counts_total(out) ? 0 : count_all(h, queue_dir, out, err);
}

/* ── the messages ────────────────────────────────────────────────────────────────────────────── */

static struct mta_queued *add_row(struct mta_queue *q, const char *queue, const char *id)
{
	ARRAY_GROW(q->rows, q->n, q->room);
	q->rows[q->n] = (struct mta_queued){ .queue = xstrdup(queue), .id = xstrdup(id) };
	return &q->rows[q->n++];
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static void free_json(json_t **json)
{
	json_decref(*json);
}

static bool parse_line(struct span line, struct mta_queue *out)
{
	__attribute__((cleanup(free_json)))
	json_t *row = json_loadb(line.p, line.n, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
	const char *id = text_of(row, "queue_id");
	json_t *recipients = json_object_get(row, "recipients"), *recipient;
	struct mta_queued *q;
	size_t i;

	if (!row || !*id || out->n >= POSTFIX_ROWS_MAX)
		return false;
	q = add_row(out, text_of(row, "queue_name"), id);
	q->sender = xstrdup(
		strcmp(text_of(row, "sender"), "MAILER-DAEMON") != 0 ? text_of(row, "sender") : "");
	q->arrived_ms = json_integer_value(json_object_get(row, "arrival_time")) * 1000;
	q->size = (uint64_t)json_integer_value(json_object_get(row, "message_size"));
	json_array_foreach (recipients, i, recipient)
		strings_add(&q->recipients, text_of(recipient, "address"));
	return true;
}

size_t postfix_queue_parse(struct span text, struct mta_queue *out)
{
	struct span line;
	size_t bad = 0;

	while (span_next_line(&text, &line))
		if (span_trim(line).n && !parse_line(line, out))
			bad++;
	return bad;
}

/* From the spool's files alone: no senders and recipients, but it works on what does not run. */
static int read_spool(struct host *h, struct mta_queue *out, struct error *err)
{
	static const char *const queues[] = { "maildrop", "incoming", "active", "deferred",
		                              "hold" };
	AUTO_FREE char *queue_dir = NULL;

	if (postfix_queue_dir(h, &queue_dir, err) < 0)
		return -1;
	for (size_t i = 0; i < ROWS(queues); i++) {
		AUTO_LISTING struct host_listing l = { 0 };

		if (postfix_list_queue(h, queue_dir, queues[i], &l, err) < 0)
			return -1;
		for (size_t j = 0; j < l.n; j++) {
			struct mta_queued *q;

			if (!postfix_is_whole(l.rows[j].mode)) {
				out->unfinished++;
				continue;
			}
			q = add_row(out, queues[i], postfix_id_of(l.rows[j].path));
			q->size = l.rows[j].size;
			q->arrived_ms = l.rows[j].mtime_ns / 1000000;
		}
	}
	return 0;
}

int postfix_queue(struct host *h, struct mta_queue *out, struct error *err)
{
	AUTO_MTA_QUEUE struct mta_queue q = { 0 };
	AUTO_BUF struct buf text = { 0 };
	struct error why = { 0 };
	struct mta_counts c;

	/* -j came with Postfix 3.1; a very long queue does not fit one answer */
	if (host_reach(h) != HOST_FOLDER &&
	    host_do(h, "postfix-queue", NULL, SPAN(""), &text, &why) == 0) {
		(void)postfix_queue_parse(buf_span(&text), &q);
		if (postfix_counts(h, &c, err) < 0)
			return -1;
		q.unfinished = c.unfinished;
	} else if (why.retry == ERROR_RETRY_REACH) {
		*err = why;
		return -1;
	} else if (read_spool(h, &q, err) < 0) {
		return -1;
	}
	*out = q;
	q = (struct mta_queue){ 0 };
	return 0;
}
