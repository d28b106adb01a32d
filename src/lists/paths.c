/* SPDX-License-Identifier: BSD-2-Clause */
#include "lists/paths.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

const char *lists_share_name(enum lists_share share)
{
	static const char *const names[] = {
		[LISTS_SHARE_MUST] = "must",
		[LISTS_SHARE_MAY] = "may",
		[LISTS_SHARE_SAME] = "same",
		[LISTS_SHARE_LOCAL] = "local",
	};

	return names[share];
}

void lists_paths_fini(struct lists_paths *p)
{
	for (size_t i = 0; i < LISTS_PATHS; i++)
		free(p->value[i]);
	*p = (struct lists_paths){ 0 };
}

int lists_path_named(const char *name)
{
	for (int i = 0; i < LISTS_PATHS; i++)
		if (!strcmp(lists_path_kinds[i].name, name))
			return i;
	return -1;
}

void lists_paths_set(struct lists_paths *p, enum lists_path which, const char *path)
{
	struct span s;

	free(p->value[which]);
	p->value[which] = NULL;
	if (!path)
		return;
	s = span_of(path);
	while (s.n > 1 && s.p[s.n - 1] == '/')
		s.n--;
	p->value[which] = xstrndup(s.p, s.n);
}

char *lists_paths_join(const struct lists_paths *p, enum lists_path which, const char *name)
{
	const char *at = p->value[which];

	if (!at)
		return NULL;
	return xasprintf("%s/%s", strcmp(at, "/") == 0 ? "" : at, name);
}

void lists_paths_fill(struct lists_paths *p, const char *prefix, const char *var)
{
	if (!p->value[LISTS_PREFIX])
		lists_paths_set(p, LISTS_PREFIX, prefix);
	if (!p->value[LISTS_VAR_PREFIX])
		lists_paths_set(p, LISTS_VAR_PREFIX, var ? var : prefix);
	/* a parent stands before what is below it */
	for (enum lists_path i = 0; i < LISTS_PATHS; i++) {
		const struct lists_path_kind *kind = &lists_path_kinds[i];
		AUTO_FREE char *path = NULL;

		if (p->value[i] || !kind->below || !p->value[kind->parent])
			continue;
		path = *kind->below ? lists_paths_join(p, kind->parent, kind->below)
		                    : xstrdup(p->value[kind->parent]);
		lists_paths_set(p, i, path);
	}
}

void lists_paths_default(struct lists_paths *out, const char *prefix, const char *var)
{
	*out = (struct lists_paths){ 0 };
	lists_paths_fill(out, prefix, var);
}
