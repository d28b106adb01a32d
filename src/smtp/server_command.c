/* SPDX-License-Identifier: BSD-2-Clause */
#include "smtp/server_inside.h"

#include <string.h>

/* server_command -- what each command of a client wants (RFC 5321 section 4.1.1). */

struct command {
	const char *word;
	/* `rest` is what stands behind the word, without blanks around it. True: an event. */
	bool (*take)(struct smtp_server *s, struct span rest, struct buf *out,
	             struct smtp_event *event);
	bool idle; /* moves no mail: only so many of them */
};

/* ── HELO, EHLO ──────────────────────────────────────────────────────────────────────────────── */

static bool take_hello(struct smtp_server *s, struct span host, struct buf *out,
                       struct smtp_event *event, bool esmtp)
{
	if (!smtp_host_good(host)) {
		server_complain(s, out, 501, "5.5.4", "Say your host name behind it");
		return false;
	}
	s->esmtp = event->esmtp = esmtp;
	event->host = host;
	return server_ask(s, event, SMTP_EVENT_HELLO);
}

static bool take_helo(struct smtp_server *s, struct span rest, struct buf *out,
                      struct smtp_event *event)
{
	return take_hello(s, rest, out, event, false);
}

static bool take_ehlo(struct smtp_server *s, struct span rest, struct buf *out,
                      struct smtp_event *event)
{
	return take_hello(s, rest, out, event, true);
}

/* ── a transaction ───────────────────────────────────────────────────────────────────────────── */

static void complain_of_path(struct smtp_server *s, struct buf *out, enum smtp_address_fault fault,
                             const char *status)
{
	server_complain(s, out, 501, status,
	                fault == SMTP_ADDRESS_TOO_LONG ? "The address is too long"
	                : fault == SMTP_ADDRESS_UTF8   ? "The address is not UTF-8"
	                                               : "Bad address syntax");
}

/* "FROM:<path> parameters": cuts the path off. */
static bool take_path(struct smtp_server *s, struct span *rest, const char *word,
                      const char *status, struct buf *out, struct smtp_event *event)
{
	enum smtp_address_fault fault;

	if (!span_starts_nocase(*rest, word)) {
		server_complain(s, out, 501, "5.5.4",
		                *word == 'F' ? "Syntax: MAIL FROM:<address>"
		                             : "Syntax: RCPT TO:<address>");
		return false;
	}
	*rest = span_trim(span_from(*rest, strlen(word)));
	fault = smtp_path_parse(rest, &event->address);
	if (fault) {
		complain_of_path(s, out, fault, status);
		return false;
	}
	return true;
}

static bool take_mail(struct smtp_server *s, struct span rest, struct buf *out,
                      struct smtp_event *event)
{
	if (s->mail) {
		server_complain(s, out, 503, "5.5.1", "A transaction is open already");
		return false;
	}
	if (s->options->hello_required && !s->hello) {
		server_complain(s, out, 503, "5.5.1", "Say HELO or EHLO first");
		return false;
	}
	if (!take_path(s, &rest, "FROM:", "5.1.7", out, event) ||
	    !server_mail_parameters(s, rest, out, event))
		return false;
	if (event->address.utf8 && !event->utf8) {
		server_complain(s, out, 553, "5.6.7", "This address wants SMTPUTF8");
		return false;
	}
	s->utf8 = event->utf8;
	return server_ask(s, event, SMTP_EVENT_MAIL);
}

