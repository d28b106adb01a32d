/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/redirects.h"
#include "unit/unit.h"

#include <string.h>

#define BASE "https://lists.example.org"

static void a_page_says_whose_it_is(void **state)
{
	static const struct {
		const char *html, *id;
	} rows[] = {
		{ "<TITLE> x &lt;LINK REL=\"made\" In-Reply-To=bad\n</TITLE>\n"
		  "<LINK REL=\"made\" HREF=\"mailto:talk%40x?Subject=a%26In-Reply-To%3Db&"
		  "In-Reply-To=%3Ca%2Bb%40example.org%3E\">",
		  "a+b@example.org" },
		{ "<LINK REL=\"made\" HREF=\"mailto:x?In-Reply-To=a%20b%0a%00@x&amp;y\">", "ab@x" },
		{ "<LINK REL=\"made\" HREF=\"mailto:x?In-Reply-To=bare@x", "bare@x" },
		{ "<LINK REL=\"made\" HREF=\"mailto:x?In-Reply-To=%3C%zz%3", "%zz%3" },
		{ "<LINK REL=\"made\" HREF=\"mailto:x?In-Reply-To=\">", NULL },
		{ "<LINK REL=\"made\" HREF=\"mailto:x?In-Reply-To=None\">", NULL },
		{ "<LINK REL=\"made\" HREF=\"mailto:x?In-Reply-To=42\">", NULL },
		{ "<LINK REL=\"made\" HREF=\"mailto:x\"> In-Reply-To=%3Cbody@x%3E", NULL },
		{ "In-Reply-To=%3Cbody@x%3E", NULL },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_BUF struct buf id = { 0 };

		assert_int_equal(old_page_id(span_of(rows[i].html), &id), rows[i].id != NULL);
		assert_string_equal(buf_text(&id), rows[i].id ? rows[i].id : "");
	}
}

static void names_are_those_of_hyperkitty_and_of_pipermail(void **state)
{
	char hash[33], folder[OLD_PAGE_HASH_SIZE + 1];

	/* of Mailman 3's own documents */
	redirects_hyperkitty_hash("87myycy5eh.fsf@uwakimon.sk.tsukuba.ac.jp", hash);
	assert_string_equal(hash, "JJIGKPKB6CVDX6B2CUG4IHAJRIQIOUTP");
	old_page_hash("1@example.org", folder);
	assert_int_equal(strlen(folder), OLD_PAGE_HASH_SIZE);
}

static void an_address_may_stand_in_a_configuration_or_is_refused(void **state)
{
	static const struct {
		const char *base, *path;
		int result;
	} rows[] = {
		{ BASE, "/hyperkitty", 0 },
		{ BASE ":8443", "", 0 },
		{ "https://[2001:db8::1]", "/a", 0 },
		{ "http://lists.example.org", "/a", -1 },
		{ BASE "/x", "/a", -1 },
		{ "https://", "/a", -1 },
		{ BASE "\n", "/a", -1 },
		{ BASE, "a", -1 },
		{ BASE, "/a/", -1 },
		{ BASE, "/$1", -1 },
		{ BASE, "/a b", -1 },
		{ "https://${x}", "/a", -1 },
	};
	const struct strings none = { 0 };

	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct redirects_to to = { REDIRECTS_KEEP, rows[i].base, rows[i].path,
			                         rows[i].path, &none };
		struct error err = { 0 };

		assert_int_equal(redirects_check(&to, &err), rows[i].result);
	}
}

static struct old_page page(const char *path, enum old_page_kind kind, const char *volume,
                            const char *id)
{
	return (struct old_page){
		.path = path, .kind = kind, .volume = span_of(volume), .id = (char *)(uintptr_t)id
	};
}

/* The one line that begins with `from`. */
static void expect_line(const struct buf *text, const char *line)
{
	struct span rest = buf_span(text), found;
	unsigned n = 0;

	while (span_next_line(&rest, &found))
		n += span_is(found, line);
	if (n != 1)
		fail_msg("%u lines \"%s\" in\n%s", n, line, buf_text(text));
}

static void make(struct redirects *r, const struct redirects_to *to, struct old_page *rows,
                 size_t n)
{
	const struct redirects_list list = { "talk", "talk@example.org", false };
	const struct old_pages pages = { .rows = rows, .n = n };

	redirects_add_list(r, to, &list, &pages);
	redirects_end(r, to);
}

static void octets_of_a_name_stay_octets_of_a_name(void **state)
{
	struct old_page rows[] = {
		page("attachments/1/2/A\"; x $1 %{Y}.png", OLD_PAGE_ATTACHMENT, "attachments",
		     NULL),
		page("attachments/1/2/b.PNG", OLD_PAGE_ATTACHMENT, "attachments", NULL),
		page("attachments/1/2/b.png", OLD_PAGE_ATTACHMENT, "attachments", NULL),
		page("attachments/1/2/new\nline", OLD_PAGE_ATTACHMENT, "attachments", NULL),
	};
	struct strings domains = { 0 };
	const struct redirects_to to = { REDIRECTS_KEEP, BASE, "/old", "/mailman", &domains };
	AUTO_REDIRECTS struct redirects r = { 0 };
	AUTO_BUF struct buf apache = { 0 }, nginx = { 0 };

	make(&r, &to, rows, ROWS(rows));
	redirects_apache(&r, &apache);
	redirects_nginx(&r, &nginx);
	assert_int_equal(r.named.n, 1);
	expect_line(&apache, "/pipermail/talk/attachments/1/2/A%22;%20x%20$1%20%25%7bY%7d.png " BASE
	                     "/old/talk/attachments/1/2/A%22%3B%20x%20%241%20%25%7BY%7D.png");
	expect_line(&apache,
	            "/pipermail/talk/attachments/1/2/A%22%3b%20x%20$1%20%25%7bY%7d.png " BASE
	            "/old/talk/attachments/1/2/A%22%3B%20x%20%241%20%25%7BY%7D.png");
	expect_line(&nginx, "\"/pipermail/talk/attachments/1/2/A\\\"; x $1 %{Y}.png\" \"" BASE
	                    "/old/talk/attachments/1/2/A%22%3B%20x%20%241%20%25%7BY%7D.png\";");
	/* they differ in nothing but the case, in which nginx sees no difference */
	expect_line(&nginx, "\"~^/pipermail/talk/attachments/1/2/b\\\\x2epng$\" \"" BASE
	                    "/old/talk/attachments/1/2/b.png\";");
	expect_line(&nginx, "\"~^/pipermail/talk/attachments/1/2/b\\\\x2ePNG$\" \"" BASE
	                    "/old/talk/attachments/1/2/b.PNG\";");
}

