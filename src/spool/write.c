/* SPDX-License-Identifier: BSD-2-Clause */
#include "spool/write.h"

#include "base/clock.h"
#include "base/memory.h"
#include "spool/sum.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>

#define IOV_A_RECORD 4 /* header, head, body, zeros */

static const unsigned char zeros[GROUP_ALIGN];

void writer_fini(struct writer *w)
{
	if (w->fd >= 0)
		w->disk->close(w->disk, w->fd);
	free(w->cuts);
	free(w->iov);
	free(w->headers);
}

/* ── one group ───────────────────────────────────────────────────────────────────────────────── */

static void make_rooms(struct writer *w, size_t records)
{
	if (records > w->headers_room) {
		w->headers_room = 2 * records;
		w->headers = xrealloc(w->headers, w->headers_room * sizeof *w->headers);
		w->iov_room = w->headers_room * IOV_A_RECORD + 1;
		w->iov = xrealloc(w->iov, w->iov_room * sizeof *w->iov);
	}
}

static void add_iov(struct writer *w, size_t *n, const void *octets, size_t size)
{
	if (size)
		w->iov[(*n)++] = (struct iovec){ (void *)(uintptr_t)octets, size };
}

/* Lays the records one behind the other from the segment's end on. Returns the octets of the group,
 * and writes nothing. */
static uint64_t lay_out(struct writer *w, struct job *jobs, size_t records, size_t *iov_n)
{
	uint64_t octets = 0;
	size_t at = 0;

	make_rooms(w, records);
	*iov_n = 0;
	for (struct job *j = jobs; j; j = j->next, at++) {
		uint32_t length = job_length(j);
		uint64_t extent = record_extent(length);
		uint32_t sum = spool_sum(0, j->head.p, j->head.n);
		struct record r = {
			.kind = j->record,
			.last = !j->next,
			.id = j->id,
			.group = w->group,
			.length = length,
			.sum = spool_sum(sum, j->body.p, j->body.n),
		};

		if (r.last)
			extent = group_extent(octets + extent) - octets;
		record_put(w->headers[at], &r, w->salt);
		add_iov(w, iov_n, w->headers[at], RECORD_HEADER);
		add_iov(w, iov_n, j->head.p, j->head.n);
		add_iov(w, iov_n, j->body.p, j->body.n);
		add_iov(w, iov_n, zeros, (size_t)(extent - RECORD_HEADER - length));
		j->place = (struct place){ w->number, (uint32_t)(w->offset + octets) };
		octets += extent;
	}
	return octets;
}

/* 0, or -1 with errno: then nobody knows what is on the disk from w->offset on. */
static int write_group(struct writer *w, struct job *jobs, size_t records)
{
	size_t iov_n;
	uint64_t octets = lay_out(w, jobs, records, &iov_n);

	if (w->disk->pwritev(w->disk, w->fd, w->iov, (int)iov_n, w->offset) < 0)
		return -1;
	if (w->disk->sync(w->disk, w->fd) < 0)
		return -1;
	w->offset += octets;
	w->group++;
	return 0;
}

/* ── segments ────────────────────────────────────────────────────────────────────────────────── */

/* Room that was set aside and not used goes back; and a reader knows where to stop. No one has to
 * be told, so it is no matter when this fails. */
void writer_leave(struct writer *w, bool in_good_order)
{
	struct job end = { .record = RECORD_END };

	if (w->fd < 0)
		return;
	if (in_good_order) {
		size_t iov_n;
		uint64_t octets = lay_out(w, &end, 1, &iov_n);

		if (w->disk->pwritev(w->disk, w->fd, w->iov, (int)iov_n, w->offset) == 0)
			w->offset += octets;
	}
	(void)w->disk->truncate(w->disk, w->fd, w->offset);
	w->disk->close(w->disk, w->fd);
	w->fd = -1;
}

static void make_begin(struct writer *w, struct job *j)
{
	struct begin b = {
		.format = RECORD_FORMAT,
		.floor = w->floor,
		.made_ms = clock_wall_ms(),
		.next_id = w->next_id,
		.cuts = w->cuts,
		.cuts_n = w->cuts_n,
	};

	j->record = RECORD_BEGIN;
	begin_put(&j->head, &b);
}

/* Cuts of segments that are gone need not be told any more. */
static void forget_cuts(struct writer *w)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->cuts_n; i++)
		if (w->cuts[i].segment >= w->floor)
			w->cuts[kept++] = w->cuts[i];
	w->cuts_n = kept;
}

static int fill_segment(struct writer *w)
{
	struct job begin = { 0 };
	int result;

	/* where this can't be done, the room is found by each write */
	if (w->disk->allocate(w->disk, w->fd, w->segment_size) < 0 && errno != EOPNOTSUPP &&
	    errno != EINTR)
		return -1;
	forget_cuts(w);
	make_begin(w, &begin);
	result = write_group(w, &begin, 1);
	buf_fini(&begin.head);
	return result < 0 ? -1 : w->disk->sync_folder(w->disk, ".");
}

/* -1 with errno: there is no segment, and no file of that name that counts. */
int writer_begin(struct writer *w)
{
	char name[SEGMENT_NAME_SIZE];
	int why;

	if (getrandom(&w->salt, sizeof w->salt, 0) != (ssize_t)sizeof w->salt)
		return -1;
	w->number = w->next_number++;
	w->offset = 0;
	w->group = 0;
	segment_name(name, w->number, w->salt);
	w->fd = w->disk->open(w->disk, name, O_RDWR | O_CREAT | O_EXCL);
	if (w->fd < 0)
		return -1;
	if (fill_segment(w) == 0)
		return 0;
	why = errno;
	w->disk->close(w->disk, w->fd);
	w->fd = -1;
	/* nothing of anybody's is in it */
	(void)w->disk->unlink(w->disk, name);
	errno = why;
	return -1;
}

/* ── failure ─────────────────────────────────────────────────────────────────────────────────── */

/* What is in the segment behind w->offset is in no state to be trusted. */
static void end_by_failure(struct writer *w)
{
	ARRAY_GROW(w->cuts, w->cuts_n, w->cuts_room);
	w->cuts[w->cuts_n++] = (struct cut){ w->number, w->offset };
	writer_leave(w, false);
}

int writer_write(struct writer *w, struct job *jobs, size_t records, uint64_t octets)
{
	if (w->fd >= 0 && w->group > 1 && w->offset + octets > w->segment_size)
		writer_leave(w, true);
	if (w->fd < 0 && writer_begin(w) < 0)
		return -1;
	if (write_group(w, jobs, records) == 0)
		return 0;

	int why = errno;
	end_by_failure(w);
	/* so that the cut is on disk before anybody is told; if it can't be, the disk is gone for
	 * all that comes too, and the next group tries again */
	(void)!writer_begin(w);
	errno = why;
	return -1;
}
