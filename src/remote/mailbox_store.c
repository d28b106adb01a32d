/* SPDX-License-Identifier: BSD-2-Clause */

/* mailbox_store -- the half of remote/mailbox.h that changes a host. */

#include "base/memory.h"
#include "remote/mailbox.h"
#include "remote/sending.h"
#include "wire/mailbox.h"

#include <stdlib.h>
#include <string.h>

/* Octets of a BYTES record. */
#define PIECE_MAX (256u << 10)
#define CHANGES_FILL (1u << 20)

struct mailbox_writer {
	struct sending to;
	uint64_t *inodes; /* owned; of the last commit */
	size_t inodes_n, inodes_room;
};

struct mailbox_writer *mailbox_writer_new(struct host *h)
{
	struct mailbox_writer *w = xcalloc(1, sizeof *w);

	w->to = (struct sending){ .h = h, .kind = WIRE_MAIL_STORE, .most = HOST_AHEAD };
	return w;
}

int mailbox_put_message(struct mailbox_writer *w, const struct mailbox_account *account,
                        const char *folder, const char *name, const struct mail_message *m,
                        struct error *err)
{
	if (sending_check(&w->to, err) < 0)
		return -1;
	wire_put_tag(&w->to.body, WIRE_MAIL_PUT_MESSAGE);
	wire_put_text(&w->to.body, account->root);
	wire_put_text(&w->to.body, folder);
	wire_put_u64(&w->to.body, m->in_new);
	wire_put_text(&w->to.body, name);
	wire_put_u64(&w->to.body, m->mode);
	wire_put_u64(&w->to.body, account->uid);
	wire_put_u64(&w->to.body, account->gid);
	wire_put_u64(&w->to.body, (uint64_t)m->mtime_ns);
	return sending_added(&w->to, err);
}

int mailbox_bring_send(struct mailbox_writer *w, const char *top,
                       const struct mailbox_account *from, const struct mailbox_account *to,
                       const struct mailbox_wanted *wanted, const char *const *as, size_t n,
                       struct error *err)
{
	AUTO_BUF struct buf body = { 0 };

	if (sending_settle(&w->to, err) < 0)
		return -1;
	wire_put_account(&body, from);
	wire_put_text(&body, top);
	wire_put_text(&body, to->root);
	wire_put_u64(&body, to->uid);
	wire_put_u64(&body, to->gid);
	for (size_t i = 0; i < n; i++) {
		if (as[i]) {
			wire_put_tag(&body, WIRE_MAIL_WANTED_AS);
			wire_put_text(&body, as[i]);
			wire_put_u64(&body, wanted[i].m->mode);
			wire_put_u64(&body, (uint64_t)wanted[i].m->mtime_ns);
		}
		mailbox_put_wanted(&body, &wanted[i], 1);
	}
	w->to.dirty = true;
	return host_send(w->to.h, WIRE_MAIL_BRING, buf_span(&body), err);
}

int mailbox_put_file(struct mailbox_writer *w, const struct mailbox_file *f, struct error *err)
{
	if (sending_check(&w->to, err) < 0)
		return -1;
	wire_put_tag(&w->to.body, WIRE_MAIL_PUT_FILE);
	wire_put_text(&w->to.body, f->root);
	wire_put_text(&w->to.body, f->path);
	wire_put_u64(&w->to.body, f->keep);
	wire_put_u64(&w->to.body, f->mode);
	wire_put_u64(&w->to.body, f->uid);
	wire_put_u64(&w->to.body, f->gid);
	wire_put_u64(&w->to.body, (uint64_t)f->mtime_ns);
	return sending_added(&w->to, err);
}

int mailbox_put_link(struct mailbox_writer *w, const struct mailbox_file *f, const char *target,
                     struct error *err)
{
	if (sending_check(&w->to, err) < 0)
		return -1;
	wire_put_tag(&w->to.body, WIRE_MAIL_LINK);
	wire_put_text(&w->to.body, f->root);
	wire_put_text(&w->to.body, f->path);
	wire_put_text(&w->to.body, target);
	wire_put_u64(&w->to.body, f->uid);
	wire_put_u64(&w->to.body, f->gid);
	return sending_added(&w->to, err);
}

int mailbox_put_bytes(struct mailbox_writer *w, struct span bytes, struct error *err)
{
	if (sending_check(&w->to, err) < 0)
		return -1;
	while (bytes.n) {
		size_t n = bytes.n < PIECE_MAX ? bytes.n : PIECE_MAX;

		wire_put_tag(&w->to.body, WIRE_MAIL_BYTES);
		wire_put_span(&w->to.body, (struct span){ bytes.p, n });
		bytes = span_from(bytes, n);
		if (sending_added(&w->to, err) < 0)
			return -1;
	}
	return 0;
}

