/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/memory.h"
#include "mail/flags.h"
#include "unit/unit.h"

static void a_name_is_cut_at_its_first_colon(void **state)
{
	struct span base, suffix;

	mail_name_split(SPAN("1.M2P3.host,S=4:2,S:x"), &base, &suffix);
	assert_true(span_is(base, "1.M2P3.host,S=4"));
	assert_true(span_is(suffix, ":2,S:x"));
	mail_name_split(SPAN("1.host"), &base, &suffix);
	assert_true(span_is(base, "1.host"));
	assert_int_equal(suffix.n, 0);
}

static void names_that_lead_elsewhere_do_not_fit(void **state)
{
	char longest[257];

	memset(longest, 'x', sizeof longest);
	assert_false(mail_name_fits(SPAN("")));
	assert_false(mail_name_fits(SPAN(".")));
	assert_false(mail_name_fits(SPAN("..")));
	assert_false(mail_name_fits(SPAN("a/b")));
	assert_false(mail_name_fits(SPAN("a\0b")));
	assert_false(mail_name_fits((struct span){ longest, 256 }));
	assert_true(mail_name_fits((struct span){ longest, 255 }));
	assert_true(mail_name_fits(SPAN("...")));
	assert_true(mail_name_fits(SPAN("\n\x80 ")));
}

static void flags_come_sorted_and_keywords_by_name(void **state)
{
	struct mail_keywords k = { .names = { xstrdup("$Junk"), xstrdup("$Done") } };
	AUTO_BUF struct buf flags = { 0 }, keywords = { 0 }, none = { 0 };

	mail_suffix_flags(SPAN(":2,TbaSzS"), &flags);
	assert_string_equal(buf_text(&flags), "ST");
	mail_suffix_keywords(SPAN(":2,TbaSzS"), &k, &keywords);
	assert_string_equal(buf_text(&keywords), "$Done $Junk ?z");
	mail_suffix_flags(SPAN(":1,S"), &none);
	mail_suffix_flags(SPAN(""), &none);
	mail_suffix_flags(SPAN(":2,,S"), &none);
	assert_int_equal(none.n, 0);
	mail_keywords_fini(&k);
}

UNIT_TESTS("mail/flags", cmocka_unit_test(a_name_is_cut_at_its_first_colon),
           cmocka_unit_test(names_that_lead_elsewhere_do_not_fit),
           cmocka_unit_test(flags_come_sorted_and_keywords_by_name));
