/* SPDX-License-Identifier: BSD-2-Clause */

/* check_storage -- what has to be one directory for all hosts, and what need not. */

#include "doctor/inside.h"

#include "base/memory.h"
#include "lists/queue.h"
#include "lists/settings.h"

#include <string.h>

#define SHOWN_MAX 50u

static bool is_split(const struct doctor *d, enum lists_path which)
{
	return doctor_shared(d, which) == DOCTOR_OTHER;
}

/* What lies below a directory that is split itself needs no words of its own. */
static bool is_below(const struct doctor *d, enum lists_path which, enum lists_path parent)
{
	for (size_t i = 0; i < d->n; i++) {
		const char *path = d->hosts[i].places[which].path;
		const char *above = d->hosts[i].places[parent].path;

		if (!path || !above || strncmp(path, above, strlen(above)) != 0)
			return false;
	}
	return parent != which;
}

static void see_stranded(struct doctor_finding *f, const struct doctor *d, enum lists_path queue,
                         const char *below)
{
	size_t n = 0;

	for (size_t i = 0; i < d->stranded_n; i++) {
		const struct doctor_stranded *s = &d->stranded[i];
		AUTO_BUF struct buf words = { 0 };

		if (!s->is_in_force || (s->queue != queue && !below) || n++ >= SHOWN_MAX)
			continue;
		stranded_describe(s, &words);
		finding_see(f, "stranded on %s: %s", d->hosts[s->host].name, buf_text(&words));
	}
	if (n > SHOWN_MAX)
		finding_see(f, "and %zu more", n - SHOWN_MAX);
}

/* What each host says, and by what it is known that it is not the same as the back end's. */
static void see_places(struct doctor_finding *f, const struct doctor *d, enum lists_path which)
{
	for (size_t i = 0; i < d->n; i++) {
		AUTO_BUF struct buf words = { 0 };

		doctor_describe(d, which, i, &words);
		finding_see(f, "%s", buf_text(&words));
	}
	for (size_t i = 0; i < d->n; i++) {
		const char *here = d->hosts[i].places[which].path;
		const char *back = d->hosts[d->back].places[which].path;
		AUTO_BUF struct buf how = { 0 };

		if (i == d->back || doctor_compare(d, which, d->back, i, &how) != DOCTOR_OTHER)
			continue;
		f->on[i] = true;
		if (here && back && strcmp(here, back) != 0)
			finding_see(f, "rule: %s names %s, and %s %s", d->hosts[d->back].name, back,
			            d->hosts[i].name, here);
		finding_see(f, "%s and %s: %s", d->hosts[d->back].name, d->hosts[i].name,
		            buf_text(&how));
	}
}

static struct doctor_finding *say_split(struct doctor *d, const struct doctor_check *c,
                                        enum lists_path which)
{
	struct doctor_finding *f = finding_add(d, c, lists_path_kinds[which].name);

	see_places(f, d, which);
	return f;
}

static int look_at(struct doctor *d, const struct doctor_check *c, enum lists_path which)
{
	if (is_split(d, which))
		(void)say_split(d, c, which);
	return 0;
}

/* ── the rows ────────────────────────────────────────────────────────────────────────────────── */

/* Nothing is in QUEUE_DIR itself: it matters for the queues that are below it. */
DOCTOR_CHECK(check_queues)
{
	bool whole = false;

	for (enum lists_path q = LISTS_INQUEUE_DIR; q <= LISTS_RETRYQUEUE_DIR; q++)
		whole |= is_split(d, LISTS_QUEUE_DIR) && is_split(d, q) &&
		         lists_path_kinds[q].share == LISTS_SHARE_MUST &&
		         is_below(d, q, LISTS_QUEUE_DIR);
	if (whole)
		see_stranded(say_split(d, c, LISTS_QUEUE_DIR), d, LISTS_QUEUE_DIR,
		             d->hosts[d->back].places[LISTS_QUEUE_DIR].path);
	for (enum lists_path q = LISTS_INQUEUE_DIR; q <= LISTS_RETRYQUEUE_DIR; q++)
		if (lists_path_kinds[q].share == LISTS_SHARE_MUST && is_split(d, q) &&
		    !(whole && is_below(d, q, LISTS_QUEUE_DIR)))
			see_stranded(say_split(d, c, q), d, q, NULL);
	return 0;
}

DOCTOR_CHECK(check_lists)
{
	return look_at(d, c, LISTS_LIST_DATA_DIR);
}

DOCTOR_CHECK(check_data)
{
	return look_at(d, c, LISTS_DATA_DIR);
}

