/* SPDX-License-Identifier: BSD-2-Clause */
#include "check/letter.h"

#include "base/clock.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

bool letter_may_go(const struct check_asking *a, struct buf *seen)
{
	if (!a->site->may_send)
		buf_add_text(seen, "asked only with --send: it sends mail");
	else if (!a->site->config->check.recipient)
		buf_add_text(seen,
		             "nobody is named who may get test mail: check.recipient in move.yaml");
	return a->site->may_send && a->site->config->check.recipient;
}

const char *letter_sender(const struct check_asking *a)
{
	const struct config *c = a->site->config;

	return c->check.sender ? c->check.sender : c->canary.mailbox ? c->canary.mailbox : "";
}

void letter_begin(struct buf *out, const char *from, const char *to, const char *subject)
{
	time_t now = (time_t)(clock_wall_ms() / 1000);
	char date[64] = "", host[256] = "";
	unsigned char number[8] = { 0 };
	struct tm tm;

	if (gmtime_r(&now, &tm))
		(void)strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &tm);
	(void)!getrandom(number, sizeof number, 0);
	(void)gethostname(host, sizeof host - 1);
	buf_addf(out, "From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <", from,
	         to, subject, date);
	buf_add_hex(out, number, sizeof number);
	buf_addf(out, "@%s>\r\n\r\n", *host ? host : "localhost");
}
