/* Exact names: dictionaries whose keys are exactly str, so that looking one up runs no code of a guest. */

#include "guards.h"

/* Whether every key is exactly str.  Runs no code. */
int
has_exact_names(PyObject *dict)
{
    PyObject *key, *value;
    Py_ssize_t position = 0;
    while (PyDict_Next(dict, &position, &key, &value)) {
        if (!PyUnicode_CheckExact(key)) {
            return 0;
        }
    }
    return 1;
}

/* New dictionary with the same items, whose keys are exactly str: looking one up runs no code. */
PyObject *
exact_names(PyObject *dict)
{
    PyObject *copy = PyDict_Copy(dict);
    if (copy == NULL || has_exact_names(copy)) {
        return copy;
    }
    PyObject *items = PyDict_Items(copy);
    Py_SETREF(copy, items == NULL ? NULL : PyDict_New());
    for (Py_ssize_t i = 0; copy != NULL && i < PyList_GET_SIZE(items); i++) {
        PyObject *name = PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 0);
        PyObject *exact = PyUnicode_Check(name) ? PyUnicode_FromObject(name) : NULL;
        if (exact == NULL && !PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "names must be strings");
        }
        if (exact == NULL || PyDict_SetItem(copy, exact, PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 1)) < 0) {
            Py_CLEAR(copy);
        }
        Py_XDECREF(exact);
    }
    Py_XDECREF(items);
    return copy;
}
