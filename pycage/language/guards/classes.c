/* Classes: the class statement and type(name, bases, namespace) of a sandbox, which make its own classes. */

#include "guards.h"

/* New tuple of the bases, with __mro_entries__ applied (PEP 560); *changed tells whether that did anything. */
static PyObject *
resolve_bases(PyObject *const *bases, Py_ssize_t count, PyObject *original, int *changed)
{
    PyObject *list = PyList_New(0);
    if (list == NULL) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *base = bases[i], *method = NULL;
        if (!PyType_Check(base)) {
            method = PyObject_GetAttr(base, name_mro_entries);
            if (method == NULL) {
                if (!PyErr_ExceptionMatches(PyExc_AttributeError)) {
                    goto error;
                }
                PyErr_Clear();
            }
        }
        if (method == NULL) {
            if (PyList_Append(list, base) < 0) {
                goto error;
            }
            continue;
        }
        PyObject *entries = PyObject_CallOneArg(method, original);
        Py_DECREF(method);
        if (entries == NULL) {
            goto error;
        }
        if (!PyTuple_Check(entries)) {
            Py_DECREF(entries);
            PyErr_SetString(PyExc_TypeError, "__mro_entries__ must return a tuple");
            goto error;
        }
        *changed = 1;
        int status = PyList_SetSlice(list, PyList_GET_SIZE(list), PyList_GET_SIZE(list), entries);
        Py_DECREF(entries);
        if (status < 0) {
            goto error;
        }
    }
    PyObject *tuple = PyList_AsTuple(list);
    Py_DECREF(list);
    return tuple;
error:
    Py_DECREF(list);
    return NULL;
}

/* Borrowed: the most derived of a metaclass and the bases' types, as type.__new__ computes it. */
static PyTypeObject *
most_derived(PyTypeObject *winner, PyObject *bases)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(bases); i++) {
        PyTypeObject *type = Py_TYPE(PyTuple_GET_ITEM(bases, i));
        if (PyType_IsSubtype(winner, type)) {
            continue;
        }
        if (!PyType_IsSubtype(type, winner)) {
            PyErr_SetString(PyExc_TypeError,
                            "metaclass conflict: the metaclass of a derived class must be a (non-strict) subclass of "
                            "the metaclasses of all its bases");
            return NULL;
        }
        winner = type;
    }
    return winner;
}

/* New reference: (object,) made now for an empty tuple, otherwise a copy made now. */
PyObject *
fresh_bases(PyObject *bases)
{
    Py_ssize_t count = PyTuple_GET_SIZE(bases);
    PyObject *fresh = PyTuple_New(count == 0 ? 1 : count);
    if (fresh == NULL) {
        return NULL;
    }
    if (count == 0) {
        PyTuple_SET_ITEM(fresh, 0, Py_NewRef((PyObject *)&PyBaseObject_Type));
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyTuple_SET_ITEM(fresh, i, Py_NewRef(PyTuple_GET_ITEM(bases, i)));
    }
    return fresh;
}

/* -1 with an exception if a metaclass of the host would call one of the sandbox's by super(): ABCMeta.__new__ and
 * EnumType.__new__ write to what super().__new__() returns, which has to be a new class. */
static int
check_metaclass(GuardSet *self, PyTypeObject *meta)
{
    int host = 0;
    for (Py_ssize_t i = 0; meta->tp_mro != NULL && i < PyTuple_GET_SIZE(meta->tp_mro); i++) {
        PyObject *cls = PyTuple_GET_ITEM(meta->tp_mro, i);
        if (!is_own_class(self, (PyTypeObject *)cls)) {
            host = 1;
        } else if (host) {
            deny(self, "metaclass", NULL, (PyObject *)meta);
            return -1;
        } else {
            /* mro() decides where look-up goes and can crash the interpreter; the others let a class pass for another
             * in the caches that host and sandboxes share. */
            static const char *const refused[] = {"mro", "__eq__", "__hash__"};
            PyObject *dict = type_dict((PyTypeObject *)cls);
            for (size_t j = 0; dict != NULL && j < sizeof(refused) / sizeof(*refused); j++) {
                PyObject *name = PyUnicode_FromString(refused[j]);
                int found = name == NULL ? -1 : PyDict_Contains(dict, name);
                if (found != 0) {
                    if (found > 0) {
                        deny(self, "metaclass method", name, (PyObject *)meta);
                    }
                    Py_XDECREF(name);
                    Py_DECREF(dict);
                    return -1;
                }
                Py_DECREF(name);
            }
            Py_XDECREF(dict);
        }
    }
    return 0;
}

