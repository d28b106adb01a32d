/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit/unit.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "mta/postfix_master.h"

#include <string.h>

static const char text[] = "# head\n"
			   "smtp      inet  n - n - - smtpd\n"
			   "#smtps    inet  n - n - - smtpd\n"
			   "submission inet n - n - - smtpd\n"
			   "  -o a=b\n"
			   "# between\n"
			   "\t-o c=d\n"
			   "pickup    unix  n - n 60 1 pickup\n"
			   "  -o e=f\n"
			   "policy    inet  n n n - - spawn argv=/x\n"
			   "dangling  inet";

static bool accepts(void *context, const struct span fields[8])
{
	return postfix_master_accepts(fields);
}

static void what_accepts_mail_is_taken_out_with_its_options(void **state)
{
	AUTO_BUF struct buf closed = { 0 };

	(void)state;
	assert_int_equal(postfix_master_close(span_of(text), accepts, NULL, &closed), 2);
	assert_string_equal(buf_text(&closed), "# head\n"
	                                       "#mailhaul: smtp      inet  n - n - - smtpd\n"
	                                       "#smtps    inet  n - n - - smtpd\n"
	                                       "#mailhaul: submission inet n - n - - smtpd\n"
	                                       "#mailhaul:   -o a=b\n"
	                                       "# between\n"
	                                       "#mailhaul: \t-o c=d\n"
	                                       "pickup    unix  n - n 60 1 pickup\n"
	                                       "  -o e=f\n"
	                                       "policy    inet  n n n - - spawn argv=/x\n"
	                                       "dangling  inet");
}

static void closing_twice_takes_out_nothing_more(void **state)
{
	AUTO_BUF struct buf once = { 0 }, twice = { 0 };

	(void)state;
	postfix_master_close(span_of(text), accepts, NULL, &once);
	assert_int_equal(postfix_master_close(buf_span(&once), accepts, NULL, &twice), 0);
	assert_string_equal(buf_text(&once), buf_text(&twice));
}

static void opening_gives_the_old_text_back_octet_by_octet(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof text; n++) {
		AUTO_FREE char *copy = xmalloc(n + 1);
		AUTO_BUF struct buf closed = { 0 }, opened = { 0 };

		memcpy(copy, text, n);
		postfix_master_close((struct span){ copy, n }, accepts, NULL, &closed);
		postfix_master_open(buf_span(&closed), &opened);
		assert_int_equal(opened.n, n);
		assert_memory_equal(buf_text(&opened), copy, n);
	}
}

UNIT_TESTS("mta/postfix_master", cmocka_unit_test(what_accepts_mail_is_taken_out_with_its_options),
           cmocka_unit_test(closing_twice_takes_out_nothing_more),
           cmocka_unit_test(opening_gives_the_old_text_back_octet_by_octet));
