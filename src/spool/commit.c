/* SPDX-License-Identifier: BSD-2-Clause */
#include "spool/commit.h"

#include "base/clock.h"
#include "base/memory.h"
#include "spool/write.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#define PAUSE_MS 250 /* between two failures */

struct jobs {
	struct job *first, *last;
};

struct committer {
	int ready_fd; /* borrowed */
	pthread_t thread;
	bool running;

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t come;
	struct jobs queue, done;
	uint32_t floor;
	bool stop;
	unsigned failures; /* groups in a row */
	struct commit_figures figures;

	_Atomic uint64_t waiting;

	struct writer writer; /* the thread's own */
};

static void push(struct jobs *list, struct job *j)
{
	j->next = NULL;
	if (list->last)
		list->last->next = j;
	else
		list->first = j;
	list->last = j;
}

static struct job *pop(struct jobs *list)
{
	struct job *j = list->first;

	if (j) {
		list->first = j->next;
		if (!list->first)
			list->last = NULL;
		j->next = NULL;
	}
	return j;
}

void job_free(struct job *j)
{
	if (!j)
		return;
	buf_fini(&j->head);
	buf_fini(&j->body);
	free(j);
}

/* ── the thread ──────────────────────────────────────────────────────────────────────────────── */

static void note_result(struct committer *c, int why)
{
	c->figures.groups += !why;
	c->figures.failed += why != 0;
	c->failures = why ? c->failures + 1 : 0;
	c->figures.why = why;
	if (why)
		c->figures.failed_ms = clock_monotonic_ms();
	c->figures.segment = c->writer.fd >= 0 ? c->writer.number : 0;
	c->figures.salt = c->writer.salt;
	c->figures.used = c->writer.offset;
}

static void wake_loop(struct committer *c)
{
	uint64_t one = 1;

	(void)!write(c->ready_fd, &one, sizeof one);
}

/* Gives the jobs back, but for those that may not fail: they go to the front of the queue. */
static void give_back(struct committer *c, struct job *jobs, int why)
{
	struct jobs again = { 0 };
	bool any = false;

	pthread_mutex_lock(&c->lock);
	note_result(c, why);
	while (jobs) {
		struct job *j = jobs;

		jobs = j->next;
		j->good = !why;
		j->why = why;
		j->used = c->writer.offset;
		if (j->kind == JOB_RECORD)
			j->salt = c->writer.salt;
		if (why && j->must && !c->stop) {
			push(&again, j);
			continue;
		}
		if (j->id >= c->writer.next_id)
			c->writer.next_id = j->id + 1;
		c->waiting -= job_length(j);
		push(&c->done, j);
		any = true;
	}
	if (again.first) {
		again.last->next = c->queue.first;
		if (!c->queue.last)
			c->queue.last = again.last;
		c->queue.first = again.first;
	}
	pthread_mutex_unlock(&c->lock);
	if (any)
		wake_loop(c);
}

static void remove_segment(struct committer *c, struct job *j)
{
	char name[SEGMENT_NAME_SIZE];

	segment_name(name, j->segment, j->salt);
	/* durable before the next one goes: the order is what keeps records behind messages */
	j->good = (c->writer.disk->unlink(c->writer.disk, name) == 0 || errno == ENOENT) &&
	          c->writer.disk->sync_folder(c->writer.disk, ".") == 0;
	j->why = j->good ? 0 : errno;
	pthread_mutex_lock(&c->lock);
	push(&c->done, j);
	pthread_mutex_unlock(&c->lock);
	wake_loop(c);
}

/* Takes what makes the next group off the queue. The caller holds the lock. */
static struct job *take_group(struct committer *c, size_t *records, uint64_t *octets)
{
	struct jobs group = { 0 };

	*records = 0;
	*octets = 0;
	while (c->queue.first && c->queue.first->kind == JOB_RECORD) {
		uint64_t extent = record_extent(job_length(c->queue.first));

		if (*records && *octets + extent > COMMIT_GROUP_MAX)
			break;
		*octets += extent;
		(*records)++;
		push(&group, pop(&c->queue));
	}
	*octets = group_extent(*octets);
	return group.first;
}

