/* SPDX-License-Identifier: BSD-2-Clause */

/* imap_look -- the folders of an IMAP server, and which of them have changed. */

#include "base/clock.h"
#include "base/memory.h"
#include "copy/imap_pass.h"

#include <stdlib.h>
#include <string.h>

#define TRIES_MAX 8u
#define PAUSE_MS 1000
#define PAUSE_MAX_MS 60000
#define FOLDERS_MAX 100000u
#define AHEAD 50u

bool imap_pass_waits(const struct copy_imap *source, struct imap_patience *patience,
                     const struct error *why)
{
	int64_t first_ms = source->pause_ms ? source->pause_ms : PAUSE_MS;
	int64_t pause_ms = first_ms << (patience->tries < 16 ? patience->tries : 16);

	if (why->retry != ERROR_RETRY_REACH && why->retry != ERROR_RETRY_LATER)
		return false;
	if (++patience->tries > TRIES_MAX)
		return false;
	clock_sleep_ms(pause_ms < PAUSE_MAX_MS ? pause_ms : PAUSE_MAX_MS);
	return true;
}

int imap_pass_open(struct imap_pass *i, struct error *err)
{
	/* a host that is not there is told of at once; "not now" is waited for */
	struct imap_patience patience = { 0 };

	while (imap_session_open(&i->session, &i->source->server, &i->source->login, err) < 0)
		if (err->retry != ERROR_RETRY_LATER || !imap_pass_waits(i->source, &patience, err))
			return -1;
	return 0;
}

/* ── the list ────────────────────────────────────────────────────────────────────────────────── */

static int folder_order(const void *a, const void *b)
{
	return strcmp(((const struct imap_folder *)a)->name, ((const struct imap_folder *)b)->name);
}

static struct imap_folder *find_folder(struct imap_pass *i, const char *name)
{
	const struct imap_folder key = { .name = (char *)(uintptr_t)name };

	return i->folders_n ? bsearch(&key, i->folders, i->folders_n, sizeof key, folder_order)
	                    : NULL;
}

struct imap_folder *imap_pass_folder_at(struct imap_pass *i, const char *path)
{
	for (size_t k = 0; k < i->folders_n; k++)
		if (i->folders[k].path && !strcmp(i->folders[k].path, path))
			return &i->folders[k];
	return NULL;
}

static bool is_of_others(const struct imap_pass *i, struct span name)
{
	struct span rest = buf_span(&i->others), prefix;

	while (span_next_line(&rest, &prefix)) {
		AUTO_FREE char *word = span_dup(prefix);
		/* "Shared/" is the namespace, and "Shared" the name of its top */
		struct span top = { prefix.p, prefix.n - 1 };

		if (span_starts(name, word) || span_equal(name, top))
			return true;
	}
	return false;
}

static void note(struct imap_pass *i, struct span name, const char *words)
{
	AUTO_BUF struct buf line = { 0 };

	buf_add_printable(&line, name);
	buf_addf(&line, ": %s", words);
	strings_add(&i->p.out->notes, buf_text(&line));
}

static int take_listed(void *context, const struct imap_response *p, struct error *err)
{
	struct imap_pass *i = context;
	struct span name = buf_span(&p->name);
	struct imap_folder f = { 0 };
	const char *why;

	if (p->kind != IMAP_LIST || !name.n || span_find(name, 0) >= 0)
		return 0;
	if (i->folders_n == FOLDERS_MAX)
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_NEVER, 0,
		                 "the server lists more than %u folders", FOLDERS_MAX);
	if (is_of_others(i, name)) {
		note(i, name, "shared by others, not copied");
		return 0;
	}
	i->separator = p->separator ? p->separator : i->separator;
	f.name = span_dup(imap_name_is_inbox(name) ? SPAN("INBOX") : name);
	f.path = imap_name_path(i->source->layout, name, buf_span(&i->prefix), p->separator, &why);
	f.selectable = span_find_text(p->attributes, "\\Noselect") < 0 &&
	               span_find_text(p->attributes, "\\NoSelect") < 0 &&
	               span_find_text(p->attributes, "\\NonExistent") < 0;
	if (f.selectable && !f.path) {
		AUTO_BUF struct buf line = { 0 };

		buf_add_printable(&line, name);
		buf_addf(&line, ": left out with all its messages: %s", why);
		strings_add(&i->p.out->skipped, buf_text(&line));
	}
	ARRAY_GROW(i->folders, i->folders_n, i->folders_room);
	i->folders[i->folders_n++] = f;
	return 0;
}

static void fini_folder(struct imap_folder *f)
{
	free(f->name);
	free(f->path);
}

/* Some servers list a folder twice; two names may become one path ("a/b", and "a.b" in fs). */
static void drop_doubles(struct imap_pass *i)
{
	size_t kept = 0;

	if (i->folders_n)
		qsort(i->folders, i->folders_n, sizeof *i->folders, folder_order);
	for (size_t k = 0; k < i->folders_n; k++) {
		struct imap_folder *f = &i->folders[k];

		if (kept && !strcmp(i->folders[kept - 1].name, f->name)) {
			i->folders[kept - 1].selectable |= f->selectable;
			fini_folder(f);
			continue;
		}
		for (size_t n = 0; f->path && n < kept; n++)
			if (i->folders[n].path && !strcmp(i->folders[n].path, f->path)) {
				pass_skip(&i->p, f->path, "",
				          "two folders of this name: one of "
				          "them is left out");
				free(TAKE(f->path));
				break;
			}
		i->folders[kept++] = *f;
	}
	i->folders_n = kept;
}

