/*
 * dialect.h - what MariaDB and the ages of MySQL call the same things.
 */
#ifndef DIALECT_H
#define DIALECT_H

#include <stdbool.h>

struct dialect {
	bool		 mariadb;
	unsigned	 since;		/* version 8.0.26 is 80026 */
	const char	*master, *slave;	/* begin the names of columns */
	/* The variables that matter, under one name in all dialects: id,
	 * read_only, applied and, of MariaDB, known, written. */
	const char	*look;
	/* Those of them that must be ON. */
	const char	*required[5];
	const char	*status;
	const char	*channel;	/* column of status */
	const char	*received;	/* column of status */
	const char	*stop_receiving, *start_applying;
	const char	*stop, *start, *forget;
	const char	*block, *unblock;	/* writes */
	const char	*wait;		/* function of a set and seconds */
	/* Options of follow begin with master in capitals. */
	const char	*capitals, *follow, *by_gtid;
};

/* The one for what SELECT VERSION() says; NULL: too old.  Writes the number. */
const struct dialect	*dialect_find(const char *version, unsigned *number);

#endif
