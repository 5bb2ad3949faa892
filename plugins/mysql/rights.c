/*
 * rights.c - missing rights of our account, reported before they are needed.
 */
#include "rights.h"

#include <stdio.h>
#include <string.h>

#include "own.h"

/* Without the first two, no copy is made master or slave, or demoted. */
#define VITAL	2

static const char *const	mariadb[] = { "READ_ONLY ADMIN",
				    "REPLICATION SLAVE ADMIN", "RELOAD",
				    "CONNECTION ADMIN", "PROCESS", NULL };
static const char *const	mysql[] = { "SYSTEM_VARIABLES_ADMIN",
				    "REPLICATION_SLAVE_ADMIN", "RELOAD",
				    "CONNECTION_ADMIN", "PROCESS", NULL };

/* Its rights on all databases: "GRANT A, B C ON *.* TO `us`@`here` ...". */
static const char *
global_grants(size_t row)
{
	const char	*line = own.rights.cells[(row + 1) *
			    own.rights.columns];

	return line != NULL && strstr(line, " ON *.* TO ") != NULL ? line :
	    NULL;
}

/* Between the commas, behind which MySQL puts no space. */
static bool
is_among(const char *list, const char *right)
{
	const char	*at = list, *end;

	while ((at = strstr(at, right)) != NULL) {
		end = at + strlen(right);
		if ((*end == ',' || strncmp(end, " ON ", 4) == 0) &&
		    (at == list || at[-1] == ',' || at[-2] == ','))
			return true;
		at = end;
	}
	return false;
}

static bool
is_granted(const char *right)
{
	const char	*line;
	size_t		 row;

	for (row = 0; row < own.rights.rows; row++)
		if ((line = global_grants(row)) != NULL &&
		    is_among(line + strlen("GRANT "), right))
			return true;
	return false;
}

/* MySQL does not say what the roles of an account may do; SUPER may much of it,
 * more or less with each release. */
static bool
can_not_be_told(void)
{
	const char	*line;
	size_t		 row;

	for (row = 0; row < own.rights.rows; row++) {
		line = own.rights.cells[(row + 1) * own.rights.columns];
		if (line != NULL && !own.dialect->mariadb &&
		    strstr(line, " ON ") == NULL)
			return true;
	}
	return is_granted("SUPER") || is_granted("ALL PRIVILEGES") ||
	    (!own.dialect->mariadb && own.dialect->since < 80000);
}

/* `us`@`here`, without what may follow, which can be a password's hash. */
static int
name_of_us(const char **name)
{
	const char	*line;
	size_t		 row;

	*name = "our account";
	for (row = 0; row < own.rights.rows; row++)
		if ((line = global_grants(row)) != NULL) {
			*name = strstr(line, " TO ") + 4;
			return (int)strcspn(*name, " ");
		}
	return (int)strlen(*name);
}

/* As they stand in GRANT; how many of them are vital. */
static int
missing_rights(char *list, size_t size)
{
	const char *const	*rights = own.dialect->mariadb ? mariadb :
				    mysql;
	size_t			 used = 0;
	int			 i, vital = 0;

	*list = '\0';
	if (can_not_be_told())
		return 0;
	for (i = 0; rights[i] != NULL; i++) {
		if (is_granted(rights[i]))
			continue;
		vital += i < VITAL;
		used += (size_t)snprintf(list + used, size - used, "%s%s",
		    used > 0 ? ", " : "", rights[i]);
	}
	return vital;
}

enum failover_result
rights_check(struct failover *f)
{
	static bool	 warned;
	char		 list[128];
	const char	*us;
	int		 vital, length;

	if (!copy_look_at_rights(&own))
		return f->role == FAILOVER_MASTER ? FAILOVER_DONE :
		    own_sorry(f, "can't see our rights", &own.server);
	vital = missing_rights(list, sizeof(list));
	length = name_of_us(&us);
	if (vital > 0 && f->role != FAILOVER_MASTER) {
		f->say(f, FAILOVER_FAILED, "our account can't make this copy a "
		    "master or a slave: GRANT %s ON *.* TO %.*s", list, length,
		    us);
		copy_close(&own);	/* a new session has new rights */
		return FAILOVER_FAILED;
	}
	if (*list != '\0' && !warned)
		f->log(f, FAILOVER_WARNING, "a demotion or a change of master "
		    "may fail for lack of rights: GRANT %s ON *.* TO %.*s, and "
		    "restart the agent", list, length, us);
	warned = *list != '\0';
	return FAILOVER_DONE;
}
