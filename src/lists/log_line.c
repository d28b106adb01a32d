/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/log_line.h"

#include "lists/fingerprint.h"

#include <string.h>

/* Cuts up to `words` off the front; `words` too. False: they are not there. */
static bool cut_to(struct span *rest, const char *words, struct span *before)
{
	ssize_t at = span_find_text(*rest, words);

	if (at < 0)
		return false;
	*before = (struct span){ rest->p, (size_t)at };
	*rest = span_from(*rest, (size_t)at + strlen(words));
	return true;
}

static bool cut_front(struct span *rest, const char *words)
{
	if (!span_starts(*rest, words))
		return false;
	*rest = span_from(*rest, strlen(words));
	return true;
}

static struct span first_line(struct span text)
{
	struct span line = { text.p, 0 };

	(void)span_next_line(&text, &line);
	return line;
}

/* A Message-ID may hold anything, blanks, too; in angle brackets it ends where they close. What says
 * that there is none is none. */
static struct span take_id(struct span *rest, const char *end)
{
	struct span id = { rest->p, rest->n };
	ssize_t close = rest->n && rest->p[0] == '<' ? span_find(*rest, '>') : -1;

	if (close > 0) {
		id.n = (size_t)close + 1;
		*rest = span_from(*rest, id.n);
	} else if (!end || !cut_to(rest, end, &id)) {
		id = *rest;
		*rest = span_from(*rest, rest->n);
	}
	id = lists_bare_id(id);
	if (span_is(id, "n/a") || span_is(id, "None"))
		id.n = 0;
	return id;
}

/* The value of a line "\tname: value" of a record, without a comma at its end. */
static struct span value_of(struct span text, const char *name)
{
	struct span line;

	while (span_next_line(&text, &line)) {
		line = span_trim(line);
		if (!cut_front(&line, name))
			continue;
		if (line.n && line.p[line.n - 1] == ',')
			line.n--;
		return span_trim(line);
	}
	return SPAN("");
}

/* ── vette ───────────────────────────────────────────────────────────────────────────────────── */

static bool read_held(struct span text, struct lists_log_event *e)
{
	if (!cut_to(&text, " post from ", &e->list) ||
	    !cut_to(&text, " held, message-id=", &e->sender))
		return false;
	e->id = take_id(&text, ": ");
	(void)cut_front(&text, ": ");
	e->words = first_line(text);
	e->kind = LISTS_LOG_HELD;
	return true;
}

static bool read_by_handler(struct span text, struct lists_log_event *e)
{
	struct span rest = text, all = text;

	if (cut_front(&rest, "Message discarded, msgid: "))
		e->kind = LISTS_LOG_DISCARDED;
	else if (cut_front(&rest, "Message rejected, msgid: "))
		e->kind = LISTS_LOG_REJECTED;
	else
		return false;
	rest = first_line(rest);
	if (rest.n && rest.p[rest.n - 1] == '\'')
		rest.n--;
	e->id = take_id(&rest, NULL);
	e->list = value_of(all, "list: ");
	e->words = value_of(all, "handler: ");
	return true;
}

static bool read_vette(struct span text, struct lists_log_event *e)
{
	struct span line = first_line(text), rest = line;

	if (read_by_handler(text, e) || read_held(text, e))
		return true;
	if (cut_to(&rest, ": held message approved, message-id: ", &e->list)) {
		e->kind = LISTS_LOG_APPROVED;
		e->id = take_id(&rest, NULL);
		return true;
	}
	if (span_ends(line, ": Refused posting:") || span_ends(line, ": Discarded posting:")) {
		e->kind = LISTS_LOG_DECIDED;
		e->list = line;
		e->list.n -= strlen(span_ends(line, ": Refused posting:") ? ": Refused posting:"
		                                                          : ": Discarded posting:");
		e->sender = value_of(text, "From: ");
		e->words = value_of(text, "Subject: ");
		return true;
	}
	rest = line;
	if (!cut_front(&rest, "No command, message discarded, msgid: "))
		return false;
	e->kind = LISTS_LOG_DISCARDED;
	e->id = take_id(&rest, NULL);
	return true;
}

