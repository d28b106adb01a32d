/* SPDX-License-Identifier: BSD-2-Clause */
#include "mta/postfix_log.h"

#include "base/attr.h"
#include "base/clock.h"

#include <string.h>

#define LINE_MAX_OCTETS 65536u

/* ── pieces of a line ────────────────────────────────────────────────────────────────────────── */

/* Offset of `c` outside <...>, where addresses with any octet stand; -1 when there is none. */
static ssize_t find_outside(struct span text, char c)
{
	bool inside = false;

	for (size_t i = 0; i < text.n; i++) {
		if (!inside && text.p[i] == c)
			return (ssize_t)i;
		if (text.p[i] == '<')
			inside = true;
		else if (text.p[i] == '>')
			inside = false;
	}
	return -1;
}

static struct span without_angles(struct span text)
{
	if (text.n >= 2 && text.p[0] == '<' && text.p[text.n - 1] == '>')
		return (struct span){ text.p + 1, text.n - 2 };
	return text;
}

/* Cuts "name=value" off a list separated by ", ". The last one, status=..., may be followed by the
 * reply in brackets, which holds anything: `status` ends the list. */
static bool next_field(struct span *rest, struct span *name, struct span *value)
{
	ssize_t equals, comma;

	*rest = span_trim(*rest);
	equals = span_find(*rest, '=');
	if (equals <= 0)
		return false;
	*name = (struct span){ rest->p, (size_t)equals };
	*rest = span_from(*rest, (size_t)equals + 1);
	if (span_is(*name, "status")) {
		*value = *rest;
		*rest = span_from(*rest, rest->n);
		return true;
	}
	comma = find_outside(*rest, ',');
	*value = (struct span){ rest->p, comma < 0 ? rest->n : (size_t)comma };
	*rest = span_from(*rest, comma < 0 ? rest->n : (size_t)comma + 1);
	return true;
}

/* A queue id, 5 to 24 octets: short ones are hexadecimal in upper case, long ones have no vowels
 * (enable_long_queue_ids, postconf(5)). So "warning" and "NOQUEUE" are none. */
static bool is_id(struct span text)
{
	bool hexadecimal = true, no_vowels = true;

	if (text.n < 5 || text.n > 24)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i], l = ascii_lower(c);
		bool digit = c >= '0' && c <= '9';

		hexadecimal = hexadecimal && (digit || (c >= 'A' && c <= 'F'));
		no_vowels = no_vowels &&
		            (digit || (l >= 'a' && l <= 'z' && !memchr("aeiou", l, 5)));
	}
	return hexadecimal || no_vowels;
}

/* Cuts "ID: " off the front. */
static bool cut_id(struct span *text, struct span *id)
{
	ssize_t colon = span_find(*text, ':');

	if (colon < 0)
		return false;
	*id = (struct span){ text->p, (size_t)colon };
	if (!is_id(*id))
		return false;
	*text = span_trim(span_from(*text, (size_t)colon + 1));
	return true;
}

/* ── what each program says ──────────────────────────────────────────────────────────────────── */

static const struct {
	const char *words;
	enum mta_log_status status;
} statuses[] = {
	{ "sent", MTA_STATUS_SENT },
	{ "deferred", MTA_STATUS_DEFERRED },
	{ "bounced", MTA_STATUS_BOUNCED },
	{ "expired", MTA_STATUS_EXPIRED },
};

/* "(250 2.0.0 Ok: queued as 4ABC)" and "(250 2.0.0 <u@x> ABC Saved)": the id that the next hop gave */
static struct span queued_as(struct span text)
{
	ssize_t at = span_find_text(text, "queued as ");
	struct span rest, word;

	if (at < 0)
		return (struct span){ "", 0 };
	rest = span_from(text, (size_t)at + strlen("queued as "));
	if (!span_next_word(&rest, &word))
		return (struct span){ "", 0 };
	while (word.n && strchr(").,;", word.p[word.n - 1]))
		word.n--;
	return word;
}

static void read_status(struct span value, struct mta_log_event *out)
{
	struct span rest = value, word;

	out->status = MTA_STATUS_OTHER;
	if (!span_next_word(&rest, &word))
		return;
	for (size_t i = 0; i < ROWS(statuses); i++)
		if (span_is(word, statuses[i].words))
			out->status = statuses[i].status;
	rest = span_trim(rest);
	if (rest.n && rest.p[0] == '(')
		rest = span_from(rest, 1);
	if (rest.n && rest.p[rest.n - 1] == ')')
		rest.n--;
	out->text = rest;
	out->queued_as = queued_as(rest);
}

