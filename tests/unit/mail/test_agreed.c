/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/agreed.h"
#include "unit/unit.h"

static void what_is_added_is_found(void **state)
{
	struct mail_agreed a = { 0 };
	const struct mail_agreed_row *row;

	mail_agreed_add(&a, &(struct mail_agreed_row){ .base = "100.a",
	                                               .suffix = ":2,S",
	                                               .in_new = false,
	                                               .old_inode = 1ull << 40,
	                                               .new_inode = 7,
	                                               .differs = true });
	mail_agreed_add(&a, &(struct mail_agreed_row){ .base = "200.b",
	                                               .suffix = "",
	                                               .in_new = true,
	                                               .old_inode = 8,
	                                               .new_inode = UINT64_MAX });
	assert_true(mail_agreed_read(&a));
	assert_int_equal(a.n, 2);
	row = mail_agreed_find(&a, "100.a");
	assert_string_equal(row->suffix, ":2,S");
	assert_false(row->in_new);
	assert_false(row->differs);
	assert_true(row->old_inode == 1ull << 40 && row->new_inode == 7);
	row = mail_agreed_find(&a, "200.b");
	assert_true(row->in_new && row->new_inode == UINT64_MAX);
	assert_null(mail_agreed_find(&a, "150.c"));
	mail_agreed_fini(&a);
}

static void a_piece_of_it_is_refused(void **state)
{
	struct mail_agreed a = { 0 };
	size_t whole;

	mail_agreed_add(&a, &(struct mail_agreed_row){ .base = "100.a",
	                                               .suffix = ":2,S",
	                                               .in_new = false,
	                                               .old_inode = 1,
	                                               .new_inode = 2 });
	whole = a.text.n;
	for (size_t n = 1; n < whole; n++) {
		a.text.n = n;
		assert_false(mail_agreed_read(&a));
	}
	a.text.n = 0;
	assert_true(mail_agreed_read(&a));
	mail_agreed_fini(&a);
}

static void one_that_is_not_in_order_is_refused(void **state)
{
	struct mail_agreed a = { 0 };

	mail_agreed_add(&a, &(struct mail_agreed_row){ .base = "200.b",
	                                               .suffix = "",
	                                               .in_new = false,
	                                               .old_inode = 1,
	                                               .new_inode = 2 });
	mail_agreed_add(&a, &(struct mail_agreed_row){ .base = "100.a",
	                                               .suffix = "",
	                                               .in_new = false,
	                                               .old_inode = 3,
	                                               .new_inode = 4 });
	assert_false(mail_agreed_read(&a));
	mail_agreed_fini(&a);
}

UNIT_TESTS("mail/agreed", cmocka_unit_test(what_is_added_is_found),
           cmocka_unit_test(a_piece_of_it_is_refused),
           cmocka_unit_test(one_that_is_not_in_order_is_refused));
