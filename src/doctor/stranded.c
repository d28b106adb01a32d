/* SPDX-License-Identifier: BSD-2-Clause */

/* stranded -- messages in queues that no runner looks into: of a front end whose queue is its own, and
 * in the places where queues were before the settings were mended. */

#include "doctor/inside.h"

#include "base/clock.h"
#include "base/memory.h"
#include "lists/layouts.h"
#include "lists/queue.h"

#include <stdlib.h>
#include <string.h>

#define STRANDED_MAX 100000u

void stranded_fini(struct doctor_stranded *s)
{
	free(s->dir);
	lists_queued_fini(&s->q);
}

/* What somebody waits for: entries, and those that a hand-in was broken off with. */
static bool is_wanted(const struct lists_queued *q)
{
	struct span name = span_of(q->name);

	return q->state == LISTS_QUEUE_WAITS || q->state == LISTS_QUEUE_IN_WORK ||
	       q->state == LISTS_QUEUE_OLD || span_ends(name, HANDIN_TAKEN) ||
	       span_ends(name, HANDIN_SENT);
}

static int read_dir(struct doctor *d, size_t host, enum lists_path queue, const char *dir,
                    bool is_in_force, struct error *err)
{
	AUTO_LISTS_PATHS struct lists_paths paths = { 0 };
	AUTO_LISTS_SITE struct lists_site site = { .h = d->hosts[host].h, .paths = &paths };

	lists_paths_set(&paths, queue, dir);
	if (lists_queue_read(&site, err) < 0)
		return -1;
	for (size_t i = 0; i < site.queue_n && d->stranded_n < STRANDED_MAX; i++) {
		if (!is_wanted(&site.queue[i]))
			continue;
		ARRAY_GROW(d->stranded, d->stranded_n, d->stranded_room);
		d->stranded[d->stranded_n++] = (struct doctor_stranded){
			.host = host,
			.queue = queue,
			.dir = xstrdup(dir),
			.is_in_force = is_in_force,
			.q = site.queue[i],
		};
		site.queue[i] = (struct lists_queued){ 0 };
	}
	return 0;
}

/* Is it a queue into which a runner looks, or one that was read already? */
static bool is_known(const struct doctor *d, size_t host, const struct doctor_place *p)
{
	for (size_t i = 0; i < d->n; i++)
		for (enum lists_path q = LISTS_INQUEUE_DIR; q <= LISTS_RETRYQUEUE_DIR; q++)
			if (storage_compare(d, &d->hosts[i].places[q], i, p, host, NULL) ==
			    DOCTOR_SAME)
				return true;
	for (size_t i = 0; i < d->stranded_n; i++)
		if (d->stranded[i].host == host && !strcmp(d->stranded[i].dir, p->end))
			return true;
	return false;
}

static int read_former(struct doctor *d, size_t host, enum lists_path queue, const char *path,
                       struct error *err)
{
	const char *in_force = d->hosts[host].places[queue].path;
	struct doctor_place p;
	int result = 0;

	if (!path || (in_force && !strcmp(path, in_force)))
		return 0;
	if (storage_look(&d->hosts[host], path, &p, err) < 0)
		return -1;
	if (p.is_there && !is_known(d, host, &p))
		result = read_dir(d, host, queue, p.end, false, err);
	free(p.end);
	return result;
}

/* A queue of this host that is in force, and not the one that the runners work on. */
static bool is_cut_off(const struct doctor *d, size_t host, enum lists_path queue)
{
	if (host == d->back || !d->hosts[host].places[queue].is_there ||
	    doctor_compare(d, queue, d->back, host, NULL) == DOCTOR_SAME)
		return false;
	/* another front end has the same one, and it was read there */
	for (size_t i = 0; i < host; i++)
		if (i != d->back && doctor_compare(d, queue, i, host, NULL) == DOCTOR_SAME)
			return false;
	return true;
}

static int read_host(struct doctor *d, size_t host, struct error *err)
{
	const struct lists_installation *m = d->hosts[host].m;
	AUTO_LISTS_PATHS struct lists_paths laid = { 0 }, usual = { 0 };
	const char *prefix = m->paths.value[LISTS_PREFIX], *var = m->paths.value[LISTS_VAR_PREFIX];

	if (prefix && var) {
		lists_layout_paths(m->layout, prefix, var, &laid);
		lists_paths_default(&usual, prefix, var);
	}
	for (enum lists_path q = LISTS_INQUEUE_DIR; q < LISTS_RETRYQUEUE_DIR + 1; q++) {
		const struct doctor_place *p = &d->hosts[host].places[q];

		/* what is in bad/ waits for nobody */
		if (q == LISTS_BADQUEUE_DIR)
			continue;
		if (is_cut_off(d, host, q) && read_dir(d, host, q, p->end, true, err) < 0)
			return -1;
		if (read_former(d, host, q, laid.value[q], err) < 0 ||
		    read_former(d, host, q, usual.value[q], err) < 0)
			return -1;
	}
	return 0;
}

int stranded_read(struct doctor *d, struct error *err)
{
	for (size_t i = 0; i < d->n; i++)
		if (read_host(d, i, err) < 0)
			return -1;
	return 0;
}

bool stranded_goes_back(const struct doctor *d, const struct lists_queued *q)
{
	const struct doctor_place *places = d->hosts[d->back].places;

	if (q->queue != LISTS_SHUNTQUEUE_DIR || !q->goes_back)
		return true;
	for (enum lists_path w = LISTS_INQUEUE_DIR; w <= LISTS_RETRYQUEUE_DIR; w++)
		if (places[w].path && (!strcmp(places[w].path, q->goes_back) ||
		                       (places[w].end && !strcmp(places[w].end, q->goes_back))))
			return true;
	return false;
}

void stranded_describe(const struct doctor_stranded *s, struct buf *out)
{
	const struct lists_queued *q = &s->q;
	double age = (double)clock_wall_ms() / 1000 - q->at;
	char length[24];

	buf_addf(out, "list %s, from %s, \"%s\"", q->list ? q->list : "not told",
	         q->sender ? q->sender : "not told", q->subject ? q->subject : "");
	if (q->at > 0 && age > 0)
		buf_addf(out, ", for %s", text_duration(length, age));
	buf_addf(out, ": %s/%s", s->dir, q->name);
	if (q->problem)
		buf_addf(out, " (%s)", q->problem);
}
