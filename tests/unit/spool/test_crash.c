/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A spool at work: messages come, small and large, are given out, deferred, held and released. At
 * every sync the machine may stop there: what another one finds on the disk then (model.h) is
 * opened, and held against what had been told by that time. $CRASH_SEEDS (4) is how many lives are
 * led; $CRASH_EVERY (3): of how many syncs one is looked at.
 */

#include "base/clock.h"
#include "spool/spool.h"
#include "unit/spool/letters.h"
#include "unit/spool/model.h"
#include "unit/unit.h"

#define LETTERS 120
#define FLIGHT 12 /* tickets at the same time */
#define IMAGES 2000

/* What is told of a letter, in the order in which it comes. */
struct fate {
	bool durable;   /* told so */
	bool failed;    /* told so */
	bool settling;  /* a result is on its way that may end it */
	bool delivered; /* and is durable */
};

struct life {
	struct spool *spool;
	struct model *disk;
	pthread_mutex_t lock; /* of fates */
	struct fate fates[LETTERS];
	uint64_t ids[LETTERS];
	unsigned begun, back, given, seed;
	/* images */
	struct image {
		struct model *disk;
		struct fate fates[LETTERS];
	} * images[IMAGES];
	unsigned images_n, syncs, every, images_a_sync;
};

static unsigned chance(struct life *l, unsigned n)
{
	l->seed = l->seed * 1103515245u + 12345u;
	return (l->seed >> 16) % n;
}

static unsigned from_environment(const char *name, unsigned otherwise)
{
	uint64_t n;

	return getenv(name) && text_parse_u64(getenv(name), &n) ? (unsigned)n : otherwise;
}

/* ── images ──────────────────────────────────────────────────────────────────────────────────── */

static void add_image(struct life *l, struct model *m, unsigned seed)
{
	struct image *image;

	if (l->images_n == IMAGES)
		return;
	image = xcalloc(1, sizeof *image);
	/* what is told from now on is told of what this sync brings */
	pthread_mutex_lock(&l->lock);
	memcpy(image->fates, l->fates, sizeof image->fates);
	pthread_mutex_unlock(&l->lock);
	image->disk = model_crash(m, seed);
	l->images[l->images_n++] = image;
}

static void take_image(void *context, struct model *m)
{
	struct life *l = context;

	if (l->syncs++ % l->every)
		return;
	for (unsigned i = 0; i < l->images_a_sync; i++)
		add_image(l, m, l->syncs * 7919u + i * 104729u);
}

struct found {
	uint64_t ids[LETTERS];
	unsigned n;
};

static bool find_one(void *context, const struct spool_item *item)
{
	struct found *f = context;

	assert_true(f->n < LETTERS);
	f->ids[f->n++] = item->due.id;
	return true;
}

/* Each message that is there is whole and there once. */
static void look(struct spool *s, bool there[LETTERS])
{
	struct found f = { 0 };

	memset(there, 0, LETTERS * sizeof *there);
	spool_each(s, find_one, &f);
	for (unsigned i = 0; i < f.n; i++) {
		unsigned number = letter_check(s, f.ids[i]);

		assert_true(number < LETTERS);
		assert_false(there[number]);
		there[number] = true;
	}
}

static void hold_against(const bool there[LETTERS], const struct fate fates[LETTERS])
{
	for (unsigned i = 0; i < LETTERS; i++) {
		const struct fate *f = &fates[i];

		if (f->durable && !f->settling && !there[i])
			fail_msg("letter %u was told to be durable and is not there", i);
		if (f->delivered && there[i])
			fail_msg("letter %u was delivered and is there again", i);
		if (f->failed && there[i])
			fail_msg("letter %u was refused and is there", i);
	}
}

static uint64_t segment_size = 150000;

static struct spool *open_model(struct model *m, bool view)
{
	struct spool_options o = { .path = "model",
		                   .segment_size = segment_size,
		                   .disk = &m->table };
	struct error err = { 0 };
	struct spool *s = NULL;

	assert_good((view ? spool_view : spool_open)(&s, &o, &err), &err);
	return s;
}

/* Opens it, twice; and what a machine leaves that stops while the first one opens it. */
static void check_disk(struct model *m, const struct fate fates[LETTERS], unsigned depth)
{
	bool there[LETTERS], again[LETTERS];
	struct spool *s;
	struct model *later;

	s = open_model(m, false);
	look(s, there);
	hold_against(there, fates);
	later = depth ? model_crash(m, depth) : NULL;
	spool_close(s);
	s = open_model(m, false);
	look(s, again);
	assert_memory_equal(there, again, sizeof there);
	spool_close(s);
	if (later) {
		check_disk(later, fates, 0);
		model_free(later);
	}
}

