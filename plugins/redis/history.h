/*
 * history.h - the position of a data set, in Redis's terms.
 *
 * A master counts the bytes that it writes for its slaves.  The count continues
 * across a change of masters, but the history gets a new id with each, because
 * two masters could write different bytes at one offset:
 *
 *	before ...... since - 1 | since .... offset
 *	---- of that id ------- | ---- of id -----
 */
#ifndef HISTORY_H
#define HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HISTORY_ID	40	/* hexadecimal digits */

struct history {
	char	 id[HISTORY_ID + 1];
	int64_t	 offset;
	char	 before[HISTORY_ID + 1];	/* all 0: none */
	int64_t	 since;				/* -1: none */
	int64_t	 keys;		/* in the data set, of all databases */
};

enum history_answer {
	HISTORY_YES,
	HISTORY_NO,
	HISTORY_UNKNOWN,	/* they have nothing in common */
};

/* The text is that of position in plugin.h. */
void	history_print(const struct history *, char *text, size_t size);
bool	history_parse(struct history *, const char *text);

/* Up to this offset both are the same; -1 if that is unknown. */
int64_t	history_common(const struct history *, const struct history *);

/* Does h have all data of other? */
enum history_answer	history_has(const struct history *h,
			    const struct history *other);

/* The number of bytes that h lacks of other; -1 if that is unknown. */
int64_t	history_lacks(const struct history *h, const struct history *other);

#endif
