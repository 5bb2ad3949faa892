/*
 * candidates_tidy.c - deletes the records of candidates that are gone:
 *
 *   [keys ->]  get -> delete, one key after the other.
 */
#include "candidates_tidy.h"

#include <stdlib.h>
#include <string.h>

#include "candidates_record.h"
#include "must.h"

void
candidates_tidy_forget(struct candidates_tidy *t)
{
	while (t->dead_count > 0)
		free(t->dead[--t->dead_count]);
	free(t->dead);
	t->dead = NULL;
}

void
candidates_tidy_add(struct candidates_tidy *t, const char *key)
{
	t->dead = must_grow(t->dead, t->dead_count + 1, sizeof *t->dead);
	t->dead[t->dead_count++] = must_copy(key);
}

static void
candidates_tidy_deleted(const struct consul_reply *r, void *arg)
{
	struct candidates_tidy	*t = arg;

	(void)r;
	t->request = NULL;
	candidates_tidy_next(t);
}

/* It may have been written since, or its session not be told in the list. */
static void
candidates_tidy_saw(const struct consul_reply *r, void *arg)
{
	struct candidates_tidy	*t = arg;

	t->request = NULL;
	if (r->outcome != CONSUL_OK)
		candidates_tidy_forget(t);
	else if (!r->key->exists || r->key->session[0] != '\0' || !t->holds)
		candidates_tidy_next(t);
	else
		t->request = consul_delete(t->consul, t->looked_at,
		    candidates_tidy_deleted, t);
}

void
candidates_tidy_next(struct candidates_tidy *t)
{
	if (t->request != NULL || !t->holds)
		return;
	if (t->dead_count == 0)
		return;		/* where there were too many the timer looks */
	t->dead_count--;
	free(t->looked_at);
	t->looked_at = t->dead[t->dead_count];
	t->request = consul_get(t->consul, t->looked_at, true,
	    candidates_tidy_saw, t);
}

static void
candidates_tidy_named(const struct consul_reply *r, void *arg)
{
	struct candidates_tidy	*t = arg;
	size_t			 i;

	t->request = NULL;
	candidates_tidy_forget(t);
	for (i = 0; r->outcome == CONSUL_OK && i < r->record_count; i++)
		if (strcmp(r->records[i].key + strlen(t->prefix),
		    CANDIDATES_MASTER) != 0)
			candidates_tidy_add(t, r->records[i].key);
	candidates_tidy_next(t);
}

void
candidates_tidy_too_many(struct candidates_tidy *t)
{
	if (!t->holds || t->request != NULL)
		return;
	t->request = consul_keys(t->consul, t->prefix, candidates_tidy_named, t);
}

void
candidates_tidy_free(struct candidates_tidy *t)
{
	consul_cancel(t->request);
	candidates_tidy_forget(t);
	free(t->looked_at);
}
