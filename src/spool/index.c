/* SPDX-License-Identifier: BSD-2-Clause */
#include "spool/index.h"

/* ── heaps ───────────────────────────────────────────────────────────────────────────────────── */

static bool by_order(const struct item *a, const struct item *b)
{
	return a->order < b->order;
}

static bool by_due(const struct item *a, const struct item *b)
{
	return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void heap_set(struct item_heap *h, size_t at, struct item *i)
{
	h->rows[at] = i;
	i->heap_at = (uint32_t)at;
}

static void heap_up(struct item_heap *h, size_t at, struct item *i)
{
	while (at && h->earlier(i, h->rows[(at - 1) / 2])) {
		heap_set(h, at, h->rows[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	heap_set(h, at, i);
}

static void heap_down(struct item_heap *h, size_t at, struct item *i)
{
	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= h->n)
			break;
		if (child + 1 < h->n && h->earlier(h->rows[child + 1], h->rows[child]))
			child++;
		if (!h->earlier(h->rows[child], i))
			break;
		heap_set(h, at, h->rows[child]);
		at = child;
	}
	heap_set(h, at, i);
}

static void heap_add(struct item_heap *h, struct item *i)
{
	ARRAY_GROW(h->rows, h->n, h->room);
	heap_up(h, h->n++, i);
}

static void heap_remove(struct item_heap *h, const struct item *i)
{
	size_t at = i->heap_at;
	struct item *last = h->rows[--h->n];

	if (last == i)
		return;
	heap_down(h, at, last);
	heap_up(h, last->heap_at, last);
}

/* ── by id ───────────────────────────────────────────────────────────────────────────────────── */

static size_t slot_of(const struct index *x, uint64_t id)
{
	return (size_t)(id * 0x9e3779b97f4a7c15u >> 20) & (x->slots_n - 1);
}

static size_t find_slot(const struct index *x, uint64_t id)
{
	size_t at = slot_of(x, id);

	while (x->slots[at] && x->slots[at]->id != id)
		at = (at + 1) & (x->slots_n - 1);
	return at;
}

static void grow_slots(struct index *x)
{
	struct item **old = x->slots;
	size_t old_n = x->slots_n;

	x->slots_n = old_n ? 2 * old_n : 256;
	x->slots = xcalloc(x->slots_n, sizeof *x->slots);
	for (size_t i = 0; i < old_n; i++)
		if (old[i])
			x->slots[find_slot(x, old[i]->id)] = old[i];
	free(old);
}

/* Those behind it that would not be found across the gap are moved into it (Knuth, TAOCP 3, 6.4
 * algorithm R). */
static void empty_slot(struct index *x, size_t gap)
{
	size_t mask = x->slots_n - 1;

	for (size_t at = (gap + 1) & mask; x->slots[at]; at = (at + 1) & mask) {
		size_t home = slot_of(x, x->slots[at]->id);

		if (((at - home) & mask) >= ((at - gap) & mask)) {
			x->slots[gap] = x->slots[at];
			gap = at;
		}
	}
	x->slots[gap] = NULL;
}

void index_init(struct index *x)
{
	*x = (struct index){ .ready.earlier = by_order, .waiting.earlier = by_due };
	grow_slots(x);
}

static void free_item(struct item *i)
{
	if (i->recipients > ITEM_STATES_INSIDE)
		free(i->states.outside);
	free(i);
}

void index_fini(struct index *x)
{
	while (x->first) {
		struct item *next = x->first->after;

		free_item(x->first);
		x->first = next;
	}
	free(x->slots);
	free(x->ready.rows);
	free(x->waiting.rows);
	*x = (struct index){ 0 };
}

struct item *index_add(struct index *x, uint64_t id, uint32_t recipients)
{
	struct item *i;
	size_t slot;

	if (2 * x->n >= x->slots_n)
		grow_slots(x);
	slot = find_slot(x, id);
	if (x->slots[slot])
		return NULL;
	i = xcalloc(1, sizeof *i);
	i->id = id;
	i->recipients = i->pending = recipients;
	if (recipients > ITEM_STATES_INSIDE)
		i->states.outside = xcalloc(recipients, 1);
	i->order = x->order++;
	i->before = x->last;
	if (x->last)
		x->last->after = i;
	else
		x->first = i;
	x->last = i;
	x->slots[slot] = i;
	x->n++;
	return i;
}

struct item *index_find(const struct index *x, uint64_t id)
{
	return x->slots[find_slot(x, id)];
}

static void unqueue(struct index *x, struct item *i)
{
	if (i->queue == ITEM_READY)
		heap_remove(&x->ready, i);
	else if (i->queue == ITEM_WAITING)
		heap_remove(&x->waiting, i);
	i->queue = ITEM_NOWHERE;
}

void index_remove(struct index *x, struct item *i)
{
	unqueue(x, i);
	x->octets -= i->octets;
	x->held -= i->held != 0;
	if (i->before)
		i->before->after = i->after;
	else
		x->first = i->after;
	if (i->after)
		i->after->before = i->before;
	else
		x->last = i->before;
	empty_slot(x, find_slot(x, i->id));
	x->n--;
	free_item(i);
}

/* ── one item ────────────────────────────────────────────────────────────────────────────────── */

uint8_t *item_states(struct item *i)
{
	return i->recipients > ITEM_STATES_INSIDE ? i->states.outside : i->states.inside;
}

void index_set_state(struct index *x, struct item *i, uint32_t recipient, enum spool_state state)
{
	uint8_t *now = &item_states(i)[recipient];

	x->held -= i->held != 0;
	i->pending -= *now == SPOOL_PENDING;
	i->held -= *now == SPOOL_HELD;
	*now = (uint8_t)state;
	i->pending += state == SPOOL_PENDING;
	i->held += state == SPOOL_HELD;
	x->held += i->held != 0;
}

bool item_is_done(const struct item *i)
{
	return !i->pending && !i->held;
}

/* ── when ────────────────────────────────────────────────────────────────────────────────────── */

void index_queue(struct index *x, struct item *i)
{
	unqueue(x, i);
	if (i->taken || i->recording || !i->pending)
		return;
	i->queue = i->due_ms ? ITEM_WAITING : ITEM_READY;
	heap_add(i->due_ms ? &x->waiting : &x->ready, i);
}

struct item *index_due(struct index *x, int64_t now_ms)
{
	while (x->waiting.n && x->waiting.rows[0]->due_ms <= now_ms) {
		struct item *i = x->waiting.rows[0];

		i->due_ms = 0;
		index_queue(x, i);
	}
	return x->ready.n ? x->ready.rows[0] : NULL;
}

int64_t index_next_due_ms(const struct index *x)
{
	if (x->ready.n)
		return 0;
	return x->waiting.n ? x->waiting.rows[0]->due_ms : INT64_MAX;
}
