/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearse/cutover.h"

#include "rehearse/anchors.h"
#include "rehearse/steps.h"

#include "base/file.h"
#include "base/memory.h"
#include "move/move.h"
#include "remote/start.h"
#include "state/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AGENT "/run/mailhaul-agent"
#define WRITE_EVERY_MS 1000 /* somebody writes, while it goes on */
#define WRITTEN_MOST 30u    /* in all that time */
#define LOOK_MS 250

/* One rehearsed cut-over under way. */
struct rehearsing {
	struct rehearsal *r;
	struct letters letters;
	char *stamp; /* owned; a file that is older than all that comes */
};

/* ── what it told ────────────────────────────────────────────────────────────────────────────── */

struct reading {
	struct rehearse_cutover *out;
	int64_t attempt, began_ms;
	bool back;
	const char *stuck; /* static; begun, and never ended */
	char *words;       /* owned; why a step failed */
	const char *failed;
};

static void add_moved(struct reading *g, const char *name, const char *end, int64_t at_ms)
{
	struct rehearse_cutover *c = g->out;

	ARRAY_GROW(c->rows, c->n, c->room);
	c->rows[c->n++] = (struct rehearse_moved){ name, g->back, end,
		                                   (double)(at_ms - g->began_ms) / 1000 };
	g->stuck = NULL;
}

static int take_mark(void *context, const struct journal_record *j, struct error *err)
{
	struct reading *g = context;
	const struct step *step = move_step_find(j->step);
	bool back = j->mark == JOURNAL_UNDO_BEGIN || j->mark == JOURNAL_UNDONE;

	if (!step || j->attempt != g->attempt || back != g->back)
		return 0;
	if (j->mark == JOURNAL_BEGIN || j->mark == JOURNAL_UNDO_BEGIN) {
		g->began_ms = j->at_ms;
		g->stuck = step->name;
		return 0;
	}
	if (j->mark == JOURNAL_FAILED) {
		g->failed = step->name;
		free(g->words);
		g->words = xstrdup(j->detail);
	}
	add_moved(g, step->name,
	          j->mark == JOURNAL_FAILED ? "failed"
	          : back                    ? "undone"
	                                    : "done",
	          j->at_ms);
	return 0;
}

/* The rows of the way there, or back; what has failed is named. Returns how many there are. */
static unsigned read_steps(struct rehearsing *g, const struct mover *m, bool back)
{
	struct rehearsal *r = g->r;
	struct reading reading = { .out = &r->result->cutover, .back = back };
	AUTO_STATE struct state *s = NULL;
	enum move_phase phase;
	size_t before = reading.out->n;
	int64_t frozen = 0, opened = 0;
	struct error err = { 0 };

	if (state_open_read(&s, r->options->scratch, &err) < 0 ||
	    move_phase_read(s, &phase, &reading.attempt, &err) < 0 ||
	    journal_walk(s, take_mark, &reading, &err) < 0 ||
	    state_get_i64(s, "freeze.began_ms", 0, &frozen, &err) < 0 ||
	    state_get_i64(s, "open.at_ms", 0, &opened, &err) < 0)
		FAIL(r, back ? "rollback" : "cutover", "state", "%s", err.text);
	if (!back && frozen && opened > frozen)
		r->result->cutover.window_s = (double)(opened - frozen) / 1000;
	if (reading.stuck) {
		reading.failed = reading.stuck;
		add_moved(&reading, reading.stuck, back ? "not undone" : "failed", clock_wall_ms());
	}
	/* the way back is a part of a cut-over that went back by itself */
	if (m->why && (back ? m->end == MOVER_STANDS : true))
		FAIL(r, back ? "rollback" : "cutover", reading.failed ? reading.failed : "all",
		     "%s", reading.words && *reading.words ? reading.words : m->why);
	free(reading.words);
	return (unsigned)(reading.out->n - before);
}

static void add_step(struct rehearsal *r, const char *id, const char *title, unsigned asked,
                     size_t failures_before, int64_t began_ms)
{
	r->result->steps[r->result->steps_n++] = (struct rehearse_step){
		.id = id,
		.title = title,
		.asked = asked,
		.failed = (unsigned)(r->result->n - failures_before),
		.seconds = (double)(clock_monotonic_ms() - began_ms) / 1000,
	};
}

/* ── its parts ───────────────────────────────────────────────────────────────────────────────── */

