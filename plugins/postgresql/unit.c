/* unit.c - the systemd unit that owns the server, if there is one. */

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "program.h"

#define NAME		256	/* bytes; systemd has no longer ones */
#define REST_TIME	60000	/* ms for a unit to come to rest */
#define REST_PAUSE	50	/* ms between two looks whether it has */
#define SHOW_TIME	2000	/* ms for systemd to answer */

/* The last postmaster that was seen, and in whose cgroup. */
static struct {
	pid_t	 pid;
	char	 unit[NAME];	/* "": of none, or of the agent's own */
} owner;

/* A line is "0::/system.slice/postgresql.service"; of several hierarchies
 * systemd uses that one, or name=systemd. */
static void
unit_of(const char *pid, char unit[static NAME])
{
	char	 path[64], text[8192], *rest = text, *line, *name;
	size_t	 length;

	unit[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%s/cgroup", pid);
	file_begin(path, text, sizeof(text));
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (strncmp(line, "0::", 3) != 0 &&
		    strstr(line, ":name=systemd:") == NULL)
			continue;
		name = strrchr(line, '/');
		length = name == NULL ? 0 : strlen(++name);
		if (length > 8 && length < NAME &&
		    strcmp(name + length - 8, ".service") == 0)
			strcpy(unit, name);
	}
}

void
unit_note(pid_t postmaster)
{
	char	 pid[16], own[NAME];

	if (postmaster == 0 || postmaster == owner.pid)
		return;
	snprintf(pid, sizeof(pid), "%d", (int)postmaster);
	unit_of(pid, owner.unit);
	unit_of("self", own);
	if (strcmp(owner.unit, own) == 0)
		owner.unit[0] = '\0';
	owner.pid = postmaster;
}

/* What systemd says of it; false where it says nothing. */
static bool
unit_show(struct failover *f, pid_t *main, char state[static 32])
{
	const char	*argv[] = { "/bin/systemctl", "show", "-p", "MainPID",
			    "-p", "ActiveState", owner.unit, NULL };
	char		 text[256];
	const char	*at;
	int64_t		 limit = f->time_left(f) / 2;

	/* Where it hangs, the call has time for other things. */
	if (owner.unit[0] == '\0' || !program_read(f, argv,
	    limit < SHOW_TIME ? limit : SHOW_TIME, text, sizeof(text)))
		return false;
	at = strstr(text, "MainPID=");
	*main = at == NULL ? 0 : atoi(at + 8);
	at = strstr(text, "ActiveState=");
	return at != NULL && sscanf(at + 12, "%31s", state) == 1;
}

const char *
unit_owner(struct failover *f)
{
	char	 state[32];
	pid_t	 main;

	/* While it starts it may not know yet. */
	return unit_show(f, &main, state) && (main == owner.pid ||
	    (main == 0 && strcmp(state, "activating") == 0)) ?
	    owner.unit : NULL;
}

/* It has still to notice that its main process has ended, or it stops. */
static bool
is_busy(struct failover *f)
{
	char	 state[32];
	pid_t	 main;

	if (!unit_show(f, &main, state) || strcmp(state, "inactive") == 0 ||
	    strcmp(state, "failed") == 0)
		return false;
	/* A process in the cgroup of a unit that has another main process, or
	 * none, is nothing to it. */
	return main == 0 ? strcmp(state, "active") != 0 : main == owner.pid;
}

void
unit_wait(struct failover *f)
{
	int	 waited;

	for (waited = 0; waited < REST_TIME && is_busy(f);
	    waited += REST_PAUSE)
		pause_ms(REST_PAUSE);
}
