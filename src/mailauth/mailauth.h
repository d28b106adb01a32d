/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * mailauth -- a message judged as a receiver judges it: SPF (RFC 7208), DKIM (RFC 6376, 8301,
 * 8463), DMARC (RFC 7489), and the form of its header.
 *
 * The libraries that receivers use (libspf2, libopendkim, libopendmarc) read hostile mail, so they
 * live in a program of their own, mailhaul-mailauth, which gives up all that it does not need
 * before it reads (mailauth/confine.h). mailauth_judge() starts it, once a message. Whatever
 * becomes of that program, the caller goes on: what it did not answer is MAILAUTH_UNKNOWN, and
 * `why` tells the reason.
 *
 * Whether HELO, PTR and address agree is a question about the host, not the message: `mailhaul
 * check`.
 *
 *	struct mailauth_request ask = { .client = "192.0.2.25", .helo = "mail.example.org",
 *		.mail_from = "alice@example.org", .message = octets };
 *	AUTO_MAILAUTH_VERDICT struct mailauth_verdict v = { 0 };
 *
 *	if (dns_servers_add_text(&ask.resolvers, "127.0.0.55", err) < 0 ||
 *	    mailauth_judge(&ask, &v, err) < 0)
 *		return -1;
 *	if (mailauth_accepts(&v) != MAILAUTH_PASS) ...
 *
 * Whether mail from an address would pass SPF, without any message: `without` everything but
 * MAILAUTH_SPF, `message` empty, and v.spf has the answer.
 */

#include "dns/dns.h"
#include "mailauth/form.h"
#include "mailauth/request.h"

enum mailauth_result {
	MAILAUTH_UNKNOWN = 0, /* not judged; `why` tells the reason */
	MAILAUTH_SKIPPED,     /* not asked for: SPF of a message whose client is not known */
	MAILAUTH_NONE,        /* nothing is published, or nothing signed */
	MAILAUTH_PASS,
	MAILAUTH_FAIL,
	MAILAUTH_SOFTFAIL, /* SPF only, as NEUTRAL */
	MAILAUTH_NEUTRAL,
	MAILAUTH_TEMPERROR, /* DNS did not answer */
	MAILAUTH_PERMERROR, /* what is published or signed can't be used */
};
const char *mailauth_result_name(enum mailauth_result result); /* "softfail" */

struct mailauth_spf {
	enum mailauth_result result;
	char *identity;   /* owned; "mailfrom", or "helo" when the sender is null */
	char *domain;     /* owned; that was looked up */
	unsigned lookups; /* terms that cost one (RFC 7208 section 4.6.4); 10 are allowed */
	unsigned voids;   /* look-ups that found nothing; 2 are allowed */
	char *why;        /* owned; a sentence, "" when there is nothing to say */
};

struct mailauth_signature {
	enum mailauth_result result;
	char *domain, *selector,
		*algorithm; /* owned; d=, s=, a=; "" where the signature lacks it */
	char *reason;       /* owned; "", or one word that stays: "body-hash"; mailhaul-judge(1) */
	char *why;          /* owned; the same as a sentence */
	unsigned key_bits;  /* 0 when no key was seen */
	bool whole;         /* false: l= is less than the body has octets, as it came */
	bool test;          /* the key's t=y: its owner is testing */
	bool covers_unsubscribe; /* List-Unsubscribe and List-Unsubscribe-Post (RFC 8058) */
};

struct mailauth_dmarc {
	enum mailauth_result result; /* PASS, FAIL, NONE, TEMPERROR, PERMERROR */
	char *domain;                /* owned; of From, "" when there is not just one */
	char *found_at; /* owned; the name that has the record, "" when there is none */
	char *policy; /* owned; in force for this message: "none", "quarantine", "reject", or "" */
	/* owned; what is done with the message: "none", "quarantine", "reject". pct= is not rolled
	 * for: this is what a receiver does with those that it picks */
	char *disposition;
	unsigned pct;                   /* that are picked, of 100 */
	bool spf_aligned, dkim_aligned; /* passed, and for From's own domain */
	char *why;                      /* owned */
};

struct mailauth_verdict {
	struct mailauth_form form; /* read when form_known */
	bool form_known;
	struct mailauth_spf spf;
	struct mailauth_signature *signatures; /* owned; in the order of the header */
	size_t signatures_n, signatures_room;
	enum mailauth_result dkim; /* PASS when one of them passes; NONE when there are none */
	char *dkim_why;            /* owned */
	struct mailauth_dmarc dmarc;
};
#define AUTO_MAILAUTH_VERDICT __attribute__((cleanup(mailauth_verdict_fini)))
void mailauth_verdict_fini(struct mailauth_verdict *v);

/*
 * Judges one message. A part at which the program broke is unknown, and the others are judged
 * without it.
 *
 *   ask     borrowed; resolvers.n is at least 1. time_ms: for the whole, 0: 20 s
 *   out     written also when parts of it are unknown
 *   errors  ERROR_RETRY_PERSON: the program is not there (it stands beside mailhaul, or where
 *           MAILHAUL_MAILAUTH says); ERROR_RETRY_NEVER: a request that can't be made
 */
int mailauth_judge(const struct mailauth_request *ask, struct mailauth_verdict *out,
                   struct error *err) MUST_CHECK;

/*
 * What a strict receiver does: PASS when DMARC passes, or, where nobody published a policy, SPF or
 * a signature does, and the form is without errors; FAIL when not; UNKNOWN when a part of it is, or
 * DNS was silent about it.
 */
enum mailauth_result mailauth_accepts(const struct mailauth_verdict *v);

/* Where the program is. ERROR_RETRY_PERSON: it is not there. */
int mailauth_program(char out[4096], struct error *err) MUST_CHECK;

/* One JSON object; mailhaul-judge(1) names its members. */
void mailauth_verdict_json(const struct mailauth_verdict *v, struct buf *out);
/* Lines for a person, indented by two blanks. */
void mailauth_verdict_text(const struct mailauth_verdict *v, struct buf *out);

/* Reads what the program has said: one JSON object a line, the parts in any number. Bits of those
 * that were whole; the others keep what *out had. For tests and fuzzing, too. */
unsigned mailauth_answer_parse(struct span said, struct mailauth_verdict *out);
