/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * spool_import -- messages come back from a Maildir or an mbox file (mboxrd) that spool_export
 * made; with --to, from any, to that one recipient. Durable before they are counted.
 *
 * Without --to, the block in front of each message is believed: who may write into that Maildir
 * says where its mail goes to, and who brought it. So that is for what was exported, and nothing
 * else.
 */

#include "gate/spool_block.h"
#include "gate/spool_verbs.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "mail/header.h"
#include "smtp/address.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define FLIGHT_MAX 100u /* messages that are not yet durable */
#define GATHER 65536u   /* octets that are handed to the spool at once */

struct importing {
	struct spool_call *call;
	unsigned flight, n, there, skipped, failed;
	char why[256]; /* of the last one that failed */
};

static void note(void *context, enum spool_outcome outcome, uint64_t id, const char *why)
{
	struct importing *m = context;

	m->flight--;
	if (outcome == SPOOL_DURABLE) {
		m->n++;
		return;
	}
	m->failed++;
	snprintf(m->why, sizeof m->why, "%s", why);
}

static void skip(struct importing *m, const char *name, const char *why)
{
	m->skipped++;
	fprintf(stderr, "mailhaul-gate: %s: %s\n", name, why);
}

/* ── the octets ──────────────────────────────────────────────────────────────────────────────── */

struct pouring {
	struct importing *importing;
	struct spool_ticket *ticket;
	struct buf waiting;
	uint64_t octets, most; /* at most so many: what is behind was added by the export */
};

static void pour(struct pouring *p, const char *octets, size_t n)
{
	if (n > p->most - p->octets)
		n = (size_t)(p->most - p->octets);
	p->octets += n;
	buf_add(&p->waiting, octets, n);
	if (p->waiting.n < GATHER)
		return;
	if (!spool_add(p->ticket, buf_span(&p->waiting)))
		spool_wait(p->importing->call->spool);
	buf_reset(&p->waiting);
}

static bool is_quoted_from(struct span line)
{
	while (line.n && line.p[0] == '>')
		line = span_from(line, 1);
	return span_starts(line, "From ");
}

/* `crlf`: lines get CRLF where they have not got it; else they stay as they are. */
static void pour_lines(struct pouring *p, struct span body, bool mbox, bool crlf)
{
	while (body.n) {
		const char *end = memchr(body.p, '\n', body.n);
		struct span line = { body.p, end ? (size_t)(end - body.p) : body.n };

		body = span_from(body, line.n + (end != NULL));
		if (mbox && line.n && line.p[0] == '>' && is_quoted_from(line))
			line = span_from(line, 1);
		pour(p, line.p, line.n);
		if (crlf && end && !(line.n && line.p[line.n - 1] == '\r'))
			pour(p, "\r\n", 2);
		else if (end)
			pour(p, "\n", 1);
	}
}

/* ── one message ─────────────────────────────────────────────────────────────────────────────── */

static void make_envelope(struct importing *m, struct span message, struct spool_block *b)
{
	struct smtp_address sender;
	struct span value;

	smtp_envelope_add(&b->envelope, span_of(m->call->to));
	smtp_text_set(&b->envelope.sender, SPAN(""));
	if (header_find(message, "Return-Path", &value) &&
	    smtp_path_parse(&value, &sender) == SMTP_ADDRESS_GOOD)
		smtp_text_set(&b->envelope.sender, sender.text);
	b->peer.arrived_ms = clock_wall_ms();
	b->octets = UINT64_MAX;
	b->crlf = true;
}

static void import_message(struct importing *m, const char *name, struct span raw, bool mbox)
{
	AUTO_SPOOL_BLOCK struct spool_block b = { 0 };
	struct pouring p = { .importing = m };
	struct spool *s = m->call->spool;
	struct span rest = raw;

	if (m->call->to) {
		make_envelope(m, raw, &b);
		p.ticket = spool_begin(s);
	} else if (!spool_block_get(&rest, &b)) {
		skip(m, name, "was not exported by mailhaul-gate (--to takes it to one recipient)");
		return;
	} else {
		p.ticket = spool_begin_as(s, b.id);
	}
	if (!p.ticket) {
		m->there++;
		return;
	}
	p.most = b.octets;
	pour_lines(&p, rest, mbox, b.crlf);
	(void)spool_add(p.ticket, buf_span(&p.waiting));
	buf_fini(&p.waiting);
	if (!m->call->to && p.octets != b.octets) {
		spool_abandon(p.ticket);
		skip(m, name, "is not as long as it was");
		return;
	}
	m->flight++;
	spool_finish(p.ticket, &b.envelope, &b.peer, note, m);
	while (m->flight >= FLIGHT_MAX)
		spool_wait(s);
}

