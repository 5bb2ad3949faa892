/* fail.h - how a command fails: with a sentence, and a status. */
#ifndef FAIL_H
#define FAIL_H

#define EXIT_USAGE	64	/* from sysexits.h */
#define EXIT_AGAIN	75
#define EXIT_CONFIG	78

/* Prints the sentence to standard error, and returns the status. */
int	fail(int status, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

#endif
