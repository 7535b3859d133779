/* What a class pattern matches against, and what an except clause catches. */

#include "guards.h"

#include <frameobject.h>

/* New reference to the value of a name in the class's dictionaries, without descriptors and without running code. */
static PyObject *
raw_lookup(PyTypeObject *type, PyObject *name)
{
    PyObject *mro = type->tp_mro;
    for (Py_ssize_t i = 0; mro != NULL && i < PyTuple_GET_SIZE(mro); i++) {
        PyObject *dict = type_dict((PyTypeObject *)PyTuple_GET_ITEM(mro, i));
        PyObject *value = dict == NULL ? NULL : Py_XNewRef(PyDict_GetItemWithError(dict, name));
        Py_XDECREF(dict);
        if (value != NULL || PyErr_Occurred()) {
            return value;
        }
    }
    return NULL;
}

/* isinstance(object, stand-in) asks the class it stands for. */
static PyObject *
pattern_instancecheck(PyObject *cls, PyObject *object)
{
    int result = PyObject_IsInstance(object, cls);
    return result < 0 ? NULL : PyBool_FromLong(result);
}

static PyMethodDef pattern_instancecheck_def = {"__instancecheck__", pattern_instancecheck, METH_O, NULL};

/* New reference: a class with these match args (or none, and the base's idea of them) and a metaclass of its own, where
 * __instancecheck__ is a function that is bound already.  That takes a third of the time of a method. */
static PyObject *
stand_in_new(PyTypeObject *cls, PyObject *names, PyObject *base)
{
    PyObject *check = PyCFunction_New(&pattern_instancecheck_def, (PyObject *)cls);
    PyObject *meta = check == NULL ? NULL : PyObject_CallFunction((PyObject *)&PyType_Type, "s(O){sN}", "Pattern",
                                                                  (PyObject *)&PyType_Type, "__instancecheck__", check);
    PyObject *namespace = meta == NULL ? NULL : PyDict_New(), *result = NULL;
    if (namespace != NULL && (names == NULL || PyDict_SetItem(namespace, name_match_args, names) == 0)) {
        result = PyObject_CallFunction(meta, "s(O)O", cls->tp_name, base, namespace);
    }
    Py_XDECREF(meta);
    Py_XDECREF(namespace);
    return result;
}

DOC(pattern_doc, "pattern(class, /): what a class pattern with positional sub-patterns may match against.");

/* `case C(a, b)` reads the attributes that C.__match_args__ names, by getattr, whatever their names.  __match_args__ is
 * the guest's: any strings, from any descriptor or metaclass, and isinstance() runs guest code between a check and the
 * use.  So the match is done against a stand-in, whose __match_args__ is the tuple that was judged and never changes. */
PyObject *
guards_pattern(GuardSet *self, PyObject *cls)
{
    if (self->denied == NULL) {
        return deny(self, "", NULL, NULL);
    }
    /* A static type is immutable; what is no type is refused by the interpreter. */
    if (!PyType_Check(cls) || (!(((PyTypeObject *)cls)->tp_flags & Py_TPFLAGS_HEAPTYPE)
                               && Py_IS_TYPE(cls, &PyType_Type))) {
        return Py_NewRef(cls);
    }
    unsigned int version = type_version((PyTypeObject *)cls);
    Judged *place = &self->judged[place_of(cls) % JUDGED];
    if (version != 0 && place->type == (PyTypeObject *)cls && place->version == version) {
        return Py_NewRef(place->stand_in);
    }
    PyObject *result = NULL, *row = NULL, *names = NULL, *allowed = NULL;
    PyObject *key = PyLong_FromVoidPtr(cls);
    if (key == NULL) {
        return NULL;
    }
    names = raw_lookup((PyTypeObject *)cls, name_match_args);
    if (names == NULL && PyErr_Occurred()) {
        goto done;
    }
    row = Py_XNewRef(PyDict_GetItemWithError(self->patterns, key));
    if (row != NULL && PyTuple_GET_ITEM(row, 0) == cls
        && PyTuple_GET_ITEM(row, 1) == (names == NULL ? Py_None : names)) {
        result = Py_NewRef(PyTuple_GET_ITEM(row, 2));
        goto done;
    }
    if (PyErr_Occurred()) {
        goto done;
    }
    if (names != NULL && !PyTuple_CheckExact(names)) {
        deny(self, "match", name_match_args, cls);
        goto done;
    }
    /* Only up to the first name that a pattern may not read: dataclasses name their private fields there, and nobody
     * uses that in a pattern.  If somebody does, the interpreter says how many there are. */
    for (Py_ssize_t i = 0; names != NULL && i < PyTuple_GET_SIZE(names); i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i);
        if (PyUnicode_CheckExact(name) && classify(name) == PLAIN) {
            continue;
        }
        allowed = i == 0 ? NULL : PyTuple_GetSlice(names, 0, i);
        if (allowed == NULL) {
            if (!PyErr_Occurred()) {
                deny(self, "match", PyUnicode_CheckExact(name) ? name : NULL, cls);
            }
            goto done;
        }
        break;
    }
    PyObject *base = (PyObject *)&PyBaseObject_Type;
    if (names == NULL) {
        /* int(x), str(x), ...: a class derived from a built-in one matches its subject itself.  So does the stand-in,
         * if it derives from the same. */
        PyObject *mro = ((PyTypeObject *)cls)->tp_mro;
        for (Py_ssize_t i = 0; mro != NULL && i < PyTuple_GET_SIZE(mro); i++) {
            PyTypeObject *type = (PyTypeObject *)PyTuple_GET_ITEM(mro, i);
            if (type == &PyLong_Type || type == &PyUnicode_Type || type == &PyFloat_Type || type == &PyBytes_Type
                || type == &PyByteArray_Type || type == &PyDict_Type || type == &PyList_Type || type == &PyTuple_Type
                || type == &PySet_Type || type == &PyFrozenSet_Type) {
                base = (PyObject *)type;
                break;
            }
        }
    }
    result = stand_in_new((PyTypeObject *)cls, allowed == NULL ? names : allowed, base);
    if (result == NULL) {
        goto done;
    }
    /* Rows keep their classes alive, so there are few. */
    if (PyDict_GET_SIZE(self->patterns) >= 256) {
        PyDict_Clear(self->patterns);
    }
    Py_XSETREF(row, PyTuple_Pack(3, cls, names == NULL ? Py_None : names, result));
    if (row == NULL || PyDict_SetItem(self->patterns, key, row) < 0) {
        Py_CLEAR(result);
    }
