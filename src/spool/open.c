/* SPDX-License-Identifier: BSD-2-Clause */
#include "spool/inside.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>

#define SEGMENT_SIZE_MIN 65536u
#define SEGMENT_SIZE_MAX (1u << 30) /* places are 32 bits */

void spool_tell(const struct spool *s, const char *format, ...)
{
	char text[512];
	va_list args;

	if (!s->options.told)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	s->options.told(s->options.context, text);
}

/* The newest segment is never removed: it must not be all that the spool may hold. */
static uint64_t segment_size(const struct spool_options *o)
{
	uint64_t size = o->segment_size ? o->segment_size : SPOOL_SEGMENT_SIZE;

	if (o->size_max && size > o->size_max / 8)
		size = o->size_max / 8 > SEGMENT_SIZE_MIN ? o->size_max / 8 : SEGMENT_SIZE_MIN;
	return size < SEGMENT_SIZE_MAX ? size : SEGMENT_SIZE_MAX;
}

static struct spool *spool_new(const struct spool_options *o, bool view)
{
	struct spool *s = xcalloc(1, sizeof *s);

	s->options = *o;
	s->options.segment_size = segment_size(o);
	s->view = view;
	s->lock_fd = s->ready_fd = -1;
	/* ids grow, and those of a spool that was removed do not come again */
	s->next_id = (uint64_t)(clock_wall_ms() / 1000 > 0 ? clock_wall_ms() / 1000 : 1) << 20;
	index_init(&s->index);
	pthread_mutex_init(&s->segments_lock, NULL);
	s->disk = o->disk;
	return s;
}

static int find_disk(struct spool *s, struct error *err)
{
	if (s->disk)
		return 0;
	s->disk_owned = true;
	return spool_disk_system(s->options.path, !s->view, &s->disk, err);
}

static int take_lock(struct spool *s, struct error *err)
{
	s->lock_fd = s->disk->open(s->disk, "lock", O_RDWR | O_CREAT);
	if (s->lock_fd < 0)
		return error_system(err, "open the spool's lock");
	if (s->disk->lock(s->disk, s->lock_fd) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_LATER, 0,
		                 "another process has the spool open");
	return error_system(err, "lock the spool");
}

static int start(struct spool *s, struct error *err)
{
	struct commit_options o = {
		.disk = s->disk,
		.segment_size = s->options.segment_size,
	};
	struct commit_figures figures;

	s->ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->ready_fd < 0)
		return error_system(err, "eventfd");
	if (recover(s, &o.cuts, &o.cuts_n, &o.next_number, err) < 0)
		return -1;
	o.ready_fd = s->ready_fd;
	o.next_id = s->next_id;
	o.floor = s->segments_n ? s->segments[0].number : o.next_number;
	if (commit_start(&s->committer, &o, err) < 0)
		return -1;
	commit_figures(s->committer, &figures);
	segment_note(s, figures.segment, figures.salt, figures.used);
	s->seen_segment = figures.segment;
	retire(s);
	return 0;
}

int spool_open(struct spool **out, const struct spool_options *options, struct error *err)
{
	struct spool *s = spool_new(options, false);

	if (find_disk(s, err) < 0 || take_lock(s, err) < 0 || start(s, err) < 0) {
		spool_close(s);
		return error_context(err, "spool %s", options->path);
	}
	*out = s;
	return 0;
}

int spool_view(struct spool **out, const struct spool_options *options, struct error *err)
{
	struct spool *s = spool_new(options, true);
	uint32_t next_number;
	struct cut *cuts = NULL;
	size_t cuts_n;

	if (find_disk(s, err) < 0 || recover(s, &cuts, &cuts_n, &next_number, err) < 0) {
		spool_close(s);
		return error_context(err, "spool %s", options->path);
	}
	free(cuts);
	*out = s;
	return 0;
}

void spool_close(struct spool *s)
{
	if (!s)
		return;
	/* in this order: what has come back adds to the committer, and is told */
	s->closing = true;
	if (s->committer) {
		while (s->move)
			spool_wait(s);
		tickets_drain(s);
		errands_stop(TAKE(s->errands));
		commit_stop(s->committer);
		spool_ready(s);
		commit_free(s->committer);
	}
	tickets_end(s);
	segments_fini(s);
	index_fini(&s->index);
	if (s->lock_fd >= 0)
		s->disk->close(s->disk, s->lock_fd);
	if (s->ready_fd >= 0)
		close(s->ready_fd);
	if (s->disk_owned && s->disk)
		s->disk->end(s->disk);
	pthread_mutex_destroy(&s->segments_lock);
	free(s->resumes);
	free(s);
}

/* ── what has come back ──────────────────────────────────────────────────────────────────────── */

int spool_ready_fd(const struct spool *s)
{
	return s->ready_fd;
}

/* Half of what makes a caller wait: so that not every group sets them all off. */
static void resume_callers(struct spool *s)
{
	if (!s->full || commit_waiting(s->committer) > COMMIT_GROUP_MAX)
		return;
	s->full = false;
	for (size_t i = 0; i < s->resumes_n; i++)
		s->resumes[i].call(s->resumes[i].context);
}

static void note_place(struct spool *s, const struct job *j)
{
	segment_note(s, j->place.segment, j->salt, j->used);
	if (j->place.segment > s->seen_segment)
		s->seen_segment = j->place.segment;
}

void spool_ready(struct spool *s)
{
	uint64_t count;
	struct job *j;

	(void)!read(s->ready_fd, &count, sizeof count);
	j = commit_take(s->committer);
	while (j) {
		struct job *next = j->next;

		if (j->kind == JOB_RECORD && j->good)
			note_place(s, j);
		j->back(j->context, j);
		j = next;
	}
	tickets_tell(s);
	if (s->errands)
		errands_take(s->errands);
	resume_callers(s);
	retire(s);
}

void spool_wait(struct spool *s)
{
	struct pollfd ready = { .fd = s->ready_fd, .events = POLLIN };

	while (poll(&ready, 1, -1) < 0 && errno == EINTR)
		;
	spool_ready(s);
}
