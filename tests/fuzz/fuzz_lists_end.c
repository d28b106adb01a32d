/* SPDX-License-Identifier: BSD-2-Clause */

/* What ends make of texts of a list: posts that wait, and patterns of whom they let in. The first line is a pattern. */

#include "fuzz/fuzz.h"

#include "base/cleanup.h"
#include "lists/mlmmj_inside.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = { (const char *)data, size }, line = SPAN("");
	AUTO_BUF struct buf out = { 0 };
	struct mlmmj o = { 0 };

	(void)span_next_line(&rest, &line);
	(void)mlmmj_access_from("deny", line, &out);
	(void)mlmmj_access_header("discard", line, &out);
	buf_add_text(&o.prefix, "[T]");
	buf_add_text(&o.deleted, "Reply-To:\nX:\n");
	buf_add_text(&o.custom, "List-Id: <t.example.org>\n");
	mlmmj_post(&o, rest, &out);
	buf_fini(&o.prefix);
	buf_fini(&o.deleted);
	buf_fini(&o.custom);
	return 0;
}
