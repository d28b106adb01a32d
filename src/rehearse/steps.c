/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/steps.h"

#include "rehearse/anchors.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define JUDGED "out.judge out.forward out.address out.helo out.header out.tls out.verdict out.dkim"

/* In this order. `outside`: this process is in the pretended internet meanwhile. `more`: what can't be
 * told without this step, beside its own name; of failures, and of steps that come later. */
static const struct {
	const char *id, *title;
	step_fn *run;
	bool outside;
	const char *more;
} steps[] = {
	{ "services", "programs start as they do on the host", step_services, false, "" },
	{ "in.rcpt", "everybody is taken whom the old server takes", step_recipients, true, "" },
	{ "in.unknown", "nobody else is, nor mail for elsewhere", step_strangers, true,
	  "in.relay" },
	{ "in.data", "messages come in", step_letters, true, "in.end out.forward" },
	{ "out.sent", "people here send mail to the outside", step_out, false, JUDGED },
	{ "in.end", "each message comes to its end", step_ends, false, "in.data out.sent " JUDGED },
	{ "out.judge", "receivers see nothing wrong with what is sent", step_judge, true, JUDGED },
	{ "questions", "questions of mailhaul check, as it will be", step_questions, true, "" },
	{ "logins", "people log in at every door", step_logins, true, "imap pop" },
	{ "sieve", "Sieve scripts are there, and are taken", step_sieve, false, "" },
	{ "pages", "web pages answer under their final names", step_pages, true, "" },
};

/* ── what is tried ───────────────────────────────────────────────────────────────────────────── */

static bool is_needed_for(size_t i, const char *name)
{
	struct span rest = span_of(steps[i].more), word;

	if (strcmp(steps[i].id, name) == 0)
		return true;
	while (span_next_word(&rest, &word))
		if (span_is(word, name))
			return true;
	return false;
}

static const char *const of_cutover[CUTOVER_STEPS] = { "cutover", "cutover.mail", "rollback" };

static bool is_of_cutover(const char *name)
{
	for (size_t i = 0; i < ROWS(of_cutover); i++)
		if (strcmp(of_cutover[i], name) == 0)
			return true;
	return false;
}

bool rehearse_tries_cutover(const struct strings *only)
{
	for (size_t i = 0; i < only->n; i++)
		if (is_of_cutover(only->rows[i]))
			return true;
	return !only->n;
}

bool rehearse_tries_new(const struct strings *only)
{
	for (size_t i = 0; i < only->n; i++)
		if (!is_of_cutover(only->rows[i]))
			return true;
	return !only->n;
}

bool rehearse_names(const char *name)
{
	if (is_of_cutover(name))
		return true;
	for (size_t i = 0; i < ROWS(steps); i++)
		if (is_needed_for(i, name))
			return true;
	return false;
}

/* Nothing works without the services. */
static bool is_wanted(size_t i, const struct strings *only)
{
	for (size_t k = 0; k < only->n; k++)
		if (is_needed_for(i, only->rows[k]))
			return true;
	return !only->n || i == 0;
}

static void add_if_tried(struct rehearse_result *out, const char *name, const struct strings *only)
{
	for (size_t i = 0; i < ROWS(steps); i++)
		if (is_needed_for(i, name) && !is_wanted(i, only))
			return;
	if (!strings_has(&out->tried, name))
		strings_add(&out->tried, name);
}

static void note_what_is_tried(struct rehearse_result *out, const struct strings *only)
{
	for (size_t i = 0; i < only->n; i++)
		strings_add(&out->only, only->rows[i]);
	for (size_t i = 0; only->n && rehearse_tries_cutover(only) && i < ROWS(of_cutover); i++)
		strings_add(&out->tried, of_cutover[i]);
	for (size_t i = 0; only->n && rehearse_tries_new(only) && i < ROWS(steps); i++) {
		struct span rest = span_of(steps[i].more), word;

		add_if_tried(out, steps[i].id, only);
		while (span_next_word(&rest, &word)) {
			AUTO_FREE char *name = span_dup(word);

			add_if_tried(out, name, only);
		}
	}
}

/* ── trying it ───────────────────────────────────────────────────────────────────────────────── */