/* ── files ───────────────────────────────────────────────────────────────────────────────────── */

/* A file in memory. One that somebody shortens meanwhile ends us by SIGBUS, which costs nothing:
 * what was imported is durable, and is not imported again. */
struct mapped {
	struct span octets;
};

static int map_file(int dir, const char *name, struct mapped *out, struct error *err)
{
	struct stat st;
	void *p;

	AUTO_CLOSE int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_system(err, "open %s", name);
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_NEVER, 0, "%s is no file",
		                 name);
	*out = (struct mapped){ { "", (size_t)st.st_size } };
	if (!st.st_size)
		return 0;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return error_system(err, "read %s", name);
	out->octets.p = p;
	return 0;
}

static void unmap_file(struct mapped *m)
{
	if (m->octets.n)
		munmap((void *)(uintptr_t)m->octets.p, m->octets.n);
}

static void import_file(struct importing *m, int dir, const char *name)
{
	struct mapped file;
	struct error err = { 0 };

	if (map_file(dir, name, &file, &err) < 0) {
		skip(m, name, err.text);
		return;
	}
	import_message(m, name, file.octets, false);
	unmap_file(&file);
}

static int import_folder(struct importing *m, int maildir, const char *name, struct error *err)
{
	AUTO_STRINGS struct strings names = { 0 };
	int fd = openat(maildir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir) {
		error_system(err, "open %s", name);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			strings_add(&names, entry->d_name);
	strings_sort(&names); /* by arrival, as exported names are */
	for (size_t i = 0; i < names.n; i++)
		import_file(m, dirfd(dir), names.rows[i]);
	closedir(dir);
	return 0;
}

static int from_maildir(struct importing *m, const char *path, struct error *err)
{
	AUTO_CLOSE int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return error_system(err, "open %s", path);
	if (import_folder(m, dir, "new", err) < 0 || import_folder(m, dir, "cur", err) < 0)
		return error_context(err, "%s", path);
	return 0;
}

/* Where the next message's From_ line is: at the beginning, or behind an empty line. */
static size_t next_from(struct span all, size_t at)
{
	const char *found;

	while (at < all.n && (found = memmem(all.p + at, all.n - at, "\n\nFrom ", 7)) != NULL)
		return (size_t)(found - all.p) + 2;
	return all.n;
}

static int from_mbox(struct importing *m, const char *path, struct error *err)
{
	struct mapped file;
	size_t at = 0;
	unsigned number = 0;

	if (map_file(AT_FDCWD, path, &file, err) < 0)
		return -1;
	if (file.octets.n && !span_starts(file.octets, "From ")) {
		unmap_file(&file);
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
		                 "%s is no mbox file", path);
	}
	while (at < file.octets.n) {
		size_t end = next_from(file.octets, at);
		struct span raw = { file.octets.p + at, end - at }, line;
		char name[64];

		snprintf(name, sizeof name, "message %u at octet %zu", ++number, at);
		(void)span_next_line(&raw, &line);
		if (span_ends(raw, "\n"))
			raw.n--; /* the empty line */
		import_message(m, name, raw, true);
		at = end;
	}
	unmap_file(&file);
	return 0;
}

int spool_import(struct spool_call *c, struct error *err)
{
	struct importing m = { .call = c };
	int result = c->maildir ? from_maildir(&m, c->maildir, err) : from_mbox(&m, c->mbox, err);

	while (m.flight)
		spool_wait(c->spool);
	if (result < 0)
		return -1;
	if (m.failed)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		                 "%u messages are durable, %u are not: %s", m.n, m.failed, m.why);
	printf(c->json ? "{\"imported\":%u,\"there\":%u,\"skipped\":%u}\n"
	               : "imported %u messages; %u were there; %u skipped\n",
	       m.n, m.there, m.skipped);
	return m.skipped ? EXIT_CODE_NO : EXIT_CODE_GOOD;
}
