/* What the core offers other extension modules of pycage, as a capsule. */

#ifndef PYCAGE_CORE_H
#define PYCAGE_CORE_H

#include <Python.h>

#define CORE_CAPSULE "pycage._core._capsule"

typedef struct {
    /* Borrowed: the domain of a code object, NULL for host code.  Cannot fail. */
    PyObject *(*domain_of_code)(PyObject *code);
    /* Borrowed: the domain of the newest frame, NULL for host code.  *handed is set if that frame is not who calls: it is
     * a call with a context of its own (a thread's function, do_privileged), or there was no memory to look. */
    PyObject *(*top_domain)(int *handed);
    PyTypeObject *bound_call_type;
} core_api;

#endif
