/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/carry.h"

#include "base/clock.h"
#include "base/memory.h"
#include "lists/carry_inside.h"
#include "lists/carry_names.h"
#include "lists/crontab.h"
#include "state/journal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void lists_carry_result_fini(struct lists_carry_result *r)
{
	for (size_t i = 0; i < r->parts_n; i++) {
		free(r->parts[i].from);
		free(r->parts[i].to);
	}
	free(r->parts);
	strings_fini(&r->failed);
	strings_fini(&r->changed);
	strings_fini(&r->notes);
	*r = (struct lists_carry_result){ 0 };
}

uint64_t lists_carry_changes(const struct lists_carry_result *r)
{
	uint64_t n = r->links;

	for (size_t i = 0; i < r->parts_n; i++) {
		const struct lists_carry_part *p = &r->parts[i];

		n += p->created + p->updated + p->attributes + p->removed;
	}
	return n;
}

void carry_tell(struct strings *to, const char *place, const char *format, ...)
{
	AUTO_BUF struct buf words = { 0 };
	AUTO_FREE char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		abort();
	va_end(arguments);
	buf_add_printable(&words, span_of(place));
	buf_add_text(&words, ": ");
	buf_add_printable(&words, span_of(text));
	if (!strings_has(to, buf_text(&words)))
		strings_add(to, buf_text(&words));
}

/* ── what a person should know of old ────────────────────────────────────────────────────────── */

/* A lock that is held has its end as mtime, in the future. */
static void look_at_locks(struct carry_run *r)
{
	const char *dir = r->o->old->paths.value[LISTS_LOCK_DIR];
	int64_t now = (int64_t)host_hello(r->o->from)->now_ms * 1000000;
	AUTO_LISTING struct host_listing listing = { 0 };
	struct error ignored = { 0 };

	if (!dir || host_list(r->o->from, dir, 1, &listing, &ignored) < 0)
		return;
	for (size_t i = 0; i < listing.n; i++) {
		const struct host_entry *e = &listing.rows[i];

		if (!S_ISREG(e->mode) || e->mtime_ns < now)
			continue;
		if (!strcmp(e->path, "master-qrunner"))
			carry_tell(
				&r->out->notes, "old",
				"Mailman runs there (its master's lock is held): carry once more "
				"when it is stopped");
		else if (span_ends(span_of(e->path), ".lock"))
			carry_tell(&r->out->notes, e->path,
			           "is held on old; if nobody works there, a process has left it");
	}
}

/* mm_cfg and extend.py are programs: they are never run here, and may not do on new what they did. */
static void look_at_queue_dir(struct carry_run *r)
{
	const char *dir = r->o->old->paths.value[LISTS_QUEUE_DIR];
	AUTO_LISTING struct host_listing listing = { 0 };
	struct error ignored = { 0 };

	if (!dir || host_list(r->o->from, dir, 1, &listing, &ignored) < 0)
		return;
	for (size_t i = 0; i < listing.n; i++) {
		const struct host_entry *e = &listing.rows[i];
		AUTO_FREE char *path = xasprintf("%s/%s", dir, e->path);
		bool known = !*e->path;

		for (unsigned at = 0; !known && at < LISTS_PATHS; at++)
			known = r->o->old->paths.value[at] &&
			        !strcmp(path, r->o->old->paths.value[at]);
		if (!known)
			carry_tell(&r->out->notes, path,
			           "beside the queues, and none that Mailman knows: left");
	}
}

/* ── the order ───────────────────────────────────────────────────────────────────────────────── */

static int begin(struct carry_run *r, struct error *err)
{
	if (!r->o->old->paths.value[LISTS_LIST_DATA_DIR] ||
	    !r->o->new->paths.value[LISTS_LIST_DATA_DIR])
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		                 "LIST_DATA_DIR is not known of %s",
		                 r->o->old->paths.value[LISTS_LIST_DATA_DIR] ? "new" : "old");
	if (carry_find_people(r, err) < 0 || carry_find_lists(r, err) < 0)
		return -1;
	if (r->o->lists && r->o->lists->n)
		r->some = true;
	if (r->opened.n)
		r->some = true;
	look_at_locks(r);
	if (!r->some && !r->o->leave_queues && !r->o->entries)
		look_at_queue_dir(r);
	return 0;
}

static bool part_goes(const struct carry_run *r, const struct carry_part *part)
{
	bool is_queue = part->is_queue || part->path == LISTS_MAILDIR_DIR;

	if (r->o->entries)
		return part->is_queue;
	if ((r->o->leave_queues && is_queue) || (r->o->back && !part->of_lists))
		return false;
	return part->of_lists || !r->o->lists || !r->o->lists->n;
}

