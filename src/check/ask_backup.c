/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * ask_backup -- whether a host has a backup that is recent, and whether it brings back what was there.
 *
 * A restore is tried by a program of the admin's, called mailhaul-restore, which the host's agent runs
 * without a shell:
 *
 *	mailhaul-restore ... SCRATCH ORIGINAL
 *
 * It has to put ORIGINAL, as the backup has it, into the empty directory SCRATCH, under its own path:
 * SCRATCH/ORIGINAL. What is there and has not changed since the backup has to be there too, octet for
 * octet.
 */

#include "check/check.h"

#include "base/clock.h"
#include "base/memory.h"
#include "remote/host.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH 32u
#define FILE_MOST (32u << 20)   /* octets of a file that are compared */
#define ALL_MOST (256ull << 20) /* of all together */
#define TOLD_MOST 5u

static bool is_of(const struct check_asking *a, const struct config_backup *b)
{
	return !strcmp(b->of, check_of_name(a->of));
}

static void note(struct buf *seen, const char *path, const char *words)
{
	buf_addf(seen, "%s%s: %s", seen->n ? "; " : "", path, words);
}

/* ── recent ──────────────────────────────────────────────────────────────────────────────────── */

/* When the newest thing of a backup was written: of the path itself, or what lies right in it. */
static int made_ns(const struct check_asking *a, const char *path, int64_t *out, struct error *err)
{
	AUTO_LISTING struct host_listing l = { 0 };

	if (host_list(a->host, path, 1, &l, err) < 0)
		return -1;
	*out = 0;
	for (size_t i = 0; i < l.n; i++)
		if (l.rows[i].mtime_ns > *out)
			*out = l.rows[i].mtime_ns;
	return 0;
}

static enum check_answer recent_of(const struct check_asking *a, const struct config_backup *b,
                                   struct buf *seen)
{
	struct error err = { 0 };
	char words[24];
	int64_t made;
	double age_s;

	if (!b->made)
		return CHECK_SKIPPED;
	if (made_ns(a, b->made, &made, &err) < 0) {
		note(seen, b->made, err.text);
		return err.sys_errno == ENOENT ? CHECK_NO : CHECK_UNKNOWN;
	}
	age_s = (double)(clock_wall_ms() - made / 1000000) / 1000;
	buf_addf(seen, "%s%s: %s old", seen->n ? "; " : "", b->made,
	         text_duration(words, age_s > 0 ? age_s : 0));
	return age_s <= b->hours * 3600.0 ? CHECK_YES : CHECK_NO;
}

enum check_answer check_backup(const struct check_asking *a, struct buf *seen)
{
	const struct config_check *c = &a->site->config->check;
	enum check_answer all = CHECK_SKIPPED;
	bool any = false;

	for (unsigned i = 0; i < c->backups_count; i++) {
		if (!is_of(a, &c->backups[i]))
			continue;
		any = true;
		all = check_worst(all, recent_of(a, &c->backups[i], seen));
	}
	if (any)
		return all;
	/* where old ones are told of, new has to have one too */
	buf_add_text(seen, "none is named: check.backups in move.yaml");
	return c->backups_count ? CHECK_NO : CHECK_SKIPPED;
}

/* ── restored ────────────────────────────────────────────────────────────────────────────────── */

struct comparing {
	const struct check_asking *a;
	const struct config_backup *b;
	const struct host_listing *back; /* what the backup has brought */
	int64_t made_ns;
	uint64_t octets; /* compared so far */
	unsigned good, changed, missing, different, unread;
	struct buf *seen;
};

/* The entry's name without what Maildir adds when a message is looked at: a flag that changed is no loss,
 * nor is the way from new/ to cur/. */
static struct span stem_of(const char *path)
{
	const char *flags = strstr(path, ":2,");

	return (struct span){ path, flags ? (size_t)(flags - path) : strlen(path) };
}

static bool is_one_message(const char *a, const char *b)
{
	struct span x = stem_of(a), y = stem_of(b);
	ssize_t at = span_find_text(x, "/new/"), to = span_find_text(y, "/cur/");

	if (span_equal(x, y))
		return true;
	return at >= 0 && at == to &&
	       span_equal((struct span){ x.p, (size_t)at }, (struct span){ y.p, (size_t)at }) &&
	       span_equal(span_from(x, (size_t)at + 5), span_from(y, (size_t)at + 5));
}

static const struct host_entry *counterpart(const struct comparing *c, const char *path)
{
	for (size_t i = 0; i < c->back->n; i++)
		if (!strcmp(c->back->rows[i].path, path))
			return &c->back->rows[i];
	for (size_t i = 0; i < c->back->n; i++)
		if (is_one_message(c->back->rows[i].path, path))
			return &c->back->rows[i];
	return NULL;
}

static void tell(struct comparing *c, const char *path, const char *words)
{
	if (c->missing + c->different + c->unread <= TOLD_MOST)
		note(c->seen, *path ? path : c->b->original, words);
}

