/* SPDX-License-Identifier: BSD-2-Clause */

/* lists_checks -- questions about mailing lists before the cut-over. */

#include "move/lists.h"

#include "base/memory.h"
#include "lists/crontab.h"
#include "lists/data_version.h"
#include "lists/runners.h"
#include "move/lists_mailman3.h"
#include "state/items.h"
#include "state/mailing_lists.h"

#include <string.h>

static enum check_answer unknown(struct buf *seen, const struct error *err)
{
	buf_add_text(seen, err->text);
	return CHECK_UNKNOWN;
}

static enum check_answer skipped(struct buf *seen)
{
	buf_add_text(seen, "no lists move");
	return CHECK_SKIPPED;
}

enum check_answer check_lists_there(struct move *m, struct buf *seen)
{
	AUTO_MOVE_LISTS struct move_lists l = { 0 };
	int64_t from, to;
	struct error err = { 0 };

	if (!m->has_lists)
		return skipped(seen);
	if (move_lists_to_mailman3(m->config))
		return mailman3_check_there(m, seen);
	if (move_lists_find(m->config, m->old, m->new, &l, &err) < 0) {
		buf_add_text(seen, err.text);
		return err.retry == ERROR_RETRY_REACH ? CHECK_UNKNOWN : CHECK_NO;
	}
	buf_addf(seen, "%s there, %s here", l.old->version ? l.old->version : "?",
	         l.new->version ? l.new->version : "?");
	if (host_reach(m->new) != HOST_FOLDER && !lists_runners_can_start(m->new, l.new)) {
		buf_add_text(seen, ": the new one has no mailmanctl, and no service of Mailman");
		return CHECK_NO;
	}
	if (lists_data_version_read(m->old, l.old, &from, &err) < 0 ||
	    lists_data_version_read(m->new, l.new, &to, &err) < 0)
		return unknown(seen, &err);
	/* it takes them as they are, and fails at what it does not know, or drops it */
	if (from && to && from > to) {
		buf_addf(seen, ": data version %lld is newer than what the new one knows, %lld",
		         (long long)from, (long long)to);
		return CHECK_NO;
	}
	if (l.new->version && lists_release_is_ported(l.old->version) &&
	    !lists_release_is_ported(l.new->version)) {
		buf_add_text(seen, ": what a port to Python 3 has written, Python 2 can't read");
		return CHECK_NO;
	}
	return CHECK_YES;
}

enum check_answer check_lists_seeded(struct move *m, struct buf *seen)
{
	AUTO_MAILING_LISTS struct mailing_lists known = { 0 };
	AUTO_ITEMS struct items items = { 0 };
	struct error err = { 0 };
	size_t good = 0;

	if (!m->has_lists)
		return skipped(seen);
	if (items_load(m->state, "old", "mailing list", &items, &err) < 0 ||
	    mailing_lists_load(m->state, &known, &err) < 0)
		return unknown(seen, &err);
	for (size_t i = 0; i < known.n; i++) {
		const struct mailing_list *l = &known.rows[i];

		good += l->phase >= MAILING_LIST_SEEDED;
		/* what a comparison found while old lives may be what came since */
		if (l->phase < MAILING_LIST_SEEDED && *l->trouble) {
			buf_add_text(seen, l->trouble);
			return CHECK_NO;
		}
	}
	buf_addf(seen, "%zu of %zu lists", good, items.n);
	return good >= items.n ? CHECK_YES : CHECK_NO;
}

enum check_answer check_lists_addresses(struct move *m, struct buf *seen)
{
	AUTO_MOVE_LISTS struct move_lists l = { 0 };
	AUTO_STRINGS struct strings bad = { 0 };
	struct error err = { 0 };

	if (!m->has_lists)
		return skipped(seen);
	if (move_lists_to_mailman3(m->config))
		return mailman3_check_addresses(m, seen);
	if (move_lists_find(m->config, m->old, m->new, &l, &err) < 0 ||
	    move_lists_addresses(m->new, l.new, &bad, &err) < 0)
		return unknown(seen, &err);
	if (bad.n)
		buf_addf(seen, "%zu are not right, the first: %s", bad.n, bad.rows[0]);
	else
		buf_add_text(seen, "all are right");
	return bad.n ? CHECK_NO : CHECK_YES;
}

/* What would stop the cut-over in its middle. */
enum check_answer check_lists_queues(struct move *m, struct buf *seen)
{
	AUTO_MOVE_LISTS struct move_lists l = { 0 };
	AUTO_STRINGS struct strings bad = { 0 };
	struct error err = { 0 };

	if (!m->has_lists)
		return skipped(seen);
	if (move_lists_find(m->config, m->old, m->new, &l, &err) < 0 ||
	    lists_queues_look(m->old, &l.old->paths, &bad, &err) < 0)
		return unknown(seen, &err);
	if (bad.n)
		buf_addf(seen, "%zu files are left behind, the first: %s", bad.n, bad.rows[0]);
	else
		buf_add_text(seen, "nothing is left behind");
	return bad.n ? CHECK_NO : CHECK_YES;
}

/* Mailman's jobs send digests and reminders of whatever lists they find. */
enum check_answer check_lists_jobs(struct move *m, struct buf *seen)
{
	AUTO_PROCESSES struct host_processes all = { 0 };
	AUTO_LISTS_CRON struct lists_cron jobs = { 0 };
	const struct lists_cron_job *job = NULL;
	struct error err = { 0 };
	bool runs = false, to_3 = move_lists_to_mailman3(m->config);

	if (!m->has_lists)
		return skipped(seen);
	if (lists_cron_find(m->new, &jobs, &err) < 0 ||
	    (host_reach(m->new) != HOST_FOLDER && host_processes(m->new, &all, &err) < 0))
		return unknown(seen, &err);
	for (size_t i = 0; !job && i < jobs.n; i++)
		job = jobs.rows[i].in_force && jobs.rows[i].of_3 == to_3 ? &jobs.rows[i] : NULL;
	for (size_t i = 0; i < all.n; i++)
		runs = runs || !strcmp(all.rows[i].name, "cron") ||
		       !strcmp(all.rows[i].name, "crond");
	buf_addf(seen, "%s%s%s, cron %s", job ? job->job : "no job is in force",
	         job ? " is in force in " : "", job ? job->file : "",
	         runs ? "runs" : "does not run");
	return job && runs ? CHECK_NO : CHECK_YES;
}
