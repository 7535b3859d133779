/* Private names: which of them an own object lets the sandbox read. */

/* Problem.  An own object is not all the sandbox's: class E(Enum) brings along what Enum is made of, E._convert_ copies
 * the globals of any module, and E.__getstate__(host_object) hands out the host's state.
 *
 * Things that do not work:
 *
 * - A guard that answers "yes" and lets the interpreter read: it would be asked about E._convert_ while that is the
 *   guest's, and another thread or a finalizer would delete it before it is read.
 *
 * Idea.  A private name that a host class of the MRO defines is read only if the sandbox defines it too, nearer, and then
 * the value is taken from the sandbox's own dictionary, in one step.  Most own classes have no host base but built-in
 * types without private names; that is remembered by the address of their MRO, which like the bases cannot be changed by
 * a guest.
 */

#include "guards.h"

static inline int
ends_with_underscore(PyObject *name)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(name);
    return length > 0 && PyUnicode_READ_CHAR(name, length - 1) == '_';
}

/* Whether no class of a type's MRO, apart from the sandbox's, has private names (__special__ ones do not count), or
 * answers for attributes that it does not have. */
int
is_bare(GuardSet *self, PyTypeObject *type)
{
    PyObject *mro = type->tp_mro;
    if (has(&self->bare, mro)) {
        return 1;
    }
    if (mro == NULL) {
        return 0;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(mro); i++) {
        PyObject *cls = PyTuple_GET_ITEM(mro, i);
        if (!is_own_class(self, (PyTypeObject *)cls) && !has(&bare_types, cls)) {
            return 0;
        }
    }
    if (keep(self, &self->bare, mro) < 0) {
        PyErr_Clear();
    }
    return 1;
}

/* New reference to the value of a name in one class's dictionary, or NULL, with or without an exception. */
static PyObject *
class_value(PyObject *cls, PyObject *name)
{
    PyObject *dict = type_dict((PyTypeObject *)cls);
    PyObject *value = dict == NULL ? NULL : Py_XNewRef(PyDict_GetItemWithError(dict, name));
    Py_XDECREF(dict);
    return value;
}

/* Whether a host class of the MRO defines the name, or answers for names that it does not define; -1 with an exception.
 * Runs no code of a guest: looks into dictionaries of the host only. */
static int
host_answers(GuardSet *self, PyTypeObject *type, PyObject *name)
{
    PyObject *mro = Py_XNewRef(type->tp_mro);
    int found = mro == NULL;
    for (Py_ssize_t i = 0; !found && i < PyTuple_GET_SIZE(mro); i++) {
        PyObject *cls = PyTuple_GET_ITEM(mro, i);
        if (is_own_class(self, (PyTypeObject *)cls)) {
            continue;
        }
        PyObject *names[] = {name, name_getattr, name_getattribute};
        for (size_t j = 0; !found && j < sizeof names / sizeof *names; j++) {
            PyObject *value = class_value(cls, names[j]);
            /* A C type's own idea of reading attributes calls nobody. */
            found = value != NULL && (j == 0 || !Py_IS_TYPE(value, &PyWrapperDescr_Type));
            Py_XDECREF(value);
            if (value == NULL && PyErr_Occurred()) {
                found = -1;
            }
        }
    }
    Py_XDECREF(mro);
    return found;
}

/* How far a private or special name may be read from an object; -1 with an exception.  Runs no code of a guest. */
int
private_reach(GuardSet *self, PyObject *object, PyObject *name)
{
    PyTypeObject *type = Py_TYPE(object), *meta = NULL;
    int bound = 1, answers;
    if (!ends_with_underscore(name) && !PyType_Check(object) && is_own_and_bare(self, type)) {
        return FREE;
    }
    if (is_super(object)) {
        PyObject *behind = is_own(self, object) ? behind_super(object) : NULL;
        if (behind == NULL) {
            return NOT;
        }
        PyObject *start = Py_TYPE(super_self_class)->tp_descr_get(super_self_class, object, (PyObject *)type);
        bound = start != behind;
        Py_DECREF(behind);
        if (start == NULL || !PyType_Check(start)) {
            PyErr_Clear();
            Py_XDECREF(start);
            return NOT;
        }
        answers = host_answers(self, (PyTypeObject *)start, name);
        Py_DECREF(start);
    } else if (PyType_Check(object)) {
        if (!is_own(self, object)) {
            return NOT;
        }
        meta = type;
        type = (PyTypeObject *)object;
        bound = 0;
        if (!ends_with_underscore(name) && is_bare(self, type) && (meta == &PyType_Type || is_bare(self, meta))) {
            return FREE;
        }
        answers = host_answers(self, type, name);
        if (answers == 0) {
            answers = host_answers(self, meta, name);
        }
    } else if (is_own_class(self, type)) {
        answers = host_answers(self, type, name);
    } else if (view_type != NULL && type == view_type) {
        int shown = PyDict_Contains(PyModule_GetDict(object), name);
        return shown < 0 ? -1 : shown ? FREE : NOT;
    } else {
        /* Functions and modules: what they are made of has rows in names.py. */
        return is_own_slow(self, object) || (is_inert(object) && !ends_with_underscore(name)) ? FREE : NOT;
    }
    if (answers <= 0) {
        return answers < 0 ? -1 : FREE;
    }
    PyObject *row = PyDict_GetItemWithError(inherited, name);
    if (row == NULL && PyErr_Occurred()) {
        return -1;
    }
    return row != NULL && (bound || PyLong_AsLong(row) == 2) ? FREE : NARROW;
}

