/* position.c - comparing positions across timelines. */

#include "position.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
lsn_parse(const char *text, uint64_t *lsn)
{
	uint32_t	 high, low;
	int		 length = 0;

	if (sscanf(text, "%8" SCNx32 "/%8" SCNx32 "%n", &high, &low,
	    &length) != 2 || strspn(text, "0123456789ABCDEFabcdef/") !=
	    (size_t)length || strchr(" \t\n", text[length]) == NULL)
		return false;	/* strchr finds the NUL, too */
	*lsn = (uint64_t)high << 32 | low;
	return true;
}

/* Moves *text behind a timeline and the character that ends it. */
static bool
timeline_parse(const char **text, char end, uint32_t *timeline)
{
	char		*rest;
	unsigned long	 number = strtoul(*text, &rest, 10);

	if (**text < '1' || **text > '9' || *rest != end ||
	    number > UINT32_MAX)
		return false;
	*timeline = (uint32_t)number;
	*text = rest + 1;
	return true;
}

bool
position_parse(struct position *p, const char *text)
{
	struct fork	*fork;

	*p = (struct position){ 0 };
	if (!timeline_parse(&text, ' ', &p->timeline) ||
	    !lsn_parse(text, &p->lsn))
		return false;
	while ((text = strchr(text, ' ')) != NULL) {
		text++;
		if (p->count == POSITION_FORKS)
			return false;
		fork = &p->forks[p->count++];
		if (!timeline_parse(&text, ':', &fork->timeline) ||
		    !lsn_parse(text, &fork->lsn))
			return false;
	}
	return true;
}

bool
position_print(const struct position *p, char *text, size_t size)
{
	size_t	 i, at;

	at = (size_t)snprintf(text, size, "%" PRIu32 " %" PRIX32 "/%" PRIX32,
	    p->timeline, (uint32_t)(p->lsn >> 32), (uint32_t)p->lsn);
	for (i = 0; i < p->count && at < size; i++)
		at += (size_t)snprintf(text + at, size - at,
		    " %" PRIu32 ":%" PRIX32 "/%" PRIX32, p->forks[i].timeline,
		    (uint32_t)(p->forks[i].lsn >> 32),
		    (uint32_t)p->forks[i].lsn);
	return at < size;
}

/* A line of the file is "6 TAB 0/2500000 TAB a reason", the youngest last. */
void
position_read_history(struct position *p, const char *text)
{
	struct fork	 fork;
	char		*lsn;

	p->count = 0;
	for (; *text != '\0'; text += strcspn(text, "\n"),
	    text += *text == '\n') {
		if (*text < '1' || *text > '9')
			continue;	/* a comment, an empty line */
		fork.timeline = (uint32_t)strtoul(text, &lsn, 10);
		lsn += strspn(lsn, " \t");
		if (!lsn_parse(lsn, &fork.lsn))
			continue;
		if (p->count == POSITION_FORKS)
			p->count--;
		memmove(p->forks + 1, p->forks, p->count * sizeof(fork));
		p->forks[0] = fork;
		p->count++;
	}
}

/* The timelines on the way to p, the oldest first; *end is where each ends. */
static uint32_t
step(const struct position *p, size_t i, uint64_t *end)
{
	const struct fork	*fork;

	if (i == p->count) {
		*end = p->lsn;
		return p->timeline;
	}
	fork = &p->forks[p->count - 1 - i];
	*end = fork->lsn;
	return fork->timeline;
}

/* Where the two ways part; 0: they have no timeline in common.  That a number
 * is the same is not enough: two nodes that have not heard of each other begin
 * timelines with one number, at different places. */
static uint64_t
common(const struct position *p, const struct position *other)
{
	uint64_t	 end, other_end, lsn = 0;
	size_t		 i = 0, j = 0;

	/* What is older than the other's oldest was left out there. */
	while (i < p->count && step(p, i, &end) < step(other, 0, &other_end))
		i++;
	while (j < other->count &&
	    step(other, j, &other_end) < step(p, i, &end))
		j++;
	for (; i <= p->count && j <= other->count; i++, j++) {
		if (step(p, i, &end) != step(other, j, &other_end))
			break;
		lsn = end < other_end ? end : other_end;
		if (end != other_end)
			break;
	}
	return lsn;
}

bool
position_has(const struct position *p, const struct position *other)
{
	uint64_t	 end;
	size_t		 i;

	if (common(p, other) != other->lsn)
		return false;
	/* A fork just there leads elsewhere. */
	for (i = 0; i <= p->count; i++)
		if (step(p, i, &end) == other->timeline)
			return true;
	return false;
}

int64_t
position_behind(const struct position *p, const struct position *other)
{
	uint64_t	 from = common(p, other);

	return from == 0 ? -1 : (int64_t)(other->lsn - from);
}
