/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/queue.h"

#include "base/memory.h"
#include "lists/ahead.h"
#include "lists/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TEXT_MAX (1ull << 30) /* octets of one message */

/* In the order of a message's way. */
static const struct {
	enum lists_path queue;
	const char *name;
} queues[] = {
	{ LISTS_INQUEUE_DIR, "in" },          { LISTS_CMDQUEUE_DIR, "commands" },
	{ LISTS_BOUNCEQUEUE_DIR, "bounces" }, { LISTS_VIRGINQUEUE_DIR, "virgin" },
	{ LISTS_OUTQUEUE_DIR, "out" },        { LISTS_RETRYQUEUE_DIR, "retry" },
	{ LISTS_ARCHQUEUE_DIR, "archive" },   { LISTS_NEWSQUEUE_DIR, "news" },
	{ LISTS_SHUNTQUEUE_DIR, "shunt" },    { LISTS_BADQUEUE_DIR, "bad" },
};

static const struct {
	const char *extension, *name;
	enum lists_queue_state state;
} states[] = {
	{ ".pck", "waits", LISTS_QUEUE_WAITS },    { ".bak", "in work", LISTS_QUEUE_IN_WORK },
	{ ".psv", "put aside", LISTS_QUEUE_KEPT }, { ".tmp", "torn", LISTS_QUEUE_TORN },
	{ ".db", "old form", LISTS_QUEUE_OLD },    { ".msg", "old form", LISTS_QUEUE_OLD },
	{ "", "foreign", LISTS_QUEUE_FOREIGN },
};

const char *lists_queue_state_name(enum lists_queue_state state)
{
	for (size_t i = 0; i < ROWS(states); i++)
		if (states[i].state == state)
			return states[i].name;
	return "";
}

const char *lists_queue_name(enum lists_path queue)
{
	for (size_t i = 0; i < ROWS(queues); i++)
		if (queues[i].queue == queue)
			return queues[i].name;
	return "";
}

void lists_queued_fini(struct lists_queued *q)
{
	free(q->name);
	free(q->list);
	free(q->message_id);
	free(q->sender);
	free(q->subject);
	free(q->goes_back);
	free(q->problem);
	*q = (struct lists_queued){ 0 };
}

static void set_problem(struct lists_queued *q, const char *words)
{
	if (!q->problem)
		q->problem = xstrdup(words);
}

/* TIME+40 hex digits.EXTENSION, and nothing else: a runner breaks on a .pck without one "+". */
static void look_at_name(struct lists_queued *q)
{
	struct span name = span_of(q->name), hash;
	ssize_t plus = span_find(name, '+'), dot;
	char *end;

	for (size_t i = 0; i < ROWS(states) && !q->state; i++)
		if (span_ends(name, states[i].extension))
			q->state = states[i].state;
	if (plus < 0 || span_find(span_from(name, (size_t)plus + 1), '+') >= 0) {
		if (q->state == LISTS_QUEUE_WAITS || q->state == LISTS_QUEUE_IN_WORK)
			set_problem(q, "the runner of this queue breaks on such a name");
		return;
	}
	q->at = strtod(q->name, &end);
	hash = span_from(name, (size_t)plus + 1);
	dot = span_find(hash, '.');
	if (end != q->name + plus || dot != 40)
		q->at = 0;
}

static char *dup_string(struct value v)
{
	AUTO_BUF struct buf text = { 0 };
	struct span s;

	if (!value_get_chars(v, &s))
		return NULL;
	buf_add_printable(&text, s);
	return buf_take(&text);
}

static char *dup_header(struct value message, const char *name)
{
	AUTO_BUF struct buf raw = { 0 }, text = { 0 };

	if (!lists_message_header(message, name, &raw))
		return NULL;
	buf_add_printable(&text, buf_span(&raw));
	return buf_take(&text);
}

static void look_at_metadata(struct lists_queued *q, struct value metadata)
{
	struct value parse = value_dict_find(metadata, SPAN("_parsemsg"));
	bool says_text = false;

	q->list = dup_string(value_dict_find(metadata, SPAN("listname")));
	q->goes_back = dup_string(value_dict_find(metadata, SPAN("whichq")));
	q->recipients = value_count(value_dict_find(metadata, SPAN("recips")));
	if (value_get_bool(parse, &says_text) && says_text != q->is_text)
		set_problem(q, says_text
		                       ? "is parsed, and says that it is text"
		                       : "is text, and says that it is parsed: a runner shunts it");
}

static void look_at_content(struct lists_queued *q, const struct value_file *f)
{
	struct value message = f->n ? f->rows[0] : (struct value){ 0 };
	struct span text;

	q->is_text = value_get_chars(message, &text);
	q->message_id = dup_header(message, "message-id");
	q->sender = dup_header(message, "from");
	q->subject = dup_header(message, "subject");
	if (f->n > 1)
		look_at_metadata(q, f->rows[1]);
}

static char *path_of(const struct lists_site *site, const struct lists_queued *q)
{
	return lists_paths_join(site->paths, q->queue, q->name);
}

/* What is a pickle, or (.msg, until 2.1.4) a text; takes the octets. */
static int parse_file(const char *name, struct buf *octets, struct value_file *f, struct error *err)
{
	if (!span_ends(span_of(name), ".msg"))
		return lists_file_parse(octets, f, err);
	*f = (struct value_file){ .arena = value_arena_new() };
	ARRAY_GROW(f->rows, f->n, f->room);
	f->rows[f->n++] = value_str(f->arena, buf_span(octets));
	return 0;
}

