/* The stack as Python sees it: raw snapshots, which contexts are made of, and its entries for explanations. */

#include "core.h"

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

/* All segments of the running thread's stack, from the newest frame.  Returns as raw_segment() does. */
PyObject *
raw_stack(PyThreadState *thread)
{
    PyFrameObject *frame;
    return newest_frame(thread, &frame) < 0 ? NULL : raw_segment(frame, top_record);
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

PyMethodDef snapshot_functions[] = {
    {"sandbox_calls", core_sandbox_calls, METH_NOARGS, sandbox_calls_doc},
    {"snapshot", core_snapshot, METH_NOARGS, snapshot_doc},
    {"stack", core_stack, METH_O, stack_doc},
    {NULL, NULL, 0, NULL},
};
