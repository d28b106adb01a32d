/* SPDX-License-Identifier: BSD-2-Clause */
#include "remote/mailbox.h"

#include "base/memory.h"
#include "store/keywords.h"
#include "store/uidlist.h"
#include "wire/mailbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What a host may make us keep of one account, far beyond any real one, is bounded by the memory
 * that it takes: host_check_kept(). A record takes its octets and about so many more. */
#define RECORD_OCTETS (sizeof(struct mail_message) + 64)
#define FOLDERS_MAX 1000000u
#define SMALL_FILE_MAX (512u << 20)
#define TROUBLES_MAX 10000u

/* ── scan ────────────────────────────────────────────────────────────────────────────────────── */

struct scan {
	struct host *h;
	struct mail_listing *out;
	struct mbox_states *states; /* NULL: none are told */
	uint64_t kept;              /* octets of memory, about */
};

static int scan_folder(struct scan *s, struct wire_reader *r, struct error *err)
{
	struct mail_folder f;

	wire_get_folder(r, &f);
	if (r->bad || s->out->folders_n == FOLDERS_MAX) {
		mail_folder_fini(&f);
		return host_malformed(s->h, "folder", err);
	}
	mail_listing_take_folder(s->out, &f);
	return 0;
}

static int scan_message(struct scan *s, struct mail_folder *f, struct wire_reader *r,
                        struct error *err)
{
	struct mail_message m;

	wire_get_message(r, &m);
	if (r->bad || !f) {
		mail_message_fini(&m);
		return host_malformed(s->h, "message", err);
	}
	mail_folder_take_message(f, &m);
	return 0;
}

static int scan_file(struct scan *s, struct wire_reader *r, struct error *err)
{
	struct mail_file file;

	wire_get_file(r, &file);
	if (r->bad || s->out->files_n == FOLDERS_MAX) {
		mail_file_fini(&file);
		return host_malformed(s->h, "file", err);
	}
	mail_listing_take_file(s->out, &file);
	return 0;
}

static int scan_piece(struct scan *s, struct buf *to, struct wire_reader *r, struct error *err)
{
	struct span piece = wire_get_span(r);

	if (r->bad || !to || to->n + piece.n > SMALL_FILE_MAX)
		return host_malformed(s->h, "uidlist", err);
	buf_add_span(to, piece);
	return 0;
}

static int scan_trouble(struct scan *s, struct wire_reader *r, struct error *err)
{
	struct span words = wire_get_span(r);
	struct strings *to = wire_get_u64(r) ? &s->out->troubles : &s->out->notes;
	AUTO_BUF struct buf printable = { 0 };

	if (r->bad)
		return host_malformed(s->h, "trouble", err);
	buf_add_printable(&printable, words);
	if (to->n < TROUBLES_MAX)
		strings_add(to, buf_text(&printable));
	return 0;
}

static int scan_state(struct scan *s, struct wire_reader *r, struct error *err)
{
	struct mbox_state state;
	int result = 0;

	wire_get_mbox_state(r, &state);
	if (r->bad || !s->states || s->states->n >= s->out->folders_n)
		result = host_malformed(s->h, "state", err);
	else
		mbox_states_add(s->states, &state);
	free(state.folder);
	return result;
}

static int scan_id(struct scan *s, struct mail_folder *f, struct wire_reader *r, struct error *err)
{
	struct span id = wire_get_span(r);

	if (r->bad || !f || !f->n || id.n > 998 || f->rows[f->n - 1].message_id)
		return host_malformed(s->h, "Message-ID", err);
	f->rows[f->n - 1].message_id = span_dup(id);
	return 0;
}

static int scan_as_known(struct scan *s, struct mail_folder *f, struct wire_reader *r,
                         struct error *err)
{
	uint64_t uidlist = wire_get_u64(r);

	if (r->bad || uidlist > 1 || !f || f->n || f->as_known)
		return host_malformed(s->h, "AS_KNOWN", err);
	f->as_known = true;
	f->uidlist_as_known = uidlist != 0;
	return 0;
}

static int scan_gone(struct scan *s, struct mail_folder *f, struct wire_reader *r,
                     struct error *err)
{
	AUTO_FREE char *base = wire_get_string(r);

	if (r->bad || !f || !f->as_known)
		return host_malformed(s->h, "GONE", err);
	strings_add(&f->gone, base);
	return 0;
}

