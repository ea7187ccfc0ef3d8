/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * doctor.h - `skep doctor`: doctor.c asks and shows, doctor_checks.c has a row for each check.
 */
#ifndef SKEP_CLI_DOCTOR_H
#define SKEP_CLI_DOCTOR_H

#include "base/base.h"

enum finding { FINDING_OK, FINDING_NOTE, FINDING_BAD };

struct check {
	const char *name;  /* in JSON */
	const char *title; /* for people */
	bool needed;	   /* `skep run` needs it; otherwise a bad finding is a note */
	/* Fills what was found and, where something is in the way, the way round it. */
	enum finding (*ask)(char *found, size_t n, char *round, size_t m);
};

/* Ends with a row without name. */
extern const struct check doctor_checks[];

#endif
