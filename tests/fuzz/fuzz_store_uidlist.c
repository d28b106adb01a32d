/* SPDX-License-Identifier: BSD-2-Clause */

/* dovecot-uidlist and dovecot-keywords of a host that is not trusted. */

#include "fuzz/fuzz.h"
#include "store/keywords.h"
#include "store/uidlist.h"

static bool has_odd(void *context, struct span base)
{
	return base.n % 2 == 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };
	AUTO_UIDLIST struct uidlist list = { 0 }, filtered = { 0 };
	AUTO_STRINGS struct strings troubles = { 0 };
	AUTO_BUF struct buf out = { 0 };
	struct mail_keywords keywords = { 0 };
	struct error err = { 0 };

	keywords_parse(text, "keywords", &keywords, &troubles);
	mail_keywords_fini(&keywords);
	if (uidlist_parse(text, "uidlist", &list, &troubles, &err) < 0)
		return 0;
	for (size_t i = 0; i < list.n; i++)
		if (uidlist_find(&list, list.rows[i].base) != &list.rows[i])
			__builtin_trap();
	if (!uidlist_agrees(&list, &list))
		__builtin_trap();
	uidlist_filter(text, has_odd, NULL, &out);
	/* what is written to the new host can be read there, and gives no UID twice */
	if (uidlist_parse(buf_span(&out), "filtered", &filtered, NULL, &err) < 0 ||
	    filtered.uidvalidity != list.uidvalidity || filtered.uidnext != list.uidnext)
		__builtin_trap();
	for (size_t i = 0; i < filtered.n; i++)
		if (filtered.rows[i].base.n % 2 == 0)
			__builtin_trap();
	return 0;
}
