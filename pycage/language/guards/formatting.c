/* Formatting: templates read attributes, "{0.__globals__}", so those with look-ups are formatted by formatting.py. */

#include "guards.h"

/* Whether a template has a replacement field with a look-up.  Every "{" counts, escaped or nested, and its name ends at
 * "!", ":" or a brace; this finds more than there are, never less. */
static int
has_lookup(PyObject *template)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(template);
    int form = PyUnicode_KIND(template);
    const void *data = PyUnicode_DATA(template);
    int in_name = 0;
    for (Py_ssize_t i = 0; i < length; i++) {
        switch (PyUnicode_READ(form, data, i)) {
        case '{':
            in_name = 1;
            break;
        case '}': case ':': case '!':
            in_name = 0;
            break;
        case '.': case '[':
            if (in_name) {
                return 1;
            }
            break;
        }
    }
    return 0;
}

/* template.format(*args, **kwargs) or template.format_map(mapping), with look-ups judged. */
static PyObject *
format_safely(GuardSet *self, PyObject *template, PyObject *args, PyObject *kwargs, int map)
{
    if (map && (PyTuple_GET_SIZE(args) != 1 || (kwargs != NULL && PyDict_GET_SIZE(kwargs) > 0))) {
        PyErr_SetString(PyExc_TypeError, "str.format_map() takes exactly one argument");
        return NULL;
    }
    PyObject *result = NULL;
    if (!has_lookup(template)) {
        Py_ssize_t count = PyTuple_GET_SIZE(args);
        PyObject *all = PyTuple_New(count + 1);
        if (all == NULL) {
            return NULL;
        }
        PyTuple_SET_ITEM(all, 0, Py_NewRef(template));
        for (Py_ssize_t i = 0; i < count; i++) {
            PyTuple_SET_ITEM(all, i + 1, Py_NewRef(PyTuple_GET_ITEM(args, i)));
        }
        result = PyObject_Call(map ? str_format_map : str_format, all, kwargs);
        Py_DECREF(all);
        return result;
    }
    if (slow_format == NULL) {
        return deny(self, "format", NULL, template);
    }
    PyObject *getter = PyObject_GetAttrString((PyObject *)self, "getattr");
    if (getter == NULL) {
        return NULL;
    }
    if (map) {
        result = PyObject_CallFunctionObjArgs(slow_format, template, Py_None, PyTuple_GET_ITEM(args, 0), getter, NULL);
    } else {
        result = PyObject_CallFunctionObjArgs(slow_format, template, args, kwargs == NULL ? Py_None : kwargs, getter,
                                              NULL);
    }
    Py_DECREF(getter);
    return result;
}

/* Called with (guards, template, is_map) or, taken from the class, (guards, None, is_map). */
static PyObject *
formatter_call(PyObject *bound, PyObject *args, PyObject *kwargs)
{
    GuardSet *self = (GuardSet *)PyTuple_GET_ITEM(bound, 0);
    PyObject *template = PyTuple_GET_ITEM(bound, 1);
    int map = PyTuple_GET_ITEM(bound, 2) == Py_True;
    if (template != Py_None) {
        return format_safely(self, template, args, kwargs, map);
    }
    if (PyTuple_GET_SIZE(args) < 1 || !PyUnicode_Check(PyTuple_GET_ITEM(args, 0))) {
        PyErr_SetString(PyExc_TypeError, "descriptor 'format' requires a 'str' object");
        return NULL;
    }
    PyObject *rest = PyTuple_GetSlice(args, 1, PyTuple_GET_SIZE(args));
    if (rest == NULL) {
        return NULL;
    }
    PyObject *result = format_safely(self, PyTuple_GET_ITEM(args, 0), rest, kwargs, map);
    Py_DECREF(rest);
    return result;
}

static PyMethodDef formatter_def = {
    "format", (PyCFunction)(void (*)(void))formatter_call, METH_VARARGS | METH_KEYWORDS, NULL};

/* Steals the value that "format" or "format_map" led to; str's own become the judged ones. */
PyObject *
safe_formatter(GuardSet *self, PyObject *value, PyObject *name)
{
    PyObject *template;
    if (PyCFunction_Check(value)) {
        template = PyCFunction_GET_SELF(value);
        if (template == NULL || !PyUnicode_Check(template)) {
            return value;
        }
    } else if (value == str_format || value == str_format_map) {
        template = Py_None;
    } else {
        return value;
    }
    int map = PyUnicode_Compare(name, name_format_map) == 0;
    PyObject *bound = PyTuple_Pack(3, self, template, map ? Py_True : Py_False);
    Py_DECREF(value);
    if (bound == NULL) {
        return NULL;
    }
    PyObject *formatter = PyCFunction_New(&formatter_def, bound);
    Py_DECREF(bound);
    return formatter;
}

DOC(format_doc, "format(object, /, *args, **kwargs): object.format(*args, **kwargs), look-ups judged.");

PyObject *
guards_format(GuardSet *self, PyObject *const *args, Py_ssize_t count, PyObject *kwnames)
{
    if (count < 1) {
        PyErr_SetString(PyExc_TypeError, "format expected an object");
        return NULL;
    }
    if (self->denied != NULL && PyUnicode_CheckExact(args[0]) && !has_lookup(args[0])) {
        return PyObject_Vectorcall(str_format, args, (size_t)count, kwnames);
    }
    PyObject *method = read_through(self, args[0], name_format, NULL, NULL, NULL);
    if (method == NULL) {
        return NULL;
    }
    PyObject *result = PyObject_Vectorcall(method, args + 1, (size_t)(count - 1), kwnames);
    Py_DECREF(method);
    return result;
}
