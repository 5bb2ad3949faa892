/*
 * position.h - a copy's position: a timeline, an LSN on it, and the forks
 * through which that timeline descends from older ones.
 *
 *	7 0/30001A8 6:0/2500000 5:0/2000000
 *
 * is byte 0/30001A8 of timeline 7, which left timeline 6 at 0/2500000.
 */
#ifndef POSITION_H
#define POSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The maximum in a position's text; older ones are omitted. */
#define POSITION_FORKS	128

struct position {
	uint32_t	 timeline;
	uint64_t	 lsn;
	size_t		 count;
	struct fork {
		uint32_t	 timeline;	/* the older one */
		uint64_t	 lsn;		/* where it forked */
	}		 forks[POSITION_FORKS];	/* the youngest first */
};

bool	lsn_parse(const char *text, uint64_t *lsn);

bool	position_parse(struct position *, const char *text);
/* False if it does not fit. */
bool	position_print(const struct position *, char *text, size_t size);

/* Reads the forks from a timeline's history file. */
void	position_read_history(struct position *, const char *text);

/* Does the history of this position include other? */
bool	position_has(const struct position *, const struct position *other);

/* The number of bytes that this position lacks of other; -1 if they have no
 * timeline in common. */
int64_t	position_behind(const struct position *, const struct position *other);

#endif
