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
 *  - What Java keeps in privileged frames stands in `record`s: C variables of the calls that are running, linked per
 *    OS thread, each tied to the frame that was the newest one when the call began.  A record cannot outlive its call,
 *    so it cannot leak.  Two kinds: PRIVILEGED ends the walk after its frame, BOUND adds a captured context.
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
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "_core.h"
#include "_openat2.h"

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

/* ---- State ------------------------------------------------------------------------------------------------------- */

enum event_kind { KIND_DROP = 0, KIND_CHECK = 1, KIND_IMPORT = 2, KIND_EXEC = 3, KIND_UNKNOWN = 4 };

typedef struct {
    char *name;
    uint32_t hash;
    int kind;
} event_row;

enum record_kind { RECORD_PRIVILEGED, RECORD_BOUND };

typedef struct record {
    struct record *previous;
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

/* A remembered answer, and how often it was given: counting here is what makes recording an allow cheap. */
typedef struct {
    PyObject_HEAD
    void *owner;               /* the domain it counts for; compared, never followed */
    PyObject *epoch;           /* the epoch in which the answer was found; NULL: not remembered, or retired */
    unsigned long long count;
    double last;               /* seconds since the epoch of the clock; of the newest answer */
} tally_object;

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    PyObject *context;
    PyObject *callable;
} bound_call_object;

/* One per process: the audit hook cannot be removed and has no module to ask. */
static struct {
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
    PyTypeObject *step_type;     /* what an event loop is given for the next step of a task; NULL: not known */
    PyCFunction wakeup;          /* the C function that goes on with a task when what it waits for is done */
    PyObject *passing;           /* tuple: code of asyncio's own functions that only pass on the result of a future */
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
    event_row *events;
    size_t event_slots;          /* a power of two; 0: no table yet */
} core;

static _Thread_local record *top_record;

/* ---- Event table ------------------------------------------------------------------------------------------------- */

static uint32_t
event_hash(const char *name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
        hash = (hash ^ *c) * 16777619u;
    }
    return hash;
}

static int
event_kind_of(const char *name)
{
    if (core.event_slots == 0) {
        return KIND_UNKNOWN;
    }
    uint32_t hash = event_hash(name);
    for (size_t i = hash & (core.event_slots - 1); core.events[i].name != NULL; i = (i + 1) & (core.event_slots - 1)) {
        if (core.events[i].hash == hash && strcmp(core.events[i].name, name) == 0) {
            return core.events[i].kind;
        }
    }
    return KIND_UNKNOWN;
}

static void
event_table_free(event_row *rows, size_t slots)
{
    for (size_t i = 0; i < slots; i++) {
        free(rows[i].name);
    }
    free(rows);
}

/* Builds the table from {name: kind} and puts it in place of the old one.  Uses malloc, because the hook may be called
 * when no allocator of Python is there any more. */
