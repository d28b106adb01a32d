/* SPDX-License-Identifier: BSD-2-Clause */
#include "spool/inside.h"

#include <errno.h>
#include <fcntl.h>

/* Index of the first one that is not below `number`. */
static size_t lower(const struct spool *s, uint32_t number)
{
	size_t low = 0, high = s->segments_n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (s->segments[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct segment *segment_find(struct spool *s, uint32_t number)
{
	size_t at = lower(s, number);

	return at < s->segments_n && s->segments[at].number == number ? &s->segments[at] : NULL;
}

void segment_note(struct spool *s, uint32_t number, uint64_t salt, uint64_t used)
{
	struct segment *g = segment_find(s, number);
	size_t at = lower(s, number);

	if (!g) {
		pthread_mutex_lock(&s->segments_lock);
		ARRAY_GROW(s->segments, s->segments_n, s->segments_room);
		g = &s->segments[at];
		memmove(g + 1, g, (s->segments_n - at) * sizeof *g);
		s->segments_n++;
		*g = (struct segment){ .number = number, .salt = salt, .fd = -1 };
		pthread_mutex_unlock(&s->segments_lock);
	}
	if (used > g->used)
		g->used = used;
}

void segment_live(struct spool *s, uint32_t number, int change)
{
	struct segment *g = segment_find(s, number);

	if (g)
		g->live += (uint32_t)change;
}

void segment_pin(struct spool *s, uint32_t number)
{
	struct segment *g = segment_find(s, number);

	if (g)
		g->pins++;
}

void segment_unpin(struct spool *s, uint32_t number)
{
	struct segment *g = segment_find(s, number);

	if (g)
		g->pins--;
}

int segment_fd(struct spool *s, uint32_t number, uint64_t *salt)
{
	char name[SEGMENT_NAME_SIZE];
	struct segment *g;
	int fd = -1;

	pthread_mutex_lock(&s->segments_lock);
	g = segment_find(s, number);
	if (g && g->fd < 0)
		g->fd = s->disk->open(s->disk, segment_name(name, number, g->salt), O_RDONLY);
	else if (!g)
		errno = ENOENT;
	if (g) {
		*salt = g->salt;
		fd = g->fd;
	}
	pthread_mutex_unlock(&s->segments_lock);
	return fd;
}

uint64_t segments_used(const struct spool *s)
{
	uint64_t used = 0;

	for (size_t i = 0; i < s->segments_n; i++)
		used += s->segments[i].used;
	return used;
}

void segments_fini(struct spool *s)
{
	for (size_t i = 0; i < s->segments_n; i++)
		if (s->segments[i].fd >= 0)
			s->disk->close(s->disk, s->segments[i].fd);
	free(s->segments);
	s->segments = NULL;
	s->segments_n = s->segments_room = 0;
}
