/*
 * failure.h - the meaning of a server's error numbers.
 */
#ifndef FAILURE_H
#define FAILURE_H

#include <stdbool.h>

/* Failures that a retry does not fix. */
bool	failure_is_for_good(unsigned error);

/* The login is rejected, for any client with these credentials. */
bool	failure_is_denied(unsigned error);

#endif
