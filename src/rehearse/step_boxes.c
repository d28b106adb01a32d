/* SPDX-License-Identifier: BSD-2-Clause */

/* step_boxes -- people log in, by the names that they know and with the passwords that they have: at each
 * door that the old server has. */

#include "rehearse/steps.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "imap/session.h"
#include "imap/stream.h"

#include <string.h>

#define SILENCE_MS 60000

static void log_in_imap(const struct imap_server *server, const struct config_rehearse_account *a,
                        struct error *err, int *result)
{
	const struct imap_login login = { .user = a->user, .password = a->password };
	AUTO_IMAP_SESSION struct imap_session *s = NULL;
	const struct imap_response *end;

	*result = imap_session_open(&s, server, &login, err);
	if (*result == 0)
		*result = imap_session_run(s, NULL, NULL, &end, err, "SELECT INBOX");
	if (*result == 0 && end->status != IMAP_OK)
		*result = imap_session_refused(s, end, "INBOX can't be opened", err);
}

/* Says a line (NULL: nothing), and reads one; +OK is good (RFC 1939). */
static int say_pop(struct imap_stream *s, const char *command, const char *secret,
                   const char *shown, struct error *err)
{
	AUTO_BUF struct buf line = { 0 }, words = { 0 };
	char c = 0;

	if (command) {
		buf_addf(&line, "%s %s\r\n", command, secret);
		if (imap_stream_write(s, buf_span(&line), err) < 0)
			return -1;
		buf_reset(&line);
	}
	while (c != '\n' && line.n < 1000) {
		ssize_t n = imap_stream_read(s, &c, 1, err);

		if (n < 0)
			return -1;
		if (n == 0 && !imap_stream_pending(s) && imap_stream_wait(s, SILENCE_MS) == 0)
			return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_REACH, 0,
			                 "the server says nothing");
		if (n > 0)
			buf_add_char(&line, c);
	}
	if (span_starts(buf_span(&line), "+OK"))
		return 0;
	buf_add_printable(&words, span_trim(buf_span(&line)));
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0, "%s is answered by %s",
	                 shown, buf_text(&words));
}

static int log_in_pop(const struct imap_server *server, const struct config_rehearse_account *a,
                      struct error *err)
{
	struct imap_stream *s = NULL;
	int result;

	if (imap_stream_open(&s, server, err) < 0)
		return -1;
	result = server->tls == IMAP_TLS_IMPLICIT ? imap_stream_secure(s, err) : 0;
	if (result == 0)
		result = say_pop(s, NULL, NULL, "the greeting", err);
	if (result == 0 && server->tls == IMAP_TLS_STARTTLS) {
		result = say_pop(s, "STLS", "", "STLS", err);
		if (result == 0)
			result = imap_stream_secure(s, err);
	}
	if (result == 0 && say_pop(s, "USER", a->user, "USER", err) < 0)
		result = -1;
	if (result == 0 && say_pop(s, "PASS", a->password, "PASS", err) < 0)
		result = -1;
	imap_stream_close(s);
	return result;
}

static const struct {
	const char *step;
	enum rehearse_port bit;
	uint16_t port;
	enum imap_tls tls;
	bool pop;
} doors[] = {
	{ "imap", REHEARSE_IMAPS, 993, IMAP_TLS_IMPLICIT, false },
	{ "imap", REHEARSE_IMAP, 143, IMAP_TLS_STARTTLS, false },
	{ "pop", REHEARSE_POP3S, 995, IMAP_TLS_IMPLICIT, true },
	{ "pop", REHEARSE_POP3, 110, IMAP_TLS_STARTTLS, true },
};

/* One that is shut is the door's failure, not that of each who comes. */
static bool is_shut(const struct error *err)
{
	return err->sys_errno != 0;
}

static void try_door(struct rehearsal *r, size_t i)
{
	const struct config_rehearse *c = &r->plan->config->rehearse;
	const struct imap_server server = {
		.host = r->plan->mail_hosts.rows[0],
		.port = doors[i].port,
		.tls = doors[i].tls,
		.ca_file = r->options->ca_file,
		.silence_ms = SILENCE_MS,
	};

	for (unsigned k = 0; k < c->accounts_count; k++) {
		struct error err = { 0 };
		AUTO_FREE char *name = NULL;
		int result;

		r->asked++;
		if (doors[i].pop)
			result = log_in_pop(&server, &c->accounts[k], &err);
		else
			log_in_imap(&server, &c->accounts[k], &err, &result);
		if (result == 0)
			continue;
		if (is_shut(&err)) {
			name = xasprintf("port %u", doors[i].port);
			FAIL(r, doors[i].step, name, "%s", err.text);
			return;
		}
		FAIL(r, doors[i].step, c->accounts[k].user, "port %u: %s", doors[i].port, err.text);
	}
}

void step_logins(struct rehearsal *r)
{
	if (!r->plan->config->rehearse.accounts_count) {
		strings_add(&r->result->notes,
		            "nobody has logged in: there is no account with a password "
		            "under rehearse in move.yaml");
		return;
	}
	for (size_t i = 0; i < ROWS(doors) && r->plan->mail_hosts.n; i++)
		if (r->plan->ports & doors[i].bit)
			try_door(r, i);
}