int mailbox_put_done(struct mailbox_writer *w, const struct digest *digest, struct error *err)
{
	if (sending_check(&w->to, err) < 0)
		return -1;
	wire_put_tag(&w->to.body, WIRE_MAIL_DONE);
	wire_put_digest(&w->to.body, digest);
	wire_put_text(&w->to.body, "");
	return sending_added(&w->to, err);
}

int mailbox_put_drop(struct mailbox_writer *w, struct error *err)
{
	if (sending_check(&w->to, err) < 0)
		return -1;
	wire_put_tag(&w->to.body, WIRE_MAIL_DROP);
	return sending_added(&w->to, err);
}

int mailbox_writer_settle(struct mailbox_writer *w, struct error *err)
{
	return sending_settle(&w->to, err);
}

static void get_inodes(struct mailbox_writer *w, struct wire_reader *r)
{
	w->inodes_n = 0;
	while (r->rest.n && !r->bad && w->inodes_n < WIRE_MAIL_INODES_MAX) {
		ARRAY_GROW(w->inodes, w->inodes_n, w->inodes_room);
		w->inodes[w->inodes_n++] = wire_get_u64(r);
	}
}

uint64_t mailbox_placed_inode(const struct mailbox_writer *w, uint64_t at)
{
	return at < w->inodes_n ? w->inodes[at] : 0;
}

static int commit(struct mailbox_writer *w, struct span how, uint64_t *n, struct error *err)
{
	AUTO_BUF struct buf end = { 0 };
	struct wire_reader r;
	uint64_t placed;

	if (mailbox_writer_settle(w, err) < 0)
		return -1;
	w->to.dirty = false;
	if (host_call(w->to.h, WIRE_MAIL_COMMIT, how, NULL, NULL, &end, err) < 0)
		return sending_give_up(&w->to);
	r = (struct wire_reader){ .rest = buf_span(&end) };
	placed = wire_get_u64(&r);
	get_inodes(w, &r);
	if (wire_read_end(&r, "answer to MAIL_COMMIT", err) < 0)
		return sending_give_up(&w->to);
	if (n)
		*n = placed;
	return 0;
}

int mailbox_commit(struct mailbox_writer *w, uint64_t *n, struct error *err)
{
	return commit(w, SPAN(""), n, err);
}

int mailbox_commit_ahead(struct mailbox_writer *w, uint64_t *n, struct error *err)
{
	AUTO_BUF struct buf ahead = { 0 };

	wire_put_u64(&ahead, 1);
	if (commit(w, buf_span(&ahead), n, err) < 0)
		return -1;
	w->to.dirty = true;
	return 0;
}

void mailbox_writer_free(struct mailbox_writer *w)
{
	AUTO_BUF struct buf spoil = { 0 };

	if (!w)
		return;
	wire_put_u64(&spoil, 0); /* a record that no STORE has */
	sending_end(&w->to, buf_span(&spoil), WIRE_MAIL_COMMIT);
	free(w->inodes);
	free(w);
}

/* ── changes ─────────────────────────────────────────────────────────────────────────────────── */

void mailbox_changes_fini(struct mailbox_changes *c)
{
	buf_fini(&c->body);
	strings_fini(&c->words);
	free(TAKE(c->last));
}

static int change_data(void *context, struct span body, struct error *err)
{
	struct mailbox_changes *c = context;
	struct wire_reader r = { .rest = body };
	struct error why = { 0 };

	while (r.rest.n) {
		uint64_t tag = wire_get_u64(&r), index = wire_get_u64(&r);
		struct span words = wire_get_span(&r);

		if (r.bad || tag != WIRE_MAIL_FAILED || index >= c->words.n)
			return host_malformed(c->h, "answer", err);
		(void)!wire_get_error(words, &why);
		c->failed(c->context, c->words.rows[index], &why);
	}
	return 0;
}

int mailbox_changes_begin(struct mailbox_changes *c, struct error *err)
{
	int result;

	if (!c->words.n)
		return 0;
	result = host_send(c->h, WIRE_MAIL_CHANGE, buf_span(&c->body), err);
	c->under_way = result == 0;
	buf_reset(&c->body);
	return result;
}

int mailbox_changes_finish(struct mailbox_changes *c, struct error *err)
{
	int result = c->under_way ? host_collect(c->h, change_data, c, NULL, err) : 0;

	c->under_way = false;
	strings_fini(&c->words);
	return result;
}

int mailbox_changes_send(struct mailbox_changes *c, struct error *err)
{
	return mailbox_changes_begin(c, err) < 0 ? -1 : mailbox_changes_finish(c, err);
}

