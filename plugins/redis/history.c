/* history.c - the position of a data set, in Redis's terms. */
#include "history.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void
history_print(const struct history *h, char *text, size_t size)
{
	snprintf(text, size, "%s:%" PRId64 " %s:%" PRId64 " keys:%" PRId64,
	    h->id, h->offset, h->before, h->since, h->keys);
}

static bool
is_id(const char *id)
{
	return strlen(id) == HISTORY_ID &&
	    strspn(id, "0123456789abcdef") == HISTORY_ID;
}

bool
history_parse(struct history *h, const char *text)
{
	int	 end = -1;

	memset(h, 0, sizeof(*h));
	/* Not more than 18 digits, as more could overflow. */
	sscanf(text, "%40[^:]:%18" SCNd64 " %40[^:]:%18" SCNd64
	    " keys:%18" SCNd64 "%n", h->id, &h->offset, h->before, &h->since,
	    &h->keys, &end);
	return end != -1 && text[end] == '\0' && is_id(h->id) &&
	    is_id(h->before) && h->offset >= 0 && h->since >= -1 &&
	    h->keys >= 0;
}

/* The last offset of id that h has; -1 where it has nothing of it. */
static int64_t
history_end(const struct history *h, const char *id)
{
	if (strcmp(h->id, id) == 0)
		return h->offset;
	if (h->since != -1 && strcmp(h->before, id) == 0)
		return h->since - 1;
	return -1;
}

int64_t
history_common(const struct history *a, const struct history *b)
{
	const char	*ids[] = { b->id, b->before };
	int64_t		 end_a, end_b, end, common = -1;
	size_t		 i;

	for (i = 0; i < 2; i++) {
		end_a = history_end(a, ids[i]);
		end_b = history_end(b, ids[i]);
		end = end_a < end_b ? end_a : end_b;
		common = end > common ? end : common;
	}
	return common;
}

enum history_answer
history_has(const struct history *h, const struct history *other)
{
	int64_t	 common = history_common(h, other);

	if (common == other->offset || (common == -1 && other->keys == 0))
		return HISTORY_YES;
	/* It was restarted without its data, or never had any. */
	if (common != -1 || h->keys == 0)
		return HISTORY_NO;
	return HISTORY_UNKNOWN;
}

int64_t
history_lacks(const struct history *h, const struct history *other)
{
	int64_t	 common = history_common(h, other);

	if (history_has(h, other) == HISTORY_YES)
		return 0;
	return common == -1 ? -1 : other->offset - common;
}
