/* SPDX-License-Identifier: BSD-2-Clause */
#include "spool/errand.h"

#include "base/memory.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

struct row {
	struct errand *first, *last;
};

struct errands {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t come;
	struct row queue, done;
	bool stop, running;
	int ready_fd;
};

static void push(struct row *r, struct errand *e)
{
	e->next = NULL;
	if (r->last)
		r->last->next = e;
	else
		r->first = e;
	r->last = e;
}

static struct errand *pop(struct row *r)
{
	struct errand *e = r->first;

	if (e) {
		r->first = e->next;
		if (!r->first)
			r->last = NULL;
	}
	return e;
}

static void *run(void *context)
{
	struct errands *x = context;
	struct errand *e;

	pthread_mutex_lock(&x->lock);
	for (;;) {
		uint64_t one = 1;

		while (!x->queue.first && !x->stop)
			pthread_cond_wait(&x->come, &x->lock);
		e = pop(&x->queue);
		if (!e)
			break;
		pthread_mutex_unlock(&x->lock);
		e->run(e);
		pthread_mutex_lock(&x->lock);
		push(&x->done, e);
		(void)!write(x->ready_fd, &one, sizeof one);
	}
	pthread_mutex_unlock(&x->lock);
	return NULL;
}

struct errands *errands_start(int ready_fd)
{
	struct errands *x = xcalloc(1, sizeof *x);

	x->ready_fd = ready_fd;
	pthread_mutex_init(&x->lock, NULL);
	pthread_cond_init(&x->come, NULL);
	/* without a thread the loop does it itself, and waits */
	x->running = pthread_create(&x->thread, NULL, run, x) == 0;
	return x;
}

void errands_add(struct errands *x, struct errand *e)
{
	uint64_t one = 1;

	pthread_mutex_lock(&x->lock);
	if (x->running) {
		push(&x->queue, e);
		pthread_cond_signal(&x->come);
	} else {
		e->run(e);
		push(&x->done, e);
		(void)!write(x->ready_fd, &one, sizeof one);
	}
	pthread_mutex_unlock(&x->lock);
}

void errands_take(struct errands *x)
{
	struct errand *e;

	for (;;) {
		pthread_mutex_lock(&x->lock);
		e = pop(&x->done);
		pthread_mutex_unlock(&x->lock);
		if (!e)
			return;
		e->done(e);
	}
}

void errands_stop(struct errands *x)
{
	if (!x)
		return;
	pthread_mutex_lock(&x->lock);
	x->stop = true;
	pthread_cond_signal(&x->come);
	pthread_mutex_unlock(&x->lock);
	if (x->running)
		pthread_join(x->thread, NULL);
	errands_take(x);
	pthread_mutex_destroy(&x->lock);
	pthread_cond_destroy(&x->come);
	free(x);
}
