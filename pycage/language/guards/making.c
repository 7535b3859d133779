/* Making: classes that are made without a class statement. */

#include "guards.h"

/* type, by any other name than its own, and every metaclass make a class by a call: map(type, ...), M(name, bases, {}).
 * Such a class need not be own to do harm, so its bases are looked at where all of them are made: in type's own tp_new.
 */


/* mro() decides where look-up goes and can crash the interpreter; the others let a class pass for another in the caches
 * that host and sandboxes share. */
static const char *const metaclass_methods[] = {"mro", "__eq__", "__hash__"};

int
is_metaclass_method(PyObject *name)
{
    for (size_t i = 0; i < sizeof metaclass_methods / sizeof *metaclass_methods; i++) {
        if (PyUnicode_CompareWithASCIIString(name, metaclass_methods[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Whether a class or one derived from it is a metaclass; -1 with an exception. */
int
has_metaclass(PyTypeObject *type)
{
    if (PyType_IsSubtype(type, &PyType_Type)) {
        return 1;
    }
    PyObject *derived = PyObject_CallMethod((PyObject *)&PyType_Type, "__subclasses__", "O", (PyObject *)type);
    int found = derived == NULL || !PyList_Check(derived) ? -1 : 0;
    for (Py_ssize_t i = 0; found == 0 && i < PyList_GET_SIZE(derived); i++) {
        found = has_metaclass((PyTypeObject *)PyList_GET_ITEM(derived, i));
    }
    Py_XDECREF(derived);
    return found;
}

/* Whether a class that is about to be made is a metaclass with one of these methods, of its own or from a base that is
 * no type of C; -1 with an exception. */
static int
is_odd_metaclass(PyObject *bases, PyObject *namespace)
{
    int meta = 0;
    for (Py_ssize_t i = 0; !meta && i < PyTuple_GET_SIZE(bases); i++) {
        PyObject *base = PyTuple_GET_ITEM(bases, i);
        meta = PyType_Check(base) && PyType_IsSubtype((PyTypeObject *)base, &PyType_Type);
    }
    for (size_t i = 0; meta && i < sizeof metaclass_methods / sizeof *metaclass_methods; i++) {
        PyObject *name = PyUnicode_FromString(metaclass_methods[i]);
        int found = name == NULL ? -1 : namespace == NULL || !PyDict_Check(namespace) ? 0
                                                                                      : PyDict_Contains(namespace, name);
        for (Py_ssize_t j = 0; found == 0 && j < PyTuple_GET_SIZE(bases); j++) {
            PyObject *base = PyTuple_GET_ITEM(bases, j);
            PyObject *mro = PyType_Check(base) ? ((PyTypeObject *)base)->tp_mro : NULL;
            for (Py_ssize_t k = 0; found == 0 && mro != NULL && k < PyTuple_GET_SIZE(mro); k++) {
                PyTypeObject *cls = (PyTypeObject *)PyTuple_GET_ITEM(mro, k);
                PyObject *dict = cls->tp_flags & Py_TPFLAGS_HEAPTYPE ? type_dict(cls) : NULL;
                found = dict == NULL ? 0 : PyDict_Contains(dict, name);
                Py_XDECREF(dict);
            }
        }
        Py_XDECREF(name);
        if (found != 0) {
            return found;
        }
    }
    return 0;
}

/* New reference to the name of what the host's pickle and copy would obey, if a class is about to have it from a sandbox;
 * NULL with or without an exception.  A class statement gives it another name, and has the host's methods at most. */
static PyObject *
found_reduce(PyObject *namespace)
{
    static const char *const refused[] = {"__reduce__", "__reduce_ex__"};
    for (size_t i = 0; PyDict_Check(namespace) && i < sizeof refused / sizeof *refused; i++) {
        PyObject *name = PyUnicode_FromString(refused[i]);
        PyObject *value = name == NULL ? NULL : PyDict_GetItemWithError(namespace, name);
        if (name == NULL || (value == NULL && PyErr_Occurred())) {
            Py_XDECREF(name);
            return NULL;
        }
        if (value != NULL && is_of_sandbox(value)) {
            return name;
        }
        Py_DECREF(name);
    }
    return NULL;
}

static newfunc type_new;
static PyObject *sealed_judge;

static PyObject *
judged_new(PyTypeObject *meta, PyObject *args, PyObject *kwargs)
{
    PyObject *bases = PyTuple_GET_ITEM(args, 1), *namespace = PyTuple_GET_ITEM(args, 2);
    for (Py_ssize_t i = 0; sealed != NULL && i < PyTuple_GET_SIZE(bases); i++) {
        PyObject *base = PyTuple_GET_ITEM(bases, i);
        if (PyType_Check(base) && subtype_of_any((PyTypeObject *)base, sealed)) {
            PyObject *done = PyObject_CallOneArg(sealed_judge, base);
            if (done == NULL) {
                return NULL;
            }
            Py_DECREF(done);
            break;
        }
    }
    int odd = sealed == NULL ? 0 : is_odd_metaclass(bases, namespace);
    PyObject *done = odd > 0 ? PyObject_CallOneArg(sealed_judge, (PyObject *)&PyType_Type) : NULL;
    if (odd < 0 || (odd > 0 && done == NULL)) {
        return NULL;
    }
    Py_XDECREF(done);
    PyObject *reduce = found_reduce(namespace);
    if (reduce != NULL) {
        done = PyObject_CallOneArg(sealed_judge, reduce);
        Py_DECREF(reduce);
        Py_XDECREF(done);
    }
    if (PyErr_Occurred()) {
        return NULL;
    }
    PyObject *kept = kept_namespace(namespace, 1); /* the same: it is ours */
    PyObject *made = kept == NULL ? NULL : type_new(meta, args, kwargs);
    Py_XDECREF(kept);
    if (made != NULL && PyDict_GetItemString(namespace, "__slots__") != NULL && keep_slots(made) < 0) {
        Py_CLEAR(made);
    }
    return made;
}

static PyObject *
judging_type_new(PyTypeObject *meta, PyObject *args, PyObject *kwargs)
{
    PyObject *bases = PyTuple_GET_SIZE(args) > 1 ? PyTuple_GET_ITEM(args, 1) : NULL;
    if (PyTuple_GET_SIZE(args) != 3 || bases == NULL || !PyTuple_Check(bases) || !PyDict_Check(PyTuple_GET_ITEM(args, 2))) {
        return type_new(meta, args, kwargs); /* makes no class: says the type of an object, or what is wrong */
    }
    /* A copy that nobody else changes, and whose keys run no code: what is looked at is what the class is made of. */
    PyObject *own = exact_names(PyTuple_GET_ITEM(args, 2));
    PyObject *exact = own == NULL ? NULL : PyTuple_Pack(3, PyTuple_GET_ITEM(args, 0), bases, own);
    PyObject *made = exact == NULL ? NULL : judged_new(meta, exact, kwargs);
    Py_XDECREF(exact);
    Py_XDECREF(own);
    return made;
}

/* Metaclasses copy the slot of their base when they are made: those that exist already are given the new one. */
static int
exchange_new(PyTypeObject *meta)
{
    if (meta->tp_new == type_new) {
        meta->tp_new = judging_type_new;
    }
    PyObject *derived = PyObject_CallMethod((PyObject *)&PyType_Type, "__subclasses__", "O", (PyObject *)meta);
    if (derived == NULL || !PyList_Check(derived)) {
        Py_XDECREF(derived);
        return -1;
    }
    int status = 0;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(derived); i++) {
        status = exchange_new((PyTypeObject *)PyList_GET_ITEM(derived, i));
    }
    Py_DECREF(derived);
    return status;
}

PyObject *
module_judge_sealed(PyObject *Py_UNUSED(module), PyObject *judge)
{
    if (sealed_judge != NULL || !PyCallable_Check(judge)) {
        PyErr_SetString(PyExc_RuntimeError, "already set, or not callable");
        return NULL;
    }
    sealed_judge = Py_NewRef(judge);
    type_new = PyType_Type.tp_new;
    if (exchange_new(&PyType_Type) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}
