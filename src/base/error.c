/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void add(struct error *err, const char *more)
{
	size_t used = strlen(err->text);

	snprintf(err->text + used, sizeof err->text - used, "%s", more);
}

static void set(struct error *err, enum error_scope scope, enum error_retry retry, int sys_errno,
                const char *format, va_list args)
{
	struct error made = { .scope = scope, .retry = retry, .sys_errno = sys_errno };

	vsnprintf(made.text, sizeof made.text, format, args);
	*err = made;
	if (sys_errno) {
		add(err, ": ");
		add(err, strerror(sys_errno));
	}
}

int error_set(struct error *err, enum error_scope scope, enum error_retry retry, int sys_errno,
              const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set(err, scope, retry, sys_errno, format, args);
	va_end(args);
	return -1;
}

static enum error_retry retry_of_errno(int e)
{
	switch (e) {
	case ENOSPC:
	case EDQUOT:
	case EACCES:
	case EPERM:
	case EROFS:
		return ERROR_RETRY_PERSON;
	case EAGAIN:
	case EINTR:
	case ETIMEDOUT:
	case EBUSY:
		return ERROR_RETRY_LATER;
	default:
		return ERROR_RETRY_NEVER;
	}
}

int error_system(struct error *err, const char *format, ...)
{
	int e = errno;
	va_list args;

	va_start(args, format);
	set(err, ERROR_SCOPE_MOVE, retry_of_errno(e), e, format, args);
	va_end(args);
	if (e == ENOSPC || e == EDQUOT)
		error_hint(
			err,
			"make room there and give the same command again; nothing is done twice");
	return -1;
}

int error_context(struct error *err, const char *format, ...)
{
	struct error inner = *err;
	va_list args;

	va_start(args, format);
	vsnprintf(err->text, sizeof err->text, format, args);
	va_end(args);
	add(err, ": ");
	add(err, inner.text);
	return -1;
}

int error_hint(struct error *err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err->hint, sizeof err->hint, format, args);
	va_end(args);
	return -1;
}

enum exit_code error_exit_code(const struct error *err)
{
	switch (err->retry) {
	case ERROR_RETRY_LATER:
		return EXIT_CODE_LATER;
	case ERROR_RETRY_NEVER:
		return EXIT_CODE_DATA;
	case ERROR_RETRY_PERSON:
		return EXIT_CODE_PERSON;
	case ERROR_RETRY_REACH:
		return EXIT_CODE_UNREACHED;
	}
	return EXIT_CODE_DATA;
}