static int
event_table_set(PyObject *mapping)
{
    size_t slots = 64;
    while (slots < 3 * (size_t)PyDict_Size(mapping)) {
        slots *= 2;
    }
    event_row *rows = calloc(slots, sizeof(event_row));
    if (rows == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    PyObject *key, *value;
    Py_ssize_t position = 0;
    while (PyDict_Next(mapping, &position, &key, &value)) {
        const char *name = PyUnicode_AsUTF8(key);
        long kind = PyLong_AsLong(value);
        if (name == NULL || (kind == -1 && PyErr_Occurred())) {
            event_table_free(rows, slots);
            return -1;
        }
        uint32_t hash = event_hash(name);
        size_t i = hash & (slots - 1);
        while (rows[i].name != NULL) {
            i = (i + 1) & (slots - 1);
        }
        rows[i] = (event_row){.name = strdup(name), .hash = hash, .kind = (int)kind};
        if (rows[i].name == NULL) {
            event_table_free(rows, slots);
            PyErr_NoMemory();
            return -1;
        }
    }
    event_table_free(core.events, core.event_slots);
    core.events = rows;
    core.event_slots = slots;
    return 0;
}

/* ---- The walk ---------------------------------------------------------------------------------------------------- */

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

#include "_core_look.h"

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

static void
walk_init(walk_result *walk)
{
    memset(walk, 0, offsetof(walk_result, first));
    walk->domains = walk->first;
    walk->room = INLINE_DOMAINS;
}

static void
walk_clear(walk_result *walk)
{
    if (walk->domains != walk->first) {
        PyMem_Free(walk->domains);
    }
}

static int
walk_add(walk_result *walk, PyObject *domain)
{
    for (Py_ssize_t i = walk->count; i-- > 0;) { /* the newest is the likeliest */
        if (walk->domains[i] == domain) {
            return 0;
        }
    }
    if (walk->count == walk->room) {
        PyObject **more = PyMem_Malloc(2 * (size_t)walk->room * sizeof(PyObject *));
        if (more == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        memcpy(more, walk->domains, (size_t)walk->count * sizeof(PyObject *));
        walk_clear(walk);
        walk->domains = more;
        walk->room *= 2;
    }
    walk->domains[walk->count++] = domain;
    return 0;
}

static int
walk_add_context(walk_result *walk, PyObject *context)
{
    if (context == NULL) {
        return 0;
    }
    if (walk->context == NULL) {
        walk->context = context;
    }
    return walk->contexts != NULL ? PyList_Append(walk->contexts, context) : 0;
}

/* Owned in *frame; NULL there: the stack is empty.  -1: frames cannot be seen for want of memory, which must not look
 * like an empty stack.  PyEval_GetGlobals() allocates nothing and is NULL only where no frame is. */
static int
newest_frame(PyThreadState *thread, PyFrameObject **frame)
{
    *frame = PyThreadState_GetFrame(thread);
    if (*frame == NULL && PyEval_GetGlobals() != NULL) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

/* Walks from `frame` (stolen; may be NULL) down, with `rec` as the newest record that can still match.
 *
 * `to_limit` NULL: limited frames are passed over.  Otherwise the walk ends at the first limited frame and stores it
 * (owned) and its record there.  Returns -1 with an exception set when memory ran out. */
static int
walk_frames(walk_result *walk, PyFrameObject *frame, record *rec, PyFrameObject **to_limit, record **limit_record)
{
    int result = 0;
    int importing = 0;
    while (frame != NULL) {
        PyObject *code = (PyObject *)PyFrame_GetCode(frame);
        PyObject *domain = domain_of_code(code);
        if (domain == NULL) {
            walk->host = 1;
        }
        else if (walk_add(walk, domain) < 0) {
            Py_DECREF(code);
            result = -1;
            goto done;
        }
        while (rec != NULL && rec->frame == frame) {
            if (walk_add_context(walk, rec->context) < 0) {
                Py_DECREF(code);
                result = -1;
                goto done;
            }
            if (rec->kind == RECORD_PRIVILEGED) {
                if (rec->limit == NULL) {
                    walk->stopped = 1;
                    Py_DECREF(code);
                    goto done;
                }
                walk->limited = 1;
                if (to_limit != NULL) {
                    *to_limit = frame;
                    *limit_record = rec;
                    Py_DECREF(code);
                    return 0;
                }
            }
            rec = rec->previous;
        }
        if (importing) { /* the frame that imports: privileged, its own domain counts */
            walk->stopped = 1;
            Py_DECREF(code);
            goto done;
        }
        PyFrameObject *below = PyFrame_GetBack(frame);
        if (below == NULL && PyErr_Occurred()) { /* no memory for the next frame is not the bottom of the stack */
            Py_DECREF(code);
            result = -1;
            goto done;
        }
        importing = code == core.find_and_load;
        Py_DECREF(code);
        Py_DECREF(frame);
        frame = below;
    }
    /* The bottom.  What is left of the records belongs to calls below the first frame: a thread's own context.  Records
     * of frames that are not on this stack (somebody switched stacks) lend nothing, but their contexts still bind. */
    for (; rec != NULL; rec = rec->previous) {
        if (rec->kind == RECORD_BOUND && walk_add_context(walk, rec->context) < 0) {
            result = -1;
            break;
        }
    }
done:
    Py_XDECREF(frame);
    return result;
}

/* The flat walk of the running thread.  An empty stack without a context is nobody, once sandboxes exist. */
static int
walk_stack(walk_result *walk, PyThreadState *thread)
{
    PyFrameObject *frame;
    walk_init(walk);
    if (top_record == NULL && only_host_code(thread)) {
        walk->host = 1;
        return 0;
    }
    if (newest_frame(thread, &frame) < 0) {
        return -1;
    }
    if (frame != NULL) {
        PyObject *code = (PyObject *)PyFrame_GetCode(frame);
        walk->top = domain_of_code(code);
        Py_DECREF(code);
    }
    if (walk_frames(walk, frame, top_record, NULL, NULL) < 0) {
        walk_clear(walk);
        return -1;
    }
    if (!walk->host && !walk->stopped && walk->count == 0 && walk->context == NULL && core.tagged) {
        if (walk_add(walk, core.nobody) < 0) {
            walk_clear(walk);
            return -1;
        }
    }
    return 0;
}

/* Only code that may do everything is on the stack. */
static inline int
walk_is_trivial(const walk_result *walk)
{
    return walk->count == 0 && walk->context == NULL && (core.host_unrestricted || !walk->host);
}

/* ---- Raw snapshots ----------------------------------------------------------------------------------------------- */

/* One segment of the stack, as Python sees it: (domains, contexts, limit or None, rest or None).
 *
 * `domains`: newest first, the host's included.  `contexts`: captured contexts that apply.  `limit`: permissions of the
 * limited privileged frame at which the segment ends; `rest` is then the segment that begins at that frame.
 * Steals `frame`.  Returns a new reference, NULL with an exception set on error.  Runs no Python code. */
static PyObject *
raw_segment(PyFrameObject *frame, record *rec)
{
    PyObject *result = NULL, *domains = NULL, *contexts = NULL, *rest = NULL;
    PyFrameObject *limit_frame = NULL;
    record *limit_record = NULL;
    walk_result walk;
    int empty = frame == NULL;

    if (Py_EnterRecursiveCall(" in a chain of limited privileges")) {
        Py_XDECREF(frame);
        return NULL;
    }
    walk_init(&walk);
    contexts = PyList_New(0);
    if (contexts == NULL) {
        Py_XDECREF(frame);
        goto done;
    }
    walk.contexts = contexts;
    if (walk_frames(&walk, frame, rec, &limit_frame, &limit_record) < 0) {
        goto done;
    }
    if (empty && !walk.stopped && walk.count == 0 && PyList_GET_SIZE(contexts) == 0 && core.tagged) {
        if (walk_add(&walk, core.nobody) < 0) {
            goto done;
        }
    }
    if (walk.host && walk_add(&walk, core.host) < 0) {
        goto done;
    }
    domains = PyTuple_New(walk.count);
    if (domains == NULL) {
        goto done;
    }
    for (Py_ssize_t i = 0; i < walk.count; i++) {
        PyTuple_SET_ITEM(domains, i, Py_NewRef(walk.domains[i]));
    }
    if (limit_record != NULL) {
        rest = raw_segment(limit_frame, limit_record->previous);
        limit_frame = NULL; /* stolen */
        if (rest == NULL) {
            goto done;
        }
    }
    result = Py_BuildValue("(OOOO)", domains, contexts, limit_record != NULL ? limit_record->limit : Py_None,
                           rest != NULL ? rest : Py_None);
done:
    Py_LeaveRecursiveCall();
    walk_clear(&walk);
    Py_XDECREF(limit_frame);
    Py_XDECREF(domains);
    Py_XDECREF(contexts);
    Py_XDECREF(rest);
    return result;
}

static PyObject *
raw_stack(PyThreadState *thread)
{
    PyFrameObject *frame;
    return newest_frame(thread, &frame) < 0 ? NULL : raw_segment(frame, top_record);
}

/* ---- The audit hook ---------------------------------------------------------------------------------------------- */

static int
refuse_subinterpreter(const char *event)
{
    PyErr_Format(PyExc_PermissionError,
                 "access denied (\"RuntimePermission\" \"auditEvent.%s\"): code in a sub-interpreter belongs to no "
                 "protection domain; a host that trusts its sub-interpreters allows them when it installs pycage",
                 event);
    return -1;
}

static int tag_code(PyObject *code, PyObject *domain);

/* Gives code that a sandbox is about to run to that sandbox, unless it belongs to somebody already. */
static int
adopt_code(PyObject *arguments, const walk_result *walk)
{
    PyObject *domain = walk->count > 0 ? walk->domains[0] : NULL;
    PyObject *code = PyTuple_CheckExact(arguments) && PyTuple_GET_SIZE(arguments) == 1
                         ? PyTuple_GET_ITEM(arguments, 0) : NULL;
    PyObject *owned = NULL;
    int result = 0;

    if (code == NULL || !PyCode_Check(code)) {
        PyErr_SetString(PyExc_PermissionError, "access denied: the exec event did not carry a code object");
        return -1;
    }
    if (domain == core.nobody) {
        if (PyThread_get_thread_ident() == core.main_thread) {
            return 0; /* the interactive prompt and the interpreter's own start-up have no frame below them */
        }
        PyErr_SetString(PyExc_PermissionError, "access denied (\"RuntimePermission\" \"createClassLoader\"): "
                                               "exec from an empty stack");
        return -1;
    }
    if (domain == NULL && walk->context != NULL) { /* host code that works under a sandbox's captured context */
        owned = PyObject_CallMethod(walk->context, "_nearest_sandbox", NULL);
        if (owned == NULL) {
            return -1;
        }
        domain = owned == Py_None ? NULL : owned;
    }
    if (domain != NULL && domain_of_code(code) == NULL) {
        result = tag_code(code, domain);
    }
    Py_XDECREF(owned);
    return result;
}

static int
audit_hook(const char *event, PyObject *arguments, void *Py_UNUSED(data))
{
    if (!core.active) {
        return 0;
    }
    int kind = event_kind_of(event);
    if (kind == KIND_DROP) {
        return 0;
    }
    PyThreadState *thread = current_thread_state();
    if (thread == NULL) {
        return 0; /* nothing of Python runs without a thread state */
    }
    if (PyThreadState_GetInterpreter(thread) != core.interpreter) {
        return core.allow_subinterpreters ? 0 : refuse_subinterpreter(event);
    }

#if PY_VERSION_HEX < 0x030C0000
    /* On 3.11 a refusal during the new interpreter's own start-up ends the process, so it is refused its start.  From
     * 3.12 it is the other way round: raising here crashes, and a refusal during start-up is an ordinary error. */
    if (!core.allow_subinterpreters && strcmp(event, "cpython.PyInterpreterState_New") == 0) {
        return refuse_subinterpreter(event);
    }
#endif

    walk_result walk;
    int result = -1;
    PyObject *name = NULL, *raw = NULL, *answer = NULL;
    if (walk_stack(&walk, thread) < 0) {
        return -1;
    }
    if (walk_is_trivial(&walk)) {
        result = 0;
        goto done;
    }
    if (kind == KIND_EXEC) {
        result = adopt_code(arguments, &walk);
        goto done;
    }
    if (kind == KIND_IMPORT && walk.top == NULL && walk.host && PyTuple_CheckExact(arguments)
        && PyTuple_GET_SIZE(arguments) > 1 && PyTuple_GET_ITEM(arguments, 1) == Py_None) {
        result = 0; /* an import statement of host code; its file name would be set if an extension were loaded */
        goto done;
    }
    name = PyUnicode_FromString(event);
    raw = name == NULL ? NULL : raw_stack(thread);
    if (raw == NULL) {
        goto done;
    }
    PyObject *call[] = {name, arguments, walk.top != NULL ? walk.top : Py_None, raw};
    answer = PyObject_Vectorcall(core.decide_event, call, 4, NULL);
    result = answer == NULL ? -1 : 0;
done:
    walk_clear(&walk);
    Py_XDECREF(answer);
    Py_XDECREF(raw);
    Py_XDECREF(name);
    return result;
}

/* ---- Checking ---------------------------------------------------------------------------------------------------- */

/* The clock of the kernel's last tick: a few nanoseconds, and exact enough for a record. */
static inline void
tally_add(tally_object *tally)
{
#ifdef CLOCK_REALTIME_COARSE
    const clockid_t clock = CLOCK_REALTIME_COARSE;
#else
    const clockid_t clock = CLOCK_REALTIME;
#endif
    struct timespec now;
    tally->count++;
    if (clock_gettime(clock, &now) == 0) {
        tally->last = (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
    }
}

static tally_object *
tally_new(void *owner)
{
    tally_object *tally = PyObject_New(tally_object, core.tally_type);
    if (tally != NULL) {
        tally->owner = owner;
        tally->epoch = NULL;
        tally->count = 0;
        tally->last = 0;
    }
    return tally;
}

/* 1: remembered as allowed in this epoch, with its tally (owned) in *tally; 0: not; -1: error.  May run __hash__ and
 * __eq__ of a permission type. */
static int
domain_remembers(PyObject *domain, PyObject *permission, tally_object **tally)
{
    domain_object *self = (domain_object *)domain;
    if (self->recording || self->allowed == NULL) {
        return 0;
    }
    tally_object *found = (tally_object *)PyDict_GetItemWithError(self->allowed, permission);
    if (found == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    if (found->epoch != core.epoch) {
        return 0;
    }
    *tally = (tally_object *)Py_NewRef(found);
    return 1;
}

#define REMEMBERED_AT_MOST 1024

/* `given`: what the decision returned for this domain.  Anything but a tally of this very domain (it would be void or
 * valid together with another answer) is replaced by one that nobody reads. */
static int
domain_remember(PyObject *domain, PyObject *permission, PyObject *epoch, PyObject *given)
{
    domain_object *self = (domain_object *)domain;
    if (self->allowed == NULL && (self->allowed = PyDict_New()) == NULL) {
        return -1;
    }
    if (PyDict_GET_SIZE(self->allowed) >= REMEMBERED_AT_MOST) {
        PyDict_Clear(self->allowed); /* whoever records holds the tallies */
    }
    tally_object *tally;
    if (given != NULL && Py_IS_TYPE(given, core.tally_type) && ((tally_object *)given)->owner == (void *)domain) {
        tally = (tally_object *)Py_NewRef(given);
    }
    else if ((tally = tally_new(domain)) == NULL) {
        return -1;
    }
    Py_XSETREF(tally->epoch, Py_NewRef(epoch));
    int result = PyDict_SetItem(self->allowed, permission, (PyObject *)tally);
    Py_DECREF(tally);
    return result;
}

static int
require_permission(PyObject *permission)
{
    /* Types with a metaclass are never registered, and their __hash__ and __eq__ must not run here. */
    int known = core.permission_types == NULL || !Py_IS_TYPE(Py_TYPE(permission), &PyType_Type) ? 0
                : PyDict_Contains(core.permission_types, (PyObject *)Py_TYPE(permission));
    if (known == 0) {
        PyErr_Format(PyExc_TypeError,
                     "expected an instance of a registered permission type, got %.100s; "
                     "a host registers its own types with register_permission_type()",
                     Py_TYPE(permission)->tp_name);
    }
    return known == 1 ? 0 : -1;
}

PyDoc_STRVAR(check_permission_doc,
             "check_permission(permission, /)\n--\n\n"
             "Return if everything on the stack implies permission, raise AccessDenied otherwise.\n\n"
             "Example:\n"
             "    >>> def shout():\n"
             "    ...     pycage.check_permission(pycage.RuntimePermission('shout'))\n"
             "    >>> shout()  # nobody but the host is on the stack\n"
             "    >>> with pycage.Sandbox('quiet') as sandbox:\n"
             "    ...     sandbox.expose('shout', shout)\n"
             "    ...     sandbox.run('from host import shout; shout()')\n"
             "    Traceback (most recent call last):\n"
             "        ...\n"
             "    pycage.errors.AccessDenied: access denied (\"RuntimePermission\" \"shout\")");

static PyObject *
core_check_permission(PyObject *Py_UNUSED(module), PyObject *permission)
{
    if (require_permission(permission) < 0) {
        return NULL;
    }
    PyThreadState *thread = PyThreadState_Get();
    walk_result walk;
    PyObject *raw = NULL, *answer = NULL, *result = NULL, *epoch = NULL;
    PyObject *held[INLINE_DOMAINS];
    Py_ssize_t held_count = 0;
    tally_object *newest = NULL; /* of the newest domain, which is whom a record names */

    if (walk_stack(&walk, thread) < 0) {
        return NULL;
    }
    if (walk_is_trivial(&walk)) {
        walk_clear(&walk);
        Py_RETURN_NONE;
    }
    if (walk.host && !core.host_unrestricted && walk_add(&walk, core.host) < 0) {
        goto done;
    }
    /* Every domain that the walk passed, those beyond a limit included, is remembered to imply: so is the chain. */
    epoch = Py_NewRef(core.epoch); /* taken before anything is evaluated: a revoke in between makes the memory void */
    if (walk.context == NULL && walk.count <= INLINE_DOMAINS) {
        for (; held_count < walk.count; held_count++) {
            held[held_count] = Py_NewRef(walk.domains[held_count]); /* __eq__ may run; the frames stay, but be sure */
        }
        Py_ssize_t i = 0;
        for (; i < held_count; i++) {
            tally_object *tally = NULL;
            int known = domain_remembers(held[i], permission, &tally);
            if (known < 0) {
                goto done;
            }
            if (!known) {
                break;
            }
            if (i == 0) {
                newest = tally;
            }
            else {
                Py_DECREF(tally);
            }
        }
        if (i == held_count && epoch == core.epoch) {
            if (newest != NULL) {
                tally_add(newest);
            }
            result = Py_NewRef(Py_None);
            goto done;
        }
    }
    raw = raw_stack(thread);
    if (raw == NULL) {
        goto done;
    }
    PyObject *call[] = {permission, raw};
    answer = PyObject_Vectorcall(core.decide, call, 2, NULL);
    if (answer == NULL) {
        goto done;
    }
    if (PyTuple_CheckExact(answer) && !walk.limited && walk.context == NULL) {
        for (Py_ssize_t i = 0; i < held_count; i++) {
            PyObject *tally = i < PyTuple_GET_SIZE(answer) ? PyTuple_GET_ITEM(answer, i) : NULL;
            if (domain_remember(held[i], permission, epoch, tally) < 0) {
                goto done;
            }
        }
    }
    result = Py_NewRef(Py_None);
done:
    for (Py_ssize_t i = 0; i < held_count; i++) {
        Py_DECREF(held[i]);
    }
    walk_clear(&walk);
    Py_XDECREF(newest);
    Py_XDECREF(epoch);
    Py_XDECREF(answer);
    Py_XDECREF(raw);
    return result;
}

PyDoc_STRVAR(snapshot_doc, "snapshot()\n--\n\n"
                           "Return the raw chain of the running stack, or None if only host code is on it.");

static PyObject *
core_snapshot(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    PyThreadState *thread = PyThreadState_Get();
    walk_result walk;
    if (!core.tagged && top_record == NULL && core.host_unrestricted) {
        Py_RETURN_NONE;
    }
    if (walk_stack(&walk, thread) < 0) {
        return NULL;
    }
    int trivial = walk_is_trivial(&walk);
    walk_clear(&walk);
    if (trivial) {
        Py_RETURN_NONE;
    }
    return raw_stack(thread);
}

static PyObject *
top_domain(int *handed)
{
    PyFrameObject *frame;
    PyThreadState *thread = PyThreadState_Get();
    PyObject *code = top_record == NULL ? newest_code(thread) : NULL;
    if (code != NULL) {
        *handed = 0;
        return domain_of_code(code);
    }
    if (newest_frame(thread, &frame) < 0) {
        PyErr_Clear();
        *handed = 1;
        return NULL;
    }
    *handed = top_record != NULL && top_record->frame == frame;
    if (frame == NULL) {
        return NULL;
    }
    code = (PyObject *)PyFrame_GetCode(frame);
    PyObject *domain = domain_of_code(code);
    Py_DECREF(code);
    Py_DECREF(frame);
    return domain;
}

PyDoc_STRVAR(sandbox_calls_doc, "sandbox_calls()\n--\n\n"
                               "Return whether the code that calls is a sandbox's, or was handed over by one; of the stack only this.");

static PyObject *
core_sandbox_calls(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    int handed = 0;
    if (!core.tagged && top_record == NULL) {
        Py_RETURN_FALSE;
    }
    PyObject *domain = top_domain(&handed);
    return PyBool_FromLong(domain != NULL || handed);
}

PyDoc_STRVAR(stack_doc, "stack(limit, /)\n--\n\n"
                        "Return (domain or None, function, file name, line, privileged) for at most limit frames, newest first.");

static PyObject *
core_stack(PyObject *Py_UNUSED(module), PyObject *argument)
{
    Py_ssize_t limit = PyNumber_AsSsize_t(argument, PyExc_OverflowError);
    if (limit == -1 && PyErr_Occurred()) {
        return NULL;
    }
    PyObject *entries = PyList_New(0);
    record *rec = top_record;
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get()); /* no memory: no entries */
    while (entries != NULL && frame != NULL && PyList_GET_SIZE(entries) < limit) {
        PyCodeObject *code = PyFrame_GetCode(frame);
        PyObject *domain = domain_of_code((PyObject *)code);
        int privileged = 0;
        for (; rec != NULL && rec->frame == frame; rec = rec->previous) {
            privileged |= rec->kind == RECORD_PRIVILEGED;
        }
        PyObject *entry = Py_BuildValue("(OOOiO)", domain != NULL ? domain : Py_None, code->co_qualname,
                                        code->co_filename, PyFrame_GetLineNumber(frame),
                                        privileged ? Py_True : Py_False);
        if (entry == NULL || PyList_Append(entries, entry) < 0) {
            Py_CLEAR(entries);
        }
        Py_XDECREF(entry);
        Py_DECREF(code);
        PyFrameObject *below = PyFrame_GetBack(frame);
        if (below == NULL && PyErr_Occurred()) {
            Py_CLEAR(entries);
        }
        Py_DECREF(frame);
        frame = below;
    }
    Py_XDECREF(frame);
    return entries;
}

/* ---- Privileged calls -------------------------------------------------------------------------------------------- */

/* New reference in *result: NULL for "no limit", else an exact tuple of permissions.  -1 on error. */
static int
read_limit(PyObject *limit, PyObject **result)
{
    *result = NULL;
    if (limit == NULL || limit == Py_None) {
        return 0;
    }
    PyObject *permissions = PySequence_Tuple(limit);
    if (permissions == NULL) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(permissions); i++) {
        PyObject *permission = PyTuple_GET_ITEM(permissions, i);
        if (require_permission(permission) < 0) {
            Py_DECREF(permissions);
            return -1;
        }
        if ((PyObject *)Py_TYPE(permission) == core.all_permission) {
            Py_DECREF(permissions); /* a limit of AllPermission is no limit (as java.security.AccessController has it) */
            return 0;
        }
    }
    *result = permissions;
    return 0;
}

static int
require_context(PyObject *context)
{
    if ((PyObject *)Py_TYPE(context) != core.context_type) {
        PyErr_Format(PyExc_TypeError, "context must be an AccessControlContext from get_context(), got %.100s",
                     Py_TYPE(context)->tp_name);
        return -1;
    }
    return 0;
}

PyDoc_STRVAR(call_privileged_doc, "call_privileged(action, args, kwargs, context, limit, /)\n--\n\n"
                                  "Call action(*args, **kwargs); the walk of a check inside ends after the calling frame.");

static PyObject *
privileged_call(PyObject *action, PyObject *const *arguments, size_t count, PyObject *keywords, PyObject *args,
                PyObject *kwargs, PyObject *context, PyObject *limit)
{
    PyObject *permissions = NULL, *result = NULL;
    if (context == Py_None) {
        context = NULL;
    }
    if ((context != NULL && require_context(context) < 0) || read_limit(limit, &permissions) < 0) {
        return NULL;
    }
    record rec = {.previous = top_record, .context = context, .limit = permissions, .kind = RECORD_PRIVILEGED};
    if (newest_frame(PyThreadState_Get(), &rec.frame) < 0) {
        Py_XDECREF(permissions);
        return NULL;
    }
    if (rec.frame == NULL) { /* an empty stack has nothing to lend, but a context still binds */
        rec.kind = RECORD_BOUND;
        rec.limit = NULL;
    }
    top_record = &rec;
    result = args != NULL ? PyObject_Call(action, args, kwargs)
                          : PyObject_Vectorcall(action, arguments, count, keywords);
    top_record = rec.previous;
    Py_XDECREF(rec.frame);
    Py_XDECREF(permissions);
    return result;
}

static PyObject *
core_call_privileged(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 5 || !PyTuple_CheckExact(arguments[1]) || !PyDict_CheckExact(arguments[2])) {
        PyErr_SetString(PyExc_TypeError, "call_privileged(action, args, kwargs, context, limit)");
        return NULL;
    }
    return privileged_call(arguments[0], NULL, 0, NULL, arguments[1], arguments[2], arguments[3], arguments[4]);
}

PyDoc_STRVAR(do_privileged_doc,
             "do_privileged(action, /, *args, context=None, limit=None)\n--\n\n"
             "Call action(*args) with the privileges of the calling code.\n\n"
             "A check inside consults everything down to the frame that made this call, that frame's own domain\n"
             "included, and nothing below it.  So code lends its own permissions to those who called it and can never\n"
             "raise its own.\n\n"
             "Args:\n"
             "    action: What to call.\n"
             "    context: An AccessControlContext whose domains must agree as well.\n"
             "    limit: Permissions for which the walk ends here, judged one by one; any other request goes on to the\n"
             "        older callers.  None: no limit.  An empty sequence: no privilege.\n\n"
             "Returns:\n"
             "    What action returns; its exceptions pass unchanged.\n\n"
             "Source: java.security.AccessController.doPrivileged (Java SE 17).\n\n"
             "Example:\n"
             "    >>> held = pycage.EnvPermission('LANG', 'read')\n"
             "    >>> def language():\n"
             "    ...     pycage.do_privileged(pycage.check_permission, held, limit=[held])\n"
             "    ...     return 'fr'\n"
             "    >>> with pycage.Sandbox('lent_to') as sandbox:\n"
             "    ...     sandbox.expose('language', language)\n"
             "    ...     sandbox.run('from host import language; language()').value\n"
             "    'fr'");

static PyObject *
core_do_privileged(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count, PyObject *keywords)
{
    PyObject *context = NULL, *limit = NULL;
    if (count < 1) {
        PyErr_SetString(PyExc_TypeError, "do_privileged() needs the action to call as its first argument");
        return NULL;
    }
    for (Py_ssize_t i = 0; keywords != NULL && i < PyTuple_GET_SIZE(keywords); i++) {
        PyObject *name = PyTuple_GET_ITEM(keywords, i);
        if (PyUnicode_CompareWithASCIIString(name, "context") == 0) {
            context = arguments[count + i];
        }
        else if (PyUnicode_CompareWithASCIIString(name, "limit") == 0) {
            limit = arguments[count + i];
        }
        else {
            PyErr_Format(PyExc_TypeError, "do_privileged() takes the keywords context and limit, not %R; "
                                          "use functools.partial for keywords of the action", name);
            return NULL;
        }
    }
    return privileged_call(arguments[0], arguments + 1, (size_t)(count - 1), NULL, NULL, NULL, context, limit);
}

/* ---- Calls bound to a context ------------------------------------------------------------------------------------ */

static int
bound_call_traverse(bound_call_object *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->context);
    Py_VISIT(self->callable);
    return 0;
}

static int
bound_call_clear(bound_call_object *self)
{
    /* The context stays until the object dies: cleared together with the callable, a cycle could call without it. */
    Py_CLEAR(self->callable);
    return 0;
}

static void
bound_call_dealloc(bound_call_object *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, bound_call_dealloc) /* bound calls of bound calls, a million deep */
    Py_CLEAR(self->callable);
    Py_CLEAR(self->context);
    type->tp_free(self);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

static PyObject *
bound_call_call(bound_call_object *self, PyObject *const *arguments, size_t count, PyObject *keywords)
{
    if (self->callable == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "this bound call is being destroyed");
        return NULL;
    }
    PyObject *callable = Py_NewRef(self->callable), *context = Py_NewRef(self->context);
    record rec = {.previous = top_record, .context = context, .kind = RECORD_BOUND};
    if (newest_frame(PyThreadState_Get(), &rec.frame) < 0) {
        Py_DECREF(callable);
        Py_DECREF(context);
        return NULL;
    }
    /* What is bound can lead to another bound call, and so on: all of it C, which nobody else counts. */
    PyObject *result = NULL;
    if (Py_EnterRecursiveCall(" in a bound call") == 0) {
        top_record = &rec;
        result = PyObject_Vectorcall(callable, arguments, count, keywords);
        top_record = rec.previous;
        Py_LeaveRecursiveCall();
    }
    Py_XDECREF(rec.frame);
    Py_DECREF(callable);
    Py_DECREF(context);
    return result;
}

