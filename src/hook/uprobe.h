/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uprobe.h - inside the room: programs at places in files.  All with the lock of hooks.
 */
#ifndef SKEP_HOOK_UPROBE_H
#define SKEP_HOOK_UPROBE_H

#include "core/probe.h"
#include "hook/process.h"

struct uprobe;

/* What is done to processes, by who knows them. */
struct uprobe_ops {
	/* Jumps at all its sites, in all processes that it concerns; or the first error. */
	int (*put)(const struct uprobe *u, struct skep_diag *diag);
	/* Nobody runs there any more: the text is what it was. */
	void (*take)(const struct uprobe *u);
};

/** Once; the table is borrowed. */
void uprobes_start(struct spots *spots);
/** 0 and *ret, which is the hooks'; or the errors of function_sites() and ops->put(). */
int uprobe_attach(const struct probe_spec *spec, struct skep_prog *prog,
		  const struct uprobe_ops *ops, struct uprobe **ret, struct skep_diag *reterr_diag);
/** Frees it, after uprobes_stop() too. */
void uprobe_detach(struct uprobe *u, const struct uprobe_ops *ops);
/** All of them at once, as the hive ends; who attached them still detaches each. */
void uprobes_stop(const struct uprobe_ops *ops);

/** The one behind u, the first for NULL; NULL: there is none. */
const struct uprobe *uprobe_next(const struct uprobe *u);
/** What runs there. */
const struct skep_prog *uprobe_prog(const struct uprobe *u);
/** Is it meant for that process? */
bool uprobe_concerns(const struct uprobe *u, const struct process *p);
/** Is there anything in what the process has mapped that it would be put at? */
bool uprobe_fits_in(const struct uprobe *u, const struct process *p, const struct images *images);
/** The same of a process that goes on meanwhile. */
bool uprobe_fits(const struct uprobe *u, const struct process *p);
/** At each of its sites, wherever the files are mapped, until one fails. */
int uprobe_at_sites(struct still *s, const struct uprobe *u, spot_fn fn, struct skep_diag *diag);
/** The same at all that do not fail: s->left has those that did. */
void uprobe_at_all(struct still *s, const struct uprobe *u, spot_fn fn);

#endif
