/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * ahead -- many files of a host, read one behind the other without waiting for each: a queue of ten
 * thousand over a line that takes 50 ms there and back is eight minutes of waiting otherwise. And what is
 * going to be asked for, asked for together, and kept until it is.
 */

#include "base/error.h"
#include "base/text.h"
#include "remote/host.h"

#include <stdint.h>

/*
 * What is done with one file.
 *
 *   at      of `paths`
 *   octets  of the file; may be taken. NULL: it could not be read
 *   failed  why not
 */
typedef void lists_ahead_fn(void *context, size_t at, struct buf *octets,
                            const struct error *failed);

/* Calls `take` for each of the files, in their order; nothing may be asked of the host in it. A file
 * of more than `limit` octets is not read. -1 when the host can't be reached. */
int lists_read_ahead(struct host *h, const struct strings *paths, uint64_t limit,
                     lists_ahead_fn *take, void *context, struct error *err) MUST_CHECK;

/* Answers that are kept. One call asks for all; who wants them then finds them here. */
struct lists_ahead;
struct lists_ahead *lists_ahead_new(void) MUST_CHECK;
void lists_ahead_free(struct lists_ahead *a); /* NULL is allowed */

/* To be asked for: host_read_part(), host_list(). */
void lists_ahead_want_part(struct lists_ahead *a, const char *path, uint64_t offset, uint64_t most);
void lists_ahead_want_list(struct lists_ahead *a, const char *path, unsigned depth);
/* Asks for what is wanted; nothing may be under way on the host. -1 when it can't be reached. */
int lists_ahead_ask(struct lists_ahead *a, struct host *h, struct error *err) MUST_CHECK;
/* Forgets all answers, and what was wanted. */
void lists_ahead_forget(struct lists_ahead *a);

/* host_read_part() and host_list(), or the answer that is kept for such a call, which is given once. `a`
 * may be NULL. */
int lists_ahead_part(struct lists_ahead *a, struct host *h, const char *path, uint64_t offset,
                     uint64_t most, struct buf *out, uint64_t *size, struct error *err) MUST_CHECK;
int lists_ahead_list(struct lists_ahead *a, struct host *h, const char *path, unsigned depth,
                     struct host_listing *out, struct error *err) MUST_CHECK;
