/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit/unit.h"

#include "lists/attributes.h"
#include "lists/member.h"

#include <stdio.h>
#include <string.h>

struct made {
	struct value_arena *arena;
	struct value config;
};

static struct value word(struct made *m, const char *text)
{
	return value_str(m->arena, span_of(text));
}

static struct value number(struct made *m, int64_t n)
{
	return value_int(m->arena, n);
}

static struct value pair(struct made *m, struct value a, struct value b)
{
	struct value tuple = value_new_items(m->arena, VALUE_TUPLE);

	value_add_item(m->arena, tuple, a);
	value_add_item(m->arena, tuple, b);
	return tuple;
}

static struct made make(void)
{
	static const char *const names[] = {
		"members",         "digest_members",      "passwords",   "language",
		"usernames",       "user_options",        "bounce_info", "delivery_status",
		"one_last_digest", "topics_userinterest",
	};
	struct made m = { .arena = value_arena_new() };

	m.config = value_new_dict(m.arena);
	for (size_t i = 0; i < ROWS(names); i++)
		value_dict_set(m.arena, m.config, word(&m, names[i]), value_new_dict(m.arena));
	return m;
}

static void put(struct made *m, const char *dict, const char *address, struct value v)
{
	value_dict_set(m->arena, value_dict_find(m->config, span_of(dict)), word(m, address), v);
}

/* Whether there is such a finding. */
static bool has(const struct lists_findings *f, const char *where, const char *who)
{
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->rows[i].where, where) && f->rows[i].who &&
		    !strcmp(f->rows[i].who, who))
			return true;
	return false;
}

static void a_member_is_put_together_from_all_dictionaries(void **state)
{
	struct made made = make();
	struct lists_members m;
	struct lists_findings f = { 0 };
	AUTO_BUF struct buf words = { 0 };
	double since;

	(void)state;
	put(&made, "digest_members", "zoe@example.org", number(&made, 0));
	put(&made, "members", "al@example.org", word(&made, "AL@example.org"));
	put(&made, "user_options", "al@example.org", number(&made, 2 | 256 | 1 << 10));
	put(&made, "usernames", "al@example.org", word(&made, "Al"));
	put(&made, "delivery_status", "al@example.org",
	    pair(&made, number(&made, 4), value_float(made.arena, 12.5)));
	lists_members_read(&m, made.config);
	assert_int_equal(m.n, 2);
	assert_true(span_is(lists_member_address(&m.rows[0]), "al@example.org"));
	assert_true(span_is(lists_member_as_typed(&m.rows[0]), "AL@example.org"));
	assert_true(value_is_absent(m.rows[0].digest));
	assert_true(value_is_absent(m.rows[1].regular));
	assert_true(span_is(lists_member_as_typed(&m.rows[1]), "zoe@example.org"));
	lists_option_words(lists_member_options(&m.rows[0]), &words);
	assert_string_equal(buf_text(&words), "notmetoo nodupes bit 1024");
	assert_int_equal(lists_member_disabled(&m.rows[0], &since), LISTS_DISABLED_BOUNCES);
	assert_true(since == 12.5);
	assert_int_equal(lists_member_disabled(&m.rows[1], &since), LISTS_ENABLED);
	lists_members_check(&m, made.config, &f);
	assert_int_equal(f.n, 2);
	assert_true(has(&f, "user_options", "al@example.org"));
	assert_true(has(&f, "delivery_status", "al@example.org"));
	lists_findings_fini(&f);
	lists_members_fini(&m);
	value_arena_free(made.arena);
}

