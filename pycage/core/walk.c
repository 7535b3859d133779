/* The walk: whose code is on the stack, from the newest frame to where privilege ends it. */

#include "core.h"
#include "look.h"

_Thread_local record *top_record;

/* Adds a domain that is not there yet; -1: no memory.  Runs no Python code, as all of this file. */
int
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

/* One that the next call takes, for speed; the GIL guards it. */
static record *spare;

static void
give_back(record *rec)
{
    PyMem_Free(spare);
    spare = rec;
}

/* The record of a call that begins, in force from now on; NULL with an exception.  `context` and `limit` are borrowed. */
record *
enter_record(enum record_kind kind, PyObject *context, PyObject *limit)
{
    record *rec = spare != NULL ? spare : PyMem_Malloc(sizeof(record));
    if (rec == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    spare = NULL;
    *rec = (record){.previous = top_record, .context = context, .limit = limit, .kind = kind};
    if (newest_frame(PyThreadState_Get(), &rec->frame) < 0) {
        give_back(rec);
        return NULL;
    }
    if (rec->frame == NULL) { /* an empty stack has nothing to lend, but a context still binds */
        rec->kind = RECORD_BOUND;
        rec->limit = NULL;
    }
    if (top_record != NULL) {
        top_record->next = rec;
    }
    return top_record = rec;
}

/* Its call has ended: mostly the newest record, but not where stacks were switched. */
void
leave_record(record *rec)
{
    PyFrameObject *frame = rec->frame;
    if (rec->next != NULL) {
        rec->next->previous = rec->previous;
    }
    else {
        top_record = rec->previous;
    }
    if (rec->previous != NULL) {
        rec->previous->next = rec->next;
    }
    give_back(rec);
    Py_XDECREF(frame);
}

/* Walks from `frame` (stolen; may be NULL) down, with `rec` as the newest record that can still match.
 *
 * `to_limit` NULL: limited frames are passed over.  Otherwise the walk ends at the first limited frame and stores it
 * (owned) and its record there.  Returns -1 with an exception set when memory ran out. */
int
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
     * of frames that are not on this stack (somebody switched stacks), and those from before, lend nothing, but their
     * contexts still bind. */
    for (; rec != NULL; rec = rec->previous) {
        if (walk_add_context(walk, rec->context) < 0) {
            result = -1;
            break;
        }
    }
done:
    Py_XDECREF(frame);
    return result;
}

/* The flat walk of the running thread.  An empty stack without a context is nobody, once sandboxes exist. */
int
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

/* See _core.h. */
PyObject *
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
