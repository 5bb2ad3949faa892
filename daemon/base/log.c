/*
 * log.c - one line for each change, on standard error.
 *
 * The log must never hold up a decision: a line that can't be written at once
 * is dropped and counted, and the number is logged when writing works again.
 */
#include "log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "printable.h"
#include "utf8.h"

/* A line of at most PIPE_BUF bytes is never mixed with another writer's, and
 * does not block on a pipe that poll(2) calls writable. */
#define LOG_LINE_MAX	PIPE_BUF

static const struct {
	const char	*name;		/* in JSON */
	const char	*prefix;	/* in front of a plain text */
	int		 priority;	/* syslog's number, for journald */
} log_levels[] = {
	[LOG_LEVEL_DEBUG] =	{ "debug", "", 7 },
	[LOG_LEVEL_INFO] =	{ "info", "", 6 },
	[LOG_LEVEL_WARNING] =	{ "warning", "warning: ", 4 },
	[LOG_LEVEL_ERROR] =	{ "error", "error: ", 3 },
};

static char		 log_service[256];	/* "": not open yet */
static enum log_format	 log_format;
static bool		 log_wants_debug;
static size_t		 log_lost;		/* lines not written */
static int		 log_lost_errno;	/* the last reason */
static bool		 log_torn;		/* half a line was written */

void
log_open(const char *service, enum log_format format, bool debug)
{
	snprintf(log_service, sizeof log_service, "%s", service);
	log_format = format;
	log_wants_debug = debug;
	/* Whoever reads our log may go away: that must not end us. */
	signal(SIGPIPE, SIG_IGN);
}

/* Standard error may have been redirected by a shell that journald started:
 * only the very stream that JOURNAL_STREAM names goes to journald. */
static bool
log_to_journal(void)
{
	const char		*stream = getenv("JOURNAL_STREAM");
	unsigned long long	 dev, ino;
	struct stat		 st;

	return stream != NULL &&
	    sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	    fstat(STDERR_FILENO, &st) == 0 &&
	    st.st_dev == dev && st.st_ino == ino;
}

/* Appends text so that it stays one line and can't act on a terminal; cuts it
 * where line is full, never inside a character. */
static size_t
log_escape(char *line, size_t used, size_t size, const char *text)
{
	const char	*s;
	char		 piece[8];
	int		 n;

	for (s = text; *s != '\0'; s++) {
		if (*s == '\n')
			n = snprintf(piece, sizeof piece, "\\n");
		else if (printable_control(s) == 1)
			n = snprintf(piece, sizeof piece, "\\x%02x", *s);
		else if (printable_control(s) == 2)
			n = snprintf(piece, sizeof piece, "\\u00%02x",
			    (unsigned char)*++s);
		else {
			piece[0] = *s;
			n = 1;
		}
		if (used + (size_t)n > size - sizeof "...") {
			for (; s > text && (*s & 0xc0) == 0x80; s--)
				used--;
			return used + (size_t)snprintf(line + used,
			    size - used, "...");
		}
		memcpy(line + used, piece, (size_t)n);
		used += (size_t)n;
	}
	return used;
}

/* What journald takes off the line again, of whatever format it is. */
static size_t
log_priority(char *line, size_t size, enum log_level level)
{
	return log_to_journal() ? (size_t)snprintf(line, size, "<%d>",
	    log_levels[level].priority) : 0;
}

/* Writes "2026-11-22 19:13:09 [service] text" to line; returns its length. */
static size_t
log_plain(char *line, size_t size, enum log_level level, const char *text)
{
	struct timespec	 now;
	struct tm	 tm;
	size_t		 used = log_priority(line, size, level);

	if (used == 0) {
		clock_gettime(CLOCK_REALTIME, &now);
		localtime_r(&now.tv_sec, &tm);
		used = strftime(line, size, "%Y-%m-%d %H:%M:%S ", &tm);
	}
	if (log_service[0] != '\0')
		used += (size_t)snprintf(line + used, size - used, "[%s] ",
		    log_service);
	used += (size_t)snprintf(line + used, size - used, "%s",
	    log_levels[level].prefix);
	return log_escape(line, used, size, text);
}

