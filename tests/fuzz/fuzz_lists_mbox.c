/* SPDX-License-Identifier: BSD-2-Clause */

/* An mbox and its index: the first octet says how it is cut; the rows are the same wherever that is,
 * lie one behind the other, and are as many as the plain count of lists/mbox.h. */

#include "fuzz/fuzz.h"

#include "lists/mbox.h"
#include "lists/mbox_index.h"

#include <stdlib.h>

static void check_rows(const struct lists_mbox_index *ix)
{
	uint64_t octets = ix->before;

	for (size_t i = 0; i < ix->n; i++) {
		const struct lists_mbox_row *r = &ix->rows[i];
		uint64_t own = lists_mbox_index_octets(ix, i);

		if (r->offset != octets || r->body_offset > own || r->from_octets > own ||
		    r->id_offset + r->id_octets > own)
			abort();
		octets += own;
	}
	if (octets != ix->octets)
		abort();
}

static void check_same(const struct lists_mbox_index *a, const struct lists_mbox_index *b)
{
	if (a->n != b->n || a->separators != b->separators || a->quoted != b->quoted ||
	    a->quoted_again != b->quoted_again || a->again != b->again)
		abort();
	for (size_t i = 0; i < a->n; i++)
		if (a->rows[i].offset != b->rows[i].offset || a->rows[i].at != b->rows[i].at ||
		    a->rows[i].flags != b->rows[i].flags ||
		    a->rows[i].body_offset != b->rows[i].body_offset ||
		    a->rows[i].id_offset != b->rows[i].id_offset)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span all = { (const char *)data + 1, size ? size - 1 : 0 }, rest = all;
	AUTO_LISTS_MBOX_INDEX struct lists_mbox_index whole = { 0 }, cut = { 0 };
	AUTO_LISTS_MBOX struct lists_mbox counted = { 0 };

	if (!size || size > 100000)
		return 0;
	lists_mbox_index_feed(&whole, all);
	lists_mbox_index_end(&whole);
	check_rows(&whole);
	while (rest.n) {
		size_t piece = data[0] + 1u, n = rest.n < piece ? rest.n : piece;

		lists_mbox_index_feed(&cut, (struct span){ rest.p, n });
		rest = span_from(rest, n);
	}
	lists_mbox_index_end(&cut);
	check_same(&whole, &cut);
	lists_mbox_feed(&counted, all);
	lists_mbox_end(&counted);
	if (counted.messages != whole.n)
		abort();
	return 0;
}
