/*
 * trouble.h - a problem that lasts for a while: logged when it begins, when it
 * changes, and when it has ended.
 */
#ifndef TROUBLE_H
#define TROUBLE_H

#include <stdint.h>

struct trouble {
	const char	*what;		/* for the log: borrowed */
	char		 text[512];	/* "" while all is well */
	int64_t		 said_at_ms;
};

/* Sets the current problem, "" for none: logs a change.  Copies text. */
void	trouble_set(struct trouble *, const char *text);

#endif
