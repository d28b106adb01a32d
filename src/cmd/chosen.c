/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/chosen.h"

#include <stdlib.h>
#include <string.h>

static bool is_named(const struct account_pair *pair, char *const names[], int n)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(names[i], pair->from.user))
			return true;
	return n == 0;
}

static int check_names(const struct account_pairs *pairs, char *const names[], int n,
                       struct error *err)
{
	for (int i = 0; i < n; i++) {
		bool found = false;

		for (size_t k = 0; k < pairs->n; k++)
			found = found || !strcmp(pairs->rows[k].from.user, names[i]);
		if (!found)
			return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
			                 "no mailbox \"%s\" moves; `mailhaul survey` lists them",
			                 names[i]);
	}
	return 0;
}

int chosen_accounts(struct cmd_run *run, char *const names[], int n, struct account_pairs *out,
                    struct error *err)
{
	AUTO_ACCOUNT_PAIRS struct account_pairs all = { 0 };
	size_t kept = 0;

	if (survey_accounts(run->state, &all, err) < 0 || check_names(&all, names, n, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		struct account_pair pair = all.rows[i];

		if (!is_named(&pair, names, n))
			continue;
		if (!pair.prepared) {
			error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
			          "%s has no mailbox on the new host yet", pair.from.user);
			return error_hint(err, "`mailhaul prepare` makes it");
		}
		/* swap, so that each row has one owner whatever happens */
		all.rows[i] = all.rows[kept];
		all.rows[kept++] = pair;
	}
	*out = (struct account_pairs){ 0 };
	if (!kept)
		return 0;
	out->rows = calloc(kept, sizeof *out->rows);
	if (!out->rows)
		abort();
	for (size_t i = 0; i < kept; i++) {
		out->rows[out->n++] = all.rows[i];
		all.rows[i] = (struct account_pair){ 0 };
	}
	out->room = kept;
	return 0;
}
