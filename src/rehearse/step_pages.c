/* SPDX-License-Identifier: BSD-2-Clause */

/* step_pages -- the web pages that move.yaml names, under their final names. */

#include "rehearse/steps.h"

#include "http/http.h"

#define TIME_MS 60000

static void look_at(struct rehearsal *r, struct http *web, const char *url)
{
	const struct http_request ask = { .url = url, .time_ms = TIME_MS };
	AUTO_HTTP_ANSWER struct http_answer page = { 0 };
	struct error err = { 0 };

	if (http_ask(web, &ask, &page, &err) < 0)
		FAIL(r, "pages", url, "%s", err.text);
	else if (page.status < 200 || page.status > 399)
		FAIL(r, "pages", url, "status %u", page.status);
}

/* What asks is started here, in the pretended internet, and stays in it. */
void step_pages(struct rehearsal *r)
{
	const struct config_rehearse *c = &r->plan->config->rehearse;
	const struct http_options o = { .ca_file = r->options->ca_file };
	AUTO_HTTP struct http *web = NULL;
	struct error err = { 0 };

	r->asked = c->pages_count;
	if (!c->pages_count)
		return;
	if (http_open(&web, &o, &err) < 0) {
		FAIL(r, "pages", "all", "%s", err.text);
		return;
	}
	for (unsigned i = 0; i < c->pages_count; i++)
		look_at(r, web, c->pages[i]);
}
