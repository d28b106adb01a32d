/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/verbs.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "move/move.h"
#include "state/evidence.h"
#include "state/items.h"

#include <jansson.h>
#include <stdio.h>

/*
 * report -- the evidence as one HTML file and one JSON file, each whole by itself: no picture, no
 * script, no style sheet from elsewhere.
 */

static const char head[] =
	"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	"<meta name=\"viewport\" content=\"width=device-width\">\n<title>Report of a move</title>\n"
	"<style>body{font:16px/1.5 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 "
	"1em}"
	"table{border-collapse:collapse;width:100%;margin:1em 0}"
	"td,th{border-bottom:1px solid #ccc;padding:.25em .6em;text-align:left;vertical-align:top}"
	"th{background:#eee}.no{color:#a00;font-weight:bold}pre{white-space:pre-wrap}"
	"@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}th{background:#222}"
	".no{color:#f77}}</style></head><body>\n";

/* What comes from hosts is text, never markup. */
static void add_cell(struct buf *out, const char *text)
{
	buf_add_text(out, "<td>");
	buf_add_markup(out, span_of(text));
	buf_add_text(out, "</td>");
}

struct report {
	struct buf html;
	json_t *journal, *evidence, *items;
};

static json_t *text_json(const char *text)
{
	AUTO_BUF struct buf printable = { 0 };

	buf_add_printable(&printable, span_of(text)); /* JSON is UTF-8: RFC 8259 section 8.1 */
	return json_string(buf_text(&printable));
}

static int add_journal(void *context, const struct journal_record *r, struct error *err)
{
	struct report *report = context;
	char when[32];

	buf_add_text(&report->html, "<tr>");
	add_cell(&report->html, clock_text(when, r->at_ms));
	buf_addf(&report->html, "<td>%lld</td>", (long long)r->attempt);
	add_cell(&report->html, r->step);
	buf_addf(&report->html, "<td%s>%s</td>", r->mark == JOURNAL_FAILED ? " class=no" : "",
	         journal_mark_name(r->mark));
	add_cell(&report->html, r->detail);
	buf_add_text(&report->html, "</tr>\n");
	json_array_append_new(report->journal,
	                      json_pack("{s:I, s:I, s:s, s:s, s:o}", "at_ms", (json_int_t)r->at_ms,
	                                "attempt", (json_int_t)r->attempt, "step", r->step, "mark",
	                                journal_mark_name(r->mark), "detail",
	                                text_json(r->detail)));
	return 0;
}

static int add_evidence(void *context, const struct evidence_record *r, struct error *err)
{
	struct report *report = context;
	json_t *whole = *r->json ? json_loads(r->json, JSON_DECODE_ANY, NULL) : NULL;
	char when[32];

	buf_add_text(&report->html, "<tr>");
	add_cell(&report->html, clock_text(when, r->at_ms));
	add_cell(&report->html, r->topic);
	add_cell(&report->html, r->words);
	buf_add_text(&report->html, "</tr>\n");
	json_array_append_new(report->evidence,
	                      json_pack("{s:I, s:s, s:o, s:o*}", "at_ms", (json_int_t)r->at_ms,
	                                "topic", r->topic, "words", text_json(r->words), "whole",
	                                whole));
	return 0;
}

static int add_items(struct cmd_run *run, struct report *report, struct error *err)
{
	static const char *const sites[] = { "old", "new" };
	char size[16];

	for (size_t s = 0; s < ROWS(sites); s++) {
		AUTO_ITEMS struct items items = { 0 };

		if (items_load(run->state, sites[s], NULL, &items, err) < 0)
			return -1;
		for (size_t i = 0; i < items.n; i++) {
			const struct item *item = &items.rows[i];

			buf_add_text(&report->html, "<tr>");
			add_cell(&report->html, item->site);
			add_cell(&report->html, item->kind);
			add_cell(&report->html, item->name);
			add_cell(&report->html, item->source);
			add_cell(&report->html, item->size ? text_size(size, item->size) : "");
			add_cell(&report->html, item_class_name(item->class));
			add_cell(&report->html, item->reason);
			buf_add_text(&report->html, "</tr>\n");
			json_array_append_new(report->items,
			                      json_pack("{s:s, s:s, s:o, s:o, s:I, s:I, s:s, s:o}",
			                                "site", item->site, "kind", item->kind,
			                                "name", text_json(item->name), "source",
			                                text_json(item->source), "size",
			                                (json_int_t)item->size, "count",
			                                (json_int_t)item->count, "class",
			                                item_class_name(item->class), "reason",
			                                text_json(item->reason)));
		}
	}
	return 0;
}

static int write_both(struct cmd_run *run, struct report *report, enum move_phase phase,
                      struct error *err)
{
	AUTO_FREE char *html = xasprintf("%s/report.html", run->move_dir);
	AUTO_FREE char *json = xasprintf("%s/report.json", run->move_dir);
	json_t *document = json_pack("{s:s, s:s, s:s, s:I, s:O, s:O, s:O}", "mailhaul",
	                             MAILHAUL_VERSION, "name", run->config->name, "phase",
	                             move_phase_name(phase), "written_ms",
	                             (json_int_t)clock_wall_ms(), "evidence", report->evidence,
	                             "journal", report->journal, "items", report->items);
	AUTO_FREE char *text = json_dumps(document, JSON_INDENT(1));
	int result;

	json_decref(document);
	result = file_write_path_durable(html, 0600, buf_span(&report->html), err) < 0 ||
	         file_write_path_durable(json, 0600, span_of(text), err) < 0;
	if (result)
		return -1;
	if (run->json)
		printf("{\"html\": \"%s\", \"json\": \"%s\"}\n", html, json);
	else
		printf("%s and %s written\n", html, json);
	return EXIT_CODE_GOOD;
}

static int make_report(struct cmd_run *run, struct report *r, struct error *err)
{
	enum move_phase phase;
	int64_t attempt;
	char when[32];

	if (move_phase_read(run->state, &phase, &attempt, err) < 0)
		return -1;
	buf_add_text(&r->html, head);
	buf_add_text(&r->html, "<h1>The move ");
	buf_add_markup(&r->html, span_of(run->config->name));
	buf_addf(&r->html, "</h1><p>Cut-over: %s. Written %s by mailhaul %s.</p>\n",
	         move_phase_name(phase), clock_text(when, clock_wall_ms()), MAILHAUL_VERSION);
	buf_add_text(&r->html,
	             "<h2>Evidence</h2><table><tr><th>when<th>topic<th>what was seen</tr>\n");
	if (evidence_walk(run->state, NULL, add_evidence, r, err) < 0)
		return -1;
	buf_add_text(&r->html,
	             "</table><h2>Journal</h2><table><tr><th>when<th>attempt<th>step<th>mark"
	             "<th>detail</tr>\n");
	if (journal_walk(run->state, add_journal, r, err) < 0)
		return -1;
	buf_add_text(&r->html, "</table><h2>Items</h2><table><tr><th>site<th>kind<th>name<th>source"
	                       "<th>size<th>class<th>reason</tr>\n");
	if (add_items(run, r, err) < 0)
		return -1;
	buf_add_text(&r->html, "</table></body></html>\n");
	return write_both(run, r, phase, err);
}

int cmd_report(struct cmd_run *run, struct error *err)
{
	struct report r = {
		.journal = json_array(),
		.evidence = json_array(),
		.items = json_array(),
	};
	int code = make_report(run, &r, err);

	buf_fini(&r.html);
	json_decref(r.journal);
	json_decref(r.evidence);
	json_decref(r.items);
	return code;
}
