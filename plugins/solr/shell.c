/* shell.c - the operator's commands, which end or restart Solr. */
#include "shell.h"

#include <errno.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char	**environ;

static bool
shell_start(struct failover *f, const char *command, pid_t *pid)
{
	char	*words[] = { strdup("sh"), strdup("-c"), strdup(command),
		    NULL };
	int	 error = ENOMEM, n;

	if (words[0] != NULL && words[1] != NULL && words[2] != NULL)
		error = posix_spawn(pid, "/bin/sh", NULL, NULL, words,
		    environ);
	for (n = 0; n < 3; n++)
		free(words[n]);
	if (error == 0)
		return true;
	*pid = 0;
	f->say(f, FAILOVER_FAILED, "%s: %s", command, strerror(error));
	return false;
}

enum failover_result
shell_run(struct failover *f, const char *command, pid_t *pid)
{
	int	 status;
	pid_t	 ended;

	if (*pid == 0 && !shell_start(f, command, pid))
		return FAILOVER_FAILED;
	while ((ended = waitpid(*pid, &status, WNOHANG)) == 0) {
		if (f->time_left(f) < 500)
			return FAILOVER_AGAIN;
		usleep(10000);
	}
	*pid = 0;
	if (ended == -1 || !WIFEXITED(status))
		return f->say(f, FAILOVER_FAILED, "%s was killed", command);
	if (WEXITSTATUS(status) != 0)
		return f->say(f, FAILOVER_FAILED, "%s ended with exit status "
		    "%d", command, WEXITSTATUS(status));
	return FAILOVER_DONE;
}
