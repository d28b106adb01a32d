/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/verbs.h"

#include "base/clock.h"
#include "base/memory.h"
#include "cmd/open.h"
#include "dns/lowered.h"
#include "state/items.h"
#include "watch/watch.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define INTERVAL_MAX_S 86400u
#define QUIET_MAX_S 31622400u
#define GATE_LOG "/run/mailhaul/gate.log"
#define PART (1u << 20) /* octets of a log that are fetched at once */

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
	unsigned lines;   /* that the last matrix took, to write over it; 0: none, or too many */
	struct buf json;  /* of the last look */
	struct host *old; /* whose log tells of stragglers; NULL: not asked */
	const char *log;
	int64_t switched_ms;
};

/* Reads on where the last look has ended; a log that is shorter than that is another one. */
static int read_on(struct screen *s, struct watch_stragglers *known, struct error *err)
{
	for (;;) {
		AUTO_BUF struct buf part = { 0 };
		uint64_t size = 0;
		size_t taken;

		if (host_read_part(s->old, s->log, known->offset, PART, &part, &size, err) < 0)
			return -1;
		if (size < known->offset) {
			known->offset = 0;
			continue;
		}
		taken = watch_stragglers_add(known, buf_span(&part), s->switched_ms,
		                             clock_wall_ms());
		if (!taken && part.n == PART)
			taken = part.n; /* a line of a megabyte is none of a session */
		known->offset += taken;
		if (!taken || known->offset >= size)
			return 0;
	}
}

/* An old host that is out of reach for a while does not end the watch, nor lets it end. */
static int gather(void *context, struct watch_stragglers *known, struct error *err)
{
	struct screen *s = context;
	struct error why = { 0 };

	(void)err;
	known->unread = read_on(s, known, &why) < 0;
	return 0;
}

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
                      int64_t *old_ttl, int64_t *old_until_ms, struct error *err)
{
	struct dns_lowered lowered = { 0 };
	struct error none = { 0 };
	int64_t turned_ms = 0;
	uint32_t turned_ttl = 0;
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
	/* a state of before there was such a thing has nothing lowered, nor changed by `mailhaul dns` */
	if (dns_lowered_read(state, &lowered, &none) == 0)
		*old_until_ms = lowered.until_ms;
	if (dns_turned_read(run->config, state, &turned_ms, &turned_ttl, &none) == 0 &&
	    turned_ms > *switched_ms) {
		*switched_ms = turned_ms;
		*old_ttl = turned_ttl;
	}
	for (size_t i = 0; i < items.n; i++)
		if (items.rows[i].class == ITEM_MUST) /* the host's own names do not move */
			strings_add(domains, items.rows[i].name);
	return 0;
}

struct options {
	enum watch_goal goal;
	uint64_t interval_s; /* 0: as configured */
	uint64_t quiet_s;    /* so long nobody must come at the end */
	const char *log;     /* of the old host; NULL: nobody looks for stragglers */
};

static int take_seconds(const char *option, const char *text, uint64_t most, uint64_t *out,
                        struct error *err)
{
	if (text_parse_u64(text, out) && *out >= 1 && *out <= most)
		return 0;
	return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_NEVER, 0,
	                 "--%s wants seconds, 1 to %llu, not \"%s\"", option,
	                 (unsigned long long)most, text);
}

static int take_options(struct cmd_run *run, struct options *o, struct error *err)
{
	static const struct option rows[] = {
		{ "once", no_argument, NULL, 'o' },
		{ "until-agree", no_argument, NULL, 'u' },
		{ "until-away", no_argument, NULL, 'w' },
		{ "interval", required_argument, NULL, 'i' },
		{ "quiet-for", required_argument, NULL, 'q' },
		{ "log", required_argument, NULL, 'l' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(run->argc, run->argv, "", rows, NULL)) != -1) {
		if (c == 'o')
			o->goal = WATCH_ONCE;
		else if (c == 'u')
			o->goal = WATCH_UNTIL_AGREE;
		else if (c == 'w')
			o->goal = WATCH_UNTIL_AWAY;
		else if (c == 'l')
			o->log = optarg;
		else if (c != 'i' && c != 'q')
			return 1; /* getopt_long(3) has said why */
		else if (take_seconds(c == 'i' ? "interval" : "quiet-for", optarg,
		                      c == 'i' ? INTERVAL_MAX_S : QUIET_MAX_S,
		                      c == 'i' ? &o->interval_s : &o->quiet_s, err) < 0)
			return -1;
	}
	if (o->quiet_s && !o->log)
		o->log = GATE_LOG;
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
	AUTO_FREE char *keep = xasprintf("%s/watch.json", run->move_dir);
	AUTO_HOST struct host *old = NULL;
	int64_t switched_ms = 0, old_ttl = 0, old_until_ms = 0;
	enum watch_end end;

	if (o->goal == WATCH_UNTIL_AWAY && !config_turns_away(run->config))
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		                 "no record in move.yaml has a closed address: there is no first "
		                 "step to wait for");
	if (take_state(run, &domains, &switched_ms, &old_ttl, &old_until_ms, err) < 0 ||
	    watch_plan_make(&plan, run->config, &domains, false, err) < 0)
		return -1;
	plan.switched_ms = switched_ms;
	plan.old_ttl_s = (uint32_t)old_ttl;
	plan.old_until_ms = old_until_ms;
	plan.quiet_s = (uint32_t)o->quiet_s;
	plan.keep = keep;
	if (o->log && cmd_open_old(run, &old, err) < 0)
		return -1;
	if (old && !host_has(old, o->log))
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		                 "the old host has no log %s that tells who still comes there",
		                 o->log);
	screen.old = old;
	screen.log = o->log;
	screen.switched_ms = switched_ms;
	hooks.gather = old ? gather : NULL;
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
		fputs("usage: mailhaul watch [--once] [--interval S] [--until-agree | "
		      "--until-away] "
		      "[--quiet-for S] [--log FILE]\n",
		      stderr);
		return EXIT_CODE_USAGE;
	}
	return watch(run, &o, err);
}
