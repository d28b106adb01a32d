/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/request.h"

#include <arpa/inet.h>
#include <string.h>

#define FIRST_LINE "mailhaul-mailauth 1"
#define NAME_MAX_OCTETS 255u /* RFC 1035 section 2.3.4 */
#define KEY_MAX_OCTETS 4096u
#define SENDER_MAX_OCTETS 320u /* RFC 5321 section 4.5.3.1: 64 + 1 + 255 */

static const struct {
	enum mailauth_part part;
	const char *name;
} parts[] = {
	{ MAILAUTH_FORM, "form" },
	{ MAILAUTH_SPF, "spf" },
	{ MAILAUTH_DKIM, "dkim" },
	{ MAILAUTH_DMARC, "dmarc" },
};

const char *mailauth_part_name(enum mailauth_part part)
{
	for (size_t i = 0; i < ROWS(parts); i++)
		if (parts[i].part == part)
			return parts[i].name;
	return "all";
}

enum mailauth_part mailauth_part_find(struct span name)
{
	for (size_t i = 0; i < ROWS(parts); i++)
		if (span_is(name, parts[i].name))
			return parts[i].part;
	return 0;
}

void mailauth_request_fini(struct mailauth_request *r)
{
	dns_servers_fini(&r->resolvers);
	*r = (struct mailauth_request){ 0 };
}

static int refuse(struct error *err, const char *what, struct span value)
{
	AUTO_BUF struct buf printable = { 0 };

	buf_add_printable(&printable, (struct span){ value.p, value.n < 80 ? value.n : 80 });
	return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_NEVER, 0, "%s: \"%s\"", what,
	                 buf_text(&printable));
}

/* ── values; both ways ───────────────────────────────────────────────────────────────────────── */

static bool is_plain(struct span value, size_t most)
{
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] < ' ' || value.p[i] == 127)
			return false;
	return value.n <= most;
}

static bool is_address(const char *text)
{
	unsigned char octets[16];

	return inet_pton(AF_INET, text, octets) == 1 || inet_pton(AF_INET6, text, octets) == 1;
}

static int check_signer(const struct mailauth_request *r, struct error *err)
{
	if (!r->sign_key && !r->sign_domain && !r->sign_selector)
		return 0;
	if (!r->sign_key || !r->sign_domain || !r->sign_selector)
		return refuse(err, "sign-: not all three", SPAN(""));
	/* the key itself is not told */
	if (!is_plain(span_of(r->sign_key), KEY_MAX_OCTETS))
		return refuse(err, "sign-key: too long", SPAN(""));
	if (!is_plain(span_of(r->sign_domain), NAME_MAX_OCTETS) || !*r->sign_domain)
		return refuse(err, "sign-domain: no name", span_of(r->sign_domain));
	if (!is_plain(span_of(r->sign_selector), NAME_MAX_OCTETS) || !*r->sign_selector)
		return refuse(err, "sign-selector: no name", span_of(r->sign_selector));
	return 0;
}

static int check_values(const struct mailauth_request *r, struct error *err)
{
	if (r->client && !is_address(r->client))
		return refuse(err, "client: no address", span_of(r->client));
	if (r->helo && !is_plain(span_of(r->helo), NAME_MAX_OCTETS))
		return refuse(err, "helo: no name", span_of(r->helo));
	if (r->mail_from && !is_plain(span_of(r->mail_from), SENDER_MAX_OCTETS))
		return refuse(err, "mail-from: no sender", span_of(r->mail_from));
	if (check_signer(r, err) < 0)
		return -1;
	if (r->message.n > MAILAUTH_MESSAGE_MAX)
		return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_NEVER, 0,
		                 "a message of %zu octets is more than the %u that are judged",
		                 r->message.n, MAILAUTH_MESSAGE_MAX);
	if ((!r->resolvers.n && !r->sign_key) || r->resolvers.n > MAILAUTH_RESOLVERS_MAX)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "%zu resolvers: 1 to %u can be asked", r->resolvers.n,
		                 MAILAUTH_RESOLVERS_MAX);
	if (r->time_ms > MAILAUTH_TIME_MS_MAX)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
		                 "time-ms: %u is more than %u", r->time_ms, MAILAUTH_TIME_MS_MAX);
	return 0;
}

int mailauth_request_add(struct buf *out, const struct mailauth_request *r, struct error *err)
{
	if (check_values(r, err) < 0)
		return -1;
	buf_addf(out, FIRST_LINE "\ntime-ms %u\n", r->time_ms ? r->time_ms : MAILAUTH_TIME_MS);
	if (r->client)
		buf_addf(out, "client %s\n", r->client);
	if (r->helo)
		buf_addf(out, "helo %s\n", r->helo);
	if (r->mail_from)
		buf_addf(out, "mail-from %s\n", r->mail_from);
	if (r->sign_key)
		buf_addf(out, "sign-domain %s\nsign-selector %s\nsign-key %s\n", r->sign_domain,
		         r->sign_selector, r->sign_key);
	for (size_t i = 0; i < r->resolvers.n; i++)
		buf_addf(out, "resolver %s#%u\n", r->resolvers.rows[i].address,
		         r->resolvers.rows[i].port);
	for (size_t i = 0; i < ROWS(parts); i++)
		if (r->without & parts[i].part)
			buf_addf(out, "without %s\n", parts[i].name);
	buf_addf(out, "message %zu\n", r->message.n);
	buf_add_span(out, r->message);
	return 0;
}

