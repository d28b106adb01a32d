/* SPDX-License-Identifier: BSD-2-Clause */
#include "smtp/body.h"

#include <string.h>

/* Why a run of octets that can pass as they are has ended. */
enum stop {
	STOP_END,     /* the input has */
	STOP_LAST_CR, /* a CR is the last octet: what is behind it decides */
	STOP_BARE_CR,
	STOP_BARE_LF,
	STOP_LINE, /* a line begins with an octet that needs a look */
};

struct run {
	size_t n;    /* octets */
	size_t line; /* of these before the line under way: n == line is the beginning of a line */
	enum stop stop;
};

/*
 * Octets at the beginning of `in` that need no change; the first one has been looked at. Two
 * memchr(3) a line: this is what a message costs.
 */
static struct run plain_run(struct span in, bool stop_at_dots)
{
	struct run run = { 0 };

	for (;;) {
		const char *at = in.p + run.line, *end = in.p + in.n;
		const char *lf = memchr(at, '\n', (size_t)(end - at));
		const char *cr = memchr(at, '\r', (size_t)((lf ? lf : end) - at));

		if (cr && cr + 1 != lf) {
			run.stop = cr + 1 == end ? STOP_LAST_CR : STOP_BARE_CR;
			run.n = (size_t)(cr - in.p);
			return run;
		}
		if (!cr) {
			run.stop = lf ? STOP_BARE_LF : STOP_END;
			run.n = (size_t)((lf ? lf : end) - in.p);
			return run;
		}
		run.line = run.n = (size_t)(lf + 1 - in.p);
		if (run.n == in.n)
			return run;
		if (lf[1] == 0 || (stop_at_dots && lf[1] == '.')) {
			run.stop = STOP_LINE;
			return run;
		}
	}
}

static struct span cut(struct span *from, size_t n)
{
	struct span head = { from->p, n };

	*from = (struct span){ from->p + n, from->n - n };
	return head;
}

/* ── receiving ───────────────────────────────────────────────────────────────────────────────── */

/* An octet, cut off already, that can't pass: a fault, or something instead of it. */
static enum smtp_body_step replace(struct smtp_body_reader *r, enum smtp_body_fault why,
                                   struct span *bytes, enum smtp_body_fault *fault)
{
	r->middle = why != SMTP_BODY_BARE_LF;
	r->loose = why == SMTP_BODY_BARE_LF;
	if (r->newlines == SMTP_NEWLINES_REJECT) {
		r->careless = true;
		*fault = why;
		return SMTP_BODY_FAULT;
	}
	*bytes = why == SMTP_BODY_BARE_LF ? SPAN("\r\n") : SPAN(" ");
	return SMTP_BODY_BYTES;
}

/* What comes next in a line whose beginning is no matter any more; *input is not empty. A CR at its
 * end is left there, and SMTP_BODY_MORE said. */
static enum smtp_body_step next_run(struct smtp_body_reader *r, struct span *input,
                                    bool stop_at_dots, struct span *bytes,
                                    enum smtp_body_fault *fault)
{
	struct run run = plain_run(*input, stop_at_dots);

	if (run.n) {
		*bytes = cut(input, run.n);
		r->middle = run.n != run.line;
		r->loose = false;
		return SMTP_BODY_BYTES;
	}
	if (run.stop == STOP_LAST_CR)
		return SMTP_BODY_MORE;
	cut(input, 1);
	return replace(r, run.stop == STOP_BARE_LF ? SMTP_BODY_BARE_LF : SMTP_BODY_BARE_CR, bytes,
	               fault);
}

/* A fault was told: looks for the end and for nothing else. */
static enum smtp_body_step skip_data(struct smtp_body_reader *r, struct span *input)
{
	while (input->n) {
		const char *lf;

		if (!r->middle && !r->loose && input->p[0] == '.') {
			if (input->n < 3 && memcmp(input->p, ".\r", input->n) == 0)
				return SMTP_BODY_MORE;
			if (input->n >= 3 && memcmp(input->p, ".\r\n", 3) == 0) {
				cut(input, 3);
				return SMTP_BODY_END;
			}
		}
		r->middle = true;
		r->loose = false;
		lf = memchr(input->p, '\n', input->n);
		if (!lf) {
			cut(input, input->n - (input->p[input->n - 1] == '\r'));
			return SMTP_BODY_MORE;
		}
		/* a CR before it is in the input too: none is ever cut off alone */
		r->middle = lf == input->p || lf[-1] != '\r';
		cut(input, (size_t)(lf + 1 - input->p));
	}
	return SMTP_BODY_MORE;
}

