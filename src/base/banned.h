/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * banned -- included before every file by the build: calls that lose a bound, an error or a thread
 * become compile errors that say what to use instead.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BANNED(name, use) name##_is_banned_use_##use

#undef strcpy
#define strcpy(...) BANNED(strcpy, buf)
#undef strcat
#define strcat(...) BANNED(strcat, buf)
#undef strncpy
#define strncpy(...) BANNED(strncpy, buf)
#undef strncat
#define strncat(...) BANNED(strncat, buf)
#undef sprintf
#define sprintf(...) BANNED(sprintf, snprintf)
#undef vsprintf
#define vsprintf(...) BANNED(vsprintf, vsnprintf)
#undef strtok
#define strtok(...) BANNED(strtok, span)
#undef atoi
#define atoi(...) BANNED(atoi, text_parse_u64)
#undef atol
#define atol(...) BANNED(atol, text_parse_u64)
#undef gmtime
#define gmtime(...) BANNED(gmtime, gmtime_r)
#undef localtime
#define localtime(...) BANNED(localtime, localtime_r)
#undef ctime
#define ctime(...) BANNED(ctime, strftime)
