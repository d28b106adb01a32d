/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* asking -- what the schema cannot say of `check` in move.yaml. Inside the room. */

#include "config/config.h"
#include "config/document.h"

/* Also sets what a backup leaves out. */
int config_check_asking(const struct yaml_file *y, struct config_check *c, struct error *err)
	MUST_CHECK;
