/* SPDX-License-Identifier: BSD-2-Clause */

/* What a list, its requests, its tokens and its messages can say: any pickle is taken as each of
 * them, and told of in every way. */

#include "fuzz/fuzz.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "lists/csv.h"
#include "lists/list_inside.h"
#include "lists/mbox.h"
#include "lists/message.h"
#include "lists/show.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static void tell(const struct lists_list *l, const struct lists_site *site)
{
	AUTO_BUF struct buf csv = { 0 };
	AUTO_FREE char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	if (!out)
		abort();
	lists_show_list(out, l, site, true);
	(void)fclose(out);
	lists_members_csv(l, true, &csv);
	/* whatever the octets were, JSON is text */
	json_t *document = lists_list_json(l, site, true);
	AUTO_FREE char *dumped = json_dumps(document, 0);

	if (!dumped)
		abort();
	json_decref(document);
}

static void take_as_list(struct value v)
{
	AUTO_LISTS_LIST struct lists_list l = { 0 };
	struct lists_site site = { 0 };
	struct lists_reading r = { .site = &site };

	l.name = xstrdup("list");
	l.config_file = xstrdup("config.pck");
	l.charset = lists_charset_new("euc-jp");
	l.config = v;
	lists_check_config(&l);
	lists_members_read(&l.members, v);
	lists_members_check(&l.members, v, &l.findings);
	lists_take_requests(&l, &r, v);
	lists_take_pending(&l, v);
	tell(&l, &site);
}

static void take_as_message(struct value v)
{
	AUTO_BUF struct buf text = { 0 }, header = { 0 }, box = { 0 };
	AUTO_LISTS_MBOX struct lists_mbox counting = { 0 };

	(void)lists_message_text(v, &text);
	(void)lists_message_header(v, "subject", &header);
	(void)lists_message_unix_from(v);
	lists_mbox_append(&box, lists_message_unix_from(v), buf_span(&text));
	lists_mbox_feed(&counting, buf_span(&box));
	lists_mbox_end(&counting);
	if (!counting.messages)
		abort(); /* what was appended begins with a From_ line */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct read_limits limits = { .memory = 16u << 20 };
	AUTO_VALUE_FILE struct value_file f = { 0 };
	AUTO_BUF struct buf octets = { 0 };
	struct error err = { 0 };

	buf_add(&octets, data, size);
	/* of a damaged file, what was read up to the damage */
	if (value_file_read(&f, &octets, &limits, &err) < 0 && !f.n)
		return 0;
	for (size_t i = 0; i < f.n && i < 4; i++) {
		take_as_list(f.rows[i]);
		take_as_message(f.rows[i]);
	}
	return 0;
}