static int scan_record(struct scan *s, struct wire_reader *r, struct error *err)
{
	struct mail_listing *l = s->out;
	struct mail_folder *last = l->folders_n ? &l->folders[l->folders_n - 1] : NULL;
	uint64_t tag = wire_get_u64(r);

	switch (tag) {
	case WIRE_MAIL_FOLDER:
		return scan_folder(s, r, err);
	case WIRE_MAIL_MESSAGE:
		return scan_message(s, last, r, err);
	case WIRE_MAIL_UIDLIST:
		return scan_piece(s, last ? &last->uidlist : NULL, r, err);
	case WIRE_MAIL_KEYWORDS:
		return scan_piece(s, last ? &last->keywords_file : NULL, r, err);
	case WIRE_MAIL_FILE:
		return scan_file(s, r, err);
	case WIRE_MAIL_TROUBLE:
		return scan_trouble(s, r, err);
	case WIRE_MAIL_AS_KNOWN:
		return scan_as_known(s, last, r, err);
	case WIRE_MAIL_GONE:
		return scan_gone(s, last, r, err);
	case WIRE_MBOX_ID:
		return scan_id(s, last, r, err);
	case WIRE_MBOX_STATE:
		return scan_state(s, r, err);
	default:
		return host_malformed(s->h, "scan", err);
	}
}

static int scan_data(void *context, struct span body, struct error *err)
{
	struct wire_reader r = { .rest = body };
	struct scan *s = context;

	while (r.rest.n) {
		size_t before = r.rest.n;

		if (scan_record(s, &r, err) < 0)
			return -1;
		s->kept += before - r.rest.n + RECORD_OCTETS;
		if (host_check_kept(s->h, s->kept, err) < 0)
			return -1;
	}
	return 0;
}

/* A uidlist that can't be read costs the folder its UIDs, and is told; its messages go on. */
static void resolve(const struct mailbox_account *account, struct mail_folder *f,
                    struct strings *notes)
{
	AUTO_FREE char *place = xasprintf("%s/%s%sdovecot-uidlist", account->root, f->name,
	                                  *f->name ? "/" : "");
	AUTO_UIDLIST struct uidlist list = { 0 };
	struct error why = { 0 };

	if (f->keywords_file.n)
		keywords_parse(buf_span(&f->keywords_file), place, &f->keywords, notes);
	if (!f->uidlist.n)
		return;
	if (uidlist_parse(buf_span(&f->uidlist), place, &list, notes, &why) < 0) {
		strings_add(notes, why.text);
		return;
	}
	f->uidvalidity = list.uidvalidity;
	f->uidnext = list.uidnext;
	memcpy(f->guid, list.guid, sizeof f->guid);
	for (size_t i = 0; i < f->n; i++) {
		const struct uidlist_row *row = uidlist_find(&list, span_of(f->rows[i].base));

		if (row)
			f->rows[i].uid = row->uid;
	}
}

#define KNOWN_FIXED 128u /* octets: more than the fields of a KNOWN record but its texts take */

/* As many folders as there is room for in one request. */
static void put_known(struct buf *body, const struct mail_agreed *a,
                      const struct mailbox_agreed *how)
{
	/* what new has by now is always wanted whole, to hold old's against it */
	static const struct digest none;
	AUTO_BUF struct buf rows = { 0 };
	struct digest names;
	bool of_new = how->of_new;
	bool by_names = how->by_names && !how->same && mail_agreed_names(a, of_new, &names);

	for (size_t i = 0; !how->same && !by_names && i < a->n; i++) {
		const struct mail_agreed_row *row = &a->rows[i];

		wire_put_known(&rows, &(struct wire_known){ .base = span_of(row->base),
		                                            .suffix = span_of(row->suffix),
		                                            .in_new = row->in_new,
		                                            .inode = of_new ? row->new_inode
		                                                            : row->old_inode });
	}
	if (body->n + rows.n + strlen(a->folder) + KNOWN_FIXED > WIRE_BODY_MAX)
		return;
	wire_put_tag(body, WIRE_MAIL_KNOWN);
	wire_put_text(body, a->folder);
	wire_put_digest(body, of_new ? &none : &a->old_uidlist);
	wire_put_u64(body, how->same ? WIRE_MAIL_KNOWN_SAME : by_names ? WIRE_MAIL_KNOWN_NAMES : 0);
	if (by_names)
		wire_put_digest(body, &names);
	wire_put_span(body, buf_span(&rows));
}

