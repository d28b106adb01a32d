/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/verbs.h"

#include "base/memory.h"
#include "state/items.h"
#include "watch/watch.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define INTERVAL_MAX_S 86400u

static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number)
{
	(void)signal_number;
	interrupted = 1;
}

static bool is_interrupted(void)
{
	return interrupted;
}

struct screen {
	const struct cmd_run *run;
	bool terminal;
	unsigned lines;  /* that the last matrix took, to write over it; 0: none, or too many */
	struct buf json; /* of the last look */
};

/* Lines of the terminal that a text takes; long ones are wrapped. */
static unsigned count_lines(struct span text, unsigned width)
{
	struct span line;
	unsigned n = 0;

	while (span_next_line(&text, &line))
		n += line.n ? (unsigned)((line.n + width - 1) / width) : 1;
	return n;
}

/* Writes over the matrix before, unless it has scrolled away. */
static void draw(struct screen *s, const struct watch_round *round)
{
	AUTO_BUF struct buf out = { 0 }, matrix = { 0 };
	struct winsize size = { 0 };

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_col)
		size = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	if (s->lines && s->lines < size.ws_row)
		buf_addf(&out, "\033[%uA\033[J", s->lines);
	watch_add_matrix(&matrix, round, size.ws_col);
	s->lines = count_lines(buf_span(&matrix), size.ws_col);
	buf_add_span(&out, buf_span(&matrix));
	fwrite(out.p, 1, out.n, stdout);
	fflush(stdout);
}

static void seen(void *context, const struct watch_round *round)
{
	struct screen *s = context;
	AUTO_BUF struct buf out = { 0 };

	if (s->run->json) {
		buf_reset(&s->json);
		watch_add_json(&s->json, round);
	} else if (s->terminal) {
		draw(s, round);
	} else if (!s->run->quiet) {
		watch_add_lines(&out, round);
		fwrite(out.p, 1, out.n, stdout);
		fflush(stdout);
	}
}

/* What the move knows: its domains, and when it switched. A move without a state is watched too. */
static int take_state(struct cmd_run *run, struct strings *domains, int64_t *switched_ms,
                      int64_t *old_ttl, struct error *err)
{
	AUTO_FREE char *path = xasprintf("%s/state.db", run->move_dir);
	AUTO_STATE struct state *state = NULL;
	AUTO_ITEMS struct items items = { 0 };

	if (access(path, F_OK) < 0)
		return 0;
	if (state_open_read(&state, run->move_dir, err) < 0 ||
	    items_load(state, "old", "domain", &items, err) < 0 ||
	    state_get_i64(state, "switch.at_ms", 0, switched_ms, err) < 0 ||
	    state_get_i64(state, "dns.old_ttl", 0, old_ttl, err) < 0)
		return -1;
	for (size_t i = 0; i < items.n; i++)
		if (items.rows[i].class == ITEM_MUST) /* the host's own names do not move */
			strings_add(domains, items.rows[i].name);
	return 0;
}

struct options {
	enum watch_goal goal;
	uint64_t interval_s; /* 0: as configured */
};

static int take_options(struct cmd_run *run, struct options *o, struct error *err)
{
	static const struct option rows[] = {
		{ "once", no_argument, NULL, 'o' },
		{ "until-agree", no_argument, NULL, 'u' },
		{ "interval", required_argument, NULL, 'i' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(run->argc, run->argv, "", rows, NULL)) != -1) {
		if (c == 'o')
			o->goal = WATCH_ONCE;
		else if (c == 'u')
			o->goal = WATCH_UNTIL_AGREE;
		else if (c != 'i')
			return 1; /* getopt_long(3) has said why */
		else if (!text_parse_u64(optarg, &o->interval_s) || o->interval_s < 1 ||
		         o->interval_s > INTERVAL_MAX_S)
			return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
			                 "--interval wants seconds, 1 to %u, not \"%s\"",
			                 INTERVAL_MAX_S, optarg);
	}
	return optind == run->argc ? 0 : 1;
}

static int watch(struct cmd_run *run, const struct options *o, struct error *err)
{
	AUTO_WATCH_PLAN struct watch_plan plan = { 0 };
	AUTO_STRINGS struct strings domains = { 0 };
	struct screen screen = { .run = run, .terminal = isatty(STDOUT_FILENO) };
	struct watch_hooks hooks = { .seen = seen, .stopped = is_interrupted, .context = &screen };
	struct sigaction action = { .sa_handler = interrupt };
	struct watch_verdict verdict = { 0 };
	int64_t switched_ms = 0, old_ttl = 0;
	enum watch_end end;

	if (take_state(run, &domains, &switched_ms, &old_ttl, err) < 0 ||
	    watch_plan_make(&plan, run->config, &domains, false, err) < 0)
		return -1;
	plan.switched_ms = switched_ms;
	plan.old_ttl_s = (uint32_t)old_ttl;
	if (o->interval_s)
		plan.interval_s = (uint32_t)o->interval_s;
	sigaction(SIGINT, &action, NULL); /* no SA_RESTART: waiting ends at once */
	sigaction(SIGTERM, &action, NULL);
	if (watch_until(&plan, o->goal, 0, &hooks, &end, &verdict, err) < 0)
		return -1;
	fwrite(screen.json.p ? screen.json.p : "", 1, screen.json.n, stdout);
	buf_fini(&screen.json);
	if (end == WATCH_STOPPED && !run->quiet)
		fputs("\nmailhaul: stopped before all agreed; `mailhaul watch` goes on\n", stderr);
	return end == WATCH_REACHED ? EXIT_CODE_GOOD : EXIT_CODE_NO;
}

int cmd_watch(struct cmd_run *run, struct error *err)
{
	struct options o = { .goal = WATCH_UNTIL_DONE };
	int wrong = take_options(run, &o, err);

	if (wrong < 0)
		return -1;
	if (wrong > 0) {
		fputs("usage: mailhaul watch [--once] [--interval S] [--until-agree]\n", stderr);
		return EXIT_CODE_USAGE;
	}
	return watch(run, &o, err);
}
