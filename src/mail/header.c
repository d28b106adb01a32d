/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/header.h"

#define MESSAGE_ID_MAX 998u /* RFC 5322 section 2.1.1 */

static bool is_continuation(struct span rest)
{
	return rest.n && (rest.p[0] == ' ' || rest.p[0] == '\t');
}

bool header_next(struct span *rest, struct span *name, struct span *value)
{
	struct span line, more;

	while (span_next_line(rest, &line)) {
		ssize_t colon = span_find(line, ':');
		const char *end = line.p + line.n;

		if (line.n == 0)
			return false;
		while (is_continuation(*rest) && span_next_line(rest, &more))
			end = more.p + more.n;
		if (colon <= 0)
			continue;
		*name = span_trim((struct span){ line.p, (size_t)colon });
		*value = span_trim((struct span){ line.p + colon + 1,
		                                  (size_t)(end - line.p) - (size_t)colon - 1 });
		return true;
	}
	return false;
}

bool header_find(struct span message, const char *wanted, struct span *value)
{
	struct span rest = message, name, found;

	while (header_next(&rest, &name, &found)) {
		if (span_is_nocase(name, wanted)) {
			*value = found;
			return true;
		}
	}
	return false;
}

void header_message_id(struct span message, struct buf *out)
{
	struct span value, word;

	if (message.n > HEADER_LOOK_MAX)
		message.n = HEADER_LOOK_MAX;
	if (!header_find(message, "Message-ID", &value) || !span_next_word(&value, &word))
		return;
	if (word.n > MESSAGE_ID_MAX)
		word.n = MESSAGE_ID_MAX;
	buf_add_span(out, word);
}
