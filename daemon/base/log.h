/* log.h - one line for each change, on standard error. */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };
enum log_format { LOG_PLAIN, LOG_JSON };

/*
 * Plain lines are "2026-11-22 19:13:09 [service] text", and if JOURNAL_STREAM
 * names our standard error "<6>[service] text" (journald adds the time).
 * Copies service.  The text of warnings and errors begins with that word.
 * SIGPIPE is ignored from then on.  Before log_open, lines are plain, without a
 * service.
 */
void	log_open(const char *service, enum log_format, bool debug);

/* Always one line, whatever text contains.  Never blocks and never fails: lines
 * that can't be written are counted, and the number is logged later.  Keeps
 * errno. */
void	log_line(enum log_level, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

#define log_debug(...)	log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...)	log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_error(...)	log_line(LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
