/* SPDX-License-Identifier: BSD-2-Clause */
#include "tree/digest.h"
#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK 65536u

/* Octets in pieces of `piece`; from `hole` to `end` they are told as zeros in one. */
static struct digest in_pieces(const char *bytes, size_t n, size_t piece, size_t hole, size_t end)
{
	struct tree_digest d;

	tree_digest_begin(&d);
	for (size_t at = 0; at < n;) {
		size_t stop = at < hole ? hole : n;
		size_t some = stop - at < piece ? stop - at : piece;

		if (at == hole && end > hole) {
			tree_digest_add_zeros(&d, end - hole);
			at = end;
			continue;
		}
		tree_digest_add(&d, bytes + at, some);
		at += some;
	}
	return tree_digest_end(&d);
}

static void a_file_without_blocks_of_zeros_has_its_sha_256(void **state)
{
	size_t n = 3 * BLOCK + 17;
	char *bytes = calloc(1, n);
	struct digest expected, got;

	for (size_t at = 0; at < n; at += BLOCK)
		bytes[at + 16] = 'x';
	expected = digest_of((struct span){ bytes, n });
	for (size_t piece = 1; piece < 3 * BLOCK; piece = 3 * piece + 1) {
		got = in_pieces(bytes, n, piece, n, n);
		assert_true(digest_equal(&got, &expected));
	}
	got = in_pieces(bytes, 0, 1, 0, 0);
	expected = digest_of(SPAN(""));
	assert_true(digest_equal(&got, &expected));
	got = in_pieces(bytes + 1, 15, 4, 15, 15); /* a short file of zeros */
	expected = digest_of((struct span){ bytes + 1, 15 });
	assert_true(digest_equal(&got, &expected));
	free(bytes);
}

static void a_hole_and_zeros_that_were_written_are_the_same(void **state)
{
	size_t n = 6 * BLOCK + 100;
	char *bytes = calloc(1, n);
	struct digest expected, got;

	bytes[0] = 'x';
	bytes[n - 1] = 'x';
	expected = in_pieces(bytes, n, n, n, n);
	for (size_t from = 1; from < n; from += BLOCK / 2 + 1) {
		for (size_t to = from; to < n; to += BLOCK - 3) {
			got = in_pieces(bytes, n, 5000, from, to);
			assert_true(digest_equal(&got, &expected));
		}
	}
	/* another place of the same zeros is another file */
	bytes[2 * BLOCK] = 'y';
	expected = in_pieces(bytes, n, n, n, n);
	bytes[2 * BLOCK] = 0;
	bytes[3 * BLOCK] = 'y';
	got = in_pieces(bytes, n, n, n, n);
	assert_false(digest_equal(&got, &expected));
	free(bytes);
}

static void a_hole_of_any_size_costs_nothing(void **state)
{
	struct tree_digest d;
	struct digest a, b;

	tree_digest_begin(&d);
	tree_digest_add_zeros(&d, INT64_MAX);
	a = tree_digest_end(&d);
	tree_digest_begin(&d);
	tree_digest_add_zeros(&d, INT64_MAX - BLOCK);
	b = tree_digest_end(&d);
	assert_false(digest_equal(&a, &b));
}

UNIT_TESTS("tree/digest", cmocka_unit_test(a_file_without_blocks_of_zeros_has_its_sha_256),
           cmocka_unit_test(a_hole_and_zeros_that_were_written_are_the_same),
           cmocka_unit_test(a_hole_of_any_size_costs_nothing));
