/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/perms.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void lists_perms_fini(struct lists_perms *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->rows[i].below);
		free(p->rows[i].path);
		free(p->rows[i].target);
	}
	for (size_t i = 0; i < p->findings_n; i++) {
		free(p->findings[i].path);
		free(p->findings[i].target);
		free(p->findings[i].words);
	}
	free(p->rows);
	free(p->findings);
	strings_fini(&p->troubles);
	system_users_fini(&p->users);
	*p = (struct lists_perms){ 0 };
}

void lists_perms_add(struct lists_perms *p, struct lists_perm_finding finding)
{
	ARRAY_GROW(p->findings, p->findings_n, p->findings_room);
	p->findings[p->findings_n++] = finding;
}

static int order_of_rows(const void *a, const void *b)
{
	const struct lists_perm_row *x = a, *y = b;

	if (x->variable != y->variable)
		return x->variable < y->variable ? -1 : 1;
	return strcmp(x->below, y->below);
}

const struct lists_perm_row *lists_perms_row(const struct lists_perms *p, enum lists_path variable,
                                             const char *below)
{
	size_t low = 0, high = p->n;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct lists_perm_row *row = &p->rows[middle];
		int order = row->variable != variable ? (row->variable < variable ? -1 : 1)
		                                      : strcmp(row->below, below);

		if (!order)
			return row;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* ── whose it has to be ──────────────────────────────────────────────────────────────────────── */

/* The numbers of user and group. A host that does not know them has those of LIST_DATA_DIR. */
static int find_numbers(struct host *h, const struct lists_installation *m, struct lists_perms *p,
                        struct error *err)
{
	const struct lists_perm_row *lists = lists_perms_row(p, LISTS_LIST_DATA_DIR, "");
	const struct system_user *user;
	const struct system_group *group;
	struct error why = { 0 };

	if (system_users_read(h, false, &p->users, &why) < 0) {
		if (why.retry == ERROR_RETRY_REACH)
			return *err = why, -1;
		strings_add(&p->troubles, why.text);
	}
	user = system_user_named(&p->users, m->user);
	group = system_group_named(&p->users, m->group);
	p->uid = user ? user->uid : lists ? lists->uid : 0;
	p->gid = group ? group->gid : lists ? lists->gid : 0;
	if (!group)
		strings_addf(&p->troubles,
		             "the host knows no group \"%s\": that of LIST_DATA_DIR (%u) is taken",
		             m->group, p->gid);
	return 0;
}

/* ── judging ─────────────────────────────────────────────────────────────────────────────────── */

static void judge(const struct lists_installation *m, struct lists_perms *p,
                  const struct lists_perm_row *row)
{
	struct lists_perm_rule rule = lists_perms_rule(m, row);
	uint32_t bits = row->mode & 07777, should = (bits | rule.needs) & ~rule.forbids;
	uint32_t gid = rule.group ? p->gid : row->gid, uid = rule.user ? p->uid : row->uid;
	AUTO_BUF struct buf words = { 0 };

	if (bits == should && gid == row->gid && uid == row->uid)
		return;
	if (rule.needs & ~bits)
		buf_addf(&words, "lacks %04o, ", rule.needs & ~bits);
	if (bits & rule.forbids)
		buf_addf(&words, "has %04o too many, ", bits & rule.forbids);
	if (gid != row->gid)
		buf_addf(&words, "is of group %u and not %u, ", row->gid, gid);
	if (uid != row->uid)
		buf_addf(&words, "is of user %u and not %u, ", row->uid, uid);
	buf_addf(&words, "mode %04o: %s", bits, rule.why ? rule.why : "");
	lists_perms_add(p, (struct lists_perm_finding){
				   .fault = bits != should ? LISTS_PERM_MODE : LISTS_PERM_OWNER,
				   .path = xstrdup(row->path),
				   .mode = bits,
				   .should_mode = should,
				   .uid = row->uid,
				   .gid = row->gid,
				   .should_uid = uid,
				   .should_gid = gid,
				   .words = buf_take(&words),
				   .mendable = S_ISDIR(row->mode) || row->links == 1,
			   });
}

int lists_perms_check(struct host *h, const struct lists_installation *m, struct lists_perms *out,
                      struct error *err)
{
	AUTO_LISTS_PERMS struct lists_perms p = { 0 };

	if (lists_perms_walk(h, m, &p, err) < 0)
		return -1;
	if (p.n)
		qsort(p.rows, p.n, sizeof *p.rows, order_of_rows);
	if (find_numbers(h, m, &p, err) < 0)
		return -1;
	for (size_t i = 0; i < p.n; i++)
		judge(m, &p, &p.rows[i]);
	if (lists_perms_links(h, m, &p, err) < 0)
		return -1;
	*out = p;
	p = (struct lists_perms){ 0 };
	return 0;
}
