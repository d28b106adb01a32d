/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit/unit.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "state/items.h"
#include "state/state.h"
#include "survey/accounts.h"
#include "survey/show.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct state *open_state(char folder[])
{
	struct state *s = NULL;
	struct error err = { 0 };

	assert_non_null(mkdtemp(folder));
	assert_good(state_open(&s, folder, &err), &err);
	return s;
}

static void end_state(struct state *s, const char *folder)
{
	AUTO_FREE char *command = xasprintf("rm -rf %s", folder);

	state_close(s);
	assert_int_equal(system(command), 0);
}

static void a_second_survey_replaces_the_first(void **state)
{
	char folder[] = "/tmp/unit-items-XXXXXX";
	struct state *s = open_state(folder);
	AUTO_ITEMS struct items first = { 0 }, second = { 0 }, got = { 0 };
	struct error err = { 0 };

	(void)state;
	items_add(&first, "old", "alias", "root", ITEM_MUST, "why");
	items_add(&first, "old", "alias", "gone", ITEM_MUST, "why");
	items_add(&second, "old", "alias", "root", ITEM_LOOK, "otherwise")->size = 7;
	items_add(&second, "old", "domain", "example.org", ITEM_MUST, "");
	assert_good(items_replace(s, "old", &first, &err), &err);
	assert_good(items_replace(s, "new", &first, &err), &err);
	assert_good(items_replace(s, "old", &second, &err), &err);
	assert_good(items_load(s, "old", NULL, &got, &err), &err);
	assert_int_equal(got.n, 2);
	assert_string_equal(got.rows[0].name, "root");
	assert_true(got.rows[0].size == 7 && got.rows[0].class == ITEM_LOOK);
	items_fini(&got);
	assert_good(items_load(s, "new", "alias", &got, &err), &err);
	assert_int_equal(got.n, 2);
	end_state(s, folder);
}

static struct mailbox_account account(const char *user, const char *root, uint32_t uid)
{
	return (struct mailbox_account){ .user = xstrdup(user),
		                         .home = xstrdup("/home/x"),
		                         .root = xstrdup(root),
		                         .uid = uid,
		                         .gid = uid };
}

static void add_pair(struct account_pairs *pairs, const char *user, const char *root)
{
	ARRAY_GROW(pairs->rows, pairs->n, pairs->room);
	pairs->rows[pairs->n] = (struct account_pair){ .from = account(user, root, 1001) };
	strings_add(&pairs->rows[pairs->n++].beside, ".forward");
}

static void what_prepare_made_outlives_a_new_survey(void **state)
{
	char folder[] = "/tmp/unit-pairs-XXXXXX";
	struct state *s = open_state(folder);
	AUTO_ACCOUNT_PAIRS struct account_pairs first = { 0 }, again = { 0 }, got = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_fails(survey_accounts(s, &got, &err), &err, "survey has not been run");
	add_pair(&first, "alice", "/home/x/Maildir");
	add_pair(&first, "bob", "/home/x/Maildir");
	assert_good(survey_accounts_replace(s, &first, &err), &err);
	assert_good(state_put_i64(s, "survey.at_ms", 1, &err), &err);
	for (size_t i = 0; i < first.n; i++) {
		first.rows[i].to = account(first.rows[i].from.user, "/home/x/Maildir", 2001);
		first.rows[i].prepared = true;
		assert_good(survey_account_put(s, &first.rows[i], &err), &err);
	}
	/* bob's mail lies elsewhere by now: his new half is no longer true */
	add_pair(&again, "alice", "/home/x/Maildir");
	add_pair(&again, "bob", "/srv/bob");
	assert_good(survey_accounts_replace(s, &again, &err), &err);
	assert_good(survey_accounts(s, &got, &err), &err);
	assert_int_equal(got.n, 2);
	assert_true(got.rows[0].prepared && got.rows[0].to.uid == 2001);
	assert_string_equal(got.rows[0].beside.rows[0], ".forward");
	assert_null(got.rows[0].from.inbox);
	assert_false(got.rows[1].prepared);
	assert_null(got.rows[1].to.root);
	end_state(s, folder);
}

static void names_of_any_octets_make_json(void **state)
{
	AUTO_ITEMS struct items items = { 0 };
	json_t *json;
	char *text;

	(void)state;
	items_add(&items, "old", "alias", "caf\xe9\x1b[31m", ITEM_MUST, "why");
	json = survey_json(&items);
	assert_non_null(json);
	text = json_dumps(json, 0);
	assert_non_null(strstr(text, "\\\\xe9"));
	free(text);
	json_decref(json);
}

UNIT_TESTS("survey/items", cmocka_unit_test(a_second_survey_replaces_the_first),
           cmocka_unit_test(what_prepare_made_outlives_a_new_survey),
           cmocka_unit_test(names_of_any_octets_make_json));