/* -1 with an exception if a class defines what the host's pickle and copy would obey.  A class statement cannot, its
 * __reduce__ gets another name; this is for namespaces that were put together.  Enum writes functions of its own there. */
static int
check_inert(GuardSet *self, PyObject *cls)
{
    static const char *const refused[] = {"__reduce__", "__reduce_ex__"};
    PyObject *dict = type_dict((PyTypeObject *)cls);
    for (size_t i = 0; dict != NULL && i < sizeof(refused) / sizeof(*refused); i++) {
        PyObject *value = PyDict_GetItemString(dict, refused[i]);
        if (value == NULL || Py_IS_TYPE(value, &PyMethodDescr_Type)
            || (PyFunction_Check(value) && !is_own_code(self, PyFunction_GET_CODE(value)))) {
            continue;
        }
        PyObject *name = PyUnicode_FromString(refused[i]);
        if (name != NULL) {
            deny(self, "never", name, cls);
        }
        Py_XDECREF(name);
        Py_DECREF(dict);
        return -1;
    }
    Py_XDECREF(dict);
    return 0;
}

DOC(build_class_doc, "build_class(function, name, /, *bases, metaclass=None, **kwargs): as __build_class__.\n\n"
                     "The class is the sandbox's own from the moment it exists.");

/* Bltinmodule.c's builtin___build_class__, but the tuple of bases is always a new one and is registered first. */
PyObject *
guards_build_class(GuardSet *self, PyObject *const *args, Py_ssize_t count, PyObject *kwnames)
{
    if (count < 2 || !PyFunction_Check(args[0]) || !PyUnicode_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "__build_class__: expected a function and a name");
        return NULL;
    }
    PyObject *function = args[0], *name = args[1];
    PyObject *original = NULL, *bases = NULL, *meta = NULL, *kwargs = NULL, *prepare = NULL, *namespace = NULL;
    PyObject *cell = NULL, *cls = NULL;
    int changed = 0, is_type = 1;

    original = PyTuple_New(count - 2);
    if (original == NULL) {
        goto done;
    }
    for (Py_ssize_t i = 2; i < count; i++) {
        PyTuple_SET_ITEM(original, i - 2, Py_NewRef(args[i]));
    }
    bases = resolve_bases(args + 2, count - 2, original, &changed);
    if (bases == NULL || check_sealed(self, bases) < 0) {
        goto done;
    }
    kwargs = PyDict_New();
    if (kwargs == NULL) {
        goto done;
    }
    for (Py_ssize_t i = 0; kwnames != NULL && i < PyTuple_GET_SIZE(kwnames); i++) {
        PyObject *key = PyTuple_GET_ITEM(kwnames, i);
        if (PyUnicode_Compare(key, name_metaclass) == 0) {
            meta = Py_NewRef(args[count + i]);
        } else if (PyDict_SetItem(kwargs, key, args[count + i]) < 0) {
            goto done;
        }
    }
    if (meta == NULL) {
        meta = PyTuple_GET_SIZE(bases) == 0 ? Py_NewRef((PyObject *)&PyType_Type)
                                            : Py_NewRef((PyObject *)Py_TYPE(PyTuple_GET_ITEM(bases, 0)));
    } else {
        is_type = PyType_Check(meta);
    }
    if (is_type) {
        PyTypeObject *winner = most_derived((PyTypeObject *)meta, bases);
        if (winner == NULL) {
            goto done;
        }
        Py_SETREF(meta, Py_NewRef((PyObject *)winner));
    }
    /* A metaclass may tell a root class by its empty bases, so only type itself is given (object,) instead. */
    if (PyTuple_GET_SIZE(bases) > 0 || meta == (PyObject *)&PyType_Type) {
        PyObject *fresh = fresh_bases(bases);
        if (fresh == NULL) {
            goto done;
        }
        Py_SETREF(bases, fresh);
        if (may_own(bases) && add_bases(self, bases) < 0) {
            goto done;
        }
    }
    prepare = PyObject_GetAttr(meta, name_prepare);
    if (prepare == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) {
            goto done;
        }
        PyErr_Clear();
        namespace = PyDict_New();
    } else {
        PyObject *pair[] = {name, bases};
        namespace = PyObject_VectorcallDict(prepare, pair, 2, kwargs);
    }
    if (namespace == NULL) {
        goto done;
    }
    if (!PyMapping_Check(namespace)) {
        PyErr_Format(PyExc_TypeError, "__prepare__() must return a mapping, not %.200s", Py_TYPE(namespace)->tp_name);
        goto done;
    }
    cell = PyEval_EvalCodeEx(PyFunction_GET_CODE(function), PyFunction_GET_GLOBALS(function), namespace, NULL, 0, NULL,
                             0, NULL, 0, NULL, PyFunction_GET_CLOSURE(function));
    if (cell == NULL) {
        goto done;
    }
    if (changed && PyMapping_SetItemString(namespace, "__orig_bases__", original) < 0) {
        goto done;
    }
    /* Before the metaclass adds what is the host's. */
    PyObject *kept = kept_namespace(namespace, 1);
    if (kept == NULL) {
        goto done;
    }
    Py_DECREF(kept);
    PyObject *triple[] = {name, bases, namespace};
    cls = PyObject_VectorcallDict(meta, triple, 3, kwargs);
    if (cls == NULL || !PyType_Check(cls)) {
        goto done;
    }
    if (PyCell_Check(cell) && PyCell_GET(cell) != cls) {
        PyObject *other = PyCell_GET(cell);
        if (other == NULL) {
            PyErr_Format(PyExc_RuntimeError,
                         "__class__ not set defining %.200R as %.200R. Was __classcell__ propagated to type.__new__?",
                         name, cls);
        } else {
            PyErr_Format(PyExc_TypeError, "__class__ set to %.200R defining %.200R as %.200R", other, name, cls);
        }
        Py_CLEAR(cls);
        goto done;
    }
    if (check_inert(self, cls) < 0
        || (PyType_IsSubtype((PyTypeObject *)cls, &PyType_Type) && check_metaclass(self, (PyTypeObject *)cls) < 0)) {
        Py_CLEAR(cls);
        goto done;
    }
    /* A root class of another metaclass, made just now by that metaclass: nobody else holds its bases. */
    PyTypeObject *made = (PyTypeObject *)cls;
    int fresh = PyTuple_GET_SIZE(bases) == 0 && is_type && (PyObject *)Py_TYPE(made) == meta;
    /* typing.NamedTuple makes a new class with new bases and leaves the ones it was given. */
    fresh = fresh || (meta == (PyObject *)replacing && Py_IS_TYPE(made, &PyType_Type));
    if (fresh && made->tp_bases != NULL && PyTuple_CheckExact(made->tp_bases) && Py_REFCNT(made->tp_bases) == 1
        && (made->tp_flags & Py_TPFLAGS_HEAPTYPE) && may_own(made->tp_bases)
        && add_bases(self, made->tp_bases) < 0) {
        Py_CLEAR(cls);
    }
