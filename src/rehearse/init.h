/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * init -- PID 1 of a sealed host: builds its world, says that it is up, then reaps and logs.
 *
 * When it ends, the kernel kills every process of its PID namespace, and with the last of them go
 * mounts, disk and links. It ends by SIGTERM, by SIGKILL from outside (the pulled plug), and with
 * the keeper: the kernel sends SIGKILL then, and a pipe that only the keeper holds open closes.
 */

#include "rehearse/description.h"
#include "rehearse/disk.h"

#include "base/attr.h"
#include "base/error.h"

#include <stdbool.h>

/* What init tells the keeper, once, as these octets. */
struct init_report {
	bool good;
	struct disk disk;
	struct error error; /* when not good */
};

struct init_job {
	const struct description *set;
	const struct description_host *host;
	int router;   /* the router's network namespace; -1: this host is the router */
	int lifeline; /* end of file when the keeper is dead */
	int report;   /* takes a struct init_report */
};

/* To be called first thing by the child that is PID 1 of new mount, network, PID, UTS and IPC
 * namespaces. All is borrowed memory and descriptors of the parent's; others are closed. */
void init_run(const struct init_job *job) NORETURN;

/* Gives up, for this process and its children, what would reach through a namespace to the real
 * host: its clock, modules, ports, kernel log. */
int init_drop_rights(struct error *err) MUST_CHECK;
