/*
 * failure.h - what the number of a server's error says.
 */
#ifndef FAILURE_H
#define FAILURE_H

#include <stdbool.h>

/* Failures that another try does not mend. */
bool	failure_is_for_good(unsigned error);

/* The account is refused: nobody is let in who asks like that. */
bool	failure_is_denied(unsigned error);

#endif
