/*
 * dialect.h - the names of the same things in MariaDB and the versions of
 * MySQL.
 */
#ifndef DIALECT_H
#define DIALECT_H

#include <stdbool.h>

struct dialect {
	bool		 mariadb;
	unsigned	 since;		/* version 8.0.26 is 80026 */
	const char	*master, *slave;	/* prefixes of column names */
	/* The variables that we need, with the same names in all dialects: id,
	 * read_only, applied and, of MariaDB, known, written. */
	const char	*look;
	/* Those of them that must be ON. */
	const char	*required[5];
	/* Those that can exclude some of the data, and the value that does
	 * not. */
	struct {
		const char	*name, *harmless;
	} filters[11];
	const char	*log;		/* the binary log's own filters */
	const char	*status;
	const char	*channel;	/* column of status */
	const char	*received;	/* column of status */
	const char	*stop_receiving, *start_receiving;
	const char	*stop_applying, *start_applying; /* to change its delay */
	const char	*stop, *start, *forget;
	const char	*block, *unblock;	/* writes */
	const char	*wait;		/* function of a set and seconds */
	/* For options of follow, which begin with "master" in capitals. */
	const char	*capitals, *follow, *by_gtid;
};

/* The one for the result of SELECT VERSION(); NULL: too old.  Also gives the
 * number. */
const struct dialect	*dialect_find(const char *version, unsigned *number);

#endif
