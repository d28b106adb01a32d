/* SPDX-License-Identifier: BSD-2-Clause */

/* mlmmj_headers -- rules of the headers that a list puts into posts, or takes away. */

#include "lists/mlmmj_inside.h"

#include "lists/list.h"

#include <string.h>

#define HEADERS "control/customheaders"

static void add_command(struct end_making *m, const char *header, const char *word)
{
	struct buf *out = &mlmmj_own(m)->custom;

	buf_addf(out, "%s: <mailto:", header);
	mlmmj_address(mlmmj_own(m), word, out);
	buf_add_text(out, ">\n");
	buf_addf(&mlmmj_own(m)->deleted, "%s:\n", header);
}

/* Its words, where they are ASCII. */
static void add_list_id(struct end_making *m)
{
	AUTO_BUF struct buf words = { 0 };
	struct mlmmj *o = mlmmj_own(m);

	(void)lists_decode_value(m->l->charset, lists_list_attribute(m->l, "description"), &words);
	buf_add_text(&o->custom, "List-Id: ");
	for (size_t i = 0; i < words.n; i++)
		if ((unsigned char)words.p[i] < ' ' || (unsigned char)words.p[i] >= 0x7f)
			buf_reset(&words);
	if (words.n && words.n < 200) {
		buf_add_char(&o->custom, '"');
		for (size_t i = 0; i < words.n; i++) {
			if (strchr("\"\\", words.p[i]))
				buf_add_char(&o->custom, '\\');
			buf_add_char(&o->custom, words.p[i]);
		}
		buf_add_text(&o->custom, "\" ");
	}
	buf_addf(&o->custom, "<%s.%s>\n", m->l->name, o->host);
	buf_add_text(&o->deleted, "List-Id:\n");
}

void mlmmj_take_list_headers(struct end_making *m)
{
	end_fate(m, LISTS_FATE_SET, HEADERS);
	if (end_number(m->v) == 0)
		return;
	add_list_id(m);
	add_command(m, "List-Help", "help");
	add_command(m, "List-Subscribe", "subscribe");
	add_command(m, "List-Unsubscribe", "unsubscribe");
	if (end_int(m, "include_list_post_header", 1))
		add_command(m, "List-Post", NULL);
}

void mlmmj_take_post_header(struct end_making *m)
{
	end_fate(m, LISTS_FATE_SET, HEADERS);
}

/* Where answers go; another Reply-To beside it would be one too many. */
void mlmmj_take_reply_to(struct end_making *m)
{
	int64_t to = end_int(m, "reply_goes_to_list", 0);
	AUTO_BUF struct buf address = { 0 };
	struct mlmmj *o = mlmmj_own(m);

	end_fate(m, LISTS_FATE_SET, HEADERS);
	if (to == 1)
		mlmmj_address(o, NULL, &address);
	else if (to == 2 && !mlmmj_person(m, "reply_to_address",
	                                  lists_list_attribute(m->l, "reply_to_address"), &address))
		return;
	if (!address.n)
		return;
	buf_addf(&o->custom, "Reply-To: %s\n", buf_text(&address));
	buf_add_text(&o->deleted, "Reply-To:\n");
	if (!end_int(m, "first_strip_reply_to", 0))
		end_tell(m, "a Reply-To that the post had is taken away: 2.1 kept it beside the "
		            "list's");
}

void mlmmj_take_strip_reply_to(struct end_making *m)
{
	if (end_number(m->v) != 0)
		buf_add_text(&mlmmj_own(m)->deleted, "Reply-To:\n");
	end_fate(m, LISTS_FATE_SET, "control/delheaders");
}

void mlmmj_take_anonymous(struct end_making *m)
{
	struct mlmmj *o = mlmmj_own(m);

	end_fate(m, LISTS_FATE_SET, HEADERS ", control/delheaders");
	if (end_number(m->v) == 0)
		return;
	buf_add_text(&o->custom, "From: ");
	mlmmj_address(o, NULL, &o->custom);
	buf_add_char(&o->custom, '\n');
	buf_add_text(&o->deleted, "From:\nSender:\nReply-To:\nX-Originating-Email:\nReceived:\n"
	                          "X-Originating-IP:\nDKIM-Signature:\nAuthentication-Results:\n");
	end_tell(m, "From is the list; its archive keeps posts in that form");
}
