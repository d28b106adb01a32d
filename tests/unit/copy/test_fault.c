/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A copy during which one system call of an agent fails, for each of its calls, on either side. Whatever
 * fails: a clear error or a told skip, a ledger that says only what is true, and an exact copy by the
 * next pass. The agent runs under tests/kernel/fail_at.c; $FAIL_ROUNDS (1) is how many of the errnos
 * that fit each call are tried, $FAIL_STRIDE (1) takes only one of so many calls.
 */

#include "unit/copy/alike.h"

#include <errno.h>

#define M "old/home/alice/Maildir/"

static const char uidlist[] = "3 V1173186633 N5 G3085f01b7f11094c501100008c4a11c1\n"
			      "1 :100.a.host\n"
			      "2 W30 P77 :200.b.host\n";

static void make_folder(struct sites *s, const char *folder)
{
	static const char *const parts[] = { "cur", "new", "tmp" };

	for (size_t i = 0; i < 3; i++) {
		AUTO_FREE char *path = xasprintf(M "%s%s", folder, parts[i]);
		sites_make(s, path);
	}
}

static void make_mailbox(struct sites *s)
{
	sites_begin(s, MAILBOX_MAILDIR);
	make_folder(s, "");
	make_folder(s, ".Sent/");
	sites_message(s, M "cur/100.a.host:2,Sa", "Message-ID: <a@example.org>\n\none\n",
	              1000000000);
	sites_message(s, M "new/200.b.host", "Message-ID: <b@example.org>\n\ntwo\n", 1000000001);
	for (int i = 0; i < 12; i++) {
		AUTO_FREE char *path = xasprintf(M ".Sent/cur/3%02d.c.host:2,S", i);
		sites_message(s, path, "Subject: sent\n\nthree\n", 1100000000 + i);
	}
	sites_write(s, M "dovecot-uidlist", uidlist);
	sites_write(s, M "dovecot-keywords", "0 $Forwarded\n");
	sites_write(s, M "subscriptions", "V\t2\n\nSent\n");
	strings_add(&s->beside, ".dovecot.sieve");
	sites_write(s, "old/home/alice/.dovecot.sieve", "keep;\n");
}

/* What happens on old between the first pass and the one that fails. */
static void change_mailbox(struct sites *s)
{
	sites_rename(s, M "new/200.b.host", M "cur/200.b.host:2,RS");
	sites_remove(s, M ".Sent/cur/300.c.host:2,S");
	sites_message(s, M "new/500.d.host", "Message-ID: <d@example.org>\n\nfive\n", 1200000000);
	make_folder(s, ".Later/");
	sites_message(s, M ".Later/new/600.e.host", "Subject: six\n\n6\n", 1200000001);
}

/* That side's agent, whose `at`-th call fails. */
static void open_failing(struct sites *s, const char *side, unsigned long at, unsigned long round)
{
	struct host **h = strcmp(side, "new") ? &s->old : &s->new;
	AUTO_FREE char *told = sites_path(s, "told");
	AUTO_FREE char *agent = xstrdup(getenv("MAILHAUL_AGENT"));
	struct error err = { 0 };
	char number[24];

	host_close(*h);
	setenv("MAILHAUL_AGENT", getenv("FAIL_AT_PROGRAM"), 1);
	setenv("FAIL_PROGRAM", agent, 1);
	setenv("FAIL_TOLD", told, 1);
	snprintf(number, sizeof number, "%lu", at);
	setenv("FAIL_AT", number, 1);
	snprintf(number, sizeof number, "%lu", round);
	setenv("FAIL_ROUND", number, 1);
	assert_good(sites_open_host(s, side, h, &err), &err);
	setenv("MAILHAUL_AGENT", agent, 1);
}

