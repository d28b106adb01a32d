/* SPDX-License-Identifier: BSD-2-Clause */

/* mlmmj_access -- 2.1's addresses and patterns as rules of control/access: POSIX extended expressions, tried on each
 * header in any case. What means another thing there is not said at all. */

#include "lists/mlmmj_inside.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <regex.h>
#include <string.h>

#define RULE_MAX 1000

/* What Python and POSIX both know, and take for the same. */
static bool means_the_same(struct span pattern)
{
	bool in_brackets = false;

	for (size_t i = 0; i < pattern.n; i++) {
		unsigned char c = (unsigned char)pattern.p[i];
		char next = i + 1 < pattern.n ? pattern.p[i + 1] : '\0';

		if (c < ' ' || c >= 0x7f)
			return false;
		if (in_brackets) {
			if (c == '\\' || c == '[')
				return false;
			in_brackets = c != ']';
		} else if (c == '[') {
			in_brackets = true;
			i += next == '^' || next == ']';
		} else if (c == '\\') {
			if (!next || (isalnum((unsigned char)next) && !strchr("wWsSbB", next)))
				return false;
			i++;
		} else if (strchr("*+?}", c) && strchr("*+?{", next) && next) {
			return false;
		} else if (c == '(' && next == '?') {
			return false;
		}
	}
	return !in_brackets;
}

static bool add_rule(const char *action, const struct buf *expression, struct buf *out)
{
	regex_t compiled;

	if (expression->n > RULE_MAX ||
	    regcomp(&compiled, buf_text(expression), REG_EXTENDED | REG_NOSUB | REG_ICASE) != 0)
		return false;
	regfree(&compiled);
	buf_addf(out, "%s %s\n", action, buf_text(expression));
	return true;
}

bool mlmmj_access_from(const char *action, struct span entry, struct buf *out)
{
	AUTO_BUF struct buf made = { 0 };
	bool is_pattern = entry.n && *entry.p == '^';

	buf_add_text(&made, "^From:(.*[ <,])?");
	if (is_pattern) {
		struct span body = span_from(entry, 1);
		bool ends = body.n && body.p[body.n - 1] == '$' &&
		            !(body.n > 1 && body.p[body.n - 2] == '\\');

		body.n -= ends;
		if (!body.n || !means_the_same(body))
			return false;
		buf_addf(&made, "(%.*s)%s", (int)body.n, body.p, ends ? "([> ,(].*)?$" : "");
		return add_rule(action, &made, out);
	}
	for (size_t i = 0; i < entry.n; i++) {
		if (strchr(".[]{}()*+?|^$\\", entry.p[i]))
			buf_add_char(&made, '\\');
		buf_add_char(&made, entry.p[i]);
	}
	buf_add_text(&made, "([> ,(].*)?$");
	return add_rule(action, &made, out);
}

bool mlmmj_access_header(const char *action, struct span pattern, struct buf *out)
{
	AUTO_BUF struct buf made = { 0 };

	/* a rule that begins with '!' is turned round */
	if (!pattern.n || *pattern.p == '!' || !means_the_same(pattern))
		return false;
	buf_add_span(&made, pattern);
	return add_rule(action, &made, out);
}
