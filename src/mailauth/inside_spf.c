/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/inside.h"

#include "base/memory.h"
#include "mailauth/spf_record.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
/* in the order in which they can be read */
#include <spf2/spf.h>

/*
 * libspf2 asks us for each record (its layers of DNS are made for that), and we count. It is older
 * than RFC 7208 in five things, each seen in its source (1.2.10) and put right here:
 *   - look-ups are limited for each included record by itself: 4.6.4 limits them for the whole;
 *   - void look-ups are not limited: 4.6.4, two;
 *   - more than 10 names of an MX: the rest is left out before it is an error; 4.6.4, an error;
 *   - more than 10 names of a PTR are an error: 4.6.4, the rest is left out;
 *   - a PTR, or an address of one of its names, that can't be had is an error: 5.5, no match.
 * What it makes of a record that it can't read rightly is told in mailauth/spf_record.h. Records of
 * type SPF (99) are not asked for (3.1), nor are explanations: nobody reads them here.
 */

#define LOOKUPS_MAX 10u
#define VOIDS_MAX 2u
#define NAMES_MAX 10

struct layer {
	SPF_dns_server_t dns; /* first: the library hands out its address */
	struct asker *asker;
	struct strings
		names; /* of the last MX or PTR: their addresses cost no look-up of their own */
	size_t names_used;
	bool names_of_ptr;
	bool record_seen; /* the domain's own record was asked for: it is not counted */
	bool many_mx;
	const char *fault; /* of a record that was read; a constant */
	struct spf_session session;
	unsigned lookups, voids;
};

static void add_row(SPF_dns_rr_t *rr, const void *bytes, size_t n)
{
	if (SPF_dns_rr_buf_realloc(rr, rr->num_rr, n + 1) != SPF_E_SUCCESS)
		abort();
	memset(rr->rr[rr->num_rr], 0,
	       n + 1 > sizeof(SPF_dns_rr_data_t) ? n + 1 : sizeof(SPF_dns_rr_data_t));
	memcpy(rr->rr[rr->num_rr], bytes, n);
	rr->num_rr++;
}

/* A name as the library wants it: without the final dot. */
static void add_name(struct layer *l, SPF_dns_rr_t *rr, const char *name)
{
	size_t n = strlen(name);

	if (n && name[n - 1] == '.')
		n--;
	strings_add_span(&l->names, (struct span){ name, n });
	add_row(rr, name, n);
}

static void add_record(struct layer *l, SPF_dns_rr_t *rr, const struct dns_record *record)
{
	unsigned char octets[16];

	switch (record->type) {
	case DNS_A:
		if (inet_pton(AF_INET, record->data, octets) == 1)
			add_row(rr, octets, 4);
		break;
	case DNS_AAAA:
		if (inet_pton(AF_INET6, record->data, octets) == 1)
			add_row(rr, octets, 16);
		break;
	case DNS_MX:
		l->many_mx |= rr->num_rr == NAMES_MAX;
		add_name(l, rr, record->data);
		break;
	case ASK_PTR:
		if (rr->num_rr < NAMES_MAX)
			add_name(l, rr, record->data);
		break;
	default:
		break;
	}
}

static enum asked ask_for_texts(struct layer *l, SPF_dns_rr_t *rr, const char *name)
{
	AUTO_STRINGS struct strings texts = { 0 };
	enum asked asked = ask_texts(l->asker, name, &texts);

	l->session.domain = name;
	for (size_t i = 0; i < texts.n; i++) {
		struct span text = span_of(texts.rows[i]);
		AUTO_BUF struct buf mended = { 0 };
		const char *fault;

		if (!spf_record_is_one(text))
			continue;
		/* one with a fault is evaluated as it is, to no effect */
		if (!spf_record_mend(text, &l->session, &mended, &fault)) {
			l->fault = l->fault ? l->fault : fault;
			buf_add_span(&mended, text);
		}
		add_row(rr, buf_text(&mended), mended.n);
	}
	return asked;
}

static enum asked ask_for(struct layer *l, SPF_dns_rr_t *rr, const char *name, enum dns_type type)
{
	AUTO_ANSWER struct dns_answer got = { 0 };
	enum asked asked;

