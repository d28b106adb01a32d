/* SPDX-License-Identifier: BSD-2-Clause */

/* mailbox -- answers what only looks at whole mailboxes: MAIL_SCAN, MBOX_SCAN, MBOX_FETCH. */

#include "wire/mailbox.h"

#include "agent/fill.h"
#include "base/cleanup.h"
#include "base/memory.h"
#include "store/maildirscan.h"
#include "store/mboxfile.h"
#include "store/mboxscan.h"
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ── scan ────────────────────────────────────────────────────────────────────────────────────── */

static int tell_folder(void *context, const struct mail_folder *folder, struct error *err)
{
	struct fill *f = context;

	wire_put_tag(&f->out, WIRE_MAIL_FOLDER);
	wire_put_folder(&f->out, folder);
	if (fill_pieces(f, WIRE_MAIL_UIDLIST, buf_span(&folder->uidlist), err) < 0 ||
	    fill_pieces(f, WIRE_MAIL_KEYWORDS, buf_span(&folder->keywords_file), err) < 0)
		return -1;
	return fill_added(f, err);
}

static int tell_message(void *context, const struct mail_message *message, struct error *err)
{
	struct fill *f = context;

	wire_put_tag(&f->out, WIRE_MAIL_MESSAGE);
	wire_put_message(&f->out, message);
	return fill_added(f, err);
}

static int tell_file(void *context, const struct mail_file *file, struct error *err)
{
	struct fill *f = context;

	wire_put_tag(&f->out, WIRE_MAIL_FILE);
	wire_put_file(&f->out, file);
	return fill_added(f, err);
}

static int tell_trouble(void *context, const char *words, bool left_out, struct error *err)
{
	struct fill *f = context;

	wire_put_tag(&f->out, WIRE_MAIL_TROUBLE);
	wire_put_text(&f->out, words);
	wire_put_u64(&f->out, left_out);
	return fill_added(f, err);
}

static int tell_state(void *context, const struct mbox_state *state, struct error *err)
{
	struct fill *f = context;

	wire_put_tag(&f->out, WIRE_MBOX_STATE);
	wire_put_mbox_state(&f->out, state);
	return fill_added(f, err);
}

static bool get_states(struct wire_reader *r, struct mbox_states *out)
{
	while (!r->bad && r->rest.n) {
		struct mbox_state state = { 0 };

		if (wire_get_u64(r) != WIRE_MBOX_STATE)
			r->bad = true;
		wire_get_mbox_state(r, &state);
		mbox_states_add(out, &state);
		free(state.folder);
	}
	return !r->bad;
}

/* A folder that holds a host's files has that host's local time. */
static void use_zone(const struct agent *a)
{
	AUTO_FREE char *zone = NULL;

	if (!agent_is_folder(a))
		return;
	zone = xasprintf(":/proc/self/fd/%d/etc/localtime", a->rootfd);
	setenv("TZ", zone, 1);
	tzset();
}

static int tell_message_and_id(void *context, const struct mail_message *m, struct error *err)
{
	struct fill *f = context;

	if (tell_message(context, m, err) < 0)
		return -1;
	if (!m->message_id || !*m->message_id)
		return 0;
	wire_put_tag(&f->out, WIRE_MBOX_ID);
	wire_put_text(&f->out, m->message_id);
	return fill_added(f, err);
}

int agent_mbox_scan(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	AUTO_MAILBOX_ACCOUNT struct mailbox_account account = { 0 };
	AUTO_MBOX_STATES struct mbox_states known = { 0 };
	struct fill f = { .a = a };
	const struct store_sink sink = { &f, tell_folder, tell_message_and_id, tell_file,
		                         tell_trouble };
	struct mboxscan more = { .known = &known, .state = tell_state };
	int result;

	wire_get_account(r, &account);
	more.utc = wire_get_u64(r) != 0;
	if (!get_states(r, &known) || account.format != MAILBOX_MBOX)
		r->bad = true;
	if (wire_read_end(r, "MBOX_SCAN", err) < 0)
		return -1;
	use_zone(a);
	result = mboxscan_since(a->rootfd, &account, &sink, &more, err);
	if (result == 0)
		result = fill_send(&f, err);
	buf_fini(&f.out);
	return result;
}

/* ── what differs from what is known ─────────────────────────────────────────────────────────── */

/* The folders of a request; what they point to is in its body. */
struct knowns {
	struct store_known *rows; /* owned, as the rows of each */
	size_t n, room;
};

static void knowns_fini(struct knowns *k)
{
	for (size_t i = 0; i < k->n; i++) {
		free(k->rows[i].rows);
		free((char *)(uintptr_t)k->rows[i].folder);
	}
	free(k->rows);
}

static void get_known(struct wire_reader *r, struct knowns *out)
{
	struct store_known known = { 0 };
	struct wire_known row;
	struct span rows;
	size_t room = 0;
	uint64_t how;

	if (wire_get_u64(r) != WIRE_MAIL_KNOWN)
		r->bad = true;
	known.folder = wire_get_string(r);
	known.uidlist = wire_get_digest(r);
	how = wire_get_u64(r);
	known.same = how == WIRE_MAIL_KNOWN_SAME;
	known.by_names = how == WIRE_MAIL_KNOWN_NAMES;
	if (known.by_names)
		known.names = wire_get_digest(r);
	rows = wire_get_span(r);
	while (wire_get_known(&rows, &row)) {
		ARRAY_GROW(known.rows, known.n, room);
		known.rows[known.n++] = (struct store_known_row){ .base = row.base,
			                                          .suffix = row.suffix,
			                                          .in_new = row.in_new,
			                                          .inode = row.inode };
	}
	if (rows.n)
		r->bad = true;
	ARRAY_GROW(out->rows, out->n, out->room);
	out->rows[out->n++] = known;
}

