/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/cleanup.h"
#include "base/memory.h"
#include "store/courier.h"
#include "store/uidlist.h"
#include "unit/unit.h"

#include <string.h>

#define GUID "0123456789abcdef0123456789abcdef"

static void uids(struct courier *c, const char *uiddb, const char *sizelist, const char *want)
{
	courier_uids(c, span_of(uiddb), span_of(sizelist), GUID);
	assert_string_equal(buf_text(&c->uidlist), want);
}

static void uids_and_uidls_become_a_uidlist(void **state)
{
	AUTO_COURIER struct courier c = { 0 };

	uids(&c, "1 773186633 12\n3 b.host\n1 a.host,S=5\n11 c.host:2,S\n",
	     "/3 9 1773186600\na.host,S=5:2,S 120 7:1773186600:0\nc d.host 5 8:1773186600:1\n"
	     "b.host 9 0:0:0\n",
	     "3 V773186633 N13 G" GUID "\n1 PUID7-1773186600 :a.host,S=5\n3 Pb.host :b.host\n"
	     "11 :c.host\n12 PUID8-1773186600 :c d.host\n");
	assert_int_equal(c.troubles.n, 0);
	/* versions 2 and 1 of the list, and the one before there were numbers */
	uids(&c, "1 7 3\n1 a+b\n2 c\n", "/2 3 9\na+b:2, 1 1:9\n",
	     "3 V7 N3 G" GUID "\n1 PUID1-9 :a+b\n2 :c\n");
	uids(&c, "1 7 3\n1 a+b\n2 c\n", "/1 3\na+b 1 1\n",
	     "3 V7 N3 G" GUID "\n1 PUID1 :a+b\n2 :c\n");
	uids(&c, "1 7 3\n1 a+b\n2 c\n", "a+b 1\n", "3 V7 N3 G" GUID "\n1 Pa+2Bb :a+b\n2 :c\n");
	assert_int_equal(c.troubles.n, 0);
}

static void a_folder_that_only_pop3_clients_use_has_the_same_uids_each_time(void **state)
{
	AUTO_COURIER struct courier c = { 0 };

	uids(&c, "", "/3 9 1773186600\na 1 3:1773186600:0\nb 1 8:1773186600:0\n",
	     "3 V1773186600 N3 G" GUID "\n1 PUID3-1773186600 :a\n2 PUID8-1773186600 :b\n");
	uids(&c, "", "", "");
}

static void bad_lines_are_named_and_left_out(void **state)
{
	AUTO_COURIER struct courier c = { 0 };

	uids(&c, "1 7 9\nx a\n1 b\n2\n0 d\n3 \n99999999999 e\n4 f\n4 g\n5 half", "/3 x\n",
	     "3 V7 N9 G" GUID "\n1 :b\n4 :f\n");
	assert_int_equal(c.troubles.n, 7);
	assert_string_equal(c.troubles.rows[0], "courierimapuiddb:2: no UID and file name");
	strings_fini(&c.troubles);
	uids(&c, "2 7 9\n1 b\n", "/3 9 9\nb 1 1:9:0\n", "");
	assert_int_equal(c.troubles.n, 1);
	strings_fini(&c.troubles);
	uids(&c, "1 7 4294967295\n4294967294 b\n", "/3 9 9\nc 1 1:9:0\n",
	     "3 V7 N4294967295 G" GUID "\n4294967294 :b\n");
}

static void suffix(const struct courier *c, const char *base, const char *is, const char *want)
{
	AUTO_FREE char *made = courier_suffix(c, base, is);

	if (want ? !made || strcmp(made, want) != 0 : made != NULL)
		fail_msg("%s%s: %s", base, is, made ? made : "as it is");
}

static void keywords_become_letters_by_name_and_the_latest_update_counts(void **state)
{
	AUTO_COURIER struct courier c = { 0 };

	courier_keywords(&c, SPAN("Work\n$Junk\nodd word\n\na.host:0 1\nb.host:1 "
	                          "9\nbad\nc.host:0\nd.host:2 0\n"));
	courier_update(&c, ".5900000.b.host", SPAN("New\n"));
	courier_update(&c, ".5900001.b.host", SPAN("Work\n"));
	courier_update(&c, ".5899999.b.host", SPAN("$Junk\n"));
	courier_update(&c, "c.host", SPAN(""));
	courier_update(&c, ".5900009.c.host", SPAN("New\n"));
	courier_update(&c, ".tmp.5900009.d.host", SPAN("New\n"));
	courier_settle(&c);
	assert_string_equal(buf_text(&c.keywords_file), "0 $Junk\n1 New\n2 Work\n");
	suffix(&c, "a.host", ":2,S", ":2,Sac");
	suffix(&c, "a.host", ":2,Sxyz", ":2,Sac");
	suffix(&c, "a.host", "", ":2,ac");
	suffix(&c, "a.host", ":1,x", NULL);
	suffix(&c, "b.host", ":2,", ":2,c");
	suffix(&c, "c.host", ":2,F", NULL);
	suffix(&c, "d.host", ":2,F", ":2,Fc");
	suffix(&c, "e.host", ":2,F", NULL);
	assert_int_equal(c.troubles.n, 2);
	assert_string_equal(c.troubles.rows[0], "courierimapkeywords/:list:3: no keyword");
}

static void a_27th_keyword_is_told(void **state)
{
	AUTO_COURIER struct courier c = { 0 };
	AUTO_BUF struct buf list = { 0 };

	for (int i = 0; i < 28; i++)
		buf_addf(&list, "k%02d\n", i);
	buf_addf(&list, "\na:25 26 27\n");
	courier_keywords(&c, buf_span(&list));
	courier_settle(&c);
	suffix(&c, "a", ":2,", ":2,z");
	assert_int_equal(c.troubles.n, 2);
}

static void subscriptions_lose_courier_s_prefix(void **state)
{
	AUTO_BUF struct buf out = { 0 };

	courier_subscriptions(SPAN("INBOX\nINBOX.Sent\nINBOX.2019.May\n#shared.bob.x\n"), &out);
	assert_string_equal(buf_text(&out), "V\t2\n\nINBOX\nSent\n2019\tMay\n");
}

UNIT_TESTS("store/courier", cmocka_unit_test(uids_and_uidls_become_a_uidlist),
           cmocka_unit_test(a_folder_that_only_pop3_clients_use_has_the_same_uids_each_time),
           cmocka_unit_test(bad_lines_are_named_and_left_out),
           cmocka_unit_test(keywords_become_letters_by_name_and_the_latest_update_counts),
           cmocka_unit_test(a_27th_keyword_is_told),
           cmocka_unit_test(subscriptions_lose_courier_s_prefix));