done:
    /* Taken before the look at the names; if the class changed meanwhile, it has another by now. */
    if (result != NULL && version != 0 && version == type_version((PyTypeObject *)cls) && self->denied != NULL) {
        PyObject *old = place->stand_in;
        *place = (Judged){(PyTypeObject *)cls, version, Py_NewRef(result)};
        Py_XDECREF(old);
    }
    Py_DECREF(key);
    Py_XDECREF(row);
    Py_XDECREF(allowed);
    Py_XDECREF(names);
    return result;
}

DOC(caught_doc, "caught(classes, /): what `except classes` catches.\n\n"
                "A denied import too, where ImportError or ModuleNotFoundError stands: the exception of the\n"
                "denial cannot be one of these.");

/* Identity only: anything else is the guest's business, and the interpreter judges it.  Runs no Python code. */
PyObject *
guards_caught(GuardSet *Py_UNUSED(self), PyObject *classes)
{
    if (classes == PyExc_ImportError || classes == PyExc_ModuleNotFoundError) {
        return PyTuple_Pack(2, classes, import_denied);
    }
    if (!PyTuple_CheckExact(classes)) {
        return Py_NewRef(classes);
    }
    Py_ssize_t count = PyTuple_GET_SIZE(classes);
    int found = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *one = PyTuple_GET_ITEM(classes, i);
        found = found || one == PyExc_ImportError || one == PyExc_ModuleNotFoundError;
    }
    PyObject *all = found ? PyTuple_New(count + 1) : Py_NewRef(classes);
    if (all == NULL || !found) {
        return all;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyTuple_SET_ITEM(all, i, Py_NewRef(PyTuple_GET_ITEM(classes, i)));
    }
    PyTuple_SET_ITEM(all, count, Py_NewRef(import_denied));
    return all;
}

/* ---- The exception that is handled --------------------------------------------------------------------------------- */

/* Whether an exception is the sandbox's own, or has come through its code, which could have caught it. */
static int
was_seen(GuardSet *self, PyObject *error)
{
    if (is_own(self, error)) {
        return 1;
    }
    PyObject *tb = PyException_GetTraceback(error);
    int seen = 0;
    while (tb != NULL && PyTraceBack_Check(tb) && !seen) {
        PyFrameObject *frame = ((PyTracebackObject *)tb)->tb_frame;
        PyObject *code = frame == NULL ? NULL : (PyObject *)PyFrame_GetCode(frame);
        seen = is_own_code(self, code);
        Py_XDECREF(code);
        Py_XSETREF(tb, Py_XNewRef((PyObject *)((PyTracebackObject *)tb)->tb_next));
    }
    Py_XDECREF(tb);
    return seen;
}

DOC(handled_doc, "handled(): the exception that is being handled, if the sandbox has seen it, else None.\n\n"
                 "A host may call a sandbox while it handles one of its own.");

PyObject *
guards_handled(GuardSet *self, PyObject *Py_UNUSED(ignored))
{
    PyObject *error = PyErr_GetHandledException();
    if (error == NULL || error == Py_None || !was_seen(self, error)) {
        Py_XDECREF(error);
        Py_RETURN_NONE;
    }
    return error;
}

DOC(reraise_doc, "reraise(): what handled() returns, for a raise statement without an exception.");

PyObject *
guards_reraise(GuardSet *self, PyObject *ignored)
{
    PyObject *error = guards_handled(self, ignored);
    if (error == Py_None) {
        Py_DECREF(error);
        PyErr_SetString(PyExc_RuntimeError, "No active exception to reraise");
        return NULL;
    }
    return error;
}
