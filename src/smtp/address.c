/* SPDX-License-Identifier: BSD-2-Clause */
#include "smtp/address.h"

#include <arpa/inet.h>
#include <string.h>

/* ── octets ──────────────────────────────────────────────────────────────────────────────────── */

static bool is_letter_or_digit(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 5321 atext and '.', and RFC 6531's octets above 127. */
static bool is_local(unsigned char c)
{
	return is_letter_or_digit(c) || c > 127 || (c && strchr("!#$%&'*+-/=?^_`{|}~.", c));
}

/* '_' is no letter of a host name, but stands in real ones. */
static bool is_domain(unsigned char c)
{
	return is_letter_or_digit(c) || c > 127 || c == '-' || c == '_';
}

/* Octets that the sequence beginning with `c` has; 0 when none begins so. */
static size_t sequence_length(unsigned char c)
{
	return c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
}

/* RFC 3629 section 4, and none of the control characters U+0080 to U+009F. */
static bool is_utf8(struct span s)
{
	while (s.n) {
		const unsigned char *p = (const unsigned char *)s.p;
		size_t n = sequence_length(p[0]);

		if (n == 0 || n > s.n)
			return false;
		for (size_t i = 1; i < n; i++)
			if ((p[i] & 0xc0) != 0x80)
				return false;
		if ((p[0] == 0xc2 && p[1] < 0xa0) || (p[0] == 0xe0 && p[1] < 0xa0) ||
		    (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
		    (p[0] == 0xf4 && p[1] > 0x8f))
			return false;
		s = span_from(s, n);
	}
	return true;
}

/* No control octets; sets *utf8 when there are any above 127. */
static enum smtp_address_fault check_octets(struct span text, bool *utf8)
{
	*utf8 = false;
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c < ' ' || c == 127)
			return SMTP_ADDRESS_SYNTAX;
		if (c > 127)
			*utf8 = true;
	}
	return *utf8 && !is_utf8(text) ? SMTP_ADDRESS_UTF8 : SMTP_ADDRESS_GOOD;
}

/* ── pieces ──────────────────────────────────────────────────────────────────────────────────── */

/* Octets of the quoted string at the beginning, with its quotes; 0 when it has no end. */
static size_t quoted_length(struct span text)
{
	for (size_t i = 1; i < text.n; i++) {
		if (text.p[i] == '\\')
			i++;
		else if (text.p[i] == '"')
			return i + 1;
	}
	return 0;
}

static size_t local_length(struct span text)
{
	size_t n = 0;

	while (n < text.n && is_local((unsigned char)text.p[n]))
		n++;
	return n;
}

static bool is_literal(struct span domain)
{
	if (domain.n < 3 || domain.p[0] != '[' || domain.p[domain.n - 1] != ']')
		return false;
	for (size_t i = 1; i + 1 < domain.n; i++)
		if (domain.p[i] == ' ' || strchr("[]\\<>\"", domain.p[i]) || domain.p[i] & 0x80)
			return false;
	return true;
}

/* Labels with one dot between; a dot at the end is let through. */
static bool is_name(struct span domain)
{
	bool in_label = false;

	for (size_t i = 0; i < domain.n; i++) {
		if (domain.p[i] == '.') {
			if (!in_label)
				return false;
			in_label = false;
		} else if (is_domain((unsigned char)domain.p[i])) {
			in_label = true;
		} else {
			return false;
		}
	}
	return domain.n > 1 || in_label;
}

enum smtp_address_fault smtp_address_parse(struct span text, struct smtp_address *out)
{
	enum smtp_address_fault fault;
	size_t local;

	*out = (struct smtp_address){ .text = text };
	if (!text.n)
		return SMTP_ADDRESS_SYNTAX;
	if (text.n > SMTP_ADDRESS_MAX)
		return SMTP_ADDRESS_TOO_LONG;
	fault = check_octets(text, &out->utf8);
	if (fault)
		return fault;
	out->quoted = text.p[0] == '"';
	local = out->quoted ? quoted_length(text) : local_length(text);
	if (local == 0 || (local < text.n && text.p[local] != '@'))
		return SMTP_ADDRESS_SYNTAX;
	out->local = (struct span){ text.p, local };
	if (local > SMTP_LOCAL_MAX)
		return SMTP_ADDRESS_TOO_LONG;
	out->domain = (struct span){ text.p + local, 0 };
	if (local == text.n)
		return SMTP_ADDRESS_GOOD;
	out->domain = span_from(text, local + 1);
	if (out->domain.n > SMTP_DOMAIN_MAX)
		return SMTP_ADDRESS_TOO_LONG;
	out->literal = is_literal(out->domain);
	return out->literal || is_name(out->domain) ? SMTP_ADDRESS_GOOD : SMTP_ADDRESS_SYNTAX;
}

