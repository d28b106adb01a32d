/* SPDX-License-Identifier: BSD-2-Clause */
#include "smtp/xclient.h"

#include "base/memory.h"
#include "smtp/address.h"
#include "smtp/xtext.h"

#include <arpa/inet.h>
#include <string.h>

#define LINE_MAX_SAID 510u /* RFC 5321 section 4.5.3.1.4, without CRLF */

static const char unavailable[] = "[UNAVAILABLE]", unavailable_now[] = "[TEMPUNAVAIL]";

/* Decodes the value; *out is "" when it is one of the two that say "none". */
static bool read_text(struct span value, char *out, size_t room)
{
	if (!smtp_xtext_decode(value, out, room))
		return false;
	if (!strcasecmp(out, unavailable) || !strcasecmp(out, unavailable_now))
		out[0] = 0;
	return true;
}

static bool read_host(struct span value, char out[256])
{
	return read_text(value, out, 256) && (!*out || smtp_host_good(span_of(out)));
}

static bool read_name(struct span value, struct smtp_xclient *x)
{
	if (!read_host(value, x->name))
		return false;
	if (*x->name)
		x->name_state = SMTP_NAME_KNOWN;
	else
		x->name_state = span_is_nocase(value, unavailable_now) ? SMTP_NAME_FAILED
		                                                       : SMTP_NAME_NONE;
	return true;
}

static bool read_address(struct span value, struct smtp_endpoint *at)
{
	char text[64];
	struct in6_addr six;
	struct in_addr four;

	if (!read_text(value, text, sizeof text))
		return false;
	at->address[0] = 0;
	if (!*text)
		return true;
	if (strncasecmp(text, "IPV6:", 5) != 0)
		return inet_pton(AF_INET, text, &four) == 1 &&
		       inet_ntop(AF_INET, &four, at->address, sizeof at->address);
	if (inet_pton(AF_INET6, text + 5, &six) != 1)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(&six))
		return inet_ntop(AF_INET, six.s6_addr + 12, at->address, sizeof at->address);
	return inet_ntop(AF_INET6, &six, at->address, sizeof at->address);
}

static bool read_port(struct span value, uint16_t *port)
{
	char text[32];
	uint64_t number;

	if (!read_text(value, text, sizeof text))
		return false;
	*port = 0;
	if (!*text)
		return true;
	if (!text_parse_u64(text, &number) || number == 0 || number > 65535)
		return false;
	*port = (uint16_t)number;
	return true;
}

static bool read_protocol(struct span value, bool *esmtp)
{
	*esmtp = span_is_nocase(value, "ESMTP");
	return *esmtp || span_is_nocase(value, "SMTP");
}

/* In the order of their bits. */
static const char *const names[] = { "NAME", "ADDR",  "PORT",     "PROTO",
	                             "HELO", "LOGIN", "DESTADDR", "DESTPORT" };

static bool read_attribute(unsigned attribute, struct span value, struct smtp_xclient *x)
{
	switch ((enum smtp_xclient_attribute)attribute) {
	case SMTP_XCLIENT_NAME:
		return read_name(value, x);
	case SMTP_XCLIENT_ADDR:
		return read_address(value, &x->from);
	case SMTP_XCLIENT_PORT:
		return read_port(value, &x->from.port);
	case SMTP_XCLIENT_PROTO:
		return read_protocol(value, &x->esmtp);
	case SMTP_XCLIENT_HELO:
		return read_host(value, x->helo);
	case SMTP_XCLIENT_LOGIN:
		return read_text(value, x->login, sizeof x->login);
	case SMTP_XCLIENT_DESTADDR:
		return read_address(value, &x->to);
	case SMTP_XCLIENT_DESTPORT:
		return read_port(value, &x->to.port);
	case SMTP_XCLIENT_ALL:
		break;
	}
	return false;
}

static unsigned find_name(struct span name)
{
	for (unsigned i = 0; i < ROWS(names); i++)
		if (span_is_nocase(name, names[i]))
			return 1u << i;
	return 0;
}

bool smtp_xclient_parse(struct span arguments, struct smtp_xclient *out)
{
	struct span word;

	out->given = 0;
	out->from = out->to = (struct smtp_endpoint){ 0 };
	while (span_next_word(&arguments, &word)) {
		struct span name, value = word;
		unsigned attribute;

		(void)span_next_part(&value, '=', &name);
		attribute = find_name(name);
		if (!value.p || !attribute || out->given & attribute ||
		    !read_attribute(attribute, value, out))
			return false;
		out->given |= attribute;
	}
	return out->given;
}

