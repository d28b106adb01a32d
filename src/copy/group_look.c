/* SPDX-License-Identifier: BSD-2-Clause */

/* group_look -- the listings of a group, asked for ahead. */

#include "base/memory.h"
#include "copy/group.h"

#include <stdlib.h>

/* So many listings are asked for ahead; so many messages in those that were read make a group. */
#define LISTINGS_AHEAD 16u
#define GROUP_MESSAGES 65536u
/* A message that both sides agreed on takes so many times less memory than one that is listed. */
#define AGREED_SHARE 4u

_Static_assert(LISTINGS_AHEAD <= HOST_AHEAD, "as many as may be under way");

int group_leave_out(struct group *g, struct pass *p, struct error *err)
{
	error_context(err, "copy %s", p->account->from->user);
	if (g->n == 1 || (err->scope != ERROR_SCOPE_MAILBOX && err->scope != ERROR_SCOPE_MESSAGE))
		return -1;
	strings_add(&p->out->skipped, err->text);
	p->left_out = true;
	return 0;
}

bool group_is_maildir(const struct pass *p)
{
	return !p->left_out && p->account->to->format == MAILBOX_MAILDIR;
}

static int check_format(struct group *g, struct pass *p, struct error *err)
{
	if (p->account->from->format == p->account->to->format)
		return 0;
	error_set(err, ERROR_SCOPE_MAILBOX, ERROR_RETRY_PERSON, 0,
	          "the mailbox has another format on the new host");
	return group_leave_out(g, p, err);
}

static int ask(struct group *g, struct error *err)
{
	for (; g->asked < g->n && g->asked < g->looked + LISTINGS_AHEAD; g->asked++) {
		struct pass *p = &g->passes[g->asked];

		if (check_format(g, p, err) < 0 ||
		    (group_is_maildir(p) && (agreed_load(p, err) < 0 || pass_ask(p, err) < 0)))
			return -1;
	}
	return 0;
}

/* One where new's names are not as agreed, name by name; one that can't be looked at by its
 * differences, as a whole. */
static int look_again(struct pass *p, struct error *err)
{
	bool again = true;

	while (again) {
		if (p->by_names) {
			p->with_names = true;
			p->agreed.declined = false;
			if (agreed_load(p, err) < 0)
				return -1;
		}
		if (pass_ask(p, err) < 0 || pass_look(p, &again, err) < 0)
			return -1;
	}
	return 0;
}

void group_look_end(struct group *g)
{
	for (; g->looked < g->asked; g->looked++) {
		struct error ignored = { 0 };
		bool again;

		if (group_is_maildir(&g->passes[g->looked]))
			(void)!pass_look(&g->passes[g->looked], &again, &ignored);
	}
	free(TAKE(g->again));
}

static uint64_t listed(const struct pass *p)
{
	uint64_t n = 0;

	if (!group_is_maildir(p))
		return GROUP_MESSAGES / 16; /* not seen yet; it may be large */
	for (size_t i = 0; i < p->old.folders_n; i++)
		n += p->old.folders[i].n + p->old.folders[i].before / AGREED_SHARE;
	return n;
}

static uint64_t group_most(void)
{
	const char *few = getenv("MAILHAUL_GROUP"); /* for tests: so many messages */

	return few ? strtoull(few, NULL, 10) : GROUP_MESSAGES;
}

/* When that is enough, those that were not asked for are left to the next group. */
int group_look_some(struct group *g, struct error *err)
{
	struct pass *p = &g->passes[g->looked];
	size_t i = g->looked;

	if (i >= g->n)
		return 0;
	if (!g->again)
		g->again = xcalloc(g->n, sizeof *g->again);
	if (ask(g, err) < 0)
		return -1;
	g->looked++;
	if (group_is_maildir(p) && pass_look(p, &g->again[i], err) < 0 &&
	    group_leave_out(g, p, err) < 0)
		return -1;
	g->listed += listed(p);
	if (g->listed >= group_most())
		g->n = g->asked;
	return 0;
}

int group_look(struct group *g, struct error *err)
{
	while (g->looked < g->n)
		if (group_look_some(g, err) < 0)
			return -1;
	for (size_t i = 0; i < g->n; i++)
		if (g->again[i] && look_again(&g->passes[i], err) < 0 &&
		    group_leave_out(g, &g->passes[i], err) < 0)
			return -1;
	return 0;
}
