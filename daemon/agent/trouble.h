/*
 * trouble.h - something that goes wrong for a while: said when it begins, when
 * it becomes something else, and when it has ended.
 */
#ifndef TROUBLE_H
#define TROUBLE_H

#include <stdint.h>

struct trouble {
	const char	*what;		/* for the log: borrowed */
	char		 text[512];	/* "" while all is well */
	int64_t		 said_at_ms;
};

/* This is wrong now, "" for nothing: logs what is new in that.  Copies text. */
void	trouble_set(struct trouble *, const char *text);

#endif
