/* SPDX-License-Identifier: BSD-2-Clause */

/* bring -- the way back: mail that the new side took after X goes to the old side. */

#include "base/clock.h"
#include "base/memory.h"
#include "copy/convert.h"
#include "copy/dsync.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Content on its way into an mbox; hidden, so that no scan takes it for a folder. */
#define APPEND_PATH ".mailhaul-append"

struct bring {
	struct pass p; /* old = the listing of `from`, new = that of `to`; known = the manifest */
	struct strings *brought;
	const struct mail_folder *f; /* mbox: of the message under way */
	struct mailbox_writer *writer;
	char *from_line;
	struct mail_message now;
	struct digest digest;
	bool arrived;
};

static void tell(struct bring *b, const char *folder, const char *base, const char *message_id)
{
	AUTO_BUF struct buf words = { 0 };

	mail_folder_title(folder, &words);
	buf_add_char(&words, '/');
	buf_add_printable(&words, span_of(base));
	if (*message_id) {
		buf_add_char(&words, ' ');
		buf_add_printable(&words, span_of(message_id));
	}
	strings_add(b->brought, buf_text(&words));
}

/* A manifest message that a user moved to another folder on the new side: it is on the old side,
 * where it was at X, and would be there twice. */
static bool was_moved(const struct bring *b, const struct digest *digest)
{
	for (size_t i = 0; i < b->p.known.messages_n; i++) {
		const struct known_message *k = &b->p.known.messages[i];
		const struct mail_folder *f;

		if (!digest_equal(&k->digest, digest))
			continue;
		f = mail_listing_find(&b->p.old, k->folder);
		if (!f || !mail_folder_find(f, k->base))
			return true;
	}
	return false;
}

static int find_surplus(struct bring *b, struct error *err)
{
	struct pass *p = &b->p;
	AUTO_FREE struct mailbox_wanted *wanted = NULL;
	struct transfer_digest *digests;
	size_t n = 0, room = 0;
	int result;

	for (size_t i = 0; i < p->old.folders_n; i++) {
		const struct mail_folder *f = &p->old.folders[i];

		for (size_t k = 0; k < f->n; k++) {
			if (known_find(&p->known, f->name, f->rows[k].base))
				continue;
			ARRAY_GROW(wanted, n, room);
			wanted[n++] = (struct mailbox_wanted){ f->name, &f->rows[k] };
		}
	}
	digests = xcalloc(n + 1, sizeof *digests);
	result = transfer_digests(p->old_host, p->account->from, wanted, n, digests, err);
	for (size_t i = 0; i < n; i++) {
		const struct mail_folder *there = mail_listing_find(&p->new, wanted[i].folder);

		if (result < 0 || !digests[i].there) {
			p->out->vanished += result == 0;
		} else if (there && mail_folder_find(there, wanted[i].m->base)) {
			tell(b, wanted[i].folder, wanted[i].m->base, digests[i].message_id);
			p->out->unchanged++;
		} else if (was_moved(b, &digests[i].digest)) {
			strings_addf(&p->out->notes,
			             "%s was moved on the new host; it stays where it was",
			             digests[i].message_id);
		} else {
			ARRAY_GROW(p->rows, p->rows_n, p->rows_room);
			p->rows[p->rows_n++] = (struct transfer_row){
				.from = p->account->from,
				.to = p->account->to,
				.owner = p,
				.folder = wanted[i].folder,
				.m = wanted[i].m,
				.f = mail_listing_find(&p->old, wanted[i].folder),
			};
			p->progress.total_messages++;
			p->progress.total_octets += wanted[i].m->size;
		}
		free(digests[i].message_id);
	}
	free(digests);
	return result;
}

/* ── Maildir ─────────────────────────────────────────────────────────────────────────────────── */

/* Keyword letters mean what the folder's dovecot-keywords says, and the two may differ by now. */
static char *name_there(void *context, const struct transfer_row *row,
                        const struct mail_message *now)
{
	struct bring *b = context;
	const struct mail_folder *there = mail_listing_find(&b->p.new, row->folder);
	AUTO_BUF struct buf flags = { 0 }, keywords = { 0 };
	struct span rest, word;

	mail_message_flags(now, &flags);
	mail_message_keywords(row->f, now, &keywords);
	rest = buf_span(&keywords);
	while (span_next_word(&rest, &word)) {
		for (unsigned i = 0; there && i < MAIL_KEYWORDS_MAX; i++)
			if (there->keywords.names[i] && span_is(word, there->keywords.names[i]))
				buf_add_char(&flags, (char)('a' + (char)i));
	}
	if (!*now->suffix)
		return xstrdup(now->base);
	return xasprintf("%s:2,%s", now->base, buf_text(&flags));
}