	if (type == DNS_TXT)
		return ask_for_texts(l, rr, name);
	asked = ask_records(l->asker, name, type, &got);
	for (size_t i = 0; asked == ASKED_FOUND && i < got.answer.n; i++)
		if (got.answer.rows[i].type == (unsigned)type)
			add_record(l, rr, &got.answer.rows[i]);
	return asked;
}

/* Whether this is the address of the next name of an MX or PTR, and not a term of its own. */
static bool take_next_name(struct layer *l, const char *name, enum dns_type type)
{
	if ((type == DNS_A || type == DNS_AAAA) && l->names_used < l->names.n &&
	    !strcmp(l->names.rows[l->names_used], name)) {
		l->names_used++;
		return true;
	}
	strings_fini(&l->names);
	l->names_used = 0;
	l->names_of_ptr = type == ASK_PTR;
	return false;
}

static void count(struct layer *l, bool is_name, enum dns_type type, int should_cache)
{
	if (is_name)
		return;
	if (type == DNS_TXT && !l->record_seen)
		l->record_seen = true;
	else if (type != ASK_PTR || should_cache) /* not cached: %{p}, which is no term */
		l->lookups++;
}

static SPF_dns_rr_t *look_up(SPF_dns_server_t *server, const char *name, ns_type wanted,
                             int should_cache)
{
	struct layer *l = (struct layer *)(void *)server;
	SPF_dns_rr_t *rr = SPF_dns_rr_new_init(server, name, wanted, 60, NETDB_SUCCESS);
	enum dns_type type = (enum dns_type)wanted;
	enum asked asked;

	if (!rr)
		abort();
	if (wanted == (ns_type)ns_t_spf) {
		rr->herrno = NO_DATA;
		return rr;
	}
	count(l, take_next_name(l, name, type), type, should_cache);
	asked = ask_for(l, rr, name, type);
	l->voids += asked == ASKED_NONE;
	if (asked == ASKED_NONE || asked == ASKED_NOBODY)
		rr->herrno = NO_DATA;
	else if (asked == ASKED_FAILED)
		rr->herrno = l->names_of_ptr ? NO_DATA : TRY_AGAIN;
	return rr;
}

static SPF_errcode_t no_explanation(SPF_server_t *server, const char *domain, char **text,
                                    size_t *size)
{
	(void)server;
	(void)domain;
	(void)text;
	(void)size;
	return SPF_E_SUCCESS; /* *text holds the domain where it would stand */
}

/* ── one message ─────────────────────────────────────────────────────────────────────────────── */

void spf_fini(struct mailauth_spf *s)
{
	free(s->identity);
	free(s->domain);
	free(s->why);
	*s = (struct mailauth_spf){ 0 };
}

static void settle(struct mailauth_spf *out, enum mailauth_result result, const char *why)
{
	free(out->why);
	out->result = result;
	out->why = xstrdup(why);
}

static enum mailauth_result result_of(SPF_response_t *response)
{
	switch (SPF_response_result(response)) {
	case SPF_RESULT_NEUTRAL:
		return MAILAUTH_NEUTRAL;
	case SPF_RESULT_PASS:
		return MAILAUTH_PASS;
	case SPF_RESULT_FAIL:
		return MAILAUTH_FAIL;
	case SPF_RESULT_SOFTFAIL:
		return MAILAUTH_SOFTFAIL;
	case SPF_RESULT_NONE:
		return MAILAUTH_NONE;
	case SPF_RESULT_TEMPERROR:
		return MAILAUTH_TEMPERROR;
	case SPF_RESULT_PERMERROR:
	case SPF_RESULT_INVALID:
	default:
		return MAILAUTH_PERMERROR;
	}
}

