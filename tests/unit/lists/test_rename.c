/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/rename_values.h"
#include "pickle/read.h"
#include "unit/unit.h"

#include "base/cleanup.h"

#include <string.h>

static const struct rename_words domain = {
	.list = "talk",
	.list_to = "talk",
	.mail = "lists.example.org",
	.mail_to = "tmp.example.net",
	.web = "www.example.org",
	.web_to = "tmp.example.net",
	.scheme_to = NULL,
};
static const struct rename_words back = {
	.list = "talk",
	.list_to = "talk",
	.mail = "tmp.example.net",
	.mail_to = "lists.example.org",
	.web = "tmp.example.net",
	.web_to = "www.example.org",
	.scheme_to = NULL,
};
static const struct rename_words name = {
	.list = "talk",
	.list_to = "news",
	.mail = "lists.example.org",
	.mail_to = "lists.example.org",
	.web = "www.example.org",
	.web_to = "www.example.org",
	.scheme_to = NULL,
};
static const struct rename_words scheme = {
	.list = "talk",
	.list_to = "talk",
	.mail = "lists.example.org",
	.mail_to = "lists.example.org",
	.web = "www.example.org",
	.web_to = "www.example.org",
	.scheme_to = "https",
};
static const struct rename_words path = {
	.list = "talk",
	.list_to = "talk",
	.mail = "lists.example.org",
	.mail_to = "lists.example.org",
	.web = "www.example.org",
	.web_to = "www.example.org",
	.path = "/mailman/",
	.path_to = "/lists/",
};
static const struct rename_words path_back = {
	.list = "talk",
	.list_to = "talk",
	.mail = "lists.example.org",
	.mail_to = "lists.example.org",
	.web = "www.example.org",
	.web_to = "www.example.org",
	.path = "/lists/",
	.path_to = "/mailman/",
};

static void assert_renamed(const struct rename_words *w, const char *text, const char *expected)
{
	AUTO_BUF struct buf out = { 0 };
	bool changed = rename_text(w, span_of(text), &out);

	assert_string_equal(buf_text(&out), expected);
	assert_int_equal(changed, strcmp(text, expected) != 0);
}

static void the_list_s_own_addresses_change(void **state)
{
	static const char *const rows[][2] = {
		{ "talk@lists.example.org", "talk@tmp.example.net" },
		{ "Talk-Owner@Lists.Example.ORG", "Talk-Owner@tmp.example.net" },
		{ "<talk-bounces+joe=example.com@lists.example.org>",
		  "<talk-bounces+joe=example.com@tmp.example.net>" },
		{ "^talk@lists\\.example\\.org$", "^talk@tmp\\.example\\.net$" },
		{ "mailto:talk%40lists.example.org?Subject=x",
		  "mailto:talk%40tmp.example.net?Subject=x" },
		{ "talk at lists.example.org", "talk at tmp.example.net" },
		{ "List-Id: <talk.lists.example.org>", "List-Id: <talk.tmp.example.net>" },
		{ "to talk@lists.example.org.", "to talk@tmp.example.net." },
		{ "^to:\\s*\\btalk@lists\\.example\\.org", "^to:\\s*\\btalk@tmp\\.example\\.net" },
		{ "to:\\stalk@lists.example.org", "to:\\stalk@tmp.example.net" },
	};

	for (size_t i = 0; i < ROWS(rows); i++)
		assert_renamed(&domain, rows[i][0], rows[i][1]);
}

static void what_is_somebody_else_s_stays(void **state)
{
	static const char *const rows[] = {
		"bob@lists.example.org",
		"small-talk@lists.example.org",
		"talk-show@lists.example.org",
		"talk@lists.example.org.example.net",
		"talk@xlists.example.org",
		"talk@mail.lists.example.org",
		"smalltalk@lists.example.org",
		"http://www.example.org/about.html",
		"http://www.example.org/mailman/listinfo/talk-show",
		"http://www.example.com/mailman/listinfo/talk",
		"https://www.example.org.evil.example.com/mailman/listinfo/talk",
		"\xe4talk@lists.example.org",
		"",
		"talk",
		"talk@",
		"http://",
		"talk@lists.example.or",
	};

	for (size_t i = 0; i < ROWS(rows); i++)
		assert_renamed(&domain, rows[i], rows[i]);
}

