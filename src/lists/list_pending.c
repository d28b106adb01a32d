/* SPDX-License-Identifier: BSD-2-Clause */

/* list_pending -- pending.pck: what people have in their mailboxes a token for. */

#include "lists/list_inside.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	char op;
	const char *name;
	size_t members; /* of the tuple */
} kinds[] = {
	{ 'S', "subscribe", 2 }, { 'U', "unsubscribe", 2 },  { 'C', "change address", 4 },
	{ 'H', "held post", 2 }, { 'E', "enable again", 3 }, { 'P', "probe", 3 },
};

const char *lists_pending_name(char op)
{
	for (size_t i = 0; i < ROWS(kinds); i++)
		if (kinds[i].op == op)
			return kinds[i].name;
	return "unknown";
}

static bool is_cookie(struct span s)
{
	if (s.n != 40)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!strchr("0123456789abcdef", s.p[i]))
			return false;
	return true;
}

/* What is wrong is told without the cookie: findings are shown to everybody. */
static void take_entry(struct lists_list *l, struct lists_pending *p, struct value evictions)
{
	struct span op, list;
	bool known = false;

	p->op = '?';
	if (value_get_chars(value_item(p->entry, 0), &op) && op.n == 1)
		p->op = op.p[0];
	for (size_t i = 0; i < ROWS(kinds); i++)
		known = known ||
		        (kinds[i].op == p->op && kinds[i].members == value_count(p->entry));
	if (!known)
		lists_findings_add(&l->findings, "pending.pck", NULL,
		                   "has an entry that Mailman 2.1 does not know");
	if (p->op == 'E' && value_get_chars(value_item(p->entry, 1), &list) &&
	    !span_is(list, l->name))
		lists_findings_add(&l->findings, "pending.pck", &list,
		                   "an entry is of this other list");
	if (!value_get_number(value_dict_find(evictions, p->cookie), &p->until))
		lists_findings_add(&l->findings, "pending.pck", NULL,
		                   "has an entry without an end: Mailman fails on it");
}

static int compare_pending(const void *a, const void *b)
{
	struct span x = ((const struct lists_pending *)a)->cookie;
	struct span y = ((const struct lists_pending *)b)->cookie;
	int order = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);

	return order ? order : (x.n > y.n) - (x.n < y.n);
}

void lists_take_pending(struct lists_list *l, struct value dict)
{
	struct value evictions = value_dict_find(dict, SPAN("evictions"));
	const struct value_pair *pairs;
	size_t n;

	(void)value_dict_settle(dict);
	(void)value_dict_settle(evictions);
	n = value_dict_pairs(dict, &pairs);
	for (size_t i = 0; i < n; i++) {
		struct lists_pending p = { .entry = pairs[i].value };

		if (value_get_chars(pairs[i].key, &p.cookie) &&
		    (span_is(p.cookie, "evictions") || span_is(p.cookie, "version")))
			continue;
		if (!value_get_chars(pairs[i].key, &p.cookie) || !is_cookie(p.cookie)) {
			lists_findings_add(&l->findings, "pending.pck", NULL,
			                   "has a key that is no cookie");
			continue;
		}
		take_entry(l, &p, evictions);
		ARRAY_GROW(l->pending, l->pending_n, l->pending_room);
		l->pending[l->pending_n++] = p;
	}
	if (l->pending_n)
		qsort(l->pending, l->pending_n, sizeof *l->pending, compare_pending);
}

/* Links in mails that were sent long ago stop working without these. */
static void check_cookies(struct lists_list *l)
{
	for (size_t i = 0; i < l->members.n; i++) {
		const struct lists_member *m = &l->members.rows[i];
		struct span who = lists_member_address(m), cookie;
		struct lists_bounces b;
		struct lists_pending *found, key;

		if (!lists_member_bounces(m, &b) || !value_get_chars(b.cookie, &cookie))
			continue;
		key = (struct lists_pending){ .cookie = cookie };
		found = l->pending_n ? bsearch(&key, l->pending, l->pending_n, sizeof *l->pending,
		                               compare_pending)
		                     : NULL;
		if (!found)
			lists_findings_add(&l->findings, "bounce_info", &who,
			                   "the link to enable delivery again is dead: its cookie "
			                   "is not in pending.pck");
	}
}

int lists_read_pending(struct lists_list *l, const struct lists_reading *r, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/pending.pck", r->dir);

	if (lists_has_file(l, r, "pending.pck")) {
		if (lists_site_file(r->site, path, &l->pending_data, err) < 0) {
			if (lists_is_unreached(err))
				return -1;
			lists_findings_add(&l->findings, "pending.pck", NULL, "cannot be read: %s",
			                   err->text);
		}
		if (l->pending_data.n)
			lists_take_pending(l, l->pending_data.rows[0]);
	}
	check_cookies(l);
	return 0;
}
