/* control.c - the control file, and the WAL, which need no running server. */

#include "control.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data.h"
#include "file.h"
#include "program.h"

static const char *
control_value(const char *text, const char *name, char *value, size_t size)
{
	const char	*line = strstr(text, name);

	value[0] = '\0';
	if (line != NULL) {
		line += strlen(name);
		line += strspn(line, " ");
		snprintf(value, size, "%.*s", (int)strcspn(line, "\n"), line);
	}
	return value;
}

static void
read_history(struct failover *f, struct position *p)
{
	char	 file[32], path[PATH_MAX], *text;

	snprintf(file, sizeof(file), "pg_wal/%08X.history", p->timeline);
	data_path(f, file, path);
	text = file_read(path);
	position_read_history(p, text == NULL ? "" : text);
	free(text);
}

bool
control_read(struct failover *f, struct control *c)
{
	const char	*argv[] = { NULL, "-D", data_folder(f), NULL };
	char		 program[PATH_MAX], text[8192], lsn[32], timeline[32];
	char		 segment[32];
	const char	*state = c->state;
	bool		 standby;

	*c = (struct control){ 0 };
	data_program(f, "pg_controldata", program);
	argv[0] = program;
	if (!program_read(f, argv, INT64_MAX, text, sizeof(text)))
		return false;
	control_value(text, "Database cluster state:", c->state,
	    sizeof(c->state));
	control_value(text, "Database system identifier:", c->system,
	    sizeof(c->system));
	standby = strcmp(state, "shut down in recovery") == 0;
	c->clean = standby || strcmp(state, "shut down") == 0;
	/* The checkpoint of a shutdown begins when the last client is gone. */
	c->closed = c->clean || strcmp(state, "shutting down") == 0;
	control_value(text, standby ? "Minimum recovery ending location:" :
	    "Latest checkpoint location:", lsn, sizeof(lsn));
	control_value(text, standby ? "Min recovery ending loc's timeline:" :
	    "Latest checkpoint's TimeLineID:", timeline, sizeof(timeline));
	control_value(text, "Bytes per WAL segment:", segment,
	    sizeof(segment));
	c->segment = strtoull(segment, NULL, 10);
	c->position.timeline = (uint32_t)strtoul(timeline, NULL, 10);
	/* Of a master it is where its last record begins: who has a byte of
	 * it has all that came before. */
	if (lsn_parse(lsn, &c->position.lsn) && !standby)
		c->position.lsn++;
	if (c->clean)
		read_history(f, &c->position);
	return true;
}

bool
control_read_wal(struct failover *f, uint32_t timeline, uint64_t lsn,
    void *bytes, size_t size)
{
	struct control	 c;
	char		 file[48], path[PATH_MAX];
	uint64_t	 number, each;
	ssize_t		 n = -1;
	int		 fd;

	if (!control_read(f, &c) || c.segment == 0)
		return false;
	number = lsn / c.segment;
	each = (UINT64_C(1) << 32) / c.segment;
	snprintf(file, sizeof(file), "pg_wal/%08X%08X%08X", timeline,
	    (uint32_t)(number / each), (uint32_t)(number % each));
	data_path(f, file, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd != -1) {
		n = pread(fd, bytes, size, (off_t)(lsn % c.segment));
		close(fd);
	}
	return n == (ssize_t)size;
}
