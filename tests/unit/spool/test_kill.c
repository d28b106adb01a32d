/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A process that takes messages on many tickets and gives some of them out is killed (SIGKILL) at
 * random moments, again and again, on one spool. What it had been told to be durable is there once,
 * what it had been told to be given out is not. $KILL_TIMES (10) is how often, $KILL_SEED repeats a
 * run.
 */

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "spool/spool.h"
#include "unit/files.h"
#include "unit/spool/letters.h"
#include "unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define FLIGHT 50
#define NUMBERS 400000u

enum fate { NOT_SENT, DURABLE, SETTLING, DELIVERED };

static char folder[] = "/tmp/mailhaul-kill-XXXXXX";

static struct spool *must_open(void)
{
	struct spool_options o = { .path = folder, .segment_size = 2u << 20 };
	struct spool *s = NULL;
	struct error err = { 0 };

	assert_good(spool_open(&s, &o, &err), &err);
	return s;
}

/* ── the child ───────────────────────────────────────────────────────────────────────────────── */

struct child {
	struct spool *spool;
	int tell; /* pipe: what came true, 8 octets each */
	unsigned number, end, flight;
};

struct report {
	uint32_t number, fate;
};

static void say(const struct child *c, unsigned number, enum fate fate)
{
	struct report r = { number, fate };

	if (fd_write_all(c->tell, &r, sizeof r) < 0)
		_exit(1);
}

struct letter {
	struct child *child;
	unsigned number;
};

static void sent(void *context, enum spool_outcome outcome, uint64_t id, const char *why)
{
	struct letter *l = context;

	if (outcome == SPOOL_DURABLE)
		say(l->child, l->number, DURABLE);
	l->child->flight--;
	free(l);
}

static void delivered(void *context, enum spool_outcome outcome, uint64_t id, const char *why)
{
	struct letter *l = context;

	if (outcome == SPOOL_DURABLE)
		say(l->child, l->number, DELIVERED);
	free(l);
}

static void give(struct child *c)
{
	const struct smtp_envelope *e;
	const struct smtp_peer *peer;
	struct spool_result results[3];
	struct error err = { 0 };
	struct spool_due due;
	struct letter *l;

	if (!spool_take_due(c->spool, clock_monotonic_ms(), &due))
		return;
	struct spool_reader *r = spool_reader_open(c->spool, due.id);
	l = xcalloc(1, sizeof *l);
	l->child = c;
	if (spool_read_envelope(r, true, &e, &peer, &err) != SPOOL_OK ||
	    sscanf(e->sender, "sender%u@", &l->number) != 1)
		_exit(2);
	spool_reader_close(r);
	for (uint32_t i = 0; i < due.recipients; i++)
		results[i] = (struct spool_result){ i, SPOOL_DELIVERED, SPAN("250 Ok") };
	say(c, l->number, SETTLING);
	spool_settle(c->spool, due.id, results, due.recipients, 0, delivered, l);
}

/* Sends the letters from `number` to `end`, until it is killed. */
static void live(int tell, unsigned number, unsigned end)
{
	struct child c = { .tell = tell, .number = number, .end = end };

	c.spool = must_open();
	for (;;) {
		while (c.flight < FLIGHT && c.number < c.end) {
			struct letter *l = xcalloc(1, sizeof *l);

			*l = (struct letter){ &c, c.number++ };
			c.flight++;
			letter_send(c.spool, l->number, 1 + l->number % 3,
			            l->number % 37 ? 200 + l->number % 3000 : 400000, sent, l);
		}
		for (int i = 0; i < 20; i++)
			give(&c);
		spool_wait(c.spool);
	}
}

/* ── the parent ──────────────────────────────────────────────────────────────────────────────── */

static unsigned char fates[NUMBERS];
static bool there[NUMBERS];

static void hear(int fd)
{
	struct report r;
	ssize_t n;

	while ((n = read(fd, &r, sizeof r)) == (ssize_t)sizeof r || (n < 0 && errno == EINTR))
		if (n > 0 && r.number < NUMBERS && r.fate > fates[r.number])
			fates[r.number] = (unsigned char)r.fate;
}

static bool find_one(void *context, const struct spool_item *item)
{
	uint64_t **next = context;

	*(*next)++ = item->due.id;
	return true;
}

static void check(void)
{
	struct spool *s = must_open();
	struct spool_usage u;
	uint64_t *ids, *next;

	spool_usage(s, &u);
	assert_int_equal(u.damaged, 0);
	ids = next = xcalloc(u.messages + 1, sizeof *ids);
	spool_each(s, find_one, &next);
	memset(there, 0, sizeof there);
	for (uint64_t *id = ids; id < next; id++) {
		unsigned number = letter_check(s, *id);

		assert_false(there[number]);
		there[number] = true;
	}
	for (unsigned n = 0; n < NUMBERS; n++) {
		if (fates[n] == DURABLE && !there[n])
			fail_msg("message %u was answered 250 and is not there", n);
		if (fates[n] == DELIVERED && there[n])
			fail_msg("message %u was given out and is there again", n);
	}
	free(ids);
	spool_close(s);
}

static void test_every_250_has_its_message_once(void **state)
{
	uint64_t times = 10, seed = 1;
	unsigned told = 0;

	if (getenv("KILL_TIMES"))
		assert_true(text_parse_u64(getenv("KILL_TIMES"), &times));
	if (getenv("KILL_SEED"))
		assert_true(text_parse_u64(getenv("KILL_SEED"), &seed));
	srandom((unsigned)seed);
	assert_non_null(mkdtemp(folder));
	for (uint64_t i = 0; i < times; i++) {
		int pipes[2];
		pid_t pid;

		assert_int_equal(pipe(pipes), 0);
		pid = fork();
		if (pid == 0) {
			close(pipes[0]);
			live(pipes[1], (unsigned)(i * (NUMBERS / times)),
			     (unsigned)((i + 1) * (NUMBERS / times)));
		}
		close(pipes[1]);
		/* each second time not before it has said something: it may need long to begin */
		if (i % 2)
			poll(&(struct pollfd){ .fd = pipes[0], .events = POLLIN }, 1, 60000);
		clock_sleep_ms(1 + random() % 120);
		kill(pid, SIGKILL);
		hear(pipes[0]);
		close(pipes[0]);
		waitpid(pid, NULL, 0);
		check();
	}
	for (unsigned n = 0; n < NUMBERS; n++)
		told += fates[n] != NOT_SENT;
	printf("# killed %llu times, %u messages\n", (unsigned long long)times, told);
	assert_true(told > 0);
	files_remove(folder);
}

UNIT_TESTS("spool kill", cmocka_unit_test(test_every_250_has_its_message_once));