static void one_broken_member_does_not_hide_the_others(void **state)
{
	struct made made = make();
	struct lists_members m;
	struct lists_findings f = { 0 };
	struct value members = value_dict_find(made.config, SPAN("members"));

	(void)state;
	put(&made, "members", "good@example.org", number(&made, 0));
	put(&made, "members", "Bad@example.org", number(&made, 0));
	put(&made, "members", "both@example.org", value_none());
	put(&made, "digest_members", "both@example.org", number(&made, 0));
	value_dict_set(made.arena, members, number(&made, 7), number(&made, 0));
	put(&made, "user_options", "both@example.org", word(&made, "256"));
	put(&made, "delivery_status", "both@example.org", number(&made, 2));
	put(&made, "bounce_info", "gone@example.org", number(&made, 3));
	put(&made, "topics_userinterest", "good@example.org", word(&made, "x"));
	lists_members_read(&m, made.config);
	assert_int_equal(m.n, 4);
	assert_int_equal(m.strangers_n, 1);
	assert_int_equal(lists_member_options(&m.rows[2]), 0);
	lists_members_check(&m, made.config, &f);
	assert_true(has(&f, "members", "7"));
	assert_true(has(&f, "members", "Bad@example.org"));
	assert_true(has(&f, "digest_members", "both@example.org"));
	assert_true(has(&f, "user_options", "both@example.org"));
	assert_true(has(&f, "delivery_status", "both@example.org"));
	assert_true(has(&f, "bounce_info", "gone@example.org"));
	assert_true(has(&f, "topics_userinterest", "good@example.org"));
	assert_int_equal(f.n, 7);
	lists_findings_fini(&f);
	lists_members_fini(&m);
	value_arena_free(made.arena);
}

static void dictionaries_that_are_none_are_empty(void **state)
{
	struct made made = make();
	struct lists_members m;

	(void)state;
	value_dict_set(made.arena, made.config, word(&made, "digest_members"), number(&made, 1));
	value_dict_set(made.arena, made.config, word(&made, "usernames"), value_none());
	put(&made, "members", "good@example.org", number(&made, 0));
	lists_members_read(&m, made.config);
	assert_int_equal(m.n, 1);
	lists_members_fini(&m);
	lists_members_read(&m, (struct value){ 0 });
	assert_int_equal(m.n, 0);
	lists_members_fini(&m);
	value_arena_free(made.arena);
}

static void every_attribute_is_found_by_its_name(void **state)
{
	size_t n;
	const struct lists_attribute *all = lists_attributes(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		assert_ptr_equal(lists_attribute_named(span_of(all[i].name)), &all[i]);
		assert_true(all[i].types != 0);
	}
	assert_null(lists_attribute_named(SPAN("member")));
	assert_null(lists_attribute_named(SPAN("memberss")));
	assert_null(lists_attribute_named(SPAN("")));
}

static void attributes_know_what_they_may_be(void **state)
{
	struct made made = make();
	const struct lists_attribute *owner = lists_attribute_named(SPAN("owner"));
	const struct lists_attribute *archive = lists_attribute_named(SPAN("archive"));
	struct value list = value_new_items(made.arena, VALUE_LIST);
	AUTO_BUF struct buf words = { 0 };
	struct span named;

	(void)state;
	assert_true(lists_attribute_fits(owner, list));
	value_add_item(made.arena, list, word(&made, "a@example.org"));
	assert_true(lists_attribute_fits(owner, list));
	value_add_item(made.arena, list, number(&made, 1));
	assert_false(lists_attribute_fits(owner, list));
	assert_false(lists_attribute_fits(owner, word(&made, "a@example.org")));
	assert_true(lists_attribute_fits(archive, value_bool(true)));
	assert_true(lists_attribute_fits(archive, number(&made, 0)));
	assert_false(lists_attribute_fits(archive, number(&made, 2)));
	lists_attribute_expects(lists_attribute_named(SPAN("mod_password")), &words);
	assert_string_equal(buf_text(&words), "None, or a string");
	assert_true(lists_attribute_word(lists_attribute_named(SPAN("personalize")),
	                                 number(&made, 2), &named));
	assert_true(span_is(named, "full"));
	assert_false(lists_attribute_word(lists_attribute_named(SPAN("personalize")),
	                                  number(&made, 3), &named));
	value_arena_free(made.arena);
}

UNIT_TESTS("lists_member", cmocka_unit_test(a_member_is_put_together_from_all_dictionaries),
           cmocka_unit_test(one_broken_member_does_not_hide_the_others),
           cmocka_unit_test(dictionaries_that_are_none_are_empty),
           cmocka_unit_test(every_attribute_is_found_by_its_name),
           cmocka_unit_test(attributes_know_what_they_may_be));
