/* SPDX-License-Identifier: BSD-2-Clause */

/* ask_dnsbl -- whether an address stands on a list of those whose mail others refuse (RFC 5782). */

#include "check/check.h"

#include "base/memory.h"
#include "check/records.h"

#include <arpa/inet.h>
#include <string.h>

#define REASON_MOST 160u

enum found {
	FOUND_NOT,
	FOUND_LISTED,
	FOUND_REFUSED, /* the list does not answer this resolver */
	FOUND_FALSE,   /* no list answers so: somebody lies */
	FOUND_UNKNOWN, /* nobody answers */
};

/* RFC 5782 section 5: 127.0.0.2 is always on a list, 127.0.0.1 never; for IPv6 the same, mapped. */
static const struct {
	const char *listed, *never;
} probes[] = {
	{ "127.0.0.2", "127.0.0.1" },
	{ "::ffff:7f00:2", "::ffff:7f00:1" },
};

/* 127.255.255.x is how lists tell whom they do not answer (spamhaus.org, "DNSBL return codes"). */
static const struct {
	const char *code, *words;
} refusals[] = {
	{ "127.255.255.252", "there is no list of that name" },
	{ "127.255.255.254",
	  "it answers no public resolver: name another as check.dnsbl_resolver" },
	{ "127.255.255.255", "the resolver has asked too often" },
};

static enum found found_by(const char *code, struct buf *words)
{
	buf_addf(words, "%s%s", words->n ? ", " : "", code);
	if (span_starts(span_of(code), "127.255.255.")) {
		for (size_t i = 0; i < ROWS(refusals); i++)
			if (!strcmp(refusals[i].code, code))
				buf_addf(words, ": %s", refusals[i].words);
		return FOUND_REFUSED;
	}
	return span_starts(span_of(code), "127.") ? FOUND_LISTED : FOUND_FALSE;
}

/* Asks for one address; `words` gets the codes, or why it is not known. */
static enum found look(const struct dns_servers *servers, const char *zone, const char *address,
                       struct buf *words)
{
	AUTO_ANSWER struct dns_answer got = { 0 };
	enum found all = FOUND_NOT;
	AUTO_BUF struct buf name = { 0 };
	struct error err = { 0 };

	if (!records_backwards(address, &name))
		return FOUND_UNKNOWN;
	buf_add_text(&name, zone);
	if (dns_resolve(servers, buf_text(&name), DNS_A, &got, &err) < 0) {
		buf_add_text(words, err.text);
		return FOUND_UNKNOWN;
	}
	for (size_t i = 0; i < got.answer.n; i++) {
		enum found one;

		if (got.answer.rows[i].type != DNS_A)
			continue;
		one = found_by(got.answer.rows[i].data, words);
		all = one > all ? one : all;
	}
	return all;
}

static void note(struct buf *seen, const char *zone, const char *what, const char *words)
{
	buf_addf(seen, "%s%s %s%s%s%s", seen->n ? "; " : "", zone, what, *words ? " (" : "", words,
	         *words ? ")" : "");
}

/* Whether what this list says by this resolver can be believed. */
static bool is_sound(const struct dns_servers *servers, const char *zone, bool six,
                     struct buf *seen)
{
	AUTO_BUF struct buf why = { 0 }, words = { 0 };
	enum found never = look(servers, zone, probes[six].never, &why);
	enum found listed;

	if (never != FOUND_NOT) {
		note(seen, zone,
		     never == FOUND_LISTED || never == FOUND_FALSE
		             ? "has every address, even 127.0.0.1: it is dead, or the resolver lies"
		             : "does not answer",
		     buf_text(&why));
		return false;
	}
	listed = look(servers, zone, probes[six].listed, &words);
	if (listed == FOUND_LISTED)
		return true;
	if (listed == FOUND_NOT && six)
		return note(seen, zone, "has no IPv6", ""), false;
	note(seen, zone,
	     listed == FOUND_NOT
	             ? "has not even 127.0.0.2: it is dead, or the resolver is not let in"
	             : "does not answer",
	     buf_text(&words));
	return false;
}

/* The list's own words for an address. */
static void add_reason(const struct dns_servers *servers, const char *zone, const char *address,
                       struct buf *out)
{
	AUTO_BUF struct buf name = { 0 }, words = { 0 };
	AUTO_ANSWER struct dns_answer got = { 0 };
	struct error none;

	(void)records_backwards(address, &name);
	buf_add_text(&name, zone);
	if (dns_resolve(servers, buf_text(&name), DNS_TXT, &got, &none) < 0)
		return;
	for (size_t i = 0; i < got.answer.n && !words.n; i++)
		if (got.answer.rows[i].type == DNS_TXT)
			dns_texts_join(span_of(got.answer.rows[i].data), &words);
	if (!words.n)
		return;
	buf_add_text(out, ": ");
	buf_add(out, words.p, words.n < REASON_MOST ? words.n : REASON_MOST);
}

static enum check_answer zone_of(const struct check_asking *a, const struct dns_servers *servers,
                                 const char *zone, struct buf *seen)
{
	const struct strings *addresses = &a->site->addresses[a->of];
	bool asked[2] = { false }, sound[2] = { false };
	enum check_answer all = CHECK_YES;

	for (size_t i = 0; i < addresses->n; i++) {
		const char *address = addresses->rows[i];
		bool six = strchr(address, ':') != NULL;
		AUTO_BUF struct buf words = { 0 };
		enum found found;

		if (!asked[six])
			sound[six] = is_sound(servers, zone, six, seen);
		asked[six] = true;
		if (!sound[six]) {
			/* a list without IPv6 has said so */
			all = all == CHECK_YES && !six ? CHECK_UNKNOWN : all;
			continue;
		}
		found = look(servers, zone, address, &words);
		if (found == FOUND_NOT)
			continue;
		if (found == FOUND_LISTED) {
			add_reason(servers, zone, address, &words);
			all = CHECK_NO;
		} else if (all == CHECK_YES) {
			all = CHECK_UNKNOWN;
		}
		buf_addf(seen, "%s%s %s %s: %s", seen->n ? "; " : "", address,
		         found == FOUND_LISTED ? "is on" : "asked of", zone, buf_text(&words));
	}
	return all;
}

enum check_answer check_dnsbl(const struct check_asking *a, struct buf *seen)
{
	const struct config_check *c = &a->site->config->check;
	AUTO_SERVERS struct dns_servers own = { 0 };
	enum check_answer all = CHECK_YES;
	struct error err = { 0 };

	if (!c->dnsbl_count) {
		buf_add_text(seen, "no list is named: check.dnsbl in move.yaml");
		return CHECK_SKIPPED;
	}
	if (!a->site->addresses[a->of].n) {
		buf_add_text(seen, "where its mail service is, is not known");
		return CHECK_UNKNOWN;
	}
	if (c->dnsbl_resolver && dns_servers_add_text(&own, c->dnsbl_resolver, &err) < 0)
		return check_not_told(seen, &err);
	for (unsigned i = 0; i < c->dnsbl_count; i++)
		all = check_worst(
			all, zone_of(a, own.n ? &own : &a->site->resolvers, c->dnsbl[i], seen));
	if (!seen->n)
		buf_addf(seen, "on none of %u", c->dnsbl_count);
	return all;
}
