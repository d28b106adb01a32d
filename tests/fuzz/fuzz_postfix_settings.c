/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz.h"

#include "mta/postfix.h"
#include "mta/postfix_master.h"
#include "mta/postfix_settings.h"

#include <stdlib.h>

static bool accepts(void *context, const struct span fields[8])
{
	return postfix_master_accepts(fields);
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
	postfix_master_close(text, accepts, NULL, &closed);
	postfix_master_open(buf_span(&closed), &opened);
	/* text that bore the mark before is not of our making */
	if (span_find_text(text, POSTFIX_MASTER_MARK) < 0 && !span_equal(buf_span(&opened), text))
		abort();
	return 0;
}
