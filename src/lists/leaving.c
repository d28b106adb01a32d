/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/leaving.h"

#include "base/memory.h"
#include "lists/leaving_addresses.h"
#include "lists/resolve.h"
#include "lists/settings.h"
#include "lists/standing.h"
#include "mta/mta.h"
#include "state/mailing_lists.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define ASIDE ".moved-by-mailhaul"
#define ROUTE "lists.passed to"
#define HOME "lists.passed home"
#define HOME_DOMAINS "lists.passed domains"
#define WAIT_MS 60000

/* ── directories ─────────────────────────────────────────────────────────────────────────────── */

/* Beside what LIST_DATA_DIR leads to: a rename does not leave a disk. */
static int find_places(const struct lists_leaving *l, const char *list, char **there, char **aside,
                       struct error *err)
{
	const char *path = l->old_site->paths.value[LISTS_LIST_DATA_DIR];
	AUTO_FREE char *root = NULL;

	if (!path)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		                 "LIST_DATA_DIR is not known of old");
	if (lists_resolve(l->old, path, &root, NULL, err) < 0)
		return -1;
	*there = xasprintf("%s/%s", root ? root : path, list);
	*aside = xasprintf("%s" ASIDE "/%s", root ? root : path, list);
	return 0;
}

static int make_parent(struct host *h, const char *path, struct error *err)
{
	AUTO_FREE char *dir = span_dup((struct span){ path, (size_t)(strrchr(path, '/') - path) });

	return host_has(h, dir) ? 0 : host_mkdir(h, dir, 0700, 0, 0, err);
}

int lists_leaving_is_there(const struct lists_leaving *l, const char *list, struct error *err)
{
	AUTO_FREE char *there = NULL, *aside = NULL;

	return find_places(l, list, &there, &aside, err) < 0 ? -1 : host_has(l->old, there);
}

int lists_leaving_put_aside(const struct lists_leaving *l, const char *list, struct error *err)
{
	AUTO_FREE char *there = NULL, *aside = NULL;

	if (find_places(l, list, &there, &aside, err) < 0)
		return -1;
	if (!host_has(l->old, there))
		return 0;
	if (host_has(l->old, aside))
		return error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0,
		                 "old has %s, and %s too: somebody has made the list anew", there,
		                 aside);
	if (make_parent(l->old, aside, err) < 0 || host_rename(l->old, there, aside, err) < 0)
		return error_context(err, "put %s aside on old", list);
	return 0;
}

int lists_leaving_put_back(const struct lists_leaving *l, const char *list, struct error *err)
{
	AUTO_FREE char *there = NULL, *aside = NULL;

	if (find_places(l, list, &there, &aside, err) < 0)
		return -1;
	if (host_has(l->old, there) || !host_has(l->old, aside))
		return 0;
	return host_rename(l->old, aside, there, err) < 0
	               ? error_context(err, "give %s back to old", list)
	               : 0;
}

/* A save is a rename, and changes the inode, whatever clock and size say. */
int lists_leaving_see(const struct lists_leaving *l, const char *list, struct strings *out,
                      struct error *err)
{
	AUTO_FREE char *there = NULL, *aside = NULL, *end = NULL;
	AUTO_LISTING struct host_listing listing = { 0 };
	const char *place;

	if (find_places(l, list, &there, &aside, err) < 0)
		return -1;
	place = host_has(l->old, there) ? there : aside;
	if (lists_resolve(l->old, place, &end, NULL, err) < 0 ||
	    host_list(l->old, end ? end : place, 3, &listing, err) < 0)
		return -1;
	for (size_t i = 0; i < listing.n; i++) {
		const struct host_entry *e = &listing.rows[i];

		if (S_ISREG(e->mode))
			strings_addf(out, "%" PRIu64 " %" PRIu64 " %" PRId64 " %s", e->size,
			             e->inode, e->mtime_ns, e->path);
	}
	return 0;
}

static const char *site_list_of(const struct lists_leaving *l)
{
	const char *name = lists_setting_text(l->old_site->settings, "MAILMAN_SITE_LIST");

	return name ? name : "mailman";
}

bool lists_leaving_is_site_list(const struct lists_leaving *l, const char *list)
{
	return !strcmp(list, site_list_of(l));
}

