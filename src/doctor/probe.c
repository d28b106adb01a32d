/* SPDX-License-Identifier: BSD-2-Clause */

/* probe -- a small file written on one host and looked for on the others: the only look at storage that
 * believes nothing. */

#include "doctor/inside.h"

#include "base/memory.h"
#include "remote/tree.h"

#include <string.h>
#include <sys/random.h>

/* No runner, and no program of Mailman, takes such a name for one of its own. */
#define NAME_BEGIN ".mailhaul-probe-"

static bool is_probed(enum lists_path which)
{
	const struct lists_path_kind *kind = &lists_path_kinds[which];

	return !kind->is_file && (kind->share == LISTS_SHARE_MUST || storage_is_queue(which) ||
	                          which == LISTS_SPAM_DIR);
}

struct failure {
	bool failed;
	struct error why;
};

static void told_failed(void *context, uint64_t id, const struct error *why)
{
	*(struct failure *)context = (struct failure){ true, *why };
}

static void told_note(void *context, uint64_t id, const char *words)
{
}

static int remove_names(struct host *h, const char *dir, const struct strings *names,
                        struct error *err)
{
	struct failure failure = { 0 };
	const struct tree_outcome outcome = { &failure, told_failed, told_note };
	AUTO_TREE_WRITER struct tree_writer *w = NULL;
	uint64_t done;

	if (!names->n)
		return 0;
	w = tree_writer_new(h, dir);
	for (size_t i = 0; i < names->n; i++)
		if (tree_write_remove(w, i, names->rows[i], false, err) < 0)
			return -1;
	if (tree_write_commit(w, &outcome, &done, err) < 0)
		return -1;
	if (!failure.failed)
		return 0;
	*err = failure.why;
	return error_context(err, "remove what the probe wrote in %s", dir);
}

/* Everything of a probe that lies there, of this one too: also the name under which a write that was
 * broken off lies. */
static int clean(struct doctor_host *host, const char *dir, struct error *err)
{
	AUTO_LISTING struct host_listing l = { 0 };
	AUTO_STRINGS struct strings names = { 0 };

	if (host_list(host->h, dir, 1, &l, err) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++)
		if (span_starts(span_of(l.rows[i].path), NAME_BEGIN) ||
		    span_starts(span_of(l.rows[i].path), "." NAME_BEGIN))
			strings_add(&names, l.rows[i].path);
	return remove_names(host->h, dir, &names, err);
}

/* One host writes, the others look. */
static int probe_from(struct doctor *d, enum lists_path which, size_t from, const char *name,
                      struct error *err)
{
	const struct doctor_host *writer = &d->hosts[from];
	AUTO_FREE char *path = xasprintf("%s/%s", writer->places[which].end, name);

	if (host_write(writer->h, path, 0600, 0, 0, span_of(name), err) < 0)
		return -1;
	for (size_t to = 0; to < d->n; to++) {
		const struct doctor_place *p = &d->hosts[to].places[which];
		AUTO_FREE char *there = p->end ? xasprintf("%s/%s", p->end, name) : NULL;
		AUTO_BUF struct buf text = { 0 };
		struct error why = { 0 };
		bool seen;

		if (to == from || !there)
			continue;
		seen = host_read(d->hosts[to].h, there, 200, &text, &why) == 0 &&
		       span_is(buf_span(&text), name);
		if (!seen && is_unreached(&why, err))
			return -1;
		d->tokens[which][from][to] = seen ? DOCTOR_TOKEN_SEEN : DOCTOR_TOKEN_NOT_SEEN;
	}
	return 0;
}

/* A failure of the probe is told; the other places are still probed. */
static int give_up(struct doctor *d, enum lists_path which, size_t host, const struct error *why,
                   struct error *err)
{
	if (is_unreached(why, err))
		return -1;
	strings_addf(&d->troubles, "%s: %s: probe: %s", d->hosts[host].name,
	             lists_path_kinds[which].name, why->text);
	return 0;
}

static int probe_place(struct doctor *d, enum lists_path which, size_t from, struct error *err)
{
	struct error why = { 0 };
	unsigned char octets[12];
	AUTO_BUF struct buf name = { 0 };
	int result;

	if (!d->hosts[from].places[which].end)
		return 0;
	if (getrandom(octets, sizeof octets, 0) != (ssize_t)sizeof octets)
		return error_system(err, "getrandom");
	buf_add_text(&name, NAME_BEGIN);
	buf_add_hex(&name, octets, sizeof octets);
	result = probe_from(d, which, from, buf_text(&name), &why);
	if (result < 0 && give_up(d, which, from, &why, err) < 0)
		result = -2; /* the writer may still be there */
	if (clean(&d->hosts[from], d->hosts[from].places[which].end, &why) < 0 && result != -2 &&
	    give_up(d, which, from, &why, err) < 0)
		return -1;
	return result == -2 ? -1 : 0;
}

int doctor_probe(struct doctor *d, struct error *err)
{
	for (enum lists_path which = 0; which < LISTS_PATHS; which++)
		for (size_t i = 0; is_probed(which) && i < d->n; i++)
			if (probe_place(d, which, i, err) < 0)
				return -1;
	d->probed = true;
	/* what is cut off is known better now */
	for (size_t i = 0; i < d->stranded_n; i++)
		stranded_fini(&d->stranded[i]);
	d->stranded_n = 0;
	return stranded_read(d, err);
}