/* ── a life ──────────────────────────────────────────────────────────────────────────────────── */

struct errand_of {
	struct life *life;
	unsigned number;
	bool ends;
};

static void sent(void *context, enum spool_outcome outcome, uint64_t id, const char *why)
{
	struct errand_of *e = context;
	struct life *l = e->life;

	pthread_mutex_lock(&l->lock);
	l->fates[e->number].durable = outcome == SPOOL_DURABLE;
	l->fates[e->number].failed = outcome != SPOOL_DURABLE;
	pthread_mutex_unlock(&l->lock);
	l->ids[e->number] = id;
	l->back++;
	free(e);
}

static void settled(void *context, enum spool_outcome outcome, uint64_t id, const char *why)
{
	struct errand_of *e = context;
	struct life *l = e->life;

	/* written again until it is */
	assert_int_equal(outcome, SPOOL_DURABLE);
	if (e->ends) {
		pthread_mutex_lock(&l->lock);
		l->fates[e->number].delivered = true;
		pthread_mutex_unlock(&l->lock);
	}
	l->given--;
	free(e);
}

static void send_one(struct life *l)
{
	static const uint64_t sizes[] = { 0, 10, 2000, 3000, 9000, 40000, 300000, 600000 };
	struct errand_of *e = xcalloc(1, sizeof *e);
	uint64_t size = sizes[chance(l, 20) ? chance(l, 5) : chance(l, ROWS(sizes))];

	*e = (struct errand_of){ l, l->begun++, false };
	letter_send(l->spool, e->number, 1 + e->number % 12, size, sent, e);
}

static void settle_one(struct life *l, unsigned number, enum spool_state state)
{
	struct errand_of *e = xcalloc(1, sizeof *e);
	uint32_t recipients = 1 + number % 12;
	struct spool_result results[12];

	*e = (struct errand_of){ l, number, state == SPOOL_DELIVERED };
	for (unsigned i = 0; i < recipients; i++)
		results[i] = (struct spool_result){ i, state, SPAN("250 2.0.0 Ok") };
	if (e->ends) {
		pthread_mutex_lock(&l->lock);
		l->fates[number].settling = true;
		pthread_mutex_unlock(&l->lock);
	}
	l->given++;
	spool_settle(l->spool, l->ids[number], results, recipients, 1, settled, e);
}

static void give_one(struct life *l)
{
	enum spool_state state = chance(l, 8) ? SPOOL_DELIVERED
	                                      : (chance(l, 2) ? SPOOL_HELD : SPOOL_PENDING);
	struct spool_due due;
	unsigned number = 0;

	if (!spool_take_due(l->spool, clock_monotonic_ms(), &due))
		return;
	while (number < LETTERS && l->ids[number] != due.id)
		number++;
	if (number == LETTERS) /* came back, and is told later in the same row */
		spool_put_back(l->spool, due.id);
	else
		settle_one(l, number, state);
}

static void lead(struct life *l)
{
	while (l->begun < LETTERS || l->back < l->begun || l->given) {
		unsigned sends = 1 + chance(l, 3);

		while (l->begun < LETTERS && l->begun - l->back < FLIGHT && sends--)
			send_one(l);
		if (chance(l, 3) == 0)
			give_one(l);
		if (chance(l, 3) == 0)
			give_one(l);
		if (l->begun > l->back || l->given)
			spool_wait(l->spool);
	}
}

static struct life *life_new(unsigned seed)
{
	struct life *l = xcalloc(1, sizeof *l);

	l->seed = seed;
	l->every = l->images_a_sync = 1;
	pthread_mutex_init(&l->lock, NULL);
	l->disk = model_new(seed);
	return l;
}