static void each_kind_of_page_has_its_place_in_hyperkitty(void **state)
{
	char attachment[64], hash[OLD_PAGE_HASH_SIZE + 1];
	struct old_page rows[] = {
		page("2026-March.txt.gz", OLD_PAGE_TEXT, "2026-March", NULL),
		page("2026-March/000001.html", OLD_PAGE_MESSAGE, "2026-March", "1@example.org"),
		page("2026-March/000002.html", OLD_PAGE_MESSAGE, "2026-March", NULL),
		page("2026-March/thread.html", OLD_PAGE_VOLUME, "2026-March", NULL),
		page("2026q1/000003.html", OLD_PAGE_MESSAGE, "2026q1", NULL),
		page("Week-of-Mon-20260302/date.html", OLD_PAGE_VOLUME, "Week-of-Mon-20260302",
		     NULL),
		page(attachment, OLD_PAGE_ATTACHMENT, "attachments", NULL),
		page("attachments/x/12345678/a.png", OLD_PAGE_ATTACHMENT, "attachments", NULL),
	};
	struct strings domains = { 0 };
	const struct redirects_to to = { REDIRECTS_HYPERKITTY, BASE, "/hk", "/po", &domains };
	AUTO_REDIRECTS struct redirects r = { 0 };
	AUTO_BUF struct buf text = { 0 };

	strings_add(&domains, "example.net");
	old_page_hash("1@example.org", hash);
	(void)snprintf(attachment, sizeof attachment, "attachments/20260301/%s/a.png", hash);
	make(&r, &to, rows, ROWS(rows));
	redirects_plain(&r, &text);
#define LIST BASE "/hk/list/talk@example.org/"
	expect_line(&text, "/pipermail/talk " LIST);
	expect_line(&text, "/pipermail/talk-example.net/ " LIST);
	expect_line(&text, "/pipermail/talk.mbox/talk.mbox " LIST);
	expect_line(&text, "/pipermail/talk-example.net.mbox/talk-example.net.mbox " LIST);
	expect_line(&text, "/pipermail/talk/2026-March.txt.gz " LIST "2026/3/");
	expect_line(&text, "/pipermail/talk/2026-March " LIST "2026/3/");
	expect_line(&text, "/pipermail/talk/2026-March/000002.html " LIST "2026/3/");
	expect_line(&text, "/pipermail/talk/2026q1/000003.html " LIST);
	expect_line(&text, "/pipermail/talk/Week-of-Mon-20260302/date.html " LIST "2026/3/");
	expect_line(&text, "/pipermail/talk/attachments/x/12345678/a.png " BASE
	                   "/pipermail/talk/attachments/x/12345678/a.png");
	expect_line(&text, "/admin.cgi/talk-example.net " BASE "/po/lists/talk.example.org/");
	expect_line(&text, "/listinfo.cgi " BASE "/po/lists/");
	assert_int_equal(r.without_id.n, 2);
	assert_int_equal(r.kept.n, 1);
	assert_int_equal(r.stays, 1);
	for (size_t i = 0; i < r.n; i++)
		if (strstr(r.rows[i].from, "000001") || strstr(r.rows[i].from, attachment))
			assert_non_null(strstr(r.rows[i].to, "/message/"));
	strings_fini(&domains);
}

static void an_address_of_two_lists_is_named(void **state)
{
	struct strings domains = { 0 };
	const struct redirects_to to = { REDIRECTS_KEEP, BASE, "/pipermail", "/mailman", &domains };
	struct old_page rows[] = { page("index.html", OLD_PAGE_CONTENTS, "", NULL) };
	const struct redirects_list other = { "talk-example.net", "x@example.org", false };
	const struct old_pages pages = { .rows = rows, .n = 1 };
	AUTO_REDIRECTS struct redirects r = { 0 };

	strings_add(&domains, "example.net");
	redirects_add_list(&r, &to, &other, &pages);
	make(&r, &to, rows, 1);
	assert_int_equal(r.named.n, 4);
	for (size_t i = 1; i < r.n; i++)
		assert_true(strcmp(r.rows[i - 1].from, r.rows[i].from) < 0);
	strings_fini(&domains);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_says_whose_it_is),
		cmocka_unit_test(names_are_those_of_hyperkitty_and_of_pipermail),
		cmocka_unit_test(an_address_may_stand_in_a_configuration_or_is_refused),
		cmocka_unit_test(octets_of_a_name_stay_octets_of_a_name),
		cmocka_unit_test(each_kind_of_page_has_its_place_in_hyperkitty),
		cmocka_unit_test(an_address_of_two_lists_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
