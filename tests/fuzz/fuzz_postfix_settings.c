/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz.h"

#include "mta/postfix.h"
#include "mta/postfix_lines.h"
#include "mta/postfix_master.h"
#include "mta/postfix_settings.h"

#include <stdlib.h>

static bool accepts(void *context, const struct span fields[8])
{
	return postfix_master_accepts(fields);
}

static void put_and_take_back(struct span text)
{
	const struct postfix_line lines[] = { { "a", "a = b" }, { NULL, "c" } };
	AUTO_BUF struct buf put = { 0 }, back = { 0 };

	postfix_lines_put(text, lines, ROWS(lines), &put);
	postfix_lines_take_back(buf_span(&put), &back);
	if (span_find_text(text, "#mailhaul-passes-on") < 0 && !span_equal(buf_span(&back), text))
		abort();
}

/* The same octets as what postconf prints, and as master.cf: what is closed opens to the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_MTA_FACTS struct mta_facts f = { 0 };
	AUTO_BUF struct buf closed = { 0 }, opened = { 0 };
	struct span text = { (const char *)data, size };

	postfix_settings_parse(&f, text, false);
	postfix_settings_parse(&f, text, true);
	postfix_services_parse(&f, text);
	postfix_find_files(&f);
	for (size_t i = 0; i < f.settings_n && i < 50; i++)
		free(mta_setting_expanded(&f, f.settings[i].name));
	put_and_take_back(text);
	postfix_master_close(text, accepts, NULL, &closed);
	postfix_master_open(buf_span(&closed), &opened);
	/* text that bore the mark before is not of our making */
	if (span_find_text(text, POSTFIX_MASTER_MARK) < 0 && !span_equal(buf_span(&opened), text))
		abort();
	return 0;
}
