/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz.h"

#include "base/memory.h"
#include "lists/settings.h"

#include <string.h>

/* The input is mm_cfg.py; behind a NUL, Defaults.py. */
static int read_input(void *context, const char *module, struct buf *text, char **file,
                      struct error *err)
{
	const struct span *input = context;
	ssize_t end = span_find(*input, '\0');
	bool defaults = strcmp(module, "Defaults") == 0;

	(void)err;
	if (strcmp(module, "mm_cfg") != 0 && (!defaults || end < 0))
		return 0;
	if (defaults)
		buf_add_span(text, span_from(*input, (size_t)end + 1));
	else
		buf_add(text, input->p, end < 0 ? input->n : (size_t)end);
	*file = xstrdup(module);
	return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = { (const char *)data, size };
	struct lists_modules modules = { .context = &input, .read = read_input };
	AUTO_LISTS_SETTINGS struct lists_settings s = { 0 };
	struct error err = { 0 };

	if (lists_settings_read(&s, &modules, "mm_cfg", &err) < 0)
		return 0;
	for (size_t i = 0; i < s.n; i++) {
		AUTO_BUF struct buf out = { 0 };
		AUTO_STRINGS struct strings texts = { 0 };

		if (s.rows[i].value)
			python_repr(s.rows[i].value, &out);
		(void)lists_setting_text(&s, s.rows[i].name);
		lists_setting_texts(&s, s.rows[i].name, &texts);
	}
	return 0;
}
