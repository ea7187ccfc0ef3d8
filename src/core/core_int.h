/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core_int.h - inside the room: the kernel, one call of bpf(2), the handlers, the links.
 */
#ifndef SKEP_CORE_CORE_INT_H
#define SKEP_CORE_CORE_INT_H

#include "base/alloc.h"
#include "btf/btf.h"
#include "btf/view.h"
#include "core/attr.h"
#include "core/caller.h"
#include "core/core.h"
#include "core/object.h"
#include "core/user.h"
#include "map/map.h"
#include "model/release.h"
#include "obj/obj.h"
#include "prog/prog.h"

#include <pthread.h>

struct timer_thread;

/* Where lines of bpf_trace_printk() go (trace.c). */
struct trace {
	pthread_mutex_t lock;
	void (*tell)(void *arg, const char *line, size_t n); /* of the options; NULL: nobody */
	void *arg;
	struct {
		VEC(int);
	} readers;  /* pipes' ends; what they have no room for is lost */
	char *kept; /* lines that came when there were no readers; NULL: never any */
	size_t kept_n;
	struct skep_map *ring; /* of members; NULL: there is no hive */
};

struct skep_kernel {
	struct objects objects;
	pthread_mutex_t lock;		 /* see object.h; also guards vmlinux and the pins */
	pthread_mutex_t bind_lock;	 /* lists of maps of programs (PROG_BIND_MAP) */
	const struct engine_ops *engine; /* how programs run */
	bool fallback;			 /* the interpreter takes what that engine cannot */
	int rights;			 /* enum skep_rights */
	bool judge;			 /* SKEP_MODEL_LINUX: programs are judged, none runs */
	uint16_t release;		 /* what is there is what it has (model/release.h) */
	char release_name[24];		 /* as uname(2) says it */
	struct space *space;		 /* the hive's memory; NULL: there is no hive */
	struct vcpus *vcpus;		 /* where programs run: own_vcpus, or the hive's */
	struct vcpus own_vcpus;
	struct run_env env;	    /* what their runs carry */
	struct obj_places places;   /* env.objects' memory; NULL: there is none */
	pthread_mutex_t sweep_lock; /* within lock: that memory stays what it is */
	struct obj_sweep *sweep;    /* a look at it that is under way; NULL: none is */
	_Atomic bool damaged;	    /* it was, some time since it was new: nobody can undo that */
	struct {
		VEC(struct btf_record *);
	} records;			/* of types of objects, in meta; under lock */
	struct btf_view *types;		/* env.types; NULL: memory was out */
	size_t types_size;		/* bytes of the copy that it leads to, 0: none yet */
	const struct core_hooks *hooks; /* what probes do to processes; NULL: there are none */
	pthread_mutex_t timer_lock;	/* the making of timer_thread */
	_Atomic(struct timer_thread *) timer_thread; /* who calls timers back; NULL: nobody yet */
	char *pin_root; /* where names of objects live, without a slash at the end */
	struct {
		VEC(struct pin);
	} pins;	       /* unordered: names are few */
	char *pin_dir; /* the folder that pins are files in; NULL: they are `pins` */
	struct {
		VEC(struct pin_file);
	} pin_files;
	struct skep_btf *vmlinux; /* BTF of the model; NULL before somebody asked */
	struct trace trace;
	struct skep_map *tasks;	 /* of the hive's members (tasks.c); NULL: there is no hive */
	core_verdict_fn verdict; /* see core_watch_verdicts() */
	void *verdict_arg;
	bool verdict_count;
};

/** Readers and lines that nobody has read are forgotten. */
void trace_init(struct trace *t, const struct skep_kernel_opts *o);
void trace_fini(struct trace *t);
/** run_env.trace: arg is the kernel. */
void trace_write(void *arg, const struct skep_run *run, const char *text, size_t n);

/* One bpf(2) call. */
struct call {
	struct skep_kernel *k;
	uint64_t uattr; /* where the caller's attributes lie */
	uint32_t size;	/* how many bytes of them there are, at most ATTR_SIZE */
	struct skep_diag *diag;
	struct skep_map *view; /* the descriptor's map, on which this call is answered; else NULL */
	union core_attr attr;  /* a copy; zero beyond size */
};

