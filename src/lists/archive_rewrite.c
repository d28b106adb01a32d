/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/archive_rewrite.h"

#include "base/clock.h"
#include "base/memory.h"
#include "lists/archive_split.h"
#include "mail/header.h"
#include "remote/tree.h"
#include "tree/digest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PART (1u << 20)
#define HEAD_MAX (1u << 20)
#define DIFF_PLACES 20u

struct rewriting {
	const struct archive_rewrite_options *o;
	struct archive_rewrite *out;
	struct tree_writer *w; /* NULL: only looked at */
	struct buf ready;      /* to be written */
	uint64_t at;           /* octets given to the writer */
	struct tree_digest digest;
	struct digest_state read; /* of what was read */
	struct buf head;          /* of a message that may have to be left out */
	bool in_head, dropping;
	char last;
};

void archive_rewrite_fini(struct archive_rewrite *r)
{
	strings_fini(&r->diff);
	strings_fini(&r->dropped_ids);
	free(r->kept);
	*r = (struct archive_rewrite){ 0 };
}

/* ── out ─────────────────────────────────────────────────────────────────────────────────────── */

static int flush(struct rewriting *r, struct error *err)
{
	struct span ready = buf_span(&r->ready);

	if (r->w && ready.n) {
		tree_digest_add(&r->digest, ready.p, ready.n);
		if (tree_write_bytes(r->w, r->at, ready, err) < 0)
			return -1;
	}
	r->at += ready.n;
	buf_reset(&r->ready);
	return 0;
}

static int put(struct rewriting *r, struct span octets, struct error *err)
{
	if (!octets.n)
		return 0;
	r->last = octets.p[octets.n - 1];
	buf_add_span(&r->ready, octets);
	return r->ready.n >= PART ? flush(r, err) : 0;
}

/* ── the messages ────────────────────────────────────────────────────────────────────────────── */

static void tell(struct rewriting *r, uint64_t line, const char *sign, struct span before,
                 const char *more)
{
	AUTO_BUF struct buf words = { 0 };

	while (before.n && (before.p[before.n - 1] == '\n' || before.p[before.n - 1] == '\r'))
		before.n--;
	if (r->out->diff.n >= (size_t)DIFF_PLACES * 3 && !r->o->all_lines) {
		r->out->diff_more += *sign == '+';
		return;
	}
	if (*sign == '-' || line)
		strings_addf(&r->out->diff, "line %llu:", (unsigned long long)line);
	if (*sign == '-') {
		buf_add_text(&words, "- ");
		buf_add_printable(&words, before);
		strings_add(&r->out->diff, buf_text(&words));
		buf_reset(&words);
	}
	buf_addf(&words, "+ %s", more);
	if (*sign == '-')
		buf_add_printable(&words, before);
	strings_add(&r->out->diff, buf_text(&words));
}

/* The head is whole: whether the message stays is known. */
static int end_head(struct rewriting *r, struct error *err)
{
	struct span head = buf_span(&r->head), line;
	AUTO_BUF struct buf id = { 0 };

	if (!r->in_head)
		return 0;
	r->in_head = false;
	(void)span_next_line(&head, &line);
	header_message_id(head, &id);
	r->dropping = id.n && strings_has(r->o->drop, buf_text(&id));
	if (!r->dropping)
		return put(r, buf_span(&r->head), err);
	r->out->dropped++;
	r->out->dropped_octets += r->head.n;
	strings_add(&r->out->dropped_ids, buf_text(&id));
	return 0;
}

static int begin_message(struct rewriting *r, enum archive_line kind, uint64_t line,
                         struct span octets, struct error *err)
{
	if (end_head(r, err) < 0)
		return -1;
	r->out->messages++;
	r->out->close += kind == ARCHIVE_LINE_FROM_CLOSE;
	r->dropping = false;
	if (kind == ARCHIVE_LINE_FROM_CLOSE && r->o->escape) {
		tell(r, line, "+", octets, "");
		r->out->blanks++;
		if (put(r, SPAN("\n"), err) < 0)
			return -1;
	}
	if (!r->o->drop)
		return put(r, octets, err);
	buf_reset(&r->head);
	buf_add_span(&r->head, octets);
	r->in_head = true;
	return 0;
}

