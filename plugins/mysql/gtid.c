/*
 * gtid.c - sets of MariaDB's GTIDs, compared domain by domain.
 */
#include "gtid.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Moves text behind a number and the character that ends it, which is written
 * to end; false: there is no number. */
static bool
read_number(const char **text, uint64_t *number, uint64_t most, char *end)
{
	char	*behind;

	if (!isdigit((unsigned char)**text))
		return false;
	errno = 0;
	*number = strtoull(*text, &behind, 10);
	*end = *behind;
	*text = behind + (*behind != '\0');
	return errno == 0 && *number <= most;
}

static bool
put(struct gtid_list *l, const struct gtid *g)
{
	struct gtid	*items;
	size_t		 i;

	for (i = 0; i < l->count; i++) {
		items = &l->items[i];
		if (items->domain != g->domain || items->server != g->server)
			continue;
		if (items->sequence < g->sequence)
			items->sequence = g->sequence;
		return true;
	}
	items = realloc(l->items, (l->count + 1) * sizeof(*items));
	if (items == NULL)
		return false;
	items[l->count++] = *g;
	l->items = items;
	return true;
}

static bool
read_one(const char **text, struct gtid *g, char *end)
{
	uint64_t	 domain, server;
	char		 a, b;

	if (!read_number(text, &domain, UINT32_MAX, &a) || a != '-' ||
	    !read_number(text, &server, UINT32_MAX, &b) || b != '-' ||
	    !read_number(text, &g->sequence, UINT64_MAX, end))
		return false;
	g->domain = (uint32_t)domain;
	g->server = (uint32_t)server;
	return true;
}

bool
gtid_add(struct gtid_list *l, const char *text)
{
	struct gtid_list	 new = { 0 };
	struct gtid		 g;
	char			 end = ',';
	bool			 ok = true;
	size_t			 i;

	if (text == NULL || *text == '\0')
		return true;
	while (ok && end == ',') {
		text += strspn(text, " \n");
		ok = read_one(&text, &g, &end) && put(&new, &g);
	}
	ok = ok && end == '\0';
	for (i = 0; ok && i < new.count; i++)
		ok = put(l, &new.items[i]);
	gtid_free(&new);
	return ok;
}

void
gtid_free(struct gtid_list *l)
{
	free(l->items);
	*l = (struct gtid_list){ 0 };
}

const struct gtid *
gtid_last(const struct gtid_list *l, uint32_t domain)
{
	const struct gtid	*g, *last = NULL;

	for (g = l->items; g < l->items + l->count; g++)
		if (g->domain == domain &&
		    (last == NULL || g->sequence > last->sequence))
			last = g;
	return last;
}

uint64_t
gtid_known(const struct gtid_list *l, uint32_t domain, uint32_t server)
{
	const struct gtid	*g;

	for (g = l->items; g < l->items + l->count; g++)
		if (g->domain == domain && g->server == server)
			return g->sequence;
	return 0;
}

/* Writes one more to text, which has used bytes; false: no room. */
static bool
write_one(const struct gtid *g, char *text, size_t size, size_t *used)
{
	*used += (size_t)snprintf(text + *used, size - *used,
	    "%s%" PRIu32 "-%" PRIu32 "-%" PRIu64, *used > 0 ? "," : "",
	    g->domain, g->server, g->sequence);
	return *used < size;
}

bool
gtid_text(const struct gtid_list *l, char *text, size_t size)
{
	const struct gtid	*g;
	size_t			 used = 0;

	text[0] = '\0';
	for (g = l->items; g < l->items + l->count; g++)
		if (gtid_last(l, g->domain) == g &&
		    !write_one(g, text, size, &used))
			return false;
	return true;
}

/* The stream has passed it, and begins before it. */
static bool
has_passed(const struct gtid_list *stream, const struct gtid_list *known,
    const struct gtid *g)
{
	const struct gtid	*to = gtid_last(stream, g->domain);
	const struct gtid	*from = gtid_last(known, g->domain);

	return to != NULL && to->sequence >= g->sequence &&
	    (from == NULL || from->sequence < g->sequence);
}

