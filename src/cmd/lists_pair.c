/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/lists_pair.h"

#include "base/memory.h"
#include "cmd/lists_place.h"
#include "cmd/open.h"
#include "mail/digest.h"

#include <string.h>
#include <sys/stat.h>

static int open_place(struct lists_side *p, const char *name, struct error *err)
{
	if (cmd_open_place(&p->owned, p->place, name, p->control, err) < 0)
		return -1;
	p->host = p->owned;
	return 0;
}

static void make_dirs(char *dir)
{
	for (char *p = dir + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = 0;
		(void)mkdir(dir, 0700);
		*p = '/';
	}
	(void)mkdir(dir, 0700);
}

/* What was brought before is written down below $XDG_STATE_HOME, apart for each pair of places. */
static int open_state(struct lists_pair *p, struct error *err)
{
	const char *home = getenv("XDG_STATE_HOME");
	AUTO_FREE char *words = xasprintf("%s\n%s\n", p->has_old ? p->old.place : "", p->new.place);
	AUTO_FREE char *below = home && *home == '/'
	                                ? xstrdup(home)
	                                : xasprintf("%s/.local/state",
	                                            getenv("HOME") ? getenv("HOME") : "/root");
	const struct digest digest = digest_of(span_of(words));
	char hex[2 * DIGEST_SIZE + 1];
	AUTO_FREE char *dir = p->state_dir ? xstrdup(p->state_dir)
	                                   : xasprintf("%s/mailhaul/lists-%.16s", below,
	                                               digest_text(hex, &digest));

	make_dirs(dir);
	if (state_open(&p->owned_state, dir, err) < 0)
		return -1;
	p->state = p->owned_state;
	return 0;
}

static int choose(struct lists_side *p, struct error *err)
{
	if (lists_place_choose(p->host, p->prefix, &p->all, err) < 0)
		return -1;
	p->chosen = &p->all.rows[0];
	return 0;
}

/* All of it is the move's, or nothing is. */
static int open_move(struct lists_pair *p, struct error *err)
{
	unsigned needs = CMD_NEEDS_CONFIG | CMD_NEEDS_STATE | CMD_NEEDS_NEW;

	needs |= p->has_old ? CMD_NEEDS_OLD : 0;
	needs |= p->has_old && p->old.control ? CMD_NEEDS_CONTROL_OLD : 0;
	needs |= p->new.control ? CMD_NEEDS_CONTROL_NEW : 0;
	if (cmd_open(p->run, needs, err) < 0)
		return -1;
	p->state = p->run->state;
	p->old.host = p->run->old_host;
	p->new.host = p->run->new_host;
	return 0;
}

int lists_pair_open(struct lists_pair *p, struct error *err)
{
	if (p->has_old && !p->old.place != !p->new.place)
		return error_set(err, ERROR_SCOPE_MOVE, ERROR_RETRY_PERSON, 0,
		                 "both sides have to be named, or none");
	if (!p->new.place) {
		if (open_move(p, err) < 0)
			return -1;
	} else if ((p->has_old && open_place(&p->old, "old", err) < 0) ||
	           open_place(&p->new, "new", err) < 0 || open_state(p, err) < 0) {
		return -1;
	}
	return (p->has_old && choose(&p->old, err) < 0) || choose(&p->new, err) < 0 ? -1 : 0;
}

void lists_pair_close(struct lists_pair *p)
{
	lists_installations_fini(&p->old.all);
	lists_installations_fini(&p->new.all);
	host_close(p->old.owned);
	host_close(p->new.owned);
	state_close(p->owned_state);
	cmd_close(p->run);
}