static int take_namespace(void *context, const struct imap_response *p, struct error *err)
{
	struct imap_pass *i = context;

	if (p->kind != IMAP_NAMESPACE)
		return 0;
	buf_reset(&i->prefix);
	buf_reset(&i->others);
	buf_add_span(&i->prefix, buf_span(&p->name));
	buf_add_span(&i->others, buf_span(&p->others));
	i->separator = p->separator;
	return 0;
}

static int take_subscribed(void *context, const struct imap_response *p, struct error *err)
{
	struct imap_pass *i = context;

	if (p->kind == IMAP_LSUB && i->subscriptions.n < (4u << 20) &&
	    !is_of_others(i, buf_span(&p->name)))
		imap_name_subscription(i->source->layout, buf_span(&p->name), buf_span(&i->prefix),
		                       p->separator, &i->subscriptions);
	return 0;
}

/* In an order that is the same each time. */
static void sort_subscriptions(struct imap_pass *i)
{
	AUTO_STRINGS struct strings lines = { 0 };

	strings_add_lines(&lines, buf_span(&i->subscriptions));
	strings_sort(&lines);
	buf_reset(&i->subscriptions);
	buf_add_text(&i->subscriptions, "V\t2\n\n");
	for (size_t k = 0; k < lines.n; k++)
		if (!k || strcmp(lines.rows[k], lines.rows[k - 1]) != 0)
			buf_addf(&i->subscriptions, "%s\n", lines.rows[k]);
}

static int list(struct imap_pass *i, struct error *err)
{
	const struct imap_response *end;

	if (imap_session_has(i->session, "NAMESPACE") &&
	    imap_session_run(i->session, take_namespace, i, &end, err, "NAMESPACE") < 0)
		return -1;
	if (imap_session_run(i->session, take_listed, i, &end, err, "LIST \"\" \"*\"") < 0)
		return -1;
	if (end->status != IMAP_OK)
		return imap_session_refused(i->session, end, "LIST", err);
	drop_doubles(i);
	/* RFC 3501 section 5.1: every account has one. Without it, this is no list to go by. */
	if (!find_folder(i, "INBOX"))
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0,
		                 "the server lists no INBOX");
	if (imap_session_run(i->session, take_subscribed, i, &end, err, "LSUB \"\" \"*\"") < 0)
		return -1;
	sort_subscriptions(i);
	return 0;
}

/* ── their numbers ───────────────────────────────────────────────────────────────────────────── */

static int take_status(struct imap_pass *i, const struct imap_response *p)
{
	AUTO_FREE char *name = span_dup(
		imap_name_is_inbox(buf_span(&p->name)) ? SPAN("INBOX") : buf_span(&p->name));
	struct imap_folder *f = p->kind == IMAP_FOLDER ? find_folder(i, name) : NULL;

	if (!f)
		return 0;
	f->now = p->numbers;
	f->answered = true;
	return 0;
}

static int send_status(struct imap_pass *i, const struct imap_folder *f, unsigned *number,
                       struct error *err)
{
	AUTO_BUF struct buf name = { 0 };

	if (!imap_quote(span_of(f->name), &name))
		buf_add_text(&name, "\"\"");
	return imap_session_send(i->session, number, err,
	                         "STATUS %s (UIDVALIDITY UIDNEXT MESSAGES%s)", buf_text(&name),
	                         i->condstore ? " HIGHESTMODSEQ" : "");
}

/* Many at once: a slow line costs one round trip for all of them. */
static int ask_numbers(struct imap_pass *i, struct error *err)
{
	size_t sent = 0, under_way = 0;

	while (sent < i->folders_n || under_way) {
		const struct imap_response *p;
		unsigned number;

		while (sent < i->folders_n && under_way < AHEAD) {
			const struct imap_folder *f = &i->folders[sent++];

			if (!f->selectable || !f->path)
				continue;
			if (send_status(i, f, &number, err) < 0)
				return -1;
			under_way++;
		}
		if (!under_way)
			break;
		if (imap_session_next(i->session, &p, err) < 0)
			return -1;
		under_way -= p->kind == IMAP_TAGGED;
		if (take_status(i, p) < 0)
			return -1;
	}
	return 0;
}

static int take_record(void *context, const struct imap_record *record, struct error *err)
{
	struct imap_pass *i = context;
	struct imap_folder *f = find_folder(i, record->folder);

	if (f) {
		f->known = true;
		f->was = *record;
		f->was.folder = f->name;
	}
	return 0;
}

static int enable(struct imap_pass *i, struct error *err)
{
	const struct imap_response *end;

	i->qresync = imap_session_has(i->session, "QRESYNC") &&
	             imap_session_has(i->session, "ENABLE");
	i->condstore = i->qresync || imap_session_has(i->session, "CONDSTORE");
	if (!i->qresync)
		return 0;
	if (imap_session_run(i->session, NULL, NULL, &end, err, "ENABLE QRESYNC") < 0)
		return -1;
	i->qresync = end->status == IMAP_OK;
	return 0;
}

int imap_pass_folders(struct imap_pass *i, struct error *err)
{
	if (enable(i, err) < 0 || list(i, err) < 0 || ask_numbers(i, err) < 0)
		return -1;
	i->told->folders += i->folders_n;
	return imaps_walk(i->p.state, i->p.account->from->user, take_record, i, err);
}
