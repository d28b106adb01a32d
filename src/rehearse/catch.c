/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/outside.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "smtp/server.h"

#include <fcntl.h>
#include <jansson.h>
#include <string.h>

#define MESSAGE_MOST (64u << 20) /* octets */
#define SLOW_MS 3000

void catch_forget(struct catch *c)
{
	free(c->sender);
	c->sender = NULL;
	strings_fini(&c->recipients);
	c->recipients = (struct strings){ 0 };
	buf_fini(&c->message);
	c->slow = false;
}

void catch_fini(struct catch *c)
{
	catch_forget(c);
	free(c->helo);
	c->helo = NULL;
}

static int keep_file(const struct catch *c, const char *name, struct span text)
{
	AUTO_CLOSE int fd = openat(c->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	return fd < 0 ? -1 : fd_write_all(fd, text.p, text.n);
}

/* The envelope appears as a whole: who looks at the folder waits for it. */
static int keep(struct catch *c)
{
	json_t *recipients = json_array(), *all;
	AUTO_FREE char *text = NULL;
	char eml[32], part[32], done[32];

	snprintf(eml, sizeof eml, "%u.eml", ++*c->number);
	snprintf(part, sizeof part, "%u.part", *c->number);
	snprintf(done, sizeof done, "%u.json", *c->number);
	for (size_t i = 0; i < c->recipients.n; i++)
		json_array_append_new(
			recipients,
			json_stringn_nocheck(c->recipients.rows[i], strlen(c->recipients.rows[i])));
	all = json_pack("{s:s, s:s, s:b, s:s, s:s, s:s, s:o}", "client", c->client, "helo",
	                c->helo ? c->helo : "", "offered", (int)c->tls_offered, "tls",
	                c->tls_version ? c->tls_version : "", "cipher",
	                c->tls_cipher ? c->tls_cipher : "", "sender", c->sender ? c->sender : "",
	                "recipients", recipients);
	text = all ? json_dumps(all, JSON_COMPACT) : NULL;
	json_decref(all);
	if (!text || keep_file(c, eml, buf_span(&c->message)) < 0 ||
	    keep_file(c, part, span_of(text)) < 0)
		return -1;
	return renameat(c->folder, part, c->folder, done);
}

/* What the local part of an address asks for, "" for a plain one. */
static bool is_kind(struct span local, const char *kind)
{
	size_t n = strlen(kind);

	return span_starts_nocase(local, kind) &&
	       (local.n == n || local.p[n] == '+' || local.p[n] == '-');
}

static void take_recipient(struct catch *c, struct smtp_server *s, const struct smtp_address *a,
                           struct buf *out)
{
	if (is_kind(a->local, "never")) {
		smtp_server_reply(s, out, 550, "5.1.1", "nobody of that name");
		return;
	}
	if (is_kind(a->local, "later")) {
		smtp_server_reply(s, out, 451, "4.3.0", "come again later");
		return;
	}
	if (is_kind(a->local, "greylist")) {
		AUTO_FREE char *address = span_dup(a->text);
		AUTO_FREE char *pair = xasprintf("%s %s", c->client, address);

		if (!strings_has(c->seen, pair)) {
			strings_add(c->seen, pair);
			smtp_server_reply(s, out, 450, "4.7.1", "greylisted: come again");
			return;
		}
	}
	c->slow |= is_kind(a->local, "slow");
	strings_add_span(&c->recipients, a->text);
	smtp_server_reply(s, out, 250, "2.1.5", "taken");
}

static int take_message(struct catch *c, struct smtp_server *s, struct buf *out)
{
	int wait = c->slow ? SLOW_MS : 0;

	if (c->message.n <= MESSAGE_MOST && keep(c) == 0)
		smtp_server_reply(s, out, 250, "2.0.0", "caught");
	else
		smtp_server_reply(s, out, 452, "4.3.1", "no room");
	catch_forget(c);
	return wait;
}

static void add_body(struct catch *c, struct span bytes)
{
	if (c->message.n <= MESSAGE_MOST)
		buf_add_span(&c->message, bytes);
}

int catch_take(struct catch *c, struct smtp_server *s, const struct smtp_event *e, struct buf *out)
{
	switch (e->kind) {
	case SMTP_EVENT_HELLO:
		catch_forget(c);
		free(c->helo);
		c->helo = span_dup(e->host);
		smtp_server_reply_hello(s, out);
		break;
	case SMTP_EVENT_MAIL:
		catch_forget(c);
		c->sender = span_dup(e->address.text);
		smtp_server_reply(s, out, 250, "2.1.0", "good");
		break;
	case SMTP_EVENT_RCPT:
		take_recipient(c, s, &e->address, out);
		break;
	case SMTP_EVENT_DATA:
		smtp_server_reply(s, out, 354, NULL, "go on");
		break;
	case SMTP_EVENT_BODY:
		add_body(c, e->bytes);
		break;
	case SMTP_EVENT_CHUNK_END:
		smtp_server_reply(s, out, 250, "2.0.0", "good");
		break;
	case SMTP_EVENT_MESSAGE_END:
		return take_message(c, s, out);
	case SMTP_EVENT_MESSAGE_BAD:
		buf_reset(&c->message);
		break;
	case SMTP_EVENT_STARTTLS:
		catch_forget(c);
		smtp_server_reply(s, out, 220, "2.0.0", "go on");
		break;
	case SMTP_EVENT_RSET:
		catch_forget(c);
		smtp_server_reply(s, out, 250, "2.0.0", "good");
		break;
	case SMTP_EVENT_VRFY:
		smtp_server_reply_vrfy(s, out);
		break;
	case SMTP_EVENT_AUTH:
	case SMTP_EVENT_AUTH_LINE:
	case SMTP_EVENT_XCLIENT:
		smtp_server_reply(s, out, 502, "5.5.1", "not here"); /* never offered */
		break;
	case SMTP_EVENT_NONE:
	case SMTP_EVENT_CHUNK:
	case SMTP_EVENT_END:
		break;
	}
	return 0;
}
