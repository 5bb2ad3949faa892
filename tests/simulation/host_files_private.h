/*
 * host_files_private.h - what host_files.c has, and host_calls.c gives to those
 * who call.
 */
#ifndef HOST_FILES_PRIVATE_H
#define HOST_FILES_PRIVATE_H

#include "host_files.h"

#define FILES		5	/* of a host */
#define OPENED		64	/* of all hosts */
#define CONTENT		512

struct place {
	char	 machine[32], boot[32];
};

struct file {
	bool		 linked;		/* it has its path */
	char		 path[64];
	struct place	 written;		/* where, and in which boot */
	uid_t		 owner;
	mode_t		 mode;
	ino_t		 number;
	int		 opened;		/* descriptors */
	pid_t		 locked;		/* by fcntl; 0 */
	size_t		 length;
	char		 content[CONTENT];	/* and a NUL */
};

struct host {
	bool		 has_folder;
	int		 boots;
	struct place	 place;
	struct file	 files[FILES];
};

/* A descriptor, which has a lock of its own by flock. */
struct opened {
	const struct node	*node;
	pid_t			 pid;		/* whose it is; 0: free */
	struct file		*file;
	int			 lock;
};

extern struct opened	opened[OPENED];

struct host	*host_of(const struct node *);
/* NULL, and errno is set: there is none with that path. */
struct file	*host_file(struct host *, const char *path);
struct file	*host_file_new(struct host *, const char *path, mode_t);
struct opened	*opened_new(const struct node *, pid_t, struct file *);
void		 opened_close(struct opened *);

#endif
