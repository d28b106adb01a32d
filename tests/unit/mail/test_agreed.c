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

static struct mail_agreed_row row_of(const char *base, const char *suffix, uint64_t inode)
{
	return (struct mail_agreed_row){
		.base = base, .suffix = suffix, .old_inode = inode, .new_inode = inode
	};
}

static void what_is_other_by_now_is_read_instead(void **state)
{
	const struct mail_agreed_row first[] = { row_of("100.a", "", 1), row_of("200.b", "", 2),
		                                 row_of("300.c", "", 3) };
	const struct mail_agreed_row later[] = { row_of("400.d", ":2,", 4),
		                                 row_of("200.b", ":2,S", 2),
		                                 row_of("050.z", ":2,", 5) };
	static const char *const bases[] = { "050.z", "200.b", "300.c", "400.d" };
	struct mail_agreed a = { 0 };

	for (size_t i = 0; i < ROWS(first); i++)
		mail_agreed_add(&a, &first[i]);
	for (size_t i = 0; i < ROWS(later); i++)
		mail_agreed_add_later(&a, &later[i]);
	mail_agreed_add_gone(&a, "100.a");
	mail_agreed_add_gone(&a, "350.x");
	for (unsigned again = 0; again < 2; again++) {
		assert_true(mail_agreed_read(&a));
		assert_int_equal(a.n, ROWS(bases));
		for (size_t i = 0; i < ROWS(bases); i++) {
			assert_string_equal(a.rows[i].base, bases[i]);
			assert_int_equal(a.rows[i].is_later, i != 2);
			assert_false(a.rows[i].differs);
		}
		assert_string_equal(mail_agreed_find(&a, "200.b")->suffix, ":2,S");
		assert_int_equal(a.gone.n, 2);
	}
	mail_agreed_add_gone(&a, "400.d");
	assert_false(mail_agreed_read(&a));
	a.later.n--;
	assert_false(mail_agreed_read(&a));
	mail_agreed_fini(&a);
}

static void all_names_together_are_known_by_a_digest(void **state)
{
	const struct mail_agreed_row rows[] = { row_of("100.a", ":2,", 1), row_of("200.b", "", 0) };
	struct mail_agreed a = { 0 }, b = { 0 };
	struct digest x, y;

	mail_agreed_add(&a, &rows[0]);
	mail_agreed_add(
		&b, &(struct mail_agreed_row){ .base = "100.a", .suffix = ":2,S", .new_inode = 1 });
	assert_true(mail_agreed_read(&a) && mail_agreed_read(&b));
	assert_true(mail_agreed_names(&a, true, &x) && mail_agreed_names(&b, true, &y));
	assert_false(digest_equal(&x, &y));
	/* of one the inode is not known */
	assert_false(mail_agreed_names(&b, false, &y));
	mail_agreed_add(&a, &rows[1]);
	assert_true(mail_agreed_read(&a));
	assert_false(mail_agreed_names(&a, true, &y));
	mail_agreed_fini(&a);
	mail_agreed_fini(&b);
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
           cmocka_unit_test(what_is_other_by_now_is_read_instead),
           cmocka_unit_test(all_names_together_are_known_by_a_digest),
           cmocka_unit_test(a_piece_of_it_is_refused),
           cmocka_unit_test(one_that_is_not_in_order_is_refused));
