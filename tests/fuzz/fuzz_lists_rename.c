/* SPDX-License-Identifier: BSD-2-Clause */

/* What a list's new name does to any octets that stand where Mailman's files should, and the new path of
 * a queue to an entry. What is written is read again inside, and has to be what was meant. */

#include "base/cleanup.h"
#include "fuzz/fuzz.h"
#include "lists/carry_entry.h"
#include "lists/rename_values.h"

/* Once marked, an entry is marked rightly. */
static void mark(struct span octets)
{
	AUTO_VALUE_ARENA struct value_arena *arena = value_arena_new();
	AUTO_BUF struct buf content = { 0 };
	struct carry_entry_words words;
	struct error err = { 0 };

	buf_add_span(&content, octets);
	if (carry_entry_set_mark(&content, &err) == 0 &&
	    (carry_entry_read(arena, buf_span(&content), &words, &err) < 0 || words.is_mismarked))
		__builtin_trap();
}

static void edit(rename_edit *how, const struct rename_words *w, struct span octets)
{
	AUTO_BUF struct buf content = { 0 };
	struct rename_diff diff = { 0 };
	struct error err = { 0 };

	buf_add_span(&content, octets);
	/* what is not changed stays as it is */
	if (how(w, &content, &diff, &err) != 1 && !span_equal(buf_span(&content), octets))
		__builtin_trap();
	rename_diff_fini(&diff);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct rename_words words = {
		.list = "talk",
		.list_to = "news",
		.mail = "lists.example.org",
		.mail_to = "lists.example.net",
		.web = "www.example.org",
		.web_to = "www.example.net",
		.scheme_to = "https",
		.shown = "Talk",
		.shown_to = "News",
	};
	rename_edit *const edits[] = {
		rename_config,   rename_other_config, rename_requests,   rename_pending,
		rename_entry,    rename_events,       rename_plain,      rename_old_entry,
		rename_articles, rename_article_page, rename_index_page, rename_archive_state,
		rename_look
	};
	const struct span octets = { (const char *)data, size };
	AUTO_BUF struct buf content = { 0 };
	struct error err = { 0 };

	for (size_t i = 0; i < ROWS(edits); i++)
		edit(edits[i], &words, octets);
	buf_add_span(&content, octets);
	(void)!carry_entry_set_whichq(&content, "/var/spool/mailman/in", &err);
	mark(octets);
	return 0;
}
