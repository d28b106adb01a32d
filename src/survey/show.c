/* SPDX-License-Identifier: BSD-2-Clause */
#include "survey/show.h"

#include "base/memory.h"
#include "survey/survey.h"

#include <jansson.h>
#include <string.h>

#define NAME_WIDTH_MAX 44

static bool is_of_kind(const char *kinds, const char *kind)
{
	struct span rest = span_of(kinds), part;

	while (span_next_part(&rest, '|', &part))
		if (span_is(part, kind))
			return true;
	return false;
}

static void print_padded(FILE *out, const char *text, int width)
{
	int n = 0;

	fputs(text, out);
	/* columns are counted by characters, not octets */
	for (const char *c = text; *c; c++)
		n += ((unsigned char)*c & 0xc0) != 0x80;
	while (n++ < width)
		fputc(' ', out);
}

static const char *detail_text(json_t *detail, const char *name)
{
	const char *text = json_string_value(json_object_get(detail, name));

	return text ? text : "";
}

/* What follows the name depends on the kind; most say only their reason. */
static void describe(FILE *out, const struct item *item)
{
	json_t *detail = json_loads(item->detail, 0, NULL);
	char size[16];

	if (!strcmp(item->kind, "mailbox"))
		fprintf(out, "%7llu messages %10s  %lld folders, %s",
		        (unsigned long long)item->count, text_size(size, item->size),
		        (long long)json_integer_value(json_object_get(detail, "folders")),
		        detail_text(detail, "format"));
	else if (!strcmp(item->kind, "queue"))
		fprintf(out, "%7llu  %s", (unsigned long long)item->count, item->reason);
	else if (!strcmp(item->kind, "setting"))
		fprintf(out, "= %.60s%s", detail_text(detail, "value"),
		        strlen(detail_text(detail, "value")) > 60 ? " ..." : "");
	else if (!strcmp(item->kind, "domain"))
		fprintf(out, "%s, from %s", detail_text(detail, "class"), item->source);
	else if (!strcmp(item->kind, "alias")) {
		json_t *targets = json_object_get(detail, "targets"), *target;
		size_t i;

		json_array_foreach (targets, i, target)
			fprintf(out, "%s%s", i ? ", " : "", detail_text(target, "target"));
	} else if (!strcmp(item->kind, "listener") || !strcmp(item->kind, "service"))
		fprintf(out, "%s%s%s", item->reason, *detail_text(detail, "command") ? ": " : "",
		        detail_text(detail, "command"));
	else if (item->size)
		fprintf(out, "%10s  %s", text_size(size, item->size), item->reason);
	else
		fputs(item->reason, out);
	json_decref(detail);
}

static void print_hours(FILE *out, const struct item *item)
{
	json_t *detail = json_loads(item->detail, 0, NULL);
	json_t *hours = json_object_get(detail, "accepted_by_hour"), *hour;
	uint64_t most = 1;
	size_t i;

	json_array_foreach (hours, i, hour)
		if ((uint64_t)json_integer_value(hour) > most)
			most = (uint64_t)json_integer_value(hour);
	fprintf(out, "  accepted %lld, delivered %lld; accepted by hour of the day (UTC):\n",
	        (long long)json_integer_value(json_object_get(detail, "accepted")),
	        (long long)json_integer_value(json_object_get(detail, "delivered")));
	json_array_foreach (hours, i, hour) {
		uint64_t n = (uint64_t)json_integer_value(hour);

		if (!n)
			continue;
		fprintf(out, "    %02zu  %8llu  ", i, (unsigned long long)n);
		for (uint64_t bar = 0; bar < 1 + n * 40 / most; bar++)
			fputc('#', out);
		fputc('\n', out);
	}
	json_decref(detail);
}

static void print_topic(FILE *out, const struct items *items, const struct survey_topic *topic)
{
	size_t n = 0;
	int width = 0;

	for (size_t i = 0; i < items->n; i++) {
		if (!is_of_kind(topic->kinds, items->rows[i].kind))
			continue;
		n++;
		if ((int)strlen(items->rows[i].name) > width)
			width = (int)strlen(items->rows[i].name);
	}
	if (!n)
		return;
	if (width > NAME_WIDTH_MAX)
		width = NAME_WIDTH_MAX;
	fprintf(out, "\n%s (%zu)\n", topic->title, n);
	for (size_t i = 0; i < items->n; i++) {
		const struct item *item = &items->rows[i];

		if (!is_of_kind(topic->kinds, item->kind))
			continue;
		if (!strcmp(item->kind, "traffic")) {
			print_hours(out, item);
			continue;
		}
		fprintf(out, "  %-9s ", item_class_name(item->class));
		print_padded(out, item->name, width);
		fputs("  ", out);
		describe(out, item);
		fputc('\n', out);
	}
}

