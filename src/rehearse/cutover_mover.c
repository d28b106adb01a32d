/* SPDX-License-Identifier: BSD-2-Clause */

/* cutover_mover -- the process in which a rehearsed cut-over is done: mailhaul as it would run on the new host,
 * in the copy's network, with an agent in each copy. What it says, line by line: "say WORDS", and at its end
 * "done", "back WHY" or "stands WHY". */

#include "rehearse/cutover.h"

#include "rehearse/internet.h"
#include "rehearse/steps.h"

#include "base/file.h"
#include "base/memory.h"
#include "dns/lowered.h"
#include "move/move.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define AGENT "/run/mailhaul-agent" /* in each copy */
#define DNS_PORT 53

/* ── in the process ──────────────────────────────────────────────────────────────────────────── */

static void say(int to, const char *kind, const char *words)
{
	AUTO_BUF struct buf line = { 0 };

	buf_addf(&line, "%s ", kind);
	buf_add_printable(&line, span_of(words));
	buf_add_char(&line, '\n');
	(void)fd_write_all(to, line.p, line.n);
}

static void tell(void *listener, const char *words)
{
	say(*(const int *)listener, "say", words);
}

/* The plan's own strategy, with what can't be as it is: nobody outside can be asked, and nobody waited for. */
struct scene {
	struct config config;
	struct config_record *records;
	char *resolvers[1];
};

static void set_scene(struct scene *s, const struct config *c)
{
	static char server[] = INTERNET_RESOLVER;

	s->config = *c;
	s->records = xcalloc(c->dns.records_count + 1, sizeof *s->records);
	for (unsigned i = 0; i < c->dns.records_count; i++) {
		s->records[i] = c->dns.records[i];
		s->records[i].closed_address = NULL;
	}
	s->resolvers[0] = server;
	s->config.dns.records = s->records;
	s->config.dns.server = server;
	s->config.dns.port = DNS_PORT;
	s->config.dns.key_file = NULL;
	s->config.dns.command_count = 0;
	s->config.resolvers = s->resolvers;
	s->config.resolvers_count = 1;
	if (c->switch_by == CONFIG_SWITCH_MANUAL)
		s->config.switch_by = CONFIG_SWITCH_DNS;
}

static int open_host(struct stage *stage, enum stage_side side, bool live, struct host **out,
                     struct error *err)
{
	AUTO_FREE char *target = NULL, *root = NULL;

	stage_turn_to(stage, side);
	target = xasprintf("pid:%d", (int)stage_pid(stage));
	root = xasprintf("/proc/%d/root", (int)stage_pid(stage));
	const char *const words[] = {
		"/proc/self/exe", "sealed", "enter", target, "--", AGENT, NULL
	};
	const struct host_place place = {
		.name = side == STAGE_OLD ? "old" : "new",
		.reach = live ? HOST_THROUGH : HOST_FOLDER,
		.target = live ? NULL : root,
		.ssh_options = live ? words : NULL,
		.control = true,
	};

	return host_open(out, &place, err);
}

/* Old answers run out in real time, for which nobody waits here. */
static int wait_for_nothing(struct move *m, struct error *err)
{
	struct dns_lowered l;

	if (dns_lowered_look(m->config, m->state, &l, err) < 0)
		return -1;
	return l.changes ? dns_waive(m->state, &l, "it is a rehearsal", err) : 0;
}

static int act(struct rehearsal *r, bool back, int to, enum move_end *end, struct error *why,
               struct error *err)
{
	AUTO_HOST struct host *old = NULL, *new = NULL;
	AUTO_STATE struct state *state = NULL;
	AUTO_MOVE struct move m = { 0 };
	struct scene scene;

