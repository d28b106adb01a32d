/* SPDX-License-Identifier: BSD-2-Clause */

/* copy_mailboxes -- `mailhaul copy` of mailboxes: those that were found; every Maildir below a
 * directory. */

#include "cmd/copy.h"

#include "base/memory.h"
#include "copy/copy.h"
#include "remote/mailbox.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 64u

struct mailboxes {
	struct copy *c;
	const char *kind; /* "Maildirs", "mboxes" */
	struct copy_options options;
	const struct mailbox_account *accounts; /* borrowed; two for each mailbox: at SRC, at DST */
	size_t n;                               /* mailboxes */
	const struct mailbox_found *found;      /* borrowed; Maildirs as they are at SRC, or NULL */
	struct copy_result result;
};

char *copy_join(const char *path, const char *below)
{
	return *below ? xasprintf("%s/%s", strcmp(path, "/") ? path : "", below) : xstrdup(path);
}

void copy_found_fini(struct copy_found *found)
{
	for (size_t i = 0; i < 2 * found->n; i++)
		mailbox_account_fini(&found->accounts[i]);
	free(found->accounts);
	*found = (struct copy_found){ 0 };
}

struct mailbox_account *copy_found_add(struct copy_found *found)
{
	if (found->n == found->room) {
		found->room = found->room ? 2 * found->room : 16;
		found->accounts = xrealloc(found->accounts,
		                           2 * found->room * sizeof *found->accounts);
	}
	return &found->accounts[2 * found->n++];
}

static void show(void *context, const struct copy_progress *p)
{
	struct mailboxes *m = context;

	progress_at(m->c->progress, p->messages, p->total_messages, p->octets, p->account);
}

/* A Maildir's directory at DST, as at SRC. */
static int make_root(void *context, size_t i, struct error *err)
{
	struct mailboxes *m = context;
	const struct mailbox_found *f = &m->found[i];
	const char *root = m->accounts[2 * i + 1].root;

	if (host_has(m->c->to_host, root))
		return 0;
	return host_mkdir(m->c->to_host, root, f->mode, f->uid, f->gid, err);
}

static int copy_all(struct mailboxes *m, struct error *err)
{
	AUTO_FREE struct copy_account *pairs = xcalloc(m->n + 1, sizeof *pairs);
	struct copy *c = m->c;

	for (size_t i = 0; i < m->n; i++)
		pairs[i] = (struct copy_account){ &m->accounts[2 * i], &m->accounts[2 * i + 1],
			                          NULL };
	m->options = (struct copy_options){
		.dry_run = c->run->dry_run,
		.delete_extra = c->delete_extra,
		.look_everywhere = c->look_everywhere,
		.prepare = m->found ? make_root : NULL,
		.progress = show,
		.context = m,
	};
	return copy_accounts(c->from_host, c->to_host, pairs, m->n, c->state, &m->options,
	                     &m->result, err);
}

static void tell_json(const struct mailboxes *m)
{
	const struct copy_result *r = &m->result;
	json_t *document = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:o, s:o}", "files",
		(json_int_t)r->files, "messages", (json_int_t)r->old_messages, "bytes_read",
		(json_int_t)(host_octets_read(m->c->from_host) + r->here_octets), "bytes_sent",
		(json_int_t)(host_octets_sent(m->c->to_host) + r->here_octets), "renamed",
		(json_int_t)r->renamed, "created", (json_int_t)r->copied, "removed",
		(json_int_t)r->removed, "unchanged", (json_int_t)r->unchanged, "failed",
		(json_int_t)r->skipped.n, "seconds", copy_seconds(m->c), "skipped",
		copy_words_json(&r->skipped), "extra", copy_words_json(&r->extra));

	json_dumpf(document, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(document);
}

static void tell(const struct mailboxes *m)
{
	const struct copy_result *r = &m->result;
	char octets[16];

	if (m->c->run->json) {
		tell_json(m);
		return;
	}
	if (!m->c->run->quiet)
		printf("%zu %s: %llu messages%s (%s), %llu renamed, %llu removed, %llu "
		       "unchanged\n",
		       m->n, m->kind, (unsigned long long)r->copied,
		       m->c->run->dry_run ? " would be copied" : " copied",
		       text_size(octets, r->copied_octets), (unsigned long long)r->renamed,
		       (unsigned long long)r->removed, (unsigned long long)r->unchanged);
	copy_print_words(m->c, "could not be copied", &r->skipped);
	copy_print_words(m->c, "at the destination only, left alone", &r->extra);
}

static int copy_and_tell(struct mailboxes *m, struct error *err)
{
	int result = copy_all(m, err);

	if (result == 0) {
		tell(m);
		result = m->result.skipped.n ? EXIT_CODE_NO : EXIT_CODE_GOOD;
	}
	copy_result_fini(&m->result);
	return result;
}

int copy_mailboxes(struct copy *c, const char *kind, const struct copy_found *found,
                   struct error *err)
{
	struct mailboxes m = { .c = c, .kind = kind, .accounts = found->accounts, .n = found->n };

	return copy_and_tell(&m, err);
}

/* ── Maildirs ────────────────────────────────────────────────────────────────────────────────── */

static void add_account(struct copy *c, struct copy_found *accounts,
                        const struct mailbox_found *found)
{
	struct mailbox_account *pair = copy_found_add(accounts);

	for (int side = 0; side < 2; side++)
		pair[side] = (struct mailbox_account){
			.user = xstrdup(*found->path ? found->path : "INBOX"),
			.root = copy_join(side ? c->to : c->from, found->path),
			.format = MAILBOX_MAILDIR,
			.layout = found->layout,
			.uid = found->uid,
			.gid = found->gid,
		};
}

int copy_ask_for_maildirs(struct copy *c, struct error *err)
{
	return mailbox_find_send(c->from_host, c->from, DEPTH_MAX, err);
}

int copy_maildirs(struct copy *c, bool *found, struct error *err)
{
	AUTO_MAILBOX_FOUND struct mailbox_found_list list = { 0 };
	AUTO_COPY_FOUND struct copy_found accounts = { 0 };

	*found = false;
	if (mailbox_find_collect(c->from_host, &list, err) < 0) {
		struct error ignored;

		return err->sys_errno == ENOTDIR && copy_is_mbox(c, &ignored) == 1 ? 0 : -1;
	}
	for (size_t i = 0; i < list.n; i++)
		add_account(c, &accounts, &list.rows[i]);
	*found = accounts.n > 0;
	if (!*found)
		return 0;
	struct mailboxes m = { .c = c,
		               .kind = "Maildirs",
		               .accounts = accounts.accounts,
		               .n = accounts.n,
		               .found = list.rows };
	return copy_and_tell(&m, err);
}
