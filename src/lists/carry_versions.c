/* SPDX-License-Identifier: BSD-2-Clause */

/* carry_versions -- what of old's lists another version of Mailman, or one on another Python, can't read. */

#include "lists/carry_inside.h"

#include "base/memory.h"
#include "lists/charset.h"
#include "lists/data_version.h"
#include "lists/recode.h"
#include "pickle/read.h"

#include <stdio.h>

/* On the way back nobody can be asked to install another Mailman first. */
static struct strings *troubles(struct carry_run *r)
{
	return r->o->back ? &r->out->notes : &r->out->failed;
}

/* Mailman takes such a list for an older one, "upgrades" it, and drops what it does not know. */
static void look_at_data_version(struct carry_run *r, const struct carry_list *l)
{
	if (!r->new_data_version || l->data_version <= r->new_data_version)
		return;
	carry_tell(
		troubles(r), l->name,
		"%s has data version %lld, and new's Mailman %s knows %lld: it takes the list for "
		"an old one, and what it does not know loses its meaning",
		l->config, (long long)l->data_version, r->o->new->version ? r->o->new->version : "",
		(long long)r->new_data_version);
}

/* The first release that has request.pck is 2.1.5. */
static bool reads_request_db(const char *release)
{
	unsigned micro;

	return release && sscanf(release, "2.1.%2u", &micro) == 1 && micro < 5;
}

static void look_at_requests(struct carry_run *r, const struct carry_list *l)
{
	if (l->requests == 2 && r->o->new->version && !reads_request_db(r->o->new->version))
		carry_tell(
			troubles(r), l->name,
			"request.db of Mailman 2.1.4 or older is carried as it is, and new's "
			"Mailman %s reads request.pck alone: what waits for a moderator is unseen "
			"until bin/update -f is run there, which has to be before queues come "
			"(it damages what is in them)",
			r->o->new->version);
}

/* ── a port to Python 3 ──────────────────────────────────────────────────────────────────────── */

static const char *const waiting[] = { "request.pck", "pending.pck" };

struct asked {
	struct carry_run *r;
	const struct carry_list *l;
	struct lists_charset *utf8;
};

static int take_waiting(void *context, size_t index, struct buf *content, const struct error *why,
                        struct error *err)
{
	struct asked *a = context;
	AUTO_VALUE_FILE struct value_file file = { 0 };
	struct error bad = { 0 };
	size_t n;

	if (!content || value_file_read(&file, content, &(struct read_limits){ 0 }, &bad) < 0 ||
	    !file.n)
		return 0;
	n = lists_recode_misfits(a->utf8, file.rows[0]);
	if (n)
		carry_tell(troubles(a->r), a->l->name,
		           "%s has %zu texts that are no UTF-8: new's Mailman %s, a port to Python "
		           "3, takes the file for empty, and leaves the list locked",
		           waiting[index], n, a->r->o->new->version);
	return 0;
}

static int look_at_waiting(struct carry_run *r, const struct carry_list *l, struct error *err)
{
	AUTO_LISTS_CHARSET struct lists_charset *utf8 = lists_charset_new("utf-8");
	AUTO_FREE char *dir = xasprintf("%s/%s", r->o->old->paths.value[LISTS_LIST_DATA_DIR],
	                                l->name);
	struct asked asked = { r, l, utf8 };

	return carry_fetch(r->o->from, l->dir ? l->dir : dir, waiting, ROWS(waiting), take_waiting,
	                   &asked, err);
}

static void tell_port(struct carry_run *r)
{
	carry_tell(
		troubles(r), "old",
		"Mailman %s there is a port to Python 3: of what it has written (classes in "
		"configurations, tokens and archives in protocol 4) Python 2 can't read all, and "
		"new's is %s",
		r->o->old->version, r->o->new->version);
}

int carry_look_at_versions(struct carry_run *r, struct error *err)
{
	bool from_port = lists_release_is_ported(r->o->old->version);
	bool to_port = lists_release_is_ported(r->o->new->version);

	if (r->o->entries)
		return 0;
	if (from_port && r->o->new->version && !to_port)
		tell_port(r);
	for (size_t i = 0; i < r->lists_n; i++) {
		const struct carry_list *l = &r->lists[i];

		if (!l->goes)
			continue;
		look_at_data_version(r, l);
		look_at_requests(r, l);
		if (to_port && !from_port && look_at_waiting(r, l, err) < 0)
			return -1;
	}
	return 0;
}
