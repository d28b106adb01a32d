/* SPDX-License-Identifier: BSD-2-Clause */
#include "smtp/proxy.h"

#include <arpa/inet.h>
#include <string.h>

#define V1_MAX 107u /* with CRLF */
#define V2_HEAD 16u

static const char v2_sign[12] = { '\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n' };

enum { V2_LOCAL = 0x20, V2_PROXY = 0x21, V2_TCP4 = 0x11, V2_TCP6 = 0x21 };

/* ── reading ─────────────────────────────────────────────────────────────────────────────────── */

static bool set_address(int family, const void *raw, struct smtp_endpoint *at)
{
	struct in6_addr six = { 0 };

	memcpy(&six, raw, family == AF_INET ? 4 : 16); /* it may lie anywhere */
	if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six))
		return inet_ntop(AF_INET, six.s6_addr + 12, at->address, sizeof at->address);
	return inet_ntop(family, &six, at->address, sizeof at->address);
}

static bool read_v1_address(struct span word, int family, struct smtp_endpoint *at)
{
	char text[46] = "";
	struct in6_addr raw;

	if (word.n >= sizeof text)
		return false;
	memcpy(text, word.p, word.n);
	return inet_pton(family, text, &raw) == 1 && set_address(family, &raw, at);
}

static bool read_v1_port(struct span word, struct smtp_endpoint *at)
{
	uint64_t port;

	if (word.n > 5 || !span_parse_u64(word, &port) || port > 65535)
		return false;
	at->port = (uint16_t)port;
	return true;
}

/* The line behind "PROXY ", without CRLF. Exactly one blank stands between two words. */
static int read_v1_line(struct span line, struct smtp_proxy *out)
{
	struct span word[5] = { 0 };
	size_t n = 0;
	int family;

	if (span_is(line, "UNKNOWN") || span_starts(line, "UNKNOWN ")) {
		out->local = true;
		return 1;
	}
	while (n < ROWS(word) && span_next_part(&line, ' ', &word[n]))
		n++;
	if (n != ROWS(word) || line.p)
		return -1;
	if (span_is(word[0], "TCP4"))
		family = AF_INET;
	else if (span_is(word[0], "TCP6"))
		family = AF_INET6;
	else
		return -1;
	return read_v1_address(word[1], family, &out->from) &&
	                       read_v1_address(word[2], family, &out->to) &&
	                       read_v1_port(word[3], &out->from) && read_v1_port(word[4], &out->to)
	               ? 1
	               : -1;
}

static int read_v1(struct span input, struct smtp_proxy *out, size_t *used)
{
	struct span window = { input.p, input.n < V1_MAX ? input.n : V1_MAX };
	ssize_t lf = span_find(window, '\n');

	if (lf < 0)
		return input.n < V1_MAX ? 0 : -1;
	if (input.p[lf - 1] != '\r') /* "PROXY " is before it */
		return -1;
	*used = (size_t)lf + 1;
	return read_v1_line((struct span){ input.p + 6, (size_t)lf - 1 - 6 }, out);
}

static uint16_t number16(const char *p)
{
	return (uint16_t)((unsigned char)p[0] << 8 | (unsigned char)p[1]);
}

static int read_v2(struct span input, struct smtp_proxy *out, size_t *used)
{
	unsigned char kind, family;
	size_t length, size;

	if (input.n < V2_HEAD)
		return 0;
	kind = (unsigned char)input.p[12];
	family = (unsigned char)input.p[13];
	length = number16(input.p + 14);
	if ((kind != V2_LOCAL && kind != V2_PROXY) || V2_HEAD + length > SMTP_PROXY_MAX)
		return -1;
	if (input.n < V2_HEAD + length)
		return 0;
	*used = V2_HEAD + length;
	/* what is no TCP has no address that means anything here; the specification lets it pass */
	out->local = kind == V2_LOCAL || (family != V2_TCP4 && family != V2_TCP6);
	if (out->local)
		return 1;
	size = family == V2_TCP4 ? 4 : 16;
	if (length < 2 * size + 4)
		return -1;
	input = span_from(input, V2_HEAD);
	(void)set_address(size == 4 ? AF_INET : AF_INET6, input.p, &out->from);
	(void)set_address(size == 4 ? AF_INET : AF_INET6, input.p + size, &out->to);
	out->from.port = number16(input.p + 2 * size);
	out->to.port = number16(input.p + 2 * size + 2);
	return 1;
}

/* How it begins, as far as it goes. */
static bool begins(struct span input, const char *sign, size_t size)
{
	return memcmp(input.p, sign, input.n < size ? input.n : size) == 0;
}

int smtp_proxy_read(struct span input, struct smtp_proxy *out, size_t *used)
{
	*out = (struct smtp_proxy){ 0 };
	*used = 0;
	if (!input.n)
		return 0;
	if (begins(input, v2_sign, sizeof v2_sign))
		return read_v2(input, out, used);
	if (!begins(input, "PROXY ", 6))
		return -1;
	return input.n < 6 ? 0 : read_v1(input, out, used);
}

/* ── making ──────────────────────────────────────────────────────────────────────────────────── */

/* AF_INET, AF_INET6, or 0 when the two are not of one family. */
static int common_family(const struct smtp_endpoint *from, const struct smtp_endpoint *to,
                         unsigned char raw[2][16])
{
	for (size_t i = 0; i < 2; i++)
		memset(raw[i], 0, 16);
	if (inet_pton(AF_INET, from->address, raw[0]) == 1)
		return inet_pton(AF_INET, to->address, raw[1]) == 1 ? AF_INET : 0;
	if (inet_pton(AF_INET6, from->address, raw[0]) == 1)
		return inet_pton(AF_INET6, to->address, raw[1]) == 1 ? AF_INET6 : 0;
	return 0;
}

static void add_number16(struct buf *out, size_t number)
{
	buf_add_char(out, (char)(number >> 8 & 255));
	buf_add_char(out, (char)(number & 255));
}

void smtp_proxy_add(struct buf *out, unsigned version, const struct smtp_endpoint *from,
                    const struct smtp_endpoint *to)
{
	unsigned char raw[2][16];
	int family = common_family(from, to, raw);
	size_t size = family == AF_INET ? 4 : 16;

	if (version == 1 && !family) {
		buf_add_text(out, "PROXY UNKNOWN\r\n");
	} else if (version == 1) {
		buf_addf(out, "PROXY %s %s %s %u %u\r\n", family == AF_INET ? "TCP4" : "TCP6",
		         from->address, to->address, from->port, to->port);
	} else {
		buf_add(out, v2_sign, sizeof v2_sign);
		buf_add_char(out, family ? V2_PROXY : V2_LOCAL);
		buf_add_char(out, !family ? 0 : family == AF_INET ? V2_TCP4 : V2_TCP6);
		add_number16(out, family ? 2 * size + 4 : 0);
		if (!family)
			return;
		buf_add(out, raw[0], size);
		buf_add(out, raw[1], size);
		add_number16(out, from->port);
		add_number16(out, to->port);
	}
}
