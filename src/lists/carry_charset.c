/* SPDX-License-Identifier: BSD-2-Clause */

/* carry_charset -- lists whose language has another charset on new: their octets are carried as they are,
 * and Mailman there takes them for other text, or none. */

#include "lists/carry_inside.h"

#include "base/memory.h"
#include "lists/data_version.h"
#include "lists/recode.h"
#include "lists/settings.h"

#include <string.h>
#include <strings.h>

static void tell(struct carry_run *r, const char *where, const struct strings *places,
                 const char *words)
{
	AUTO_BUF struct buf names = { 0 };

	for (size_t i = 0; i < places->n; i++)
		buf_addf(&names, "%s%s", i ? ", " : "", places->rows[i]);
	if (places->n)
		carry_tell(&r->out->notes, where, "%s %s", buf_text(&names), words);
}

/* What reads text in UTF-8, whatever the language. */
static bool is_port(const struct carry_run *r)
{
	return lists_release_is_ported(r->o->new->version);
}

/* Of a list that was last saved by a release before 2.1.19. */
static bool recodes_by_itself(const struct carry_run *r, const struct carry_list *l,
                              struct span language, const char *from, const char *to)
{
	return l->data_version && l->data_version < LISTS_DATA_VERSION_RECODES &&
	       r->new_data_version >= LISTS_DATA_VERSION_RECODES && !strcasecmp(to, "utf-8") &&
	       !strcasecmp(from, lists_language_charset_then(language, l->data_version)) &&
	       strcasecmp(from, lists_language_charset(language)) != 0;
}

static char *words_for_needed(const struct carry_run *r, const struct carry_list *l,
                              struct span language, const char *from, const char *to)
{
	if (is_port(r))
		return xasprintf("are %s: new's Mailman %s, a port to Python 3, takes what is no "
		                 "UTF-8 for iso-8859-1, and saves it so",
		                 from, r->o->new->version);
	if (recodes_by_itself(r, l, language, from, to))
		return xasprintf(
			"are %s: new's Mailman makes them %s by itself when it first loads "
			"the list; not requests, nor pages of the list's own",
			from, to);
	return xasprintf("are %s, and the language has %s on new: its Mailman fails on them at "
	                 "each post (so it may on requests and pages of the list's own)",
	                 from, to);
}

void carry_look_at_charset(struct carry_run *r, const struct carry_list *l, struct value config)
{
	const struct lists_installation *old = r->o->old, *new = r->o->new;
	struct lists_recode_places places = { 0 };
	struct span language = { "", 0 };
	const char *from, *to;

	/* where only the data is left, nobody says what its Mailman took */
	if (!old->code || !new->code)
		return;
	(void)value_get_chars(value_dict_find(config, SPAN("preferred_language")), &language);
	from = lists_settings_charset(old->settings, language, l->data_version);
	to = is_port(r) ? "utf-8" : lists_settings_charset(new->settings, language, 0);
	if (!strcasecmp(from, to))
		return;

	AUTO_FREE char *needed = words_for_needed(r, l, language, from, to);
	AUTO_FREE char *unsure = xasprintf("were read as %s, and are other text as %s, which the "
	                                   "language has on new: look which they are",
	                                   from, to);
	AUTO_FREE char *neither = xasprintf("are no text in %s, nor in %s of new", from, to);
	AUTO_LISTS_CHARSET struct lists_charset *was = lists_charset_new(from);
	AUTO_LISTS_CHARSET struct lists_charset *is = lists_charset_new(to);

	lists_recode_look(was, is, config, &places);
	/* what is no UTF-8, a port takes for latin-1, which it is */
	if (!is_port(r) || strcasecmp(from, "iso-8859-1") != 0)
		tell(r, l->config, &places.needed, needed);
	tell(r, l->config, &places.unsure, unsure);
	tell(r, l->config, &places.neither, neither);
	lists_recode_places_fini(&places);
}