static int run_parts(struct carry_run *r, struct error *err)
{
	for (unsigned i = 0; i < carry_parts_rows; i++)
		if (part_goes(r, &carry_parts[i]) && carry_run_part(r, &carry_parts[i], err) < 0)
			return error_context(err, "%s", carry_parts[i].name);
	return 0;
}

/* Told, not done: a job that runs on both hosts sends digests and reminders twice. */
static int tell_cron(struct carry_run *r, struct error *err)
{
	AUTO_LISTS_CRON struct lists_cron old = { 0 }, new = { 0 };
	AUTO_STRINGS struct strings lines = { 0 };

	if (r->some || r->o->back)
		return 0;
	if (lists_cron_find(r->o->from, &old, err) < 0 || lists_cron_find(r->o->to, &new, err) < 0)
		return -1;
	for (size_t i = 0; i < old.n; i++)
		if (old.rows[i].in_force && !old.rows[i].of_3)
			carry_tell(&r->out->notes, old.rows[i].file,
			           "line %u: %s is in force on old: take it out at the cut-over, "
			           "or it is done twice",
			           old.rows[i].line, old.rows[i].job);
	for (size_t i = 0; i < new.n; i++)
		if (new.rows[i].in_force && !new.rows[i].of_3 && !r->o->dry_run)
			carry_tell(&r->out->notes, new.rows[i].file,
			           "line %u: %s is in force on new already", new.rows[i].line,
			           new.rows[i].job);
	lists_cron_for(&old, r->o->old, r->o->new, &lines);
	for (size_t i = 0; i < lines.n; i++)
		carry_tell(&r->out->notes, "crontab that new needs", "%s", lines.rows[i]);
	return 0;
}

static int carry_all(struct carry_run *r, struct error *err)
{
	if (begin(r, err) < 0)
		return -1;
	if (r->o->entries)
		return run_parts(r, err);
	if (carry_make_way(r, err) < 0 || carry_note_coming(r, err) < 0 ||
	    carry_public_before(r, err) < 0 || run_parts(r, err) < 0 ||
	    carry_public_after(r, err) < 0 || carry_note_end(r, err) < 0)
		return -1;
	return carry_look_at_templates(r, err) < 0 ? -1 : tell_cron(r, err);
}

static int verify_all(struct carry_run *r, struct error *err)
{
	if (begin(r, err) < 0 || run_parts(r, err) < 0)
		return -1;
	if (r->o->entries)
		return 0;
	if (carry_check_archives(r, err) < 0 || carry_public_verify(r, err) < 0)
		return -1;
	return carry_note_end(r, err);
}

static void run_fini(struct carry_run *r)
{
	carry_lists_fini(r);
	carry_people_fini(r);
}

static const char *step_of(const struct lists_carry_options *o, struct buf *words)
{
	buf_add_text(words, "carry lists");
	for (size_t i = 0; o->lists && i < o->lists->n && i < 20; i++)
		buf_addf(words, " %s", o->lists->rows[i]);
	return buf_text(words);
}

static int mark(const struct lists_carry_options *o, enum journal_mark as, const char *detail,
                struct error *err)
{
	AUTO_BUF struct buf words = { 0 };

	return o->dry_run || o->is_part
	               ? 0
	               : journal_write(o->state, 0, step_of(o, &words), as, detail, err);
}

int lists_carry(const struct lists_carry_options *o, struct lists_carry_result *out,
                struct error *err)
{
	struct carry_run r = { .o = o, .out = out };
	struct error ignored = { 0 };
	AUTO_FREE char *detail = NULL;
	int result;

	if (mark(o, JOURNAL_BEGIN, NULL, err) < 0)
		return -1;
	result = carry_all(&r, err);
	run_fini(&r);
	if (result < 0) {
		(void)!mark(o, JOURNAL_FAILED, err->text, &ignored);
		return error_context(err, "carry lists");
	}
	detail = xasprintf("%llu lists, %zu not as they should be", (unsigned long long)out->lists,
	                   out->failed.n);
	return mark(o, JOURNAL_DONE, detail, err);
}

int lists_carry_verify(const struct lists_carry_options *o, struct lists_carry_result *out,
                       struct error *err)
{
	struct carry_run r = { .o = o, .out = out, .verify = true };
	int result = verify_all(&r, err);

	run_fini(&r);
	return result < 0 ? error_context(err, "verify lists") : 0;
}
