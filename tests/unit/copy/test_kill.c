/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Copies that are killed (SIGKILL: mailhaul itself, old's agent, new's agent, in turn) at random
 * moments, while mail is delivered, read, flagged and expunged on old. When all of that is over, one
 * pass makes new exactly what old is. $KILL_TIMES (200) is how often, $KILL_SEED repeats a run.
 */

#include "unit/copy/alike.h"

#include "base/clock.h"
#include "state/state.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#define M "old/home/alice/Maildir/"
#define FOLDERS 3
#define MESSAGES_MAX 120

static const char *const folders[FOLDERS] = { "", ".Sent/", ".Lists.announce/" };

/* ── the life of the mailbox ─────────────────────────────────────────────────────────────────── */

struct life {
	const struct sites *s;
	char *paths[MESSAGES_MAX]; /* owned; below the site's folder; NULL: none */
	unsigned number;
};

static volatile sig_atomic_t life_ends;

static void end_life(int signal)
{
	life_ends = 1;
}

static unsigned chance(unsigned n)
{
	return (unsigned)random() % n;
}

static char *deliver(struct life *l, const char *folder)
{
	AUTO_FREE char *tmp = xasprintf(M "%stmp/%u.P1.old", folder, ++l->number);
	AUTO_FREE char *text = xasprintf("Message-ID: <%u@example.org>\n\n%0*u\n", l->number,
	                                 (int)chance(30000) + 1, 7u);
	char *path = xasprintf(M "%snew/%u.P1.old", folder, l->number);

	sites_message(l->s, tmp, text, 1000000000 + (time_t)l->number);
	sites_rename(l->s, tmp, path);
	return path;
}

/* What an IMAP server does with a message: reads, flags, expunges it. */
static void touch(struct life *l, char **path)
{
	static const char *const flags[] = { ":2,", ":2,S", ":2,RS", ":2,FS" };
	char *part = strstr(*path, "/new/"), *end = strstr(*path, ":2,");
	char *now;

	if (chance(3) == 0) {
		sites_remove(l->s, *path);
		free(*path);
		*path = NULL;
		return;
	}
	if (end)
		*end = 0;
	if (part)
		memcpy(part, "/cur/", 5);
	now = xasprintf("%s%s", *path, flags[chance(4)]);
	if (end)
		*end = ':';
	if (part)
		memcpy(part, "/new/", 5);
	sites_rename(l->s, *path, now);
	free(*path);
	*path = now;
}

static void live(struct life *l)
{
	char **path = &l->paths[chance(MESSAGES_MAX)];

	if (*path)
		touch(l, path);
	else
		*path = deliver(l, folders[chance(FOLDERS)]);
}

static void make_mailbox(struct sites *s)
{
	static const char *const parts[] = { "cur", "new", "tmp" };

	sites_begin(s, MAILBOX_MAILDIR);
	for (size_t i = 0; i < FOLDERS * 3; i++) {
		AUTO_FREE char *path = xasprintf(M "%s%s", folders[i / 3], parts[i % 3]);
		sites_make(s, path);
	}
	sites_write(s, M "subscriptions", "V\t2\n\nSent\n");
}

/* ── copies that are killed ──────────────────────────────────────────────────────────────────── */

/* Each process has hosts and a state of its own. */
static void close_all(struct sites *s)
{
	host_close(s->old);
	host_close(s->new);
	state_close(s->state);
	s->old = s->new = NULL;
	s->state = NULL;
}

static int open_all(struct sites *s, struct error *err)
{
	AUTO_FREE char *move = sites_path(s, "move");

	return sites_open_host(s, "old", &s->old, err) < 0 ||
	                       sites_open_host(s, "new", &s->new, err) < 0
	               ? -1
	               : state_open(&s->state, move, err);
}

static int copy_once(struct sites *s, struct copy_result *r, struct error *err)
{
	const struct copy_account account = { &s->from, &s->to, &s->beside };
	const struct copy_options options = { 0 };

	return copy_pass(s->old, s->new, &account, s->state, &options, r, err);
}

static pid_t begin_copy(struct sites *s)
{
	pid_t pid = fork();

	if (pid == 0) {
		AUTO_COPY_RESULT struct copy_result r = { 0 };
		struct error err = { 0 };
		int result = open_all(s, &err);

		if (result == 0)
			result = copy_once(s, &r, &err);
		/* a copy that fails says why */
		_exit(result == 0 ? 0 : *err.text ? 1 : 99);
	}
	return pid;
}

/* The copy's agents, in the order of their start: old's, new's. */
static pid_t agent_of(pid_t copy, unsigned which)
{
	char path[64];
	unsigned long pids[2] = { 0 };

	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)copy, (int)copy);
	AUTO_FILE FILE *f = fopen(path, "r");
	if (!f || fscanf(f, "%lu %lu", &pids[0], &pids[1]) < 1)
		return 0;
	return (pid_t)pids[which];
}

/* Returns whether something was killed before the copy came to its end. */
static bool kill_at_random(pid_t copy, unsigned turn)
{
	pid_t victim;
	int status = 0;

	clock_sleep_ms(1 + chance(30));
	victim = turn % 3 ? agent_of(copy, turn % 3 - 1) : copy;
	kill(victim ? victim : copy, SIGKILL);
	while (waitpid(copy, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		return true;
	assert_int_not_equal(WEXITSTATUS(status), 99);
	return WEXITSTATUS(status) != 0;
}

static unsigned number_of(const char *name, unsigned missing)
{
	const char *text = getenv(name);

	return text ? (unsigned)strtoul(text, NULL, 10) : missing;
}

static pid_t begin_life(struct sites *s)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct life l = { .s = s };

		signal(SIGTERM, end_life);
		while (!life_ends) {
			live(&l);
			usleep(chance(600));
		}
		/* into each directory where a killed agent may have left something */
		for (size_t i = 0; i < FOLDERS; i++)
			free(deliver(&l, folders[i]));
		sites_write(s, M "subscriptions", "V\t2\n\nSent\nLists\tannounce\n");
		_exit(0);
	}
	return pid;
}

