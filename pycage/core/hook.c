/* The audit hook, and the table of the events that it asks about. */

#include "core.h"

#include <stdint.h>
#include <stdlib.h>

/* ---- Event table ------------------------------------------------------------------------------------------------- */

enum event_kind { KIND_DROP = 0, KIND_CHECK = 1, KIND_IMPORT = 2, KIND_EXEC = 3, KIND_UNKNOWN = 4 };

typedef struct {
    char *name;
    uint32_t hash;
    int kind;
} event_row;

static event_row *events;
static size_t event_slots; /* a power of two; 0: no table yet */

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
    if (event_slots == 0) {
        return KIND_UNKNOWN;
    }
    uint32_t hash = event_hash(name);
    for (size_t i = hash & (event_slots - 1); events[i].name != NULL; i = (i + 1) & (event_slots - 1)) {
        if (events[i].hash == hash && strcmp(events[i].name, name) == 0) {
            return events[i].kind;
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
int
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
    event_table_free(events, event_slots);
    events = rows;
    event_slots = slots;
    return 0;
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

/* Called by the interpreter for every event of every interpreter; -1 refuses the act. */
int
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
