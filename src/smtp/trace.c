/* SPDX-License-Identifier: BSD-2-Clause */
#include "smtp/trace.h"

#include "smtp/address.h"

#include <string.h>
#include <time.h>

/* What stands where RFC 5322 wants an atom or a domain: nothing of it may end a comment or a
 * line. */
static void add_harmless(struct buf *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		buf_add_char(out, c <= ' ' || c == 127 || strchr("()<>;,\\\"", c) ? '?' : (char)c);
	}
}

static const char *protocol(const struct smtp_peer *peer, const struct smtp_envelope *envelope)
{
	bool tls = peer->tls_version != NULL;

	if (envelope->utf8) /* RFC 6531 section 4.3 */
		return tls ? "UTF8SMTPS" : "UTF8SMTP";
	if (!peer->esmtp)
		return "SMTP";
	return tls ? "ESMTPS" : "ESMTP"; /* RFC 3848 */
}

/* RFC 5322 section 3.3; never in the words of a locale. */
static void add_date(struct buf *out, int64_t ms)
{
	static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
		                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm = { 0 };

	gmtime_r(&seconds, &tm);
	buf_addf(out, "%s, %d %s %d %02d:%02d:%02d +0000", days[tm.tm_wday], tm.tm_mday,
	         months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void add_client(struct buf *out, const struct smtp_peer *peer)
{
	const char *address = *peer->from.address ? peer->from.address : "unknown";

	buf_add_text(out, "Received: from ");
	add_harmless(out, peer->helo && *peer->helo ? peer->helo : "unknown");
	buf_add_text(out, " (");
	add_harmless(out, peer->name && *peer->name ? peer->name : "unknown");
	buf_add_text(out, strchr(address, ':') ? " [IPv6:" : " [");
	add_harmless(out, address);
	buf_add_text(out, "])\r\n");
}

void smtp_trace_add(struct buf *out, const struct smtp_peer *peer,
                    const struct smtp_envelope *envelope, const char *us, const char *id)
{
	add_client(out, peer);
	if (peer->tls_version) {
		buf_add_text(out, "\t(using ");
		add_harmless(out, peer->tls_version);
		buf_add_text(out, " with cipher ");
		add_harmless(out, peer->tls_cipher ? peer->tls_cipher : "unknown");
		buf_add_text(out, ")\r\n");
	}
	buf_add_text(out, "\tby ");
	add_harmless(out, us);
	buf_addf(out, " with %s id ", protocol(peer, envelope));
	add_harmless(out, id);
	if (envelope->recipients_n == 1) {
		struct smtp_address a;

		/* a plain one only: RFC 5321 section 7.2 asks for no more than is needed */
		if (!smtp_address_parse(span_of(envelope->recipients[0].address), &a) &&
		    !a.quoted) {
			buf_add_text(out, "\r\n\tfor ");
			smtp_path_add(out, a.text);
		}
	}
	buf_add_text(out, ";\r\n\t");
	add_date(out, peer->arrived_ms);
	buf_add_text(out, "\r\n");
}
