/* SPDX-License-Identifier: BSD-2-Clause */

/* check_programs -- versions of Mailman and of Python that do not go together. */

#include "doctor/inside.h"

#include "base/memory.h"

#include <string.h>

static bool is_text_same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

/* Another data version loses data; another release with the same one does not. */
DOCTOR_CHECK(check_versions)
{
	const struct doctor_host *back = &d->hosts[d->back];

	for (size_t i = 0; i < d->n; i++) {
		const struct doctor_host *h = &d->hosts[i];
		struct doctor_finding *f;

		if (!h->m->version || !back->m->version ||
		    is_text_same(h->m->version, back->m->version))
			continue;
		f = finding_add(d, c, "Mailman/Version.py");
		f->on[i] = f->on[d->back] = true;
		if (h->data_version == back->data_version)
			f->weight = DOCTOR_SHOULD;
		finding_see(f, "%s has %s (data version %lld), %s has %s (data version %lld)",
		            back->name, back->m->version, (long long)back->data_version, h->name,
		            h->m->version, (long long)h->data_version);
		for (size_t k = 0; k < h->packages.n; k++)
			finding_see(f, "%s: package %s", h->name, h->packages.rows[k]);
	}
	return 0;
}

/* Which Python is too new for which Mailman; to add one, add a row. Sources: Mailman's NEWS for 2.1.13
 * ("compatible with Python 2.6"), and that Python 3 reads only ports of it. */
static const struct {
	unsigned micro_from, micro_to; /* of 2.1.x */
	unsigned python_from;
	bool patched; /* distributions have packages that go together all the same */
	const char *words;
} conflicts[] = {
	{ 0, 12, 206, true,
	  "Mailman 2.1.12 and older raise strings as exceptions and import modules of the email "
	  "package by names that Python 2.6 has no more" },
	{ 0, 99, 300, false, "only ports of Mailman 2.1 run on Python 3" },
};

/* As installed from a distribution's package. */
static bool is_packaged(const struct doctor_host *h)
{
	for (size_t i = 0; i < h->packages.n; i++)
		if (span_starts(span_of(h->packages.rows[i]), "mailman"))
			return true;
	return false;
}

DOCTOR_CHECK(check_python)
{
	for (size_t i = 0; i < d->n * ROWS(conflicts); i++) {
		const struct doctor_host *h = &d->hosts[i / ROWS(conflicts)];
		size_t row = i % ROWS(conflicts);
		struct doctor_finding *f;
		unsigned micro;

		if (!h->m->version || sscanf(h->m->version, "2.1.%2u", &micro) != 1 ||
		    micro < conflicts[row].micro_from || micro > conflicts[row].micro_to ||
		    h->python_version < conflicts[row].python_from)
			continue;
		/* of two rows, the one with the newer Python says it all */
		if (row + 1 < ROWS(conflicts) &&
		    h->python_version >= conflicts[row + 1].python_from)
			continue;
		f = finding_add(d, c, h->python);
		f->on[i / ROWS(conflicts)] = true;
		if (conflicts[row].patched && is_packaged(h))
			f->weight = DOCTOR_SHOULD;
		finding_see(f, "%s runs Mailman %s on Python %u.%u: %s", h->name, h->m->version,
		            h->python_version / 100, h->python_version % 100, conflicts[row].words);
	}
	return 0;
}

/* What two Pythons on one set of files do to each other. */
static const char *words_for(unsigned older, unsigned newer, enum doctor_weight *weight)
{
	*weight = DOCTOR_MUST;
	if (older < 300 && newer >= 300)
		return "Python 3 writes pickles of protocol 4, and text where Python 2 has octets: "
		       "Python 2 can't read them";
	if (older < 205 && newer >= 205)
		return "since Python 2.5 messages in pickles are of email.message, which older "
		       "ones do not have";
	*weight = DOCTOR_SHOULD;
	return "both write pickles that the other one reads (protocol 2 at most); two versions are "
	       "two to keep";
}

DOCTOR_CHECK(check_pythons)
{
	const struct doctor_host *back = &d->hosts[d->back];

	for (size_t i = 0; i < d->n; i++) {
		const struct doctor_host *h = &d->hosts[i];
		unsigned a = back->python_version, b = h->python_version;
		struct doctor_finding *f;
		enum doctor_weight weight;
		const char *words;

		if (!a || !b || a == b)
			continue;
		words = a < b ? words_for(a, b, &weight) : words_for(b, a, &weight);
		f = finding_add(d, c, h->python);
		f->weight = weight;
		f->on[i] = f->on[d->back] = true;
		finding_see(f, "%s runs it by %s, Python %u.%u; %s by %s, Python %u.%u: %s",
		            back->name, back->python, a / 100, a % 100, h->name, h->python, b / 100,
		            b % 100, words);
	}
	return 0;
}

/* ── cron ────────────────────────────────────────────────────────────────────────────────────── */

#define CRONTAB_MAX (1u << 20)

/* Where the tables of packages lie, and those of Mailman's users. */
static const char *const crontabs[] = {
	"/etc/cron.d/mailman",           "/etc/crontab",
	"/var/spool/cron/crontabs/list", "/var/spool/cron/crontabs/mailman",
	"/var/spool/cron/mailman",       "/var/cron/tabs/mailman",
};

/* A line that is in force and starts what would be sent twice. */
static bool has_mailman(struct span text)
{
	struct span line;

	while (span_next_line(&text, &line)) {
		line = span_trim(line);
		if (!span_starts(line, "#") && (span_find_text(line, "/cron/senddigests") >= 0 ||
		                                span_find_text(line, "/cron/mailpasswds") >= 0 ||
		                                span_find_text(line, "/cron/checkdbs") >= 0))
			return true;
	}
	return false;
}

/* The first one of a host; NULL: none. */
static int find_crontab(struct host *h, const char **found, struct error *err)
{
	*found = NULL;
	for (size_t i = 0; i < ROWS(crontabs) && !*found; i++) {
		AUTO_BUF struct buf text = { 0 };
		struct error why = { 0 };

		if (host_read(h, crontabs[i], CRONTAB_MAX, &text, &why) == 0 &&
		    has_mailman(buf_span(&text)))
			*found = crontabs[i];
		else if (is_unreached(&why, err))
			return -1;
	}
	return 0;
}

DOCTOR_CHECK(check_cron)
{
	const char *found[DOCTOR_HOSTS_MAX];
	struct doctor_finding *f;
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++) {
		if (find_crontab(d->hosts[i].h, &found[i], err) < 0)
			return -1;
		n += found[i] != NULL;
	}
	if (n < 2)
		return 0;
	f = finding_add(d, c, "cron");
	for (size_t i = 0; i < d->n; i++) {
		f->on[i] = found[i] != NULL;
		if (found[i])
			finding_see(f, "%s: %s", d->hosts[i].name, found[i]);
	}
	return 0;
}
