/* SPDX-License-Identifier: BSD-2-Clause */
#include "check/talk.h"

#include "base/cleanup.h"

#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NAME_MOST 256
#define GREETING_MOST 120

/* Said, not waited for: its log then has no broken sessions. */
static void say_goodbye(struct talk *t)
{
	struct link *l = &t->link;

	if (l->fd <= 0 || t->client.phase != SMTP_CLIENT_PHASE_READY)
		return;
	smtp_client_quit(&t->client, &l->out);
	if (l->ssl)
		(void)SSL_write(l->ssl, l->out.p, (int)l->out.n);
	else
		(void)send(l->fd, l->out.p, l->out.n, MSG_NOSIGNAL);
}

void talk_fini(struct talk *t)
{
	say_goodbye(t);
	link_fini(&t->link);
	smtp_client_fini(&t->client);
	buf_fini(&t->greeting);
	*t = (struct talk){ 0 };
}

/* ── the session ─────────────────────────────────────────────────────────────────────────────── */

/* Goes on until an event of this kind. */
static int go_on(struct talk *t, enum smtp_client_event_kind until, const char *ca_file,
                 struct error *err)
{
	struct link *l = &t->link;

	for (;;) {
		struct smtp_client_event event;
		struct span input = buf_span(&l->in), whole = input, line;
		bool more;

		if (!t->greeting.n && span_find(input, '\n') >= 0 && span_next_line(&whole, &line))
			buf_add(&t->greeting, line.p,
			        line.n < GREETING_MOST ? line.n : GREETING_MOST);
		more = smtp_client_next(&t->client, &input, &l->out, &event);

		buf_drop_front(&l->in, l->in.n - input.n);
		if (more && event.kind == until)
			return 0;
		if (more && event.kind == SMTP_CLIENT_FAILED) {
			*err = event.error;
			return -1;
		}
		if (link_write(l, err) < 0)
			return -1;
		if (more && event.kind == SMTP_CLIENT_STARTTLS) {
			if (link_secure(l, ca_file, NULL, err) < 0)
				return -1;
			smtp_client_tls_started(&t->client, &l->out);
		} else if (!more && link_read(l, err) < 0) {
			return -1;
		}
	}
}

static const char *own_name(void)
{
	static char name[NAME_MOST];

	return gethostname(name, sizeof name - 1) == 0 && *name ? name : "localhost";
}

int talk_open(struct talk *t, const char *address, unsigned port, enum smtp_tls_want tls,
              const char *ca_file, int limit_ms, struct error *err)
{
	t->options = (struct smtp_client_options){ .name = t->name ? t->name : own_name(),
		                                   .tls = tls };
	smtp_client_init(&t->client, &t->options);
	if (link_open(&t->link, address, port, limit_ms, err) < 0 ||
	    go_on(t, SMTP_CLIENT_READY, ca_file, err) < 0)
		return error_context(err, "%s port %u", address, port);
	return 0;
}

int talk_say(struct talk *t, struct error *err, const char *format, ...)
{
	AUTO_BUF struct buf line = { 0 };
	AUTO_FREE char *words = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&words, format, args) < 0)
		abort();
	va_end(args);
	buf_add_text(&line, words);
	smtp_client_command(&t->client, buf_span(&line), &t->link.out);
	return go_on(t, SMTP_CLIENT_REPLY, NULL, err);
}

int talk_send(struct talk *t, struct span message, struct error *err)
{
	if (talk_say(t, err, "DATA") < 0)
		return -1;
	if (t->client.reply.code != 354)
		return 0;
	while (message.n) {
		struct span part = { message.p, message.n < 65536 ? message.n : 65536 };

		smtp_client_relay_body(&t->client, part, &t->link.out);
		if (link_write(&t->link, err) < 0)
			return -1;
		message = span_from(message, part.n);
	}
	smtp_client_relay_end(&t->client, &t->link.out);
	return go_on(t, SMTP_CLIENT_REPLY, NULL, err);
}
