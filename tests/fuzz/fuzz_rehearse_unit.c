/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz.h"
#include "rehearse/stage.h"
#include "rehearse/unit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };
	AUTO_STRINGS struct strings wrong = { 0 };
	AUTO_UNIT struct unit u = { 0 };
	AUTO_BUF struct buf out = { 0 };

	if (size > 1u << 16)
		return 0;
	unit_read(&u, text);
	unit_add_script(&out, &u, "name@instance", "/run/notify");
	(void)unit_is_empty(&u);
	(void)stage_judge_mounts(text, &wrong);
	stage_read_links(text, &wrong);
	return 0;
}
