/* SPDX-License-Identifier: BSD-2-Clause */

/* mlmmj_texts -- rules of texts: footer, prefix of subjects, and its mails with 2.1's words in them. */

#include "lists/mlmmj_inside.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "lists/header.h"

void mlmmj_take_footer(struct end_making *m)
{
	struct buf *footer = &mlmmj_own(m)->footer;

	end_spell_out(m, footer);
	if (footer->n && footer->p[footer->n - 1] != '\n')
		buf_add_char(footer, '\n');
	end_file(m->out->work, m->rule->to, footer->n ? footer : NULL);
	end_fate(m, LISTS_FATE_SET, m->rule->to);
	if (footer->n)
		end_tell(m, "mlmmj puts it behind each post as it is, whatever that post's parts, "
		            "encoding and charset (README.footers)");
}

/* One of its mails, with 2.1's words in it: rule->words is its name, and what it says else. */
void mlmmj_take_mail(struct end_making *m)
{
	AUTO_BUF struct buf text = { 0 }, mail = { 0 };
	AUTO_FREE char *path = NULL, *control = NULL;
	struct span rest = span_of(m->rule->words), name, subject;

	(void)span_next_part(&rest, '|', &name);
	(void)span_next_part(&rest, '|', &subject);
	path = xasprintf("text/%.*s", (int)name.n, name.p);
	control = xasprintf("control/%s", m->rule->to);
	end_spell_out(m, &text);
	if (!span_trim(buf_span(&text)).n) {
		end_file(m->out->work, control, NULL);
		end_carried(m, "mlmmj's own text");
		return;
	}
	buf_add_char(&text, '\n');
	end_file(m->out->work, control, &text);
	/* mlmmj puts the file in, and looks for no words of its own in it */
	buf_addf(&mail, "Subject: %.*s\n\n%%control %s%%\n%.*s", (int)subject.n, subject.p,
	         m->rule->to, (int)rest.n, rest.p);
	end_file(m->out->work, path, &mail);
	end_carried(m, path);
	end_tell(m, "stands within an English text, as 2.1's stood in its own");
}

/* "[Talk %d] " becomes "[Talk]": there is no number. mlmmj puts a blank behind it. */
void mlmmj_take_prefix(struct end_making *m)
{
	AUTO_BUF struct buf text = { 0 }, made = { 0 };
	struct buf *prefix = &mlmmj_own(m)->prefix;
	bool is_ascii = true;
	struct span s;

	end_decode(m, m->v, &text);
	s = span_trim(buf_span(&text));
	for (size_t i = 0; i < s.n; i++) {
		size_t d = i + 1;

		while (s.p[i] == '%' && d < s.n && s.p[d] >= '0' && s.p[d] <= '9')
			d++;
		if (s.p[i] == '%' && d < s.n && s.p[d] == 'd') {
			while (made.n && made.p[made.n - 1] == ' ')
				made.n--;
			end_tell(m, "mlmmj numbers no posts: %%d is left out");
			i = d;
			continue;
		}
		if ((unsigned char)s.p[i] < ' ')
			continue;
		is_ascii = is_ascii && (unsigned char)s.p[i] < 0x80;
		buf_add_char(&made, s.p[i]);
	}
	if (is_ascii)
		buf_add_span(prefix, buf_span(&made));
	else
		lists_header_words(buf_span(&made), prefix);
	if (span_find(buf_span(prefix), '\n') >= 0) {
		buf_reset(prefix);
		end_file(m->out->work, m->rule->to, NULL);
		end_left(m, "is too long for one word of a header (RFC 2047)");
		return;
	}
	buf_reset(&made);
	buf_addf(&made, "%s\n", buf_text(prefix));
	end_file(m->out->work, m->rule->to, prefix->n ? &made : NULL);
	end_fate(m, LISTS_FATE_SET, m->rule->to);
}
