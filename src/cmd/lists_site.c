/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/lists_site.h"

#include <string.h>

int lists_open(struct lists_opened *o, const struct cmd_run *run,
               const struct lists_place_wishes *wishes, struct error *err)
{
	const struct lists_installation *mailman;

	*o = (struct lists_opened){ 0 };
	if (lists_place_open(&o->place, run, wishes, err) < 0)
		return -1;
	mailman = &o->place.all.rows[0];
	return lists_site_read(&o->site, o->place.h, &mailman->paths, mailman->settings, true, err);
}

void lists_opened_end(struct lists_opened *o)
{
	lists_site_fini(&o->site);
	lists_place_end(&o->place);
}

int lists_choose(const struct lists_opened *o, bool all, int argc, char **argv,
                 struct strings *names, struct error *err)
{
	for (size_t i = 0; all && i < o->site.names.n; i++)
		strings_add(names, o->site.names.rows[i]);
	for (int i = 0; i < argc; i++) {
		if (!strings_has(&o->site.names, argv[i])) {
			error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
			          "there is no list \"%s\"", argv[i]);
			return error_hint(err, "%zu lists are in %s", o->site.names.n,
			                  o->site.paths->value[LISTS_LIST_DATA_DIR]);
		}
		if (!strings_has(names, argv[i]))
			strings_add(names, argv[i]);
	}
	return 0;
}
