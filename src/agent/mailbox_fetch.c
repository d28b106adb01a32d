/* SPDX-License-Identifier: BSD-2-Clause */

/* mailbox_fetch -- answers MAIL_FETCH and MAIL_BRING: messages are read, one after the other; some more
 * are open already, so that the disk has its work before they are waited for. */

#include "agent/fill.h"
#include "agent/storing.h"
#include "base/cleanup.h"
#include "base/memory.h"
#include "mail/header.h"
#include "store/mboxread.h"
#include "store/store.h"
#include "store/write.h"
#include "wire/mailbox.h"
#include "wire/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* So many messages are open ahead of the one that is read. */
#define OPEN_AHEAD 32u

/* One message of a request. */
struct fetch_row {
	char *folder, *base, *suffix; /* owned */
	bool in_new;
	uint64_t offset;
	char *as_folder;             /* owned; it is converted: where it goes; or NULL */
	struct mail_message as;      /* and its mode and time there */
	struct store_opened *opened; /* owned; NULL: not, or not yet */
	struct error why;            /* of opening it; no scope: none */
};

/* Where what is read is written at once: MAIL_BRING. */
struct bringing {
	struct write_batch *batch; /* borrowed */
	char *root;                /* owned */
	uint32_t uid, gid;
	const char *folder; /* borrowed; of the message that is read */
	bool broken;        /* it could not be written: the whole batch is spoilt */
	/* of a message that is converted; NULL: it is written as it was found */
	struct mail_message *as; /* borrowed */
};

struct fetch {
	struct fill fill;
	struct store_places places;
	int rootfd; /* of the host that is read */
	bool content;
	struct bringing *into; /* NULL: the content is for mailhaul, or for nobody */
	struct mboxread mbox;
	struct digest_state digest;
	struct buf head; /* the first octets, where Message-ID is looked for */
};

/* The walk over an mbox has digested what it held, and gave. */
static bool is_digested(const struct fetch *f)
{
	return f->mbox.folder && !f->mbox.too_long;
}

static int begin_there(struct fetch *f, const struct mail_message *now, struct error *err)
{
	if (f->into->as)
		now = f->into->as;

	AUTO_FREE char *name = xasprintf("%s%s", now->base, now->suffix);
	const struct write_target t = {
		.root = f->into->root,
		.folder = f->into->folder,
		.in_new = now->in_new,
		.name = name,
		.mode = now->mode,
		.uid = f->into->uid,
		.gid = f->into->gid,
		.mtime_ns = now->mtime_ns,
		.digested = is_digested(f),
	};

	f->into->broken = write_begin_message(f->into->batch, &t, err) < 0;
	return f->into->broken ? -1 : 0;
}

static int fetch_begin(void *context, const struct mail_message *now, struct span from_line,
                       struct error *err)
{
	struct fetch *f = context;

	digest_begin(&f->digest);
	buf_reset(&f->head);
	wire_put_tag(&f->fill.out, WIRE_MAIL_BEGIN);
	wire_put_message(&f->fill.out, now);
	wire_put_span(&f->fill.out, from_line);
	if (f->into && begin_there(f, now, err) < 0)
		return -1;
	return fill_added(&f->fill, err);
}

static int fetch_bytes(void *context, struct span bytes, struct error *err)
{
	struct fetch *f = context;

	if (f->into) {
		f->into->broken = write_bytes(f->into->batch, bytes, err) < 0;
		if (f->into->broken)
			return -1;
	} else if (!is_digested(f)) {
		digest_add(&f->digest, bytes.p, bytes.n);
	}
	if (f->head.n < HEADER_LOOK_MAX) {
		size_t room = HEADER_LOOK_MAX - f->head.n;

		buf_add(&f->head, bytes.p, bytes.n < room ? bytes.n : room);
	}
	return f->content ? fill_pieces(&f->fill, WIRE_MAIL_BYTES, bytes, err) : 0;
}

