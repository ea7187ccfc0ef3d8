/* SPDX-License-Identifier: BSD-2-Clause */
/* faults_objects.h - what faults.bpf.c tells faults_objects.c. */
#ifndef SKEP_TESTS_HIVE_FAULTS_OBJECTS_H
#define SKEP_TESTS_HIVE_FAULTS_OBJECTS_H

#include <linux/types.h>

#define FOUND_MAX 16384 /* a power of 2 */

struct faults_objects {
	__u64 wrong;	     /* objects, and storage, that are not what they were */
	__u64 out_of_memory; /* tokens that could not be made */
	__u64 made;	     /* numbers given out */
	__u64 dropped;	     /* tokens that were, on purpose */
	__u64 moves;	     /* runs */
	__u64 nr_found;	     /* tokens that drain met... */
	__u64 found[FOUND_MAX];
};

#endif