static void read_field(struct span name, struct span value, struct mta_log_event *out)
{
	const struct {
		const char *name;
		struct span *into;
		bool angles;
	} fields[] = {
		{ "client", &out->client, false },
		{ "sasl_username", &out->login, false },
		{ "message-id", &out->message_id, false },
		{ "from", &out->from, true },
		{ "to", &out->to, true },
		{ "orig_to", &out->orig_to, true },
		{ "relay", &out->relay, false },
		{ "dsn", &out->dsn, false },
	};

	for (size_t i = 0; i < ROWS(fields); i++)
		if (span_is(name, fields[i].name))
			*fields[i].into = fields[i].angles ? without_angles(value) : value;
	if (span_is(name, "size"))
		(void)span_parse_u64(value, &out->size);
	else if (span_is(name, "uid"))
		(void)span_parse_u64(value, &out->size);
	else if (span_is(name, "status"))
		read_status(value, out);
	else if (span_is(name, "nrcpt")) {
		struct span number;

		/* "nrcpt=2 (queue active)" */
		if (span_next_word(&value, &number))
			(void)span_parse_u64(number, &out->recipients);
	}
}

static void read_fields(struct span text, struct mta_log_event *out)
{
	struct span name, value;

	while (next_field(&text, &name, &value))
		read_field(name, value, out);
}

static bool read_smtpd(struct span text, struct mta_log_event *out)
{
	if (span_starts(text, "connect from ")) {
		out->kind = MTA_LOG_CONNECT;
		out->client = span_from(text, strlen("connect from "));
		return true;
	}
	if (span_starts(text, "disconnect from ")) {
		struct span rest = span_from(text, strlen("disconnect from "));

		out->kind = MTA_LOG_DISCONNECT;
		return span_next_word(&rest, &out->client);
	}
	if (span_starts(text, "NOQUEUE: reject: ")) {
		ssize_t from = span_find_text(text, " from "), colon = span_find_text(text, "]: ");
		ssize_t fields = span_find_text(text, "; from=");

		if (from < 0 || colon < from)
			return false;
		out->kind = MTA_LOG_REJECTED;
		out->client = (struct span){ text.p + from + 6, (size_t)(colon + 1 - from - 6) };
		out->text = span_from(text, (size_t)colon + 3);
		if (fields > colon) {
			out->text.n = (size_t)(fields - colon - 3);
			/* "from=<a> to=<b> proto=ESMTP helo=<x>": blanks between, not commas */
			struct span rest = span_from(text, (size_t)fields + 2), word;
			while (span_next_word(&rest, &word)) {
				if (span_starts(word, "from="))
					out->from = without_angles(span_from(word, 5));
				else if (span_starts(word, "to="))
					out->to = without_angles(span_from(word, 3));
			}
		}
		return true;
	}
	if (!cut_id(&text, &out->id) || !span_starts(text, "client="))
		return false;
	out->kind = MTA_LOG_CLIENT;
	read_fields(text, out);
	return true;
}

static bool read_pickup(struct span text, struct mta_log_event *out)
{
	struct span rest, word;

	/* "ID: uid=0 from=<root>": blanks between */
	if (!cut_id(&text, &out->id) || !span_starts(text, "uid="))
		return false;
	out->kind = MTA_LOG_PICKUP;
	rest = text;
	while (span_next_word(&rest, &word)) {
		ssize_t equals = span_find(word, '=');

		if (equals > 0)
			read_field((struct span){ word.p, (size_t)equals },
			           span_from(word, (size_t)equals + 1), out);
	}
	return true;
}

static bool read_cleanup(struct span text, struct mta_log_event *out)
{
	if (!cut_id(&text, &out->id))
		return false;
	if (span_starts(text, "message-id=")) {
		out->kind = MTA_LOG_MESSAGE_ID;
		/* a Message-ID may hold commas and blanks */
		out->message_id = span_from(text, strlen("message-id="));
		return true;
	}
	if (span_starts(text, "hold:")) {
		out->kind = MTA_LOG_HELD;
		out->text = text;
		return true;
	}
	return false;
}

static bool read_qmgr(struct span text, struct mta_log_event *out)
{
	if (!cut_id(&text, &out->id))
		return false;
	if (span_is(text, "removed")) {
		out->kind = MTA_LOG_REMOVED;
		return true;
	}
	if (!span_starts(text, "from="))
		return false;
	/* "from=<a>, status=expired, returned to sender" (3.3 and later: force-expired too) */
	out->kind = span_find_text(text, ", status=") >= 0 ? MTA_LOG_EXPIRED : MTA_LOG_QUEUED;
	read_fields(text, out);
	if (out->kind == MTA_LOG_EXPIRED)
		out->status = MTA_STATUS_EXPIRED;
	return true;
}

