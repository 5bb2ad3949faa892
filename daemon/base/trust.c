/* trust.c - can another user write to what root is about to run? */
#include "trust.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static CHECKED bool
trust_refuse(const char *path, const struct stat *s, struct error *err)
{
	return error_set(err, "%s may write to %s, which root does not trust: "
	    "chmod go-w '%s'", (s->st_mode & S_IWOTH) != 0 ? "every user" :
	    "its group", path, path);
}

static bool
trust_others_write(const struct stat *s)
{
	return (s->st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

/* What is in a sticky folder, and root's, nobody else can replace.  A folder of
 * root's above the file's own may be its group's, too: Debian has some
 * (/usr/local/lib, staff). */
static CHECKED bool
trust_folder(const char *path, bool own, const struct stat *in,
    struct error *err)
{
	struct stat	 s;

	if (stat(path, &s) != 0 || !trust_others_write(&s) ||
	    (!own && s.st_uid == 0 && (s.st_mode & S_IWOTH) == 0))
		return true;
	if ((s.st_mode & S_ISVTX) != 0 && (s.st_uid == 0 || own) &&
	    in->st_uid == 0)
		return true;
	if ((s.st_mode & S_ISVTX) != 0)
		return error_set(err, "%s may write to %s, and the file in it "
		    "does not belong to root: move it to a folder of root's",
		    (s.st_mode & S_IWOTH) != 0 ? "every user" : "its group",
		    path);
	return trust_refuse(path, &s, err);
}

/* All folders of a real path, from its own up; cuts it. */
static CHECKED bool
trust_folders(char *path, struct error *err)
{
	struct stat	 in;
	bool		 own = true;
	char		*slash;

	while (stat(path, &in) == 0 && (slash = strrchr(path, '/')) != NULL &&
	    strcmp(path, "/") != 0) {
		slash[slash == path] = '\0';
		if (!trust_folder(path, own, &in, err))
			return false;
		own = false;
	}
	return true;
}

/* Where it is a link, who may write to the link's folder may change it. */
static CHECKED bool
trust_link(const char *path, struct error *err)
{
	char		 folder[PATH_MAX], real[PATH_MAX];
	const char	*slash = strrchr(path, '/');
	struct stat	 s;

	if (lstat(path, &s) != 0 || !S_ISLNK(s.st_mode))
		return true;
	if (slash == NULL)
		strcpy(folder, ".");
	else {
		memcpy(folder, path, (size_t)(slash - path) + 1);
		folder[slash - path + 1] = '\0';
	}
	if (realpath(folder, real) == NULL)
		return true;
	return trust_folder(real, true, &s, err) && trust_folders(real, err);
}

bool
trust_file(const char *path, struct error *err)
{
	char		 real[PATH_MAX];
	struct stat	 s;
	struct statvfs	 v;

	if (geteuid() != 0 || strlen(path) >= PATH_MAX ||
	    realpath(path, real) == NULL || stat(real, &s) != 0)
		return true;
	/* As a container's config often is, whatever its modes say. */
	if (statvfs(real, &v) == 0 && (v.f_flag & ST_RDONLY) != 0)
		return true;
	if (S_ISREG(s.st_mode) && trust_others_write(&s))
		return trust_refuse(real, &s, err);
	return trust_link(path, err) && trust_folders(real, err);
}