int mailbox_scan_send(struct host *h, const struct mailbox_account *account,
                      const struct mailbox_agreed *agreed, struct error *err)
{
	AUTO_BUF struct buf body = { 0 };

	wire_put_account(&body, account);
	for (size_t i = 0; agreed && i < agreed->n; i++)
		put_known(&body, &agreed->folders[i], agreed);
	return host_send(h, WIRE_MAIL_SCAN, buf_span(&body), err);
}

int mailbox_scan_collect(struct host *h, const struct mailbox_account *account,
                         struct mail_listing *out, struct error *err)
{
	AUTO_MAIL_LISTING struct mail_listing made = { 0 };
	struct scan s = { .h = h, .out = &made };

	if (host_collect(h, scan_data, &s, NULL, err) < 0)
		return error_context(err, "look at the mail of %s", account->user);
	mail_listing_sort(&made);
	for (size_t i = 0; i < made.folders_n; i++)
		resolve(account, &made.folders[i], &made.notes);
	mail_listing_fini(out);
	*out = made;
	made = (struct mail_listing){ 0 };
	return 0;
}

int mailbox_scan(struct host *h, const struct mailbox_account *account, struct mail_listing *out,
                 struct error *err)
{
	if (mailbox_scan_send(h, account, NULL, err) < 0)
		return -1;
	return mailbox_scan_collect(h, account, out, err);
}

int mailbox_mbox_scan_send(struct host *h, const struct mailbox_account *account, bool utc,
                           const struct mbox_states *known, struct error *err)
{
	AUTO_BUF struct buf body = { 0 };

	wire_put_account(&body, account);
	wire_put_u64(&body, utc);
	for (size_t i = 0; known && i < known->n; i++) {
		wire_put_tag(&body, WIRE_MBOX_STATE);
		wire_put_mbox_state(&body, &known->rows[i]);
	}
	return host_send(h, WIRE_MBOX_SCAN, buf_span(&body), err);
}

int mailbox_mbox_scan_collect(struct host *h, const struct mailbox_account *account,
                              struct mail_listing *out, struct mbox_states *states,
                              struct error *err)
{
	AUTO_MAIL_LISTING struct mail_listing made = { 0 };
	AUTO_MBOX_STATES struct mbox_states now = { 0 };
	struct scan s = { .h = h, .out = &made, .states = &now };

	if (host_collect(h, scan_data, &s, NULL, err) < 0)
		return error_context(err, "look at the mail of %s", account->user);
	mail_listing_fini(out);
	mbox_states_fini(states);
	*out = made;
	*states = now;
	made = (struct mail_listing){ 0 };
	now = (struct mbox_states){ 0 };
	return 0;
}

int mailbox_mbox_scan(struct host *h, const struct mailbox_account *account, bool utc,
                      const struct mbox_states *known, struct mail_listing *out,
                      struct mbox_states *states, struct error *err)
{
	if (mailbox_mbox_scan_send(h, account, utc, known, err) < 0)
		return -1;
	return mailbox_mbox_scan_collect(h, account, out, states, err);
}

/* ── fetch ───────────────────────────────────────────────────────────────────────────────────── */

void mailbox_put_wanted(struct buf *body, const struct mailbox_wanted *wanted, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		wire_put_tag(body, WIRE_MAIL_WANTED);
		wire_put_text(body, wanted[i].folder);
		wire_put_text(body, wanted[i].m->base);
		wire_put_text(body, wanted[i].m->suffix);
		wire_put_u64(body, wanted[i].m->in_new);
		wire_put_u64(body, wanted[i].m->offset);
	}
}

int mailbox_fetch_send(struct host *h, const struct mailbox_account *account, bool content,
                       const struct mailbox_wanted *wanted, size_t n, struct error *err)
{
	AUTO_BUF struct buf body = { 0 };

	wire_put_account(&body, account);
	wire_put_u64(&body, !content ? 0 : host_waits(h) ? 1 : 2);
	mailbox_put_wanted(&body, wanted, n);
	return host_send(h, WIRE_MAIL_FETCH, buf_span(&body), err);
}

struct fetch {
	struct host *h;
	const struct mailbox_wanted *wanted; /* NULL: an mbox file */
	size_t n;
	const struct mailbox_reader *reader;
	size_t index; /* of the message that is under way, or comes next */
	bool open;
};