static int open_folder(struct rehearsing *g, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/caught", g->r->options->scratch);
	AUTO_CLOSE int stamp = -1;

	g->stamp = xasprintf("%s/stamp", g->r->options->scratch);
	stamp = open(g->stamp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (stamp < 0 || (mkdir(path, 0700) < 0 && errno != EEXIST))
		return error_system(err, "make %s", path);
	g->letters.folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return g->letters.folder < 0 ? error_system(err, "open %s", path) : 0;
}

/* Both copies, the DNS as it is before the switch, and what runs on old. */
static int open_copies(struct rehearsing *g, struct error *err)
{
	struct rehearsal *r = g->r;
	struct cutover_plan *p = &r->plan->cutover;
	char agent[4096];

	p->stage.hostname = r->plan->hostname;
	p->stage.old_root = p->root;
	p->stage.old_hostname = p->hostname;
	p->stage.disk = p->disk;
	if (program_beside("mailhaul-agent", agent, err) < 0 || open_folder(g, err) < 0 ||
	    zonesign_make(&p->now.signer, &p->now.dnssec, err) < 0 ||
	    stage_open(&r->stage, &p->stage, err) < 0 ||
	    stage_begin_outside(r->stage, &p->now, g->letters.folder, err) < 0 ||
	    anchors_place(r->stage, p->now.signer, err) < 0 ||
	    queues_clear_sockets(r->stage, &p->notes, err) < 0 ||
	    stage_place(r->stage, agent, AGENT, err) < 0)
		return -1;
	stage_turn_to(r->stage, STAGE_OLD);
	if (p->live && (anchors_place(r->stage, p->now.signer, err) < 0 ||
	                queues_clear_sockets(r->stage, &p->notes, err) < 0 ||
	                stage_place(r->stage, agent, AGENT, err) < 0))
		return -1;
	return 0;
}

static void start_old(struct rehearsal *r)
{
	struct services *s = &r->plan->cutover.services;

	if (!r->plan->cutover.live)
		return;
	stage_turn_to(r->stage, STAGE_OLD);
	services_start(s, r->stage);
	services_settle(s, r->stage);
	for (size_t i = 0; i < s->n; i++)
		if (s->rows[i].why_not)
			FAIL(r, "cutover", s->rows[i].name, "it does not start on old's copy: %s",
			     s->rows[i].why_not);
	if (!s->n)
		strings_add(&r->result->notes, "no service of mail is enabled on old's copy: "
		                               "rehearse.old_commands in move.yaml start them");
}

/* One way, with mail that comes all the while. */
static void move(struct rehearsing *g, bool back, struct mover *m)
{
	int64_t written = 0;
	struct error err = { 0 };

	if (mover_begin(m, g->r, back, &err) < 0) {
		m->end = MOVER_STANDS;
		m->why = xstrdup(err.text);
	}
	while (m->end == MOVER_RUNS) {
		if (clock_monotonic_ms() - written > WRITE_EVERY_MS &&
		    g->letters.n < WRITTEN_MOST && (!back || g->r->plan->cutover.live)) {
			letters_write(&g->letters, g->r);
			written = clock_monotonic_ms();
		}
		letters_try(&g->letters, g->r);
		mover_look(m, g->r, LOOK_MS);
	}
}

static bool settle(struct rehearsing *g, enum stage_side side)
{
	return letters_settle(&g->letters, g->r, side, g->stamp);
}

static void go_there_and_back(struct rehearsing *g)
{
	struct rehearsal *r = g->r;
	__attribute__((cleanup(mover_fini))) struct mover there = { .from = -1 };
	__attribute__((cleanup(mover_fini))) struct mover back = { .from = -1 };
	int64_t began = clock_monotonic_ms();
	size_t failures = r->result->n;
	bool live = r->plan->cutover.live;
	unsigned n;

	start_old(r);
	letters_write(&g->letters, r);
	if (live && !settle(g, STAGE_OLD))
		strings_add(&r->result->notes, "cut-over: mail did not even come in before it");
	move(g, false, &there);
	n = read_steps(g, &there, false);
	add_step(r, "cutover", "the whole cut-over, on copies of both hosts", n, failures, began);
	if (there.end == MOVER_DONE) {
		failures = r->result->n;
		began = clock_monotonic_ms();
		letters_write(&g->letters, r);
		settle(g, STAGE_NEW);
		add_step(r, "cutover.mail", "what came meanwhile is on the new host, once",
		         (unsigned)g->letters.n, failures, began);
	}
	began = clock_monotonic_ms();
	failures = r->result->n;
	if (there.end != MOVER_WENT_BACK)
		move(g, true, &back);
	n = read_steps(g, there.end == MOVER_WENT_BACK ? &there : &back, true);
	if (live)
		letters_write(&g->letters, r);
	else
		letters_give_up(&g->letters); /* nobody is there who could take them */
	if (back.end != MOVER_STANDS)
		settle(g, STAGE_OLD);
	add_step(r, "rollback", "its way back, with all mail on the old host again", n, failures,
	         began);
	r->result->cutover.messages = (unsigned)g->letters.n;
}

static void prove(struct rehearsal *r)
{
	for (int side = 0; side < STAGE_SIDES; side++) {
		AUTO_STRINGS struct strings wrong = { 0 };

		stage_turn_to(r->stage, side);
		stage_prove(r->stage, &r->result->proof, &wrong);
		for (size_t i = 0; i < wrong.n; i++)
			FAIL(r, "proof", wrong.rows[i], "the copy is not sealed");
	}
}

void cutover_rehearse(struct rehearsal *r)
{
	struct cutover_plan *p = &r->plan->cutover;
	struct rehearsing g = { .r = r, .letters = { .folder = -1 } };
	struct error err = { 0 };

	if (p->skipped) {
		r->result->cutover.skipped = xstrdup(p->skipped);
		return;
	}
	if (r->options->progress)
		r->options->progress(r->options->context, "copies of both hosts start");
	if (open_copies(&g, &err) < 0) {
		FAIL(r, "cutover", "copies", "%s", err.text);
	} else {
		go_there_and_back(&g);
		prove(r);
	}
	for (size_t i = 0; i < p->notes.n; i++)
		strings_add(&r->result->notes, p->notes.rows[i]);
	if (r->stage)
		stage_close(TAKE(r->stage));
	if (g.letters.folder >= 0)
		close(g.letters.folder);
	letters_fini(&g.letters);
	free(g.stamp);
}
