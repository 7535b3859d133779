/* The core of pycage: who is on the stack, and the audit hook that asks.
 *
 * Problem.  CPython raises an audit event for most effects, but says nothing about whose code asked.  The answer has to
 * come from the stack: every frame whose code belongs to a sandbox answers for that sandbox, and all of them must agree.
 *
 * Things that do not work:
 *
 *  - A hook written in Python: gc finds it, `hook.__code__ = ...` switches it off, sub-interpreters never call it, and
 *    its own reads of frames raise events that come back to it.
 *  - File names, module names or equality of code objects as identity: sandboxed source can imitate all three.
 *  - A flag or a context variable for privilege: it leaks through a suspended generator, and Context().run() drops it.
 *  - "We are inside a check" as a flag or barrier that lets pycage's own acts pass: a finalizer that is made of C parts
 *    only can run in the middle, and has no frame.  So the decision does nothing that would be checked, and whatever
 *    runs during one is judged with the whole stack.
 *
 * Idea.
 *
 *  - A code object carries its domain in its extra slot (PyUnstable_Code_SetExtra): per object, invisible to Python.
 *    A frame whose code has no domain is host code.
 *  - What Java keeps in privileged frames stands in `record`s: each belongs to a call in C that is running and ends
 *    with it, so it cannot leak, and is tied to the frame that was the newest one when the call began.  They are linked
 *    per OS thread, and are no variables of the stack: whoever switches stacks (greenlet) copies parts of it away, and
 *    ends calls in another order than they began.  Two kinds: PRIVILEGED ends the walk after its frame, BOUND adds a
 *    captured context.
 *  - Finding and loading a module is the importing code's own act, as class loading is in Java: the walk ends at the
 *    frame that called importlib's `_find_and_load` (an `import` statement, or importlib.import_module()), and that
 *    frame's domain counts.  Otherwise the first import that host code makes for a sandbox would be refused, or worse,
 *    its module would be taken for the sandbox's.  Whoever imports a name that a sandbox chose lends it that import.
 *
 * What still fails (the README lists all of it): an effect for which no sandbox frame, thread context or hand-off record
 * exists, such as map(os.remove, paths) that the host iterates.
 *
 * Only the main interpreter is served.  In a sub-interpreter nobody can be attributed, so what would be checked is
 * refused there, unless the host allowed sub-interpreters.  A GIL is assumed.
 *
 * Nothing on the way of a check runs Python code until the decision itself is called.
 *
 * The parts:
 *
 *     core.h          this page, the state, the records, and what every part needs in line
 *     walk.c          who is on the stack; look.h: a quick look that finds most often that it is the host alone
 *     snapshots.c     the stack as Python sees it
 *     hook.c          the audit hook, and which events it asks about
 *     checking.c      check_permission(), and the answers that it remembers
 *     privileged.c    do_privileged(); bound_calls.c: calls bound to a context
 *     handoff.c       functions that store work for later
 *     domains.c       domains, and the code that belongs to them
 *     openat2.c       opening a path on which there is no link
 *     module.c        the module, what it is set up with, and what it offers other extensions (_core.h)
 */

#ifndef PYCAGE_CORE_PARTS_H
#define PYCAGE_CORE_PARTS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <stddef.h>
#include <string.h>

/* ---- Versions ---------------------------------------------------------------------------------------------------- */

#if PY_VERSION_HEX < 0x030B0000
#error "pycage needs CPython 3.11 or later"
#endif
#ifdef Py_GIL_DISABLED
#error "pycage does not support free-threaded builds"
#endif

#if PY_VERSION_HEX >= 0x030C0000 /* 3.12: the same functions under their official names */
#define code_get_extra PyUnstable_Code_GetExtra
#define code_set_extra PyUnstable_Code_SetExtra
#define request_extra_index PyUnstable_Eval_RequestCodeExtraIndex
#else
#define code_get_extra _PyCode_GetExtra
#define code_set_extra _PyCode_SetExtra
#define request_extra_index _PyEval_RequestCodeExtraIndex
#endif

#if PY_VERSION_HEX >= 0x030D0000
#define current_thread_state PyThreadState_GetUnchecked
#else
#define current_thread_state _PyThreadState_UncheckedGet
#endif

/* Nothing of ours is seen outside but the function that makes the module. */
#pragma GCC visibility push(hidden)

/* ---- State ------------------------------------------------------------------------------------------------------- */

enum record_kind { RECORD_PRIVILEGED, RECORD_BOUND };

typedef struct record {
    struct record *previous; /* the one that was entered before it and is still there; `next`: the other way */
    struct record *next;
    PyFrameObject *frame;  /* owned; NULL: the stack was empty when the call began */
    PyObject *context;     /* borrowed from the call; NULL: none */
    PyObject *limit;       /* borrowed from the call: a tuple of permissions; NULL: unlimited */
    enum record_kind kind;
} record;

typedef struct {
    PyObject_HEAD
    PyObject *allowed;  /* permission -> tally: what this domain was found to imply; NULL: nothing yet */
    char recording;     /* every decision about this domain goes through Python, so that it can be recorded */
} domain_object;