static int take(void *context, enum archive_line kind, uint64_t line, struct span octets,
                struct error *err)
{
	struct rewriting *r = context;
	bool stray = kind == ARCHIVE_LINE_STRAY;

	if (kind == ARCHIVE_LINE_FROM || kind == ARCHIVE_LINE_FROM_CLOSE)
		return begin_message(r, kind, line, octets, err);
	r->out->strays += stray;
	if (!r->out->messages)
		r->out->preamble += octets.n;
	if (r->in_head && !stray) {
		buf_add_span(&r->head, octets);
		return span_trim(octets).n && r->head.n < HEAD_MAX ? 0 : end_head(r, err);
	}
	if (end_head(r, err) < 0)
		return -1;
	if (r->dropping) {
		r->out->dropped_octets += octets.n;
		return 0;
	}
	if (stray && r->o->escape) {
		tell(r, line, "-", octets, ">");
		r->out->escaped++;
		if (put(r, SPAN(">"), err) < 0)
			return -1;
	}
	return put(r, octets, err);
}

static int take_end(struct rewriting *r, struct error *err)
{
	if (end_head(r, err) < 0)
		return -1;
	if (r->o->append.n) {
		/* a message of Mailman's ends with a blank line; what comes behind begins after one */
		if (r->at + r->ready.n && r->last != '\n') {
			r->out->appended++;
			if (put(r, SPAN("\n"), err) < 0)
				return -1;
		}
		r->out->appended += r->o->append.n;
		if (put(r, r->o->append, err) < 0)
			return -1;
	}
	r->out->octets_after = r->at + r->ready.n;
	return flush(r, err);
}

/* ── a pass ──────────────────────────────────────────────────────────────────────────────────── */

static int read_all(struct rewriting *r, struct archive_split *split, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s", r->o->dir, r->o->name);
	AUTO_BUF struct buf part = { 0 };
	uint64_t size = 1;

	for (uint64_t at = 0; at < size; at += part.n) {
		if (host_read_part(r->o->h, path, at, PART, &part, &size, err) < 0)
			return -1;
		if (!part.n)
			break;
		r->out->octets += part.n;
		digest_add(&r->read, part.p, part.n);
		if (archive_split_feed(split, buf_span(&part), err) < 0)
			return -1;
	}
	return archive_split_end(split, err);
}

/* Reads the file once; *read is the digest of what was there. */
static int pass(const struct archive_rewrite_options *o, struct archive_rewrite *out,
                struct tree_writer *w, struct digest *written, struct digest *read,
                struct error *err)
{
	struct rewriting r = { .o = o, .out = out, .w = w };
	AUTO_ARCHIVE_SPLIT struct archive_split split = { .take = take, .context = &r };
	int result;

	tree_digest_begin(&r.digest);
	digest_begin(&r.read);
	result = read_all(&r, &split, err);
	if (result == 0)
		result = take_end(&r, err);
	*read = digest_end(&r.read);
	*written = tree_digest_end(&r.digest);
	buf_fini(&r.ready);
	buf_fini(&r.head);
	out->from_lines = out->messages + out->strays;
	return result;
}

static bool sums_close(const struct archive_rewrite *r)
{
	return r->octets_after ==
	       r->octets - r->dropped_octets + r->escaped + r->blanks + r->appended;
}

static int differs(const struct archive_rewrite_options *o, enum error_retry retry,
                   const char *words, struct error *err)
{
	return error_set(err, ERROR_SCOPE_MAILBOX, retry, 0, "%s/%s: %s", o->dir, o->name, words);
}

/* ── writing ─────────────────────────────────────────────────────────────────────────────────── */

struct outcome {
	struct error why;
	bool failed;
};

static void failed(void *context, uint64_t id, const struct error *why)
{
	struct outcome *o = context;

	if (!o->failed)
		o->why = *why;
	o->failed = true;
}

static void noted(void *context, uint64_t id, const char *words)
{
}

static int commit(struct tree_writer *w, struct error *err)
{
	struct outcome told = { 0 };
	const struct tree_outcome outcome = { &told, failed, noted };
	uint64_t done;

	if (tree_write_commit(w, &outcome, &done, err) < 0)
		return -1;
	if (!told.failed)
		return 0;
	*err = told.why;
	return -1;
}

