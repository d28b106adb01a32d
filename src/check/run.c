/* SPDX-License-Identifier: BSD-2-Clause */
#include "check/check.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOGETHER 12u
#define STRIKES 2u
#define EVIDENCE_MAX 8192u
#define OPENED UINT32_MAX

/*
 * A lane is what one process asks, one step after the other. Steps that need no agent have a lane
 * each; those that share agents share one, because an agent is a connection by ssh. So do those that
 * are in the way of all others.
 */
struct lane {
	unsigned through; /* what the process opens */
	bool alone;       /* it begins when all others are through */
	size_t *steps;    /* owned; indices, in order */
	size_t n, room;
	size_t at;        /* the first one without an answer */
	pid_t pid;        /* 0: does not run */
	int fd;           /* what it says; -1 */
	bool opened;      /* it has what it needs, and asks */
	unsigned strikes; /* steps that took too long */
	int64_t end_ms;   /* of what it does now; monotonic */
	struct buf said;  /* owned; not whole yet */
};

struct asker {
	struct check_steps *steps;
	const struct check_site *site;
	const struct check_limits *limits;
	check_open_fn *open;
	void *context;
	struct lane *lanes; /* owned */
	size_t n, room;
};

/* ── in the process that asks ────────────────────────────────────────────────────────────────── */

/* What a process says: one for each answer. */
struct record {
	uint32_t step; /* OPENED: all is open */
	uint32_t answer;
	uint32_t size; /* octets of evidence that follow */
};

static void say(int fd, uint32_t step, enum check_answer answer, struct span seen)
{
	struct record r = { step, answer,
		            (uint32_t)(seen.n < EVIDENCE_MAX ? seen.n : EVIDENCE_MAX) };
	AUTO_BUF struct buf out = { 0 };
	size_t done = 0;

	buf_add(&out, &r, sizeof r);
	buf_add(&out, seen.p, r.size);
	while (done < out.n) {
		ssize_t n = write(fd, out.p + done, out.n - done);

		if (n < 0 && errno != EINTR)
			_exit(1);
		done += n > 0 ? (size_t)n : 0;
	}
}

static void ask_step(const struct asker *k, struct check_step *step, struct host *const hosts[2],
                     struct move *m)
{
	const struct check_question *q = step->question;
	struct check_asking a = { .site = k->site, .of = step->of, .move = m };

	if (step->of < CHECK_WHOLE)
		a.host = hosts[step->of];
	step->answer = q->row ? q->row->ask(m, &step->seen) : q->ask(&a, &step->seen);
}

static void ask_lane(const struct asker *k, const struct lane *l, int fd)
{
	struct host *hosts[2] = { 0 };
	struct error err = { 0 };
	struct move m = { 0 };
	bool open = !l->through || k->open(k->context, l->through, hosts, &m, &err) == 0;

	if (open)
		say(fd, OPENED, CHECK_YES, SPAN(""));
	for (size_t i = l->at; i < l->n; i++) {
		struct check_step *step = &k->steps->rows[l->steps[i]];

		if (open)
			ask_step(k, step, hosts, &m);
		else
			step->answer = check_not_told(&step->seen, &err);
		say(fd, (uint32_t)l->steps[i], step->answer, buf_span(&step->seen));
	}
	_exit(0);
}

/* ── in the process that waits ───────────────────────────────────────────────────────────────── */

static int start(const struct asker *k, struct lane *l, struct error *err)
{
	int ends[2];
	pid_t parent = getpid();

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_system(err, "pipe");
	fflush(NULL);
	l->pid = fork();
	if (l->pid < 0) {
		close(ends[0]);
		close(ends[1]);
		l->pid = 0;
		return error_system(err, "fork");
	}
	if (!l->pid) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGPIPE, SIG_IGN);
		if (getppid() != parent)
			_exit(1);
		close(ends[0]);
		ask_lane(k, l, ends[1]);
	}
	setpgid(l->pid, l->pid);
	close(ends[1]);
	l->fd = ends[0];
	l->opened = !l->through;
	l->end_ms = clock_monotonic_ms() + k->limits->step_ms;
	buf_reset(&l->said);
	return 0;
}

