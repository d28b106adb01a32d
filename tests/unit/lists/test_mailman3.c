/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit/unit.h"

#include "base/memory.h"
#include "lists/mailman3_inside.h"

#include <string.h>

/* A list as a config.pck says it, of a language whose charset is latin-1. */
struct made {
	struct value_arena *arena;
	struct lists_list l;
	struct lists_end_plan plan;
};

static struct value word(struct made *m, const char *text)
{
	return value_str(m->arena, span_of(text));
}

static struct value number(struct made *m, int64_t n)
{
	return value_int(m->arena, n);
}

static struct made *make(void)
{
	static const char *const dicts[] = { "members", "digest_members", "user_options",
		                             "usernames", "delivery_status" };
	struct made *m = xcalloc(1, sizeof *m);

	m->arena = value_arena_new();
	m->l.name = xstrdup("talk");
	m->l.charset = lists_charset_new("iso-8859-1");
	m->l.config = value_new_dict(m->arena);
	for (size_t i = 0; i < ROWS(dicts); i++)
		value_dict_set(m->arena, m->l.config, word(m, dicts[i]), value_new_dict(m->arena));
	value_dict_set(m->arena, m->l.config, word(m, "host_name"), word(m, "Lists.example.org"));
	return m;
}

static void put(struct made *m, const char *name, struct value v)
{
	value_dict_set(m->arena, m->l.config, word(m, name), v);
}

static void put_member(struct made *m, const char *dict, const char *address, struct value v)
{
	value_dict_set(m->arena, value_dict_find(m->l.config, span_of(dict)), word(m, address), v);
}

static void plan(struct made *m)
{
	lists_members_read(&m->l.members, m->l.config);
	lists_mailman3_plan(&m->plan, &m->l, NULL);
}

static void end(struct made *m)
{
	lists_end_plan_fini(&m->plan);
	m->l.config = (struct value){ 0 };
	lists_list_fini(&m->l);
	value_arena_free(m->arena);
	free(m);
}

static const struct lists_end_row *row(const struct made *m, const char *name)
{
	const struct lists_end_row *found = NULL;

	for (size_t i = 0; i < m->plan.n; i++) {
		if (strcmp(m->plan.rows[i].name, name) != 0)
			continue;
		assert_null(found);
		found = &m->plan.rows[i];
	}
	assert_non_null(found);
	return found;
}

static json_t *part(const struct made *m, const char *name)
{
	json_t *found = json_object_get(m->plan.work, name);

	assert_non_null(found);
	return found;
}

static void expect_text(const struct made *m, const char *object, const char *name,
                        const char *text)
{
	json_t *value = json_object_get(part(m, object), name);

	assert_true(json_is_string(value));
	assert_string_equal(json_string_value(value), text);
}

static void expect_member(const struct made *m, size_t at, const char *name, const char *text)
{
	json_t *value = json_object_get(json_array_get(part(m, "members"), at), name);

	assert_true(json_is_string(value));
	assert_string_equal(json_string_value(value), text);
}

static void every_attribute_of_mailman_21_has_a_rule(void **state)
{
	size_t n, rules_n;
	const struct lists_attribute *all = lists_attributes(&n);
	const struct end_rule *rules = mailman3_rules(&rules_n);

	(void)state;
	assert_true(n > 140);
	for (size_t i = 0; i < n; i++)
		assert_non_null(end_rule_of(rules, rules_n, span_of(all[i].name)));
}

static void every_attribute_stands_in_the_report_once(void **state)
{
	struct made *m = make();
	size_t n;
	const struct lists_attribute *all = lists_attributes(&n);

	(void)state;
	for (size_t i = 0; i < n; i++)
		if (value_is_absent(value_dict_find(m->l.config, span_of(all[i].name))))
			put(m, all[i].name, value_none());
	put(m, "a_patch_of_ours", number(m, 3));
	plan(m);
	assert_int_equal(m->plan.n, n + 1);
	for (size_t i = 0; i < n; i++) {
		const struct lists_end_row *r = row(m, all[i].name);

		assert_true(r->fate >= LISTS_FATE_SET && r->fate <= LISTS_FATE_UNUSED);
		assert_true(r->to || r->why);
	}
	assert_int_equal(row(m, "a_patch_of_ours")->fate, LISTS_FATE_LEFT);
	assert_int_equal(json_integer_value(row(m, "a_patch_of_ours")->value), 3);
	end(m);
}