/* ── the others ──────────────────────────────────────────────────────────────────────────────── */

static bool read_post(struct span text, struct lists_log_event *e)
{
	struct span rest = first_line(text), size;

	if (!cut_front(&rest, "post to ") || !cut_to(&rest, " from ", &e->list) ||
	    !cut_to(&rest, ", size=", &e->sender) || !cut_to(&rest, ", message-id=", &size))
		return false;
	e->kind = LISTS_LOG_POSTED;
	e->id = take_id(&rest, ", ");
	(void)cut_front(&rest, ", ");
	e->words = rest;
	return true;
}

static bool read_smtp(struct span text, struct lists_log_event *e)
{
	struct span rest = first_line(text), id;

	if (!cut_to(&rest, " smtp to ", &id) || !cut_to(&rest, " for ", &e->list))
		return false;
	e->kind = LISTS_LOG_SENT;
	e->id = take_id(&id, NULL);
	e->words = rest;
	return true;
}

static bool read_failure(struct span text, struct lists_log_event *e)
{
	struct span rest = text, before;

	e->words = first_line(text);
	if (span_starts(text, "delivery to ")) {
		e->kind = LISTS_LOG_UNDELIVERED;
		return true;
	}
	if (!cut_to(&rest, ", msgid: ", &before))
		return false;
	e->kind = LISTS_LOG_REFUSED;
	e->words = before;
	e->id = take_id(&rest, NULL);
	return true;
}

static bool read_bounce(struct span text, struct lists_log_event *e)
{
	static const char *const words[] = { ": bounce message w/no discernable addresses: ",
		                             ": forwarding unrecognized, message-id: " };
	struct span rest = first_line(text);

	for (size_t i = 0; i < ROWS(words); i++)
		if (cut_to(&rest, words[i], &e->list)) {
			e->kind = LISTS_LOG_BOUNCED;
			e->id = take_id(&rest, NULL);
			return true;
		}
	return false;
}

static bool read_error(struct span text, struct lists_log_event *e)
{
	static const struct {
		const char *words;
		enum lists_log_kind kind;
	} rows[] = {
		{ "SHUNTING: ", LISTS_LOG_SHUNTED },
		{ "SHUNTING FAILED, preserving original entry: ", LISTS_LOG_UNREADABLE },
		{ "Skipping and preserving unparseable message: ", LISTS_LOG_UNREADABLE },
		{ "Skipping and preserving unparsable message: ", LISTS_LOG_UNREADABLE },
		{ ".bak file max count, preserving file: ", LISTS_LOG_UNREADABLE },
		{ "Uncaught runner exception: ", LISTS_LOG_EXCEPTION },
	};
	struct span rest = first_line(text);

	for (size_t i = 0; i < ROWS(rows); i++)
		if (cut_front(&rest, rows[i].words)) {
			e->kind = rows[i].kind;
			e->words = rest;
			if (e->kind != LISTS_LOG_EXCEPTION)
				(void)span_next_word(&rest, &e->base);
			return true;
		}
	return false;
}

bool lists_log_event(enum lists_log log, struct span text, struct lists_log_event *out)
{
	static bool (*const readers[LISTS_LOGS])(struct span text, struct lists_log_event * e) = {
		[LISTS_LOG_VETTE] = read_vette,
		[LISTS_LOG_POST] = read_post,
		[LISTS_LOG_SMTP] = read_smtp,
		[LISTS_LOG_BOUNCE] = read_bounce,
		[LISTS_LOG_SMTP_FAILURE] = read_failure,
		[LISTS_LOG_ERROR] = read_error,
	};
	struct lists_log_event e = { .list = SPAN(""),
		                     .id = SPAN(""),
		                     .sender = SPAN(""),
		                     .base = SPAN(""),
		                     .words = SPAN("") };

	if (!readers[log] || !readers[log](text, &e))
		return false;
	*out = e;
	return true;
}
