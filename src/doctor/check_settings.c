/* SPDX-License-Identifier: BSD-2-Clause */

/* check_settings -- what Defaults.py and mm_cfg.py of the hosts say, one against the other. */

#include "doctor/inside.h"

#include "base/memory.h"
#include "lists/settings.h"

#include <ctype.h>
#include <string.h>

#define SHOWN_MAX 40u
#define VALUE_MAX 200u
#define PASSWORD_MAX (64u << 10)
#define TABLE_MAX (64u << 20)

/* Those that one host alone asks for: who sends, who is told of new lists. QRUNNERS has a check of
 * its own. */
static bool may_differ(const char *name)
{
	static const char *const names[] = {
		"SMTPHOST",        "SMTPPORT",  "SMTPLIB",          "POSTFIX_ALIAS_CMD",
		"POSTFIX_MAP_CMD", "QRUNNERS",  "MAILMAN_USER",     "SENDMAIL_CMD",
		"SMTP_USE_TLS",    "SMTP_AUTH", "MASTER_LOCK_FILE", "MAILMAN_GROUP"
	};

	for (size_t i = 0; i < ROWS(names); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static bool is_secret(const char *name)
{
	return strstr(name, "SECRET") || strstr(name, "PASS");
}

/* A path of another layout is no difference of its own. */
static bool is_path(const struct lists_setting *s)
{
	return lists_path_named(s->name) >= 0 ||
	       (s->value->kind == PYTHON_STR && span_starts(buf_span(&s->value->text), "/"));
}

static bool is_compared(const struct lists_setting *s)
{
	return s->value && !s->gone && isupper((unsigned char)s->name[0]) && !may_differ(s->name) &&
	       !is_path(s);
}

static void add_value(const struct lists_setting *s, struct buf *out)
{
	AUTO_BUF struct buf text = { 0 };

	if (is_secret(s->name)) {
		buf_add_text(out, "(not shown)");
		return;
	}
	python_repr(s->value, &text);
	buf_add(out, text.p, text.n < VALUE_MAX ? text.n : VALUE_MAX);
	if (text.n > VALUE_MAX)
		buf_add_text(out, " ...");
}

static bool is_equal(const struct lists_setting *a, const struct lists_setting *b)
{
	AUTO_BUF struct buf x = { 0 }, y = { 0 };

	python_repr(a->value, &x);
	python_repr(b->value, &y);
	return span_equal(buf_span(&x), buf_span(&y));
}

/* Of one host against the back end's: those of Defaults.py on both, or those a mm_cfg.py sets. */
static void compare(struct doctor *d, const struct doctor_check *c, size_t host, bool given)
{
	const struct lists_settings *back = d->hosts[d->back].m->settings;
	const struct lists_settings *here = d->hosts[host].m->settings;
	struct doctor_finding *f = NULL;
	size_t n = 0;

	for (size_t i = 0; i < back->n; i++) {
		const struct lists_setting *a = &back->rows[i], *b = lists_setting(here, a->name);
		AUTO_BUF struct buf x = { 0 }, y = { 0 };

		if (!b || !is_compared(a) || !is_compared(b) || (a->given || b->given) != given ||
		    is_equal(a, b) || n++ >= SHOWN_MAX)
			continue;
		if (!f)
			f = finding_add(d, c, given ? "mm_cfg.py" : "Defaults.py");
		f->on[host] = f->on[d->back] = true;
		add_value(a, &x);
		add_value(b, &y);
		finding_see(f, "%s: %s (%s line %u) says %s, %s (%s line %u) says %s", a->name,
		            d->hosts[d->back].name, a->file, a->line, buf_text(&x),
		            d->hosts[host].name, b->file, b->line, buf_text(&y));
	}
	if (n > SHOWN_MAX)
		finding_see(f, "and %zu more", n - SHOWN_MAX);
}

DOCTOR_CHECK(check_defaults)
{
	for (size_t i = 0; i < d->n; i++)
		if (i != d->back)
			compare(d, c, i, false);
	return 0;
}

DOCTOR_CHECK(check_site)
{
	for (size_t i = 0; i < d->n; i++)
		if (i != d->back)
			compare(d, c, i, true);
	return 0;
}

/* Only whether they are equal leaves this function. */
static int read_password(struct doctor_host *host, enum lists_path which, struct buf *out,
                         struct error *err)
{
	const char *path = host->places[which].end;
	struct error why = { 0 };

	if (path && host_read(host->h, path, PASSWORD_MAX, out, &why) < 0 &&
	    is_unreached(&why, err))
		return -1;
	return 0;
}

DOCTOR_CHECK(check_passwords)
{
	static const enum lists_path files[] = { LISTS_SITE_PW_FILE, LISTS_LISTCREATOR_PW_FILE };

	for (size_t i = 0; i < d->n * ROWS(files); i++) {
		enum lists_path which = files[i % ROWS(files)];
		size_t host = i / ROWS(files);
		AUTO_BUF struct buf back = { 0 }, here = { 0 };
		struct doctor_finding *f;

		/* where DATA_DIR is split that is what has to be mended */
		if (host == d->back ||
		    doctor_compare(d, which, d->back, host, NULL) != DOCTOR_OTHER ||
		    doctor_compare(d, LISTS_DATA_DIR, d->back, host, NULL) == DOCTOR_OTHER)
			continue;
		if (read_password(&d->hosts[d->back], which, &back, err) < 0 ||
		    read_password(&d->hosts[host], which, &here, err) < 0)
			return -1;
		if (span_equal(span_trim(buf_span(&back)), span_trim(buf_span(&here))))
			continue;
		f = finding_add(d, c, lists_path_kinds[which].name);
		f->on[host] = f->on[d->back] = true;
		finding_see(f, "%s's %s and %s's %s are not the same", d->hosts[d->back].name,
		            d->hosts[d->back].places[which].path, d->hosts[host].name,
		            d->hosts[host].places[which].path);
	}
	return 0;
}

/* Of Red Hat's builds, where the alias file lies in CONFIG_DIR and not in DATA_DIR. */
static int read_table(struct doctor_host *host, struct buf *out, struct error *err)
{
	AUTO_FREE char *path = lists_paths_join(&host->m->paths, LISTS_CONFIG_DIR, "aliases");
	const char *mta = lists_setting_text(host->m->settings, "MTA");
	struct error why = { 0 };

	if (!path || !mta || strcmp(mta, "Postfix") != 0)
		return 0;
	if (host_read(host->h, path, TABLE_MAX, out, &why) < 0)
		return is_unreached(&why, err) ? -1 : 0;
	return 1;
}

DOCTOR_CHECK(check_tables)
{
	AUTO_BUF struct buf back = { 0 };
	int is = read_table(&d->hosts[d->back], &back, err);

	for (size_t i = 0; i < d->n && is > 0; i++) {
		AUTO_BUF struct buf here = { 0 };
		struct doctor_finding *f;
		int found = i == d->back ? 0 : read_table(&d->hosts[i], &here, err);

		if (found < 0)
			return -1;
		if (!found || span_equal(buf_span(&here), buf_span(&back)))
			continue;
		f = finding_add(d, c, "aliases");
		f->on[i] = f->on[d->back] = true;
		finding_see(f,
		            "%s's %s/aliases (%zu octets) and %s's %s/aliases (%zu octets) are not "
		            "the same",
		            d->hosts[d->back].name, d->hosts[d->back].places[LISTS_CONFIG_DIR].path,
		            back.n, d->hosts[i].name, d->hosts[i].places[LISTS_CONFIG_DIR].path,
		            here.n);
	}
	return is < 0 ? -1 : 0;
}
