/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *or_end(void *p)
{
	if (p)
		return p;
	fputs("mailhaul: out of memory\n", stderr);
	abort();
}

void *xmalloc(size_t size)
{
	return or_end(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
	return or_end(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *old, size_t size)
{
	return or_end(realloc(old, size ? size : 1));
}

char *xstrdup(const char *text)
{
	return or_end(strdup(text));
}

char *xstrndup(const char *text, size_t size)
{
	return or_end(strndup(text, size));
}

char *xasprintf(const char *format, ...)
{
	char *made = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&made, format, args) < 0)
		made = NULL;
	va_end(args);
	return or_end(made);
}