	set_scene(&scene, r->plan->config);
	if (state_open(&state, r->options->scratch, err) < 0 ||
	    open_host(r->stage, STAGE_OLD, r->plan->cutover.live, &old, err) < 0 ||
	    open_host(r->stage, STAGE_NEW, true, &new, err) < 0 || stage_move_in(r->stage, err) < 0)
		return -1;
	m = (struct move){ .config = &scene.config,
		           .state = state,
		           .old = old,
		           .new = new,
		           .tell = tell,
		           .listener = &to };
	if (move_open(&m, err) < 0)
		return -1;
	*end = MOVE_END_WENT_BACK;
	if (back)
		return move_rollback(&m, err);
	/* a name server that can't be asked is the first step's affair */
	(void)!wait_for_nothing(&m, err);
	*err = (struct error){ 0 };
	return move_cutover(&m, NULL, end, why, err);
}

static void run(struct rehearsal *r, bool back, int to, pid_t parent) __attribute__((noreturn));
static void run(struct rehearsal *r, bool back, int to, pid_t parent)
{
	struct error why = { 0 }, err = { 0 };
	enum move_end end = MOVE_END_DONE;

	prctl(PR_SET_NAME, "mover");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	if (act(r, back, to, &end, &why, &err) < 0)
		say(to, "stands", err.text);
	else if (back || end == MOVE_END_DONE)
		say(to, "done", "");
	else
		say(to, "back", why.text);
	_exit(0);
}

/* ── outside of it ───────────────────────────────────────────────────────────────────────────── */

int mover_begin(struct mover *m, struct rehearsal *r, bool back, struct error *err)
{
	pid_t parent = getpid();
	int ends[2];

	*m = (struct mover){ .from = -1 };
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_system(err, "pipe");
	fflush(NULL);
	m->pid = fork();
	if (m->pid == 0) {
		close(ends[0]);
		run(r, back, ends[1], parent);
	}
	close(ends[1]);
	m->from = ends[0];
	return m->pid < 0 ? error_system(err, "fork") : 0;
}

static void take_line(struct mover *m, struct rehearsal *r, struct span line)
{
	static const struct {
		const char *kind;
		enum mover_end end;
	} kinds[] = { { "done", MOVER_DONE },
		      { "back", MOVER_WENT_BACK },
		      { "stands", MOVER_STANDS } };
	struct span kind = { 0 };
	AUTO_FREE char *words = NULL;

	span_next_part(&line, ' ', &kind);
	words = span_dup(line);
	if (span_is(kind, "say") && r->options->progress)
		r->options->progress(r->options->context, words);
	for (size_t i = 0; i < ROWS(kinds); i++)
		if (span_is(kind, kinds[i].kind)) {
			m->end = kinds[i].end;
			free(m->why);
			m->why = m->end == MOVER_DONE ? NULL : TAKE(words);
			return;
		}
}

static void take_lines(struct mover *m, struct rehearsal *r)
{
	for (;;) {
		struct span all = buf_span(&m->said);
		ssize_t n = span_find(all, '\n');

		if (n < 0)
			return;
		take_line(m, r, (struct span){ all.p, (size_t)n });
		buf_drop_front(&m->said, (size_t)n + 1);
	}
}

void mover_look(struct mover *m, struct rehearsal *r, int wait_ms)
{
	struct pollfd p = { .fd = m->from, .events = POLLIN };
	ssize_t n;

	if (m->end != MOVER_RUNS || poll(&p, 1, wait_ms) <= 0)
		return;
	n = read(m->from, buf_room(&m->said, 65536), 65536);
	if (n < 0 && errno == EINTR)
		return;
	if (n > 0) {
		buf_grown(&m->said, (size_t)n);
		take_lines(m, r);
	} else {
		m->end = MOVER_STANDS;
		m->why = xstrdup("the process that did it has died");
	}
}

void mover_fini(struct mover *m)
{
	if (m->pid > 0) {
		if (m->end == MOVER_RUNS)
			kill(m->pid, SIGKILL);
		while (waitpid(m->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (m->from >= 0)
		close(m->from);
	buf_fini(&m->said);
	free(m->why);
	*m = (struct mover){ .from = -1 };
}
