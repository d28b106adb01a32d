/* SPDX-License-Identifier: BSD-2-Clause */
#include "mta/mta.h"

#include "base/memory.h"

#include <stdlib.h>

void mta_facts_fini(struct mta_facts *f)
{
	free(f->version);
	free(f->config_dir);
	free(f->queue_dir);
	for (size_t i = 0; i < f->settings_n; i++) {
		free(f->settings[i].name);
		free(f->settings[i].value);
	}
	for (size_t i = 0; i < f->services_n; i++) {
		free(f->services[i].name);
		free(f->services[i].type);
		free(f->services[i].command);
		free(f->services[i].line);
	}
	for (size_t i = 0; i < f->domains_n; i++) {
		free(f->domains[i].name);
		free(f->domains[i].source);
	}
	for (size_t i = 0; i < f->files_n; i++) {
		free(f->files[i].path);
		free(f->files[i].type);
		free(f->files[i].source);
		free(f->files[i].words);
	}
	for (size_t i = 0; i < f->aliases_n; i++) {
		free(f->aliases[i].name);
		free(f->aliases[i].target);
		free(f->aliases[i].source);
	}
	free(f->settings);
	free(f->services);
	free(f->domains);
	free(f->files);
	free(f->aliases);
	strings_fini(&f->instances);
	strings_fini(&f->logs);
	strings_fini(&f->filters);
	strings_fini(&f->for_person);
	*f = (struct mta_facts){ 0 };
}

void mta_queue_fini(struct mta_queue *q)
{
	for (size_t i = 0; i < q->n; i++) {
		free(q->rows[i].queue);
		free(q->rows[i].id);
		free(q->rows[i].sender);
		strings_fini(&q->rows[i].recipients);
	}
	free(q->rows);
	*q = (struct mta_queue){ 0 };
}

uint64_t mta_counts_total(const struct mta_counts *c)
{
	return c->incoming + c->active + c->deferred + c->hold + c->maildrop;
}

int mta_find(struct host *h, const struct mta_ops **out, struct error *err)
{
	for (size_t i = 0; mta_registry[i]; i++) {
		int found = mta_registry[i]->found(h, err);

		if (found < 0)
			return -1;
		if (found) {
			*out = mta_registry[i];
			return 0;
		}
	}
	*out = NULL;
	return 0;
}

/* The host's MTA, which has to be there. */
static int need(struct host *h, const struct mta_ops **out, struct error *err)
{
	if (mta_find(h, out, err) < 0)
		return -1;
	if (*out)
		return 0;
	error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
	          "%s: no mail transfer agent that is known here", host_name(h));
	return error_hint(err, "install Postfix there, or name the right host in move.yaml");
}

int mta_facts(struct host *h, struct mta_facts *out, struct error *err)
{
	const struct mta_ops *ops;

	return need(h, &ops, err) < 0 ? -1 : ops->facts(h, out, err);
}

int mta_queue(struct host *h, struct mta_queue *out, struct error *err)
{
	const struct mta_ops *ops;

	return need(h, &ops, err) < 0 ? -1 : ops->queue(h, out, err);
}

int mta_queue_length(struct host *h, struct mta_counts *out, struct error *err)
{
	const struct mta_ops *ops;

	return need(h, &ops, err) < 0 ? -1 : ops->counts(h, out, err);
}

int mta_stop_accepting(struct host *h, struct error *err)
{
	const struct mta_ops *ops;

	return need(h, &ops, err) < 0 ? -1 : ops->stop_accepting(h, err);
}

int mta_resume_accepting(struct host *h, struct error *err)
{
	const struct mta_ops *ops;

	return need(h, &ops, err) < 0 ? -1 : ops->resume_accepting(h, err);
}

int mta_flush(struct host *h, struct error *err)
{
	const struct mta_ops *ops;

	return need(h, &ops, err) < 0 ? -1 : ops->flush(h, err);
}

int mta_stop(struct host *h, struct error *err)
{
	const struct mta_ops *ops;

	return need(h, &ops, err) < 0 ? -1 : ops->stop(h, err);
}

int mta_start(struct host *h, struct error *err)
{
	const struct mta_ops *ops;

	return need(h, &ops, err) < 0 ? -1 : ops->start(h, err);
}

int mta_is_running(struct host *h, bool *running, struct error *err)
{
	const struct mta_ops *ops;

	return need(h, &ops, err) < 0 ? -1 : ops->is_running(h, running, err);
}

int mta_hold_all(struct host *h, struct state *s, struct error *err)
{
	const struct mta_ops *ops;

	return need(h, &ops, err) < 0 ? -1 : ops->hold_all(h, s, err);
}

int mta_release_held(struct host *h, struct state *s, struct error *err)
{
	const struct mta_ops *ops;

	return need(h, &ops, err) < 0 ? -1 : ops->release_held(h, s, err);
}

int mta_carry_queue(struct host *from, struct host *to, struct state *s, uint64_t *carried,
                    struct error *err)
{
	const struct mta_ops *old, *new;

	if (need(from, &old, err) < 0 || need(to, &new, err) < 0)
		return -1;
	if (old != new)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		                 "a queue of %s can't be carried to %s", old->summary,
		                 new->summary);
	return old->carry_queue(from, to, s, carried, err);
}

int mta_set_aside(struct host *h, struct state *s, const char *from, const char *to,
                  uint64_t *moved, struct error *err)
{
	const struct mta_ops *ops;

	return need(h, &ops, err) < 0 ? -1 : ops->set_aside(h, s, from, to, moved, err);
}