static void set(char **text, const char *value)
{
	smtp_text_set(text, *value ? span_of(value) : (struct span){ 0 });
}

void smtp_xclient_apply(const struct smtp_xclient *x, struct smtp_peer *peer)
{
	if (x->given & SMTP_XCLIENT_NAME) {
		peer->name_state = x->name_state;
		set(&peer->name, x->name);
	}
	if (x->given & SMTP_XCLIENT_ADDR)
		memcpy(peer->from.address, x->from.address, sizeof peer->from.address);
	if (x->given & SMTP_XCLIENT_PORT)
		peer->from.port = x->from.port;
	if (x->given & SMTP_XCLIENT_PROTO)
		peer->esmtp = x->esmtp;
	if (x->given & SMTP_XCLIENT_HELO)
		set(&peer->helo, x->helo);
	if (x->given & SMTP_XCLIENT_LOGIN)
		set(&peer->login, x->login);
	if (x->given & SMTP_XCLIENT_DESTADDR)
		memcpy(peer->to.address, x->to.address, sizeof peer->to.address);
	if (x->given & SMTP_XCLIENT_DESTPORT)
		peer->to.port = x->to.port;
}

unsigned smtp_xclient_offered(struct span list)
{
	struct span word;
	unsigned offered = 0;

	while (span_next_word(&list, &word))
		offered |= find_name(word);
	return offered;
}

/* ── making ──────────────────────────────────────────────────────────────────────────────────── */

static void add_text(struct buf *out, const char *text)
{
	if (text && *text)
		smtp_xtext_add(out, span_of(text));
	else
		buf_add_text(out, unavailable);
}

static void add_address(struct buf *out, const char *address)
{
	if (strchr(address, ':'))
		buf_add_text(out, "IPV6:");
	add_text(out, address);
}

static void add_port(struct buf *out, uint16_t port)
{
	if (port)
		buf_addf(out, "%u", port);
	else
		buf_add_text(out, unavailable);
}

static void add_value(struct buf *out, enum smtp_xclient_attribute attribute,
                      const struct smtp_peer *peer)
{
	switch (attribute) {
	case SMTP_XCLIENT_NAME:
		/* not left out: the server would go on to take its name of us for the client's */
		if (peer->name_state == SMTP_NAME_FAILED || peer->name_state == SMTP_NAME_UNASKED)
			buf_add_text(out, unavailable_now);
		else
			add_text(out, peer->name);
		break;
	case SMTP_XCLIENT_ADDR:
		add_address(out, peer->from.address);
		break;
	case SMTP_XCLIENT_PORT:
		add_port(out, peer->from.port);
		break;
	case SMTP_XCLIENT_PROTO:
		buf_add_text(out, peer->esmtp ? "ESMTP" : "SMTP");
		break;
	case SMTP_XCLIENT_HELO:
		add_text(out, peer->helo);
		break;
	case SMTP_XCLIENT_LOGIN:
		add_text(out, peer->login);
		break;
	case SMTP_XCLIENT_DESTADDR:
		add_address(out, peer->to.address);
		break;
	case SMTP_XCLIENT_DESTPORT:
		add_port(out, peer->to.port);
		break;
	case SMTP_XCLIENT_ALL:
		break;
	}
}

unsigned smtp_xclient_add(struct buf *out, const struct smtp_peer *peer, unsigned offered)
{
	AUTO_BUF struct buf one = { 0 };
	unsigned commands = 0;
	size_t line = 0; /* octets of the command under way */

	for (unsigned i = 0; i < ROWS(names); i++) {
		if (!(offered & 1u << i))
			continue;
		buf_reset(&one);
		buf_addf(&one, " %s=", names[i]);
		add_value(&one, 1u << i, peer);
		if (commands == 0 || line + one.n > LINE_MAX_SAID) {
			buf_add_text(out, commands ? "\r\nXCLIENT" : "XCLIENT");
			line = strlen("XCLIENT");
			commands++;
		}
		buf_add_span(out, buf_span(&one));
		line += one.n;
	}
	if (commands)
		buf_add_text(out, "\r\n");
	return commands;
}
