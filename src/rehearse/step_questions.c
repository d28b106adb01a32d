/* SPDX-License-Identifier: BSD-2-Clause */

/* step_questions -- those of `mailhaul check` that are asked over the network, here of the copy and of the
 * zones as they will be; and the one about TTLs, which was asked of the real zones before. */

#include "rehearse/steps.h"

#include "rehearse/internet.h"

#include "check/check.h"

#include <string.h>

#define STEP_MS 30000

/* Not those about the real servers' state (dns.agree, dns.ttl), nor those that other steps ask. */
static const char *const asked[] = { "smtp.starttls", "dns.mx", "dns.spf", "dns.spf-lookups",
	                             "dns.spf-new" };
#define TTL "dns.ttl"

/* Pages may be another host's affair. */
static bool has_pages(const struct rehearsal *r)
{
	const struct config_check *c = &r->plan->config->check;

	for (unsigned i = 0; i < c->new_web_count; i++)
		if (!strings_has(&r->plan->served, c->new_web[i]))
			return false;
	return true;
}

static bool is_asked(const struct rehearsal *r, const char *id)
{
	for (size_t i = 0; i < ROWS(asked); i++)
		if (strcmp(asked[i], id) == 0)
			return true;
	if (strcmp(id, "web.redirects") == 0)
		return has_pages(r) && r->plan->config->check.redirects_count > 0;
	if (strcmp(id, "web.redirect-map") == 0)
		return has_pages(r) && r->plan->config->check.redirect_map;
	return false;
}

static int open_nothing(void *context, unsigned through, struct host *hosts[2], struct move *m,
                        struct error *err)
{
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
	                 "no host is asked in a rehearsal");
}

static void fill_site(struct check_site *site, const struct rehearsal *r)
{
	*site = (struct check_site){ .config = r->plan->config,
		                     .port = 25,
		                     .step_ms = STEP_MS,
		                     .window = CHECK_OPEN,
		                     .ca_file = r->options->ca_file };
	for (size_t i = 0; i < r->plan->domains.n; i++)
		strings_add(&site->domains, r->plan->domains.rows[i]);
	for (size_t i = 0; i < r->plan->served.n; i++)
		strings_add(&site->addresses[CHECK_NEW], r->plan->served.rows[i]);
	for (size_t i = 0; i < r->plan->taken.n && i < 10; i++)
		strings_add(&site->recipients, r->plan->taken.rows[i]);
	dns_servers_add(&site->resolvers, NULL, INTERNET_RESOLVER, 53);
}

static void judge(struct rehearsal *r, const char *id, enum check_answer answer,
                  enum check_weight weight, const struct buf *seen)
{
	if (answer == CHECK_NO && weight != CHECK_INFO)
		FAIL(r, "questions", id, "%.500s", buf_text(seen));
	else if (answer == CHECK_UNKNOWN)
		strings_addf(&r->result->notes, "%s: not known: %s", id, buf_text(seen));
}

void step_questions(struct rehearsal *r)
{
	AUTO_CHECK_SITE struct check_site site = { 0 };
	AUTO_CHECK_QUESTIONS struct check_questions all = { 0 };
	AUTO_CHECK_STEPS struct check_steps steps = { 0 };
	const struct check_limits limits = { .step_ms = STEP_MS,
		                             .whole_ms = 4 * STEP_MS,
		                             .together = 4 };
	struct error err = { 0 };

	fill_site(&site, r);
	check_questions_all(&all);
	for (size_t i = 0; i < all.n; i++)
		if (is_asked(r, all.rows[i].id))
			check_steps_add(&steps, &all.rows[i],
			                all.rows[i].ofs & 1u << CHECK_NEW ? CHECK_NEW
			                                                  : CHECK_WHOLE);
	r->asked = (unsigned)steps.n + 1;
	judge(r, TTL, r->plan->ttl, CHECK_SHOULD, &r->plan->ttl_seen);
	if (check_run(&steps, &site, &limits, open_nothing, NULL, &err) < 0) {
		FAIL(r, "questions", "all", "%s", err.text);
		return;
	}
	for (size_t i = 0; i < steps.n; i++)
		judge(r, steps.rows[i].question->id, steps.rows[i].answer,
		      steps.rows[i].question->weight, &steps.rows[i].seen);
}
