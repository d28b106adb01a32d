/* SPDX-License-Identifier: BSD-2-Clause */

/* doctor -- one Mailman on several hosts: what is not as it has to be. */

#include "doctor/doctor.h"
#include "cmd/open.h"
#include "cmd/verbs.h"

#include "base/clock.h"
#include "base/memory.h"
#include "lists/layouts.h"
#include "lists/queue.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* The hosts that were named, and their installations. */
struct named {
	const char *prefix, *back;
	bool probe, hand_in;
	struct host *hosts[DOCTOR_HOSTS_MAX];
	struct lists_installations found[DOCTOR_HOSTS_MAX];
	size_t n;
};

static void named_fini(struct named *d)
{
	for (size_t i = 0; i < d->n; i++) {
		lists_installations_fini(&d->found[i]);
		host_close(d->hosts[i]);
	}
}

static int open_one(struct named *d, const char *name, bool control, struct error *err)
{
	size_t i = d->n++;

	if (cmd_open_place(&d->hosts[i], name, name, control, err) < 0 ||
	    lists_paths_find(d->hosts[i], d->prefix, &d->found[i], err) < 0)
		return -1;
	if (d->found[i].n == 1)
		return 0;
	error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0, "%s has %zu Mailmans", name,
	          d->found[i].n);
	return error_hint(err, "--prefix DIR names one of them");
}

/* ── JSON ────────────────────────────────────────────────────────────────────────────────────── */

/* What came from a host, fit for a terminal and for UTF-8. */
static json_t *text_json(const char *text)
{
	AUTO_BUF struct buf shown = { 0 };

	if (!text)
		return json_null();
	buf_add_printable(&shown, span_of(text));
	return json_string(buf_text(&shown));
}

static json_t *texts_json(const struct strings *texts)
{
	json_t *list = json_array();

	for (size_t i = 0; i < texts->n; i++)
		json_array_append_new(list, text_json(texts->rows[i]));
	return list;
}

static json_t *host_json(const struct doctor *d, size_t i)
{
	const struct doctor_host *h = &d->hosts[i];
	json_t *o = json_pack("{s:s, s:b, s:s, s:o, s:o, s:I, s:o, s:I, s:o, s:s, s:b}", "name",
	                      h->name, "back", i == d->back, "layout", h->m->layout->name,
	                      "settings", text_json(h->m->settings_file), "version",
	                      text_json(h->m->version), "data_version", (json_int_t)h->data_version,
	                      "python", text_json(h->python), "python_version",
	                      (json_int_t)h->python_version, "packages", texts_json(&h->packages),
	                      "selinux", h->selinux, "apparmor", h->apparmor);

	if (h->knows_clock) {
		json_object_set_new(o, "clock_ahead_ms", json_integer(h->ahead_ms));
		json_object_set_new(o, "clock_doubt_ms", json_integer(h->give_or_take_ms));
	}
	return o;
}

static const char *same_name(enum doctor_same same)
{
	static const char *const names[] = {
		[DOCTOR_UNKNOWN] = "not known",
		[DOCTOR_SAME] = "same",
		[DOCTOR_OTHER] = "other",
		[DOCTOR_NEITHER] = "nowhere",
	};

	return names[same];
}

static json_t *path_json(const struct doctor *d, enum lists_path which)
{
	json_t *places = json_array();

	for (size_t i = 0; i < d->n; i++) {
		const struct doctor_place *p = &d->hosts[i].places[which];
		AUTO_BUF struct buf how = { 0 };
		enum doctor_same same = i == d->back ? DOCTOR_SAME
		                                     : doctor_compare(d, which, d->back, i, &how);

		json_array_append_new(
			places,
			json_pack("{s:s, s:o, s:b, s:o, s:o, s:I, s:I, s:I, s:I, s:s, s:s}", "host",
		                  d->hosts[i].name, "path", text_json(p->path), "there",
		                  p->is_there, "file_system",
		                  text_json(p->mount ? p->mount->type : NULL), "source",
		                  text_json(p->mount ? p->mount->source : NULL), "device",
		                  (json_int_t)p->device, "file_system_id", (json_int_t)p->fs_id,
		                  "inode", (json_int_t)p->inode, "waiting", (json_int_t)p->waiting,
		                  "as_back_end", same_name(same), "known_by", buf_text(&how)));
	}
	return json_pack("{s:s, s:s, s:s, s:o}", "variable", lists_path_kinds[which].name, "share",
	                 lists_share_name(lists_path_kinds[which].share), "storage",
	                 same_name(doctor_shared(d, which)), "places", places);
}

