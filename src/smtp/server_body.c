/* SPDX-License-Identifier: BSD-2-Clause */
#include "smtp/server_inside.h"

/* server_body -- a message on its way in. */

static enum server_progress tell_fault(struct smtp_server *s, enum smtp_body_fault fault,
                                       struct smtp_event *event)
{
	s->faulty = fault;
	event->kind = SMTP_EVENT_MESSAGE_BAD;
	event->fault = fault;
	return SERVER_EVENT;
}

/* More than may come? The limit may have been lowered under the message. */
static bool is_too_much(const struct smtp_server *s, uint64_t more)
{
	uint64_t max = s->options->size_max;

	return max && (s->octets > max || more > max - s->octets);
}

static enum server_progress tell_bytes(struct smtp_server *s, struct span bytes,
                                       struct smtp_event *event)
{
	if (is_too_much(s, bytes.n)) {
		s->body.careless = true;
		return tell_fault(s, SMTP_BODY_TOO_BIG, event);
	}
	s->octets += bytes.n;
	event->kind = SMTP_EVENT_BODY;
	event->bytes = bytes;
	return SERVER_EVENT;
}

static void say_fault(struct smtp_server *s, struct buf *out)
{
	switch ((enum smtp_body_fault)s->faulty) {
	case SMTP_BODY_BARE_LF:
		server_complain(s, out, 550, "5.5.2",
		                "The message has a bare LF; lines end in CR LF");
		break;
	case SMTP_BODY_BARE_CR:
		server_complain(s, out, 550, "5.5.2",
		                "The message has a bare CR; lines end in CR LF");
		break;
	case SMTP_BODY_NUL:
		server_complain(s, out, 550, "5.6.0",
		                "The message has a line that begins with NUL");
		break;
	case SMTP_BODY_TOO_BIG:
	case SMTP_BODY_GOOD:
		server_complain(s, out, 552, "5.3.4", "The message is too big");
		break;
	}
}

/* All of it was read. */
static enum server_progress end_message(struct smtp_server *s, struct buf *out,
                                        struct smtp_event *event)
{
	event->octets = s->octets;
	if (!s->faulty) {
		(void)server_ask(s, event, SMTP_EVENT_MESSAGE_END);
		return SERVER_EVENT;
	}
	say_fault(s, out);
	server_end_transaction(s);
	s->phase = SMTP_PHASE_COMMAND;
	return SERVER_GO_ON;
}

enum server_progress server_data(struct smtp_server *s, struct span *input, struct buf *out,
                                 struct smtp_event *event)
{
	enum smtp_body_fault fault;
	struct span bytes;

	switch (smtp_data_next(&s->body, input, &bytes, &fault)) {
	case SMTP_BODY_BYTES:
		return tell_bytes(s, bytes, event);
	case SMTP_BODY_FAULT:
		return tell_fault(s, fault, event);
	case SMTP_BODY_END:
		return end_message(s, out, event);
	case SMTP_BODY_MORE:
		break;
	}
	return SERVER_STARVED;
}

/* ── BDAT ────────────────────────────────────────────────────────────────────────────────────── */

/* One that nobody wants: RFC 3030 section 2 has it read to its end all the same. */
static enum server_progress drop_chunk(struct smtp_server *s, struct span *input, struct buf *out)
{
	size_t n = input->n < s->chunk_left ? input->n : (size_t)s->chunk_left;

	*input = span_from(*input, n);
	s->chunk_left -= n;
	if (s->chunk_left)
		return SERVER_STARVED;
	s->phase = SMTP_PHASE_COMMAND;
	if (!s->mail)
		server_complain(s, out, 503, "5.5.1", "BDAT has to follow MAIL and RCPT");
	else if (!s->recipients)
		server_complain(s, out, 554, "5.5.1", "No valid recipients");
	else
		server_complain(s, out, 503, "5.5.1",
		                "A part of this message was refused; say RSET");
	return SERVER_GO_ON;
}

static enum server_progress end_chunk(struct smtp_server *s, struct buf *out,
                                      struct smtp_event *event)
{
	event->octets = s->octets;
	if (!s->faulty) {
		(void)server_ask(s, event, SMTP_EVENT_CHUNK_END);
		return SERVER_EVENT;
	}
	say_fault(s, out);
	s->chunks_failed = true;
	s->phase = SMTP_PHASE_COMMAND;
	return SERVER_GO_ON;
}

enum server_progress server_chunk(struct smtp_server *s, struct span *input, struct buf *out,
                                  struct smtp_event *event)
{
	enum smtp_body_fault fault;
	enum smtp_body_step step;
	struct span window = *input, bytes;
	size_t given;

	if (s->chunk_dropped)
		return drop_chunk(s, input, out);
	if (!s->faulty && is_too_much(s, s->chunk_left)) {
		s->body.careless = true;
		return tell_fault(s, SMTP_BODY_TOO_BIG, event);
	}
	if (window.n > s->chunk_left)
		window.n = (size_t)s->chunk_left;
	given = window.n;
	step = smtp_chunk_next(&s->body, &window, s->chunk_last && given == s->chunk_left, &bytes,
	                       &fault);
	s->chunk_left -= given - window.n;
	*input = span_from(*input, given - window.n);
	switch (step) {
	case SMTP_BODY_BYTES:
		return tell_bytes(s, bytes, event);
	case SMTP_BODY_FAULT:
		return tell_fault(s, fault, event);
	case SMTP_BODY_END:
		return end_message(s, out, event);
	case SMTP_BODY_MORE:
		break;
	}
	return s->chunk_left ? SERVER_STARVED : end_chunk(s, out, event);
}