PyDoc_STRVAR(bind_doc, "bind(context, callable, /)\n--\n\n"
                       "Return a callable that calls callable with context added to whatever stack it runs on.");

static PyObject *
core_bind(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "bind(context, callable)");
        return NULL;
    }
    if (require_context(arguments[0]) < 0) {
        return NULL;
    }
    if (!PyCallable_Check(arguments[1])) {
        PyErr_Format(PyExc_TypeError, "bind() needs something to call, got %.100s", Py_TYPE(arguments[1])->tp_name);
        return NULL;
    }
    bound_call_object *self = PyObject_GC_New(bound_call_object, core.bound_call_type);
    if (self == NULL) {
        return NULL;
    }
    self->vectorcall = (vectorcallfunc)bound_call_call;
    self->context = Py_NewRef(arguments[0]);
    self->callable = Py_NewRef(arguments[1]);
    PyObject_GC_Track(self);
    return (PyObject *)self;
}

static PyMemberDef bound_call_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(bound_call_object, vectorcall), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot bound_call_slots[] = {
    {Py_tp_doc, "A callable tied to an AccessControlContext; shows nothing of either."},
    {Py_tp_traverse, bound_call_traverse},
    {Py_tp_clear, bound_call_clear},
    {Py_tp_dealloc, bound_call_dealloc},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_members, bound_call_members},
    {0, NULL},
};

