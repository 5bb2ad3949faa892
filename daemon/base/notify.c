/*
 * notify.c - reports our state to the init system (sd_notify's protocol).
 *
 * The protocol is one datagram to the socket that NOTIFY_SOCKET names, and is
 * guaranteed to stay.  Linking libsystemd for that one sendto(2) would load its
 * compression and crypto libraries into every agent.
 */
#include "notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int			notify_fd = -1;
static struct sockaddr_un	notify_to;
static socklen_t		notify_to_size;
static int64_t			notify_watchdog;

/* A path, or with a '@' in front a name without a file ("abstract"). */
static bool
notify_address(const char *name)
{
	size_t	 length = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || length < 2 ||
	    length >= sizeof notify_to.sun_path)
		return false;
	memset(&notify_to, 0, sizeof notify_to);
	notify_to.sun_family = AF_UNIX;
	memcpy(notify_to.sun_path, name, length);
	if (name[0] == '@')
		notify_to.sun_path[0] = '\0';
	/* An abstract name ends with the address, not at a NUL. */
	notify_to_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
	    length);
	return true;
}

/* The variables reach every process below the one they were meant for:
 * WATCHDOG_PID tells whether that is us. */
static int64_t
notify_watchdog_asked(const char *usec, const char *pid)
{
	char		*end;
	long long	 n;

	if (usec == NULL)
		return 0;
	if (pid != NULL && strtoll(pid, NULL, 10) != getpid())
		return 0;
	errno = 0;
	n = strtoll(usec, &end, 10);
	if (errno != 0 || end == usec || *end != '\0' || n <= 0)
		return 0;
	return n < 2000 ? 1 : n / 2000;
}

void
notify_open(void)
{
	const char	*name = getenv("NOTIFY_SOCKET");

	if (name != NULL && notify_address(name))
		notify_fd = socket(AF_UNIX,
		    SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (notify_fd != -1)
		notify_watchdog = notify_watchdog_asked(
		    getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"));
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void
notify_send(const char *fmt, ...)
{
	char	 text[2048];
	va_list	 ap;

	if (notify_fd == -1)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	/* A deaf init system is no reason to stop working: no error, no
	 * waiting. */
	sendto(notify_fd, text, strlen(text), MSG_NOSIGNAL,
	    (const struct sockaddr *)&notify_to, notify_to_size);
}

void
notify_reloading(void)
{
	struct timespec	 now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	notify_send("RELOADING=1\nMONOTONIC_USEC=%lld",
	    (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

int64_t
notify_watchdog_ms(void)
{
	return notify_watchdog;
}
