/* SPDX-License-Identifier: BSD-2-Clause */

/* Segments go. */

#include "spool/inside.h"

#include "base/clock.h"

/* So many segments' worth of octets that nobody needs may lie there before messages are moved. */
#define DEAD_SEGMENTS 2u

static void removed(void *context, struct job *j)
{
	struct spool *s = context;

	if (!j->good) {
		/* it stays in the list, and all behind it on the disk: the next open removes it */
		spool_tell(s, "segment %08x can't be removed: %s", j->segment, strerror(j->why));
	} else if (s->segments_n && s->segments[0].number == j->segment) {
		pthread_mutex_lock(&s->segments_lock);
		if (s->segments[0].fd >= 0)
			s->disk->close(s->disk, s->segments[0].fd);
		s->segments_n--;
		memmove(s->segments, s->segments + 1, s->segments_n * sizeof *s->segments);
		pthread_mutex_unlock(&s->segments_lock);
	}
	job_free(j);
}

static bool is_needed(const struct spool *s, const struct segment *g)
{
	return g->number >= s->seen_segment || g->live || g->pins || g->kept;
}

static void remove_segment(struct spool *s, struct segment *g)
{
	struct job *j = job_new(RECORD_END, 0, removed, s);

	j->kind = JOB_REMOVE;
	j->segment = g->number;
	j->salt = g->salt;
	g->removing = true;
	commit_set_floor(s->committer, g->number + 1);
	commit_add(s->committer, j);
}

/* The first message that keeps the oldest segment, if it is free to be moved. */
static struct item *to_be_moved(const struct spool *s, const struct segment *g)
{
	for (struct item *i = s->index.first; i; i = i->after)
		if (i->first_segment == g->number)
			return i->taken || i->recording ? NULL : i;
	return NULL;
}

static void move_one(struct spool *s, const struct segment *g)
{
	uint64_t used = segments_used(s), needed = s->index.octets;
	struct item *i;

	if (s->move || g->kept || g->number >= s->seen_segment)
		return;
	if (used < 2 * needed + DEAD_SEGMENTS * s->options.segment_size)
		return;
	if (s->move_not_before_ms && clock_monotonic_ms() < s->move_not_before_ms)
		return;
	i = to_be_moved(s, g);
	if (i)
		move_begin(s, i);
}

/* One at a time: a younger one must not go when the oldest could not. */
void retire(struct spool *s)
{
	struct segment *oldest = s->segments;

	if (s->closing || !s->segments_n || oldest->removing)
		return;
	if (!is_needed(s, oldest))
		remove_segment(s, oldest);
	else
		move_one(s, oldest);
}
