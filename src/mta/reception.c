/* SPDX-License-Identifier: BSD-2-Clause */
#include "mta/reception.h"

#include "mta/mta.h"

#include <stdlib.h>

void mta_reception_fini(struct mta_reception *r)
{
	buf_fini(&r->recipients);
	strings_fini(&r->unlisted);
	strings_fini(&r->relay_networks);
	free(r->name);
	free(r->certificate);
	free(r->key);
	free(r->relays_for);
	*r = (struct mta_reception){ 0 };
}

static int need(struct host *h, const struct mta_ops **out, struct error *err)
{
	if (mta_find(h, out, err) < 0)
		return -1;
	if (*out && (*out)->reception)
		return 0;
	return error_set(err, ERROR_SCOPE_HOST, ERROR_RETRY_PERSON, 0,
	                 "%s: no mail transfer agent that a gate can stand in for", host_name(h));
}

int mta_reception(struct host *h, const struct strings *more, struct mta_reception *out,
                  struct error *err)
{
	AUTO_RECEPTION struct mta_reception made = { 0 };
	const struct mta_ops *ops;

	if (need(h, &ops, err) < 0 || ops->reception(h, more, &made, err) < 0)
		return -1;
	*out = made;
	made = (struct mta_reception){ 0 };
	return 0;
}

int mta_trust(struct host *h, const struct strings *addresses, struct error *err)
{
	const struct mta_ops *ops;

	return need(h, &ops, err) < 0 ? -1 : ops->trust(h, addresses, true, err);
}

int mta_distrust(struct host *h, const struct strings *addresses, struct error *err)
{
	const struct mta_ops *ops;

	return need(h, &ops, err) < 0 ? -1 : ops->trust(h, addresses, false, err);
}

int mta_find_untrusted(struct host *h, const struct strings *addresses, struct strings *out,
                       struct error *err)
{
	const struct mta_ops *ops;

	return need(h, &ops, err) < 0 ? -1 : ops->find_untrusted(h, addresses, out, err);
}
