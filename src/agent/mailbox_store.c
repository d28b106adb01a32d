/* SPDX-License-Identifier: BSD-2-Clause */

/* mailbox_store -- answers MAIL_STORE and MAIL_COMMIT: messages come to this host's disk. */

#include "agent/storing.h"
#include "base/cleanup.h"
#include "base/memory.h"
#include "store/sync.h"
#include "wire/mailbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* STOREs are sent ahead, so what follows a failed one is already on its way: all of it is refused
 * with the first reason, until the COMMIT that mailhaul sends at the end of each batch. */
struct agent_storing {
	struct write_batch *batch; /* NULL: nothing since the last commit */
	struct sync_list changed;  /* by CHANGEs that are durable later */
	bool spoilt;
	struct error why;
};

static struct agent_storing *storing(struct agent *a)
{
	if (!a->storing)
		a->storing = xcalloc(1, sizeof *a->storing);
	return a->storing;
}

struct write_batch *storing_batch(struct agent *a, struct error *err)
{
	struct agent_storing *s = storing(a);

	if (s->spoilt) {
		*err = s->why;
		return NULL;
	}
	if (!s->batch)
		s->batch = write_batch_new(a->rootfd);
	return s->batch;
}

void storing_spoil(struct agent *a, const struct error *why)
{
	struct agent_storing *s = storing(a);

	s->spoilt = true;
	s->why = *why;
	/* at once: on a full disk, what is half there keeps others from working */
	write_batch_free(TAKE(s->batch));
}

struct sync_list *agent_sync_later(struct agent *a)
{
	return &storing(a)->changed;
}

static int malformed(struct error *err)
{
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, EINVAL,
	                 "malformed MAIL_STORE on the wire");
}

static int put_message(struct write_batch *b, struct wire_reader *r, struct error *err)
{
	AUTO_FREE char *root = wire_get_string(r);
	AUTO_FREE char *folder = wire_get_string(r);
	bool in_new = wire_get_u64(r) != 0;
	AUTO_FREE char *name = wire_get_string(r);
	struct write_target t = { .root = root, .folder = folder, .in_new = in_new, .name = name };

	t.mode = wire_get_u32(r);
	t.uid = wire_get_u32(r);
	t.gid = wire_get_u32(r);
	t.mtime_ns = (int64_t)wire_get_u64(r);
	if (r->bad || !mail_path_fits(folder) || root[0] != '/')
		return malformed(err);
	return write_begin_message(b, &t, err);
}

static int put_file(struct write_batch *b, struct wire_reader *r, struct error *err)
{
	AUTO_FREE char *root = wire_get_string(r);
	AUTO_FREE char *path = wire_get_string(r);
	struct write_target t = { .root = root, .path = path };

	t.keep = wire_get_u64(r);
	t.mode = wire_get_u32(r);
	t.uid = wire_get_u32(r);
	t.gid = wire_get_u32(r);
	t.mtime_ns = (int64_t)wire_get_u64(r);
	if (r->bad || !*path || !mail_path_fits(path) || root[0] != '/')
		return malformed(err);
	return write_begin_file(b, &t, err);
}

static int put_link(struct write_batch *b, struct wire_reader *r, struct error *err)
{
	AUTO_FREE char *root = wire_get_string(r);
	AUTO_FREE char *path = wire_get_string(r);
	AUTO_FREE char *target = wire_get_string(r);
	struct write_target t = { .root = root, .path = path };

	t.uid = wire_get_u32(r);
	t.gid = wire_get_u32(r);
	if (r->bad || !*path || !*target || !mail_path_fits(path) || root[0] != '/')
		return malformed(err);
	return write_link(b, &t, target, err);
}

static int put_done(struct write_batch *b, struct wire_reader *r, struct error *err)
{
	struct digest expected = wire_get_digest(r);

	(void)wire_get_span(r); /* the Message-ID's place; only a FETCH tells it */
	return r->bad ? malformed(err) : write_end(b, &expected, err);
}

static int put_record(struct write_batch *b, struct wire_reader *r, struct error *err)
{
	uint64_t tag = wire_get_u64(r);

	switch (tag) {
	case WIRE_MAIL_PUT_MESSAGE:
		return put_message(b, r, err);
	case WIRE_MAIL_PUT_FILE:
		return put_file(b, r, err);
	case WIRE_MAIL_BYTES:
		return write_bytes(b, wire_get_span(r), err);
	case WIRE_MAIL_DONE:
		return put_done(b, r, err);
	case WIRE_MAIL_LINK:
		return put_link(b, r, err);
	case WIRE_MAIL_DROP:
		write_drop(b);
		return 0;
	default:
		return malformed(err);
	}
}

int agent_mail_store(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	struct write_batch *batch = storing_batch(a, err);

	if (!batch)
		return -1;
	while (r->rest.n) {
		if (put_record(batch, r, err) == 0 && !r->bad)
			continue;
		if (r->bad)
			malformed(err);
		storing_spoil(a, err);
		return -1;
	}
	return 0;
}

static int commit(struct agent_storing *s, struct wire_reader *r, bool ahead, size_t *placed,
                  struct error *err)
{
	/* one wait for both, where the batch is made durable here and now */
	if (s->batch && !s->spoilt && !ahead)
		write_sync_with(s->batch, &s->changed);
	if (sync_all(&s->changed, err) < 0 || wire_read_end(r, "MAIL_COMMIT", err) < 0)
		return -1;
	if (s->spoilt) {
		*err = s->why;
		return -1;
	}
	if (!s->batch)
		return 0;
	return ahead ? write_commit_ahead(s->batch, placed, err)
	             : write_commit(s->batch, placed, err);
}

int agent_mail_commit(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	struct agent_storing *s = storing(a);
	bool ahead = r->rest.n && wire_get_u64(r) == 1;
	size_t placed = 0;
	int result = commit(s, r, ahead, &placed, err);

	if (result == 0)
		wire_put_u64(end, placed);
	for (size_t i = 0; result == 0 && i < placed && i < WIRE_MAIL_INODES_MAX; i++)
		wire_put_u64(end, write_inodes(s->batch)[i]);
	if (result == 0 && ahead)
		return 0;
	write_batch_free(TAKE(s->batch));
	free(TAKE(a->storing));
	return result;
}
