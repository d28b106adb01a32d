/* SPDX-License-Identifier: BSD-2-Clause */

/* step_judge -- what went out, as its receivers would see it. */

#include "rehearse/steps.h"

#include "rehearse/internet.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <string.h>

/* Whether a name leads to an address, in the pretended internet. */
static bool leads_to(const struct zonebook *b, const char *name, const char *address)
{
	unsigned type = strchr(address, ':') ? DNS_AAAA : DNS_A;
	const struct dns_set *set = zonebook_find(b, name, type);
	const struct dns_set *alias = set ? NULL : zonebook_find(b, name, DNS_CNAME);

	if (alias)
		set = zonebook_find(b, alias->data.rows[0], type);
	return set && strings_has(&set->data, address);
}

static bool leads_here(const struct rehearsal *r, const char *name)
{
	for (size_t i = 0; i < r->plan->served.n; i++)
		if (leads_to(&r->plan->book, name, r->plan->served.rows[i]))
			return true;
	return false;
}

/* RFC 5322 section 3.6: how often each of these has to stand there, and may. */
static void judge_header(struct rehearsal *r, const struct caught *c)
{
	static const struct {
		const char *name;
		unsigned least;
	} rows[] = { { "Date:", 1 },    { "From:", 1 },   { "Message-ID:", 1 }, { "To:", 0 },
		     { "Subject:", 0 }, { "Sender:", 0 }, { "Reply-To:", 0 } };
	unsigned found[ROWS(rows)] = { 0 };
	struct span rest = buf_span(&c->message), line;

	while (span_next_line(&rest, &line) && line.n)
		for (size_t i = 0; i < ROWS(rows); i++)
			found[i] += span_starts_nocase(line, rows[i].name);
	for (size_t i = 0; i < ROWS(rows); i++)
		if (found[i] > 1 || found[i] < rows[i].least)
			FAIL(r, "out.header", c->sender, "%s stands there %u times", rows[i].name,
			     found[i]);
}

/* Where it is offered, mail goes by TLS, with whatever certificate: RFC 7435 section 3, RFC 8314. */
static void judge_tls(struct rehearsal *r, const struct caught *c)
{
	AUTO_FREE char *how = xasprintf("mail goes out by %s, %s", c->tls, c->cipher);

	if (*c->tls && !strings_has(&r->result->notes, how))
		strings_add(&r->result->notes, how);
	if (c->offered && !*c->tls)
		FAIL(r, "out.tls", r->plan->hostname,
		     "mail goes out in clear to a server that offers STARTTLS");
}

static void judge(struct rehearsal *r, const struct caught *c)
{
	const struct rehearse_caught m = { c->client, c->helo, c->sender, c->recipient,
		                           buf_span(&c->message) };
	const char *at = strrchr(c->sender, '@'), *domain = at ? at + 1 : c->sender;
	bool ours = strings_has(&r->plan->served, c->client);
	struct rehearse_verdict v = { 0 };

	r->asked++;
	if (!ours)
		FAIL(r, "out.address", c->client,
		     "mail goes out by an address that is none of those "
		     "which mail comes to");
	if (ours ? !leads_to(&r->plan->book, c->helo, c->client) : !leads_here(r, c->helo))
		FAIL(r, "out.helo", c->helo, "HELO says a name that does not lead to %s",
		     ours ? c->client : "this host");
	judge_tls(r, c);
	judge_header(r, c);
	/* SPF, DKIM and DMARC as a receiver's own libraries see them */
	if (r->options->judge)
		r->options->judge(&m, INTERNET_RESOLVER, &v);
	/* What a domain publishes is the same for all who send in its name. Of an address that mail should not
	 * go out by, SPF has nothing new to tell. */
	for (size_t i = 0; ours && i < v.wrong.n; i++)
		FAIL(r, "out.verdict", domain, "%s", v.wrong.rows[i]);
	/* nobody else has signed it yet; SPF may still carry it, until somebody passes it on */
	for (size_t i = 0; i < v.signatures.n; i++)
		FAIL(r, "out.dkim", domain, "a signature does not pass, %s", v.signatures.rows[i]);
	strings_fini(&v.wrong);
	strings_fini(&v.signatures);
}

/* Which message from outside it was, by its Message-ID: the sender may be rewritten on the way. Lists
 * have their own ways, and a report only quotes. */
static const struct sent *passed_on(const struct rehearsal *r, const struct caught *c)
{
	AUTO_FREE char *mark = xasprintf("\r\nMessage-ID: <rehearsal.%u.in.", r->run);
	struct span head = buf_span(&c->message), number = { 0 };
	ssize_t end = span_find_text(head, "\r\n\r\n"), at;
	uint64_t n;

	if (end < 0)
		return NULL;
	head.n = (size_t)end;
	at = span_find_text(head, mark);
	if (at < 0 || span_find_text(head, "\r\nList-Id:") >= 0)
		return NULL;
	head = span_from(head, (size_t)at + strlen(mark));
	span_next_part(&head, '@', &number);
	return span_parse_u64(number, &n) && n < r->in.n ? &r->in.rows[n] : NULL;
}

/* SPF is its sender's, who does not name this host; what is left is the signature (RFC 7960 section 2.1):
 * whoever passes mail on must not change what is signed. */
static void judge_passed_on(struct rehearsal *r, const struct caught *c, const struct sent *s)
{
	const struct rehearse_caught m = { c->client, c->helo, c->sender, c->recipient,
		                           buf_span(&c->message) };
	struct rehearse_verdict v = { 0 };

	r->asked++;
	if (r->options->judge && r->signing->key)
		r->options->judge(&m, INTERNET_RESOLVER, &v);
	for (size_t i = 0; i < v.wrong.n; i++)
		FAIL(r, "out.forward", s->to, "passed on to %s it would be refused: %s",
		     c->recipient, v.wrong.rows[i]);
	strings_fini(&v.wrong);
	strings_fini(&v.signatures);
}

/* What was sent by step_out(), and what step_letters() sent and is passed on; answers are others' words. */
void step_judge(struct rehearsal *r)
{
	for (unsigned i = 1; i <= r->result->caught; i++) {
		AUTO_CAUGHT struct caught c = { 0 };
		const struct sent *s;

		if (!caught_read(r->options->folder, i, &c) || !*c.sender)
			continue;
		s = passed_on(r, &c);
		if (s)
			judge_passed_on(r, &c, s);
		else if (!strncmp(c.recipient, "accept+", 7) ||
		         !strncmp(c.recipient, "greylist+", 9))
			judge(r, &c);
	}
}
