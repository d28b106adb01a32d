/* SPDX-License-Identifier: BSD-2-Clause */

/* hyperkitty_list -- which archive a list of 2.1 has, and as what HyperKitty shall have it. */

#include "lists/hyperkitty_give.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "lists/site.h"

#include <string.h>

void hyperkitty_list_fini(struct hyperkitty_list *l)
{
	lists_list_fini(&l->l);
	buf_fini(&l->address);
	free(l->mbox);
	*l = (struct hyperkitty_list){ 0 };
}

static void add_address(const struct lists_list *l, const char *name, const char *mail_host,
                        struct buf *address)
{
	if (!mail_host)
		lists_list_address(l, address);
	if (!address->n)
		buf_addf(address, "%s@%s", name, mail_host ? mail_host : "localhost");
	/* Mailman 3 knows no other */
	for (size_t at = 0; at < address->n; at++)
		address->p[at] = ascii_lower(address->p[at]);
}

/* What does not say that it is public is not. */
static bool is_private(const struct lists_list *l)
{
	return l->archive.is_private || value_is_absent(l->config);
}

static bool is_kept(const struct lists_list *l)
{
	struct value v = value_dict_find(l->config, SPAN("archive"));
	int64_t number = 1;
	bool yes = true;

	if (value_get_bool(v, &yes))
		return yes;
	(void)value_get_int(v, &number);
	return number != 0;
}

int hyperkitty_list_read(struct hyperkitty_list *out, struct host *h, struct lists_site *site,
                         const char *name, const char *mail_host, struct error *err)
{
	const struct lists_list_options options = { .count_max = 1 };
	AUTO_FREE char *below = xasprintf("%s.mbox/%s.mbox", name, name);

	if (lists_list_read(&out->l, site, name, &options, err) < 0)
		return -1;
	add_address(&out->l, name, mail_host, &out->address);
	out->mbox = lists_paths_join(site->paths, LISTS_PRIVATE_ARCHIVE_FILE_DIR, below);
	out->policy = !is_kept(&out->l) ? "never" : is_private(&out->l) ? "private" : "public";
	out->archive = (struct hyperkitty_archive){
		.h = h,
		.mbox = out->mbox,
		.address = buf_text(&out->address),
		.charset = out->l.charset ? lists_charset_name(out->l.charset) : "us-ascii",
		.is_private = is_private(&out->l),
	};
	return 0;
}
