/* SPDX-License-Identifier: BSD-2-Clause */
#include "copy/verify.h"

#include "base/clock.h"
#include "base/memory.h"
#include "copy/comparing.h"
#include "copy/convert.h"
#include "copy/dsync.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void verify_result_fini(struct verify_result *r)
{
	strings_fini(&r->differences);
	strings_fini(&r->notes);
	*r = (struct verify_result){ 0 };
}

void comparing_tell(struct comparing *c, const char *folder, const char *base,
                    const char *message_id, const char *format, ...)
{
	AUTO_BUF struct buf line = { 0 };
	char words[512];
	va_list args;

	va_start(args, format);
	vsnprintf(words, sizeof words, format, args);
	va_end(args);
	buf_add_printable(&line, span_of(c->account->from->user));
	buf_add_char(&line, ' ');
	mail_folder_title(folder, &line);
	if (*base) {
		buf_add_char(&line, '/');
		buf_add_printable(&line, span_of(base));
	}
	if (message_id && *message_id) {
		buf_add_char(&line, ' ');
		buf_add_printable(&line, span_of(message_id));
	}
	buf_addf(&line, ": %s", words);
	strings_add(&c->out->differences, buf_text(&line));
}

/* What a user may do after the opening is counted, before it is a difference. */
static void tell_unless_open(struct comparing *c, const struct expected *e, const char *what,
                             const char *is, const char *was)
{
	if (c->options->opened_ms)
		c->out->changed++;
	else
		comparing_tell(c, e->folder, e->base, e->message_id, "%s \"%s\" instead of \"%s\"",
		               what, is, was);
}

static void compare_flags(struct comparing *c, const struct expected *e,
                          const struct mail_folder *f)
{
	AUTO_BUF struct buf flags = { 0 }, keywords = { 0 };

	mail_message_flags(e->found, &flags);
	mail_message_keywords(f, e->found, &keywords);
	if (strcmp(buf_text(&flags), e->flags) != 0)
		tell_unless_open(c, e, "flags", buf_text(&flags), e->flags);
	if (strcmp(buf_text(&keywords), e->keywords) != 0)
		tell_unless_open(c, e, "keywords", buf_text(&keywords), e->keywords);
}

static void compare_date(struct comparing *c, const struct expected *e)
{
	char is[32], was[32];

	if (e->found->mtime_ns == e->mtime_ns)
		return;
	comparing_tell(c, e->folder, e->base, e->message_id, "date %s instead of %s",
	               clock_text(is, e->found->mtime_ns / 1000000),
	               clock_text(was, e->mtime_ns / 1000000));
}

static void compare_message(struct comparing *c, const struct expected *e)
{
	const struct mail_folder *f = mail_listing_find(&c->new, e->folder);

	if (!e->found) {
		comparing_tell(
			c, e->folder, e->base, e->message_id,
			c->options->opened_ms
				? "missing on the new host (lost, or deleted since the opening)"
				: "missing on the new host");
		return;
	}
	if (e->uid && e->found->uid != e->uid)
		comparing_tell(c, e->folder, e->base, e->message_id, "UID %u instead of %u",
		               e->found->uid, e->uid);
	compare_flags(c, e, f);
	compare_date(c, e);
}

static void compare_folder(struct comparing *c, const char *name, uint32_t uidvalidity)
{
	const struct mail_folder *there = mail_listing_find(&c->new, name);

	c->out->folders++;
	if (!there)
		comparing_tell(c, name, "", NULL, "this folder is missing on the new host");
	else if (uidvalidity && there->uidvalidity != uidvalidity)
		comparing_tell(c, name, "", NULL, "UIDVALIDITY %u instead of %u",
		               there->uidvalidity, uidvalidity);
}

static bool is_expected_folder(struct comparing *c, const char *name)
{
	const struct known_folder *k = known_find_folder(&c->known, name);

	return c->frozen_ms ? k != NULL : mail_listing_find(&c->old, name) != NULL;
}