static void life_free(struct life *l)
{
	model_free(l->disk);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static void check_images(struct life *l)
{
	assert_true(l->images_n > 0);
	for (unsigned i = 0; i < l->images_n; i++) {
		check_disk(l->images[i]->disk, l->images[i]->fates, i % 8 ? 0 : i + 1);
		model_free(l->images[i]->disk);
		free(l->images[i]);
	}
}

static void test_a_machine_may_stop_at_any_sync(void **state)
{
	unsigned seeds = from_environment("CRASH_SEEDS", 4);

	for (unsigned seed = 1; seed <= seeds; seed++) {
		struct life *l = life_new(seed * 31);

		l->every = from_environment("CRASH_EVERY", 3);
		l->disk->before_sync = take_image;
		l->disk->context = l;
		l->spool = open_model(l->disk, false);
		lead(l);
		spool_close(l->spool);
		model_kill(l->disk);
		check_disk(l->disk, l->fates, 0);
		check_images(l);
		life_free(l);
	}
}

/* What has outlived its message must not be outlived by it: segments that were removed come back
 * with their names, those that spoke of them do not. */
static void test_no_message_comes_back_with_a_removed_segment(void **state)
{
	struct life *l = life_new(3);

	segment_size = 20000;
	l->disk->before_sync = take_image;
	l->disk->context = l;
	l->images_a_sync = 6;
	l->spool = open_model(l->disk, false);
	for (unsigned i = 0; i < 40; i++) {
		struct errand_of *e = xcalloc(1, sizeof *e);
		struct spool_due due;

		*e = (struct errand_of){ l, l->begun++, false };
		letter_send(l->spool, e->number, 1 + e->number % 12, 9000, sent, e);
		while (l->back < l->begun)
			spool_wait(l->spool);
		/* one in nine is kept, and keeps all segments, until the next one is */
		if (i % 9)
			settle_one(l, i, SPOOL_DELIVERED);
		else
			assert_true(spool_take_due(l->spool, clock_monotonic_ms(), &due));
		if (i && i % 9 == 0)
			settle_one(l, i - 9, SPOOL_DELIVERED);
		while (l->given)
			spool_wait(l->spool);
	}
	spool_close(l->spool);
	model_kill(l->disk);
	check_images(l);
	segment_size = 150000;
	life_free(l);
}

/* ── failing calls ───────────────────────────────────────────────────────────────────────────── */

/* A life with the n-th call failed; returns whether there was an n-th one. */
static bool fail_at(unsigned n, int why, unsigned more)
{
	struct spool_options o = { .path = "model", .segment_size = segment_size };
	struct life *l = life_new(n);
	struct error err = { 0 };
	struct model *after;
	unsigned calls;

	o.disk = &l->disk->table;
	l->disk->fail_at = n;
	l->disk->fail_more = more;
	l->disk->fail_errno = why;
	if (spool_open(&l->spool, &o, &err) == 0) {
		lead(l);
		spool_close(l->spool);
	}
	calls = l->disk->calls;
	/* a disk that failed to the end: nobody could write down what does not count */
	for (unsigned i = 0; calls <= n + more && i < LETTERS; i++)
		l->fates[i].failed = false;
	model_kill(l->disk);
	after = model_crash(l->disk, n);
	/* as the next process finds it, and as the next machine */
	check_disk(l->disk, l->fates, 0);
	check_disk(after, l->fates, 0);
	model_free(after);
	life_free(l);
	return calls >= n;
}

static void fail_all(int why, unsigned more)
{
	unsigned stride = from_environment("FAIL_STRIDE", 1);

	for (unsigned n = 1; fail_at(n, why, more); n += n < 12 ? 1 : stride)
		;
}

static void test_any_call_may_fail_with_eio(void **state)
{
	fail_all(EIO, 0);
}

static void test_any_call_may_fail_for_a_full_disk(void **state)
{
	fail_all(ENOSPC, 0);
}

static void test_the_disk_may_fail_for_a_while(void **state)
{
	fail_all(EIO, 6);
}

/* After a failure messages are taken again. */
static void test_one_failure_costs_one_group(void **state)
{
	struct life *l = life_new(5);
	unsigned failed = 0;

	l->spool = open_model(l->disk, false);
	l->disk->fail_at = l->disk->calls + 20;
	lead(l);
	for (unsigned i = 0; i < LETTERS; i++)
		failed += l->fates[i].failed;
	assert_non_null(l->disk->failed);
	assert_true(failed <= FLIGHT);
	spool_close(l->spool);
	life_free(l);
}

/* A process that looks while another writes sees messages whole or not at all. */
static void test_one_may_look_at_any_sync(void **state)
{
	struct life *l = life_new(77);
	bool there[LETTERS];

	l->spool = open_model(l->disk, false);
	while (l->begun < LETTERS) {
		struct spool *view;

		send_one(l);
		if (l->begun % 8 == 0) {
			view = open_model(l->disk, true);
			look(view, there);
			spool_close(view);
		}
		if (l->begun - l->back >= FLIGHT)
			spool_wait(l->spool);
	}
	lead(l);
	spool_close(l->spool);
	life_free(l);
}

UNIT_TESTS("spool crash", cmocka_unit_test(test_a_machine_may_stop_at_any_sync),
           cmocka_unit_test(test_no_message_comes_back_with_a_removed_segment),
           cmocka_unit_test(test_any_call_may_fail_with_eio),
           cmocka_unit_test(test_any_call_may_fail_for_a_full_disk),
           cmocka_unit_test(test_the_disk_may_fail_for_a_while),
           cmocka_unit_test(test_one_failure_costs_one_group),
           cmocka_unit_test(test_one_may_look_at_any_sync));