static int fetch_done(struct fetch *f, struct error *err)
{
	AUTO_BUF struct buf message_id = { 0 };
	struct digest digest = f->mbox.digest;

	if (f->into) {
		f->into->broken = (is_digested(f)
		                           ? write_end_digested(f->into->batch, err)
		                           : write_end_own(f->into->batch, &digest, err)) < 0;
		if (f->into->broken)
			return -1;
	} else if (!is_digested(f)) {
		digest = digest_end(&f->digest);
	}
	header_message_id(buf_span(&f->head), &message_id);
	wire_put_tag(&f->fill.out, WIRE_MAIL_DONE);
	wire_put_digest(&f->fill.out, &digest);
	wire_put_span(&f->fill.out, buf_span(&message_id));
	return fill_added(&f->fill, err);
}

static int tell_failed(struct fill *f, uint64_t index, const struct error *why, struct error *err)
{
	wire_put_tag(&f->out, WIRE_MAIL_FAILED);
	wire_put_failed(&f->out, index, why);
	return fill_added(f, err);
}

/* What a WANTED_AS says, if there is one. Returns the next tag. */
static uint64_t get_as(struct wire_reader *r, struct fetch_row *row)
{
	uint64_t tag = wire_get_u64(r);

	if (tag != WIRE_MAIL_WANTED_AS)
		return tag;
	row->as_folder = wire_get_string(r);
	row->as.mode = (uint32_t)(wire_get_u64(r) & 0777);
	row->as.mtime_ns = (int64_t)wire_get_u64(r);
	if (!mail_path_fits(row->as_folder))
		r->bad = true;
	return wire_get_u64(r);
}

static int get_row(struct wire_reader *r, struct fetch_row *row, struct error *err)
{
	bool is_wanted = get_as(r, row) == WIRE_MAIL_WANTED;

	row->folder = wire_get_string(r);
	row->base = wire_get_string(r);
	row->suffix = wire_get_string(r);
	row->in_new = wire_get_u64(r) != 0;
	row->offset = wire_get_u64(r);
	if (r->bad || !is_wanted || !mail_path_fits(row->folder) ||
	    !mail_name_fits(span_of(row->base)) || strchr(row->suffix, '/'))
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, EINVAL,
		                 "malformed MAIL_FETCH or MAIL_BRING on the wire");
	row->as.base = row->base;
	row->as.suffix = row->suffix;
	row->as.in_new = row->in_new;
	return 0;
}

static struct store_wanted wanted_of(struct fetch *f, const struct fetch_row *row)
{
	return (struct store_wanted){ &f->places,  row->folder, row->base,
		                      row->suffix, row->in_new, row->offset };
}

/* An mbox is one file, read from one message to the next. */
static void open_row(struct fetch *f, const struct mailbox_account *account, struct fetch_row *row)
{
	const struct store_wanted wanted = wanted_of(f, row);

	if (account->format == MAILBOX_MBOX)
		return;
	/* why not, is told in its turn */
	(void)!store_find(account->format)
		->open(f->rootfd, account, &wanted, &row->opened, &row->why);
}

static int read_row(struct fetch *f, const struct mailbox_account *account, struct fetch_row *row,
                    struct error *why)
{
	const struct store_reader reader = { f, fetch_begin, fetch_bytes };
	const struct store_wanted wanted = wanted_of(f, row);

	if (account->format == MAILBOX_MBOX)
		return mboxread(&f->mbox, f->rootfd, account, &wanted, &reader, why);
	if (row->opened)
		return store_find(account->format)->read(row->opened, &reader, why);
	*why = row->why;
	return -1;
}

