/* SPDX-License-Identifier: BSD-2-Clause */

/* trace_logs -- what the logs of a Mailman tell of a message: lines that have its Message-ID in them;
 * and, by process and time, those that belong to these. */

#include "lists/trace.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define NEAR_S 5       /* between an exception, and the line that says what became of the message */
#define BEFORE_S 3600  /* before its first trace and behind its last, locks and runners matter */
#define AROUND_MAX 10u /* lines of locks, and of runners, that are told */
#define WORDS_MAX 600u /* octets of one line that are told */

/* What is known while the logs of a host are read. */
struct reading {
	struct lists_trace *t;
	const struct lists_trace_host *host;
	enum lists_log log;
	const char *path;
	struct lists_log_clock clock;
	/* the last exception in the error log */
	struct buf exception;
	uint64_t exception_pid, exception_offset;
	int64_t exception_at;
	/* recipients that the next lines of a process are about */
	uint64_t failing_pid, failing;
	int64_t failing_at;
	int64_t first, last; /* of all that is known of it, seconds since 1970 */
	size_t around;       /* lines told of this log */
};

static void add_line(struct reading *r, uint64_t offset, int64_t at, struct span words)
{
	struct lists_trace_row *row = lists_trace_add(r->t, r->host->name, lists_log_name(r->log),
	                                              1000 * at, r->path);
	AUTO_BUF struct buf what = { 0 }, line = { 0 };
	struct span rest = words, part;

	while (span_next_line(&rest, &part) && line.n < WORDS_MAX) {
		part = span_trim(part);
		if (line.n && part.n)
			buf_add_text(&line, " / ");
		buf_add_span(&line, part);
	}
	buf_add_printable(&what, buf_span(&line));
	row->place = xasprintf("octet %llu", (unsigned long long)offset);
	row->what = buf_take(&what);
}

static bool is_of_id(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       memchr(".@_+-=$%!#&*/", c, 13);
}

/* The id as a word of its own: "a@x" is not in "aa@x". */
static bool has_id(struct span text, struct span id)
{
	const char *p = text.p, *end = text.p + text.n;

	while ((p = memmem(p, (size_t)(end - p), id.p, id.n))) {
		const char *behind = p + id.n;

		if ((p == text.p || !is_of_id(p[-1])) && (behind == end || !is_of_id(*behind)))
			return true;
		p++;
	}
	return false;
}

static bool is_known_base(const struct lists_trace *t, struct span base)
{
	AUTO_FREE char *text = span_dup(base);
	double at = strtod(text, NULL);

	for (size_t i = 0; i < t->bases_n; i++)
		if (at > 0 && t->bases[i] >= at && t->bases[i] <= at)
			return true;
	return false;
}

/* "2 failures" */
static uint64_t failures_of(struct span words)
{
	struct span rest = words, number, word;
	uint64_t n;

	return span_next_word(&rest, &number) && span_next_word(&rest, &word) &&
	                       span_starts(word, "failure") && span_parse_u64(number, &n)
	               ? n
	               : 0;
}

static void take_error(struct reading *r, const struct lists_log_record *record,
                       const struct lists_log_event *e, int64_t at)
{
	if (e->kind == LISTS_LOG_EXCEPTION) {
		buf_reset(&r->exception);
		buf_add_span(&r->exception, record->text);
		r->exception_pid = record->pid;
		r->exception_offset = record->offset;
		r->exception_at = at;
	}
	if (!e->base.n || !is_known_base(r->t, e->base))
		return;
	if (r->exception.n && r->exception_pid == record->pid && at - r->exception_at <= NEAR_S)
		add_line(r, r->exception_offset, r->exception_at, buf_span(&r->exception));
	add_line(r, record->offset, at, record->text);
}

/* "list address", as both the line of the holding and that of the decision have it. */
static char *sender_of(const struct lists_log_event *e)
{
	AUTO_FREE char *list = span_dup(e->list), *sender = span_dup(e->sender);

	for (char *p = list; *p; p++)
		*p = ascii_lower(*p);
	for (char *p = sender; *p; p++)
		*p = ascii_lower(*p);
	return xasprintf("%s %s", list, sender);
}

/* A moderator's no names the sender, and not the message. */
static void take_decision(void *context, const struct lists_log_record *record)
{
	struct reading *r = context;
	struct lists_log_event e = { 0 };
	AUTO_BUF struct buf words = { 0 };
	AUTO_FREE char *sender = NULL;
	int64_t at = 0;

	if (!lists_log_event(r->log, record->text, &e) || e.kind != LISTS_LOG_DECIDED)
		return;
	sender = sender_of(&e);
	if (!strings_has(&r->t->senders, sender) ||
	    !lists_log_time(&r->clock, record->stamp, &at) || at < r->first)
		return;
	buf_add_text(&words, "of this sender, maybe about another post: ");
	buf_add_span(&words, record->text);
	add_line(r, record->offset, at, buf_span(&words));
}

static void take_record(void *context, const struct lists_log_record *record)
{
	struct reading *r = context;
	struct lists_log_event e = { 0 };
	bool is_event = lists_log_event(r->log, record->text, &e), told;
	int64_t at = 0;

	told = e.id.n ? span_equal(e.id, r->t->id) : has_id(record->text, r->t->id);
	if (!told && r->log != LISTS_LOG_ERROR && r->log != LISTS_LOG_SMTP_FAILURE)
		return;
	(void)lists_log_time(&r->clock, record->stamp, &at);
	if (told) {
		add_line(r, record->offset, at, record->text);
		if (is_event && e.list.n)
			lists_trace_add_list(r->t, e.list);
		if (e.kind == LISTS_LOG_HELD) {
			AUTO_FREE char *sender = sender_of(&e);

			strings_add(&r->t->senders, sender);
		}
		if (e.kind == LISTS_LOG_POSTED && failures_of(e.words)) {
			r->failing = failures_of(e.words);
			r->failing_pid = record->pid;
			r->failing_at = at;
		}
	} else if (r->log == LISTS_LOG_ERROR && is_event) {
		take_error(r, record, &e, at);
	} else if (e.kind == LISTS_LOG_UNDELIVERED && r->failing && record->pid == r->failing_pid &&
	           at >= r->failing_at) {
		r->failing--;
		add_line(r, record->offset, at, record->text);
	}
}