static void compare_folders(struct comparing *c)
{
	if (c->frozen_ms) {
		for (size_t i = 0; i < c->known.folders_n; i++)
			compare_folder(c, c->known.folders[i].folder,
			               c->known.folders[i].uidvalidity);
	} else {
		for (size_t i = 0; i < c->old.folders_n; i++)
			compare_folder(c, c->old.folders[i].name, c->old.folders[i].uidvalidity);
	}
	for (size_t i = 0; i < c->new.folders_n; i++) {
		AUTO_BUF struct buf words = { 0 };

		if (is_expected_folder(c, c->new.folders[i].name))
			continue;
		buf_addf(&words, "%s ", c->account->from->user);
		mail_folder_title(c->new.folders[i].name, &words);
		buf_add_text(&words, ": this folder is on the new host only");
		strings_add(&c->out->notes, buf_text(&words));
	}
}

/* ── what only new has ───────────────────────────────────────────────────────────────────────── */

static int expected_order(const void *a, const void *b)
{
	const struct expected *x = a, *y = b;
	int order = strcmp(x->folder, y->folder);

	return order ? order : strcmp(x->base, y->base);
}

static bool is_expected(const struct comparing *c, const char *folder, const char *base)
{
	const struct expected key = { .folder = folder, .base = base };

	return c->n && bsearch(&key, c->rows, c->n, sizeof key, expected_order);
}

static const struct expected *same_octets(const struct comparing *c, const char *folder,
                                          const struct digest *digest)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->rows[i].has_digest && digest_equal(&c->rows[i].digest, digest) &&
		    !strcmp(c->rows[i].folder, folder))
			return &c->rows[i];
	return NULL;
}

static const struct expected *lost_uid(const struct comparing *c, const char *folder, uint32_t uid)
{
	for (size_t i = 0; uid && i < c->n; i++)
		if (!c->rows[i].found && c->rows[i].uid == uid &&
		    !strcmp(c->rows[i].folder, folder))
			return &c->rows[i];
	return NULL;
}

static void tell_surplus(struct comparing *c, const struct mailbox_wanted *w,
                         const struct transfer_digest *d)
{
	const struct expected *same = same_octets(c, w->folder, &d->digest);
	const struct expected *lost = lost_uid(c, w->folder, w->m->uid);
	int64_t since_ms = c->options->opened_ms;

	if (!d->there)
		return; /* delivered and moved on while we looked */
	if (same && !same->found)
		comparing_tell(c, w->folder, w->m->base, d->message_id,
		               "the same octets as %s, which is missing; UID %u instead of %u",
		               same->base, w->m->uid, same->uid);
	else if (same)
		comparing_tell(c, w->folder, w->m->base, d->message_id,
		               "doubled: the same octets as %s", same->base);
	else if (lost && c->account->to->format == MAILBOX_MBOX)
		comparing_tell(c, w->folder, w->m->base, d->message_id,
		               "other octets than %s, which had the same UID %u", lost->base,
		               lost->uid);
	/* an mbox From_ line has whole seconds, and is in local time: any date will do there */
	else if (since_ms && (c->account->to->format == MAILBOX_MBOX ||
	                      w->m->mtime_ns / 1000000 >= since_ms - 1000))
		c->out->arrived++;
	else
		comparing_tell(c, w->folder, w->m->base, d->message_id,
		               "extra: on the new host only");
}

static int compare_surplus(struct comparing *c, struct error *err)
{
	AUTO_FREE struct mailbox_wanted *wanted = NULL;
	size_t n = 0, room = 0;
	int result;

	for (size_t i = 0; i < c->new.folders_n; i++) {
		const struct mail_folder *f = &c->new.folders[i];

		for (size_t k = 0; k < f->n; k++) {
			if (is_expected(c, f->name, f->rows[k].base))
				continue;
			ARRAY_GROW(wanted, n, room);
			wanted[n++] = (struct mailbox_wanted){ f->name, &f->rows[k] };
		}
	}
	if (!n)
		return 0;

	AUTO_FREE struct transfer_digest *digests = xcalloc(n, sizeof *digests);
	result = dsync_digests(c->new_host, c->account->to, &c->new, wanted, n, digests, err);
	for (size_t i = 0; i < n; i++) {
		if (result == 0)
			tell_surplus(c, &wanted[i], &digests[i]);
		free(digests[i].message_id);
	}
	return result;
}

