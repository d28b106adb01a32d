/* SPDX-License-Identifier: BSD-2-Clause */

/* end_words -- texts of a list that have placeholders. Source: Mailman/Handlers/Decorate.py and Replybot.py of
 * 2.1.39. */

#include "lists/end_making.h"

#include "base/cleanup.h"

#include <string.h>

static void add_escaped(const struct end_words *w, struct buf *out, struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (w->escape && text.p[i] == w->escape)
			buf_add_char(out, w->escape);
		buf_add_char(out, text.p[i]);
	}
}

/* The address of a page of 2.1, which redirects keep alive. */
static void add_page(const struct end_making *m, const struct end_words *w, struct span name,
                     struct buf *out)
{
	AUTO_BUF struct buf page = { 0 };

	if (span_is(name, "cgiext"))
		return;
	(void)lists_decode_value(m->l->charset, lists_list_attribute(m->l, "web_page_url"), &page);
	if (!span_is(name, "web_page_url"))
		buf_addf(&page, "%slistinfo/%s", page.n && page.p[page.n - 1] == '/' ? "" : "/",
		         m->l->name);
	add_escaped(w, out, buf_span(&page));
}

static void add_value(const struct end_making *m, const struct end_words *w, const char *attribute,
                      struct buf *out)
{
	AUTO_BUF struct buf text = { 0 };

	if (*attribute)
		(void)lists_decode_value(m->l->charset, lists_list_attribute(m->l, attribute),
		                         &text);
	else
		buf_add_text(&text, m->l->name);
	add_escaped(w, out, buf_span(&text));
}

/* False: 2.1 has no such name, and leaves it as it stands. */
static bool add_name(const struct end_making *m, const struct end_words *w, struct span name,
                     struct buf *out, struct strings *told)
{
	for (size_t i = 0; i < w->n; i++) {
		if (!span_is(name, w->rows[i].old))
			continue;
		if (!strcmp(w->rows[i].new, "=")) {
			add_page(m, w, name, out);
			if (!span_is(name, "cgiext"))
				strings_addf(told, "%s stands as the address of 2.1's page",
				             w->rows[i].old);
		} else if (*w->rows[i].new == '@') {
			add_value(m, w, w->rows[i].new + 1, out);
		} else if (*w->rows[i].new) {
			buf_add_text(out, w->rows[i].new);
		} else {
			strings_addf(told, "%s has nothing that stands for it there",
			             w->rows[i].old);
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

void end_words_convert(const struct end_making *m, const struct end_words *w, struct span text,
                       bool dollar, struct buf *out, struct strings *told)
{
	char sign = dollar ? '$' : '%';
	size_t at = 0;

	while (at < text.n) {
		struct span s = span_from(text, at), name;
		size_t n = 0;

		if (*s.p == sign)
			n = dollar ? find_dollar(s, &name) : find_percent(s, &name);
		if (n && !add_name(m, w, name, out, told)) {
			add_escaped(w, out, (struct span){ s.p, n });
			strings_addf(told, "%.*s is no name that 2.1 has, and stands as it is",
			             (int)name.n, name.p);
		}
		if (!n) {
			/* the sign twice is the sign */
			n = *s.p == sign && s.n > 1 && s.p[1] == sign ? 2 : 1;
			add_escaped(w, out, (struct span){ s.p, 1 });
		}
		at += n;
	}
}

static const struct end_word spelled[] = {
	{ "real_name", "@real_name" },
	{ "list_name", "@" },
	{ "_internal_name", "@" },
	{ "listname", "@real_name" },
	{ "host_name", "@host_name" },
	{ "description", "@description" },
	{ "info", "@info" },
	{ "web_page_url", "=" },
	{ "listinfo_url", "=" },
	{ "listurl", "=" },
	{ "cgiext", "=" },
	{ "user_address", "" },
	{ "user_delivered_to", "" },
	{ "user_name", "" },
	{ "user_language", "" },
	{ "user_optionsurl", "" },
	{ "user_password", "" },
};

void end_spell_out(struct end_making *m, struct buf *out)
{
	const struct end_words words = { .rows = spelled, .n = ROWS(spelled) };
	AUTO_STRINGS struct strings told = { 0 };
	AUTO_BUF struct buf text = { 0 };

	end_decode(m, m->v, &text);
	end_words_convert(m, &words, buf_span(&text), end_int(m, "use_dollar_strings", 0), out,
	                  &told);
	for (size_t i = 0; i < told.n; i++)
		end_tell(m, "%s", told.rows[i]);
}
