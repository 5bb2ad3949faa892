/* status_table.c - a line for each service. */
#include "status_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "must.h"

#define NAMES	256		/* of all masters */

void
status_table_clear(struct status_table *t)
{
	for (; t->count > 0; t->count--) {
		free(t->rows[t->count - 1].service);
		free(t->rows[t->count - 1].masters);
		free(t->rows[t->count - 1].verdict);
	}
	free(t->rows);
	t->rows = NULL;
	t->answer = STATUS_UNKNOWN;
}

void
status_table_add(struct status_table *t, const struct status_view *v)
{
	char			 names[NAMES];
	enum status_answer	 answer;
	struct status_row	*r;

	t->rows = must_grow(t->rows, t->count + 1, sizeof *t->rows);
	r = &t->rows[t->count];
	r->service = must_copy(v->service);
	r->verdict = must_copy(status_view_judge(v, &answer));
	r->slaves = status_view_count(v, "slave", names, sizeof names);
	status_view_count(v, "master", names, sizeof names);
	r->masters = must_copy(names);
	if (t->count++ == 0 || answer != STATUS_GOOD)
		t->answer = answer;
}

static int
wider(int width, const char *text)
{
	return (int)strlen(text) > width ? (int)strlen(text) : width;
}

void
status_table_print(const struct status_table *t)
{
	int	service = 7, master = 6;
	size_t	i;

	for (i = 0; i < t->count; i++) {
		service = wider(service, t->rows[i].service);
		master = wider(master, t->rows[i].masters);
	}
	printf("%-*s  %-*s  %-6s  %s\n", service, "SERVICE", master, "MASTER",
	    "SLAVES", "STATUS");
	for (i = 0; i < t->count; i++)
		printf("%-*s  %-*s  %-6zu  %s\n", service, t->rows[i].service,
		    master, t->rows[i].masters, t->rows[i].slaves,
		    t->rows[i].verdict);
}
