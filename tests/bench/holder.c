/*
 * holder.c - what `consul lock` runs while it has the lock: writes down when it
 * begins and, at SIGTERM, when it ends, in the words of the recorder plugin.
 *
 *	holder RECORD NAME
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int
record(const char *file, const char *name, const char *what)
{
	struct timespec	 now;
	char		 line[256];
	int		 fd, n;

	clock_gettime(CLOCK_MONOTONIC, &now);
	n = snprintf(line, sizeof(line), "%lld%09ld %s %s 0 done -\n",
	    (long long)now.tv_sec, now.tv_nsec, name, what);
	fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (fd == -1 || write(fd, line, (size_t)n) != n) {
		perror(file);
		return EXIT_FAILURE;
	}
	close(fd);
	return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
	sigset_t	 term;
	int		 signal;

	if (argc != 3) {
		fputs("usage: holder RECORD NAME\n", stderr);
		return EXIT_FAILURE;
	}
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	if (record(argv[1], argv[2], "begin ensure_master") != EXIT_SUCCESS)
		return EXIT_FAILURE;
	sigwait(&term, &signal);
	return record(argv[1], argv[2], "end ensure_demoted");
}