static void begin(struct mailbox_changes *c, enum wire_mail_tag tag, const char *what,
                  const char *folder, const char *base)
{
	AUTO_BUF struct buf words = { 0 };

	if (!c->body.n) {
		wire_put_account(&c->body, c->account);
		wire_put_u64(&c->body, c->account->uid);
		wire_put_u64(&c->body, c->account->gid);
		wire_put_u64(&c->body, c->later);
		free(TAKE(c->last));
	}
	buf_addf(&words, "%s ", what);
	mail_folder_title(folder, &words);
	if (*base) {
		buf_add_char(&words, '/');
		buf_add_printable(&words, span_of(base));
	}
	strings_add(&c->words, buf_text(&words));
	wire_put_tag(&c->body, tag);
}

static void begin_folder(struct mailbox_changes *c, enum wire_mail_tag tag, const char *what,
                         const char *folder)
{
	begin(c, tag, what, folder, "");
	wire_put_text(&c->body, folder);
}

static int end(struct mailbox_changes *c, struct error *err)
{
	return c->body.n >= CHANGES_FILL ? mailbox_changes_send(c, err) : 0;
}

/* Of thousands of them most are in the folder of the one before. */
static void begin_message(struct mailbox_changes *c, enum wire_mail_tag tag, const char *what,
                          const char *folder, const struct mail_message *m, bool comes_to_new)
{
	bool same;

	begin(c, tag, what, folder, m->base);
	same = c->last && !strcmp(c->last, folder);
	wire_put_u64(&c->body, (m->in_new ? WIRE_MAIL_WAS_IN_NEW : 0) |
	                               (comes_to_new ? WIRE_MAIL_COMES_TO_NEW : 0) |
	                               (same ? WIRE_MAIL_SAME_FOLDER : 0));
	if (!same) {
		wire_put_text(&c->body, folder);
		free(c->last);
		c->last = xstrdup(folder);
	}
	wire_put_text(&c->body, m->base);
	wire_put_text(&c->body, m->suffix);
}

int mailbox_rename(struct mailbox_changes *c, const char *folder, const struct mail_message *m,
                   const char *suffix, bool in_new, int64_t mtime_ns, struct error *err)
{
	begin_message(c, WIRE_MAIL_RENAME, "set the flags of", folder, m, in_new);
	wire_put_text(&c->body, suffix);
	wire_put_u64(&c->body, (uint64_t)mtime_ns);
	return end(c, err);
}

int mailbox_remove(struct mailbox_changes *c, const char *folder, const struct mail_message *m,
                   struct error *err)
{
	begin_message(c, WIRE_MAIL_REMOVE, "remove", folder, m, false);
	return end(c, err);
}

int mailbox_make_folder(struct mailbox_changes *c, const char *folder, uint32_t mode,
                        struct error *err)
{
	begin_folder(c, WIRE_MAIL_MAKE_FOLDER, "make folder", folder);
	wire_put_u64(&c->body, mode);
	return end(c, err);
}

int mailbox_remove_folder(struct mailbox_changes *c, const char *folder, struct error *err)
{
	begin_folder(c, WIRE_MAIL_REMOVE_FOLDER, "remove folder", folder);
	return end(c, err);
}

int mailbox_drop_indexes(struct mailbox_changes *c, const char *folder, struct error *err)
{
	begin_folder(c, WIRE_MAIL_DROP_INDEXES, "remove the index files of", folder);
	return end(c, err);
}

int mailbox_remove_file(struct mailbox_changes *c, enum mail_place place, const char *path,
                        struct error *err)
{
	begin_folder(c, WIRE_MAIL_REMOVE_FILE, "remove file", path);
	wire_put_u64(&c->body, (uint64_t)place);
	return end(c, err);
}

int mailbox_append(struct host *h, const struct mailbox_account *account,
                   const struct mailbox_append *m, bool *appended, struct error *err)
{
	AUTO_BUF struct buf body = { 0 }, answer = { 0 };
	struct wire_reader r;

	wire_put_account(&body, account);
	wire_put_text(&body, m->folder);
	wire_put_u64(&body, account->uid);
	wire_put_u64(&body, account->gid);
	wire_put_text(&body, m->path);
	wire_put_text(&body, m->from_line);
	wire_put_text(&body, m->flags);
	wire_put_text(&body, m->keywords);
	wire_put_digest(&body, &m->digest);
	if (host_call(h, WIRE_MBOX_APPEND, buf_span(&body), NULL, NULL, &answer, err) < 0)
		return -1;
	r = (struct wire_reader){ .rest = buf_span(&answer) };
	*appended = wire_get_u64(&r) != 0;
	return wire_read_end(&r, "answer to MBOX_APPEND", err);
}