static int end(struct lane *l)
{
	int status = 0;

	if (!l->pid)
		return 0;
	kill(-l->pid, SIGKILL);
	while (waitpid(l->pid, &status, 0) < 0 && errno == EINTR)
		;
	l->pid = 0;
	close(l->fd);
	l->fd = -1;
	return status;
}

static void answer(struct asker *k, struct lane *l, enum check_answer given, struct span seen)
{
	struct check_step *step = &k->steps->rows[l->steps[l->at++]];

	step->answer = given;
	buf_reset(&step->seen);
	buf_add_span(&step->seen, seen);
	step->at_ms = clock_wall_ms();
	step->done = true;
}

static void answer_rest(struct asker *k, struct lane *l, const char *why)
{
	while (l->at < l->n)
		answer(k, l, CHECK_UNKNOWN, span_of(why));
}

/* All whole records; false: what it says is none. */
static bool take(struct asker *k, struct lane *l)
{
	struct record r;

	while (l->said.n >= sizeof r) {
		memcpy(&r, l->said.p, sizeof r);
		if (r.size > EVIDENCE_MAX || r.answer > CHECK_SKIPPED ||
		    (r.step != OPENED && (l->at == l->n || r.step != l->steps[l->at])))
			return false;
		if (l->said.n < sizeof r + r.size)
			return true;
		if (r.step == OPENED)
			l->opened = true;
		else
			answer(k, l, r.answer, (struct span){ l->said.p + sizeof r, r.size });
		buf_drop_front(&l->said, sizeof r + r.size);
		l->end_ms = clock_monotonic_ms() + k->limits->step_ms;
	}
	return true;
}