static int same_octets(struct comparing *c, const char *live, const char *back, struct error *err)
{
	AUTO_FREE char *one = xasprintf("%s%s%s", c->b->original, *live ? "/" : "", live);
	AUTO_FREE char *two = xasprintf("%s%s%s%s", c->b->scratch, c->b->original, *back ? "/" : "",
	                                back);
	AUTO_BUF struct buf a = { 0 }, b = { 0 };

	if (host_read(c->a->host, one, FILE_MOST, &a, err) < 0 ||
	    host_read(c->a->host, two, FILE_MOST, &b, err) < 0)
		return -1;
	return span_equal(buf_span(&a), buf_span(&b));
}

static void compare_file(struct comparing *c, const struct host_entry *live)
{
	const struct host_entry *back = counterpart(c, live->path);
	struct error err = { 0 };
	int same;

	if (!back) {
		c->missing++;
		return tell(c, live->path, "the backup does not have it");
	}
	if (back->size != live->size) {
		c->different++;
		return tell(c, live->path, "has another length in the backup");
	}
	if (c->octets + live->size > ALL_MOST || live->size > FILE_MOST) {
		c->good++; /* by its length */
		return;
	}
	c->octets += live->size;
	same = same_octets(c, live->path, back->path, &err);
	c->good += same == 1;
	c->different += same == 0;
	c->unread += same < 0;
	if (same <= 0)
		tell(c, live->path, same ? err.text : "is another in the backup");
}

static enum check_answer compare(struct comparing *c)
{
	AUTO_LISTING struct host_listing live = { 0 }, back = { 0 };
	AUTO_FREE char *there = xasprintf("%s%s", c->b->scratch, c->b->original);
	struct error err = { 0 };

	if (host_list(c->a->host, c->b->original, DEPTH, &live, &err) < 0)
		return check_not_told(c->seen, &err);
	if (host_list(c->a->host, there, DEPTH, &back, &err) < 0) {
		note(c->seen, there, err.text);
		return err.sys_errno == ENOENT ? CHECK_NO : CHECK_UNKNOWN;
	}
	c->back = &back;
	for (size_t i = 0; i < live.n; i++) {
		if (!S_ISREG(live.rows[i].mode))
			continue;
		if (live.rows[i].mtime_ns > c->made_ns)
			c->changed++;
		else
			compare_file(c, &live.rows[i]);
	}
	buf_addf(c->seen, "%s%u files as they are, %u missing, %u different, %u changed since",
	         c->seen->n ? "; " : "", c->good, c->missing, c->different, c->changed);
	if (c->missing || c->different)
		return CHECK_NO;
	return c->unread || !c->good ? CHECK_UNKNOWN : CHECK_YES;
}

/* Runs it. CHECK_YES: it has said that all is well. */
static enum check_answer bring_back(const struct check_asking *a, const struct config_backup *b,
                                    struct buf *seen)
{
	AUTO_FREE const char **words = xcalloc(b->restore_count + 3, sizeof *words);
	AUTO_LISTING struct host_listing there = { 0 };
	struct error err = { 0 };

	if (host_list(a->host, b->scratch, 1, &there, &err) < 0)
		return check_not_told(seen, &err);
	if (there.n != 1 || !S_ISDIR(there.rows[0].mode)) {
		note(seen, b->scratch,
		     "is no empty directory: what lies there may be of an earlier "
		     "try");
		return CHECK_UNKNOWN;
	}
	for (unsigned i = 0; i < b->restore_count; i++)
		words[i] = b->restore[i];
	words[b->restore_count] = b->scratch;
	words[b->restore_count + 1] = b->original;
	if (host_do(a->host, "backup-restore", words, SPAN(""), NULL, &err) == 0)
		return CHECK_YES;
	note(seen, b->restore[0], err.text);
	return err.retry == ERROR_RETRY_REACH ? CHECK_UNKNOWN : CHECK_NO;
}

static enum check_answer restore_of(const struct check_asking *a, const struct config_backup *b,
                                    struct buf *seen)
{
	struct comparing c = { .a = a, .b = b, .seen = seen, .made_ns = INT64_MAX };
	enum check_answer answer;
	struct error err = { 0 };

	if (b->made && made_ns(a, b->made, &c.made_ns, &err) < 0)
		return check_not_told(seen, &err);
	answer = bring_back(a, b, seen);
	return answer == CHECK_YES ? compare(&c) : answer;
}

enum check_answer check_restore(const struct check_asking *a, struct buf *seen)
{
	const struct config_check *c = &a->site->config->check;
	enum check_answer all = CHECK_SKIPPED;
	bool any = false;

	if (!a->site->may_restore) {
		buf_add_text(seen,
		             "asked only with --restore: it writes into the scratch directory");
		return CHECK_SKIPPED;
	}
	for (unsigned i = 0; i < c->backups_count; i++) {
		if (!is_of(a, &c->backups[i]) || !c->backups[i].restore_count)
			continue;
		any = true;
		all = check_worst(all, restore_of(a, &c->backups[i], seen));
	}
	if (!any)
		buf_add_text(seen, "nothing is named that restores: check.backups in move.yaml");
	return all;
}