static json_t *finding_json(const struct doctor *d, const struct doctor_finding *f)
{
	json_t *hosts = json_array();

	for (size_t i = 0; i < d->n; i++)
		if (f->on[i])
			json_array_append_new(hosts, json_string(d->hosts[i].name));
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:s, s:s}", "id", f->check->id, "verdict",
	                 doctor_weight_name(f->weight), "hosts", hosts, "what", text_json(f->what),
	                 "seen", texts_json(&f->seen), "why", f->check->why, "remedy",
	                 f->check->remedy);
}

static json_t *stranded_json(const struct doctor *d, const struct doctor_stranded *s)
{
	double age = s->q.at > 0 ? (double)clock_wall_ms() / 1000 - s->q.at : 0;

	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:b, s:o}", "host",
	                 d->hosts[s->host].name, "queue", lists_queue_name(s->queue), "dir",
	                 text_json(s->dir), "file", text_json(s->q.name), "list",
	                 text_json(s->q.list), "sender", text_json(s->q.sender), "subject",
	                 text_json(s->q.subject), "message_id", text_json(s->q.message_id), "age_s",
	                 age, "in_force", s->is_in_force, "problem", text_json(s->q.problem));
}

static void print_json(const struct doctor *d)
{
	json_t *hosts = json_array(), *paths = json_array(), *findings = json_array();
	json_t *stranded = json_array(), *all;

	for (size_t i = 0; i < d->n; i++)
		json_array_append_new(hosts, host_json(d, i));
	for (enum lists_path i = 0; i < LISTS_PATHS; i++)
		json_array_append_new(paths, path_json(d, i));
	for (size_t i = 0; i < d->findings_n; i++)
		json_array_append_new(findings, finding_json(d, &d->findings[i]));
	for (size_t i = 0; i < d->stranded_n; i++)
		json_array_append_new(stranded, stranded_json(d, &d->stranded[i]));
	all = json_pack("{s:o, s:o, s:b, s:o, s:o, s:o}", "hosts", hosts, "paths", paths, "probed",
	                d->probed, "findings", findings, "stranded", stranded, "troubles",
	                texts_json(&d->troubles));
	json_dumpf(all, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(all);
}

/* ── for a person ────────────────────────────────────────────────────────────────────────────── */

static void print_finding(const struct doctor *d, const struct doctor_finding *f)
{
	AUTO_BUF struct buf what = { 0 };

	buf_add_printable(&what, span_of(f->what));
	printf("%-6s  %s  %s, on", doctor_weight_name(f->weight), f->check->id, buf_text(&what));
	for (size_t i = 0; i < d->n; i++)
		if (f->on[i])
			printf(" %s", d->hosts[i].name);
	putchar('\n');
	for (size_t i = 0; i < f->seen.n; i++)
		printf("        %s\n", f->seen.rows[i]);
	printf("        why: %s\n        remedy: %s\n", f->check->why, f->check->remedy);
}

static void print_host(const struct doctor_host *h)
{
	printf("%s: Mailman %s (%s)", h->name, h->m->version ? h->m->version : "not known",
	       h->m->layout->title);
	printf(", Python %u.%u", h->python_version / 100, h->python_version % 100);
	if (!h->python_version)
		printf(" (not known)");
	printf(", SELinux %s, AppArmor %s", h->selinux, h->apparmor ? "on" : "off");
	if (h->knows_clock)
		printf(", clock %+.3f s (give or take %.3f)", (double)h->ahead_ms / 1000,
		       (double)h->give_or_take_ms / 1000);
	putchar('\n');
}

static void print_paths(const struct doctor *d)
{
	for (enum lists_path w = 0; w < LISTS_PATHS; w++) {
		printf("%s (%s share): %s\n", lists_path_kinds[w].name,
		       lists_share_name(lists_path_kinds[w].share), same_name(doctor_shared(d, w)));
		for (size_t i = 0; i < d->n; i++) {
			AUTO_BUF struct buf words = { 0 }, shown = { 0 };

			doctor_describe(d, w, i, &words);
			buf_add_printable(&shown, buf_span(&words));
			printf("    %s\n", buf_text(&shown));
		}
	}
}

static size_t count(const struct doctor *d, enum doctor_weight weight)
{
	size_t n = 0;

	for (size_t i = 0; i < d->findings_n; i++)
		n += d->findings[i].weight == weight;
	return n;
}

static void print_all(const struct doctor *d, bool verbose)
{
	if (verbose) {
		for (size_t i = 0; i < d->n; i++)
			print_host(&d->hosts[i]);
		print_paths(d);
	}
	for (size_t i = 0; i < d->findings_n; i++)
		print_finding(d, &d->findings[i]);
	for (size_t i = 0; i < d->troubles.n; i++)
		fprintf(stderr, "mailhaul: %s\n", d->troubles.rows[i]);
	printf("%zu must, %zu should, %zu to know; %zu messages stranded; %u questions to %zu "
	       "hosts%s\n",
	       count(d, DOCTOR_MUST), count(d, DOCTOR_SHOULD), count(d, DOCTOR_INFO), d->stranded_n,
	       doctor_checks_rows, d->n, d->probed ? ", probed" : "");
}

/* ── running ─────────────────────────────────────────────────────────────────────────────────── */

static bool get_options(struct cmd_run *run, struct named *d)
{
	static const struct option options[] = {
		{ "prefix", required_argument, NULL, 'p' },
		{ "back", required_argument, NULL, 'b' },
		{ "probe", no_argument, NULL, 't' },
		{ "hand-in", no_argument, NULL, 'i' },
		{ "dry-run", no_argument, NULL, 'd' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(run->argc, run->argv, "", options, NULL)) != -1) {
		if (c == 'p')
			d->prefix = optarg;
		else if (c == 'b')
			d->back = optarg;
		else if (c == 't')
			d->probe = true;
		else if (c == 'i')
			d->hand_in = true;
		else if (c == 'd')
			run->dry_run = true;
		else
			return false;
	}
	return run->argc - optind >= 2 && run->argc - optind <= (int)DOCTOR_HOSTS_MAX &&
	       (!run->dry_run || d->hand_in);
}

static int hand_in(struct cmd_run *run, struct doctor *d, struct error *err)
{
	size_t done, left;

	for (size_t i = 0; i < d->troubles.n; i++)
		fprintf(stderr, "mailhaul: %s\n", d->troubles.rows[i]);
	if (doctor_hand_in(d, run->dry_run, stdout, &done, &left, err) < 0)
		return -1;
	printf("%zu %s, %zu left\n", done, run->dry_run ? "would be handed in" : "handed in", left);
	return left ? EXIT_CODE_NO : EXIT_CODE_GOOD;
}

int cmd_doctor(struct cmd_run *run, struct error *err)
{
	__attribute__((cleanup(named_fini))) struct named named = { 0 };
	AUTO_DOCTOR struct doctor d = { 0 };
	bool control;

	if (!get_options(run, &named))
		return EXIT_CODE_USAGE;
	control = named.probe || (named.hand_in && !run->dry_run);
	for (int i = optind; i < run->argc; i++) {
		if (open_one(&named, run->argv[i], control, err) < 0)
			return -1;
		doctor_add(&d, run->argv[i], named.hosts[named.n - 1],
		           named.found[named.n - 1].rows);
	}
	if (doctor_look(&d, named.back, err) < 0 || (named.probe && doctor_probe(&d, err) < 0))
		return -1;
	if (named.hand_in)
		return hand_in(run, &d, err);
	if (doctor_judge(&d, err) < 0)
		return -1;
	if (run->json)
		print_json(&d);
	else
		print_all(&d, run->verbose);
	/* what could not be looked at is not good either */
	return count(&d, DOCTOR_MUST) || count(&d, DOCTOR_SHOULD) || d.troubles.n ? EXIT_CODE_NO
	                                                                          : EXIT_CODE_GOOD;
}
