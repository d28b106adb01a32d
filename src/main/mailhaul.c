/* SPDX-License-Identifier: BSD-2-Clause */

/* mailhaul -- everything a person does. */

#include "cmd/cmd.h"

int main(int argc, char **argv)
{
	return cmd_main(argc, argv);
}
