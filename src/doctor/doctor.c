/* SPDX-License-Identifier: BSD-2-Clause */
#include "doctor/inside.h"

#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *doctor_weight_name(enum doctor_weight weight)
{
	static const char *const names[] = {
		[DOCTOR_MUST] = "must",
		[DOCTOR_SHOULD] = "should",
		[DOCTOR_INFO] = "info",
	};

	return names[weight];
}

void doctor_fini(struct doctor *d)
{
	for (size_t i = 0; i < d->n; i++)
		facts_fini(&d->hosts[i]);
	for (size_t i = 0; i < d->stranded_n; i++)
		stranded_fini(&d->stranded[i]);
	for (size_t i = 0; i < d->findings_n; i++) {
		free(d->findings[i].what);
		strings_fini(&d->findings[i].seen);
	}
	free(d->stranded);
	free(d->findings);
	strings_fini(&d->troubles);
	*d = (struct doctor){ 0 };
}

void doctor_add(struct doctor *d, const char *name, struct host *h,
                const struct lists_installation *m)
{
	d->hosts[d->n++] = (struct doctor_host){ .name = name, .h = h, .m = m };
}

bool is_unreached(const struct error *why, struct error *err)
{
	if (why->retry != ERROR_RETRY_REACH)
		return false;
	*err = *why;
	return true;
}

struct doctor_finding *finding_add(struct doctor *d, const struct doctor_check *c, const char *what)
{
	ARRAY_GROW(d->findings, d->findings_n, d->findings_room);
	d->findings[d->findings_n] = (struct doctor_finding){ .check = c,
		                                              .weight = c->weight,
		                                              .what = xstrdup(what) };
	return &d->findings[d->findings_n++];
}

void finding_see(struct doctor_finding *f, const char *format, ...)
{
	AUTO_BUF struct buf shown = { 0 };
	AUTO_FREE char *text = NULL;
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (n < 0)
		abort();
	buf_add_printable(&shown, (struct span){ text, (size_t)n });
	strings_add(&f->seen, buf_text(&shown));
}

#define LINE_TOLD 400u /* octets */

/* From a line's begin on; 0: it is not there, or can't be read. */
static int log_tail(struct doctor *d, size_t host, const char *path, struct buf *out,
                    struct error *err)
{
	struct host *h = d->hosts[host].h;
	struct error why = { 0 };
	uint64_t size = 0;
	ssize_t lf;

	buf_reset(out);
	if (host_read_part(h, path, 0, 0, out, &size, &why) < 0 ||
	    host_read_part(h, path, size > LOG_TAIL ? size - LOG_TAIL : 0, LOG_TAIL, out, &size,
	                   &why) < 0) {
		if (is_unreached(&why, err))
			return -1;
		if (why.sys_errno != ENOENT && why.sys_errno != ENOTDIR)
			strings_addf(&d->troubles, "%s: %s", d->hosts[host].name, why.text);
		return 0;
	}
	lf = size > LOG_TAIL ? span_find(buf_span(out), '\n') : -1;
	if (lf >= 0)
		buf_drop_front(out, (size_t)lf + 1);
	return 1;
}

int log_search(struct doctor *d, size_t host, const char *path, bool (*is_wanted)(struct span line),
               struct buf *last, size_t *count, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };
	struct span rest, line, found = SPAN("");

	*count = 0;
	buf_reset(last);
	if (log_tail(d, host, path, &text, err) < 0)
		return -1;
	rest = buf_span(&text);
	while (span_next_line(&rest, &line))
		if (is_wanted(line)) {
			found = line;
			++*count;
		}
	buf_add(last, found.p, found.n < LINE_TOLD ? found.n : LINE_TOLD);
	return 0;
}

/* ── which host does the work ────────────────────────────────────────────────────────────────── */

static int find_back(struct doctor *d, const char *name, struct error *err)
{
	for (size_t i = 0; i < d->n; i++)
		if (name ? !strcmp(name, d->hosts[i].name) : doctor_has_master(&d->hosts[i])) {
			d->back = i;
			d->back_is_known = true;
			return 0;
		}
	if (!name)
		return 0;
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
	                 "%s is none of the hosts that were named", name);
}

int doctor_look(struct doctor *d, const char *back, struct error *err)
{
	for (size_t i = 0; i < d->n; i++)
		if (facts_read(&d->hosts[i], &d->troubles, err) < 0)
			return error_context(err, "%s", d->hosts[i].name);
	return find_back(d, back, err) < 0 || storage_read(d, err) < 0 || stranded_read(d, err) < 0
	               ? -1
	               : 0;
}

int doctor_judge(struct doctor *d, struct error *err)
{
	for (unsigned i = 0; i < doctor_checks_rows; i++)
		if (doctor_checks[i].look(d, &doctor_checks[i], err) < 0)
			return error_context(err, "%s", doctor_checks[i].id);
	return 0;
}