/* ── what was around it ──────────────────────────────────────────────────────────────────────── */

static bool is_about_lock(const struct lists_trace *t, struct span text)
{
	for (size_t i = 0; i < t->lists.n; i++) {
		AUTO_FREE char *lock = xasprintf("%s.lock", t->lists.rows[i]);

		if (has_id(text, span_of(lock)))
			return true;
	}
	return span_find_text(text, "master-qrunner") >= 0;
}

static bool is_about_runners(struct span text)
{
	static const char *const words[] = { "caught SIG", "maximum restart limit", "exit status",
		                             "subprocess exit", "detected" };

	for (size_t i = 0; i < ROWS(words); i++)
		if (span_find_text(text, words[i]) >= 0)
			return true;
	return false;
}

static void take_around(void *context, const struct lists_log_record *record)
{
	struct reading *r = context;
	int64_t at = 0;

	if (r->log == LISTS_LOG_LOCKS ? !is_about_lock(r->t, record->text)
	                              : !is_about_runners(record->text))
		return;
	if (!lists_log_time(&r->clock, record->stamp, &at) || at < r->first - BEFORE_S ||
	    at > r->last + BEFORE_S)
		return;
	if (++r->around <= AROUND_MAX)
		add_line(r, record->offset, at, record->text);
}

/* Of a Date nobody knows whether it is true. */
static bool set_span(struct reading *r)
{
	bool any = false;

	for (size_t i = 0; i < r->t->n; i++) {
		const struct lists_trace_row *row = &r->t->rows[i];
		int64_t at = row->at_ms / 1000;

		if (!at || !strcmp(row->where, "archive") || !strcmp(row->where, "digest"))
			continue;
		r->first = !any || at < r->first ? at : r->first;
		r->last = !any || at > r->last ? at : r->last;
		any = true;
	}
	return any;
}

/* ── files ───────────────────────────────────────────────────────────────────────────────────── */

static void add_problem(struct reading *r, const struct lists_log_file *f)
{
	struct lists_trace_row *row = lists_trace_add(r->t, r->host->name, lists_log_name(r->log),
	                                              0, f->path);

	row->place = xstrdup("");
	row->what = xasprintf("not read, or not to its end: %s", f->problem);
}

static int read_files(struct reading *r, struct lists_log_files *files, lists_log_record_fn *call,
                      struct error *err)
{
	for (size_t i = 0; i < files->n; i++) {
		struct lists_log_file *f = &files->rows[i];

		if (f->same) /* it is read where it is longer */
			continue;
		r->path = f->path;
		if (lists_log_file_records(r->host->h, f, call, r, err) < 0)
			return -1;
		if (f->problem)
			add_problem(r, f);
	}
	return 0;
}

static void add_more(struct reading *r)
{
	struct lists_trace_row *row = lists_trace_add(r->t, r->host->name, lists_log_name(r->log),
	                                              1000 * r->last, "");

	row->place = xstrdup("");
	row->what = xasprintf("and %zu more lines around it", r->around - AROUND_MAX);
}

/* One log of all hosts. */
static int read_log(struct reading *r, const struct lists_trace_host *hosts, size_t n,
                    lists_log_record_fn *call, struct error *err)
{
	AUTO_FREE struct lists_log_files *files = xcalloc(n, sizeof *files);
	int result = 0;

	for (size_t i = 0; result == 0 && i < n; i++) {
		const char *dir = hosts[i].mailman->paths.value[LISTS_LOG_DIR];

		if (dir)
			result = lists_log_files_find(hosts[i].h, dir, lists_log_name(r->log),
			                              &files[i], err);
	}
	lists_log_files_match(files, n);
	for (size_t i = 0; result == 0 && i < n; i++) {
		r->host = &hosts[i];
		r->around = 0;
		result = read_files(r, &files[i], call, err);
		if (r->around > AROUND_MAX)
			add_more(r);
	}
	for (size_t i = 0; i < n; i++)
		lists_log_files_fini(&files[i]);
	return result;
}

int lists_trace_logs(struct lists_trace *t, const struct lists_trace_host *hosts, size_t n,
                     struct error *err)
{
	static const enum lists_log around[] = { LISTS_LOG_QRUNNER, LISTS_LOG_LOCKS };
	struct reading r = { .t = t };
	int result = 0;

	/* "2 failures" of the post log comes before the failures */
	for (int log = LISTS_LOG_VETTE; result == 0 && log <= LISTS_LOG_ERROR; log++) {
		r.log = (enum lists_log)log;
		result = read_log(&r, hosts, n, take_record, err);
	}
	if (result == 0 && t->senders.n && set_span(&r)) {
		r.log = LISTS_LOG_VETTE;
		result = read_log(&r, hosts, n, take_decision, err);
	}
	for (size_t i = 0; result == 0 && i < ROWS(around) && set_span(&r); i++) {
		r.log = around[i];
		result = read_log(&r, hosts, n, take_around, err);
	}
	buf_fini(&r.exception);
	return result;
}