static void texts_are_decoded_and_no_octet_is_lost(void **state)
{
	struct made *m = make();

	(void)state;
	put(m, "description", word(m, "Liste f\xfcr K\xf6ln\nund"));
	put(m, "info", word(m, "K\xc3\xb6ln"));
	put(m, "subject_prefix", word(m, " [eclipse-sig %d]"));
	put(m, "acceptable_aliases", word(m, "old@example.org\n\n^X.*@y\n\\Sx\n"));
	plan(m);
	expect_text(m, "config", "description", "Liste für Köln und");
	expect_text(m, "config", "info", "Köln");
	expect_text(m, "config", "subject_prefix", "[eclipse-sig %d] ");
	assert_int_equal(json_array_size(json_object_get(part(m, "config"), "acceptable_aliases")),
	                 2);
	assert_string_equal(json_string_value(json_array_get(
				    json_object_get(part(m, "config"), "acceptable_aliases"), 1)),
	                    "^x.*@y");
	assert_int_equal(m->plan.refused_n, 1);
	end(m);
}

static void placeholders_become_those_of_mailman_3(void **state)
{
	struct made *m = make();

	(void)state;
	put(m, "web_page_url", word(m, "https://www.example.org/mailman/"));
	put(m, "msg_footer",
	    word(m, "%(web_page_url)slistinfo%(cgiext)s/%(_internal_name)s\n"
	            "100% of $5, %% and %(user_optionsurl)s %(nobody)s %(real_name)s"));
	plan(m);
	expect_text(m, "templates", "list:member:regular:footer",
	            "https://www.example.org/mailman/listinfo/$short_listname\n"
	            "100% of $$5, % and  %(nobody)s $display_name");
	assert_non_null(strstr(row(m, "msg_footer")->why, "user_optionsurl"));
	assert_non_null(strstr(row(m, "msg_footer")->why, "nobody"));
	end(m);
	m = make();
	put(m, "use_dollar_strings", number(m, 1));
	put(m, "msg_footer", word(m, "$real_name ${host_name}$$ %(info)s $5"));
	plan(m);
	expect_text(m, "templates", "list:member:regular:footer",
	            "$display_name $domain$$ %(info)s $$5");
	end(m);
}

static void a_list_sends_nothing_by_itself_before_it_is_opened(void **state)
{
	static const char *const names[] = { "process_bounces", "gateway_to_mail",
		                             "gateway_to_news" };
	struct made *m = make();

	(void)state;
	put(m, "bounce_processing", number(m, 1));
	put(m, "gateway_to_mail", number(m, 1));
	put(m, "gateway_to_news", number(m, 0));
	plan(m);
	for (size_t i = 0; i < ROWS(names); i++)
		assert_true(json_is_false(json_object_get(part(m, "config"), names[i])));
	assert_int_equal(json_object_size(part(m, "opening")), 2);
	end(m);
}

static void two_attributes_can_be_one_value_there(void **state)
{
	struct made *m = make();

	(void)state;
	put(m, "archive", number(m, 1));
	put(m, "archive_private", number(m, 1));
	put(m, "from_is_list", number(m, 1));
	put(m, "dmarc_moderation_action", number(m, 3));
	put(m, "default_member_moderation", number(m, 0));
	put(m, "member_moderation_action", number(m, 1));
	put(m, "digestable", number(m, 0));
	put(m, "bounce_info_stale_after", value_float(m->arena, 86400.0 + 43200));
	put(m, "last_post_time", number(m, 0));
	plan(m);
	expect_text(m, "config", "archive_policy", "private");
	expect_text(m, "config", "dmarc_mitigate_action", "munge_from");
	assert_true(
		json_is_true(json_object_get(part(m, "config"), "dmarc_mitigate_unconditionally")));
	assert_non_null(strstr(row(m, "dmarc_moderation_action")->why, "reject is lost"));
	expect_text(m, "config", "default_member_action", "defer");
	assert_true(json_is_false(json_object_get(part(m, "config"), "digests_enabled")));
	expect_text(m, "config", "bounce_info_stale_after", "1d43200.0s");
	assert_true(json_is_null(json_object_get(part(m, "core"), "last_post_at")));
	end(m);
}