static bool read_bounce(struct span text, struct mta_log_event *out)
{
	ssize_t at;

	if (!cut_id(&text, &out->id))
		return false;
	/* "ID: sender non-delivery notification: ID2", "postmaster ...", "sender delay ..." */
	at = span_find_text(text, "notification: ");
	if (at < 0)
		return false;
	out->kind = MTA_LOG_NOTICE;
	out->notice = span_from(text, (size_t)at + strlen("notification: "));
	out->text = (struct span){ text.p, (size_t)at + strlen("notification") };
	return is_id(out->notice);
}

static bool read_postsuper(struct span text, struct mta_log_event *out)
{
	if (!cut_id(&text, &out->id))
		return false;
	if (span_is(text, "removed"))
		out->kind = MTA_LOG_REMOVED;
	else if (span_is(text, "placed on hold") || span_is(text, "released from hold"))
		out->kind = MTA_LOG_HELD;
	else
		return false;
	out->text = text;
	return true;
}

static bool read_master(struct span text, struct mta_log_event *out)
{
	if (span_starts(text, "daemon started"))
		out->kind = MTA_LOG_START;
	else if (span_starts(text, "terminating on signal"))
		out->kind = MTA_LOG_STOP;
	else
		return false;
	out->text = text;
	return true;
}

/* smtp, lmtp, local, virtual, pipe, error, retry, relay, discard, and services named otherwise */
static bool read_delivery(struct span text, struct mta_log_event *out)
{
	if (!cut_id(&text, &out->id) || !span_starts(text, "to=<"))
		return false;
	out->kind = MTA_LOG_DELIVERY;
	read_fields(text, out);
	return out->status != MTA_STATUS_NONE;
}

/* To add a program, add a row; a program without one is asked for deliveries. */
static const struct {
	const char *program;
	bool (*read)(struct span text, struct mta_log_event *out);
} programs[] = {
	{ "smtpd", read_smtpd },   { "pickup", read_pickup }, { "cleanup", read_cleanup },
	{ "qmgr", read_qmgr },     { "oqmgr", read_qmgr },    { "nqmgr", read_qmgr },
	{ "bounce", read_bounce }, { "master", read_master }, { "postsuper", read_postsuper },
};

/* ── the front of a line ─────────────────────────────────────────────────────────────────────── */

/* "postfix/submission/smtpd[123]: text": the last part is the program. */
static bool read_tag(struct span *rest, struct mta_log_event *out)
{
	ssize_t open = span_find(*rest, '['), close = span_find_text(*rest, "]: ");
	struct span tag;
	size_t slash;

	if (open <= 0 || close < open || (size_t)open > 256)
		return false;
	tag = (struct span){ rest->p, (size_t)open };
	if (span_find(tag, ' ') >= 0 || span_find(tag, '/') < 0)
		return false;
	for (slash = tag.n; slash && tag.p[slash - 1] != '/'; slash--)
		;
	out->service = (struct span){ tag.p, slash - 1 };
	out->program = span_from(tag, slash);
	(void)span_parse_u64((struct span){ rest->p + open + 1, (size_t)(close - open - 1) },
	                     &out->pid);
	*rest = span_from(*rest, (size_t)close + 3);
	return span_starts(out->service, "postfix") || span_find_text(out->service, "postfix") >= 0;
}

static void fill_empty(struct mta_log_event *out)
{
	struct span *const spans[] = { &out->program,   &out->service,    &out->id,   &out->client,
		                       &out->login,     &out->message_id, &out->from, &out->to,
		                       &out->orig_to,   &out->relay,      &out->dsn,  &out->text,
		                       &out->queued_as, &out->notice };

	for (size_t i = 0; i < ROWS(spans); i++)
		if (!spans[i]->p)
			*spans[i] = (struct span){ "", 0 };
}

int postfix_log_line(struct span line, int64_t near_ms, struct mta_log_event *out)
{
	struct mta_log_event event = { 0 };
	bool (*read)(struct span text, struct mta_log_event * out) = read_delivery;
	struct span rest, host;
	size_t used = 0;

	if (line.n > LINE_MAX_OCTETS || !clock_parse(line, near_ms, &event.at_ms, &used))
		return 0;
	rest = span_from(line, used);
	/* the host's name stands between the stamp and the tag */
	if (!span_next_word(&rest, &host))
		return 0;
	rest = span_trim(rest);
	if (!read_tag(&rest, &event))
		return 0;
	for (size_t i = 0; i < ROWS(programs); i++)
		if (span_is(event.program, programs[i].program))
			read = programs[i].read;
	if (!read(rest, &event))
		return 0;
	fill_empty(&event);
	*out = event;
	return 1;
}
