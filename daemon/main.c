/* main.c - consul-failover: what is true for every command, and nothing else. */

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "command.h"
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

	open_standard_streams();
	/* A peer that hangs up is an error of one write, not our end. */
	signal(SIGPIPE, SIG_IGN);
	/* For the jitter of retries only. */
	srand((unsigned)time(NULL) ^ (unsigned)getpid());
	/* Before any child: none may speak to the init system in our name. */
	notify_open();
	curl_global_init(CURL_GLOBAL_DEFAULT);
	status = command_run(argc, argv);
	curl_global_cleanup();
	return status;
}
