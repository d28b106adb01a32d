/* SPDX-License-Identifier: BSD-2-Clause */
#include "smtp/server_inside.h"
#include "smtp/xtext.h"

/* server_parameters -- KEY=VALUE behind the path of MAIL and RCPT. */

#define ENVID_MAX 100u /* RFC 3461 section 4.4 */
#define ORCPT_MAX 500u /* section 4.2 */

enum verdict { GOOD, BAD_SYNTAX, TOO_BIG };

struct parameter {
	const char *key;
	uint32_t offer; /* without it nobody knows the key */
	/* `value`.p is NULL when there was no '='. */
	enum verdict (*take)(const struct smtp_server *s, struct span value,
	                     struct smtp_event *event);
};

/* ── MAIL ────────────────────────────────────────────────────────────────────────────────────── */

static enum verdict take_size(const struct smtp_server *s, struct span value,
                              struct smtp_event *event)
{
	if (!value.n || value.n > 20)
		return BAD_SYNTAX;
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] < '0' || value.p[i] > '9')
			return BAD_SYNTAX;
	if (!span_parse_u64(value, &event->size))
		return TOO_BIG; /* 20 digits can be more than 64 bits hold */
	return s->options->size_max && event->size > s->options->size_max ? TOO_BIG : GOOD;
}

static enum verdict take_body(const struct smtp_server *s, struct span value,
                              struct smtp_event *event)
{
	if (span_is_nocase(value, "7BIT"))
		event->body = SMTP_BODY_7BIT;
	else if (span_is_nocase(value, "8BITMIME"))
		event->body = SMTP_BODY_8BITMIME;
	else
		return BAD_SYNTAX; /* BINARYMIME was not offered */
	return GOOD;
}

static enum verdict take_utf8(const struct smtp_server *s, struct span value,
                              struct smtp_event *event)
{
	event->utf8 = true;
	return value.p ? BAD_SYNTAX : GOOD;
}

static enum verdict take_ret(const struct smtp_server *s, struct span value,
                             struct smtp_event *event)
{
	if (span_is_nocase(value, "FULL"))
		event->ret = SMTP_RET_FULL;
	else if (span_is_nocase(value, "HDRS"))
		event->ret = SMTP_RET_HDRS;
	else
		return BAD_SYNTAX;
	return GOOD;
}

static enum verdict take_envid(const struct smtp_server *s, struct span value,
                               struct smtp_event *event)
{
	event->envid = value;
	return value.n && value.n <= ENVID_MAX && smtp_xtext_good(value, false) ? GOOD : BAD_SYNTAX;
}

/* RFC 4954 section 5: who an earlier server took the sender for. Nobody here believes it. */
static enum verdict take_submitter(const struct smtp_server *s, struct span value,
                                   struct smtp_event *event)
{
	return value.n && smtp_xtext_good(value, true) ? GOOD : BAD_SYNTAX;
}

static const struct parameter of_mail[] = {
	{ "SIZE", SMTP_OFFER_SIZE, take_size },         { "BODY", SMTP_OFFER_8BITMIME, take_body },
	{ "SMTPUTF8", SMTP_OFFER_SMTPUTF8, take_utf8 }, { "RET", SMTP_OFFER_DSN, take_ret },
	{ "ENVID", SMTP_OFFER_DSN, take_envid },        { "AUTH", SMTP_OFFER_AUTH, take_submitter },
};

/* ── RCPT ────────────────────────────────────────────────────────────────────────────────────── */

static enum verdict take_notify(const struct smtp_server *s, struct span value,
                                struct smtp_event *event)
{
	struct span word;

	while (span_next_part(&value, ',', &word)) {
		unsigned bit = span_is_nocase(word, "SUCCESS")   ? SMTP_NOTIFY_SUCCESS
		               : span_is_nocase(word, "FAILURE") ? SMTP_NOTIFY_FAILURE
		               : span_is_nocase(word, "DELAY")   ? SMTP_NOTIFY_DELAY
		               : span_is_nocase(word, "NEVER")   ? SMTP_NOTIFY_NEVER
		                                                 : 0;

		if (!bit || event->notify & bit)
			return BAD_SYNTAX;
		event->notify |= bit;
	}
	if (!event->notify)
		return BAD_SYNTAX;
	return event->notify & SMTP_NOTIFY_NEVER && event->notify != SMTP_NOTIFY_NEVER ? BAD_SYNTAX
	                                                                               : GOOD;
}

static enum verdict take_orcpt(const struct smtp_server *s, struct span value,
                               struct smtp_event *event)
{
	struct span kind;

	event->orcpt = value;
	if (value.n > ORCPT_MAX || !span_next_part(&value, ';', &kind) || !kind.n || !value.n)
		return BAD_SYNTAX;
	return smtp_xtext_good(kind, false) && smtp_xtext_good(value, s->utf8) ? GOOD : BAD_SYNTAX;
}

static const struct parameter of_rcpt[] = {
	{ "NOTIFY", SMTP_OFFER_DSN, take_notify },
	{ "ORCPT", SMTP_OFFER_DSN, take_orcpt },
};

/* ── both ────────────────────────────────────────────────────────────────────────────────────── */

static bool take_parameters(struct smtp_server *s, const struct parameter *rows, size_t rows_n,
                            struct span rest, struct buf *out, struct smtp_event *event)
{
	struct span word;
	unsigned seen = 0;

	while (span_next_word(&rest, &word)) {
		struct span key, value = word;
		enum verdict verdict = BAD_SYNTAX;
		size_t i = 0;

		(void)span_next_part(&value, '=', &key);
		while (i < rows_n &&
		       !(span_is_nocase(key, rows[i].key) && s->offers & rows[i].offer))
			i++;
		if (i == rows_n) {
			server_complain(s, out, 555, "5.5.4", "A parameter that is not known here");
			return false;
		}
		if (!(seen & 1u << i))
			verdict = rows[i].take(s, value, event);
		seen |= 1u << i;
		if (verdict == TOO_BIG) {
			/* no error of the client's: this is what SIZE is there for */
			server_say(out, 552, "5.3.4", "The message is too big");
			return false;
		}
		if (verdict != GOOD) {
			server_complain(s, out, 501, "5.5.4", "Bad value of a parameter");
			return false;
		}
	}
	return true;
}

bool server_mail_parameters(struct smtp_server *s, struct span rest, struct buf *out,
                            struct smtp_event *event)
{
	event->size = 0;
	event->body = SMTP_BODY_NONE;
	event->utf8 = false;
	event->ret = SMTP_RET_NONE;
	event->envid = (struct span){ 0 };
	return take_parameters(s, of_mail, ROWS(of_mail), rest, out, event);
}

bool server_rcpt_parameters(struct smtp_server *s, struct span rest, struct buf *out,
                            struct smtp_event *event)
{
	event->notify = 0;
	event->orcpt = (struct span){ 0 };
	return take_parameters(s, of_rcpt, ROWS(of_rcpt), rest, out, event);
}