/* ── the checklist ───────────────────────────────────────────────────────────────────────────── */

static int by_source(const void *a, const void *b)
{
	const struct item *const *x = a, *const *y = b;
	int order = strcmp((*x)->source, (*y)->source);

	return order ? order : strcmp((*x)->kind, (*y)->kind);
}

/* Files and folders, and not what only stands in one. */
static bool is_file(const struct item *item)
{
	static const char
		*const not_files = "alias|setting|service|listener|domain|user|virtual user|"
				   "queue|subscriptions|software|traffic|look";

	return item->source[0] == '/' && (!is_of_kind(not_files, item->kind) ||
	                                  (!strcmp(item->kind, "queue") && item->count > 0));
}

static void print_checklist(FILE *out, const struct items *items, enum item_class class)
{
	AUTO_FREE const struct item **rows = xcalloc(items->n + 1, sizeof *rows);
	uint64_t octets = 0;
	size_t n = 0;
	char size[16];

	for (size_t i = 0; i < items->n; i++) {
		if (!is_file(&items->rows[i]) || items->rows[i].class != class)
			continue;
		rows[n++] = &items->rows[i];
		octets += items->rows[i].size;
	}
	if (!n)
		return;
	qsort(rows, n, sizeof *rows, by_source);
	fprintf(out, "\n%s: %zu files and folders, %s\n", item_class_name(class), n,
	        text_size(size, octets));
	for (size_t i = 0; i < n; i++) {
		AUTO_FREE char *mode = rows[i]->mode ? xasprintf("%04llo",
		                                                 (unsigned long long)rows[i]->mode)
		                                     : xstrdup("");

		fputs("  [ ] ", out);
		print_padded(out, rows[i]->source, NAME_WIDTH_MAX);
		fprintf(out, " %10s  %-17s %4s  %s: %s\n", text_size(size, rows[i]->size),
		        rows[i]->owner, mode, rows[i]->kind, rows[i]->reason);
	}
}

void survey_print(FILE *out, const struct items *items, const char *title)
{
	static const enum item_class classes[] = { ITEM_MUST, ITEM_SHOULD, ITEM_MAY, ITEM_LOOK };

	fprintf(out, "%s\n", title);
	for (unsigned i = 0; i < survey_topics_rows; i++)
		print_topic(out, items, &survey_topics[i]);
	if (!items->n || strcmp(items->rows[0].site, "old") != 0)
		return;
	fprintf(out, "\nChecklist, file by file\n");
	for (size_t i = 0; i < ROWS(classes); i++)
		print_checklist(out, items, classes[i]);
}

/* ── JSON ────────────────────────────────────────────────────────────────────────────────────── */

/* Text that a program can read whatever the old host called things. */
static json_t *text_json(const char *text)
{
	AUTO_BUF struct buf out = { 0 };
	json_t *json = json_string(text);

	if (json)
		return json;
	buf_add_printable(&out, span_of(text));
	return json_string(buf_text(&out));
}

static json_t *item_json(const struct item *item)
{
	json_t *detail = json_loads(item->detail, 0, NULL);

	return json_pack("{s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:s, s:o, s:o}", "kind",
	                 text_json(item->kind), "name", text_json(item->name), "site",
	                 text_json(item->site), "source", text_json(item->source), "size",
	                 (json_int_t)item->size, "count", (json_int_t)item->count, "mode",
	                 (json_int_t)item->mode, "owner", text_json(item->owner), "class",
	                 item_class_name(item->class), "reason", text_json(item->reason), "detail",
	                 detail ? detail : json_object());
}

struct json_t *survey_json(const struct items *items)
{
	json_t *counts = json_object(), *list = json_array();

	for (size_t i = 0; i < items->n; i++) {
		const char *kind = items->rows[i].kind;
		json_int_t n = json_integer_value(json_object_get(counts, kind));

		json_object_set_new(counts, kind, json_integer(n + 1));
		json_array_append_new(list, item_json(&items->rows[i]));
	}
	return json_pack("{s:o, s:o}", "counts", counts, "items", list);
}
