/* SPDX-License-Identifier: BSD-2-Clause */

/* convert_files -- what lies beside mbox files, as it lies beside a Maildir. */

#include "base/memory.h"
#include "copy/convert.h"
#include "copy/subscriptions.h"

#include <string.h>

/*
 * One name a line. In version 2 (line "V\t2", an empty line) a TAB parts the components, whatever
 * the layout; before it, what the mailbox format has: '/' in mbox. Dovecot 2.2 and later read 2.
 */
static void convert_subscriptions(struct span text, struct buf *out)
{
	bool tabs = span_starts(text, "V\t2\n");
	struct span rest = text, line;

	buf_add_text(out, "V\t2\n\n");
	if (tabs)
		(void)span_next_line(&rest, &line);
	while (span_next_line(&rest, &line)) {
		if (!line.n)
			continue;
		for (size_t i = 0; i < line.n; i++)
			buf_add_char(out, !tabs && line.p[i] == '/' ? '\t' : line.p[i]);
		buf_add_char(out, '\n');
	}
}

int convert_files(struct pass *p, struct error *err)
{
	struct mail_file made = { 0 };
	int brought = subscriptions_bring(p, ".subscriptions", convert_subscriptions, &made, err);

	if (brought < 0)
		return -1;
	/* UIDVALIDITY counters, ACLs, indexes: of another format, at another place */
	for (size_t i = 0; i < p->old.files_n; i++) {
		const char *path = p->old.files[i].path;

		if (span_ends(span_of(path), "dovecot-acl"))
			strings_addf(&p->out->skipped, "%s: not carried to a Maildir", path);
		mail_file_fini(&p->old.files[i]);
	}
	p->old.files_n = 0;
	if (!brought)
		return 0;
	subscriptions_list(p, &made);
	return 0;
}