static int tell_as_known(void *context, bool uidlist, struct error *err)
{
	struct fill *f = context;

	wire_put_tag(&f->out, WIRE_MAIL_AS_KNOWN);
	wire_put_u64(&f->out, uidlist);
	return fill_added(f, err);
}

static int tell_gone(void *context, struct span base, struct error *err)
{
	struct fill *f = context;

	wire_put_tag(&f->out, WIRE_MAIL_GONE);
	wire_put_span(&f->out, base);
	return fill_added(f, err);
}

static int scan(struct agent *a, const struct mailbox_account *account, const struct knowns *known,
                struct fill *f, struct error *err)
{
	const struct store_sink sink = { f, tell_folder, tell_message, tell_file, tell_trouble };
	const struct maildirscan more = { known->rows, known->n, tell_as_known, tell_gone };
	int result = known->n ? maildirscan_since(a->rootfd, account, &sink, &more, err)
	                      : store_find(account->format)->scan(a->rootfd, account, &sink, err);

	return result < 0 ? -1 : fill_send(f, err);
}

int agent_mail_scan(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	AUTO_MAILBOX_ACCOUNT struct mailbox_account account = { 0 };
	struct fill f = { .a = a };
	struct knowns known = { 0 };
	int result;

	wire_get_account(r, &account);
	while (!r->bad && r->rest.n)
		get_known(r, &known);
	if (known.n && account.format != MAILBOX_MAILDIR)
		r->bad = true;
	result = wire_read_end(r, "MAIL_SCAN", err);
	if (result == 0)
		result = scan(a, &account, &known, &f, err);
	knowns_fini(&known);
	buf_fini(&f.out);
	return result;
}

/* ── a whole mbox file, or what was appended to it ───────────────────────────────────────────── */

#define CHUNK (256u << 10)

/* Adds [from, to) to the digest, and sends it if `f` is given. */
static int mbox_octets(struct mboxfile *file, uint64_t from, uint64_t to,
                       struct digest_state *digest, struct fill *f, struct error *err)
{
	AUTO_FREE char *chunk = xmalloc(CHUNK);

	while (from < to) {
		size_t want = to - from < CHUNK ? (size_t)(to - from) : CHUNK;
		ssize_t n = mboxfile_pread(&file->fd, chunk, want, from);

		if (n < 0)
			return error_system(err, "read %s", file->name);
		if ((size_t)n < want)
			return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_LATER, 0,
			                 "%s became shorter while it was read", file->name);
		digest_add(digest, chunk, want);
		from += want;
		if (f && fill_pieces(f, WIRE_MAIL_BYTES, (struct span){ chunk, want }, err) < 0)
			return -1;
	}
	return 0;
}

/* The file may have grown since; what it was must still be there. */
static int mbox_check(struct mboxfile *file, const struct mbox_state *was, struct error *err)
{
	struct mbox_state is = { 0 };
	struct mbox_summing summing;
	struct mbox_sum sum;

	mboxfile_stamp(file, &is);
	if (mbox_state_is_same(&is, was))
		return 0;
	mbox_sum_begin(&summing);
	if (is.size >= was->size && mboxfile_sum(file, &summing, 0, was->size, err) < 0)
		return -1;
	sum = mbox_sum_end(&summing);
	if (is.size >= was->size && mbox_sum_equal(&sum, &was->sum))
		return 0;
	return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_LATER, ESTALE,
	                 "%s changed since it was looked at", file->name);
}

static int mbox_send(struct mboxfile *file, const struct mbox_state *was, uint64_t keep,
                     struct fill *f, struct error *err)
{
	struct digest_state state;
	struct digest digest;
	struct mail_message now = {
		.base = file->name,
		.suffix = (char *)(uintptr_t) "",
		.mode = file->st.st_mode & 07777,
		.size = was->size,
		.offset = keep,
		.mtime_ns = was->mtime_ns,
	};

	if (mbox_check(file, was, err) < 0)
		return -1;
	wire_put_tag(&f->out, WIRE_MAIL_BEGIN);
	wire_put_message(&f->out, &now);
	wire_put_text(&f->out, "");
	digest_begin(&state);
	if (mbox_octets(file, keep, was->size, &state, f, err) < 0)
		return -1;
	digest = digest_end(&state);
	wire_put_tag(&f->out, WIRE_MAIL_DONE);
	wire_put_digest(&f->out, &digest);
	wire_put_text(&f->out, "");
	return fill_send(f, err);
}

int agent_mbox_fetch(struct agent *a, struct wire_reader *r, struct buf *end, struct error *err)
{
	AUTO_MAILBOX_ACCOUNT struct mailbox_account account = { 0 };
	AUTO_MBOXFILE struct mboxfile file = MBOXFILE_NONE;
	struct fill f = { .a = a };
	struct mbox_state was = { 0 };
	uint64_t keep;
	int result = -1;

	wire_get_account(r, &account);
	wire_get_mbox_state(r, &was);
	AUTO_FREE char *folder = was.folder;
	keep = wire_get_u64(r);
	if (keep > was.size)
		r->bad = true;
	if (wire_read_end(r, "MBOX_FETCH", err) < 0)
		return -1;
	if (mboxfile_open(&file, a->rootfd, &account, folder, MBOXFILE_READ, err) == 0)
		result = mbox_send(&file, &was, keep, &f, err);
	buf_fini(&f.out);
	return result;
}