/* ── reading ─────────────────────────────────────────────────────────────────────────────────── */

static int take_text(const char **place, const char *value, struct error *err)
{
	if (*place)
		return refuse(err, "given twice", span_of(value));
	*place = value;
	return 0;
}

static int take_time(struct mailauth_request *r, const char *value, struct error *err)
{
	uint64_t ms;

	if (r->time_ms || !text_parse_u64(value, &ms) || !ms || ms > MAILAUTH_TIME_MS_MAX)
		return refuse(err, "time-ms", span_of(value));
	r->time_ms = (unsigned)ms;
	return 0;
}

static int take_line(struct mailauth_request *r, const char *key, const char *value,
                     struct error *err)
{
	if (!strcmp(key, "client"))
		return take_text(&r->client, value, err);
	if (!strcmp(key, "helo"))
		return take_text(&r->helo, value, err);
	if (!strcmp(key, "mail-from"))
		return take_text(&r->mail_from, value, err);
	if (!strcmp(key, "sign-domain"))
		return take_text(&r->sign_domain, value, err);
	if (!strcmp(key, "sign-selector"))
		return take_text(&r->sign_selector, value, err);
	if (!strcmp(key, "sign-key"))
		return take_text(&r->sign_key, value, err);
	if (!strcmp(key, "time-ms"))
		return take_time(r, value, err);
	if (!strcmp(key, "resolver") && r->resolvers.n < MAILAUTH_RESOLVERS_MAX)
		return dns_servers_add_text(&r->resolvers, value, err);
	if (!strcmp(key, "without")) {
		enum mailauth_part part = mailauth_part_find(span_of(value));

		r->without |= part;
		return part ? 0 : refuse(err, "no such part", span_of(value));
	}
	return refuse(err, "no such line, or too many of it", span_of(key));
}

/* The lines are in `store`, each ended by a NUL by now. 0, or -1 with the line's number told. */
static int take_lines(char *at, const char *end, struct mailauth_request *r, struct error *err)
{
	unsigned line = 1;

	for (; at < end; at += strlen(at) + 1, line++) {
		char *value = strchr(at, ' ');

		if (line == 1) {
			if (strcmp(at, FIRST_LINE) != 0)
				return refuse(err, "line 1: no request", span_of(at));
			continue;
		}
		if (!value)
			return refuse(err, "a line without a value", span_of(at));
		*value = '\0';
		if (take_line(r, at, value + 1, err) < 0)
			return error_context(err, "line %u", line);
		*value = ' ';
		/* the value stays where it is; the key's end is put back for strlen() above */
	}
	return line > 1 ? 0 : refuse(err, "line 1: no request", span_of(""));
}

/* Finds "message N"; *lines is what stands before it. */
static int find_message(struct span all, struct span *lines, struct span *message,
                        struct error *err)
{
	struct span rest = all, line;

	while (span_next_line(&rest, &line)) {
		uint64_t n;

		if ((size_t)(rest.p - all.p) > MAILAUTH_HEAD_MAX)
			break;
		if (!span_starts(line, "message "))
			continue;
		if (!span_parse_u64(span_from(line, 8), &n) || n != rest.n ||
		    n > MAILAUTH_MESSAGE_MAX)
			return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_NEVER, 0,
			                 "the message's length: %zu octets are there", rest.n);
		*lines = (struct span){ all.p, (size_t)(line.p - all.p) };
		*message = rest;
		return 0;
	}
	return error_set(err, ERROR_SCOPE_MESSAGE, ERROR_RETRY_NEVER, 0,
	                 "no \"message N\" in the first %u octets", MAILAUTH_HEAD_MAX);
}

int mailauth_request_parse(struct span all, struct buf *store, struct mailauth_request *out,
                           struct error *err)
{
	AUTO_MAILAUTH_REQUEST struct mailauth_request r = { 0 };
	struct span lines;

	if (find_message(all, &lines, &r.message, err) < 0)
		return -1;
	for (size_t i = 0; i < lines.n; i++)
		if (((unsigned char)lines.p[i] < ' ' && lines.p[i] != '\n') || lines.p[i] == 127)
			return refuse(err, "a control octet in the request", lines);
	buf_reset(store);
	buf_add_span(store, lines);
	for (size_t i = 0; i < store->n; i++)
		if (store->p[i] == '\n')
			store->p[i] = '\0';
	if (take_lines(store->p, store->p + store->n, &r, err) < 0 || check_values(&r, err) < 0)
		return -1;
	mailauth_request_fini(out);
	*out = r;
	r = (struct mailauth_request){ 0 };
	return 0;
}

void mailauth_add_wire(struct span stored, struct buf *out)
{
	struct span rest = stored;
	const char *lf;

	if (span_find_text(stored, "\r\n") >= 0) {
		buf_add_span(out, stored);
		return;
	}
	while (rest.n && (lf = memchr(rest.p, '\n', rest.n))) {
		buf_add(out, rest.p, (size_t)(lf - rest.p));
		buf_add(out, "\r\n", 2);
		rest = span_from(rest, (size_t)(lf - rest.p) + 1);
	}
	buf_add_span(out, rest);
}
