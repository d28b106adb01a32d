/* SPDX-License-Identifier: BSD-2-Clause */

/* mailman3_text -- texts of a list that have placeholders. Source: Mailman/Handlers/Decorate.py and
 * Replybot.py of 2.1.39; utilities/string.py and handlers/decorate.py of Mailman core 3.3.8. */

#include "lists/mailman3_inside.h"

#include "base/cleanup.h"

#include <string.h>

static const struct end_word names[] = {
	{ "real_name", "$display_name" },
	{ "list_name", "$short_listname" },
	{ "_internal_name", "$short_listname" },
	{ "listname", "$display_name" },
	{ "host_name", "$domain" },
	{ "description", "$description" },
	{ "info", "$info" },
	{ "web_page_url", "=" },
	{ "listinfo_url", "=" },
	{ "listurl", "=" },
	{ "cgiext", "=" },
	{ "requestemail", "$request_email" },
	{ "owneremail", "$owner_email" },
	{ "adminemail", "$owner_email" },
	{ "user_address", "$user_email" },
	{ "user_delivered_to", "$user_delivered_to" },
	{ "user_name", "$user_name" },
	{ "user_language", "$user_language" },
	{ "user_optionsurl", "" },
	{ "user_password", "" },
};

void mailman3_text_convert(const struct end_making *m, struct span text, bool dollar,
                           struct buf *out, struct strings *told)
{
	const struct end_words words = { .rows = names, .n = ROWS(names), .escape = '$' };

	end_words_convert(m, &words, text, dollar, out, told);
}

static void convert(struct end_making *m, struct buf *out)
{
	AUTO_STRINGS struct strings told = { 0 };
	AUTO_BUF struct buf text = { 0 };

	end_decode(m, m->v, &text);
	mailman3_text_convert(m, buf_span(&text), end_int(m, "use_dollar_strings", 0), out, &told);
	for (size_t i = 0; i < told.n; i++)
		end_tell(m, "%s", told.rows[i]);
}

void mailman3_take_reply_text(struct end_making *m)
{
	AUTO_BUF struct buf text = { 0 };

	convert(m, &text);
	mailman3_set(m, m->rule->to, end_json(buf_span(&text)));
}

/* 2.1 has words of its own around these, and Mailman 3's own are lost where a list has others. */
static void add_welcome(struct buf *made, const struct buf *text)
{
	buf_add_text(made, "Welcome to the \"$display_name\" mailing list!\n\n");
	buf_add_span(made, buf_span(text));
	buf_add_text(made, "\n\nTo post to this list, send your message to:\n\n  $listname\n\n"
	                   "To leave it, send \"leave\" in the subject or body to:\n\n"
	                   "  $request_email\n");
}

void mailman3_take_template(struct end_making *m)
{
	const char *name = m->rule->to;
	AUTO_BUF struct buf text = { 0 }, made = { 0 };
	bool notice = strstr(name, ":notice:");

	convert(m, &text);
	if (notice && !span_trim(buf_span(&text)).n) {
		end_carried(m, "template: Mailman 3's own");
		return;
	}
	if (!strcmp(name, "list:user:notice:welcome")) {
		add_welcome(&made, &text);
		end_tell(m, "stands within an English text, as 2.1's stood in its own");
	} else {
		buf_add_span(&made, buf_span(&text));
	}
	json_object_set_new(mailman3_part(m, "templates"), name, end_json(buf_span(&made)));
	buf_reset(&made);
	buf_addf(&made, "template %s", name);
	end_carried(m, buf_text(&made));
}
