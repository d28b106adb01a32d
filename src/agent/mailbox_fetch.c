/* SPDX-License-Identifier: BSD-2-Clause */

/* mailbox_fetch -- answers MAIL_FETCH and MAIL_BRING: messages are read, one after the other. */

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

/* What a WANTED_AS says, if there is one: *folder is owned by the caller. Returns the next tag. */
static uint64_t get_as(struct wire_reader *r, struct mail_message *as, char **folder)
{
	uint64_t tag = wire_get_u64(r);

	if (tag != WIRE_MAIL_WANTED_AS)
		return tag;
	*folder = wire_get_string(r);
	as->mode = (uint32_t)(wire_get_u64(r) & 0777);
	as->mtime_ns = (int64_t)wire_get_u64(r);
	if (!mail_path_fits(*folder))
		r->bad = true;
	return wire_get_u64(r);
}

static int fetch_one(struct wire_reader *r, const struct mailbox_account *account, struct fetch *f,
                     uint64_t index, struct error *err)
{
	const struct store_reader reader = { f, fetch_begin, fetch_bytes };
	struct error why = { 0 };
	struct mail_message as = { 0 };
	AUTO_FREE char *as_folder = NULL;
	bool is_wanted = get_as(r, &as, &as_folder) == WIRE_MAIL_WANTED;
	AUTO_FREE char *folder = wire_get_string(r);
	AUTO_FREE char *base = wire_get_string(r);
	AUTO_FREE char *suffix = wire_get_string(r);
	struct store_wanted wanted = { &f->places, folder, base, suffix,
		                       .in_new = wire_get_u64(r) != 0 };

	wanted.offset = wire_get_u64(r);
	if (r->bad || !is_wanted || !mail_path_fits(folder) || !mail_name_fits(span_of(base)) ||
	    strchr(suffix, '/'))
		return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_NEVER, EINVAL,
		                 "malformed MAIL_FETCH or MAIL_BRING on the wire");
	if (f->into) {
		as.base = base;
		as.suffix = suffix;
		as.in_new = wanted.in_new;
		f->into->as = as_folder ? &as : NULL;
		f->into->folder = as_folder ? as_folder : folder;
	}
	if ((account->format == MAILBOX_MBOX
	             ? mboxread(&f->mbox, f->rootfd, account, &wanted, &reader, &why)
	             : store_find(account->format)
	                       ->read(f->rootfd, account, &wanted, &reader, &why)) == 0)
		return fetch_done(f, err);
	if (f->fill.gone || (f->into && f->into->broken)) {
		*err = why;
		return -1;
	}
	if (f->into)
		write_drop(f->into->batch);
	return tell_failed(&f->fill, index, &why, err);
}

static int fetch_all(struct wire_reader *r, const struct mailbox_account *account, struct fetch *f,
                     struct error *err)
{
	int result = 0;

	for (uint64_t i = 0; result == 0 && !r->bad && r->rest.n; i++)
		result = fetch_one(r, account, f, i, err);
	if (result == 0)
		result = wire_read_end(r, f->into ? "MAIL_BRING" : "MAIL_FETCH", err);
	if (result == 0)
		result = fill_send(&f->fill, err);
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
