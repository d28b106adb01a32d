/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz.h"

#include "imapd/dovecot_mail.h"

#include <stdlib.h>

/* An empty line parts the two tables. Each message that is counted stands in a folder. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_MAIL_LISTING struct mail_listing l = { 0 };
	AUTO_DOVECOT_ROWS struct dovecot_rows r = { 0 };
	struct span text = { (const char *)data, size }, folders = text, rest = { "", 0 };
	ssize_t at = span_find_text(text, "\n\n");
	struct error err;
	uint64_t octets;

	if (at >= 0) {
		folders.n = (size_t)at + 1;
		rest = span_from(text, (size_t)at + 2);
	}
	if (dovecot_read_folders(folders, &l, NULL, &err) < 0)
		return 0;
	dovecot_rows_begin(&r, &l);
	if (dovecot_rows_feed(&r, rest, &err) == 0 && dovecot_rows_end(&r, &err) == 0 &&
	    mail_listing_messages(&l, &octets) != r.messages)
		abort();
	return 0;
}