void step_services(struct rehearsal *r)
{
	struct services *s = &r->plan->services;

	services_start(s, r->stage);
	services_settle(s, r->stage);
	r->asked = (unsigned)s->n;
	for (size_t i = 0; i < s->n; i++)
		if (s->rows[i].why_not)
			FAIL(r, "services", s->rows[i].name, "%s", s->rows[i].why_not);
	if (!s->n)
		strings_add(&r->result->notes,
		            "no service of mail is enabled here: rehearse.services or "
		            "rehearse.commands in move.yaml name those to start");
}

static unsigned failures_of(const struct rehearse_result *out, size_t from)
{
	return (unsigned)(out->n - from);
}

static void run_step(struct rehearsal *r, size_t i)
{
	size_t before = r->result->n;
	int64_t began = clock_monotonic_ms();
	struct error err = { 0 };

	r->asked = 0;
	if (r->options->progress)
		r->options->progress(r->options->context, steps[i].title);
	if (steps[i].outside && stage_go_outside(r->stage, &err) < 0) {
		FAIL(r, steps[i].id, "all", "%s", err.text);
		return;
	}
	steps[i].run(r);
	if (steps[i].outside)
		stage_come_back(r->stage);
	r->result->steps[r->result->steps_n++] = (struct rehearse_step){
		.id = steps[i].id,
		.title = steps[i].title,
		.asked = r->asked,
		.failed = failures_of(r->result, before),
		.seconds = (double)(clock_monotonic_ms() - began) / 1000,
	};
}

static void prove(struct rehearsal *r)
{
	AUTO_STRINGS struct strings wrong = { 0 };
	struct services *s = &r->plan->services;

	services_look(s, r->stage);
	for (size_t i = 0; i < s->n; i++)
		if (s->rows[i].why_not)
			FAIL(r, "services", s->rows[i].name, "%s", s->rows[i].why_not);
	stage_prove(r->stage, &r->result->proof, &wrong);
	for (size_t i = 0; i < wrong.n; i++)
		FAIL(r, "proof", wrong.rows[i], "the copy is not sealed");
}

static void forget_sent(struct sent_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->rows[i].from);
		free(l->rows[i].to);
	}
	free(l->rows);
}

/* The new host alone, as it will be. */
static int rehearse_new(struct rehearsal *r, struct error *err)
{
	const struct rehearse_options *o = r->options;
	struct rehearse_plan *p = r->plan;
	AUTO_STAGE struct stage *stage = NULL;

	if (!p->served.n)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		                 "no address is known that mail will come to");
	if (o->progress)
		o->progress(o->context, "the copy starts");
	if (signing_make(r->signing, &p->book, err) < 0)
		return -1;
	if (zonesign_make(&p->book.signer, &p->book.dnssec, err) < 0 ||
	    stage_open(&stage, &p->stage, err) < 0 ||
	    stage_begin_outside(stage, &p->book, o->folder, err) < 0 ||
	    anchors_place(stage, p->book.signer, err) < 0 ||
	    queues_clear(stage, &r->result->notes, err) < 0)
		return -1;
	r->stage = stage;
	for (size_t i = 0; i < ROWS(steps); i++)
		if (is_wanted(i, &o->only))
			run_step(r, i);
	prove(r);
	r->stage = NULL;
	return 0;
}

int rehearse_run(struct rehearse_plan *p, const struct rehearse_options *o,
                 struct rehearse_result *out, struct error *err)
{
	AUTO_SIGNING struct signing signing = { 0 };
	struct rehearsal r = { .plan = p,
		               .options = o,
		               .result = out,
		               .signing = &signing,
		               .run = (unsigned)getpid() };
	int64_t began = clock_monotonic_ms();
	int result;

	_Static_assert(ROWS(steps) + CUTOVER_STEPS <= ROWS(out->steps),
	               "a result has room for each step");
	out->at_ms = clock_wall_ms();
	note_what_is_tried(out, &o->only);
	for (size_t i = 0; i < p->notes.n; i++)
		strings_add(&out->notes, p->notes.rows[i]);
	result = rehearse_tries_new(&o->only) ? rehearse_new(&r, err) : 0;
	if (result == 0 && o->scratch && rehearse_tries_cutover(&o->only))
		cutover_rehearse(&r);
	forget_sent(&r.in);
	forget_sent(&r.out);
	out->seconds = (double)(clock_monotonic_ms() - began) / 1000;
	return result;
}