static bool take_rcpt(struct smtp_server *s, struct span rest, struct buf *out,
                      struct smtp_event *event)
{
	if (!s->mail || s->chunks) {
		server_complain(s, out, 503, "5.5.1",
		                s->mail ? "The message has begun" : "Say MAIL first");
		return false;
	}
	if (!take_path(s, &rest, "TO:", "5.1.3", out, event))
		return false;
	if (!event->address.text.n) {
		complain_of_path(s, out, SMTP_ADDRESS_SYNTAX, "5.1.3");
		return false;
	}
	if (event->address.utf8 && !s->utf8) {
		server_complain(s, out, 553, "5.6.7", "This address wants SMTPUTF8");
		return false;
	}
	if (!server_rcpt_parameters(s, rest, out, event))
		return false;
	if (s->recipients >= s->options->recipients_max && s->options->recipients_max) {
		server_say(out, 452, "4.5.3", "Too many recipients; send it to the others again");
		return false;
	}
	return server_ask(s, event, SMTP_EVENT_RCPT);
}

static bool take_data(struct smtp_server *s, struct span rest, struct buf *out,
                      struct smtp_event *event)
{
	if (rest.n)
		server_complain(s, out, 501, "5.5.4", "DATA has no parameters");
	else if (!s->mail || s->chunks)
		server_complain(s, out, 503, "5.5.1",
		                s->mail ? "The message has begun by BDAT"
		                        : "DATA has to follow MAIL and RCPT");
	else if (!s->recipients)
		server_complain(s, out, 554, "5.5.1", "No valid recipients");
	else
		return server_ask(s, event, SMTP_EVENT_DATA);
	return false;
}

static bool take_bdat(struct smtp_server *s, struct span rest, struct buf *out,
                      struct smtp_event *event)
{
	struct span size = { 0 }, last = { 0 };

	if (!(s->offers & SMTP_OFFER_CHUNKING)) {
		/* whoever sends it all the same sends the chunk behind it: nobody knows where
		 * commands begin again */
		server_say(out, 421, "4.5.1", "BDAT was not offered");
		server_end(s, SMTP_END_ERRORS);
		return false;
	}
	(void)span_next_word(&rest, &size);
	s->chunk_last = span_next_word(&rest, &last);
	if (!span_parse_u64(size, &s->chunk_left) || span_trim(rest).n ||
	    (s->chunk_last && !span_is_nocase(last, "LAST"))) {
		server_say(out, 421, "4.5.4", "Syntax: BDAT octets [LAST]");
		server_end(s, SMTP_END_ERRORS);
		return false;
	}
	s->phase = SMTP_PHASE_CHUNK;
	s->chunk_dropped = !s->mail || !s->recipients || s->chunks_failed;
	if (s->chunk_dropped)
		return false;
	s->chunks = true;
	event->kind = SMTP_EVENT_CHUNK;
	event->chunk_size = s->chunk_left;
	event->chunk_last = s->chunk_last;
	return true;
}

static bool take_rset(struct smtp_server *s, struct span rest, struct buf *out,
                      struct smtp_event *event)
{
	if (!rest.n)
		return server_ask(s, event, SMTP_EVENT_RSET);
	server_complain(s, out, 501, "5.5.4", "RSET has no parameters");
	return false;
}

/* ── the session ─────────────────────────────────────────────────────────────────────────────── */

static bool take_starttls(struct smtp_server *s, struct span rest, struct buf *out,
                          struct smtp_event *event)
{
	if (rest.n)
		server_complain(s, out, 501, "5.5.4", "STARTTLS has no parameters");
	else if (!(s->offers & SMTP_OFFER_STARTTLS))
		server_complain(s, out, 502, "5.5.1", "STARTTLS is not offered here");
	else if (s->tls || s->mail)
		server_complain(s, out, 503, "5.5.1",
		                s->tls ? "TLS is on already" : "Not within a transaction");
	else
		return server_ask(s, event, SMTP_EVENT_STARTTLS);
	return false;
}

static bool take_auth(struct smtp_server *s, struct span rest, struct buf *out,
                      struct smtp_event *event)
{
	if (!(s->offers & SMTP_OFFER_AUTH))
		server_complain(s, out, 502, "5.5.1", "AUTH is not offered here");
	else if (!s->hello || !s->esmtp || s->mail || s->authenticated)
		server_complain(s, out, 503, "5.5.1", "Not now");
	else if (!span_next_word(&rest, &event->word))
		server_complain(s, out, 501, "5.5.4", "Syntax: AUTH mechanism");
	else {
		event->rest = span_trim(rest);
		return server_ask(s, event, SMTP_EVENT_AUTH);
	}
	return false;
}