static int look(const struct archive_rewrite_options *o, struct host_listing *l, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s", o->dir, o->name);

	host_listing_fini(l);
	if (host_list(o->h, path, 0, l, err) < 0)
		return -1;
	return S_ISREG(l->rows[0].mode) ? 0 : differs(o, ERROR_RETRY_PERSON, "is no file", err);
}

/* A second name for the old file, which stays when the first becomes the new one's. */
static int keep_old(const struct archive_rewrite_options *o, const struct host_entry *old,
                    struct archive_rewrite *out, struct error *err)
{
	AUTO_TREE_WRITER struct tree_writer *w = NULL;
	AUTO_FREE char *name = NULL;

	for (unsigned i = 1; i < 1000; i++) {
		AUTO_LISTING struct host_listing there = { 0 };
		struct error why = { 0 };

		free(name);
		name = i == 1 ? xasprintf("%s.before-mailhaul", o->name)
		              : xasprintf("%s.before-mailhaul.%u", o->name, i);
		AUTO_FREE char *path = xasprintf("%s/%s", o->dir, name);
		if (host_list(o->h, path, 0, &there, &why) < 0) {
			if (why.sys_errno == ENOENT)
				break;
			*err = why;
			return -1;
		}
		/* made by a call that was killed then */
		if (there.rows[0].inode == old->inode) {
			out->kept = TAKE(path);
			return 0;
		}
	}
	w = tree_writer_new(o->h, o->dir);
	if (tree_write_hard(w, 0, name, o->name, err) < 0 || commit(w, err) < 0)
		return error_context(err, "keeping the old file");
	out->kept = xasprintf("%s/%s", o->dir, name);
	return 0;
}

static struct tree_node node_like(const struct host_entry *e, uint64_t size)
{
	return (struct tree_node){ .kind = TREE_FILE,
		                   .size = size,
		                   .mode = e->mode & 07777,
		                   .uid = e->uid,
		                   .gid = e->gid,
		                   .mtime_ns = clock_wall_ms() * 1000000 };
}

/* The mbox of a public list can be public; what was taken out of it must not be, by its other name. */
static int close_old(const struct archive_rewrite_options *o, const struct host_entry *old,
                     const char *kept, struct error *err)
{
	AUTO_TREE_WRITER struct tree_writer *w = tree_writer_new(o->h, o->dir);
	const struct tree_attributes none = { 0 };
	struct tree_node node = node_like(old, old->size);

	node.mode &= ~07u;
	node.mtime_ns = old->mtime_ns;
	if (tree_write_set(w, 0, kept + strlen(o->dir) + 1, &node, &none, err) < 0 ||
	    commit(w, err) < 0)
		return error_context(err, "%s", kept);
	return 0;
}

/* By pipermail's own rule, of what is on the host now. */
static int count_again(const struct archive_rewrite_options *o, const struct archive_rewrite *r,
                       struct error *err)
{
	const struct archive_rewrite_options look_only = { .h = o->h,
		                                           .dir = o->dir,
		                                           .name = o->name };
	AUTO_ARCHIVE_REWRITE struct archive_rewrite now = { 0 };
	struct digest written, read;

	if (pass(&look_only, &now, NULL, &written, &read, err) < 0)
		return -1;
	if (now.octets != r->octets_after || (o->escape && now.strays))
		return differs(o, ERROR_RETRY_NEVER, "what was written is not what it had to be",
		               err);
	return 0;
}

static int write_new(const struct archive_rewrite_options *o, struct archive_rewrite *out,
                     const struct digest *expected, struct error *err)
{
	AUTO_LISTING struct host_listing before = { 0 }, after = { 0 };
	AUTO_ARCHIVE_REWRITE struct archive_rewrite again = { 0 };
	AUTO_TREE_WRITER struct tree_writer *w = NULL;
	const struct tree_attributes none = { 0 };
	struct digest written, read;
	struct tree_node node;
	struct host *second;

	if (look(o, &before, err) < 0 || host_another(o->h, &second, err) < 0)
		return -1;
	node = node_like(&before.rows[0], out->octets_after);
	w = tree_writer_new(second, o->dir);
	if (tree_write_file(w, 0, o->name, &node, &none, err) < 0 ||
	    pass(o, &again, w, &written, &read, err) < 0)
		return -1;
	if (!digest_equal(&read, expected) || again.octets_after != out->octets_after ||
	    look(o, &after, err) < 0 || after.rows[0].inode != before.rows[0].inode ||
	    after.rows[0].size != out->octets || after.rows[0].mtime_ns != before.rows[0].mtime_ns)
		return differs(o, ERROR_RETRY_LATER, "was written to meanwhile: nothing is changed",
		               err);
	if ((o->keep && keep_old(o, &before.rows[0], out, err) < 0) ||
	    tree_write_done(w, &written, err) < 0 || commit(w, err) < 0 ||
	    (out->kept && close_old(o, &before.rows[0], out->kept, err) < 0))
		return -1;
	return count_again(o, out, err);
}