/* Adds what a person should know to an error, and returns it. */
#define FAIL(c, err, ...)                                                \
	({                                                               \
		const int _err = (err);                                  \
		diag_set((c)->diag, _err, SKEP_AT_NONE, 0, __VA_ARGS__); \
		_err;                                                    \
	})

/**
 * -EINVAL and the reason when what came `since` is not in the kernel that k judges for; fmt says
 * what: "map type ringbuf".  0 when it is.
 */
int core_too_new(const struct call *c, uint16_t since, const char *fmt, ...) __printf(3, 4);

/* The capabilities that bpf(2) asks for; CAP_SYS_ADMIN stands for the others too. */
enum core_right {
	RIGHT_BPF,     /* CAP_BPF */
	RIGHT_PERFMON, /* CAP_PERFMON */
	RIGHT_NET,     /* CAP_NET_ADMIN */
	RIGHT_ADMIN,   /* CAP_SYS_ADMIN */
};

/** Does the caller have that right? */
bool core_may(const struct call *c, enum core_right right);

/* -- store.c: env.objects, NULL where there is no memory for it -- */
void store_init(struct skep_kernel *k);
void store_fini(struct skep_kernel *k);
/** Somebody is about to use it: until store_release() it stays as it is. */
void store_hold(struct skep_kernel *k);
void store_release(struct skep_kernel *k);
/* Now and then, where there are members: blocks that nobody finds are looked for. */
void store_scrub(struct skep_kernel *k);
/** What it calls objects of that struct (obj/obj.h), 0 where it has none; -ENOMEM, -ENOSPC. */
int store_type(struct skep_kernel *k, uint32_t size, bool percpu, const struct btf_record *record);

/* The kernel's types, for helpers that show them (btf.c): known once somebody asks for them. */
void types_init(struct skep_kernel *k);
void types_fini(struct skep_kernel *k);

/** May members of the hive run it? */
bool core_may_leave(const struct skep_prog *p);
/** The same before it is attached: 0, or -EOPNOTSUPP and what keeps it. */
int core_check_leaves(struct call *c, const struct skep_prog *p);
/* The socket of a test run goes: so does what maps stored for it. */
void core_socket_gone(struct skep_kernel *k, uint64_t cookie);

/** Writes one field back to the caller's attributes: 0 or -EFAULT. */
#define CALL_PUT(c, field, value)                                                           \
	({                                                                                  \
		__typeof__((c)->attr.field) _v = (value);                                   \
		user_write((c)->uattr + offsetof(union core_attr, field), &_v, sizeof(_v)); \
	})

/** bpf(2) as everybody enters it. */
long core_call(struct skep_kernel *k, int cmd, uint64_t uattr, uint32_t size);

/* The handlers of commands.def. */
typedef long (*command_fn)(struct call *c);
#define COMMAND(nr, name, handler, end, flags) long handler(struct call *c);
#include "core/commands.def"
#undef COMMAND

/** O_RDWR, O_RDONLY or O_WRONLY for BPF_F_RDONLY and BPF_F_WRONLY; -EINVAL for both. */
int core_file_mode(uint32_t flags);
/** Copies an object's name and checks its letters (bpf_obj_name_cpy): 0 or -EINVAL. */
int core_name(char dst[BPF_OBJ_NAME_LEN], const char src[BPF_OBJ_NAME_LEN]);
/** What a BPF_F_TOKEN_FD's descriptor gives: -EBADF or -EINVAL, as there are no tokens. */
int core_token(struct call *c, int fd);
/** Nanoseconds since boot, for load_time. */
uint64_t core_boot_ns(void);

/** BTF of the kernel that programs see, made on first use; borrowed. NULL: out of memory. */
struct skep_btf *core_vmlinux(struct skep_kernel *k);
/** These are the types of a new kernel: 0 or -errno as btf_new(). */
int core_take_btf(struct skep_kernel *k, const void *data, uint32_t size,
		  struct skep_diag *reterr_diag);
#define VMLINUX_BTF_ID 1

