/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit/unit.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "mta/postfix_lines.h"

#include <string.h>

static const char text[] = "# head\n"
			   "myhostname = mail.example.org\n"
			   "transport_maps=hash:/a,\n"
			   "\n"
			   "# between\n"
			   "\thash:/b\n"
			   "  # a comment with a blank\n"
			   "transport_maps_of_mine = c\n"
			   "mydestination = d\n"
			   "  e";
static const struct postfix_line lines[] = {
	{ "transport_maps", "transport_maps = hash:/x, hash:/a, hash:/b" },
	{ NULL, "service unix" },
};

static void what_is_replaced_waits_and_all_else_stays(void **state)
{
	AUTO_BUF struct buf out = { 0 };

	postfix_lines_put(span_of(text), lines, ROWS(lines), &out);
	assert_string_equal(buf_text(&out), "# head\n"
	                                    "myhostname = mail.example.org\n"
	                                    "#mailhaul-passes-on transport_maps=hash:/a,\n"
	                                    "\n"
	                                    "# between\n"
	                                    "#mailhaul-passes-on \thash:/b\n"
	                                    "  # a comment with a blank\n"
	                                    "transport_maps_of_mine = c\n"
	                                    "mydestination = d\n"
	                                    "  e\n"
	                                    "#mailhaul-passes-on;\n"
	                                    "transport_maps = hash:/x, hash:/a, hash:/b\n"
	                                    "#mailhaul-passes-on:\n"
	                                    "service unix\n");
}

static void it_is_taken_back_octet_by_octet_wherever_the_text_ends(void **state)
{
	for (size_t n = 0; n < sizeof text; n++) {
		AUTO_FREE char *part = xmalloc(n + 1);
		AUTO_BUF struct buf once = { 0 }, twice = { 0 }, back = { 0 };

		memcpy(part, text, n);
		part[n] = 0;
		postfix_lines_put(span_of(part), lines, ROWS(lines), &once);
		postfix_lines_put(buf_span(&once), lines, ROWS(lines), &twice);
		assert_string_equal(buf_text(&once), buf_text(&twice));
		postfix_lines_take_back(buf_span(&twice), &back);
		assert_string_equal(buf_text(&back), part);
	}
}

static void without_lines_nothing_is_put(void **state)
{
	AUTO_BUF struct buf once = { 0 }, out = { 0 };

	postfix_lines_put(span_of(text), lines, ROWS(lines), &once);
	postfix_lines_put(buf_span(&once), lines, 0, &out);
	assert_string_equal(buf_text(&out), text);
}

UNIT_TESTS("mta/postfix_lines", cmocka_unit_test(what_is_replaced_waits_and_all_else_stays),
           cmocka_unit_test(it_is_taken_back_octet_by_octet_wherever_the_text_ends),
           cmocka_unit_test(without_lines_nothing_is_put));
