/* SPDX-License-Identifier: BSD-2-Clause */
#include "prepare/prepare.h"

#include "accounts/names.h"
#include "base/memory.h"
#include "mta/postfix_settings.h"

#include <string.h>

static const struct mta_service *find(const struct mta_facts *f, const struct mta_service *like)
{
	for (size_t i = 0; i < f->services_n; i++)
		if (!strcmp(f->services[i].name, like->name) &&
		    !strcmp(f->services[i].type, like->type))
			return &f->services[i];
	return NULL;
}

static bool is_loopback(const char *address)
{
	return !*address || !strcmp(address, "127.0.0.1") || !strcmp(address, "::1") ||
	       !strcmp(address, "localhost") || !strcmp(address, "0.0.0.0") || !strcmp(address, "::");
}

/* The same service line but for blanks? */
static bool is_same(const struct mta_service *a, const struct mta_service *b)
{
	struct span x = span_of(a->line), y = span_of(b->line), u, v;

	for (;;) {
		bool more = span_next_word(&x, &u);

		if (more != span_next_word(&y, &v))
			return false;
		if (!more)
			return true;
		if (!span_equal(u, v))
			return false;
	}
}

/* Inner services are the new package's own, unless the old host lacks nothing but options to them. */
static bool is_carried(const struct mta_service *old, const struct mta_service *new)
{
	bool inet = !strcmp(old->type, "inet") || !strcmp(old->type, "pass");

	if (!new || inet)
		return true;
	if (!strncmp(old->command, "pipe ", 5) || !strncmp(old->command, "spawn ", 6))
		return strcmp(old->command, new->command) != 0;
	return strcmp(old->command, new->command) != 0 && strstr(old->command, " -o ") != NULL;
}

/* The program of "pipe ... argv=/path": listed where it is missing. */
static void look_for_program(struct prepare *p, const struct mta_service *s)
{
	const char *argv = strstr(s->command, "argv=");
	AUTO_FREE char *path = argv ? xstrndup(argv + 5, strcspn(argv + 5, " ")) : NULL;

	if (path && account_path_good(path) && !host_has(p->new_host, path))
		prepare_leave(p, "service %s/%s runs %s, which is not on the new host", s->name, s->type,
		              path);
}

static int set_service(struct prepare *p, const struct mta_service *s, struct error *err)
{
	AUTO_FREE char *edit = xasprintf("%s/%s=%s", s->name, s->type, s->line);
	const char *const arguments[] = { edit, NULL };

	prepare_changed(p, "service %s/%s: %s", s->name, s->type, s->command);
	if (p->dry_run)
		return 0;
	if (prepare_keep_before(p, "/etc/postfix/master.cf", err) < 0)
		return -1;
	return host_do(p->new_host, "postfix-master-edit", arguments, SPAN(""), NULL, err);
}

int prepare_mta_services(struct prepare *p, struct error *err)
{
	for (size_t i = 0; i < p->from.mta.services_n; i++) {
		const struct mta_service *s = &p->from.mta.services[i];
		const struct mta_service *new = find(&p->to.mta, s);
		AUTO_FREE char *address = postfix_service_address(s->name);

		if (*s->name == '-' || !is_carried(s, new) || (new && is_same(s, new)))
			continue;
		if (!strcmp(s->type, "inet") && !is_loopback(address)) {
			prepare_leave(p, "service %s/%s listens on an address of the old machine: not "
			                 "made", s->name, s->type);
			continue;
		}
		look_for_program(p, s);
		if (set_service(p, s, err) < 0)
			return -1;
	}
	return 0;
}