static void urls_of_the_list_and_of_the_overview_change(void **state)
{
	static const char *const rows[][2] = {
		{ "<a href=\"http://www.example.org/mailman/listinfo/talk\">",
		  "<a href=\"http://tmp.example.net/mailman/listinfo/talk\">" },
		{ "https://www.example.org/pipermail/talk/2005-May/000123.html",
		  "https://tmp.example.net/pipermail/talk/2005-May/000123.html" },
		{ "http://www.example.org/mailman/private/talk.mbox/talk.mbox",
		  "http://tmp.example.net/mailman/private/talk.mbox/talk.mbox" },
		{ "http://www.example.org/mailman/listinfo",
		  "http://tmp.example.net/mailman/listinfo" },
		{ "http://www.example.org/cgi-bin/mailman/options/talk/joe--at--example.com.",
		  "http://tmp.example.net/cgi-bin/mailman/options/talk/joe--at--example.com." },
	};

	for (size_t i = 0; i < ROWS(rows); i++)
		assert_renamed(&domain, rows[i][0], rows[i][1]);
	assert_renamed(&scheme, "http://www.example.org/mailman/listinfo/talk",
	               "https://www.example.org/mailman/listinfo/talk");
	assert_renamed(&scheme, "http://www.example.org/about", "http://www.example.org/about");
}

static void another_path_stands_before_mailman_s_programs_and_nowhere_else(void **state)
{
	static const char *const rows[][2] = {
		{ "<a href=\"http://www.example.org/mailman/listinfo/talk\">",
		  "<a href=\"http://www.example.org/lists/listinfo/talk\">" },
		{ "https://www.example.org/mailman/private/talk/2005-May/000123.html",
		  "https://www.example.org/lists/private/talk/2005-May/000123.html" },
		{ "http://www.example.org/mailman/listinfo",
		  "http://www.example.org/lists/listinfo" },
		{ "<http://www.example.org/mailman/admin/>",
		  "<http://www.example.org/lists/admin/>" },
		{ "href=\"/mailman/options/talk/joe\"", "href=\"/lists/options/talk/joe\"" },
	};
	static const char *const stay[] = {
		"http://www.example.org/pipermail/talk/2005-May/000123.html",
		"http://www.example.org/mailman/pipermail/talk/",
		"http://www.example.org/mailman/listinfo/talk-show",
		"http://www.example.org/mailman/about/listinfo/talk",
		"http://www.example.org/mailman/",
		"http://www.example.org/old/mailman/listinfo/talk",
		"http://www.example.com/mailman/listinfo/talk",
		"../mailman/listinfo/talk",
		"/mailman/listinfo/talk-show",
		"/mailman/",
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_renamed(&path, rows[i][0], rows[i][1]);
		assert_renamed(&path_back, rows[i][1], rows[i][0]);
		/* what was done is not done once more */
		assert_renamed(&path, rows[i][1], rows[i][1]);
	}
	for (size_t i = 0; i < ROWS(stay); i++)
		assert_renamed(&path, stay[i], stay[i]);
}

static void a_new_name_stands_wherever_the_old_one_did(void **state)
{
	static const char *const rows[][2] = {
		{ "talk@lists.example.org, Talk-request@lists.example.org, TALK@lists.example.org",
		  "news@lists.example.org, News-request@lists.example.org, "
		  "NEWS@lists.example.org" },
		{ "http://www.example.org/mailman/private/talk/x/talk.txt",
		  "http://www.example.org/mailman/private/news/x/talk.txt" },
		{ "href=\"../../listinfo/talk\"", "href=\"../../listinfo/news\"" },
		{ "/mailman/listinfo/talkative", "/mailman/listinfo/talkative" },
		{ "let us talk", "let us talk" },
	};

	for (size_t i = 0; i < ROWS(rows); i++)
		assert_renamed(&name, rows[i][0], rows[i][1]);
}

static void the_mbox_of_an_archive_has_the_name_twice(void **state)
{
	static const char *const rows[][2] = {
		{ "<a href=\"../talk.mbox/talk.mbox\">", "<a href=\"../news.mbox/news.mbox\">" },
		{ "http://www.example.org/pipermail/talk.mbox/talk.mbox",
		  "http://www.example.org/pipermail/news.mbox/news.mbox" },
		{ "/mailman/private/talk.mbox/talk.mbox", "/mailman/private/news.mbox/news.mbox" },
		{ "../talk.mbox/other.mbox", "../talk.mbox/other.mbox" },
		{ "../talk.mbox", "../talk.mbox" },
		{ "/talk.mbox/", "/talk.mbox/" },
	};

	for (size_t i = 0; i < ROWS(rows); i++)
		assert_renamed(&name, rows[i][0], rows[i][1]);
}

