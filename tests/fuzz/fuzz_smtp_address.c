/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz.h"
#include "smtp/address.h"
#include "smtp/xclient.h"
#include "smtp/xtext.h"

#include <string.h>

#define HOLDS(what)                                                                                \
	do                                                                                         \
		if (!(what))                                                                       \
			__builtin_trap();                                                          \
	while (0)

static void check_path(struct span said)
{
	AUTO_BUF struct buf made = { 0 }, key = { 0 };
	struct smtp_address a, again;
	struct span rest = said;
	char literal[46];

	if (smtp_path_parse(&rest, &a) != SMTP_ADDRESS_GOOD)
		return;
	HOLDS(a.text.n <= SMTP_ADDRESS_MAX && rest.n <= said.n);
	for (size_t i = 0; i < a.text.n; i++)
		HOLDS((unsigned char)a.text.p[i] >= ' ' && a.text.p[i] != 127);
	/* what we make of it is read as the same, and by its end */
	smtp_path_add(&made, a.text);
	buf_add_text(&made, " X");
	rest = buf_span(&made);
	HOLDS(smtp_path_parse(&rest, &again) == SMTP_ADDRESS_GOOD && span_is(rest, " X"));
	HOLDS(span_equal(a.text, again.text) && span_equal(a.domain, again.domain));
	smtp_address_add_key(&key, &a);
	HOLDS(key.n <= a.text.n);
	(void)smtp_literal_parse(a.domain, literal);
}

static void check_xtext(struct span text)
{
	AUTO_BUF struct buf made = { 0 };
	char plain[300], again[300];

	if (!smtp_xtext_decode(text, plain, sizeof plain))
		return;
	HOLDS(smtp_xtext_good(text, false));
	smtp_xtext_add(&made, span_of(plain));
	HOLDS(smtp_xtext_decode(buf_span(&made), again, sizeof again) && !strcmp(plain, again));
}

static bool same(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

static void check_xclient(struct span said)
{
	struct smtp_peer peer = { 0 }, again = { 0 };
	AUTO_BUF struct buf made = { 0 };
	struct smtp_xclient x;
	struct span rest, line;

	if (!smtp_xclient_parse(said, &x))
		return;
	smtp_xclient_apply(&x, &peer);
	(void)smtp_xclient_add(&made, &peer, SMTP_XCLIENT_ALL);
	rest = buf_span(&made);
	while (span_next_line(&rest, &line)) {
		HOLDS(span_starts(line, "XCLIENT "));
		HOLDS(smtp_xclient_parse(span_from(line, 8), &x));
		smtp_xclient_apply(&x, &again);
	}
	HOLDS(same(peer.name, again.name) && same(peer.helo, again.helo));
	HOLDS(same(peer.login, again.login) && peer.esmtp == again.esmtp);
	HOLDS(same(peer.from.address, again.from.address) && peer.from.port == again.from.port);
	HOLDS(same(peer.to.address, again.to.address) && peer.to.port == again.to.port);
	smtp_peer_fini(&peer);
	smtp_peer_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span all = { (const char *)data, size };

	check_path(all);
	check_xtext(all);
	check_xclient(all);
	(void)smtp_host_good(all);
	return 0;
}