/* "BASE.db" of "BASE.pck": until 2.1.4 the metadata has a file of its own. */
static char *metadata_path(const char *path)
{
	const char *dot = strrchr(path, '.');

	return xasprintf("%.*s.db", (int)(dot ? dot - path : (ptrdiff_t)strlen(path)), path);
}

static bool has_metadata(const struct host_listing *files, const char *name)
{
	AUTO_FREE char *metadata = metadata_path(name);

	return lists_entry(files, metadata) != NULL;
}

/* The files of one queue that are to be read, and whose they are. */
struct steps {
	struct lists_site *site;
	struct strings paths;
	struct step {
		size_t row; /* of site->queue */
		bool is_metadata;
		bool is_pair; /* a message whose metadata stands elsewhere */
	} * rows;
	size_t n, room;
};

static void steps_fini(struct steps *s)
{
	strings_fini(&s->paths);
	free(s->rows);
}
#define AUTO_STEPS __attribute__((cleanup(steps_fini)))

static void add_step(struct steps *s, size_t row, const char *path, bool metadata, bool pair)
{
	strings_add(&s->paths, path);
	ARRAY_GROW(s->rows, s->n, s->room);
	s->rows[s->n++] = (struct step){ row, metadata, pair };
}

static void plan(struct steps *s, size_t row, const struct host_listing *files)
{
	struct lists_queued *q = &s->site->queue[row];
	AUTO_FREE char *path = path_of(s->site, q);
	bool alone = span_ends(span_of(q->name), ".db"), pair = has_metadata(files, q->name);

	look_at_name(q);
	if (q->state == LISTS_QUEUE_FOREIGN)
		return;
	if (alone)
		set_problem(q, "its message is not there");
	else
		add_step(s, row, path, false, pair);
	if (pair) {
		AUTO_FREE char *metadata = metadata_path(path);

		q->state = LISTS_QUEUE_OLD;
		add_step(s, row, metadata, true, true);
	}
}

static void take(void *context, size_t at, struct buf *octets, const struct error *failed)
{
	struct steps *s = context;
	const struct step *step = &s->rows[at];
	struct lists_queued *q = &s->site->queue[step->row];
	AUTO_VALUE_FILE struct value_file f = { 0 };
	struct error err = { 0 };

	if (!octets) {
		set_problem(q, failed->text);
		return;
	}
	if (parse_file(s->paths.rows[at], octets, &f, &err) < 0)
		set_problem(q, err.text);
	if (step->is_metadata) {
		if (f.n)
			look_at_metadata(q, f.rows[0]);
		return;
	}
	look_at_content(q, &f);
	if (!step->is_pair && f.n != 2 && !f.is_torn)
		set_problem(q, f.n < 2 ? "has no metadata" : "has more than two pickles");
}

/* The metadata of a pair is told of with its message. */
static bool is_told_with_another(const struct host_listing *files, const char *name)
{
	static const char *const messages[] = { ".pck", ".msg" };
	struct span s = span_of(name);

	for (size_t i = 0; span_ends(s, ".db") && i < ROWS(messages); i++) {
		AUTO_FREE char *other = xasprintf("%.*s%s", (int)(s.n - 3), name, messages[i]);

		if (lists_entry(files, other))
			return true;
	}
	return false;
}

static int read_one(struct lists_site *site, enum lists_path queue, struct error *err)
{
	AUTO_LISTING struct host_listing files = { 0 };
	AUTO_STEPS struct steps steps = { .site = site };
	const char *path = site->paths->value[queue];

	if (!path)
		return 0;
	if (lists_listing(site->h, path, 1, &files, err) < 0) {
		if (lists_is_unreached(err))
			return -1;
		/* those that need not be shared are made when they are first used */
		if (err->sys_errno != ENOENT || lists_path_kinds[queue].share == LISTS_SHARE_MUST)
			lists_findings_add(&site->findings, lists_path_kinds[queue].name, NULL,
			                   "%s", err->text);
		return 0;
	}
	for (size_t i = 0; i < files.n; i++) {
		const struct host_entry *e = &files.rows[i];

		if (!S_ISREG(e->mode) || !*e->path || is_told_with_another(&files, e->path))
			continue;
		ARRAY_GROW(site->queue, site->queue_n, site->queue_room);
		site->queue[site->queue_n++] = (struct lists_queued){ .queue = queue,
			                                              .name = xstrdup(e->path),
			                                              .size = e->size };
		plan(&steps, site->queue_n - 1, &files);
	}
	return lists_read_ahead(site->h, &steps.paths, TEXT_MAX, take, &steps, err);
}

int lists_queue_read(struct lists_site *site, struct error *err)
{
	for (size_t i = 0; i < ROWS(queues); i++)
		if (read_one(site, queues[i].queue, err) < 0)
			return -1;
	return 0;
}

enum lists_message_form lists_queued_text(const struct lists_site *site,
                                          const struct lists_queued *q, struct buf *out)
{
	AUTO_VALUE_FILE struct value_file f = { 0 };
	AUTO_BUF struct buf octets = { 0 };
	AUTO_FREE char *path = path_of(site, q);
	struct error err = { 0 };

	if (host_read(site->h, path, TEXT_MAX, &octets, &err) < 0)
		return LISTS_MESSAGE_NONE;
	if (parse_file(q->name, &octets, &f, &err) < 0 && !f.n)
		return LISTS_MESSAGE_NONE;
	return f.n ? lists_message_text(f.rows[0], out) : LISTS_MESSAGE_NONE;
}
