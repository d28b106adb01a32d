/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/lists_place.h"

#include "base/memory.h"
#include "cmd/open.h"

#include <string.h>

void lists_place_end(struct lists_place *p)
{
	lists_installations_fini(&p->all);
	host_close(p->own);
	cmd_close(&p->run);
	*p = (struct lists_place){ 0 };
}

static int open_host(struct lists_place *p, const struct lists_place_wishes *wishes,
                     struct error *err)
{
	unsigned control = wishes->new ? CMD_NEEDS_CONTROL_NEW : CMD_NEEDS_CONTROL_OLD;
	unsigned needs = CMD_NEEDS_CONFIG | (wishes->new ? CMD_NEEDS_NEW : CMD_NEEDS_OLD);
	const char *site = wishes->site;
	/* a folder right here has no '/' that tells it from a host's name */
	AUTO_FREE char *place = site && !strpbrk(site, "/:") && strcmp(site, "local") != 0
	                                ? xasprintf("./%s", site)
	                                : NULL;

	if (site) {
		if (cmd_open_place(&p->own, place ? place : site, "site", wishes->control, err) < 0)
			return -1;
		p->h = p->own;
		return 0;
	}
	if (cmd_open(&p->run, needs | (wishes->control ? control : 0), err) < 0)
		return -1;
	p->h = wishes->new ? p->run.new_host : p->run.old_host;
	return 0;
}

bool lists_place_option(struct lists_place_wishes *wishes, int c, const char *argument)
{
	if (c == 's')
		wishes->site = argument;
	else if (c == 'p')
		wishes->prefix = argument;
	else if (c == 'n')
		wishes->new = true;
	else
		return false;
	return true;
}

int lists_place_choose(struct host *h, const char *prefix, struct lists_installations *all,
                       struct error *err)
{
	AUTO_BUF struct buf places = { 0 };

	if (lists_paths_find(h, prefix, all, err) < 0)
		return -1;
	if (all->n == 1)
		return 0;
	if (!all->n) {
		error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
		          "there is no Mailman 2.1 on the %s host in any place that is known here",
		          host_name(h));
		return error_hint(err, "its prefix is the directory with Mailman/ in it");
	}
	for (size_t i = 0; i < all->n; i++) {
		const struct lists_installation *a = &all->rows[i];

		buf_addf(&places, "%s%s", i ? ", " : "",
		         a->code                            ? a->code
		         : a->paths.value[LISTS_VAR_PREFIX] ? a->paths.value[LISTS_VAR_PREFIX]
		                                            : "?");
	}
	error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
	          "there are %zu Mailmans on the %s host: %s", all->n, host_name(h),
	          buf_text(&places));
	return error_hint(err, "its prefix, --prefix DIR and such, names one of them");
}

int lists_place_open(struct lists_place *p, const struct cmd_run *run,
                     const struct lists_place_wishes *wishes, struct error *err)
{
	*p = (struct lists_place){ .run = *run };
	if (open_host(p, wishes, err) < 0)
		return -1;
	return lists_place_choose(p->h, wishes->prefix, &p->all, err);
}