static void every_bit_of_a_member_goes_with_it(void **state)
{
	struct made *m = make();

	(void)state;
	put(m, "default_member_moderation", number(m, 1));
	put(m, "member_moderation_action", number(m, 2));
	put_member(m, "members", "a@example.org", word(m, "A@Example.org"));
	put_member(m, "user_options", "a@example.org", number(m, 2 | 4 | 16 | 128));
	/* has no entry: is not moderated, whatever the list's default is */
	put_member(m, "members", "b@example.org", number(m, 0));
	put_member(m, "digest_members", "c@example.org", number(m, 0));
	put_member(m, "user_options", "c@example.org", number(m, 1 | 8 | 256));
	put_member(m, "members", "j\xf6rg@example.org", number(m, 0));
	plan(m);
	assert_int_equal(m->plan.members, 4);
	assert_int_equal(json_array_size(part(m, "members")), 3);
	assert_int_equal(m->plan.refused_n, 1);
	assert_string_equal(m->plan.refused[0].who, "j\\xf6rg@example.org");
	expect_member(m, 0, "address", "A@Example.org");
	expect_member(m, 0, "action", "discard");
	expect_member(m, 1, "action", "defer");
	expect_member(m, 1, "mode", "regular");
	expect_member(m, 2, "mode", "plaintext_digests");
	expect_member(m, 2, "status", "by_user");
	for (size_t i = 0; i < 3; i++) {
		json_t *one = json_array_get(part(m, "members"), i);

		assert_int_equal(json_is_true(json_object_get(one, "ack")), i == 0);
		assert_int_equal(json_is_true(json_object_get(one, "hide")), i == 0);
		assert_int_equal(json_is_true(json_object_get(one, "own")), i != 0);
		assert_int_equal(json_is_true(json_object_get(one, "copy")), i != 2);
	}
	end(m);
}

static void rules_of_headers_stay_exact_or_are_named(void **state)
{
	struct made *m = make();
	struct value rules = value_new_items(m->arena, VALUE_LIST);
	static const struct {
		const char *lines;
		int action;
	} rows[] = {
		{ "X-Spam-Flag: YES\n^Subject:.*pills\nno colon", 3 },
		{ "Subject: buy|sell", 7 },
		{ "x-approve: a", 1 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct value rule = value_new_items(m->arena, VALUE_TUPLE);

		value_add_item(m->arena, rule, word(m, rows[i].lines));
		value_add_item(m->arena, rule, number(m, rows[i].action));
		value_add_item(m->arena, rule, value_bool(false));
		value_add_item(m->arena, rules, rule);
	}
	put(m, "header_filter_rules", rules);
	plan(m);
	assert_int_equal(json_array_size(part(m, "header_matches")), 3);
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(part(m, "header_matches"), 0), "pattern")),
	                    "^YES");
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(part(m, "header_matches"), 2), "pattern")),
	                    "^(?:buy|sell)");
	assert_int_equal(m->plan.refused_n, 2);
	end(m);
}