static void take_response(SPF_response_t *response, const struct layer *l, SPF_errcode_t err,
                          struct mailauth_spf *out)
{
	out->lookups = l->lookups;
	out->voids = l->voids;
	if (l->fault)
		settle(out, MAILAUTH_PERMERROR, l->fault);
	else if (SPF_response_result(response) == SPF_RESULT_INVALID && err == SPF_E_DNS_ERROR)
		settle(out, MAILAUTH_TEMPERROR, l->asker->said);
	else if (l->lookups > LOOKUPS_MAX)
		settle(out, MAILAUTH_PERMERROR, "more than 10 look-ups (RFC 7208 section 4.6.4)");
	else if (l->voids > VOIDS_MAX)
		settle(out, MAILAUTH_PERMERROR,
		       "more than 2 look-ups found nothing (RFC 7208 section 4.6.4)");
	else if (l->many_mx)
		settle(out, MAILAUTH_PERMERROR,
		       "an MX of more than 10 hosts (RFC 7208 section 4.6.4)");
	else
		settle(out, result_of(response), "");
	if (out->result == MAILAUTH_TEMPERROR && !*out->why)
		settle(out, MAILAUTH_TEMPERROR, l->asker->said);
	if (out->result == MAILAUTH_PERMERROR && !*out->why)
		settle(out, MAILAUTH_PERMERROR,
		       SPF_response_messages(response)
		               ? SPF_error_message(SPF_response_message(response, 0))
		               : SPF_strerror(err));
	if (SPF_response_reason(response) == SPF_REASON_LOCALHOST)
		settle(out, MAILAUTH_PASS, "the client is this host itself");
}

/* ::ffff:192.0.2.25 is 192.0.2.25 (RFC 7208 section 5) */
static bool set_client(SPF_request_t *request, const char *client)
{
	struct in6_addr six;
	struct in_addr four;

	if (inet_pton(AF_INET, client, &four) == 1)
		return SPF_request_set_ipv4(request, four) == SPF_E_SUCCESS;
	if (inet_pton(AF_INET6, client, &six) != 1)
		return false;
	if (!IN6_IS_ADDR_V4MAPPED(&six))
		return SPF_request_set_ipv6(request, six) == SPF_E_SUCCESS;
	memcpy(&four, six.s6_addr + 12, sizeof four);
	return SPF_request_set_ipv4(request, four) == SPF_E_SUCCESS;
}

static void query(const struct mailauth_request *r, SPF_server_t *server, struct layer *l,
                  struct mailauth_spf *out)
{
	SPF_request_t *request = SPF_request_new(server);
	SPF_response_t *response = NULL;
	SPF_errcode_t err;

	if (!request || !set_client(request, r->client))
		abort();
	if (r->helo && *r->helo)
		(void)!SPF_request_set_helo_dom(request, r->helo);
	(void)!SPF_request_set_env_from(request, *r->mail_from ? r->mail_from : r->helo);
	err = SPF_request_query_mailfrom(request, &response);
	if (response)
		take_response(response, l, err, out);
	else
		settle(out, MAILAUTH_UNKNOWN, SPF_strerror(err));
	if (response)
		SPF_response_free(response);
	SPF_request_free(request);
}

/* RFC 7208 section 4.3: no name of several labels, no result. An address in brackets is none. */
static bool may_have_record(const char *domain)
{
	return strchr(domain, '.') && !strchr(domain, '[') && !strchr(domain, ' ');
}

/* False: there is nobody to ask about. */
static bool choose_identity(const struct mailauth_request *r, struct mailauth_spf *out)
{
	const char *at;

	if (!r->client || !r->mail_from) {
		settle(out, MAILAUTH_SKIPPED, "the client or MAIL FROM is not known");
		return false;
	}
	at = strrchr(r->mail_from, '@');
	if (*r->mail_from) {
		out->identity = xstrdup("mailfrom");
		out->domain = xstrdup(at ? at + 1 : r->mail_from);
	} else {
		out->identity = xstrdup("helo");
		out->domain = xstrdup(r->helo ? r->helo : "");
	}
	if (!may_have_record(out->domain)) {
		settle(out, MAILAUTH_NONE, "no domain that could have a record");
		return false;
	}
	return true;
}

void spf_judge(const struct mailauth_request *r, struct asker *a, struct mailauth_spf *out)
{
	struct layer l = {
		.dns = { .lookup = look_up, .get_exp = no_explanation, .name = "mailauth" },
		.asker = a
	};
	SPF_server_t *server;

	if (!choose_identity(r, out))
		return;
	AUTO_FREE char *sender = strchr(r->mail_from, '@')
	                                 ? xstrdup(r->mail_from)
	                                 : xasprintf("postmaster@%s", out->domain);
	l.session = (struct spf_session){ .sender = sender,
		                          .helo = r->helo ? r->helo : "",
		                          .six = strchr(r->client, ':') != NULL };
	server = SPF_server_new_dns(&l.dns, 0);
	if (!server)
		abort();
	query(r, server, &l, out);
	SPF_server_free(server);
	strings_fini(&l.names);
}
