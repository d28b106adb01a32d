/* SPDX-License-Identifier: BSD-2-Clause */
#include "imap/name.h"

#include "base/cleanup.h"
#include "unit/unit.h"

#include <string.h>

static void becomes(enum imap_layout layout, const char *name, const char *prefix, char separator,
                    const char *want)
{
	const char *why;
	AUTO_FREE char *path = imap_name_path(layout, span_of(name), span_of(prefix), separator,
	                                      &why);

	if (!want) {
		assert_null(path);
		assert_non_null(why);
		return;
	}
	assert_non_null(path);
	assert_string_equal(path, want);
}

static void folders_lie_where_a_maildir_has_them(void **state)
{
	becomes(IMAP_LAYOUT_MAILDIRPP, "inbox", "", '/', "");
	becomes(IMAP_LAYOUT_MAILDIRPP, "INBOX", "INBOX.", '.', "");
	becomes(IMAP_LAYOUT_MAILDIRPP, "A/B c", "", '/', ".A.B c");
	becomes(IMAP_LAYOUT_MAILDIRPP, "INBOX.Sent.2019", "INBOX.", '.', ".Sent.2019");
	becomes(IMAP_LAYOUT_MAILDIRPP, "INBOX/Sub", "", '/', ".INBOX.Sub");
	becomes(IMAP_LAYOUT_MAILDIRPP, "M&APw-ller", "", 0, ".M&APw-ller");
	becomes(IMAP_LAYOUT_ESCAPED, "v1.0/a\\b", "", '/', ".v1\\2e0.a\\5cb");
	becomes(IMAP_LAYOUT_FS, "A/v1.0", "", '/', "A/v1.0");
	becomes(IMAP_LAYOUT_FS, "A.B", "", '.', "A/B");
}

static void what_can_not_be_a_folder_is_refused(void **state)
{
	becomes(IMAP_LAYOUT_MAILDIRPP, "v1.0", "", '/', NULL);
	becomes(IMAP_LAYOUT_MAILDIRPP, "a//b", "", '/', NULL);
	becomes(IMAP_LAYOUT_MAILDIRPP, "a/b", "", 0, NULL);
	becomes(IMAP_LAYOUT_FS, "../../etc", "", '/', NULL);
	becomes(IMAP_LAYOUT_FS, "a/../b", "", '/', NULL);
	becomes(IMAP_LAYOUT_FS, "a/cur", "", '/', NULL);
	becomes(IMAP_LAYOUT_FS, ".hidden", "", '/', NULL);
	becomes(IMAP_LAYOUT_FS, "/etc", "", '/', NULL);
	becomes(IMAP_LAYOUT_ESCAPED, "a\nb", "", '/', NULL);
	becomes(IMAP_LAYOUT_ESCAPED, "", "", '/', NULL);
}

static void subscriptions_have_tabs_between_their_parts(void **state)
{
	AUTO_BUF struct buf out = { 0 };

	imap_name_subscription(IMAP_LAYOUT_MAILDIRPP, SPAN("INBOX"), SPAN("INBOX."), '.', &out);
	imap_name_subscription(IMAP_LAYOUT_MAILDIRPP, SPAN("INBOX.A.B"), SPAN("INBOX."), '.', &out);
	imap_name_subscription(IMAP_LAYOUT_ESCAPED, SPAN("A/v1.0"), SPAN(""), '/', &out);
	imap_name_subscription(IMAP_LAYOUT_FS, SPAN("A\nB"), SPAN(""), '/', &out);
	assert_string_equal(buf_text(&out), "INBOX\nA\tB\nA\tv1\\2e0\n");
}

UNIT_TESTS("imap/names", cmocka_unit_test(folders_lie_where_a_maildir_has_them),
           cmocka_unit_test(what_can_not_be_a_folder_is_refused),
           cmocka_unit_test(subscriptions_have_tabs_between_their_parts));