static void another_list_s_text_keeps_the_overview(void **state)
{
	struct rename_words other = domain;

	other.of_other = true;
	assert_renamed(&other, "http://www.example.org/mailman/listinfo talk@lists.example.org",
	               "http://www.example.org/mailman/listinfo talk@tmp.example.net");
}

static void an_address_has_the_name_without_the_domain_that_is_in_it(void **state)
{
	static const struct rename_words hosted = {
		.list = "news_example.org",
		.list_to = "news_example.net",
		.mail = "example.org",
		.mail_to = "example.net",
		.web = "example.org",
		.web_to = "example.net",
		.local = "news",
		.local_to = "news",
	};
	static const char *const rows[][2] = {
		{ "News-owner@example.org", "News-owner@example.net" },
		{ "news_example.org@example.org", "news_example.net@example.net" },
		{ "http://example.org/mailman/listinfo/news_example.org",
		  "http://example.net/mailman/listinfo/news_example.net" },
		{ "<news.example.org>", "<news.example.net>" },
		{ "other@example.org fake-news@example.org",
		  "other@example.org fake-news@example.org" },
	};

	for (size_t i = 0; i < ROWS(rows); i++)
		assert_renamed(&hosted, rows[i][0], rows[i][1]);
}

static void pages_show_the_new_name_and_subjects_keep_theirs(void **state)
{
	static const struct {
		bool is_index;
		const char *page, *expected;
	} rows[] = {
		{ true, "<TITLE>The Talk Archives</TITLE><h1>Talk, Talkative [Talk]</h1> Talk",
		  "<TITLE>The News Archives</TITLE><h1>News, Talkative [News]</h1> Talk" },
		{ false,
		  "<title>[Talk] Hello</title><a href=\"http://x/mailman/listinfo/talk\">More "
		  "about the Talk\nlist</a> Talk",
		  "<title>[Talk] Hello</title><a href=\"http://x/mailman/listinfo/news\">More "
		  "about the News\nlist</a> Talk" },
		{ true, "<title>Talk", "<title>Talk" },
		{ true, "<a href=\"listinfo/talk", "<a href=\"listinfo/talk" },
		{ true, "<", "<" },
	};
	struct rename_words shown = name;

	shown.shown = "Talk";
	shown.shown_to = "News";
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_BUF struct buf out = { 0 };

		(void)rename_page_text(&shown, span_of(rows[i].page), rows[i].is_index, &out);
		assert_string_equal(buf_text(&out), rows[i].expected);
	}
}

static void there_and_back_is_where_it_began(void **state)
{
	static const char text[] =
		"Write to talk@lists.example.org or talk-owner@lists.example.org;\n"
		"see http://www.example.org/mailman/listinfo/talk and "
		"https://www.example.org/pipermail/talk/.\nbob@lists.example.org knows.\n";
	AUTO_BUF struct buf there = { 0 };
	AUTO_BUF struct buf again = { 0 };

	assert_true(rename_text(&domain, SPAN(text), &there));
	assert_true(rename_mentions_host(&domain, buf_span(&there)));
	assert_true(rename_text(&back, buf_span(&there), &again));
	assert_string_equal(buf_text(&again), text);
	/* what was done is not done once more */
	buf_reset(&again);
	assert_false(rename_text(&domain, buf_span(&there), &again));
}

static void only_a_whole_address_is_one(void **state)
{
	AUTO_BUF struct buf out = { 0 };

	assert_true(rename_address(&domain, SPAN("talk-owner@lists.example.org"), &out));
	assert_string_equal(buf_text(&out), "talk-owner@tmp.example.net");
	assert_false(rename_address(&domain, SPAN("talk@lists.example.org, x"), &out));
	assert_false(rename_address(&domain, SPAN("bob@lists.example.org"), &out));
	assert_false(rename_address(&domain, SPAN(""), &out));
}

/* ── values ──────────────────────────────────────────────────────────────────────────────────── */

#define OTHER                                                                                      \
	"(dp0\nS'members'\n(dS'talk@lists.example.org'\nS'Talk@lists.example.org'\n"               \
	"sS'bob@lists.example.org'\nI0\nssS'bounce_info'\n(dS'talk@lists.example.org'\n"           \
	"(iMailman.Bouncer\n_BounceInfo\n(dS'member'\nS'talk@lists.example.org'\nsS'score'\n"      \
	"F1.5\nsbssS'accept_these_nonmembers'\n(lS'@talk'\naS'@talkative'\nasS'odd'\nL7L\ns."