/* ── a path ──────────────────────────────────────────────────────────────────────────────────── */

/* Offset of `end` outside of quotes, or -1. */
static ssize_t find_unquoted(struct span text, char end)
{
	bool quoted = false;

	for (size_t i = 0; i < text.n; i++) {
		if (quoted && text.p[i] == '\\')
			i++;
		else if (text.p[i] == '"')
			quoted = !quoted;
		else if (!quoted && text.p[i] == end)
			return (ssize_t)i;
	}
	return -1;
}

/* RFC 5321 section 3.6.1 and appendix C: "@relay,@other:" is to be ignored. */
static bool drop_route(struct span *inner)
{
	bool in_literal = false;

	for (size_t i = 0; i < inner->n; i++) {
		unsigned char c = (unsigned char)inner->p[i];

		if (c == '[')
			in_literal = true;
		else if (c == ']')
			in_literal = false;
		else if (c == ':' && !in_literal) {
			*inner = span_from(*inner, i + 1);
			return true;
		} else if (!is_domain(c) && !strchr("@,.:", c ? c : ' '))
			return false;
	}
	return false;
}

enum smtp_address_fault smtp_path_parse(struct span *rest, struct smtp_address *out)
{
	bool bracketed = rest->n && rest->p[0] == '<';
	struct span inner = bracketed ? span_from(*rest, 1) : *rest;
	ssize_t end = find_unquoted(inner, bracketed ? '>' : ' ');

	if (bracketed && end < 0)
		return SMTP_ADDRESS_SYNTAX;
	if (end >= 0)
		inner.n = (size_t)end;
	*rest = span_from(*rest, inner.n + (bracketed ? 2 : 0));
	if (rest->n && rest->p[0] != ' ')
		return SMTP_ADDRESS_SYNTAX;
	if (bracketed && inner.n == 0) {
		*out = (struct smtp_address){ .text = inner, .local = inner, .domain = inner };
		return SMTP_ADDRESS_GOOD;
	}
	if (bracketed && inner.p[0] == '@' && !drop_route(&inner))
		return SMTP_ADDRESS_SYNTAX;
	return smtp_address_parse(inner, out);
}

void smtp_address_add_key(struct buf *out, const struct smtp_address *a)
{
	struct span local = a->local, domain = a->domain;

	if (a->quoted)
		local = (struct span){ local.p + 1, local.n - 2 };
	for (size_t i = 0; i < local.n; i++) {
		if (a->quoted && local.p[i] == '\\' && i + 1 < local.n)
			i++;
		buf_add_char(out, local.p[i]);
	}
	if (domain.n && domain.p[domain.n - 1] == '.')
		domain.n--;
	if (domain.n)
		buf_add_char(out, '@');
	for (size_t i = 0; i < domain.n; i++)
		buf_add_char(out, ascii_lower(domain.p[i]));
}

void smtp_path_add(struct buf *out, struct span address)
{
	buf_add_char(out, '<');
	buf_add_span(out, address);
	buf_add_char(out, '>');
}

bool smtp_literal_parse(struct span domain, char out[46])
{
	struct in6_addr raw;
	char text[46] = "";
	int family = AF_INET;

	if (!is_literal(domain))
		return false;
	domain = (struct span){ domain.p + 1, domain.n - 2 };
	if (span_starts_nocase(domain, "IPv6:")) {
		family = AF_INET6;
		domain = span_from(domain, 5);
	}
	if (domain.n >= sizeof text)
		return false;
	memcpy(text, domain.p, domain.n);
	return inet_pton(family, text, &raw) == 1 && inet_ntop(family, &raw, out, 46);
}

bool smtp_host_good(struct span host)
{
	bool utf8;

	return host.n && host.n <= SMTP_DOMAIN_MAX && span_find(host, ' ') < 0 &&
	       check_octets(host, &utf8) == SMTP_ADDRESS_GOOD;
}