static PyType_Spec bound_call_spec = {
    .name = "pycage._core.BoundCall",
    .basicsize = sizeof(bound_call_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION |
             Py_TPFLAGS_IMMUTABLETYPE,
    .slots = bound_call_slots,
};

#include "_core_handoff.h"

/* ---- Domains and tags -------------------------------------------------------------------------------------------- */

static int
domain_traverse(domain_object *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->allowed);
    return 0;
}

static int
domain_clear(domain_object *self)
{
    Py_CLEAR(self->allowed);
    return 0;
}

static void
domain_dealloc(domain_object *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_CLEAR(self->allowed);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMemberDef domain_members[] = {
    {"recording", T_BOOL, offsetof(domain_object, recording), 0, "Ask Python every time, so that it can record."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot domain_slots[] = {
    {Py_tp_doc, "Base of ProtectionDomain: what code objects are tagged with."},
    {Py_tp_traverse, domain_traverse},
    {Py_tp_clear, domain_clear},
    {Py_tp_dealloc, domain_dealloc},
    {Py_tp_members, domain_members},
    {0, NULL},
};

static PyType_Spec domain_spec = {
    .name = "pycage._core.Domain",
    .basicsize = sizeof(domain_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = domain_slots,
};

/* ---- Tallies ----------------------------------------------------------------------------------------------------- */

static void
tally_dealloc(tally_object *self)
{
    PyTypeObject *type = Py_TYPE(self);
    Py_CLEAR(self->epoch);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *
tally_make(PyTypeObject *Py_UNUSED(type), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"domain", NULL};
    PyObject *domain;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!:Tally", names, core.domain_type, &domain)) {
        return NULL;
    }
    return (PyObject *)tally_new(domain);
}

PyDoc_STRVAR(tally_add_doc, "add($self, /)\n--\n\nCount one answer given now.");

static PyObject *
tally_add_one(tally_object *self, PyObject *Py_UNUSED(ignored))
{
    tally_add(self);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(tally_retire_doc, "retire($self, /)\n--\n\nForget the answer, so that nothing is counted here any more.");

static PyObject *
tally_retire(tally_object *self, PyObject *Py_UNUSED(ignored))
{
    Py_CLEAR(self->epoch);
    Py_RETURN_NONE;
}

static PyMethodDef tally_methods[] = {
    {"add", (PyCFunction)tally_add_one, METH_NOARGS, tally_add_doc},
    {"retire", (PyCFunction)tally_retire, METH_NOARGS, tally_retire_doc},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef tally_members[] = {
    {"count", T_ULONGLONG, offsetof(tally_object, count), READONLY, "How often."},
    {"last", T_DOUBLE, offsetof(tally_object, last), READONLY, "When last, in seconds since 1970."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot tally_slots[] = {
    {Py_tp_doc, "How often a domain was found to have a permission; also the memory of the answer."},
    {Py_tp_new, tally_make},
    {Py_tp_dealloc, tally_dealloc},
    {Py_tp_methods, tally_methods},
    {Py_tp_members, tally_members},
    {0, NULL},
};

static PyType_Spec tally_spec = {
    .name = "pycage._core.Tally",
    .basicsize = sizeof(tally_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = tally_slots,
};

static void
free_tag(void *domain)
{
    Py_XDECREF((PyObject *)domain);
}

/* Calls itself for nested code; `check` only looks whether any of it belongs to another domain. */
static int
tag_nested(PyObject *code, PyObject *domain, int check)
{
    PyObject *owner = domain_of_code(code);
    if (owner != NULL && owner != domain) {
        PyErr_SetString(PyExc_ValueError, "this code belongs to another domain already");
        return -1;
    }
    if (!check && owner == NULL) {
        if (code_set_extra(code, core.extra_index, Py_NewRef(domain)) < 0) {
            Py_DECREF(domain);
            return -1;
        }
        core.tagged = 1;
    }
    PyObject *constants = PyObject_GetAttrString(code, "co_consts");
    if (constants == NULL || Py_EnterRecursiveCall(" while tagging nested code")) {
        Py_XDECREF(constants);
        return -1;
    }
    int result = 0;
    for (Py_ssize_t i = 0; result == 0 && i < PyTuple_GET_SIZE(constants); i++) {
        PyObject *constant = PyTuple_GET_ITEM(constants, i);
        if (PyCode_Check(constant)) {
            result = tag_nested(constant, domain, check);
        }
    }
    Py_LeaveRecursiveCall();
    Py_DECREF(constants);
    return result;
}

/* Tags `code` and all code nested in it, or nothing: code of another domain is an error, identity never changes. */
static int
tag_code(PyObject *code, PyObject *domain)
{
    return tag_nested(code, domain, 1) < 0 ? -1 : tag_nested(code, domain, 0);
}

PyDoc_STRVAR(tag_doc, "tag(code, domain, /)\n--\n\n"
                      "Make code, and all code nested in it, the code of domain.  Code of another domain: ValueError.");

static PyObject *
core_tag(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2 || !PyCode_Check(arguments[0]) || !PyObject_TypeCheck(arguments[1], core.domain_type)) {
        PyErr_SetString(PyExc_TypeError, "tag(code, domain) needs a code object and a Domain");
        return NULL;
    }
    if (tag_code(arguments[0], arguments[1]) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(code_domain_doc, "code_domain(code, /)\n--\n\nReturn the domain of a code object, or None for host code.");

static PyObject *
core_code_domain(PyObject *Py_UNUSED(module), PyObject *code)
{
    if (!PyCode_Check(code)) {
        PyErr_Format(PyExc_TypeError, "code_domain() needs a code object, got %.100s", Py_TYPE(code)->tp_name);
        return NULL;
    }
    PyObject *domain = domain_of_code(code);
    return Py_NewRef(domain != NULL ? domain : Py_None);
}

PyDoc_STRVAR(seal_doc, "seal(type, /)\n--\n\n"
                       "Make a class impossible to derive from, and return it; typing.final only tells type checkers.");

static PyObject *
core_seal(PyObject *Py_UNUSED(module), PyObject *type)
{
    if (!PyType_Check(type) || !PyType_HasFeature((PyTypeObject *)type, Py_TPFLAGS_HEAPTYPE)) {
        PyErr_SetString(PyExc_TypeError, "seal() needs a class");
        return NULL;
    }
    /* Not __init_subclass__: a base that stands first and does not call super() would bypass it. */
    ((PyTypeObject *)type)->tp_flags &= ~Py_TPFLAGS_BASETYPE;
    PyType_Modified((PyTypeObject *)type);
    return Py_NewRef(type);
}

/* ---- Set-up ------------------------------------------------------------------------------------------------------ */

PyDoc_STRVAR(advance_epoch_doc, "advance_epoch()\n--\n\nForget every remembered answer: a policy has changed.");

static PyObject *
core_advance_epoch(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    PyObject *fresh = PyObject_CallNoArgs((PyObject *)&PyBaseObject_Type);
    if (fresh == NULL) {
        return NULL;
    }
    Py_SETREF(core.epoch, fresh);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(set_host_unrestricted_doc, "set_host_unrestricted(value, /)\n--\n\n"
                                        "Say whether host code has AllPermission, so that it need not be asked.");

static PyObject *
core_set_host_unrestricted(PyObject *Py_UNUSED(module), PyObject *value)
{
    int truth = PyObject_IsTrue(value);
    if (truth < 0) {
        return NULL;
    }
    core.host_unrestricted = truth;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(configure_doc,
             "configure(*, events, decide, decide_event, host, nobody, permission_types, all_permission, context_type,\n"
             "          find_and_load)\n--\n\n"
             "Give the core what it needs to ask.  Once per process; changes nothing until activate().");

static PyObject *
core_configure(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"events", "decide", "decide_event", "host", "nobody", "permission_types", "all_permission",
                            "context_type", "find_and_load", NULL};
    PyObject *events, *decide, *decide_event, *host, *nobody, *types, *all, *context, *find;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "$O!OOO!O!O!OOO!:configure", names, &PyDict_Type, &events, &decide,
                                     &decide_event, core.domain_type, &host, core.domain_type, &nobody, &PyDict_Type,
                                     &types, &all, &context, &PyCode_Type, &find)) {
        return NULL;
    }
    if (core.decide != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "pycage's core is configured already; there is one manager per process");
        return NULL;
    }
    if (event_table_set(events) < 0) {
        return NULL;
    }
    core.decide = Py_NewRef(decide);
    core.decide_event = Py_NewRef(decide_event);
    core.host = Py_NewRef(host);
    core.nobody = Py_NewRef(nobody);
    core.permission_types = Py_NewRef(types); /* live: types that the host registers later are seen */
    core.all_permission = Py_NewRef(all);
    core.context_type = Py_NewRef(context);
    core.find_and_load = Py_NewRef(find);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(activate_doc, "activate(*, allow_subinterpreters)\n--\n\n"
                           "Install the audit hook (once) and start asking.  There is no way back.");

static PyObject *
core_activate(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"allow_subinterpreters", NULL};
    int allow;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "$p:activate", names, &allow)) {
        return NULL;
    }
    if (core.decide == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "configure() comes before activate()");
        return NULL;
    }
    if (!core.active) {
        core.main_thread = PyThread_get_thread_ident();
        /* Raises sys.addaudithook to hooks that are there already; one of them may refuse. */
        if (PySys_AddAuditHook(audit_hook, NULL) < 0) {
            if (!PyErr_Occurred()) {
                PyErr_SetString(PyExc_RuntimeError, "another audit hook of this process refused pycage's hook");
            }
            return NULL;
        }
        core.active = 1;
    }
    core.allow_subinterpreters = allow;
    Py_RETURN_NONE;
}

static PyMethodDef core_methods[] = {
    {"activate", (PyCFunction)(void (*)(void))core_activate, METH_VARARGS | METH_KEYWORDS, activate_doc},
    {"advance_epoch", core_advance_epoch, METH_NOARGS, advance_epoch_doc},
    {"bind", (PyCFunction)(void (*)(void))core_bind, METH_FASTCALL, bind_doc},
    {"call_privileged", (PyCFunction)(void (*)(void))core_call_privileged, METH_FASTCALL, call_privileged_doc},
    {"check_permission", core_check_permission, METH_O, check_permission_doc},
    {"code_domain", core_code_domain, METH_O, code_domain_doc},
    {"configure", (PyCFunction)(void (*)(void))core_configure, METH_VARARGS | METH_KEYWORDS, configure_doc},
    {"do_privileged", (PyCFunction)(void (*)(void))core_do_privileged, METH_FASTCALL | METH_KEYWORDS, do_privileged_doc},
    {"function_domain", core_function_domain, METH_O, function_domain_doc},
    {"hand_off", (PyCFunction)(void (*)(void))core_hand_off, METH_VARARGS | METH_KEYWORDS, hand_off_doc},
    {"pass_steps", core_pass_steps, METH_VARARGS, pass_steps_doc},
    {"replace_method", core_replace_method, METH_VARARGS, replace_method_doc},
    {"open_without_links", core_open_without_links, METH_VARARGS, open_without_links_doc},
    {"sandbox_calls", core_sandbox_calls, METH_NOARGS, sandbox_calls_doc},
    {"seal", core_seal, METH_O, seal_doc},
    {"set_host_unrestricted", core_set_host_unrestricted, METH_O, set_host_unrestricted_doc},
    {"snapshot", core_snapshot, METH_NOARGS, snapshot_doc},
    {"stack", core_stack, METH_O, stack_doc},
    {"tag", (PyCFunction)(void (*)(void))core_tag, METH_FASTCALL, tag_doc},
    {NULL, NULL, 0, NULL},
};

static PyObject *
domain_of_any_code(PyObject *code)
{
    return domain_of_code(code);
}

static core_api api = {.domain_of_code = domain_of_any_code, .top_domain = top_domain};

static int
core_exec(PyObject *module)
{
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
        PyErr_SetString(PyExc_ImportError, "pycage works in the main interpreter only");
        return -1;
    }
    if (core.interpreter == NULL) {
        core.interpreter = PyInterpreterState_Main();
        core.host_unrestricted = 1;
        core.extra_index = request_extra_index(free_tag);
        if (core.extra_index < 0) {
            PyErr_SetString(PyExc_ImportError, "no slot for tags is left on code objects: too many tools use them");
            return -1;
        }
        core.domain_type = (PyTypeObject *)PyType_FromSpec(&domain_spec);
        core.bound_call_type = (PyTypeObject *)PyType_FromSpec(&bound_call_spec);
        for (int i = 0; i < 2; i++) {
            core.hand_off_types[i] = (PyTypeObject *)PyType_FromSpec(&hand_off_specs[i]);
            if (core.hand_off_types[i] == NULL) {
                return -1;
            }
        }
        core.tally_type = (PyTypeObject *)PyType_FromSpec(&tally_spec);
        core.epoch = PyObject_CallNoArgs((PyObject *)&PyBaseObject_Type);
        if (core.domain_type == NULL || core.bound_call_type == NULL || core.tally_type == NULL || core.epoch == NULL) {
            return -1;
        }
    }
    api.bound_call_type = core.bound_call_type;
    PyObject *capsule = PyCapsule_New(&api, CORE_CAPSULE, NULL);
    if (capsule == NULL || PyModule_AddObject(module, "_capsule", capsule) < 0) {
        Py_XDECREF(capsule);
        return -1;
    }
    if (PyModule_AddObjectRef(module, "Tally", (PyObject *)core.tally_type) < 0) {
        return -1;
    }
    return PyModule_AddObjectRef(module, "Domain", (PyObject *)core.domain_type);
}

static PyModuleDef_Slot core_slots[] = {
    {Py_mod_exec, core_exec},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
    {0, NULL},
};

static struct PyModuleDef core_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "pycage._core",
    .m_doc = "Who is on the stack, and the audit hook that asks.  Not for use outside pycage.",
    .m_methods = core_methods,
    .m_slots = core_slots,
};

PyMODINIT_FUNC
PyInit__core(void)
{
    return PyModuleDef_Init(&core_module);
}