static int fetch_one(struct fetch *f, const struct mailbox_account *account, struct fetch_row *row,
                     uint64_t index, struct error *err)
{
	struct error why = { 0 };

	if (f->into) {
		f->into->as = row->as_folder ? &row->as : NULL;
		f->into->folder = row->as_folder ? row->as_folder : row->folder;
	}
	if (read_row(f, account, row, &why) == 0)
		return fetch_done(f, err);
	if (f->fill.gone || (f->into && f->into->broken)) {
		*err = why;
		return -1;
	}
	if (f->into)
		write_drop(f->into->batch);
	return tell_failed(&f->fill, index, &why, err);
}

static int fetch_rows(struct fetch *f, const struct mailbox_account *account,
                      struct fetch_row *rows, size_t n, struct error *err)
{
	size_t opened = 0;

	for (size_t i = 0; i < n; i++) {
		while (opened < n && opened <= i + OPEN_AHEAD)
			open_row(f, account, &rows[opened++]);
		if (fetch_one(f, account, &rows[i], i, err) < 0)
			return -1;
		store_opened_free(TAKE(rows[i].opened));
	}
	return fill_send(&f->fill, err);
}

static void row_fini(struct fetch_row *row)
{
	store_opened_free(row->opened);
	free(row->folder);
	free(row->base);
	free(row->suffix);
	free(row->as_folder);
}

static int fetch_all(struct wire_reader *r, const struct mailbox_account *account, struct fetch *f,
                     struct error *err)
{
	AUTO_FREE struct fetch_row *rows = NULL;
	size_t n = 0, room = 0;
	int result = 0;

	while (result == 0 && !r->bad && r->rest.n) {
		ARRAY_GROW(rows, n, room);
		rows[n] = (struct fetch_row){ 0 };
		result = get_row(r, &rows[n++], err);
	}
	if (result == 0)
		result = wire_read_end(r, f->into ? "MAIL_BRING" : "MAIL_FETCH", err);
	if (result == 0)
		result = fetch_rows(f, account, rows, n, err);
	for (size_t i = 0; i < n; i++)
		row_fini(&rows[i]);
	store_places_fini(&f->places);
	mboxread_close(&f->mbox);
	buf_fini(&f->fill.out);
	buf_fini(&f->head);
	return result;
}

int agent_mail_fetch(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	AUTO_MAILBOX_ACCOUNT struct mailbox_account account = { 0 };
	struct fetch f = { .fill = { .a = a }, .rootfd = a->rootfd, .mbox = MBOXREAD_NONE };
	uint64_t content;

	wire_get_account(r, &account);
	content = wire_get_u64(r);
	f.content = content != 0;
	if (a->packer)
		wire_packer_hold(a->packer, content == 2);
	return fetch_all(r, &account, &f, err);
}

static int bring(struct agent *a, struct wire_reader *r, const struct mailbox_account *account,
                 int fromfd, struct bringing *into, struct error *err)
{
	struct fetch f = {
		.fill = { .a = a }, .rootfd = fromfd, .into = into, .mbox = MBOXREAD_NONE
	};

	into->batch = storing_batch(a, err);
	if (!into->batch)
		return -1;
	if (fetch_all(r, account, &f, err) == 0)
		return 0;
	/* as with MAIL_STORE: what failed spoils all up to the next COMMIT */
	storing_spoil(a, err);
	return -1;
}

int agent_mail_bring(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	AUTO_MAILBOX_ACCOUNT struct mailbox_account account = { 0 };
	struct bringing into = { 0 };
	int result;

	wire_get_account(r, &account);
	AUTO_FREE char *top = wire_get_string(r);
	AUTO_FREE char *root = wire_get_string(r);
	into.root = root;
	into.uid = wire_get_u32(r);
	into.gid = wire_get_u32(r);
	if (r->bad || top[0] != '/' || root[0] != '/' || agent_is_folder(a))
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, EINVAL,
		                 "malformed MAIL_BRING on the wire");

	AUTO_CLOSE int fromfd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fromfd < 0)
		return error_system(err, "open %s", top);
	result = bring(a, r, &account, fromfd, &into, err);
	return result;
}
