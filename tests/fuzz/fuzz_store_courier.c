/* SPDX-License-Identifier: BSD-2-Clause */

/* Courier's files beside a Maildir of a host that is not trusted: texts with a NUL between them. */

#include "base/cleanup.h"
#include "base/memory.h"
#include "fuzz/fuzz.h"
#include "store/courier.h"
#include "store/keywords.h"
#include "store/uidlist.h"

#include <stdlib.h>
#include <string.h>

static struct span next_text(struct span *rest)
{
	struct span text = { "", 0 };

	if (rest->p)
		(void)span_next_part(rest, 0, &text);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = { (const char *)data, size };
	struct span uiddb = next_text(&rest), sizelist = next_text(&rest), list = next_text(&rest);
	AUTO_COURIER struct courier c = { 0 };
	AUTO_UIDLIST struct uidlist made = { 0 };
	AUTO_STRINGS struct strings troubles = { 0 };
	AUTO_BUF struct buf out = { 0 };
	struct mail_keywords keywords = { 0 };
	struct error err = { 0 };

	courier_uids(&c, uiddb, sizelist, "0123456789abcdef0123456789abcdef");
	/* what is made of it Dovecot can read: no bad line, no UID twice, none above the next */
	if (c.uidlist.n) {
		uint32_t last = 0;
		struct span text = buf_span(&c.uidlist), line;

		if (uidlist_parse(text, "made", &made, &troubles, &err) < 0 || troubles.n)
			__builtin_trap();
		(void)span_next_line(&text, &line);
		while (span_next_line(&text, &line)) {
			uint32_t uid = (uint32_t)strtoul(line.p, NULL, 10);

			if (uid <= last || uid >= made.uidnext)
				__builtin_trap();
			last = uid;
		}
	}
	courier_keywords(&c, list);
	while (rest.p) {
		AUTO_FREE char *name = span_dup(next_text(&rest));

		courier_update(&c, name, next_text(&rest));
	}
	courier_settle(&c);
	keywords_parse(buf_span(&c.keywords_file), "made", &keywords, &troubles);
	if (troubles.n)
		__builtin_trap();
	for (size_t i = 0; i < c.n; i++) {
		AUTO_FREE char *suffix = courier_suffix(&c, c.messages[i].base, ":2,S");

		if (i && strcmp(c.messages[i - 1].base, c.messages[i].base) >= 0)
			__builtin_trap();
		for (const char *at = suffix ? suffix + 4 : ""; *at; at++)
			if (!keywords.names[*at - 'a'])
				__builtin_trap();
	}
	mail_keywords_fini(&keywords);
	courier_subscriptions(list, &out);
	return 0;
}