static void edit(rename_edit *how, struct buf *content, int expected)
{
	struct rename_diff diff = { 0 };
	struct error err = { 0 };

	if (how(&name, content, &diff, &err) != expected)
		fail_msg("not %d: %s", expected, err.text);
	rename_diff_fini(&diff);
}

static void a_list_that_is_a_member_is_renamed_in_all_that_is_known_of_it(void **state)
{
	AUTO_VALUE_FILE struct value_file file = { 0 };
	AUTO_BUF struct buf content = { 0 };
	struct error err = { 0 };
	struct value members, bounced;
	struct span text;

	buf_add_text(&content, OTHER);
	edit(rename_other_config, &content, 1);
	edit(rename_other_config, &content, 0);
	assert_good(value_file_read(&file, &content, &(struct read_limits){ 0 }, &err), &err);
	members = value_dict_find(file.rows[0], SPAN("members"));
	assert_true(value_get_str(value_dict_find(members, SPAN("news@lists.example.org")), &text));
	assert_true(span_is(text, "News@lists.example.org"));
	assert_false(value_is_absent(value_dict_find(members, SPAN("bob@lists.example.org"))));
	assert_true(value_is_absent(value_dict_find(members, SPAN("talk@lists.example.org"))));
	bounced = value_dict_find(value_dict_find(file.rows[0], SPAN("bounce_info")),
	                          SPAN("news@lists.example.org"));
	assert_true(value_get_str(value_attribute(bounced, SPAN("member")), &text));
	assert_true(span_is(text, "news@lists.example.org"));
	members = value_dict_find(file.rows[0], SPAN("accept_these_nonmembers"));
	assert_true(value_get_str(value_item(members, 0), &text) && span_is(text, "@news"));
	assert_true(value_get_str(value_item(members, 1), &text) && span_is(text, "@talkative"));
	assert_int_equal(value_kind(value_dict_find(file.rows[0], SPAN("odd"))), VALUE_LONG);
}

static void the_message_of_an_entry_stays_octet_for_octet(void **state)
{
	static const char message[] = "S'talk@lists.example.org\\n'\np9\n.";
	AUTO_BUF struct buf content = { 0 };

	buf_add_text(&content, message);
	buf_add_text(&content, "(dS'listname'\nS'talk'\nsS'_parsemsg'\nI01\ns.");
	edit(rename_entry, &content, 1);
	assert_true(span_starts(buf_span(&content), message));
	assert_true(span_find_text(buf_span(&content), "S'news'") > 0);
	edit(rename_entry, &content, 0);
}

static void what_can_not_be_read_stays(void **state)
{
	static const char *const rows[] = { "", "N.", "(dS'x'", "cos\nsystem\n(S'x'\ntR." };
	rename_edit *const edits[] = { rename_config,       rename_other_config, rename_requests,
		                       rename_pending,      rename_articles,     rename_old_entry,
		                       rename_archive_state };

	for (size_t i = 0; i < ROWS(rows); i++)
		for (size_t at = 0; at < ROWS(edits); at++) {
			AUTO_BUF struct buf content = { 0 };

			buf_add_text(&content, rows[i]);
			edit(edits[at], &content, -1);
			assert_true(span_is(buf_span(&content), rows[i]));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_list_s_own_addresses_change),
		cmocka_unit_test(what_is_somebody_else_s_stays),
		cmocka_unit_test(urls_of_the_list_and_of_the_overview_change),
		cmocka_unit_test(another_path_stands_before_mailman_s_programs_and_nowhere_else),
		cmocka_unit_test(a_new_name_stands_wherever_the_old_one_did),
		cmocka_unit_test(the_mbox_of_an_archive_has_the_name_twice),
		cmocka_unit_test(another_list_s_text_keeps_the_overview),
		cmocka_unit_test(an_address_has_the_name_without_the_domain_that_is_in_it),
		cmocka_unit_test(pages_show_the_new_name_and_subjects_keep_theirs),
		cmocka_unit_test(there_and_back_is_where_it_began),
		cmocka_unit_test(only_a_whole_address_is_one),
		cmocka_unit_test(a_list_that_is_a_member_is_renamed_in_all_that_is_known_of_it),
		cmocka_unit_test(the_message_of_an_entry_stays_octet_for_octet),
		cmocka_unit_test(what_can_not_be_read_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
