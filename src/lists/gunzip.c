/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/gunzip.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <errno.h>
#include <stdbool.h>

#define ZLIB_CONST
#include <zlib.h>

#define OUT (64u << 10)
/* inflateInit2(): the largest window, and a gzip head, whose sum is checked at the end. */
#define GZIP_WINDOW (15 + 16)

struct unpacking {
	lists_gunzip_read_fn *read;
	void *read_context;
	lists_gunzip_sink_fn *sink;
	void *sink_context;
	z_stream z;
	bool at_end; /* of the input */
	char out[OUT];
};

static int refuse(struct error *err, const char *words)
{
	return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, EBADMSG, "%s", words);
}

static int refill(struct unpacking *u, struct error *err)
{
	struct span octets;

	if (u->at_end || u->z.avail_in)
		return 0;
	if (u->read(u->read_context, &octets, err) < 0)
		return -1;
	u->at_end = !octets.n;
	u->z.next_in = (const Bytef *)octets.p;
	u->z.avail_in = (uInt)octets.n;
	return 0;
}

/* One call; *ended: the member is whole. */
static int step(struct unpacking *u, bool *ended, struct error *err)
{
	int said;

	if (refill(u, err) < 0)
		return -1;
	u->z.next_out = (Bytef *)u->out;
	u->z.avail_out = OUT;
	said = inflate(&u->z, Z_NO_FLUSH);
	if (u->z.avail_out < OUT)
		u->sink(u->sink_context, (struct span){ u->out, OUT - u->z.avail_out });
	*ended = said == Z_STREAM_END;
	if (said == Z_OK || *ended)
		return 0;
	if (said == Z_BUF_ERROR)
		return u->at_end ? refuse(err, "is cut off") : 0;
	return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, EBADMSG, "is damaged: %s",
	                 u->z.msg ? u->z.msg : zError(said));
}

/* Whether nothing but zeros is left: tar(1) and others fill up with them. */
static int is_at_end(struct unpacking *u, bool *end, struct error *err)
{
	for (;;) {
		if (refill(u, err) < 0)
			return -1;
		*end = u->at_end;
		if (*end || *u->z.next_in)
			return 0;
		u->z.next_in++;
		u->z.avail_in--;
	}
}

static int unpack_all(struct unpacking *u, struct error *err)
{
	bool ended, end = false;

	while (!end) {
		do {
			if (step(u, &ended, err) < 0)
				return -1;
		} while (!ended);
		if (is_at_end(u, &end, err) < 0)
			return -1;
		if (inflateReset(&u->z) != Z_OK)
			return refuse(err, "is damaged");
	}
	return 0;
}

int lists_gunzip(lists_gunzip_read_fn *read, void *read_context, lists_gunzip_sink_fn *sink,
                 void *sink_context, struct error *err)
{
	AUTO_FREE struct unpacking *u = xcalloc(1, sizeof *u);
	int result;

	u->read = read;
	u->read_context = read_context;
	u->sink = sink;
	u->sink_context = sink_context;
	if (inflateInit2(&u->z, GZIP_WINDOW) != Z_OK)
		return refuse(err, "can't be unpacked here");
	result = unpack_all(u, err);
	inflateEnd(&u->z);
	return result;
}
