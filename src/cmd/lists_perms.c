/* SPDX-License-Identifier: BSD-2-Clause */

/* lists_perms -- rights on what belongs to Mailman: `mailhaul lists perms`. */

#include "cmd/lists.h"

#include "base/file.h"
#include "cmd/lists_place.h"
#include "lists/perms.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>

#define BASELINE_MAX (1u << 30)

struct wanted {
	struct lists_place_wishes place;
	const char *baseline;
	bool repair;
};

static const char *fault_name(enum lists_perm_fault fault)
{
	static const char *const names[] = {
		[LISTS_PERM_MODE] = "mode",
		[LISTS_PERM_OWNER] = "owner",
		[LISTS_PERM_LINK] = "link",
		[LISTS_PERM_LEAK] = "leak",
	};

	return names[fault];
}

/* ── a baseline ──────────────────────────────────────────────────────────────────────────────── */

static int write_baseline(const struct lists_perms *p, const char *file, struct error *err)
{
	AUTO_BUF struct buf text = { 0 };

	lists_perms_baseline(p, &text);
	if (file_write_path_durable(file, 0600, buf_span(&text), err) < 0)
		return -1;
	fprintf(stderr, "%s: the rights of %zu names were written down\n", file, p->n);
	return 0;
}

/* Of a baseline that is there; else this is the one that later ones are held against. */
static int use_baseline(const struct lists_perms *p, const char *file, struct strings *differences,
                        struct error *err)
{
	AUTO_BUF struct buf text = { 0 };

	if (file_read(file, BASELINE_MAX, &text, err) < 0) {
		if (err->sys_errno != ENOENT)
			return -1;
		*err = (struct error){ 0 };
		return write_baseline(p, file, err);
	}
	if (lists_perms_compare(p, buf_span(&text), differences, err) < 0)
		return error_context(err, "%s", file);
	return 0;
}

/* ── printing ────────────────────────────────────────────────────────────────────────────────── */

static json_t *texts_json(const struct strings *texts)
{
	json_t *list = json_array();

	for (size_t i = 0; i < texts->n; i++)
		json_array_append_new(list, json_string(texts->rows[i]));
	return list;
}

static void print_json(const struct lists_perms *p, const struct strings *differences)
{
	json_t *list = json_array();
	json_t *all;

	for (size_t i = 0; i < p->findings_n; i++) {
		const struct lists_perm_finding *f = &p->findings[i];
		AUTO_BUF struct buf path = { 0 }, words = { 0 };

		buf_add_printable(&path, span_of(f->path));
		buf_add_printable(&words, span_of(f->words));
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b, s:i, s:i}", "fault",
		                                      fault_name(f->fault), "path", buf_text(&path),
		                                      "words", buf_text(&words), "mendable",
		                                      f->mendable, "mode", (int)f->mode, "should",
		                                      (int)f->should_mode));
	}
	all = json_pack("{s:I, s:o, s:o, s:o}", "names", (json_int_t)p->n, "findings", list,
	                "differences", texts_json(differences), "troubles",
	                texts_json(&p->troubles));
	json_dumpf(all, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(all);
}

static void print_findings(const struct lists_perms *p, const struct strings *differences)
{
	for (size_t i = 0; i < p->findings_n; i++) {
		const struct lists_perm_finding *f = &p->findings[i];
		AUTO_BUF struct buf line = { 0 };

		buf_addf(&line, "%-5s %s: %s%s", fault_name(f->fault), f->path, f->words,
		         f->mendable ? "" : " (for a person)");
		AUTO_BUF struct buf shown = { 0 };
		buf_add_printable(&shown, buf_span(&line));
		puts(buf_text(&shown));
	}
	for (size_t i = 0; i < differences->n; i++)
		puts(differences->rows[i]);
	for (size_t i = 0; i < p->troubles.n; i++)
		fprintf(stderr, "mailhaul: %s\n", p->troubles.rows[i]);
	printf("%zu names, %zu findings%s", p->n, p->findings_n, differences->n ? "" : "\n");
	if (differences->n)
		printf(", %zu differences from the baseline\n", differences->n);
}

/* ── repairing ───────────────────────────────────────────────────────────────────────────────── */

static void print_what_would_be(const struct lists_perms *p)
{
	for (size_t i = 0; i < p->findings_n; i++) {
		const struct lists_perm_finding *f = &p->findings[i];
		AUTO_BUF struct buf path = { 0 };

		buf_add_printable(&path, span_of(f->path));
		if (!f->mendable)
			printf("by hand  %s: %s\n", buf_text(&path), f->words);
		else if (f->target || !f->should_mode)
			printf("would    %s: %s%s\n", buf_text(&path),
			       f->target ? "link to " : "take it away", f->target ? f->target : "");
		else
			printf("would    %s: %04o %u:%u becomes %04o %u:%u\n", buf_text(&path),
			       f->mode, f->uid, f->gid, f->should_mode, f->should_uid,
			       f->should_gid);
	}
}

static int repair(struct lists_place *place, const struct lists_perms *p, struct error *err)
{
	AUTO_LISTS_PERMS struct lists_perms after = { 0 };
	size_t done, failed;

	if (lists_perms_repair(place->h, p, stdout, &done, &failed, err) < 0)
		return -1;
	if (lists_perms_check(place->h, &place->all.rows[0], &after, err) < 0)
		return -1;
	for (size_t i = 0; i < after.findings_n; i++)
		printf("left    %s: %s\n", after.findings[i].path, after.findings[i].words);
	printf("%zu mended, %zu failed, %zu findings are left\n", done, failed, after.findings_n);
	return failed || after.findings_n ? EXIT_CODE_NO : EXIT_CODE_GOOD;
}

static bool get_options(struct cmd_run *run, struct wanted *w)
{
	static const struct option options[] = {
		LISTS_PLACE_OPTIONS,
		{ "baseline", required_argument, NULL, 'b' },
		{ "repair", no_argument, NULL, 'r' },
		{ "dry-run", no_argument, NULL, 'd' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(run->argc, run->argv, "", options, NULL)) != -1) {
		if (lists_place_option(&w->place, c, optarg))
			continue;
		if (c == 'b')
			w->baseline = optarg;
		else if (c == 'r')
			w->repair = true;
		else if (c == 'd')
			run->dry_run = true;
		else
			return false;
	}
	return optind == run->argc;
}

int lists_perms(struct cmd_run *run, struct error *err)
{
	AUTO_STRINGS struct strings differences = { 0 };
	AUTO_LISTS_PERMS struct lists_perms p = { 0 };
	AUTO_LISTS_PLACE struct lists_place place = { 0 };
	struct wanted w = { 0 };

	if (!get_options(run, &w))
		return EXIT_CODE_USAGE;
	w.place.control = w.repair && !run->dry_run;
	if (lists_place_open(&place, run, &w.place, err) < 0 ||
	    lists_perms_check(place.h, &place.all.rows[0], &p, err) < 0)
		return -1;
	if (w.baseline && use_baseline(&p, w.baseline, &differences, err) < 0)
		return -1;
	if (w.repair && !run->dry_run)
		return repair(&place, &p, err);
	if (w.repair)
		print_what_would_be(&p);
	else if (run->json)
		print_json(&p, &differences);
	else
		print_findings(&p, &differences);
	return p.findings_n || differences.n || p.troubles.n ? EXIT_CODE_NO : EXIT_CODE_GOOD;
}