static void kill_many(bool here)
{
	unsigned times = number_of("KILL_TIMES", 200), killed = 0;
	unsigned seed = number_of("KILL_SEED", (unsigned)clock_wall_ms());
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct error err = { 0 };
	struct sites s;
	int status = 0;
	pid_t life;

	if (access("/dev/shm", W_OK) == 0)
		sites_place = "/dev/shm";
	print_message("# KILL_SEED=%u\n", seed);
	srandom(seed);
	/* several in a pass, one made durable while the next is written */
	setenv("MAILHAUL_BATCH", "5", 1);
	make_mailbox(&s);
	if (here)
		sites_here(&s);
	close_all(&s);
	life = begin_life(&s);
	for (unsigned i = 0; i < times; i++)
		killed += kill_at_random(begin_copy(&s), i);
	kill(life, SIGTERM);
	assert_int_equal(waitpid(life, &status, 0), life);
	assert_int_equal(status, 0);
	print_message("# %u of %u were killed on their way\n", killed, times);

	unsetenv("MAILHAUL_BATCH");
	assert_good(open_all(&s, &err), &err);
	alike_expect_true_ledger(&s);
	assert_good(copy_once(&s, &r, &err), &err);
	for (size_t i = 0; i < r.skipped.n; i++)
		fail_msg("skipped: %s", r.skipped.rows[i]);
	for (size_t i = 0; i < r.extra.n; i++)
		fail_msg("on new alone: %s", r.extra.rows[i]);
	alike_expect_same(&s);
	AUTO_STRINGS struct strings names = { 0 };
	alike_messages(&s, "old/home/alice/Maildir", &names);
	assert_true(names.n > 10);
	assert_int_equal(alike_expect_true_ledger(&s), names.n);
	sites_end(&s);
}

static void killed_at_any_moment_a_copy_ends_exact(void **state)
{
	(void)state;
	kill_many(false);
}

static void killed_at_any_moment_a_copy_on_one_machine_ends_exact(void **state)
{
	(void)state;
	kill_many(true);
}

/* ── what new got and nobody wrote down ──────────────────────────────────────────────────────── */

static unsigned commits_left;

/* Before the state has what it is about to be told. */
static int die_at_a_commit(void *context)
{
	if (!--commits_left)
		raise(SIGKILL);
	return 0;
}

/* A copy that is killed at its commit number `at` of the state; returns whether it had so many. */
static bool copy_until(struct sites *s, unsigned at)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		AUTO_COPY_RESULT struct copy_result r = { 0 };
		struct error err = { 0 };

		commits_left = at;
		if (open_all(s, &err) < 0)
			_exit(99);
		sqlite3_commit_hook(state_database(s->state), die_at_a_commit, NULL);
		_exit(copy_once(s, &r, &err) == 0 ? 0 : 98);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return true;
	assert_int_equal(WEXITSTATUS(status), 0);
	return false;
}

/* Returns whether the copy was killed. */
static bool expunged_after_a_kill(unsigned at)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 };
	struct error err = { 0 };
	struct sites s;
	bool killed;

	make_mailbox(&s);
	close_all(&s);
	sites_message(&s, M "cur/1.P1.old:2,S", "Subject: stays\n\n1\n", 1000000001);
	sites_message(&s, M ".Sent/new/2.P1.old", "Subject: goes\n\n2\n", 1000000002);
	killed = copy_until(&s, at);
	sites_remove(&s, M ".Sent/new/2.P1.old");
	assert_good(open_all(&s, &err), &err);
	assert_good(copy_once(&s, &r, &err), &err);
	if (r.extra.n)
		fail_msg("killed at commit %u: on new alone: %s", at, r.extra.rows[0]);
	assert_int_equal(r.skipped.n, 0);
	alike_expect_same(&s);
	assert_int_equal(alike_expect_true_ledger(&s), 1);

	/* what others put there is still theirs */
	sites_message(&s, "new/home/alice/Maildir/.Sent/new/2.P1.old", "Subject: other\n\n", 1);
	copy_result_fini(&r);
	assert_good(copy_once(&s, &r, &err), &err);
	assert_int_equal(r.extra.n, 1);
	sites_end(&s);
	return killed;
}

static void what_was_stored_but_not_recorded_is_known_as_ours(void **state)
{
	unsigned at = 1;

	(void)state;
	while (expunged_after_a_kill(at))
		at++;
	/* the names that come, then all that came */
	assert_true(at > 2);
	setenv("MAILHAUL_BATCH", "1", 1);
	for (at = 1; expunged_after_a_kill(at);)
		at++;
	unsetenv("MAILHAUL_BATCH");
	/* the same for each message, and before them what was there already */
	assert_true(at > 4);
}

UNIT_TESTS("copy/kill", cmocka_unit_test(what_was_stored_but_not_recorded_is_known_as_ours),
           cmocka_unit_test(killed_at_any_moment_a_copy_ends_exact),
           cmocka_unit_test(killed_at_any_moment_a_copy_on_one_machine_ends_exact));
