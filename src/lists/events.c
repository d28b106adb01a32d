/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/events.h"

#include "base/memory.h"
#include "lists/member.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void lists_event_fini(struct lists_event *e)
{
	free(e->file);
	free(e->list);
	free(e->address);
	*e = (struct lists_event){ 0 };
}

static char *dup_string(struct value v)
{
	AUTO_BUF struct buf text = { 0 };
	struct span s;

	if (value_get_chars(v, &s))
		buf_add_printable(&text, s);
	return buf_take(&text);
}

/* (list, address, (year, month, day), message) */
static void take_event(struct lists_site *site, const char *file, struct value v)
{
	struct span name = span_of(file);
	struct lists_event *e;

	if (value_count(v) != 4) {
		lists_findings_add(&site->findings, "DATA_DIR", &name,
		                   "holds something that is no bounce");
		return;
	}
	ARRAY_GROW(site->events, site->events_n, site->events_room);
	e = &site->events[site->events_n++];
	*e = (struct lists_event){ .file = xstrdup(file),
		                   .list = dup_string(value_item(v, 0)),
		                   .address = dup_string(value_item(v, 1)) };
	(void)lists_date(value_item(v, 2), e->date);
}

/* Reads a file of DATA_DIR. 1; 0: it cannot be read, which is a finding; *f may hold a part. */
static int read_file(struct lists_site *site, const char *file, struct value_file *f,
                     struct error *err)
{
	AUTO_FREE char *path = lists_paths_join(site->paths, LISTS_DATA_DIR, file);
	struct span name = span_of(file);

	if (lists_file_read(site->h, path, f, err) == 0)
		return 1;
	if (lists_is_unreached(err))
		return -1;
	lists_findings_add(&site->findings, "DATA_DIR", &name, "cannot be read whole: %s",
	                   err->text);
	return 0;
}

static int read_events(struct lists_site *site, const char *file, struct error *err)
{
	AUTO_VALUE_FILE struct value_file f = { 0 };

	if (read_file(site, file, &f, err) < 0)
		return -1;
	for (size_t i = 0; i < f.n && !(f.is_torn && i + 1 == f.n); i++)
		take_event(site, file, f.rows[i]);
	return 0;
}

/* Schema 1 names no list: an 'H' belongs to one that cannot be known for sure. */
static int read_old_pending(struct lists_site *site, const char *file, struct error *err)
{
	AUTO_VALUE_FILE struct value_file f = { 0 };
	const struct value_pair *pairs;
	struct span name = span_of(file);
	size_t n = 0;

	if (read_file(site, file, &f, err) < 0)
		return -1;
	for (size_t i = 0; f.n && i < value_dict_pairs(f.rows[0], &pairs); i++)
		n += value_kind(pairs[i].value) == VALUE_TUPLE;
	if (n)
		lists_findings_add(&site->findings, "DATA_DIR", &name,
		                   "%zu tokens of 2.1.4 or before, for all lists together: "
		                   "bin/update would give them to the lists",
		                   n);
	return 0;
}

int lists_events_read(struct lists_site *site, struct error *err)
{
	for (size_t i = 0; i < site->data.n; i++) {
		const char *file = site->data.rows[i].path;
		struct span name = span_of(file);

		if (span_starts(name, "bounce-events-") && span_ends(name, ".pck") &&
		    read_events(site, file, err) < 0)
			return -1;
		if (span_is(name, "pending.pck") && read_old_pending(site, file, err) < 0)
			return -1;
	}
	return 0;
}
