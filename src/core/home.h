/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * home.h - the memfds that descriptors of objects are descriptions of.
 *
 * Each descriptor given out is an open file description of its own:
 *
 *	identity   nothing reads or writes these descriptors, so a description's file position
 *		   names the object and the access mode: base + 4 * serial + mode, base being
 *		   random for each kernel.  No call has to ask for more.
 *	lifetime   the description holds an OFD lock on a byte of the object's, which goes when its
 *		   last descriptor, wherever dup, fork or SCM_RIGHTS took it, and its last mapping
 *		   are gone.  The kernel's own description of the memfd sees that with F_OFD_GETLK.
 *
 * The memfd of a map, or of a perf event, is its memory, and home to it alone.  Other objects share
 * one, by kind and HOME_OBJECTS at a time, as making a memfd is half of what the load of a small
 * program costs:
 *
 *	home 17, "bpf-prog"	byte 17   18   19   20 ...	serials of the objects
 *				     R         R R		locks of the descriptions given out
 *
 * Where somebody moved a position, the inode finds the home and the lock in fdinfo the object.
 * Where a program closed the kernel's own description (it closes whatever it does not know), or
 * put a file of its own in that place, the position there says so: the objects of such a home live
 * for good, and the next ones get another.
 */
#ifndef SKEP_CORE_HOME_H
#define SKEP_CORE_HOME_H

#include "base/base.h"

#include <fcntl.h>

#define HOME_OBJECTS	  64

#define HOME_POSITION_MIN (UINT64_C(1) << 61) /* no other file has such positions */
#define HOME_MODE_OURS	  3		      /* in a position: the kernel's own description */

struct home {
	int fd;		    /* the kernel's own description */
	uint64_t position;  /* of that description */
	off_t size;	    /* of the file, which nothing is in; 0: it tells nothing */
	uint64_t inode[2];  /* device and inode, 0 before somebody asked */
	uint32_t refs;	    /* objects that live here, and whoever gives out places */
	uint32_t places;    /* given out so far */
	uint32_t writeonly; /* write-only descriptions so far: each locks a byte of its own */
	bool whole;	    /* a map's: one object has every byte, and closes fd */
	char path[40];	    /* that opens another description */
};

/**
 * A home for one object, or the first of many, whose serial it is called by.
 *
 * @param position  of the kernel's own description
 * @param fd	    a map's memory, which stays the map's; else -1, for a new memfd called `name`
 * @return 0 and *ret, with one reference; -errno
 */
int home_new(uint64_t position, const char *name, int fd, struct home **ret);
struct home *home_get(struct home *h);
void home_put(struct home *h);

/** The kernel's own description is still what it was. */
bool home_intact(const struct home *h);
/**
 * A new description for the object `serial`, locked and at `position`; -errno.  The home is intact.
 *
 * @param dir  of home_dir(), or what a program made of that number
 */
int home_open(struct home *h, int dir, uint64_t serial, uint64_t position, int mode);
/** A descriptor by which home_open() is quicker; negative where there is none. */
int home_dir(void);
void home_dir_close(int dir);
/** Does somebody hold a description of the object?  The home is intact. */
bool home_held(const struct home *h, uint64_t serial);
/** True where nobody holds a description of any object here.  The home is intact. */
bool home_empty(const struct home *h);

/** Device and inode of a file without a path, as memfds are. */
bool home_inode_of(int fd, uint64_t ret_inode[2]);
/** Is this the inode of the home? */
bool home_has_inode(struct home *h, const uint64_t inode[2]);
/** The serial that the description's lock tells (proc_pid_fdinfo(5)); 0: none. */
uint64_t home_serial_of(int fd);

#endif
