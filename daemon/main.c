/* main.c - consul-failover: what is true for every command, and nothing else. */

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "command.h"
#include "init.h"
#include "notify.h"

/* A closed standard stream would give its number to the next file we open, and
 * the log would be written into that. */
static void
open_standard_streams(void)
{
	int	fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int
main(int argc, char **argv)
{
	int	status;

	/* No core, and no process of the same user, shall read our token. */
	prctl(PR_SET_DUMPABLE, 0);
	init_begin();
	open_standard_streams();
	/* A peer that hangs up is an error of one write, not our end. */
	signal(SIGPIPE, SIG_IGN);
	/* For the jitter of retries only. */
	srand((unsigned)time(NULL) ^ (unsigned)getpid());
	/* Before any child: none may speak to the init system in our name. */
	notify_open();
	status = command_run(argc, argv);
	curl_global_cleanup();
	return status;
}