static int arrived(void *context, const struct transfer_arrival *arrivals, size_t n, int64_t batch,
                   struct error *err)
{
	struct bring *b = context;

	for (size_t i = 0; i < n; i++) {
		const struct transfer_row *row = &b->p.rows[arrivals[i].index];

		tell(b, row->folder, row->m->base, arrivals[i].message_id);
		b->p.out->copied++;
		b->p.out->copied_octets += arrivals[i].now->size;
	}
	return 0;
}

static void not_read(void *context, const struct transfer_row *row, const struct error *why)
{
	struct bring *b = context;

	if (why->sys_errno == ENOENT)
		b->p.out->vanished++;
	else
		pass_skip(&b->p, row->folder, row->m->base, why->text);
}

static void change_failed(void *context, const char *what, const struct error *why)
{
	struct pass *p = context;

	strings_addf(&p->out->skipped, "%s: %s", what, why->text);
}

static int make_folders(struct bring *b, struct error *err)
{
	AUTO_MAILBOX_CHANGES struct mailbox_changes changes = {
		.h = b->p.new_host,
		.account = b->p.account->to,
		.context = &b->p,
		.failed = change_failed,
	};
	const char *last = NULL;

	for (size_t i = 0; i < b->p.rows_n; i++) {
		const struct transfer_row *row = &b->p.rows[i];

		if (row->folder == last || mail_listing_find(&b->p.new, row->folder))
			continue;
		last = row->folder;
		b->p.out->folders_made++;
		if (mailbox_make_folder(&changes, row->folder, row->f->mode, err) < 0)
			return -1;
	}
	return mailbox_changes_send(&changes, err);
}

static uint64_t left(const struct pass *p)
{
	return p->progress.total_octets - p->progress.octets;
}

static int bring_maildir(struct bring *b, struct error *err)
{
	struct transfer t = {
		.from_host = b->p.old_host,
		.to_host = b->p.new_host,
		.rows = b->p.rows,
		.n = b->p.rows_n,
		.context = b,
		.name = name_there,
		.arrived = arrived,
		.failed = not_read,
	};

	if (make_folders(b, err) < 0 || transfer_run(&t, err) < 0)
		return pass_explain(&b->p, left(&b->p), err);
	return 0;
}

/* ── mbox ────────────────────────────────────────────────────────────────────────────────────── */

static int mbox_begin(void *context, size_t index, const struct mail_message *now,
                      struct span from_line, struct error *err)
{
	struct bring *b = context;
	const struct mailbox_account *to = b->p.account->to;
	const struct mailbox_file file = {
		.root = to->root,
		.path = APPEND_PATH,
		.mode = 0600,
		.uid = to->uid,
		.gid = to->gid,
		.mtime_ns = clock_wall_ms() * 1000000,
	};

	AUTO_BUF struct buf keywords = { 0 };

	if (!now->keywords)
		mail_message_keywords(b->f, now, &keywords);
	b->from_line = from_line.n ? span_dup(from_line) : convert_from_line(now->mtime_ns);
	b->now = *now;
	b->now.base = NULL;
	b->now.suffix = xstrdup(now->suffix);
	b->now.keywords = xstrdup(now->keywords ? now->keywords : buf_text(&keywords));
	return mailbox_put_file(b->writer, &file, err);
}

static int mbox_bytes(void *context, size_t index, struct span content, struct error *err)
{
	struct bring *b = context;

	return mailbox_put_bytes(b->writer, content, err);
}

static int mbox_done(void *context, size_t index, const struct digest *digest,
                     struct span message_id, struct error *err)
{
	struct bring *b = context;
	AUTO_FREE char *id = span_dup(message_id);

	b->digest = *digest;
	b->arrived = true;
	tell(b, b->f->name, b->p.rows[b->p.progress.messages].m->base, id);
	return mailbox_put_done(b->writer, digest, err);
}

static int mbox_failed(void *context, size_t index, const struct error *why, struct error *err)
{
	struct bring *b = context;
	const struct transfer_row *row = &b->p.rows[b->p.progress.messages];

	if (why->sys_errno == ENOENT)
		b->p.out->vanished++;
	else
		pass_skip(&b->p, row->folder, row->m->base, why->text);
	return mailbox_put_drop(b->writer, err);
}