/* ── the whole ───────────────────────────────────────────────────────────────────────────────── */

/* As the pass has looked: a mailbox that dsync has brought is Dovecot's on both sides. */
static int scan(struct comparing *c, struct host *h, const struct mailbox_account *account,
                struct mail_listing *out, struct error *err)
{
	return mailbox_is_dovecots(c->account->from->format) ? dovecot_list(h, account, out, err)
	                                                     : mailbox_scan(h, account, out, err);
}

static int look(struct comparing *c, struct error *err)
{
	const char *user = c->account->from->user;

	if (messages_frozen_at(c->state, &c->frozen_ms, err) < 0 ||
	    known_load(&c->known, c->state, user,
	               c->frozen_ms ? MESSAGES_MANIFEST : MESSAGES_PRESENT, err) < 0)
		return -1;
	if (!c->frozen_ms && !c->old_host)
		return error_set(
			err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
			"without the old host, there is nothing to compare with: there was "
			"no freeze yet");
	/* no mailbox there at all: everything is missing, and is told so */
	if (scan(c, c->new_host, c->account->to, &c->new, err) < 0 && err->sys_errno != ENOENT)
		return -1;
	if (c->old_host &&
	    (convert_is_wanted(c->account)
	             ? convert_scan(c->old_host, c->account, &c->known, &c->new, &c->old, err)
	             : scan(c, c->old_host, c->account->from, &c->old, err)) < 0)
		return -1;
	if (convert_is_wanted(c->account))
		for (size_t i = 0; i < c->old.troubles.n; i++)
			strings_addf(&c->out->differences, "%s old host: %s", user,
			             c->old.troubles.rows[i]);
	if (c->old_host && mailbox_is_dovecots(c->account->from->format))
		dsync_adopt_names(&c->old, &c->new);
	for (size_t i = 0; i < c->new.troubles.n; i++)
		strings_addf(&c->out->differences, "%s new host: %s", user,
		             c->new.troubles.rows[i]);
	return 0;
}

static int compare(struct comparing *c, struct error *err)
{
	if (look(c, err) < 0 || comparing_expect(c, err) < 0)
		return -1;
	if (c->n)
		qsort(c->rows, c->n, sizeof *c->rows, expected_order);
	compare_folders(c);
	for (size_t i = 0; i < c->n; i++) {
		struct expected *e = &c->rows[i];
		const struct mail_folder *f = mail_listing_find(&c->new, e->folder);

		e->found = f ? mail_folder_find(f, e->base) : NULL;
		c->out->messages++;
		c->out->octets += e->size;
		compare_message(c, e);
	}
	if (comparing_octets(c, err) < 0 || compare_surplus(c, err) < 0)
		return -1;
	return comparing_files(c, err);
}

int verify_account(struct host *old_host, struct host *new_host, const struct copy_account *account,
                   struct state *state, const struct verify_options *options,
                   struct verify_result *out, struct error *err)
{
	struct comparing c = {
		.old_host = old_host,
		.new_host = new_host,
		.account = account,
		.state = state,
		.options = options,
		.out = out,
		.progress = { .account = account->from->user },
	};
	int64_t began_ms = clock_monotonic_ms();
	int result = compare(&c, err);

	if (result < 0)
		error_context(err, "verify %s", account->from->user);
	for (size_t i = 0; i < c.n; i++) {
		free(c.rows[i].flags);
		free(c.rows[i].keywords);
	}
	free(c.rows);
	known_fini(&c.known);
	mail_listing_fini(&c.old);
	mail_listing_fini(&c.new);
	out->seconds += (double)(clock_monotonic_ms() - began_ms) / 1000;
	return result;
}