size_t
gtid_missing(const struct gtid_list *wanted, const struct gtid_list *known,
    const struct gtid_list *stream, char *text, size_t size)
{
	const struct gtid	*g;
	size_t			 used = 0, count = 0;
	uint64_t		 have;

	text[0] = '\0';
	for (g = wanted->items; g < wanted->items + wanted->count; g++) {
		have = gtid_known(known, g->domain, g->server);
		if (gtid_last(wanted, g->domain) != g || have >= g->sequence ||
		    has_passed(stream, known, g))
			continue;
		count++;
		if (used < size)
			used += (size_t)snprintf(text + used, size - used,
			    "%s%" PRIu32 "-%" PRIu32 "-%" PRIu64
			    " (after %" PRIu64 ")", used > 0 ? ", " : "",
			    g->domain, g->server, g->sequence, have);
	}
	return count;
}

/* Where two copies parted, the last thing that both have is of a server that
 * both have heard of. */
static struct gtid
common_in(const struct gtid_list *a, const struct gtid_list *b,
    uint32_t domain)
{
	struct gtid		 last = { .domain = domain };
	const struct gtid	*g;
	uint64_t		 both;

	for (g = a->items; g < a->items + a->count; g++) {
		if (g->domain != domain)
			continue;
		both = gtid_known(b, domain, g->server);
		if (both > g->sequence)
			both = g->sequence;
		if (both > last.sequence) {
			last.sequence = both;
			last.server = g->server;
		}
	}
	return last;
}

bool
gtid_common(const struct gtid_list *a, const struct gtid_list *b, char *text,
    size_t size)
{
	const struct gtid	*g;
	struct gtid		 last;
	size_t			 used = 0;

	text[0] = '\0';
	for (g = a->items; g < a->items + a->count; g++) {
		if (gtid_last(a, g->domain) != g)
			continue;
		last = common_in(a, b, g->domain);
		if (last.sequence == 0 ||
		    !write_one(&last, text, size, &used))
			return false;
	}
	return true;
}

int64_t
gtid_behind(const struct gtid_list *a, const struct gtid_list *b)
{
	const struct gtid	*g, *mine;
	uint64_t		 have, behind = 0;

	for (g = a->items; g < a->items + a->count; g++) {
		if (gtid_last(a, g->domain) != g)
			continue;
		mine = gtid_last(b, g->domain);
		have = mine == NULL ? 0 : mine->sequence;
		if (have < g->sequence)
			behind += g->sequence - have;
	}
	return behind > INT64_MAX ? INT64_MAX : (int64_t)behind;
}

/* "1-5", "7": how many that is; -1: neither. */
static int64_t
count_interval(const char *word, size_t length)
{
	uint64_t	 from, to;
	char		 end;
	const char	*at = word;

	if (!read_number(&at, &from, INT64_MAX, &end) || from == 0)
		return -1;
	to = from;
	if (end == '-' && (!read_number(&at, &to, INT64_MAX, &end) ||
	    to < from))
		return -1;
	if (at - (end != '\0') != word + length)
		return -1;
	return (int64_t)(to - from + 1);
}

/* uuid:1-5:7,uuid:tag:1-3: a tag begins with a letter or _. */
int64_t
gtid_count(const char *set)
{
	int64_t	 count = 0, interval;
	size_t	 length;
	bool	 uuid = true;

	for (; *set != '\0'; set += *set != '\0') {
		set += strspn(set, " \n");
		length = strcspn(set, ":,");
		if (uuid && length != 36)
			return -1;
		if (!uuid && isdigit((unsigned char)*set)) {
			interval = count_interval(set, length);
			if (interval == -1)
				return -1;
			count += interval;
		}
		set += length;
		uuid = *set == ',';
	}
	return count;
}