static bool take_xclient(struct smtp_server *s, struct span rest, struct buf *out,
                         struct smtp_event *event)
{
	if (!(s->offers & SMTP_OFFER_XCLIENT))
		server_complain(s, out, 550, "5.7.0", "Not from you");
	else if (s->mail)
		server_complain(s, out, 503, "5.5.1", "Not within a transaction");
	else if (!smtp_xclient_parse(rest, &event->xclient))
		server_complain(s, out, 501, "5.5.4", "Bad attribute of XCLIENT");
	else
		return server_ask(s, event, SMTP_EVENT_XCLIENT);
	return false;
}

static bool take_vrfy(struct smtp_server *s, struct span rest, struct buf *out,
                      struct smtp_event *event)
{
	event->rest = rest;
	if (rest.n)
		return server_ask(s, event, SMTP_EVENT_VRFY);
	server_complain(s, out, 501, "5.5.4", "Syntax: VRFY address");
	return false;
}

static bool take_noop(struct smtp_server *s, struct span rest, struct buf *out,
                      struct smtp_event *event)
{
	server_say(out, 250, "2.0.0", "Good");
	return false;
}

static bool take_help(struct smtp_server *s, struct span rest, struct buf *out,
                      struct smtp_event *event)
{
	server_say(out, 214, "2.0.0", "RFC 5321");
	return false;
}

static bool take_quit(struct smtp_server *s, struct span rest, struct buf *out,
                      struct smtp_event *event)
{
	server_say(out, 221, "2.0.0", "Bye");
	server_end(s, SMTP_END_QUIT);
	return false;
}

static bool take_known(struct smtp_server *s, struct span rest, struct buf *out,
                       struct smtp_event *event)
{
	server_complain(s, out, 502, "5.5.1", "Not done here");
	return false;
}

static const struct command commands[] = {
	{ "MAIL", take_mail, false },
	{ "RCPT", take_rcpt, false },
	{ "DATA", take_data, false },
	{ "BDAT", take_bdat, false },
	{ "RSET", take_rset, true },
	{ "EHLO", take_ehlo, true },
	{ "HELO", take_helo, true },
	{ "QUIT", take_quit, false },
	{ "NOOP", take_noop, true },
	{ "STARTTLS", take_starttls, true },
	{ "AUTH", take_auth, true },
	{ "XCLIENT", take_xclient, false }, /* as often as there are clients behind the neighbour */
	{ "VRFY", take_vrfy, true },
	{ "HELP", take_help, true },
	{ "EXPN", take_known, true },
	{ "ETRN", take_known, true },
	{ "TURN", take_known, true },
};

bool server_command(struct smtp_server *s, struct span line, struct buf *out,
                    struct smtp_event *event)
{
	size_t n = 0;
	struct span word;

	while (n < line.n && line.p[n] != ' ')
		n++;
	word = (struct span){ line.p, n };
	for (size_t i = 0; i < ROWS(commands); i++) {
		if (!span_is_nocase(word, commands[i].word))
			continue;
		/* XCLIENT of a neighbour makes EHLO no idle talk */
		if (commands[i].idle && !(s->offers & SMTP_OFFER_XCLIENT) &&
		    s->idle++ >= s->options->idle_max && s->options->idle_max) {
			s->idle = (uint16_t)s->options->idle_max;
			smtp_server_count_error(s);
		}
		return commands[i].take(s, span_trim(span_from(line, n)), out, event);
	}
	server_complain(s, out, 500, "5.5.2", word.n ? "No such command" : "An empty line");
	return false;
}