/* Old's Mailman ends with an error when it has none. */
int lists_leaving_keep_site_list(const struct lists_leaving *l, bool leaves, bool *stays,
                                 struct error *err)
{
	AUTO_STRINGS struct strings names = { 0 };
	const char *site = site_list_of(l);

	*stays = true;
	if (lists_standing_names(l->old, &l->old_site->paths, &names, err) < 0)
		return -1;
	if (names.n > (size_t)strings_has(&names, site))
		return lists_leaving_put_back(l, site, err);
	if (!leaves)
		return 0;
	*stays = false;
	return lists_leaving_put_aside(l, site, err);
}

int lists_leaving_any_stays(const struct lists_leaving *l, bool *any, struct error *err)
{
	AUTO_STRINGS struct strings names = { 0 };

	if (lists_standing_names(l->old, &l->old_site->paths, &names, err) < 0)
		return -1;
	*any = names.n > 0;
	return 0;
}

/* ── on record ───────────────────────────────────────────────────────────────────────────────── */

static char *fact_of(const char *list)
{
	return xasprintf("lists.passed %s", list);
}

static int put_rows(const struct lists_leaving *l, const char *list, const struct mta_passing *p,
                    struct error *err)
{
	AUTO_FREE char *fact = fact_of(list);
	AUTO_BUF struct buf text = { 0 };

	for (size_t i = 0; p && i < p->n; i++)
		buf_addf(&text, "%s %s\n", p->rows[i].address, p->rows[i].as);
	return state_put(l->state, fact, buf_text(&text), err);
}

static int get_rows(const struct lists_leaving *l, const char *list, struct mta_passing *out,
                    struct error *err)
{
	AUTO_FREE char *fact = fact_of(list), *text = NULL;
	struct span rest, line, address, as;

	if (state_get(l->state, fact, &text, err) < 0)
		return -1;
	rest = span_of(text ? text : "");
	while (span_next_line(&rest, &line)) {
		AUTO_FREE char *from = NULL, *to = NULL;

		if (!span_next_word(&line, &address) || !span_next_word(&line, &as))
			continue;
		from = span_dup(address);
		to = span_dup(as);
		mta_passing_add(out, from, to);
	}
	return 0;
}

int lists_leaving_pick(const struct lists_leaving *l, const struct strings *lists,
                       struct mta_passing *out, struct error *err)
{
	for (size_t i = 0; i < lists->n; i++)
		if (get_rows(l, lists->rows[i], out, err) < 0)
			return -1;
	return 0;
}

int lists_leaving_save(const struct lists_leaving *l, const struct strings *lists,
                       struct strings *out, struct error *err)
{
	for (size_t i = 0; i < lists->n; i++) {
		AUTO_FREE char *fact = fact_of(lists->rows[i]), *text = NULL;

		if (state_get(l->state, fact, &text, err) < 0)
			return -1;
		strings_add(out, text ? text : "");
	}
	return 0;
}

int lists_leaving_restore(const struct lists_leaving *l, const struct strings *lists,
                          const struct strings *saved, struct error *err)
{
	for (size_t i = 0; i < lists->n && i < saved->n; i++) {
		AUTO_FREE char *fact = fact_of(lists->rows[i]);

		if (state_put(l->state, fact, saved->rows[i], err) < 0)
			return -1;
	}
	return 0;
}

int lists_leaving_forget(const struct lists_leaving *l, const struct strings *lists,
                         struct error *err)
{
	for (size_t i = 0; i < lists->n; i++)
		if (put_rows(l, lists->rows[i], NULL, err) < 0)
			return -1;
	return 0;
}

/* ── before anything is changed ──────────────────────────────────────────────────────────────── */

static int need_mta(const struct lists_leaving *l, struct error *err)
{
	const struct mta_ops *ops;

	if (mta_find(l->old, &ops, err) < 0)
		return -1;
	if (!ops || !ops->pass_on) {
		error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
		          "old's mail server is none that mailhaul can have pass mail on, and "
		          "without that late mail for these lists would bounce there");
		return error_hint(err, "have it pass each address of theirs on to new, then say "
		                       "--passed-on");
	}
	if (l->route && *l->route)
		return 0;
	error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
	          "by which address old reaches new is not known");
	return error_hint(err, "say it: --route ADDRESS");
}

