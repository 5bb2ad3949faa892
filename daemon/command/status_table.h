/* status_table.h - a line for each service. */
#ifndef STATUS_TABLE_H
#define STATUS_TABLE_H

#include <stddef.h>

#include "status_view.h"

struct status_table {
	struct status_row {
		char	*service, *masters, *verdict;
		size_t	 slaves;
	}			*rows;
	size_t			 count;
	enum status_answer	 answer;	/* GOOD if all are; UNKNOWN if
						 * there are none */
};

void	status_table_clear(struct status_table *);
void	status_table_add(struct status_table *, const struct status_view *);
void	status_table_print(const struct status_table *);

#endif
