/* SPDX-License-Identifier: BSD-2-Clause */

/* spool_export -- messages leave the spool's format: a Maildir, or an mbox file (mboxrd). Nothing
 * is taken out of the spool by that. */

#include "gate/spool_block.h"
#include "gate/spool_verbs.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define OUT_MAX (1u << 20) /* octets that wait to be written */

struct out {
	int fd;
	struct buf waiting;
	bool mbox, crlf;
	bool line_begins; /* nothing of the line is there yet */
	bool looking;     /* it may be "From " yet, with '>' in front */
	size_t matched;   /* octets of "From " that are not written yet */
};

static int flush(struct out *o, struct error *err)
{
	if (fd_write_all(o->fd, o->waiting.p, o->waiting.n) < 0)
		return error_system(err, "write");
	buf_reset(&o->waiting);
	return 0;
}

/* mboxrd: a line that is "From ", behind any number of '>', gets one more '>'. */
static void add_line_octet(struct out *o, char c)
{
	static const char from[] = "From ";

	if (o->mbox && o->looking) {
		if (c == '>' && !o->matched) {
			buf_add_char(&o->waiting, c);
			o->line_begins = false;
			return;
		}
		if (c == from[o->matched]) {
			o->line_begins = false;
			if (++o->matched < sizeof from - 1)
				return;
			buf_add_char(&o->waiting, '>');
			c = ' ';
			o->matched--;
		}
		buf_add(&o->waiting, from, o->matched);
		o->looking = false;
		o->matched = 0;
	}
	buf_add_char(&o->waiting, c);
	o->looking = o->line_begins = c == '\n';
}

static void end_line_look(struct out *o)
{
	buf_add(&o->waiting, "From ", o->matched);
	o->matched = 0;
}

static int add_octets(struct out *o, struct span s, struct error *err)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (o->crlf && c == '\r')
			continue; /* each stands before a LF: has_crlf() has seen to it */
		add_line_octet(o, c);
		if (o->waiting.n >= OUT_MAX && flush(o, err) < 0)
			return -1;
	}
	return 0;
}

static int bad_read(enum spool_read got, uint64_t id, struct error *err)
{
	char text[17];

	if (got == SPOOL_END)
		return 0;
	return error_context(err, "message %s", spool_id_text(text, id));
}

/* Whether each line of it ends in CRLF and neither octet stands alone. */
static int has_crlf(struct spool_reader *r, uint64_t id, bool *crlf, struct error *err)
{
	enum spool_read got;
	struct span s;
	bool cr = false;

	*crlf = true;
	while ((got = spool_read_next(r, true, &s, err)) == SPOOL_OK)
		for (size_t i = 0; i < s.n; i++) {
			if (cr != (s.p[i] == '\n'))
				*crlf = false;
			cr = s.p[i] == '\r';
		}
	if (cr)
		*crlf = false;
	spool_read_rewind(r);
	return bad_read(got, id, err);
}

static int write_message(struct spool_call *c, uint64_t id, struct out *o, struct error *err)
{
	AUTO_SPOOL_READER struct spool_reader *r = spool_reader_open(c->spool, id);
	AUTO_BUF struct buf head = { 0 };
	struct spool_block block = { .id = id };
	const struct smtp_envelope *e;
	const struct smtp_peer *peer;
	struct spool_item item;
	enum spool_read got;
	struct span s;
	uint32_t n;

	if (spool_read_envelope(r, true, &e, &peer, err) != SPOOL_OK)
		return bad_read(SPOOL_BROKEN, id, err);
	if (has_crlf(r, id, &block.crlf, err) < 0 || !spool_find(c->spool, id, &item))
		return -1;
	/* borrowed: not to be freed here */
	block.envelope = *e;
	block.peer = *peer;
	block.octets = item.due.size;
	spool_block_put(&head, &block, spool_states(c->spool, id, &n));
	o->crlf = false;
	o->line_begins = o->looking = true;
	if (add_octets(o, buf_span(&head), err) < 0)
		return -1;
	o->crlf = block.crlf;
	while ((got = spool_read_next(r, true, &s, err)) == SPOOL_OK)
		if (add_octets(o, s, err) < 0)
			return -1;
	end_line_look(o);
	return bad_read(got, id, err);
}

/* ── Maildir ─────────────────────────────────────────────────────────────────────────────────── */

struct exporting {
	struct out out;
	int dirs[3]; /* tmp, new, cur: the Maildir's own */
	unsigned n;
};

