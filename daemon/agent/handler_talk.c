/* handler_talk.c - a plugin's lines in the log. */
#include "handler_talk.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

/* What a plugin may write to the log. */
#define TALK_LINES	50
#define TALK_PERIOD	10000	/* ms */

void
handler_talk_line(struct handler_talk *t, enum log_level level,
    const char *verb, const char *text)
{
	int64_t	 now = clock_ms();

	if (level == LOG_LEVEL_DEBUG && !t->config->log_debug)
		return;
	if (now - t->since_ms >= TALK_PERIOD) {
		if (t->lines > TALK_LINES)
			log_warning("plugin %s (%s) wrote %u more lines",
			    t->plugin->name, t->name,
			    t->lines - TALK_LINES);
		t->since_ms = now;
		t->lines = 0;
	}
	if (++t->lines <= TALK_LINES)
		log_line(level, "plugin %s (%s)%s: %.*s", t->plugin->name,
		    t->name, verb, (int)strcspn(text, "\n"), text);
	else if (t->lines == TALK_LINES + 1)
		log_warning("plugin %s (%s) writes more than %d lines in %d s; "
		    "the rest is counted only", t->plugin->name, t->name,
		    TALK_LINES, TALK_PERIOD / 1000);
}

void
handler_talk_end_line(struct handler_talk *t)
{
	t->line[t->line_length] = '\0';
	if (t->line_length > 0)
		handler_talk_line(t, LOG_LEVEL_INFO, " wrote", t->line);
	t->line_length = 0;
}

bool
handler_talk_read(struct handler_talk *t, int fd)
{
	char	 bytes[65536];
	ssize_t	 n = read(fd, bytes, sizeof bytes), i;

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		return false;
	for (i = 0; i < n; i++)
		if (bytes[i] == '\n')
			handler_talk_end_line(t);
		else if (t->line_length < sizeof t->line - 1)
			t->line[t->line_length++] = bytes[i];
	return true;
}
