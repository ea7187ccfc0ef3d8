/* SPDX-License-Identifier: BSD-2-Clause */
/* doctor_checks.c - the rows: what is tried, and what is to be done where it fails. */
#include "cli/doctor.h"
const struct check doctor_checks[] = { { 0 } };
