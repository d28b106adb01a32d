/* SPDX-License-Identifier: BSD-2-Clause */

/* mailman3_text -- texts of a list that have placeholders. Source: Mailman/Handlers/Decorate.py and
 * Replybot.py of 2.1.39; utilities/string.py and handlers/decorate.py of Mailman core 3.3.8. */

#include "lists/mailman3_inside.h"

#include "base/cleanup.h"

#include <string.h>

/* What stands for it there; "" nothing does, and "=" the value that it has in 2.1. */
static const struct {
	const char *old, *new;
} names[] = {
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

static void add_escaped(struct buf *out, struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '$')
			buf_add_char(out, '$');
		buf_add_char(out, text.p[i]);
	}
}

/* The address of a page of 2.1, which redirects keep alive. */
static void add_page(const struct end_making *m, struct span name, struct buf *out)
{
	AUTO_BUF struct buf page = { 0 };

	if (span_is(name, "cgiext"))
		return;
	(void)lists_decode_value(m->l->charset, lists_list_attribute(m->l, "web_page_url"), &page);
	if (!span_is(name, "web_page_url"))
		buf_addf(&page, "%slistinfo/%s", page.n && page.p[page.n - 1] == '/' ? "" : "/",
		         m->l->name);
	add_escaped(out, buf_span(&page));
}

/* False: 2.1 has no such name, and leaves it as it stands. */
static bool add_name(const struct end_making *m, struct span name, struct buf *out,
                     struct strings *told)
{
	for (size_t i = 0; i < ROWS(names); i++) {
		if (!span_is(name, names[i].old))
			continue;
		if (!strcmp(names[i].new, "=")) {
			add_page(m, name, out);
			if (!span_is(name, "cgiext"))
				strings_addf(told, "%s stands as the address of 2.1's page",
				             names[i].old);
		} else if (*names[i].new) {
			buf_add_text(out, names[i].new);
		} else {
			strings_addf(told, "%s has nothing that stands for it there", names[i].old);
		}
		return true;
	}
	return false;
}

static size_t name_length(struct span s)
{
	size_t n = 0;

	while (n < s.n && ((s.p[n] >= 'a' && s.p[n] <= 'z') || (s.p[n] >= 'A' && s.p[n] <= 'Z') ||
	                   s.p[n] == '_' || (n && s.p[n] >= '0' && s.p[n] <= '9')))
		n++;
	return n;
}

/* A placeholder at the start of `s`: its name, and how many octets it takes in all; 0: there is none. */
static size_t find_dollar(struct span s, struct span *name)
{
	bool braced = s.n > 1 && s.p[1] == '{';
	struct span rest = span_from(s, braced ? 2 : 1);
	size_t n = name_length(rest);

	if (!n || (braced && (rest.n == n || rest.p[n] != '}')))
		return 0;
	*name = (struct span){ rest.p, n };
	return 1 + n + (braced ? 2 : 0);
}

static size_t find_percent(struct span s, struct span *name)
{
	struct span rest = span_from(s, 2);
	size_t n;

	if (s.n < 2 || s.p[1] != '(')
		return 0;
	n = name_length(rest);
	if (!n || rest.n < n + 2 || rest.p[n] != ')' || !strchr("sd", rest.p[n + 1]))
		return 0;
	*name = (struct span){ rest.p, n };
	return n + 4;
}

void mailman3_text_convert(const struct end_making *m, struct span text, bool dollar,
                           struct buf *out, struct strings *told)
{
	char sign = dollar ? '$' : '%';
	size_t at = 0;

	while (at < text.n) {
		struct span s = span_from(text, at), name;
		size_t n = 0;

		if (*s.p == sign)
			n = dollar ? find_dollar(s, &name) : find_percent(s, &name);
		if (n && !add_name(m, name, out, told)) {
			add_escaped(out, (struct span){ s.p, n });
			strings_addf(told, "%.*s is no name that 2.1 has, and stands as it is",
			             (int)name.n, name.p);
		}
		if (!n) {
			/* the sign twice is the sign */
			n = *s.p == sign && s.n > 1 && s.p[1] == sign ? 2 : 1;
			add_escaped(out, (struct span){ s.p, 1 });
		}
		at += n;
	}
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