/* Appends what fits; counts all of it. */
static size_t
log_add(char *line, size_t used, size_t size, const char *piece, size_t n)
{
	if (used + n <= size)
		memcpy(line + used, piece, n);
	return used + n;
}

/* By hand: the guard, too, must be able to write its log without memory. */
static size_t
log_json_string(char *line, size_t used, size_t size, const char *text)
{
	static const char	 special[] = "\"\\\n\r\t\f\b",
				 letters[] = "\"\\nrtfb";
	const char		*s, *found;
	char			 piece[8];
	size_t			 n;

	used = log_add(line, used, size, "\"", 1);
	for (s = text; *s != '\0'; s += n > 0 ? n : 1) {
		n = utf8_length((const unsigned char *)s);
		if (n == 0)
			used = log_add(line, used, size, "\xef\xbf\xbd", 3);
		else if ((found = strchr(special, *s)) != NULL) {
			snprintf(piece, sizeof piece, "\\%c",
			    letters[found - special]);
			used = log_add(line, used, size, piece, 2);
		} else if ((unsigned char)*s < ' ') {
			snprintf(piece, sizeof piece, "\\u%04X", (unsigned)*s);
			used = log_add(line, used, size, piece, 6);
		} else
			used = log_add(line, used, size, s, n);
	}
	return log_add(line, used, size, "\"", 1);
}

/* The same as a JSON object; 0 where it does not fit. */
static size_t
log_as_json(char *line, size_t size, enum log_level level, const char *text)
{
	char			 when[32], stamp[64];
	const char *const	 members[][2] = {
		{ "{\"time\":", stamp },
		{ ",\"level\":", log_levels[level].name },
		{ ",\"service\":", log_service },
		{ ",\"message\":", text },
	};
	struct timespec		 now;
	struct tm		 tm;
	size_t			 used = log_priority(line, size, level), i;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(stamp, sizeof stamp, "%s.%03ldZ", when,
	    now.tv_nsec / 1000000);

	for (i = 0; i < sizeof members / sizeof members[0]; i++) {
		used = log_add(line, used, size, members[i][0],
		    strlen(members[i][0]));
		used = log_json_string(line, used, size, members[i][1]);
	}
	used = log_add(line, used, size, "}", 1);
	return used <= size ? used : 0;
}

/* One write a line.  O_NONBLOCK would do without poll, but would change the
 * terminal under the shell that started us. */
static bool
log_write(const char *line, size_t length)
{
	struct pollfd	 pfd = { .fd = STDERR_FILENO, .events = POLLOUT };
	ssize_t		 n;

	if (poll(&pfd, 1, 0) == 0) {
		errno = EAGAIN;
		return false;
	}
	do
		n = write(STDERR_FILENO, line, length);
	while (n == -1 && errno == EINTR);
	if (n == (ssize_t)length)
		return true;
	if (n > 0) {
		log_torn = true;
		errno = ENOSPC;		/* what the next write would say */
	}
	return false;
}

static bool
log_put(enum log_level level, char *text)
{
	char	 line[LOG_LINE_MAX];
	size_t	 length, start = 0;

	if (log_torn)
		line[start++] = '\n';
	if (log_format == LOG_PLAIN)
		length = log_plain(line + start, sizeof line - start - 1,
		    level, text);
	else
		while ((length = log_as_json(line + start,
		    sizeof line - start - 1, level, text)) == 0)
			text[strlen(text) / 2] = '\0';
	length += start;
	line[length++] = '\n';
	if (!log_write(line, length))
		return false;
	log_torn = false;
	return true;
}

/* Tells once how many lines are missing at this place. */
static bool
log_put_lost(void)
{
	char	 text[256];

	snprintf(text, sizeof text, "%zu log lines were lost: %s", log_lost,
	    strerror(log_lost_errno));
	if (!log_put(LOG_LEVEL_WARNING, text))
		return false;
	log_lost = 0;
	return true;
}

void
log_line(enum log_level level, const char *fmt, ...)
{
	int	 saved = errno;
	char	 text[LOG_LINE_MAX];
	va_list	 ap;

	if (level == LOG_LEVEL_DEBUG && !log_wants_debug)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if ((log_lost > 0 && !log_put_lost()) || !log_put(level, text)) {
		log_lost++;
		log_lost_errno = errno;
	}
	errno = saved;
}