done:
    Py_XDECREF(original);
    Py_XDECREF(bases);
    Py_XDECREF(meta);
    Py_XDECREF(kwargs);
    Py_XDECREF(prepare);
    Py_XDECREF(namespace);
    Py_XDECREF(cell);
    return cls;
}

DOC(new_type_doc, "new_type(callee, /, *args, **kwargs): call it; a class made by type() is the sandbox's own.");

PyObject *
guards_new_type(GuardSet *self, PyObject *const *args, Py_ssize_t count, PyObject *kwnames)
{
    if (count < 1) {
        PyErr_SetString(PyExc_TypeError, "expected a callable");
        return NULL;
    }
    if (args[0] != (PyObject *)&PyType_Type || count != 4 || !PyTuple_CheckExact(args[2])) {
        return PyObject_Vectorcall(args[0], args + 1, (size_t)(count - 1), kwnames);
    }
    PyObject *bases = fresh_bases(args[2]);
    if (bases == NULL || check_sealed(self, bases) < 0 || (may_own(bases) && add_bases(self, bases) < 0)) {
        Py_XDECREF(bases);
        return NULL;
    }
    Py_ssize_t keywords = kwnames == NULL ? 0 : PyTuple_GET_SIZE(kwnames);
    PyObject **all = PyMem_New(PyObject *, (size_t)(3 + keywords));
    PyObject *cls = NULL;
    if (all == NULL) {
        PyErr_NoMemory();
    } else {
        memcpy(all, args + 1, sizeof(PyObject *) * (size_t)(3 + keywords));
        all[1] = bases;
        cls = PyObject_Vectorcall(args[0], all, 3, kwnames);
        PyMem_Free(all);
    }
    Py_DECREF(bases);
    if (cls != NULL && PyType_Check(cls)
        && (check_inert(self, cls) < 0 || (PyType_IsSubtype((PyTypeObject *)cls, &PyType_Type)
                                           && check_metaclass(self, (PyTypeObject *)cls) < 0))) {
        Py_CLEAR(cls);
    }
    return cls;
}