enum smtp_body_step smtp_data_next(struct smtp_body_reader *r, struct span *input,
                                   struct span *bytes, enum smtp_body_fault *fault)
{
	if (r->careless)
		return skip_data(r, input);
	if (!input->n)
		return SMTP_BODY_MORE;
	if (!r->middle && input->p[0] == '.') {
		if (!r->loose && input->n < 3 && memcmp(input->p, ".\r", input->n) == 0)
			return SMTP_BODY_MORE;
		if (!r->loose && input->n >= 3 && memcmp(input->p, ".\r\n", 3) == 0) {
			cut(input, 3);
			return SMTP_BODY_END;
		}
		if (input->n == 1)
			return SMTP_BODY_MORE;
		cut(input, 1);
		r->middle = input->p[0] != 0; /* a NUL is at the beginning now */
	}
	if (!r->middle && input->p[0] == 0) {
		cut(input, 1);
		return replace(r, SMTP_BODY_NUL, bytes, fault);
	}
	return next_run(r, input, true, bytes, fault);
}

enum smtp_body_step smtp_chunk_next(struct smtp_body_reader *r, struct span *input, bool last,
                                    struct span *bytes, enum smtp_body_fault *fault)
{
	enum smtp_body_step step = SMTP_BODY_MORE;

	if (r->careless && input->n)
		cut(input, input->n);
	if (r->cr && input->n && input->p[0] == '\n') {
		cut(input, 1);
		r->cr = r->middle = r->loose = false;
		*bytes = SPAN("\r\n");
		return SMTP_BODY_BYTES;
	}
	if (r->cr && !r->careless && (input->n || last)) {
		r->cr = false;
		return replace(r, SMTP_BODY_BARE_CR, bytes, fault);
	}
	if (input->n && !r->middle && input->p[0] == 0) {
		cut(input, 1);
		return replace(r, SMTP_BODY_NUL, bytes, fault);
	}
	if (input->n)
		step = next_run(r, input, false, bytes, fault);
	if (step == SMTP_BODY_MORE && input->n) { /* one CR */
		cut(input, 1);
		r->cr = true;
		return smtp_chunk_next(r, input, last, bytes, fault);
	}
	return step == SMTP_BODY_MORE && last ? SMTP_BODY_END : step;
}

/* ── sending ─────────────────────────────────────────────────────────────────────────────────── */

bool smtp_stuff_next(struct smtp_stuffer *s, struct span *message, struct span *bytes)
{
	struct run run;

	if (!message->n)
		return false;
	if (s->cr) { /* of the piece before this one */
		s->cr = false;
		s->middle = message->p[0] != '\n';
		*bytes = s->middle ? SPAN(" ") : SPAN("\r\n");
		if (!s->middle)
			cut(message, 1);
		return true;
	}
	if (!s->middle && (message->p[0] == '.' || message->p[0] == 0)) {
		s->middle = true;
		*bytes = SPAN("."); /* one more */
		if (message->p[0] == 0) {
			*bytes = SPAN(" "); /* instead */
			cut(message, 1);
		}
		return true;
	}
	run = plain_run(*message, true);
	if (run.n) {
		*bytes = cut(message, run.n);
		s->middle = run.n != run.line;
		return true;
	}
	cut(message, 1);
	s->cr = run.stop == STOP_LAST_CR;
	if (s->cr)
		return false;
	s->middle = run.stop != STOP_BARE_LF;
	*bytes = s->middle ? SPAN(" ") : SPAN("\r\n");
	return true;
}

struct span smtp_stuff_end(struct smtp_stuffer *s)
{
	if (s->cr)
		return SPAN(" \r\n.\r\n");
	return s->middle ? SPAN("\r\n.\r\n") : SPAN(".\r\n");
}

void smtp_stuff(struct smtp_stuffer *s, struct span message, struct buf *out)
{
	struct span bytes;

	while (smtp_stuff_next(s, &message, &bytes))
		buf_add_span(out, bytes);
}

/* ── the header ──────────────────────────────────────────────────────────────────────────────── */

static void end_header_line(struct smtp_header_watch *w)
{
	struct span line = { w->line, w->line_at };

	if (span_is(line, "\r\n") || span_is(line, "\n"))
		w->done = true;
	else if (span_starts_nocase(line, "Received:") && w->hops < UINT16_MAX)
		w->hops++;
	w->line_at = 0;
}

void smtp_header_look(struct smtp_header_watch *w, struct span bytes)
{
	while (bytes.n && !w->done) {
		const char *lf = memchr(bytes.p, '\n', bytes.n);
		struct span piece = cut(&bytes, lf ? (size_t)(lf + 1 - bytes.p) : bytes.n);

		for (size_t i = 0; i < piece.n && w->line_at < sizeof w->line; i++)
			w->line[w->line_at++] = piece.p[i];
		w->octets += piece.n > UINT32_MAX - w->octets ? UINT32_MAX - w->octets
		                                              : (uint32_t)piece.n;
		if (lf)
			end_header_line(w);
	}
}