/** What runs ask of timers; before the first run. */
void timers_init(struct skep_kernel *k);
/** There is going to be a map with timers: 0 where somebody will call them, or -ENOMEM. */
int timers_begin(struct skep_kernel *k);
/** Programs whose callbacks have been set are held from now on.  Not with k->lock. */
void timers_look(struct skep_kernel *k);
/** A run has died: what it left of timers is mended. */
void timers_cpu_died(struct skep_kernel *k);
/** Ends the thread: nothing is called any more. */
void timers_fini(struct skep_kernel *k);

/** How PROG_ARRAY maps see programs. */
extern const struct map_prog_ops core_map_progs;

/** *_GET_NEXT_ID of a kind. */
long core_next_id(struct call *c, enum object_kind kind);

/* --- links: what ties a program to a hook ---------------------------------------------------- */

struct skep_link;

/* What a kind of link can do; a hook brings its own.  An absent op: see the default. */
struct link_ops {
	uint32_t type; /* BPF_LINK_TYPE_* */
	/* Takes the link off its hook; called once, before the link is freed. May be NULL. */
	void (*release)(struct skep_link *l);
	/* BPF_LINK_DETACH: NULL: -EOPNOTSUPP. */
	int (*detach)(struct skep_link *l);
	/* BPF_LINK_UPDATE to prog; `old`: only where that is attached now. NULL: -EINVAL. */
	int (*update)(struct call *c, struct skep_link *l, struct skep_prog *prog,
		      struct skep_prog *old);
	/* Completes BPF_OBJ_GET_INFO_BY_FD; info holds what the caller gave. May be NULL. */
	int (*info)(struct skep_link *l, struct bpf_link_info *info);
	/* BPF_ITER_CREATE: a descriptor to read from. NULL: -EINVAL. */
	long (*iter)(struct call *c, struct skep_link *l);
};

struct skep_link {
	const struct link_ops *ops;
	_Atomic uint32_t refs;
	uint32_t id;
	struct skep_prog *prog; /* counted; NULL once detached for good; under k->lock */
	void *hook;		/* the hook's own */
};

/** Makes a link with one reference, which counts the program; 0 or -ENOMEM. */
int link_new(const struct link_ops *ops, struct skep_prog *prog, struct skep_link **ret);
/** Its program, counted, or NULL: LINK_UPDATE may put another one there. */
struct skep_prog *link_prog(struct skep_kernel *k, const struct skep_link *l);
/** For link_ops.info: a name of *len bytes of room at an address of the caller; *len: of the name.
 */
int link_name_out(uint64_t at, uint32_t *len, const char *name);
struct skep_link *link_get(struct skep_link *l);
/** The last reference releases the hook. Accepts NULL. */
void link_put(struct skep_link *l);
DEFINE_CLEANUP(struct skep_link, link_put)

/** LINK_CREATE of an iterator (iter.c). */
long iter_link(struct call *c, struct skep_prog *p);

/* --- names in the file system ---------------------------------------------------------------- */

struct pin {
	char *path; /* below the root, normalised, without a slash in front */
	enum object_kind kind;
	struct object *obj; /* NULL: a folder */
};

/** The object that an absolute path names, held: 0, -ENOENT, -EACCES. */
int core_pin_object(struct skep_kernel *k, const char *path, int mode, struct object_ref *ret);
/** Forgets all names, without collecting. */
void pins_fini(struct skep_kernel *k);

/* One that is a file (pin_file.c). */
struct pin_file {
	int fd;	   /* of the file: its number of names is that of the object's */
	dev_t dev; /* which file it is */
	ino_t ino;
	struct object *obj;
};

/** Makes the file `name` below the folder; 0, -EPERM for a name with dots, -errno of open(2). */
int pin_file_add(struct skep_kernel *k, const char *name, const struct object_ref *r);
/** The object that a file was made for; -EACCES: none, or the file's mode forbids it; -errno. */
int pin_file_get(struct skep_kernel *k, const char *name, int mode, struct object_ref *ret);
/** Forgets all files; they stay. */
void pin_files_fini(struct skep_kernel *k);

/** A map that no program and no descriptor knows, which members use with the server: 0 or -errno.
 */
int core_own_map(struct skep_kernel *k, const union bpf_attr *attr, struct skep_map **ret);

#endif
