/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/ask.h"

#include "base/clock.h"

#include <string.h>

#define QUESTIONS_MAX 250u /* SPF alone may need 111 (RFC 7208 section 4.6.4) */
#define TIMEOUT_MS 3000    /* of a question, or a tenth of what is left */
#define LATE_MAX 2u
#define NAME_MAX_OCTETS 253u
#define LABEL_MAX_OCTETS 63u

/* False when no name of the DNS can be like that. */
static bool make_name(const char *name, struct buf *out)
{
	size_t n = strlen(name), label = 0;

	if (n && name[n - 1] == '.')
		n--;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)name[i];

		if (c == '.') {
			if (!label)
				return false;
			label = 0;
			buf_add_char(out, '.');
			continue;
		}
		if (++label > LABEL_MAX_OCTETS)
			return false;
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", c))
			buf_add_char(out, (char)c);
		else
			buf_addf(out, "\\%03u", c);
	}
	return n && n <= NAME_MAX_OCTETS && label;
}

static enum asked fail(struct asker *a, const char *why)
{
	snprintf(a->said, sizeof a->said, "%s", why);
	return ASKED_FAILED;
}

static bool has(const struct dns_answer *answer, enum dns_type type)
{
	for (size_t i = 0; i < answer->answer.n; i++)
		if (answer->answer.rows[i].type == type)
			return true;
	return false;
}

enum asked ask_records(struct asker *a, const char *name, enum dns_type type,
                       struct dns_answer *out)
{
	AUTO_BUF struct buf made = { 0 };
	struct dns_question q = { .type = type, .recurse = true };
	struct error err = { 0 };

	if (!make_name(name, &made))
		return ASKED_NOBODY;
	q.name = buf_text(&made);
	for (size_t i = 0; i < a->resolvers->n; i++) {
		/* the one that has answered last is asked first */
		size_t at = (a->good + i) % a->resolvers->n;
		int64_t left = a->end_ms - clock_monotonic_ms();

		if (a->asked++ >= QUESTIONS_MAX)
			return fail(a, "more questions than one message may cost");
		if (a->late >= LATE_MAX || left < 1)
			return fail(a, "the resolvers do not answer");
		q.timeout_ms = left / 10 > TIMEOUT_MS ? (int)(left / 10)
		               : left > TIMEOUT_MS    ? TIMEOUT_MS
		                                      : (int)left;
		if (dns_ask(&a->resolvers->rows[at], &q, out, &err) < 0) {
			a->late++;
			fail(a, err.text);
			continue;
		}
		a->late = 0;
		a->good = at;
		if (out->rcode == DNS_NXDOMAIN)
			return ASKED_NONE;
		if (out->rcode == DNS_NOERROR)
			return has(out, type) ? ASKED_FOUND : ASKED_NONE;
		snprintf(a->said, sizeof a->said, "%s: %s", q.name, dns_rcode_name(out->rcode));
	}
	return ASKED_FAILED;
}

enum asked ask_texts(struct asker *a, const char *name, struct strings *out)
{
	AUTO_ANSWER struct dns_answer got = { 0 };
	enum asked asked = ask_records(a, name, DNS_TXT, &got);

	for (size_t i = 0; asked == ASKED_FOUND && i < got.answer.n; i++) {
		AUTO_BUF struct buf text = { 0 };

		if (got.answer.rows[i].type != DNS_TXT)
			continue;
		dns_texts_join(span_of(got.answer.rows[i].data), &text);
		strings_add_span(out, buf_span(&text));
	}
	return asked;
}
