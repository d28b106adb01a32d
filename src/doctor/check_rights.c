/* SPDX-License-Identifier: BSD-2-Clause */

/* check_rights -- who is who by number, what time it is, and what SELinux and AppArmor forbid. */

#include "doctor/inside.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* An error of measuring that short lines have too. */
#define SKEW_MS 1000
/* Mailman gives locks so much (LockFile.py, CLOCK_SLOP). */
#define SKEW_MUST_MS 10000

static void describe_ids(const struct doctor_host *h, struct buf *out)
{
	const struct system_user *u = system_user_named(&h->users, h->m->user);
	const struct system_group *g = system_group_named(&h->users, h->m->group);

	buf_addf(out, "%s: ", h->name);
	if (u)
		buf_addf(out, "user %s is %u", h->m->user, u->uid);
	else
		buf_addf(out, "there is no user %s", h->m->user);
	if (g)
		buf_addf(out, ", group %s is %u", h->m->group, g->gid);
	else
		buf_addf(out, ", there is no group %s", h->m->group);
}

static bool have_same_ids(const struct doctor_host *a, const struct doctor_host *b)
{
	const struct system_user *u = system_user_named(&a->users, a->m->user);
	const struct system_user *v = system_user_named(&b->users, b->m->user);
	const struct system_group *g = system_group_named(&a->users, a->m->group);
	const struct system_group *k = system_group_named(&b->users, b->m->group);

	return u && v && g && k && u->uid == v->uid && g->gid == k->gid;
}

DOCTOR_CHECK(check_ids)
{
	const struct doctor_host *back = &d->hosts[d->back];
	struct doctor_finding *f = NULL;

	for (size_t i = 0; i < d->n; i++) {
		const struct doctor_host *h = &d->hosts[i];
		AUTO_BUF struct buf words = { 0 };

		/* of a host whose users could not be read, that was told */
		if (i == d->back || !h->users.users_n || !back->users.users_n ||
		    have_same_ids(back, h))
			continue;
		if (!f) {
			f = finding_add(d, c, back->m->user);
			f->on[d->back] = true;
			describe_ids(back, &words);
			finding_see(f, "%s", buf_text(&words));
			buf_reset(&words);
		}
		f->on[i] = true;
		describe_ids(h, &words);
		finding_see(f, "%s", buf_text(&words));
	}
	return 0;
}

DOCTOR_CHECK(check_clocks)
{
	const struct doctor_host *back = &d->hosts[d->back];

	for (size_t i = 0; i < d->n; i++) {
		const struct doctor_host *h = &d->hosts[i];
		int64_t apart = h->ahead_ms - back->ahead_ms;
		int64_t doubt = h->give_or_take_ms + back->give_or_take_ms;
		struct doctor_finding *f;

		if (i == d->back || !h->knows_clock || !back->knows_clock ||
		    llabs(apart) - doubt <= SKEW_MS)
			continue;
		f = finding_add(d, c, "clock");
		f->on[i] = f->on[d->back] = true;
		if (llabs(apart) - doubt > SKEW_MUST_MS)
			f->weight = DOCTOR_MUST;
		finding_see(f, "%s is %.1f s %s %s, give or take %.1f s", h->name,
		            (double)llabs(apart) / 1000, apart > 0 ? "ahead of" : "behind",
		            back->name, (double)doubt / 1000);
	}
	return 0;
}

/* ── denials ─────────────────────────────────────────────────────────────────────────────────── */

static const char *const logs[] = { "/var/log/audit/audit.log", "/var/log/messages",
	                            "/var/log/syslog", "/var/log/kern.log" };

static bool is_denial(struct span line)
{
	bool denied = (span_find_text(line, "avc:") >= 0 && span_find_text(line, "denied") >= 0) ||
	              span_find_text(line, "apparmor=\"DENIED\"") >= 0;

	return denied && span_find_text(line, "mailman") >= 0;
}

static int look_into(struct doctor *d, const struct doctor_check *c, size_t host, const char *log,
                     struct error *err)
{
	AUTO_BUF struct buf last = { 0 };
	struct doctor_finding *f;
	size_t n;

	if (log_search(d, host, log, is_denial, &last, &n, err) < 0)
		return -1;
	if (!n)
		return 0;
	f = finding_add(d, c, log);
	f->on[host] = true;
	finding_see(f, "%s: SELinux %s, AppArmor %s; %zu denials in the end of %s, the last: %s",
	            d->hosts[host].name, d->hosts[host].selinux,
	            d->hosts[host].apparmor ? "on" : "off", n, log, buf_text(&last));
	return 0;
}

DOCTOR_CHECK(check_denials)
{
	for (size_t i = 0; i < d->n * ROWS(logs); i++)
		if (look_into(d, c, i / ROWS(logs), logs[i % ROWS(logs)], err) < 0)
			return -1;
	return 0;
}

DOCTOR_CHECK(check_selinux)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct doctor_place *p = &d->hosts[i].places[LISTS_LIST_DATA_DIR];
		AUTO_BUF struct buf text = { 0 };
		struct doctor_finding *f;
		struct error why = { 0 };

		if (strcmp(d->hosts[i].selinux, "enforcing") != 0 || !p->mount ||
		    strncmp(p->mount->type, "nfs", 3) != 0)
			continue;
		/* "1 1": in force, and as it will be */
		if (host_read(d->hosts[i].h, "/sys/fs/selinux/booleans/httpd_use_nfs", 100, &text,
		              &why) < 0) {
			if (is_unreached(&why, err))
				return -1;
			continue;
		}
		if (!span_starts(buf_span(&text), "0"))
			continue;
		f = finding_add(d, c, "httpd_use_nfs");
		f->on[i] = true;
		finding_see(f,
		            "%s: SELinux is enforcing, %s is on %s from %s, httpd_use_nfs is off",
		            d->hosts[i].name, p->path, p->mount->type, p->mount->source);
	}
	return 0;
}
