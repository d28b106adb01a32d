/* SPDX-License-Identifier: BSD-2-Clause */
#include "check/check.h"

#include "base/memory.h"
#include "check/sessions.h"

#include <errno.h>
#include <openssl/x509v3.h>
#include <string.h>

/* A domain that is nobody's of those who ask (RFC 2606 section 3). */
#define ELSEWHERE "mailhaul-check@example.com"
/* A name that nobody has. */
#define NOBODY "mailhaul-check-nobody-7f3a9c"
#define RECIPIENTS_MOST 50u
#define NO_DOMAIN "no domain is known: survey, or domains in move.yaml"

/* ── greeting, size ──────────────────────────────────────────────────────────────────────────── */

static void greeting_of(const struct check_asking *a, struct talk *t, const char *address,
                        struct tally *sum, struct buf *seen)
{
	sessions_note(seen, "%s: %s", address, buf_text(&t->greeting));
	sum->yes++;
}

enum check_answer check_greeting(const struct check_asking *a, struct buf *seen)
{
	return sessions_each(a, SMTP_TLS_NEVER, greeting_of, seen);
}

/* What one side takes, in octets; UINT64_MAX: all. */
static bool size_of(const struct check_asking *a, enum check_of of, uint64_t *size,
                    struct tally *sum, struct buf *seen)
{
	struct check_asking one = *a;
	AUTO_TALK struct talk t = { 0 };
	char text[16];

	one.of = of;
	if (!a->site->addresses[of].n) {
		sessions_note(seen, "%s: where its mail service is, is not known",
		              check_of_name(of));
		sum->unknown++;
		return false;
	}
	if (!sessions_open(&one, a->site->addresses[of].rows[0], SMTP_TLS_NEVER, &t, sum, seen))
		return false;
	*size = t.client.size_max ? t.client.size_max : UINT64_MAX;
	sessions_note(seen, "%s: %s", check_of_name(of),
	              t.client.size_max ? text_size(text, t.client.size_max) : "no limit told");
	return true;
}

enum check_answer check_sizes(const struct check_asking *a, struct buf *seen)
{
	struct tally sum = { 0 };
	uint64_t old, new;
	bool both = size_of(a, CHECK_OLD, &old, &sum, seen);

	both = size_of(a, CHECK_NEW, &new, &sum, seen) && both;
	if (both)
		return new >= old ? CHECK_YES : CHECK_NO;
	return sum.silent && !sum.unknown && !sum.no ? CHECK_SKIPPED : CHECK_UNKNOWN;
}

/* ── who is taken ────────────────────────────────────────────────────────────────────────────── */

static void takes_of(const struct check_asking *a, struct talk *t, const char *address,
                     struct tally *sum, struct buf *seen)
{
	const struct strings *all = &a->site->recipients;
	unsigned taken = 0, waits = 0;
	size_t asked = all->n < RECIPIENTS_MOST ? all->n : RECIPIENTS_MOST;

	if (sessions_begin(t, NULL, sum, seen) < 0)
		return;
	for (size_t i = 0; i < asked; i++) {
		/* evenly over all of them */
		const char *one = all->rows[i * all->n / asked];
		unsigned class = sessions_rcpt(t, one, sum, seen);

		if (!class)
			return;
		taken += class == 2;
		waits += class == 4;
		sum->no += class == 5;
		if (class != 2 && seen->n < 1500)
			sessions_tell(t, one, seen);
	}
	sessions_note(seen, "%s: %u of %zu taken", address, taken, asked);
	sum->unknown += waits > 0;
	sum->yes += taken > 0;
}

enum check_answer check_takes(const struct check_asking *a, struct buf *seen)
{
	if (a->site->recipients.n)
		return sessions_each(a, SMTP_TLS_NEVER, takes_of, seen);
	buf_add_text(seen, "no address is known: survey");
	return CHECK_UNKNOWN;
}

static void postmaster_of(const struct check_asking *a, struct talk *t, const char *address,
                          struct tally *sum, struct buf *seen)
{
	if (sessions_begin(t, NULL, sum, seen) < 0)
		return;
	for (size_t i = 0; i < a->site->domains.n; i++) {
		AUTO_FREE char *one = xasprintf("postmaster@%s", a->site->domains.rows[i]);
		unsigned class = sessions_rcpt(t, one, sum, seen);

		if (!class)
			return;
		sum->yes += class == 2;
		sum->no += class == 5;
		sum->unknown += class == 4;
		sessions_tell(t, one, seen);
	}
}

enum check_answer check_postmaster(const struct check_asking *a, struct buf *seen)
{
	if (a->site->domains.n)
		return sessions_each(a, SMTP_TLS_NEVER, postmaster_of, seen);
	buf_add_text(seen, NO_DOMAIN);
	return CHECK_UNKNOWN;
}

static void unknown_of(const struct check_asking *a, struct talk *t, const char *address,
                       struct tally *sum, struct buf *seen)
{
	if (sessions_begin(t, NULL, sum, seen) < 0)
		return;
	for (size_t i = 0; i < a->site->domains.n; i++) {
		AUTO_FREE char *nobody = xasprintf(NOBODY "@%s", a->site->domains.rows[i]);
		unsigned class = sessions_rcpt(t, nobody, sum, seen);

		if (!class)
			return;
		sum->yes += class == 5;
		sum->no += class == 2;
		sum->unknown += class == 4;
		sessions_tell(t, nobody, seen);
	}
}