/* The process has ended, and was to go on. */
static void bury(struct asker *k, struct lane *l)
{
	int status = end(l);
	AUTO_BUF struct buf why = { 0 };

	if (l->at == l->n)
		return;
	buf_addf(&why, "asking broke off: %s %d", WIFSIGNALED(status) ? "signal" : "exit code",
	         WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	answer(k, l, CHECK_UNKNOWN, buf_span(&why));
	if (++l->strikes >= STRIKES)
		answer_rest(k, l, buf_text(&why));
}

static void hear(struct asker *k, struct lane *l)
{
	char chunk[4096];
	ssize_t n = read(l->fd, chunk, sizeof chunk);

	if (n < 0 && errno == EINTR)
		return;
	if (n > 0)
		buf_add(&l->said, chunk, (size_t)n);
	if (n <= 0 || !take(k, l) || l->at == l->n)
		bury(k, l);
}

static void too_late(struct asker *k, struct lane *l)
{
	AUTO_BUF struct buf why = { 0 };
	char length[24];

	buf_addf(&why, "no answer within %s%s",
	         text_duration(length, (double)k->limits->step_ms / 1000),
	         l->opened ? "" : ": the host can't be opened");
	end(l);
	answer(k, l, CHECK_UNKNOWN, buf_span(&why));
	if (!l->opened || ++l->strikes >= STRIKES)
		answer_rest(k, l, buf_text(&why));
}

static bool is_over(const struct lane *l)
{
	return l->at == l->n;
}

/* Starts what may start; true: something runs. */
static int start_some(struct asker *k, bool *running, struct error *err)
{
	unsigned most = k->limits->together ? k->limits->together : TOGETHER, n = 0;

	bool others = false;

	for (size_t i = 0; i < k->n; i++) {
		n += k->lanes[i].pid != 0;
		others |= !k->lanes[i].alone && !is_over(&k->lanes[i]);
	}
	for (size_t i = 0; i < k->n && n < most; i++) {
		if (k->lanes[i].pid || is_over(&k->lanes[i]) || (k->lanes[i].alone && others))
			continue;
		if (start(k, &k->lanes[i], err) < 0)
			return -1;
		n++;
	}
	*running = n > 0;
	return 0;
}

static void wait_some(struct asker *k, int64_t whole_end_ms)
{
	AUTO_FREE struct pollfd *p = xcalloc(k->n + 1, sizeof *p);
	int64_t now = clock_monotonic_ms(), next = whole_end_ms;

	for (size_t i = 0; i < k->n; i++) {
		p[i] = (struct pollfd){ .fd = k->lanes[i].pid ? k->lanes[i].fd : -1,
			                .events = POLLIN };
		if (k->lanes[i].pid && k->lanes[i].end_ms < next)
			next = k->lanes[i].end_ms;
	}
	(void)poll(p, k->n, next > now ? (int)(next - now) : 0);
	now = clock_monotonic_ms();
	for (size_t i = 0; i < k->n; i++) {
		struct lane *l = &k->lanes[i];

		if (!l->pid)
			continue;
		if (p[i].revents)
			hear(k, l);
		else if (now >= l->end_ms)
			too_late(k, l);
	}
}

/* What has to be opened for a step. */
static unsigned wants_of(const struct check_step *step)
{
	unsigned wants = step->question->through &
	                 (CHECK_BY_OLD | CHECK_BY_NEW | CHECK_BY_STATE | CHECK_CHANGES);

	if (step->question->through & CHECK_BY_SIDE)
		wants |= step->of == CHECK_OLD ? CHECK_BY_OLD : CHECK_BY_NEW;
	return wants;
}

static struct lane *lane_for(struct asker *k, unsigned wants, bool alone)
{
	for (size_t i = 0; (wants || alone) && i < k->n; i++)
		if (k->lanes[i].through == wants && k->lanes[i].alone == alone)
			return &k->lanes[i];
	ARRAY_GROW(k->lanes, k->n, k->room);
	k->lanes[k->n] = (struct lane){ .through = wants, .alone = alone, .fd = -1 };
	return &k->lanes[k->n++];
}

static void fill_lanes(struct asker *k)
{
	for (size_t i = 0; i < k->steps->n; i++) {
		struct lane *l;

		if (k->steps->rows[i].done)
			continue;
		l = lane_for(k, wants_of(&k->steps->rows[i]),
		             k->steps->rows[i].question->through & CHECK_ALONE);
		ARRAY_GROW(l->steps, l->n, l->room);
		l->steps[l->n++] = i;
	}
}

static int run_lanes(struct asker *k, struct error *err)
{
	int64_t end_ms = clock_monotonic_ms() + k->limits->whole_ms;
	bool running = true;

	while (running && clock_monotonic_ms() < end_ms) {
		if (start_some(k, &running, err) < 0)
			return -1;
		if (running)
			wait_some(k, end_ms);
	}
	return 0;
}

int check_run(struct check_steps *steps, const struct check_site *site,
              const struct check_limits *limits, check_open_fn *open, void *context,
              struct error *err)
{
	struct asker k = { steps, site, limits, open, context, NULL, 0, 0 };
	int result;

	fill_lanes(&k);
	result = run_lanes(&k, err);
	for (size_t i = 0; i < k.n; i++) {
		end(&k.lanes[i]);
		answer_rest(&k, &k.lanes[i], "the time for the whole check was over");
		free(k.lanes[i].steps);
		buf_fini(&k.lanes[i].said);
	}
	free(k.lanes);
	return result;
}

void check_steps_add(struct check_steps *s, const struct check_question *q, enum check_of of)
{
	ARRAY_GROW(s->rows, s->n, s->room);
	s->rows[s->n++] = (struct check_step){ .question = q, .of = of };
}

void check_steps_fini(struct check_steps *s)
{
	for (size_t i = 0; i < s->n; i++)
		buf_fini(&s->rows[i].seen);
	free(s->rows);
	*s = (struct check_steps){ 0 };
}