static void pause_thread(struct committer *c)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += PAUSE_MS * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_cond_timedwait(&c->come, &c->lock, &until);
}

/* Waits until there is something to do; after failures a little longer, so that a disk that is
 * full or gone is not asked without end. False: it is time to end. The caller holds the lock. */
static bool wait_for_work(struct committer *c)
{
	while (!c->queue.first && !c->stop)
		pthread_cond_wait(&c->come, &c->lock);
	/* what could not be written once goes to the next segment at once */
	if (c->queue.first && c->queue.first->must && c->failures > 1 && !c->stop)
		pause_thread(c);
	return c->queue.first != NULL;
}

static void *commit_run(void *context)
{
	struct committer *c = context;

	pthread_mutex_lock(&c->lock);
	while (wait_for_work(c)) {
		size_t records;
		uint64_t octets;
		struct job *jobs = take_group(c, &records, &octets);
		struct job *removal = jobs ? NULL : pop(&c->queue);

		c->writer.floor = c->floor;
		pthread_mutex_unlock(&c->lock);
		if (removal) {
			remove_segment(c, removal);
		} else {
			int why = writer_write(&c->writer, jobs, records, octets) < 0 ? errno : 0;

			give_back(c, jobs, why);
		}
		pthread_mutex_lock(&c->lock);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* ── from outside ────────────────────────────────────────────────────────────────────────────── */

static void init_locks(struct committer *c)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&c->come, &attributes);
	pthread_condattr_destroy(&attributes);
}

int commit_start(struct committer **out, const struct commit_options *o, struct error *err)
{
	struct committer *c = xcalloc(1, sizeof *c);
	int why;

	init_locks(c);
	c->writer.disk = o->disk;
	c->writer.segment_size = o->segment_size;
	c->ready_fd = o->ready_fd;
	c->writer.next_number = o->next_number;
	c->floor = c->writer.floor = o->floor;
	c->writer.next_id = o->next_id;
	c->writer.cuts = o->cuts;
	c->writer.cuts_n = c->writer.cuts_room = o->cuts_n;
	c->writer.fd = -1;
	if (writer_begin(&c->writer) < 0) {
		error_system(err, "begin a segment of the spool");
		commit_free(c);
		return -1;
	}
	note_result(c, 0);
	why = pthread_create(&c->thread, NULL, commit_run, c);
	if (why) {
		errno = why;
		error_system(err, "begin the spool's thread");
		commit_free(c);
		return -1;
	}
	c->running = true;
	*out = c;
	return 0;
}

void commit_stop(struct committer *c)
{
	if (!c->running)
		return;
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_signal(&c->come);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	c->running = false;
	/* what was refused is not to be there for the next one: the last chance to say so */
	if (c->writer.fd < 0 && c->writer.cuts_n)
		(void)!writer_begin(&c->writer);
	writer_leave(&c->writer, true);
}

void commit_free(struct committer *c)
{
	struct job *j;

	if (!c)
		return;
	commit_stop(c);
	while ((j = pop(&c->queue)) || (j = pop(&c->done)))
		job_free(j);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->come);
	writer_fini(&c->writer);
	free(c);
}

void commit_add(struct committer *c, struct job *j)
{
	if (j->kind == JOB_RECORD)
		c->waiting += job_length(j);
	pthread_mutex_lock(&c->lock);
	push(&c->queue, j);
	pthread_cond_signal(&c->come);
	pthread_mutex_unlock(&c->lock);
}

struct job *commit_take(struct committer *c)
{
	struct job *taken;

	pthread_mutex_lock(&c->lock);
	taken = c->done.first;
	c->done = (struct jobs){ 0 };
	pthread_mutex_unlock(&c->lock);
	return taken;
}

uint64_t commit_waiting(const struct committer *c)
{
	return c->waiting;
}

void commit_set_floor(struct committer *c, uint32_t floor)
{
	pthread_mutex_lock(&c->lock);
	c->floor = floor;
	pthread_mutex_unlock(&c->lock);
}

void commit_figures(struct committer *c, struct commit_figures *out)
{
	pthread_mutex_lock(&c->lock);
	*out = c->figures;
	pthread_mutex_unlock(&c->lock);
}