static int fetch_begin(struct fetch *f, struct wire_reader *r, struct error *err)
{
	struct mail_message now;
	struct span from_line;
	int result;

	wire_get_message(r, &now);
	from_line = wire_get_span(r);
	if (r->bad || f->open || f->index >= f->n ||
	    (f->wanted && strcmp(now.base, f->wanted[f->index].m->base) != 0)) {
		result = host_malformed(f->h, "answer", err);
	} else {
		f->open = true;
		result = f->reader->begin(f->reader->context, f->index, &now, from_line, err);
	}
	mail_message_fini(&now);
	return result;
}

static int fetch_done(struct fetch *f, struct wire_reader *r, struct error *err)
{
	struct digest digest = wire_get_digest(r);
	struct span message_id = wire_get_span(r);

	if (r->bad || !f->open)
		return host_malformed(f->h, "answer", err);
	f->open = false;
	return f->reader->done(f->reader->context, f->index++, &digest, message_id, err);
}

static int fetch_failed(struct fetch *f, struct wire_reader *r, struct error *err)
{
	struct error why = { 0 };

	wire_get_failed(r, f->index, &why);
	if (r->bad || f->index >= f->n)
		return host_malformed(f->h, "answer", err);
	f->open = false;
	return f->reader->failed(f->reader->context, f->index++, &why, err);
}

static int fetch_data(void *context, struct span body, struct error *err)
{
	struct wire_reader r = { .rest = body };
	struct fetch *f = context;
	int result = 0;

	while (result == 0 && r.rest.n) {
		uint64_t tag = wire_get_u64(&r);

		if (tag == WIRE_MAIL_BEGIN) {
			result = fetch_begin(f, &r, err);
		} else if (tag == WIRE_MAIL_BYTES && f->open) {
			struct span bytes = wire_get_span(&r);

			result = r.bad ? host_malformed(f->h, "answer", err)
			               : f->reader->bytes(f->reader->context, f->index, bytes, err);
		} else if (tag == WIRE_MAIL_DONE) {
			result = fetch_done(f, &r, err);
		} else if (tag == WIRE_MAIL_FAILED) {
			result = fetch_failed(f, &r, err);
		} else {
			result = host_malformed(f->h, "answer", err);
		}
	}
	return result;
}

int mailbox_fetch_collect(struct host *h, const struct mailbox_wanted *wanted, size_t n,
                          const struct mailbox_reader *reader, struct error *err)
{
	struct fetch f = { .h = h, .wanted = wanted, .n = n, .reader = reader };

	if (host_collect(h, fetch_data, &f, NULL, err) < 0)
		return -1;
	return f.index == n ? 0 : host_malformed(h, "answer", err);
}

int mailbox_mbox_fetch(struct host *h, const struct mailbox_account *account,
                       const struct mbox_state *was, uint64_t keep,
                       const struct mailbox_reader *reader, struct error *err)
{
	AUTO_BUF struct buf body = { 0 };
	struct fetch f = { .h = h, .n = 1, .reader = reader };

	wire_put_account(&body, account);
	wire_put_mbox_state(&body, was);
	wire_put_u64(&body, keep);
	if (host_call(h, WIRE_MBOX_FETCH, buf_span(&body), fetch_data, &f, NULL, err) < 0)
		return -1;
	return f.index == 1 ? 0 : host_malformed(h, "answer", err);
}

int mailbox_mbox_grow(struct host *h, const struct mailbox_account *account,
                      const struct mbox_state *was, const char *path, int64_t mtime_ns, bool undo,
                      struct mbox_state *now, struct error *err)
{
	AUTO_BUF struct buf body = { 0 }, answer = { 0 };
	struct wire_reader r;
	int result;

	wire_put_account(&body, account);
	wire_put_mbox_state(&body, was);
	wire_put_u64(&body, (uint64_t)mtime_ns);
	wire_put_text(&body, path);
	wire_put_u64(&body, undo);
	if (host_call(h, WIRE_MBOX_GROW, buf_span(&body), NULL, NULL, &answer, err) < 0)
		return -1;
	r = (struct wire_reader){ .rest = buf_span(&answer) };
	wire_get_mbox_state(&r, now);
	free(TAKE(now->folder));
	result = wire_read_end(&r, "answer to MBOX_GROW", err);
	return result;
}
