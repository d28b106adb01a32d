/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * cleanup -- what a function holds is released when its scope ends, so leaving early is `return`.
 *
 *	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
 *	...
 *	return fd_take(&fd);	(the caller owns it now)
 *
 * A type with an end of its own adds a word beside it:
 *
 *	CLEANUP_DEFINE(struct host, host_close);
 *	#define AUTO_HOST __attribute__((cleanup(host_close_at)))
 */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define AUTO_CLOSE __attribute__((cleanup(fd_close_at)))
#define AUTO_FREE __attribute__((cleanup(free_at)))
#define AUTO_FILE __attribute__((cleanup(file_close_at)))

/* Makes end_at(), which ends the handle unless it was taken. */
#define CLEANUP_DEFINE(type, end)                                                                  \
	static inline void end##_at(type **handle)                                                 \
	{                                                                                          \
		if (*handle)                                                                       \
			end(*handle);                                                              \
	}                                                                                          \
	_Static_assert(1, "wants a semicolon")

/* Moves a pointer out of an AUTO_ variable, which then holds NULL. */
#define TAKE(variable)                                                                             \
	({                                                                                         \
		__typeof__(variable) taken_ = (variable);                                          \
		(variable) = NULL;                                                                 \
		taken_;                                                                            \
	})

static inline int fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static inline void fd_close_at(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static inline void free_at(void *pointer)
{
	free(*(void **)pointer);
}

static inline void file_close_at(FILE **file)
{
	if (*file)
		(void)fclose(*file);
}
