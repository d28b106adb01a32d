/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/message.h"

#include "base/memory.h"
#include "lists/charset.h"
#include "lists/header.h"

#include <string.h>

#define VALUES_MAX 1000000u /* of one message; a shared part may stand in it often */
#define OCTETS_MAX (1u << 30)

struct writing {
	struct buf *out;
	struct value_walk walk;
	bool exact, whole;
	unsigned boundaries; /* made here */
};

/* Octets of a str; of a port's unicode, those that it stands for. False: is no string. */
static bool add_chars(struct writing *w, struct value v)
{
	struct span s;

	if (value_get_str(v, &s))
		buf_add_span(w->out, s);
	else if (value_get_text(v, &s))
		w->exact = lists_escaped_octets(s, w->out) && w->exact;
	else
		return false;
	return true;
}

static bool is_string(struct value v)
{
	return value_kind(v) == VALUE_STR || value_kind(v) == VALUE_TEXT;
}

static bool header_of(struct value message, const char *name, struct span *value)
{
	struct value headers = value_attribute(message, SPAN("_headers"));

	for (size_t i = 0; i < value_count(headers); i++) {
		struct span s;

		if (value_get_chars(value_item(value_item(headers, i), 0), &s) &&
		    span_is_nocase(s, name))
			return value_get_chars(value_item(value_item(headers, i), 1), value);
	}
	return false;
}

static ssize_t find_nocase(struct span s, const char *words)
{
	for (size_t i = 0; i < s.n; i++)
		if (span_starts_nocase(span_from(s, i), words))
			return (ssize_t)i;
	return -1;
}

/* RFC 2045 section 5.1: boundary=token, or a quoted string. False: there is none. */
static bool get_boundary(struct value message, struct buf *out)
{
	struct span value, rest;
	ssize_t at;

	if (!header_of(message, "content-type", &value))
		return false;
	at = find_nocase(value, "boundary=");
	if (at < 0)
		return false;
	rest = span_from(value, (size_t)at + strlen("boundary="));
	if (rest.n && rest.p[0] == '"') {
		for (size_t i = 1; i < rest.n && rest.p[i] != '"'; i++) {
			if (rest.p[i] == '\\' && i + 1 < rest.n)
				i++;
			buf_add_char(out, rest.p[i]);
		}
	} else {
		for (size_t i = 0; i < rest.n && !strchr("; \t\r\n", rest.p[i]); i++)
			buf_add_char(out, rest.p[i]);
	}
	return out->n > 0;
}

static bool header_is(struct value message, const char *name, const char *begins)
{
	struct span value;

	return header_of(message, name, &value) && span_starts_nocase(span_trim(value), begins);
}

/* `boundary`: one that the message does not say, and has to; or NULL. */
static void write_headers(struct writing *w, struct value message, const struct buf *boundary)
{
	struct value headers = value_attribute(message, SPAN("_headers"));
	bool said = !boundary;

	for (size_t i = 0; i < value_count(headers); i++) {
		struct value name = value_item(value_item(headers, i), 0);
		struct value value = value_item(value_item(headers, i), 1);
		struct span s;

		if (!value_get_chars(name, &s)) {
			w->exact = false;
			continue;
		}
		buf_add_span(w->out, s);
		buf_add_text(w->out, ": ");
		if (!add_chars(w, value)) {
			AUTO_BUF struct buf text = { 0 };

			w->exact = false; /* long ones are folded as they are sent */
			(void)lists_header_text(value, &text);
			buf_add_span(w->out, buf_span(&text));
		}
		if (!said && span_is_nocase(s, "content-type")) {
			buf_addf(w->out, ";\n boundary=\"%s\"", buf_text(boundary));
			said = true;
		}
		buf_add_char(w->out, '\n');
	}
	if (!said)
		buf_addf(w->out, "Content-Type: multipart/mixed; boundary=\"%s\"\n",
		         buf_text(boundary));
}

static void write_message(struct writing *w, struct value message);

/* As Python's Generator._handle_multipart(). */
static void write_parts(struct writing *w, struct value message, struct value parts,
                        const char *boundary)
{
	if (add_chars(w, value_attribute(message, SPAN("preamble"))))
		buf_add_char(w->out, '\n');
	if (!value_count(parts))
		buf_addf(w->out, "--%s\n", boundary);
	for (size_t i = 0; i < value_count(parts); i++) {
		buf_addf(w->out, "%s--%s\n", i ? "\n" : "", boundary);
		write_message(w, value_item(parts, i));
	}
	buf_addf(w->out, "\n--%s--\n", boundary);
	(void)add_chars(w, value_attribute(message, SPAN("epilogue")));
}

/* message/rfc822 holds one; message/delivery-status has blocks of headers, the last without its blank
 * line. */
static void write_inner(struct writing *w, struct value message, struct value inner)
{
	for (size_t i = 0; i < value_count(inner); i++)
		write_message(w, value_item(inner, i));
	if (value_count(inner) && header_is(message, "content-type", "message/delivery-status"))
		w->out->p[--w->out->n] = '\0';
}