enum check_answer check_refuses_unknown(const struct check_asking *a, struct buf *seen)
{
	if (a->site->domains.n)
		return sessions_each(a, SMTP_TLS_NEVER, unknown_of, seen);
	buf_add_text(seen, NO_DOMAIN);
	return CHECK_UNKNOWN;
}

static void relay_of(const struct check_asking *a, struct talk *t, const char *address,
                     struct tally *sum, struct buf *seen)
{
	unsigned class;

	if (sessions_begin(t, NULL, sum, seen) < 0)
		return;
	class = sessions_rcpt(t, ELSEWHERE, sum, seen);
	if (!class)
		return;
	sessions_tell(t, address, seen);
	if (class != 2) {
		sum->yes++;
	} else if (t->link.from_itself) {
		buf_add_text(seen, "; asked from the host itself, which it may trust: ask from "
		                   "another one");
		sum->unknown++;
	} else {
		sum->no++;
	}
}

enum check_answer check_refuses_relay(const struct check_asking *a, struct buf *seen)
{
	return sessions_each(a, SMTP_TLS_NEVER, relay_of, seen);
}

/* ── STARTTLS ────────────────────────────────────────────────────────────────────────────────── */

/* The names under which others come: those of the MX hosts that move. */
static bool has_name(const struct check_asking *a, X509 *certificate, struct buf *seen)
{
	const struct config_dns *dns = &a->site->config->dns;
	bool good = true;

	for (unsigned i = 0; i < dns->records_count; i++) {
		const char *name = dns->records[i].name;

		if (i && !strcmp(name, dns->records[i - 1].name))
			continue;
		if (X509_check_host(certificate, name, 0, 0, NULL) == 1)
			continue;
		sessions_note(seen, "its certificate is not for %s", name);
		good = false;
	}
	return good;
}

static void tls_of(const struct check_asking *a, struct talk *t, const char *address,
                   struct tally *sum, struct buf *seen)
{
	X509 *certificate;
	bool good;

	if (!t->link.ssl) {
		sessions_note(seen, "%s offers no STARTTLS", address);
		sum->no++;
		return;
	}
	certificate = SSL_get1_peer_certificate(t->link.ssl);
	good = certificate && has_name(a, certificate, seen);
	X509_free(certificate);
	if (t->link.verdict != X509_V_OK) {
		sessions_note(seen, "%s: %s", address,
		              X509_verify_cert_error_string(t->link.verdict));
		good = false;
	}
	if (good)
		sessions_note(seen, "%s: %s", address, SSL_get_version(t->link.ssl));
	sum->yes += good;
	sum->no += !good;
}

enum check_answer check_starttls(const struct check_asking *a, struct buf *seen)
{
	return sessions_each(a, SMTP_TLS_MAY, tls_of, seen);
}

/* ── the way out ─────────────────────────────────────────────────────────────────────────────── */

static enum check_answer knock(const struct check_asking *a, const char *domain, bool six,
                               struct buf *seen)
{
	for (size_t r = 0; r < a->site->resolvers.n; r++) {
		__attribute__((cleanup(dns_mail_fini))) struct dns_mail mail = { 0 };
		struct error err = { 0 };

		if (dns_find_mail(&a->site->resolvers.rows[r], domain, true, &mail, &err) < 0) {
			sessions_note(seen, "%s: %s", domain, err.text);
			continue;
		}
		for (size_t i = 0; i < mail.n; i++) {
			AUTO_ADDRESSES struct dns_addresses found = { 0 };

			if (dns_find_addresses(&a->site->resolvers.rows[r], mail.rows[i].host, true,
			                       &found, &err) < 0)
				continue;
			for (size_t k = 0; k < found.rows.n; k++) {
				AUTO_TALK struct talk t = { 0 };
				const char *address = found.rows.rows[k];

				if ((strchr(address, ':') != NULL) != six)
					continue;
				if (talk_open(&t, address, a->site->port, SMTP_TLS_NEVER, NULL,
				              a->site->step_ms / 3, &err) == 0) {
					sessions_note(seen, "%s: %s", address,
					              buf_text(&t.greeting));
					return CHECK_YES;
				}
				sessions_note(seen, "%s", err.text);
			}
		}
		return seen->n ? CHECK_NO : CHECK_SKIPPED;
	}
	return CHECK_UNKNOWN;
}

static enum check_answer way_out(const struct check_asking *a, bool six, struct buf *seen)
{
	enum check_answer answer = CHECK_SKIPPED;
	const struct config_host *h = a->of == CHECK_OLD ? &a->site->config->old_host
	                                                 : &a->site->config->new_host;

	if (h->reach != CONFIG_LOCAL) {
		buf_add_text(seen, "asked only of the host that this runs on");
		return CHECK_SKIPPED;
	}
	if (!a->site->outside.n) {
		buf_add_text(seen, "no server outside is named: canary.outside in move.yaml");
		return CHECK_SKIPPED;
	}
	for (size_t i = 0; i < a->site->outside.n; i++) {
		answer = knock(a, a->site->outside.rows[i], six, seen);
		if (answer == CHECK_YES)
			break;
	}
	if (answer == CHECK_SKIPPED)
		sessions_note(seen, "none of them has an address of that family");
	return answer;
}

enum check_answer check_out_v4(const struct check_asking *a, struct buf *seen)
{
	return way_out(a, false, seen);
}

enum check_answer check_out_v6(const struct check_asking *a, struct buf *seen)
{
	return way_out(a, true, seen);
}