/* How many calls there were, and whether one of them failed. */
static bool told(const struct sites *s, unsigned long *calls, char name[64])
{
	AUTO_FREE char *text = sites_read(s, "told");
	int e;

	assert_int_equal(sscanf(text, "%lu %63s %d", calls, name, &e), 3);
	return strcmp(name, "none") != 0;
}

static int failing_pass(struct sites *s, struct copy_result *r, struct error *err)
{
	const struct copy_account account = { &s->from, &s->to, &s->beside };
	const struct copy_options options = { 0 };

	return copy_pass(s->old, s->new, &account, s->state, &options, r, err);
}

struct trial {
	const char *side; /* whose agent fails */
	bool later;       /* in a pass that follows another one */
	bool here;        /* new's agent reads old's messages itself */
	bool batches;     /* several: one is made durable while the next is written */
};

/* One pass with the fault, one without. False when there are not so many calls. */
static bool try_fault(const struct trial *t, unsigned long at, unsigned long round)
{
	AUTO_COPY_RESULT struct copy_result r = { 0 }, again = { 0 };
	struct error err = { 0 };
	struct sites s;
	char name[64];
	unsigned long calls;
	int result;
	bool failed;

	make_mailbox(&s);
	if (t->here)
		sites_here(&s);
	if (t->later) {
		sites_pass(&s, &again);
		change_mailbox(&s);
	}
	open_failing(&s, t->side, at, round);
	result = failing_pass(&s, &r, &err);
	host_close(s.old);
	host_close(s.new);
	s.old = s.new = NULL;
	failed = told(&s, &calls, name);
	alike_now = name;
	if (result < 0 && (!failed || !*err.text))
		fail_msg("call %lu (%s) of round %lu: \"%s\"", at, name, round, err.text);
	alike_expect_true_ledger(&s);

	sites_open_hosts(&s);
	sites_pass(&s, &again);
	if (again.skipped.n)
		fail_msg("call %lu (%s) of round %lu: after it, %s", at, name, round,
		         again.skipped.rows[0]);
	alike_expect_same(&s);
	sites_end(&s);
	return failed;
}

static void try_all(struct trial t)
{
	const char *rounds = getenv("FAIL_ROUNDS");
	const char *strides = getenv("FAIL_STRIDE");
	unsigned long n = rounds ? strtoul(rounds, NULL, 10) : 1, at = 1;
	unsigned long stride = strides ? strtoul(strides, NULL, 10) : 1;

	if (t.batches)
		setenv("MAILHAUL_BATCH", "2", 1);

	if (access("/dev/shm", W_OK) == 0)
		sites_place = "/dev/shm";

	for (unsigned long round = 0; round < n; round++) {
		/* so that one round has all of the errnos, each for some of the calls */
		for (at = 1; try_fault(&t, at, at + round); at += stride)
			;
	}
	unsetenv("MAILHAUL_BATCH");
	assert_true(at > 30);
	print_message("# %lu calls\n", at - 1);
}

static void a_first_pass_survives_the_failure_of_any_call(void **state)
{
	(void)state;
	try_all((struct trial){ .side = "new", .batches = true });
}

static void a_later_pass_survives_the_failure_of_any_call(void **state)
{
	(void)state;
	try_all((struct trial){ .side = "new", .later = true });
}

static void a_pass_survives_what_cannot_be_read_on_old(void **state)
{
	(void)state;
	try_all((struct trial){ .side = "old", .later = true });
}

static void an_agent_that_reads_and_stores_survives_the_failure_of_any_call(void **state)
{
	(void)state;
	try_all((struct trial){ .side = "new", .later = true, .here = true, .batches = true });
}

UNIT_TESTS("copy/fault", cmocka_unit_test(a_first_pass_survives_the_failure_of_any_call),
           cmocka_unit_test(a_later_pass_survives_the_failure_of_any_call),
           cmocka_unit_test(a_pass_survives_what_cannot_be_read_on_old),
           cmocka_unit_test(an_agent_that_reads_and_stores_survives_the_failure_of_any_call));
