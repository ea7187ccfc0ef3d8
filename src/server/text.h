/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.h - fills a hive's text: the agent's image, then compiled programs (hive/layout.h).
 */
#ifndef SKEP_SERVER_TEXT_H
#define SKEP_SERVER_TEXT_H

#include "hive/space.h"

/**
 * Puts the agent into the hive's text, and lets everything that this process compiles from now on
 * lie behind it and refer to it.  Once in a process, for as long as it lives; before its kernel is
 * made.  0, -ENOMEM, or -ENOEXEC for an image that is not as layout.h wants it.
 */
int text_load(struct space *s);

#endif
