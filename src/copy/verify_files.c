/* SPDX-License-Identifier: BSD-2-Clause */

/* verify_files -- the files beside the mail that a user would miss: subscriptions, ACLs, Sieve. */

#include "base/memory.h"
#include "copy/comparing.h"

#include <errno.h>
#include <string.h>

#define FILE_MAX (64u << 20)

/* Counters and caches that a running server changes by itself. */
static bool is_live(const struct known_file *k)
{
	static const char *const names[] = { "dovecot-uidvalidity", "dovecot-acl-list",
		                             "maildirsize", "courierimapuiddb", "dovecot.index" };
	const char *slash = strrchr(k->path, '/');
	const char *name = slash ? slash + 1 : k->path;

	for (size_t i = 0; i < ROWS(names); i++)
		if (!strncmp(name, names[i], strlen(names[i])))
			return true;
	return false;
}

static void tell(struct comparing *c, const struct known_file *k, const char *what)
{
	if (c->options->opened_ms) {
		c->out->changed++;
		return;
	}
	strings_addf(&c->out->differences, "%s file %s/%s: %s", c->account->from->user, k->place,
	             k->path, what);
}

static int compare_link(struct comparing *c, const struct known_file *k, const char *path,
                        struct error *err)
{
	AUTO_LISTING struct host_listing listing = { 0 };

	if (host_list(c->new_host, path, 0, &listing, err) < 0) {
		if (err->sys_errno != ENOENT)
			return -1;
		tell(c, k, "this link is missing on the new host");
		return 0;
	}
	if (!listing.n || !listing.rows[0].target || strcmp(listing.rows[0].target, k->target) != 0)
		tell(c, k, "points elsewhere on the new host");
	return 0;
}

static int compare_file(struct comparing *c, const struct known_file *k, struct error *err)
{
	static const struct digest none;
	const struct mailbox_account *to = c->account->to;
	AUTO_FREE char *path = xasprintf("%s/%s", strcmp(k->place, "home") ? to->root : to->home,
	                                 k->path);
	AUTO_BUF struct buf content = { 0 };
	struct digest digest;

	if (*k->target)
		return compare_link(c, k, path, err);
	if (digest_equal(&k->digest, &none))
		return 0; /* was there before we came, by size and date the same */
	if (host_read(c->new_host, path, FILE_MAX, &content, err) < 0) {
		if (err->sys_errno != ENOENT)
			return -1;
		tell(c, k, "is missing on the new host");
		return 0;
	}
	digest = digest_of(buf_span(&content));
	if (!digest_equal(&digest, &k->digest))
		tell(c, k, "has other content on the new host");
	return 0;
}

int comparing_files(struct comparing *c, struct error *err)
{
	for (size_t i = 0; i < c->known.files_n; i++)
		if (!is_live(&c->known.files[i]) && compare_file(c, &c->known.files[i], err) < 0)
			return -1;
	return 0;
}
