/* A quick look at the stack, for the commonest answer.
 *
 * Problem.  Nearly every stack holds host code only, and hosts should not pay for sandboxes that are not on it.  The
 * walk, which is written against the public API, makes an object of every frame and releases it again.
 *
 * Idea.  Read the interpreter's own frames, whose layout comes from the headers of the Python that pycage is built for.
 * The look has two answers only, "host code and nothing else" and "walk": whatever is unusual is left to the walk, and a
 * Python whose frames are not known here always walks. */
#ifndef PYCAGE_CORE_LOOK_H
#define PYCAGE_CORE_LOOK_H

#if PY_VERSION_HEX < 0x030E0000
#define Py_BUILD_CORE 1
#include <internal/pycore_frame.h>
#undef Py_BUILD_CORE

#if PY_VERSION_HEX >= 0x030D0000
#define newest_inner_frame(thread) ((thread)->current_frame)
#define code_of_inner_frame(frame) _PyFrame_GetCode(frame)
#else
#define newest_inner_frame(thread) ((thread)->cframe->current_frame)
#define code_of_inner_frame(frame) ((frame)->f_code)
#endif

/* Borrowed: the code of the newest frame; NULL: there is none, or it cannot be told here. */
static inline PyObject *
newest_code(PyThreadState *thread)
{
    _PyInterpreterFrame *frame = newest_inner_frame(thread);
    while (frame != NULL && _PyFrame_IsIncomplete(frame)) {
        frame = frame->previous;
    }
    return frame == NULL ? NULL : (PyObject *)code_of_inner_frame(frame);
}

/* Whether there are frames, and all of them are of host code.  Incomplete frames do not count, as for the public API:
 * they are of calls that have not begun, and of C. */
static inline int
only_host_code(PyThreadState *thread)
{
    int found = 0;
    for (_PyInterpreterFrame *frame = newest_inner_frame(thread); frame != NULL; frame = frame->previous) {
        if (_PyFrame_IsIncomplete(frame)) {
            continue;
        }
        PyCodeObject *code = code_of_inner_frame(frame);
        if (code->co_extra != NULL && domain_of_code((PyObject *)code) != NULL) {
            return 0;
        }
        found = 1;
    }
    return found;
}

#else

static inline PyObject *
newest_code(PyThreadState *Py_UNUSED(thread))
{
    return NULL;
}

static inline int
only_host_code(PyThreadState *Py_UNUSED(thread))
{
    return 0;
}

#endif
#endif
