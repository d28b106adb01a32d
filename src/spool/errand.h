/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* errand -- a thread that waits for the disk so that the loop need not: one errand at a time. */

struct errand {
	struct errand *next;
	void (*run)(struct errand *e);  /* on the thread */
	void (*done)(struct errand *e); /* on the loop's thread; the errand is the callee's again */
};

struct errands;

/* `ready_fd` is an eventfd that is written to when one is done; borrowed. */
struct errands *errands_start(int ready_fd);
/* Borrowed until done() is called. */
void errands_add(struct errands *x, struct errand *e);
/* Calls done() of those that are. */
void errands_take(struct errands *x);
/* Runs what is there, and ends. done() of the last ones is called from here. NULL is allowed. */
void errands_stop(struct errands *x);