static int append(struct bring *b, const struct transfer_row *row, struct error *err)
{
	const struct mailbox_account *from = b->p.account->from;
	AUTO_FREE char *folder = from->format == MAILBOX_MBOX
	                                 ? xstrdup(row->folder)
	                                 : convert_name_back(from->layout, row->folder);
	AUTO_BUF struct buf flags = { 0 };
	struct mailbox_append m = {
		.folder = folder,
		.path = APPEND_PATH,
		.from_line = b->from_line,
		.keywords = b->now.keywords,
		.digest = b->digest,
	};
	bool appended;

	mail_suffix_flags(span_of(b->now.suffix), &flags);
	m.flags = buf_text(&flags);
	if (mailbox_append(b->p.new_host, b->p.account->to, &m, &appended, err) < 0)
		return -1;
	b->p.out->copied += appended;
	b->p.out->unchanged += !appended;
	b->p.out->copied_octets += appended ? row->m->size : 0;
	return 0;
}

static int bring_mbox_message(struct bring *b, const struct transfer_row *row, struct error *err)
{
	AUTO_MAILBOX_WRITER struct mailbox_writer *writer = mailbox_writer_new(b->p.new_host);
	const struct mailbox_reader reader = { b, mbox_begin, mbox_bytes, mbox_done, mbox_failed };
	const struct mailbox_wanted wanted = { row->folder, row->m };
	int result = 0;

	b->writer = writer;
	b->f = row->f;
	b->arrived = false;
	if (mailbox_fetch_send(b->p.old_host, b->p.account->from, true, &wanted, 1, err) < 0 ||
	    mailbox_fetch_collect(b->p.old_host, &wanted, 1, &reader, err) < 0 ||
	    (b->arrived && mailbox_commit(writer, NULL, err) < 0))
		result = -1;
	if (result == 0 && b->arrived)
		result = append(b, row, err);
	free(TAKE(b->from_line));
	mail_message_fini(&b->now);
	return result;
}

static int bring_mbox(struct bring *b, struct error *err)
{
	for (; b->p.progress.messages < b->p.rows_n; b->p.progress.messages++)
		if (bring_mbox_message(b, &b->p.rows[b->p.progress.messages], err) < 0)
			return pass_explain(&b->p, left(&b->p), err);
	return 0;
}

/* ── both ────────────────────────────────────────────────────────────────────────────────────── */

static int run(struct bring *b, struct error *err)
{
	const struct copy_account *a = b->p.account;
	int64_t frozen_ms;

	if (messages_frozen_at(b->p.state, &frozen_ms, err) < 0)
		return -1;
	if (!frozen_ms)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		                 "there was no freeze, so nothing tells which mail is new");
	const struct copy_account there = { a->to, a->from, NULL };
	bool converted = convert_is_wanted(&there);

	if (a->from->format != a->to->format && !converted)
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0,
		                 "the mailbox has another format on the other host");
	if (known_load(&b->p.known, b->p.state, a->from->user, MESSAGES_MANIFEST, err) < 0)
		return -1;
	if (mailbox_is_dovecots(a->from->format))
		return dsync_bring(&b->p, b->brought, err);
	if (mailbox_scan(b->p.old_host, a->from, &b->p.old, err) < 0 ||
	    (converted ? convert_scan(b->p.new_host, &there, &b->p.known, &b->p.old, &b->p.new, err)
	               : mailbox_scan(b->p.new_host, a->to, &b->p.new, err)) < 0 ||
	    find_surplus(b, err) < 0)
		return -1;
	for (size_t i = 0; i < b->p.old.troubles.n; i++)
		strings_add(&b->p.out->skipped, b->p.old.troubles.rows[i]);
	return a->to->format == MAILBOX_MBOX ? bring_mbox(b, err) : bring_maildir(b, err);
}

int copy_bring_back(struct host *from_host, struct host *to_host,
                    const struct copy_account *account, struct state *state,
                    struct strings *brought, struct copy_result *out, struct error *err)
{
	static const struct copy_options options;
	struct bring b = {
		.p = { .old_host = from_host,
		       .new_host = to_host,
		       .account = account,
		       .state = state,
		       .options = &options,
		       .out = out,
		       .progress = { .account = account->from->user } },
		.brought = brought,
	};
	int64_t began_ms = clock_monotonic_ms();
	int result = run(&b, err);

	if (result < 0)
		error_context(err, "bring back the mail of %s", account->from->user);
	mail_listing_fini(&b.p.old);
	mail_listing_fini(&b.p.new);
	known_fini(&b.p.known);
	free(b.p.rows);
	out->seconds += (double)(clock_monotonic_ms() - began_ms) / 1000;
	return result;
}
