/* SPDX-License-Identifier: BSD-2-Clause */
#include "imap/body.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEPT_MAX (4u << 20)
#define PIECE (256u << 10)

void imap_body_init(struct imap_body *b)
{
	*b = (struct imap_body){ .fd = -1 };
}

void imap_body_reset(struct imap_body *b)
{
	struct buf kept = b->kept;

	if (b->fd >= 0)
		close(b->fd);
	imap_body_init(b);
	b->kept = kept;
	buf_reset(&b->kept);
}

void imap_body_fini(struct imap_body *b)
{
	imap_body_reset(b);
	buf_fini(&b->kept);
}

/* An anonymous file; not in memory, as /tmp may be. */
static int open_anonymous(struct error *err)
{
	char name[] = "/var/tmp/mailhaul.XXXXXX";
	int fd = mkostemp(name, O_CLOEXEC);

	if (fd < 0)
		return error_system(err, "make a file for a large message in /var/tmp");
	(void)unlink(name);
	return fd;
}

static void look_at_line_ends(struct imap_body *b, struct span octets)
{
	const char *at = octets.p, *end = octets.p + octets.n;

	while ((at = memchr(at, '\n', (size_t)(end - at)))) {
		ptrdiff_t i = at - octets.p;
		char before = i > 0 ? at[-1] : b->last[1];
		char second = i > 1 ? at[-2] : i == 1 ? b->last[1] : b->last[0];

		if (before != '\r' || second == '\r')
			b->irregular = true;
		b->crlf++;
		if (++at == end)
			break;
	}
	if (octets.n > 1)
		b->last[0] = octets.p[octets.n - 2];
	else
		b->last[0] = b->last[1];
	b->last[1] = octets.p[octets.n - 1];
}

int imap_body_add(struct imap_body *b, struct span octets, struct error *err)
{
	if (!octets.n)
		return 0;
	look_at_line_ends(b, octets);
	b->size += octets.n;
	if (b->fd < 0 && b->size > KEPT_MAX) {
		b->fd = open_anonymous(err);
		if (b->fd < 0)
			return -1;
		if (fd_write_all(b->fd, b->kept.p, b->kept.n) < 0)
			return error_system(err, "write a large message to /var/tmp");
		buf_fini(&b->kept);
	}
	if (b->fd < 0)
		buf_add_span(&b->kept, octets);
	else if (fd_write_all(b->fd, octets.p, octets.n) < 0)
		return error_system(err, "write a large message to /var/tmp");
	return 0;
}

uint64_t imap_body_stored_size(const struct imap_body *b)
{
	return b->irregular ? b->size : b->size - b->crlf;
}

/* ── giving ──────────────────────────────────────────────────────────────────────────────────── */

struct giving {
	imap_body_fn *give;
	void *context;
	bool convert;
	bool has_cr; /* the piece before ended in a CR, which was not given yet */
	struct buf out;
};

static int give_piece(struct giving *g, struct span piece, struct error *err)
{
	if (!g->convert)
		return g->give(g->context, piece, err);
	buf_reset(&g->out);
	if (g->has_cr && piece.p[0] != '\n')
		buf_add_char(&g->out, '\r');
	g->has_cr = piece.p[piece.n - 1] == '\r';
	if (g->has_cr)
		piece.n--;
	while (piece.n) {
		const char *cr = memchr(piece.p, '\r', piece.n);
		size_t n = cr ? (size_t)(cr - piece.p) : piece.n;
		bool is_crlf = cr && n + 1 < piece.n && cr[1] == '\n';

		/* a CR stays, unless it is one of a CRLF */
		if (cr && !is_crlf)
			n++;
		buf_add(&g->out, piece.p, n);
		piece = span_from(piece, is_crlf ? n + 1 : n);
	}
	return g->out.n ? g->give(g->context, buf_span(&g->out), err) : 0;
}

static int give_file(int fd, uint64_t size, struct giving *g, struct error *err)
{
	AUTO_FREE char *chunk = xmalloc(PIECE);

	for (uint64_t at = 0; at < size;) {
		ssize_t n = pread(fd, chunk, PIECE, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_system(err, "read a large message from /var/tmp");
		if (give_piece(g, (struct span){ chunk, (size_t)n }, err) < 0)
			return -1;
		at += (uint64_t)n;
	}
	return 0;
}

static int give_kept(const struct imap_body *b, struct giving *g, struct error *err)
{
	for (size_t at = 0; at < b->kept.n;) {
		size_t n = b->kept.n - at < PIECE ? b->kept.n - at : PIECE;

		if (give_piece(g, (struct span){ b->kept.p + at, n }, err) < 0)
			return -1;
		at += n;
	}
	return 0;
}

int imap_body_walk(const struct imap_body *b, imap_body_fn *give, void *context, struct error *err)
{
	struct giving g = { .give = give, .context = context, .convert = !b->irregular };
	int result = b->fd < 0 ? give_kept(b, &g, err) : give_file(b->fd, b->size, &g, err);

	if (result == 0 && g.has_cr)
		result = give(context, SPAN("\r"), err);
	buf_fini(&g.out);
	return result;
}
