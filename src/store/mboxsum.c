/* SPDX-License-Identifier: BSD-2-Clause */

/* mboxsum -- reads an mbox file for nothing but its sum, by several processors if it is long. */

#include "base/cleanup.h"
#include "base/memory.h"
#include "store/mboxfile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define READ_OCTETS (64u << 10) /* stays in a processor's cache until it is summed */
/* Less is summed before a child is under way. */
#define TOGETHER_OCTETS (32u << 20)
#define CHILDREN_MAX 4u

/*
 * Children look at the file through a mapping, which spares them a copy of each octet: half of the
 * time. Where the file ends before it was said to, or the disk has an error, that is the end of the
 * child, not of this process, which reads what is left to find out.
 *
 * Each takes the next chunk that none has taken: so the disk sees one reader that goes straight on, as
 * far as it can be.
 */
struct shared {
	uint64_t next; /* number of a chunk, counted from `from` */
	struct shared_chunk {
		struct mbox_sum sum;
		bool done;
	} chunks[];
};

struct work {
	int fd;
	uint64_t from;
	size_t n; /* chunks */
	struct shared *shared;
	pid_t children[CHILDREN_MAX];
	size_t children_n;
};

/* Told by its first page. */
static bool is_in_memory(void *octets)
{
	unsigned char page = 1;

	return mincore(octets, 1, &page) < 0 || page & 1;
}

static int sum_chunk(const struct work *w, size_t i)
{
	off_t at = (off_t)(w->from + i * (uint64_t)MBOX_SUM_CHUNK);
	struct shared_chunk *chunk = &w->shared->chunks[i];
	struct mbox_chunk_summing summing;
	void *octets = mmap(NULL, MBOX_SUM_CHUNK, PROT_READ, MAP_SHARED, w->fd, at);

	if (octets == MAP_FAILED)
		return -1;
	/* this one, and those that come next */
	if (!is_in_memory(octets))
		(void)posix_fadvise(w->fd, at, 2 * CHILDREN_MAX * (off_t)MBOX_SUM_CHUNK,
		                    POSIX_FADV_WILLNEED);
	mbox_chunk_begin(&summing);
	mbox_chunk_add(&summing, octets, MBOX_SUM_CHUNK);
	munmap(octets, MBOX_SUM_CHUNK);
	chunk->sum = mbox_chunk_end(&summing);
	chunk->done = true;
	return 0;
}

static _Noreturn void end_quietly(int signal_number)
{
	_exit(1);
}

static _Noreturn void work(const struct work *w, pid_t parent)
{
	uint64_t i;

	/* it holds the parent's pipes, and has no use for them alone */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGBUS, end_quietly);
	while (getppid() == parent) {
		i = __atomic_fetch_add(&w->shared->next, 1, __ATOMIC_RELAXED);
		if (i >= w->n || sum_chunk(w, (size_t)i) < 0)
			break;
	}
	_exit(0);
}

static void run_children(struct work *w)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	pid_t parent = getpid(), child = 0;

	do {
		child = fork();
		if (child == 0)
			work(w, parent);
		if (child > 0)
			w->children[w->children_n++] = child;
	} while (child > 0 && w->children_n < CHILDREN_MAX && (long)w->children_n < processors);
	for (size_t i = 0; i < w->children_n; i++)
		while (waitpid(w->children[i], NULL, 0) < 0 && errno == EINTR)
			;
}

/* Adds whole chunks up to the first that is not done; returns how many octets those are. */
static uint64_t sum_together(struct mboxfile *f, struct mbox_summing *sum, uint64_t from,
                             uint64_t to)
{
	struct work w = { .fd = f->fd, .from = from };
	size_t size, i = 0;

	w.n = (size_t)((to - from) / MBOX_SUM_CHUNK);
	size = sizeof *w.shared + w.n * sizeof *w.shared->chunks;
	w.shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (w.shared == MAP_FAILED)
		return 0;
	run_children(&w);
	for (; i < w.n && w.shared->chunks[i].done; i++)
		mbox_sum_add_chunk(sum, &w.shared->chunks[i].sum);
	munmap(w.shared, size);
	return i * (uint64_t)MBOX_SUM_CHUNK;
}

static int sum_alone(struct mboxfile *f, struct mbox_summing *sum, uint64_t from, uint64_t to,
                     struct error *err)
{
	AUTO_FREE char *buffer = xmalloc(READ_OCTETS);

	while (from < to) {
		size_t want = to - from < READ_OCTETS ? (size_t)(to - from) : READ_OCTETS;
		ssize_t n = mboxfile_pread(&f->fd, buffer, want, from);

		if (n < 0)
			return error_system(err, "read %s", f->name);
		if ((size_t)n < want)
			return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_LATER, 0,
			                 "%s became shorter while it was read", f->name);
		mbox_sum_add(sum, buffer, want);
		from += want;
	}
	return 0;
}

int mboxfile_sum(struct mboxfile *f, struct mbox_summing *sum, uint64_t from, uint64_t to,
                 struct error *err)
{
	/* the beginning of a mapping */
	if (from % MBOX_SUM_CHUNK == 0 && !sum->chunk.n && to > from &&
	    to - from >= TOGETHER_OCTETS)
		from += sum_together(f, sum, from, to);
	return sum_alone(f, sum, from, to, err);
}
