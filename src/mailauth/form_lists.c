/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/form.h"

#include <string.h>

#define LIST_ID_MAX 255u /* RFC 2919 section 2 */
#define ONE_CLICK "List-Unsubscribe=One-Click"

/* RFC 2369: each at most once, "<URL>, <URL>"; List-Post may say NO. */
static const struct {
	const char *name, *id;
	bool may_be_no;
} urls[] = {
	{ "List-Help", "list-help", false },
	{ "List-Subscribe", "list-subscribe", false },
	{ "List-Unsubscribe", "list-unsubscribe", false },
	{ "List-Post", "list-post", true },
	{ "List-Owner", "list-owner", false },
	{ "List-Archive", "list-archive", false },
};

/* "scheme:rest" without blanks */
static bool is_url(struct span text)
{
	ssize_t colon = span_find(text, ':');

	if (colon < 1 || (size_t)colon + 1 == text.n)
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] <= ' ' || text.p[i] == '<' || text.p[i] == 127)
			return false;
	for (ssize_t i = 0; i < colon; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789+-.", ascii_lower(text.p[i])))
			return false;
	return true;
}

/* Cuts "<URL>" and the comma behind it off. 1; 0: nothing is left; -1: it is something else. */
static int next_url(struct span *rest, struct span *url)
{
	ssize_t end;

	*rest = span_trim(*rest);
	if (!rest->n)
		return 0;
	end = span_find(*rest, '>');
	if (*rest->p != '<' || end < 0)
		return -1;
	*url = (struct span){ rest->p + 1, (size_t)end - 1 };
	*rest = span_trim(span_from(*rest, (size_t)end + 1));
	if (!rest->n)
		return is_url(*url) ? 1 : -1;
	if (*rest->p != ',')
		return -1;
	*rest = span_from(*rest, 1);
	return is_url(*url) ? 1 : -1;
}

static bool is_urls(struct span value)
{
	struct span rest = value, url;
	int got, n = 0;

	while ((got = next_url(&rest, &url)) > 0)
		n++;
	return got == 0 && n > 0;
}

static bool has_https(struct span value)
{
	AUTO_BUF struct buf made = { 0 };
	struct span rest, url;

	form_add_unfolded(value, &made);
	rest = buf_span(&made);
	while (next_url(&rest, &url) > 0)
		if (span_starts_nocase(url, "https:"))
			return true;
	return false;
}

/* [phrase] "<" dot-atom with a dot in it ">" */
static bool is_list_id(struct span value)
{
	AUTO_BUF struct buf made = { 0 };
	struct span text;
	size_t open = 0;
	bool dot = false;

	form_add_unfolded(value, &made);
	text = buf_span(&made);
	if (text.n < 3 || text.p[text.n - 1] != '>')
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '<')
			open = i + 1;
	if (!open)
		return false;
	text = (struct span){ text.p + open, text.n - open - 1 };
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c <= ' ' || c == 127 || strchr("()<>[]:;@\\,\"", c))
			return false;
		if (c == '.' && (i == 0 || i + 1 == text.n || text.p[i - 1] == '.'))
			return false;
		dot |= c == '.';
	}
	return dot && text.n <= LIST_ID_MAX;
}

void form_read_list_field(const struct form_field *field, struct mailauth_form *f)
{
	AUTO_BUF struct buf made = { 0 };
	AUTO_BUF struct buf id = { 0 };

	if (span_is_nocase(field->name, "List-Id") && !is_list_id(field->value))
		form_add(f, "list-id-syntax", false, field->line,
		         "List-Id is not \"words <label.domain>\" (RFC 2919 section 2)");
	for (size_t i = 0; i < ROWS(urls); i++) {
		if (!span_is_nocase(field->name, urls[i].name))
			continue;
		form_add_unfolded(field->value, &made);
		if (is_urls(buf_span(&made)) ||
		    (urls[i].may_be_no && span_is_nocase(buf_span(&made), "NO")))
			continue;
		buf_addf(&id, "%s-syntax", urls[i].id);
		form_add(f, buf_text(&id), false, field->line,
		         "%s is not a list of <URL> (RFC 2369 section 2)", urls[i].name);
	}
}

static unsigned count(const struct form_field *fields, size_t n, const char *name,
                      const struct form_field **last)
{
	unsigned found = 0;

	*last = NULL;
	for (size_t i = 0; i < n; i++)
		if (span_is_nocase(fields[i].name, name)) {
			*last = &fields[i];
			found++;
		}
	return found;
}

static void close_one_click(const struct form_field *post, const struct form_field *where,
                            struct mailauth_form *f)
{
	AUTO_BUF struct buf made = { 0 };

	f->one_click = true;
	form_add_unfolded(post->value, &made);
	if (!span_is(buf_span(&made), ONE_CLICK))
		form_add(f, "one-click-syntax", false, post->line,
		         "List-Unsubscribe-Post is not \"" ONE_CLICK "\" (RFC 8058 section 3.1)");
	if (!where || !has_https(where->value))
		form_add(f, "one-click-url", false, post->line,
		         "List-Unsubscribe-Post without an https URL in List-Unsubscribe (RFC 8058 "
		         "section 3.1)");
}

void form_close_lists(const struct form_field *fields, size_t n, struct mailauth_form *f)
{
	const struct form_field *last, *where;

	for (size_t i = 0; i < ROWS(urls); i++) {
		AUTO_BUF struct buf id = { 0 };

		if (count(fields, n, urls[i].name, &last) < 2)
			continue;
		buf_addf(&id, "%s-twice", urls[i].id);
		form_add(f, buf_text(&id), false, last->line,
		         "more than one %s (RFC 2369 section 3)", urls[i].name);
	}
	if (count(fields, n, "List-Id", &last) > 1)
		form_add(f, "list-id-twice", false, last->line,
		         "more than one List-Id (RFC 2919 section 3)");
	count(fields, n, "List-Unsubscribe", &where);
	if (count(fields, n, "List-Unsubscribe-Post", &last))
		close_one_click(last, where, f);
}
