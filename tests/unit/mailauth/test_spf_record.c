/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/spf_record.h"
#include "unit/unit.h"

#include <string.h>

static const struct spf_session session = { .sender = "list-owner@example.org",
	                                    .helo = "mail.example.org",
	                                    .domain = "example.org" };

static void what_the_library_gets_right_stays(void **state)
{
	static const char *const rows[] = {
		"v=spf1",
		"v=spf1 ip4:192.0.2.0/24 a mx/24//64 a:%{d}/28 ptr -all exp=why.example.org",
		"v=spf1 include:%{ir}.%{v}.%{d1}.%%%_%- ?exists:%{l1r-}.x.example.org foo=b:a/r",
		"v=spf1 a:h.1.example.org./24 mx:a.b-c//64 a:a.1a/24//64 ptr:%{d} redirect=%{d}",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_BUF struct buf out = { 0 };
		const char *fault;

		assert_true(spf_record_mend(span_of(rows[i]), &session, &out, &fault));
		assert_string_equal(buf_text(&out), rows[i]);
	}
}

static void what_the_library_gets_wrong_is_put_into_other_words(void **state)
{
	static const struct {
		const char *record, *made;
	} rows[] = {
		{ "V=SPF1   ip4:192.0.2.1  ", "v=spf1 ip4:192.0.2.1" },
		{ "v=spf1 redirect=example.net a mx", "v=spf1 a mx redirect=example.net" },
		{ "v=spf1 redirect=example.net a -all", "v=spf1 a -all" },
		{ "v=spf1 -ip4:0.0.0.0/0", "v=spf1 -ip4:0.0.0.0/1 -ip4:128.0.0.0/1" },
		{ "v=spf1 ip6:::/0", "v=spf1 ip6:::/1 ip6:8000::/1" },
		{ "v=spf1 a:%{d2}", "v=spf1 a:%{d}" },
		{ "v=spf1 a:%{d3r}.%{O2}", "v=spf1 a:%{dr}.%{O}" },
		{ "v=spf1 a:%{l2-}.%{l1-}", "v=spf1 a:%{l-}.%{l1-}" },
		{ "v=spf1 a:%{i4}.%{i3}.%{v1}.%{h3}.%{s9}", "v=spf1 a:%{i}.%{i3}.%{v}.%{h}.%{s}" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_BUF struct buf out = { 0 };
		const char *fault;

		assert_true(spf_record_mend(span_of(rows[i].record), &session, &out, &fault));
		assert_string_equal(buf_text(&out), rows[i].made);
	}
}

static void what_the_rfc_forbids_is_a_fault(void **state)
{
	static const char *const rows[] = {
		"v=spf1 a:",
		"v=spf1 mx:/24",
		"v=spf1 include",
		"v=spf1 include: -all",
		"v=spf1 exists",
		"v=spf1 ip4",
		"v=spf1 ip4/24",
		"v=spf1 all:x",
		"v=spf1 all/0",
		"v=spf1 ptr/24",
		"v=spf1 wat",
		"v=spf1 -",
		"v=spf1 redirect:example.net",
		"v=spf1 redirect=",
		"v=spf1 exp=",
		"v=spf1 redirect=a.example.org redirect=b.example.org",
		"v=spf1 exp=a.example.org exp=b.example.org",
		"v=spf1 a:localhost",
		"v=spf1 include:org",
		"v=spf1 a:example.123",
		"v=spf1 a:example.123/24",
		"v=spf1 a:example.-org//64",
		"v=spf1 redirect=org",
		"v=spf1 a:.",
		"v=spf1 a:%(ir)",
		"v=spf1 a:%{z}",
		"v=spf1 a:%{d0}",
		"v=spf1 a:%{d",
		"v=spf1 a:%",
		"v=spf1 foo=%x",
		"v=spf1 a:caf\xc3\xa9.example.org",
		"v=spf1 a\tb",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		AUTO_BUF struct buf out = { 0 };
		const char *fault = NULL;

		if (spf_record_mend(span_of(rows[i]), &session, &out, &fault))
			fail_msg("\"%s\" was taken", rows[i]);
		assert_non_null(fault);
		assert_int_equal(out.n, 0);
	}
}

static void records_are_those_of_version_1(void **state)
{
	(void)state;
	assert_true(spf_record_is_one(SPAN("v=spf1")));
	assert_true(spf_record_is_one(SPAN("V=spf1 a")));
	assert_false(spf_record_is_one(SPAN("v=spf10 a")));
	assert_false(spf_record_is_one(SPAN(" v=spf1")));
	assert_false(spf_record_is_one(SPAN("v=spf")));
}

UNIT_TESTS("mailauth/spf_record", cmocka_unit_test(what_the_library_gets_right_stays),
           cmocka_unit_test(what_the_library_gets_wrong_is_put_into_other_words),
           cmocka_unit_test(what_the_rfc_forbids_is_a_fault),
           cmocka_unit_test(records_are_those_of_version_1));
