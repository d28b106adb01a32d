/* SPDX-License-Identifier: BSD-2-Clause */
#include "check/check.h"

#include "base/clock.h"
#include "base/memory.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const char *const weights[] = { "must", "should", "info" };
static const char letters[] = { 'Y', 'N', '?', '-' };

/* The steps of one question stand behind one another: [*at, end). */
static size_t next_group(const struct check_steps *steps, size_t at)
{
	size_t end = at + 1;

	while (end < steps->n && steps->rows[end].question == steps->rows[at].question)
		end++;
	return end;
}

/* The step whose answer is the question's: of the new side, or of the whole, or the only one. */
static const struct check_step *chief_of(const struct check_steps *steps, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (steps->rows[i].of != CHECK_OLD)
			return &steps->rows[i];
	return &steps->rows[from];
}

/* ── the table, as people keep it on a wiki ──────────────────────────────────────────────────── */

static char letter_of(const struct check_steps *steps, size_t from, size_t to, enum check_of of)
{
	for (size_t i = from; i < to; i++)
		if (steps->rows[i].of == of)
			return letters[steps->rows[i].answer];
	return ' ';
}

static void add_evidence(struct buf *out, const struct check_step *s, bool named)
{
	AUTO_BUF struct buf printable = { 0 };

	if (!s->seen.n)
		return;
	buf_add_printable(&printable, buf_span(&s->seen));
	buf_addf(out, "     %-18s %s%s%s\n", "", named ? check_of_name(s->of) : "",
	         named ? ": " : "", buf_text(&printable));
}

static void add_question(struct buf *out, const struct check_steps *steps, size_t from, size_t to)
{
	const struct check_step *chief = chief_of(steps, from, to);
	const struct check_question *q = chief->question;
	bool sides = chief->of != CHECK_WHOLE;

	buf_addf(out, "%c %c  %-18s %s\n", sides ? letter_of(steps, from, to, CHECK_OLD) : ' ',
	         sides ? letter_of(steps, from, to, CHECK_NEW) : letters[chief->answer], q->id,
	         q->words);
	for (size_t i = from; i < to; i++)
		add_evidence(out, &steps->rows[i], sides);
	if (chief->answer == CHECK_NO)
		buf_addf(out, "     %-18s %s: %s\n", "", weights[q->weight], q->remedy);
}

void check_add_table(struct buf *out, const struct check_steps *steps)
{
	buf_add_text(out, "old new\n");
	for (size_t i = 0, end; i < steps->n; i = end) {
		end = next_group(steps, i);
		add_question(out, steps, i, end);
	}
}

/* ── JSON ────────────────────────────────────────────────────────────────────────────────────── */

static json_t *answer_json(const struct check_step *s)
{
	AUTO_BUF struct buf printable = { 0 };
	char when[32];

	buf_add_printable(&printable, buf_span(&s->seen));
	return json_pack("{s:s, s:s, s:s}", "answer", check_answer_name(s->answer), "evidence",
	                 buf_text(&printable), "at", clock_text(when, s->at_ms));
}

static json_t *question_json(const struct check_steps *steps, size_t from, size_t to,
                             const struct check_verdict *v)
{
	const struct check_step *chief = chief_of(steps, from, to);
	const struct check_question *q = chief->question;
	AUTO_BUF struct buf printable = { 0 }, windows = { 0 };
	json_t *row;

	buf_add_printable(&printable, buf_span(&chief->seen));
	check_window_add(&windows, q->windows);
	row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "id", q->id, "topic",
	                q->topic, "question", q->words, "answer", check_answer_name(chief->answer),
	                "weight", weights[q->weight], "evidence", buf_text(&printable), "window",
	                buf_text(&windows), "remedy", q->remedy, "source", q->source);
	json_object_set_new(row, "worse", json_boolean(strings_has(&v->worse_ids, q->id)));
	for (size_t i = from; i < to; i++)
		json_object_set_new(row, check_of_name(steps->rows[i].of),
		                    answer_json(&steps->rows[i]));
	return row;
}

char *check_json(const struct check_steps *steps, const struct check_verdict *v)
{
	json_t *all = json_array();
	char *text;

	for (size_t i = 0, end; i < steps->n; i = end) {
		end = next_group(steps, i);
		json_array_append_new(all, question_json(steps, i, end, v));
	}
	text = json_dumps(all, JSON_INDENT(2));
	json_decref(all);
	return text;
}

/* ── JUnit XML ───────────────────────────────────────────────────────────────────────────────── */

static void add_case(struct buf *out, const struct check_step *s)
{
	static const char *const ends[] = {
		[CHECK_NO] = "failure", [CHECK_UNKNOWN] = "error", [CHECK_SKIPPED] = "skipped"
	};

	buf_addf(out, "  <testcase classname=\"%s.%s\" name=\"%s: ", s->question->topic,
	         check_of_name(s->of), s->question->id);
	buf_add_markup(out, span_of(s->question->words));
	buf_add_text(out, "\">\n");
	if (s->answer != CHECK_YES) {
		buf_addf(out, "    <%s message=\"", ends[s->answer]);
		buf_add_markup(out, buf_span(&s->seen));
		buf_add_text(out, "\"/>\n");
	} else if (s->seen.n) {
		buf_add_text(out, "    <system-out>");
		buf_add_markup(out, buf_span(&s->seen));
		buf_add_text(out, "</system-out>\n");
	}
	buf_add_text(out, "  </testcase>\n");
}

void check_add_junit(struct buf *out, const struct check_steps *steps)
{
	unsigned counts[CHECK_SKIPPED + 1] = { 0 };

	for (size_t i = 0; i < steps->n; i++)
		counts[steps->rows[i].answer]++;
	buf_addf(out,
	         "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	         "<testsuite name=\"mailhaul check\" tests=\"%zu\" failures=\"%u\" errors=\"%u\" "
	         "skipped=\"%u\">\n",
	         steps->n, counts[CHECK_NO], counts[CHECK_UNKNOWN], counts[CHECK_SKIPPED]);
	for (size_t i = 0; i < steps->n; i++)
		add_case(out, &steps->rows[i]);
	buf_add_text(out, "</testsuite>\n");
}
