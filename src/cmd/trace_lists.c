/* SPDX-License-Identifier: BSD-2-Clause */

/* trace_lists -- one message's way through the Mailmans of all hosts. */

#include "cmd/trace.h"

#include "base/memory.h"
#include "lists/fingerprint.h"
#include "lists/queue.h"

#include <stdlib.h>

void trace_mailmans_fini(struct trace_mailmans *m)
{
	for (size_t i = 0; i < m->n; i++)
		lists_site_fini(&m->sites[i]);
	free(m->sites);
	free(m->hosts);
	for (size_t i = 0; i < ROWS(m->found); i++)
		lists_installations_fini(&m->found[i]);
	*m = (struct trace_mailmans){ 0 };
}

int trace_mailmans_find(struct trace_mailmans *m, struct host *const *hosts, size_t n,
                        struct error *err)
{
	size_t all = 0;

	for (size_t i = 0; i < n; i++) {
		if (lists_paths_find(hosts[i], m->prefix, &m->found[i], err) < 0)
			return -1;
		all += m->found[i].n;
	}
	m->sites = xcalloc(all + 1, sizeof *m->sites);
	m->hosts = xcalloc(all + 1, sizeof *m->hosts);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < m->found[i].n; k++) {
			m->hosts[m->n] = (struct lists_trace_host){ .name = host_name(hosts[i]),
				                                    .h = hosts[i],
				                                    .mailman = &m->found[i].rows[k],
				                                    .site = &m->sites[m->n] };
			m->n++;
		}
	return 0;
}

/* A web server's host may have no more of a Mailman than a queue: what is there is read. */
static int read_site(struct lists_trace *t, const struct lists_trace_host *host,
                     struct lists_site *site, struct error *err)
{
	struct lists_trace_row *row;

	if (lists_site_read(site, host->h, &host->mailman->paths, host->mailman->settings, true,
	                    err) == 0)
		return 0;
	if (lists_is_unreached(err))
		return -1;
	row = lists_trace_add(t, host->name, "lists", 0, "");
	row->place = xstrdup("");
	row->what = xasprintf("could not be read: %s", err->text);
	return lists_queue_read(site, err);
}

static void take_rows(json_t *places, const struct lists_trace *t)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct lists_trace_row *row = &t->rows[i];
		AUTO_BUF struct buf file = { 0 };

		buf_add_printable(&file, span_of(row->file));
		trace_add(places, row->host, row->where, row->at_ms, buf_text(&file), row->place,
		          row->what);
	}
}

int trace_lists(json_t *places, const char *id, const char *prefix, struct host *const *hosts,
                size_t n, struct error *err)
{
	AUTO_TRACE_MAILMANS struct trace_mailmans m = { .prefix = prefix };
	AUTO_LISTS_TRACE struct lists_trace t = { .id = lists_bare_id(span_of(id)) };

	if (!t.id.n)
		return 0;
	if (trace_mailmans_find(&m, hosts, n, err) < 0)
		return -1;
	for (size_t i = 0; i < m.n; i++)
		if (read_site(&t, &m.hosts[i], &m.sites[i], err) < 0)
			return -1;
	if (lists_trace_read(&t, m.hosts, m.n, err) < 0)
		return -1;
	take_rows(places, &t);
	return 0;
}
