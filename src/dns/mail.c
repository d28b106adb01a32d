/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/dns.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define CNAMES_MAX 8
#define EXCHANGERS_MAX 64u

void dns_mail_fini(struct dns_mail *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->rows[i].host);
	free(m->rows);
	*m = (struct dns_mail){ 0 };
}

static int by_preference(const void *a, const void *b)
{
	const struct dns_exchanger *x = a, *y = b;

	if (x->preference != y->preference)
		return x->preference < y->preference ? -1 : 1;
	return strcmp(x->host, y->host);
}

static int refuse(const struct dns_server *server, const char *name, enum dns_type type,
                  const struct dns_answer *a, struct error *err)
{
	const char *what = a->rcode == DNS_NOERROR ? "sends elsewhere (it does not serve the zone)"
	                                           : dns_rcode_name(a->rcode);

	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_LATER, 0, "%s %s: name server %s: %s",
	                 name, dns_type_name(type), server->address, what);
}

/* Neither data nor a word of authority about its absence: a referral, or a lame server. */
static bool is_usable(const struct dns_answer *a, bool recurse)
{
	if (a->rcode != DNS_NOERROR && a->rcode != DNS_NXDOMAIN)
		return false;
	return recurse || a->authoritative;
}

int dns_find_mail(const struct dns_server *server, const char *domain, bool recurse,
                  struct dns_mail *out, struct error *err)
{
	struct dns_question q = { .name = domain, .type = DNS_MX, .recurse = recurse };
	AUTO_ANSWER struct dns_answer a = { 0 };
	AUTO_MAIL struct dns_mail made = { 0 };

	if (dns_ask(server, &q, &a, err) < 0)
		return -1;
	if (!is_usable(&a, recurse))
		return refuse(server, domain, DNS_MX, &a, err);
	made.authoritative = a.authoritative;
	for (size_t i = 0; i < a.answer.n && made.n < EXCHANGERS_MAX; i++) {
		const struct dns_record *r = &a.answer.rows[i];

		if (r->type != DNS_MX)
			continue;
		if (!*r->data) {
			made.refused = true;
			continue;
		}
		ARRAY_GROW(made.rows, made.n, made.room);
		made.rows[made.n++] = (struct dns_exchanger){ .preference = r->preference,
			                                      .host = xstrdup(r->data),
			                                      .ttl = r->ttl };
	}
	if (made.n == 0 && !made.refused && a.rcode == DNS_NOERROR) {
		made.implicit = true;
		ARRAY_GROW(made.rows, made.n, made.room);
		made.rows[made.n++] = (struct dns_exchanger){ .host = xstrdup(domain) };
	}
	if (made.n)
		qsort(made.rows, made.n, sizeof *made.rows, by_preference);
	dns_mail_fini(out);
	*out = made;
	made = (struct dns_mail){ 0 };
	return 0;
}

void dns_addresses_fini(struct dns_addresses *a)
{
	strings_fini(&a->rows);
	*a = (struct dns_addresses){ 0 };
}

/* Adds the addresses that `host` has in this answer, its CNAMEs followed; the last name reached is
 * pointed at by *at (borrowed from the answer, or from the caller). */
static void follow(const struct dns_answer *a, enum dns_type type, const char **at,
                   struct dns_addresses *out)
{
	for (int hops = 0; hops <= CNAMES_MAX; hops++) {
		const char *next = NULL;

		for (size_t i = 0; i < a->answer.n; i++) {
			const struct dns_record *r = &a->answer.rows[i];

			if (!span_is_nocase(span_of(r->name), *at))
				continue;
			if (r->type == type)
				strings_add(&out->rows, r->data);
			else if (r->type == DNS_CNAME)
				next = r->data;
			else
				continue;
			if (r->ttl > out->ttl)
				out->ttl = r->ttl;
		}
		if (!next)
			return;
		*at = next;
	}
}

static int find_type(const struct dns_server *server, const char *host, enum dns_type type,
                     bool recurse, struct dns_addresses *out, struct error *err)
{
	AUTO_FREE char *name = xstrdup(host);
	size_t before = out->rows.n;

	if (*name && name[strlen(name) - 1] == '.')
		name[strlen(name) - 1] = '\0';
	for (int hops = 0; hops < CNAMES_MAX; hops++) {
		struct dns_question q = { .name = name, .type = type, .recurse = recurse };
		AUTO_ANSWER struct dns_answer a = { 0 };
		const char *at = name;

		if (dns_ask(server, &q, &a, err) < 0)
			return -1;
		if (!is_usable(&a, recurse))
			return refuse(server, name, type, &a, err);
		out->authoritative &= a.authoritative;
		follow(&a, type, &at, out);
		/* a server adds what it knows of a CNAME's target, or wants to be asked again */
		if (out->rows.n > before || at == name)
			return 0;
		char *next = xstrdup(at);
		free(name);
		name = next;
	}
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
	                 "%s: more than %d CNAMEs in a row", host, CNAMES_MAX);
}

int dns_find_addresses(const struct dns_server *server, const char *host, bool recurse,
                       struct dns_addresses *out, struct error *err)
{
	AUTO_ADDRESSES struct dns_addresses made = { .authoritative = true };

	if (find_type(server, host, DNS_A, recurse, &made, err) < 0 ||
	    find_type(server, host, DNS_AAAA, recurse, &made, err) < 0)
		return -1;
	made.exists = made.rows.n > 0;
	strings_sort(&made.rows);
	dns_addresses_fini(out);
	*out = made;
	made = (struct dns_addresses){ 0 };
	return 0;
}