/* New reference to the value that the first class of an MRO, from a place on, has for a name; *own tells whose class.
 * NULL without an exception if there is none.  Keys of own classes may run code of the guest. */
static PyObject *
first_value(GuardSet *self, PyTypeObject *type, PyObject *after, PyObject *name, int *own)
{
    PyObject *mro = Py_XNewRef(type->tp_mro), *value = NULL;
    int seen = after == NULL;
    for (Py_ssize_t i = 0; mro != NULL && value == NULL && i < PyTuple_GET_SIZE(mro); i++) {
        PyObject *cls = PyTuple_GET_ITEM(mro, i);
        if (!seen) {
            seen = cls == after;
            continue;
        }
        *own = is_own_class(self, (PyTypeObject *)cls);
        value = class_value(cls, name);
        if (value == NULL && PyErr_Occurred()) {
            break;
        }
    }
    Py_XDECREF(mro);
    return value;
}

/* Steals value; what reading it as an attribute gives. */
static PyObject *
bound_value(PyObject *value, PyObject *instance, PyObject *type)
{
    descrgetfunc get = Py_TYPE(value)->tp_descr_get;
    if (get != NULL) {
        Py_SETREF(value, get(value, instance, type));
    }
    return value;
}

/* Reads a private name where the host has something of that name as well: what the sandbox defined nearer, or stored in
 * the object.  The value that was judged is the value that is returned.  NULL with *refused and no exception if it
 * would be the host's. */
PyObject *
private_get(GuardSet *self, PyObject *object, PyObject *name, int *refused)
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject *instance = NULL, *after = NULL, *cls = NULL, *value = NULL;
    int own = 0;
    if (is_super(object)) {
        instance = behind_super(object);
        cls = Py_TYPE(super_self_class)->tp_descr_get(super_self_class, object, (PyObject *)type);
        after = Py_TYPE(super_thisclass)->tp_descr_get(super_thisclass, object, (PyObject *)type);
        if (instance == NULL || cls == NULL || after == NULL || !PyType_Check(cls)) {
            PyErr_Clear();
            *refused = 1;
            goto done;
        }
        value = first_value(self, (PyTypeObject *)cls, after, name, &own);
        if (value != NULL) {
            if (own) {
                value = bound_value(value, instance == cls ? NULL : instance, cls);
            } else {
                Py_CLEAR(value);
                *refused = 1;
            }
            goto done;
        }
    } else if (PyType_Check(object)) {
        int meta_own = 0;
        PyObject *outer = first_value(self, type, NULL, name, &meta_own);
        if (outer != NULL && !meta_own) {
            Py_DECREF(outer);
            *refused = 1;
            goto done;
        }
        if (outer != NULL && Py_TYPE(outer)->tp_descr_set != NULL) {
            value = bound_value(outer, object, (PyObject *)type);
            goto done;
        }
        value = PyErr_Occurred() ? NULL : first_value(self, (PyTypeObject *)object, NULL, name, &own);
        if (value != NULL || PyErr_Occurred()) {
            Py_XDECREF(outer);
            if (value == NULL) {
                goto done;
            }
            if (own) {
                value = bound_value(value, NULL, object);
            } else {
                Py_CLEAR(value);
                *refused = 1;
            }
            goto done;
        }
        if (outer != NULL) {
            value = bound_value(outer, object, (PyObject *)type);
            goto done;
        }
    } else {
        value = first_value(self, type, NULL, name, &own);
        if (value == NULL && PyErr_Occurred()) {
            goto done;
        }
        if (value == NULL || Py_TYPE(value)->tp_descr_set == NULL) {
            PyObject *dict = PyObject_GenericGetDict(object, NULL);
            if (dict == NULL) {
                PyErr_Clear();
            } else {
                PyObject *stored = PyDict_CheckExact(dict) ? Py_XNewRef(PyDict_GetItemWithError(dict, name)) : NULL;
                Py_DECREF(dict);
                if (stored != NULL || PyErr_Occurred()) {
                    Py_XDECREF(value);
                    value = stored;
                    goto done;
                }
            }
        }
        if (value != NULL) {
            if (own) {
                value = bound_value(value, object, (PyObject *)type);
            } else {
                Py_CLEAR(value);
                *refused = 1;
            }
            goto done;
        }
    }
    if (!PyErr_Occurred()) {
        PyErr_Format(PyExc_AttributeError, "'%.100s' object has no attribute %R", type->tp_name, name);
    }
done:
    Py_XDECREF(instance);
    Py_XDECREF(after);
    Py_XDECREF(cls);
    return value;
}