DOCTOR_CHECK(check_archives)
{
	(void)look_at(d, c, LISTS_PRIVATE_ARCHIVE_FILE_DIR);
	return look_at(d, c, LISTS_PUBLIC_ARCHIVE_FILE_DIR);
}

DOCTOR_CHECK(check_locks)
{
	return look_at(d, c, LISTS_LOCK_DIR);
}

DOCTOR_CHECK(check_rest)
{
	for (enum lists_path q = LISTS_INQUEUE_DIR; q <= LISTS_SPAM_DIR; q++)
		if (lists_path_kinds[q].share == LISTS_SHARE_MAY && is_split(d, q) &&
		    !(storage_is_queue(q) && is_split(d, LISTS_QUEUE_DIR) &&
		      is_below(d, q, LISTS_QUEUE_DIR)))
			(void)look_at(d, c, q);
	return 0;
}

/* In a build from source all is below one directory: then the program is told, not each part. */
DOCTOR_CHECK(check_own)
{
	static const enum lists_path own[] = { LISTS_WRAPPER_DIR, LISTS_BIN_DIR, LISTS_SCRIPTS_DIR,
		                               LISTS_MESSAGES_DIR };

	for (size_t i = 0; i < ROWS(own); i++) {
		struct doctor_finding *f;

		if (doctor_shared(d, own[i]) != DOCTOR_SAME)
			continue;
		f = finding_add(d, c, lists_path_kinds[own[i]].name);
		for (size_t k = 0; k < d->n; k++) {
			AUTO_BUF struct buf words = { 0 };

			f->on[k] = true;
			doctor_describe(d, own[i], k, &words);
			finding_see(f, "%s", buf_text(&words));
		}
	}
	return 0;
}

/* On all hosts; where only one lacks it, it is not the same storage. */
DOCTOR_CHECK(check_missing)
{
	static const enum lists_path wanted[] = { LISTS_LIST_DATA_DIR, LISTS_DATA_DIR,
		                                  LISTS_QUEUE_DIR, LISTS_LOCK_DIR,
		                                  LISTS_PRIVATE_ARCHIVE_FILE_DIR };

	for (size_t i = 0; i < ROWS(wanted); i++) {
		struct doctor_finding *f;

		if (doctor_shared(d, wanted[i]) != DOCTOR_NEITHER)
			continue;
		f = finding_add(d, c, lists_path_kinds[wanted[i]].name);
		for (size_t k = 0; k < d->n; k++) {
			f->on[k] = true;
			finding_see(f, "%s: %s", d->hosts[k].name,
			            d->hosts[k].places[wanted[i]].path);
		}
	}
	return 0;
}

/* Queues are named in shunted entries, locks in themselves, private archives in public links. */
DOCTOR_CHECK(check_paths)
{
	for (enum lists_path w = LISTS_INQUEUE_DIR; w <= LISTS_LOCK_DIR; w++) {
		const char *back = d->hosts[d->back].places[w].path;
		struct doctor_finding *f = NULL;

		if (!(storage_is_queue(w) || w == LISTS_LOCK_DIR ||
		      w == LISTS_PRIVATE_ARCHIVE_FILE_DIR) ||
		    !back)
			continue;
		for (size_t i = 0; i < d->n; i++) {
			const char *path = d->hosts[i].places[w].path;

			if (!path || !strcmp(path, back) ||
			    doctor_compare(d, w, d->back, i, NULL) != DOCTOR_SAME)
				continue;
			if (!f)
				f = finding_add(d, c, lists_path_kinds[w].name);
			f->on[i] = f->on[d->back] = true;
			finding_see(f, "%s: %s; %s: %s", d->hosts[d->back].name, back,
			            d->hosts[i].name, path);
		}
	}
	return 0;
}

DOCTOR_CHECK(check_unknown)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct lists_settings *s = d->hosts[i].m->settings;
		struct doctor_finding *f;

		for (enum lists_path w = 0; w < LISTS_PATHS; w++) {
			const char *name = lists_path_kinds[w].name;

			if (d->hosts[i].places[w].path || !lists_setting_is_unknown(s, name))
				continue;
			f = finding_add(d, c, name);
			f->on[i] = true;
			for (size_t k = 0; k < s->reports_n; k++)
				if (!strcmp(s->reports[k].name, name))
					finding_see(f, "%s: %s line %u %s", d->hosts[i].name,
					            s->reports[k].file, s->reports[k].line,
					            s->reports[k].why);
		}
	}
	return 0;
}