static int file_to_maildir(struct spool_call *c, const struct spool_item *i, void *context,
                           struct error *err)
{
	struct exporting *x = context;
	char id[17];
	AUTO_FREE char *name = xasprintf("%lld.%s.mailhaul", (long long)(i->due.arrived_ms / 1000),
	                                 spool_id_text(id, i->due.id));
	int result;

	if (faccessat(x->dirs[1], name, F_OK, 0) == 0)
		return 0; /* from an export before, whole */
	(void)unlinkat(x->dirs[0], name, 0);
	AUTO_CLOSE int fd = openat(x->dirs[0], name,
	                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_system(err, "create tmp/%s", name);
	x->out.fd = fd;
	result = write_message(c, i->due.id, &x->out, err);
	if (result == 0)
		result = flush(&x->out, err);
	if (result == 0 && fsync(fd) < 0)
		result = error_system(err, "fsync tmp/%s", name);
	if (result == 0 && renameat(x->dirs[0], name, x->dirs[1], name) < 0)
		result = error_system(err, "rename to new/%s", name);
	if (result < 0) {
		(void)unlinkat(x->dirs[0], name, 0);
		return -1;
	}
	x->n++;
	return 0;
}

static int open_maildir(struct exporting *x, const char *path, struct error *err)
{
	static const char *const names[] = { "tmp", "new", "cur" };

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_system(err, "make %s", path);
	AUTO_CLOSE int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return error_system(err, "open %s", path);
	for (size_t i = 0; i < ROWS(names); i++) {
		if (mkdirat(dir, names[i], 0700) < 0 && errno != EEXIST)
			return error_system(err, "make %s/%s", path, names[i]);
		x->dirs[i] = openat(dir, names[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (x->dirs[i] < 0)
			return error_system(err, "open %s/%s", path, names[i]);
	}
	if (fsync(dir) < 0)
		return error_system(err, "fsync %s", path);
	return 0;
}

static int to_maildir(struct spool_call *c, struct exporting *x, struct error *err)
{
	if (open_maildir(x, c->maildir, err) < 0 || spool_chosen(c, file_to_maildir, x, err) < 0)
		return -1;
	if (fsync(x->dirs[1]) < 0)
		return error_system(err, "fsync %s/new", c->maildir);
	return 0;
}

/* ── mbox ────────────────────────────────────────────────────────────────────────────────────── */

static int add_to_mbox(struct spool_call *c, const struct spool_item *i, void *context,
                       struct error *err)
{
	struct exporting *x = context;
	time_t at = (time_t)(i->due.arrived_ms / 1000);
	char date[64];
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(date, sizeof date, "%a %b %e %H:%M:%S %Y", &tm);
	buf_addf(&x->out.waiting, "From MAILER-DAEMON %s\n", date);
	if (write_message(c, i->due.id, &x->out, err) < 0)
		return -1;
	/* ends the last line if need be: the block tells how many octets count */
	buf_add_text(&x->out.waiting, x->out.line_begins ? "\n" : "\n\n");
	x->n++;
	return 0;
}

static int sync_parent(const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *parent = slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");

	AUTO_CLOSE int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return error_system(err, "fsync the folder of %s", path);
	return 0;
}

static int to_mbox(struct spool_call *c, struct exporting *x, struct error *err)
{
	AUTO_FREE char *part = xasprintf("%s.part", c->mbox);
	int result;

	AUTO_CLOSE int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_system(err, "create %s", part);
	x->out.fd = fd;
	x->out.mbox = true;
	result = spool_chosen(c, add_to_mbox, x, err);
	if (result == 0)
		result = flush(&x->out, err);
	if (result == 0 && fsync(fd) < 0)
		result = error_system(err, "fsync %s", part);
	/* one that is there is somebody's mail */
	if (result == 0 && file_rename_new(AT_FDCWD, part, AT_FDCWD, c->mbox) < 0)
		result = error_system(err, "rename to %s", c->mbox);
	if (result < 0) {
		(void)unlink(part);
		return -1;
	}
	return sync_parent(c->mbox, err);
}

int spool_export(struct spool_call *c, struct error *err)
{
	struct exporting x = { .out.fd = -1, .dirs = { -1, -1, -1 } };
	int result = c->maildir ? to_maildir(c, &x, err) : to_mbox(c, &x, err);

	for (size_t i = 0; i < ROWS(x.dirs); i++)
		if (x.dirs[i] >= 0)
			close(x.dirs[i]);
	buf_fini(&x.out.waiting);
	if (result == 0)
		printf(c->json ? "{\"exported\":%u}\n" : "exported %u messages\n", x.n);
	return result;
}