/* One per process: the audit hook cannot be removed and has no module to ask. */
typedef struct {
    int active;              /* the manager is installed: the hook asks */
    int tagged;              /* some code has been given a domain: sandboxes exist */
    int host_unrestricted;   /* host code has AllPermission, so that it need not be asked */
    int allow_subinterpreters;
    Py_ssize_t extra_index;
    unsigned long main_thread;
    PyInterpreterState *interpreter;
    PyTypeObject *domain_type;
    PyTypeObject *bound_call_type;
    PyTypeObject *hand_off_types[2]; /* of functions, of methods */
    PyTypeObject *tally_type;
    PyObject *epoch;             /* replaced by every change of a policy; compared by identity */
    PyObject *host;              /* domain of code without a domain */
    PyObject *nobody;            /* domain of an empty stack: has no permissions */
    PyObject *decide;            /* callable(permission, raw) -> None: not to be remembered; a tuple of tallies, one for
                                    each domain from the newest: to be remembered, counted there; raises a denial */
    PyObject *decide_event;      /* callable(event, arguments, top domain or None, raw) -> None, or raises a denial */
    PyObject *permission_types;  /* dict: exact types that may be asked for */
    PyObject *all_permission;    /* the type AllPermission */
    PyObject *context_type;      /* the type AccessControlContext */
    PyObject *find_and_load;     /* code of importlib._bootstrap._find_and_load */
} core_state;

extern core_state core;
extern _Thread_local record *top_record;

/* ---- What every part needs, in line ------------------------------------------------------------------------------ */

/* Borrowed: a code object owns its domain.  Cannot fail for a code object, cannot run Python code. */
static inline PyObject *
domain_of_code(PyObject *code)
{
    void *extra = NULL;
    if (code_get_extra(code, core.extra_index, &extra) < 0) {
        PyErr_Clear();
        return NULL;
    }
    return (PyObject *)extra;
}

#define INLINE_DOMAINS 16

/* What one walk found, flattened: everything from the newest frame to where the walk ends, limits passed over. */
typedef struct {
    PyObject **domains; /* distinct sandbox domains, newest first; borrowed from code objects of running frames */
    Py_ssize_t count;
    Py_ssize_t room;
    PyObject *top;      /* domain of the newest frame; borrowed; NULL: host code or empty stack */
    PyObject *context;  /* the newest captured context met on the way, borrowed from its record; NULL: none */
    PyObject *contexts; /* borrowed from the caller: a list for all of them; NULL: not wanted */
    int host;           /* a frame of host code was met */
    int stopped;        /* a privileged frame ended the walk */
    int limited;        /* a limited privileged frame was passed */
    PyObject *first[INLINE_DOMAINS];
} walk_result;

static inline void
walk_init(walk_result *walk)
{
    memset(walk, 0, offsetof(walk_result, first));
    walk->domains = walk->first;
    walk->room = INLINE_DOMAINS;
}

static inline void
walk_clear(walk_result *walk)
{
    if (walk->domains != walk->first) {
        PyMem_Free(walk->domains);
    }
}

/* Only code that may do everything is on the stack. */
static inline int
walk_is_trivial(const walk_result *walk)
{
    return walk->count == 0 && walk->context == NULL && (core.host_unrestricted || !walk->host);
}

/* Owned in *frame; NULL there: the stack is empty.  -1: frames cannot be seen for want of memory, which must not look
 * like an empty stack.  PyEval_GetGlobals() allocates nothing and is NULL only where no frame is. */
static inline int
newest_frame(PyThreadState *thread, PyFrameObject **frame)
{
    *frame = PyThreadState_GetFrame(thread);
    if (*frame == NULL && PyEval_GetGlobals() != NULL) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

/* ---- What the parts offer each other; what each does stands there ------------------------------------------------ */

/* walk.c */
int walk_add(walk_result *walk, PyObject *domain);
record *enter_record(enum record_kind kind, PyObject *context, PyObject *limit);
void leave_record(record *rec);
int walk_frames(walk_result *walk, PyFrameObject *frame, record *rec, PyFrameObject **to_limit, record **limit_record);
int walk_stack(walk_result *walk, PyThreadState *thread);
PyObject *top_domain(int *handed);

/* snapshots.c */
PyObject *raw_stack(PyThreadState *thread);
extern PyMethodDef snapshot_functions[];

/* hook.c */
int event_table_set(PyObject *mapping);
int audit_hook(const char *event, PyObject *arguments, void *data);

/* checking.c */
int require_permission(PyObject *permission);
extern PyMethodDef checking_functions[];
extern PyType_Spec tally_spec;

/* privileged.c */
extern PyMethodDef privileged_functions[];

/* bound_calls.c */
int require_context(PyObject *context);
extern PyMethodDef bound_call_functions[];
extern PyType_Spec bound_call_spec;

/* handoff.c */
extern PyMethodDef hand_off_functions[];
extern PyType_Spec hand_off_specs[2];

/* domains.c */
void free_tag(void *domain);
int tag_code(PyObject *code, PyObject *domain);
extern PyMethodDef domain_functions[];
extern PyType_Spec domain_spec;

/* openat2.c */
extern PyMethodDef openat2_functions[];

#pragma GCC visibility pop

#endif