int archive_rewrite(const struct archive_rewrite_options *o, struct archive_rewrite *out,
                    struct error *err)
{
	struct digest written, read;

	if (pass(o, out, NULL, &written, &read, err) < 0)
		return -1;
	out->changes = out->escaped || out->blanks || out->dropped || out->appended;
	if (!sums_close(out))
		return differs(o, ERROR_RETRY_NEVER, "the sum of its octets does not close", err);
	return out->changes && !o->dry_run ? write_new(o, out, &read, err) : 0;
}

/* ── other files ─────────────────────────────────────────────────────────────────────────────── */

int archive_put(struct host *h, const char *dir, const char *path, const struct host_entry *like,
                struct span content, struct error *err)
{
	AUTO_FREE char *own = xasprintf("%s/%s", dir, path);
	AUTO_TREE_WRITER struct tree_writer *w = tree_writer_new(h, dir);
	const struct tree_attributes none = { 0 };
	AUTO_LISTING struct host_listing l = { 0 };
	struct error why = { 0 };
	struct tree_node node;
	struct tree_digest state;
	struct digest digest;

	if (host_list(h, own, 0, &l, &why) < 0 && why.sys_errno != ENOENT)
		return *err = why, -1;
	node = node_like(l.n ? &l.rows[0] : like, content.n);
	tree_digest_begin(&state);
	tree_digest_add(&state, content.p, content.n);
	digest = tree_digest_end(&state);
	if (tree_write_file(w, 0, path, &node, &none, err) < 0 ||
	    tree_write_bytes(w, 0, content, err) < 0 || tree_write_done(w, &digest, err) < 0 ||
	    commit(w, err) < 0)
		return error_context(err, "%s", own);
	return 0;
}

int archive_link(struct host *h, const char *dir, const char *path, const char *target,
                 const struct host_entry *like, struct error *err)
{
	AUTO_TREE_WRITER struct tree_writer *w = tree_writer_new(h, dir);
	AUTO_FREE char *own = xstrdup(target);
	struct tree_node node = node_like(like, 0);

	node.kind = TREE_LINK;
	node.target = own;
	return tree_write_link(w, 0, path, &node, err) < 0 ? -1 : commit(w, err);
}

int archive_remove(struct host *h, const char *dir, const char *path, struct error *err)
{
	AUTO_TREE_WRITER struct tree_writer *w = tree_writer_new(h, dir);

	return tree_write_remove(w, 0, path, false, err) < 0 ? -1 : commit(w, err);
}

int archive_check_stopped(struct host *h, const struct lists_paths *paths, const char *list,
                          struct error *err)
{
	AUTO_FREE char *own = xasprintf("%s.lock", list);
	int64_t now = (int64_t)host_hello(h)->now_ms * 1000000;
	AUTO_LISTING struct host_listing locks = { 0 };
	struct error ignored = { 0 };

	if (!paths->value[LISTS_LOCK_DIR] ||
	    host_list(h, paths->value[LISTS_LOCK_DIR], 1, &locks, &ignored) < 0)
		return 0;
	for (size_t i = 0; i < locks.n; i++) {
		const struct host_entry *e = &locks.rows[i];

		/* a lock that is held ends in the future */
		if (!S_ISREG(e->mode) || e->mtime_ns < now ||
		    (strcmp(e->path, "master-qrunner") != 0 && strcmp(e->path, own) != 0))
			continue;
		error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0,
		          "Mailman is at work: its lock %s is held", e->path);
		return error_hint(err,
		                  "stop its runners; remove a lock only if no process holds it");
	}
	return 0;
}
