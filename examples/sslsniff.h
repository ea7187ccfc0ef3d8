/* SPDX-License-Identifier: BSD-2-Clause */
/* sslsniff.h - what the programs of sslsniff tell the tool. */
#ifndef EXAMPLES_SSLSNIFF_H
#define EXAMPLES_SSLSNIFF_H

#define DATA_MAX 8192 /* of one call, a power of two */

struct ssl_event {
	int pid;
	unsigned sent;	 /* else it was received */
	unsigned long n; /* bytes of the call, the first of them in data */
	char comm[16];
	char data[DATA_MAX];
};

#endif
