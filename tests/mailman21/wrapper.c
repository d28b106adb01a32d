/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * wrapper -- what stands between an MTA and Mailman 2.1's scripts (its src/mail-wrapper.c): a program that
 * runs with the group of the file, and only for who calls it as the group that it was compiled for.
 * MAIL_GROUP and SCRIPT are given to the compiler.
 */

#include <grp.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const struct group *caller = getgrgid(getgid());

	if (!caller || __builtin_strcmp(caller->gr_name, MAIL_GROUP) != 0) {
		fprintf(stderr,
		        "Group mismatch error.  Mailman expected the mail\n"
		        "wrapper script to be executed as group \"%s\", but\n"
		        "the system's mail server executed the mail script as\n"
		        "group \"%s\".\n",
		        MAIL_GROUP, caller ? caller->gr_name : "?");
		return 2;
	}
	if (argc > 1)
		execv(SCRIPT, argv);
	return 4;
}