/* What both take mail for, and people's is on old. */
static int put_home(const struct lists_leaving *l, const struct leaving_addresses *all,
                    struct error *err)
{
	AUTO_BUF struct buf text = { 0 };

	if (!l->home)
		return 0;
	for (size_t i = 0; i < all->old.domains_n; i++)
		if (leaving_is_shared(all, all->old.domains[i].name))
			buf_addf(&text, "%s\n", all->old.domains[i].name);
	return state_put(l->state, HOME_DOMAINS, buf_text(&text), err) < 0
	               ? -1
	               : state_put(l->state, HOME, l->home, err);
}

int lists_leaving_plan(const struct lists_leaving *l, const struct strings *lists,
                       struct error *err)
{
	AUTO_LEAVING_ADDRESSES struct leaving_addresses all = { 0 };

	if (!lists->n || l->passed_on || host_reach(l->old) == HOST_FOLDER)
		return 0;
	if (need_mta(l, err) < 0 || leaving_addresses_read(l, lists, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < lists->n; i++) {
		AUTO_PASSING struct mta_passing p = { 0 };

		if (leaving_addresses_of(&all, lists->rows[i], &p, err) < 0 ||
		    put_rows(l, lists->rows[i], &p, err) < 0)
			return -1;
	}
	return state_put(l->state, ROUTE, l->route, err) < 0 ? -1 : put_home(l, &all, err);
}

/* ── in force ────────────────────────────────────────────────────────────────────────────────── */

/* Of all lists. */
static int get_all_rows(const struct lists_leaving *l, struct mta_passing *out, struct error *err)
{
	AUTO_MAILING_LISTS struct mailing_lists known = { 0 };

	if (mailing_lists_load(l->state, &known, err) < 0)
		return -1;
	for (size_t i = 0; i < known.n; i++)
		if (get_rows(l, known.rows[i].name, out, err) < 0)
			return -1;
	return 0;
}

int lists_leaving_pass_on(const struct lists_leaving *l, struct error *err)
{
	AUTO_PASSING struct mta_passing p = { 0 };
	const struct mta_ops *ops;

	if (host_reach(l->old) == HOST_FOLDER)
		return 0;
	if (mta_find(l->old, &ops, err) < 0 || state_get(l->state, ROUTE, &p.to, err) < 0)
		return -1;
	if (!ops || !ops->pass_on || !p.to)
		return 0;
	return get_all_rows(l, &p, err) < 0 ? -1 : mta_pass_on(l->old, &p, err);
}

static void stay(struct mta_passing *p, const char *address)
{
	if (!mta_passing_has(p, address))
		mta_passing_add(p, address, NULL);
}

int lists_leaving_pass_home(const struct lists_leaving *l, struct error *err)
{
	AUTO_PASSING struct mta_passing lists = { 0 }, p = { 0 };
	AUTO_FREE char *domains = NULL;
	struct span rest, line;

	if (state_get(l->state, HOME, &p.to, err) < 0 ||
	    state_get(l->state, HOME_DOMAINS, &domains, err) < 0)
		return -1;
	if (!p.to || !*p.to)
		return 0;
	if (get_all_rows(l, &lists, err) < 0)
		return -1;
	for (size_t i = 0; i < lists.n; i++) {
		stay(&p, lists.rows[i].address);
		stay(&p, lists.rows[i].as);
	}
	rest = span_of(domains ? domains : "");
	while (p.n && span_next_line(&rest, &line))
		strings_add_span(&p.domains, line);
	return mta_pass_on(l->new, &p, err);
}

int lists_leaving_end_home(struct host *new, struct state *s, struct error *err)
{
	AUTO_PASSING struct mta_passing none = { 0 };
	AUTO_FREE char *home = NULL;

	if (state_get(s, HOME, &home, err) < 0)
		return -1;
	return home && *home ? mta_pass_on(new, &none, err) : 0;
}

int lists_leaving_await(const struct lists_leaving *l, const struct mta_passing *of,
                        struct error *err)
{
	if (!of->n)
		return 0;
	return mta_await_idle(l->old, of, WAIT_MS, err) < 0
	               ? -1
	               : mta_await_idle(l->new, of, WAIT_MS, err);
}