static void a_value_of_the_wrong_type_is_named_and_stops_nothing(void **state)
{
	struct made *m = make();

	(void)state;
	put(m, "owner", word(m, "owner@example.org"));
	put(m, "max_message_size", word(m, "40"));
	put(m, "reply_goes_to_list", word(m, ""));
	put(m, "preferred_language", word(m, "fa"));
	put(m, "filter_action", number(m, 77));
	plan(m);
	assert_int_equal(row(m, "owner")->fate, LISTS_FATE_LEFT);
	assert_int_equal(row(m, "max_message_size")->fate, LISTS_FATE_LEFT);
	assert_int_equal(row(m, "filter_action")->fate, LISTS_FATE_LEFT);
	assert_int_equal(m->plan.refused_n, 2);
	expect_text(m, "config", "reply_goes_to_list", "no_munging");
	expect_text(m, "config", "preferred_language", "en");
	assert_string_equal(m->plan.address, "talk@lists.example.org");
	end(m);
}

static void expect_words(const struct strings *lines, const char *words)
{
	for (size_t i = 0; i < lines->n; i++)
		if (strstr(lines->rows[i], words))
			return;
	fail_msg("none of %zu lines says \"%s\"", lines->n, words);
}

static void what_a_mailman_3_lacks_is_named(void **state)
{
	AUTO_STRINGS struct strings names = { 0 }, missing = { 0 }, advice = { 0 };
	json_t *told = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:s}", "version",
	                         "3.2.2", "name_chars", "[-_.0-9a-z]", "verp_delimiter", "+",
	                         "incoming", "mailman.mta.null.NullMTA", "rest",
	                         "http://h/: refused", "style", 0, "old_hashes", 0, "sqlite", 1,
	                         "no_bulk", "tables of another version");

	(void)state;
	strings_add(&names, "Talk.1_x-y");
	strings_add(&names, "c++-users");
	strings_add(&names, "a=b");
	mailman3_judge(told, &names, true, &missing, &advice);
	assert_int_equal(missing.n, 7);
	expect_words(&missing, "lists.bulk: tables of another version");
	expect_words(&missing, "older than 3.3");
	expect_words(&missing, "refused: start it");
	expect_words(&missing, "legacy-default");
	expect_words(&missing, "refuses the names of c++-users, a=b:");
	expect_words(&missing, "the names of c++-users are cut off");
	expect_words(&missing, "NullMTA");
	assert_int_equal(advice.n, 5);
	expect_words(&advice, "LIST-admin");
	expect_words(&advice, "at every local one");
	json_decref(told);
}

static void a_mailman_3_that_has_all_lacks_nothing(void **state)
{
	AUTO_STRINGS struct strings names = { 0 }, missing = { 0 }, advice = { 0 };
	json_t *told = json_pack("{s:s, s:s, s:s, s:s, s:n, s:b, s:b, s:b, s:s}", "version",
	                         "3.10.1", "name_chars", "[-_.+=0-9a-z]", "verp_delimiter", "~",
	                         "incoming", "mailman.mta.postfix.LMTP", "rest", "style", 1,
	                         "old_hashes", 1, "sqlite", 0, "domains_by", "file:///x");

	(void)state;
	strings_add(&names, "c++-users");
	strings_add(&names, "a=b");
	mailman3_judge(told, &names, true, &missing, &advice);
	assert_int_equal(missing.n, 0);
	assert_int_equal(advice.n, 2); /* of addresses that none of them has */
	json_decref(told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_attribute_of_mailman_21_has_a_rule),
		cmocka_unit_test(every_attribute_stands_in_the_report_once),
		cmocka_unit_test(texts_are_decoded_and_no_octet_is_lost),
		cmocka_unit_test(placeholders_become_those_of_mailman_3),
		cmocka_unit_test(a_list_sends_nothing_by_itself_before_it_is_opened),
		cmocka_unit_test(two_attributes_can_be_one_value_there),
		cmocka_unit_test(every_bit_of_a_member_goes_with_it),
		cmocka_unit_test(rules_of_headers_stay_exact_or_are_named),
		cmocka_unit_test(a_value_of_the_wrong_type_is_named_and_stops_nothing),
		cmocka_unit_test(what_a_mailman_3_lacks_is_named),
		cmocka_unit_test(a_mailman_3_that_has_all_lacks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