/* `boundary`: of its parts; NULL: it has none. */
static void write_body(struct writing *w, struct value message, const char *boundary)
{
	struct value payload = value_attribute(message, SPAN("_payload"));

	if (add_chars(w, payload))
		return;
	if (value_kind(payload) == VALUE_LIST) {
		if (boundary)
			write_parts(w, message, payload, boundary);
		else
			write_inner(w, message, payload);
	} else if (value_kind(payload) != VALUE_NONE) {
		w->exact = false;
	}
}

static void write_message(struct writing *w, struct value message)
{
	AUTO_BUF struct buf boundary = { 0 };
	bool parts, made;

	if (w->out->n > OCTETS_MAX || value_enter(&w->walk, message) != VALUE_STEP_IN) {
		w->whole = false;
		return;
	}
	parts = value_kind(value_attribute(message, SPAN("_payload"))) == VALUE_LIST &&
	        !header_is(message, "content-type", "message/");
	made = parts && !get_boundary(message, &boundary);
	if (made) {
		buf_addf(&boundary, "==mailhaul-%u==", ++w->boundaries);
		w->exact = false;
	}
	write_headers(w, message, made ? &boundary : NULL);
	buf_add_char(w->out, '\n');
	write_body(w, message, parts ? buf_text(&boundary) : NULL);
	value_leave(&w->walk, message);
}

/* The text without a From_ line before it. */
static struct span after_unix_from(struct span text)
{
	struct span line;

	if (span_starts(text, "From "))
		(void)span_next_line(&text, &line);
	return text;
}

enum lists_message_form lists_message_text(struct value message, struct buf *out)
{
	struct writing w = {
		.out = out, .walk = { .left = VALUES_MAX }, .exact = true, .whole = true
	};
	struct span s;

	if (value_get_str(message, &s)) {
		buf_add_span(out, after_unix_from(s));
		return LISTS_MESSAGE_EXACT;
	}
	if (value_get_text(message, &s))
		return lists_escaped_octets(after_unix_from(s), out) ? LISTS_MESSAGE_EXACT
		                                                     : LISTS_MESSAGE_NEARLY;
	if (value_kind(message) != VALUE_INSTANCE ||
	    value_kind(value_attribute(message, SPAN("_headers"))) != VALUE_LIST)
		return LISTS_MESSAGE_NONE;
	if (value_count(value_attribute(message, SPAN("defects"))))
		w.exact = false;
	write_message(&w, message);
	return w.exact && w.whole ? LISTS_MESSAGE_EXACT : LISTS_MESSAGE_NEARLY;
}

struct span lists_message_unix_from(struct value message)
{
	struct span text, line = SPAN("");

	if (value_get_chars(message, &text))
		return span_starts(text, "From ") && span_next_line(&text, &line) ? line : SPAN("");
	if (is_string(value_attribute(message, SPAN("_unixfrom"))))
		(void)value_get_chars(value_attribute(message, SPAN("_unixfrom")), &line);
	return line;
}

static void add_unfolded(struct buf *out, struct span value)
{
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] != '\n' && value.p[i] != '\r')
			buf_add_char(out, value.p[i]);
}

/* Of the text of a message. */
static bool text_header(struct span text, const char *name, struct buf *out)
{
	struct span rest = after_unix_from(text), line;
	bool found = false;

	while (span_next_line(&rest, &line) && line.n) {
		bool goes_on = line.p[0] == ' ' || line.p[0] == '\t';
		ssize_t colon = span_find(line, ':');

		if (found && !goes_on)
			break;
		if (found) {
			add_unfolded(out, line);
		} else if (!goes_on && colon > 0 &&
		           span_is_nocase((struct span){ line.p, (size_t)colon }, name)) {
			add_unfolded(out, span_trim(span_from(line, (size_t)colon + 1)));
			found = true;
		}
	}
	return found;
}

/* Of a header that is an instance. */
static bool instance_header(struct value message, const char *name, struct buf *out)
{
	struct value headers = value_attribute(message, SPAN("_headers"));
	AUTO_BUF struct buf text = { 0 };

	for (size_t i = 0; i < value_count(headers); i++) {
		struct span s;

		if (!value_get_chars(value_item(value_item(headers, i), 0), &s) ||
		    !span_is_nocase(s, name))
			continue;
		if (!lists_header_text(value_item(value_item(headers, i), 1), &text))
			return false;
		add_unfolded(out, buf_span(&text));
		return true;
	}
	return false;
}

bool lists_message_header(struct value message, const char *name, struct buf *out)
{
	struct span value;

	if (value_get_chars(message, &value))
		return text_header(value, name, out);
	if (header_of(message, name, &value)) {
		add_unfolded(out, span_trim(value));
		return true;
	}
	return instance_header(message, name, out);
}
