/* Special methods: what classes have under names that the interpreter calls by itself, with nobody on the stack. */

/* Problem.  `class C: __del__ = host_object.delete` deletes when the host lets go of the object: see keepers.c.
 *
 * Idea.  Whatever is put into a class under such a name, in its body, by a slot or later, is bound if it is a sandbox
 * that puts it there.  What has a __get__ of its own is bound when it is read.
 *
 * What still fails.  Attributes with ordinary names: a class of the sandbox may have a host function under `run`, and a
 * host that calls `plugin.run(path)` calls that.
 */

#include "guards.h"

static PyObject *method_binder;     /* function -> a function that calls it so */
static PyObject *special_binder;    /* any other object under the name of a special method -> one that is read so */
static PyObject *special;           /* frozenset of the names of special methods */

static int
is_special_name(PyObject *name)
{
    if (special == NULL || !PyUnicode_CheckExact(name) || PyUnicode_GET_LENGTH(name) < 4
        || PyUnicode_READ_CHAR(name, 0) != '_') {
        return 0;
    }
    return PySet_Contains(special, name);
}

/* Whether it is not this that the interpreter calls, but what comes out when it is read: properties, slots, objects whose
 * class has a __get__, or may be given one. */
static int
is_asked_first(PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);
    if (type == &PyStaticMethod_Type || type == &PyClassMethod_Type || type == core->bound_call_type) {
        return 0;
    }
    return type == &PyProperty_Type || type == &PyMemberDescr_Type || type == &PyGetSetDescr_Type
           || PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE);
}

/* New reference to what a class has in place of this value under this name; NULL with an exception.  `by_host`: code of
 * the host may have put it there, which makes functions and classes part of classes of a sandbox. */
static PyObject *
special_method(PyObject *name, PyObject *value, int by_host)
{
    int is_special = is_special_name(name);
    if (is_special <= 0) {
        return is_special < 0 ? NULL : Py_NewRef(value);
    }
    if (PyFunction_Check(value)) {
        int handed = 0;
        PyObject *domain = by_host ? NULL : core->top_domain(&handed);
        if ((domain == NULL && !handed) || domain_of(value) == domain) {
            return Py_NewRef(value);
        }
        return PyObject_CallOneArg(method_binder, value);
    }
    if (by_host && PyType_Check(value)) {
        return Py_NewRef(value);
    }
    if (is_asked_first(value)) {
        return PyObject_CallOneArg(special_binder, value);
    }
    if (!PyCallable_Check(value) || (Py_TYPE(value)->tp_descr_get != NULL && !PyMethod_Check(value))) {
        return Py_NewRef(value);
    }
    return kept_callable(value, by_host ? DEEP : 0);
}

/* New reference to the name of a slot of a class that is that of a special method; NULL: there is none. */
static PyObject *
special_slot(PyTypeObject *type)
{
    PyObject *dict = type_dict(type), *name, *value, *found = NULL;
    Py_ssize_t position = 0;
    while (dict != NULL && found == NULL && PyDict_Next(dict, &position, &name, &value)) {
        if (Py_IS_TYPE(value, &PyMemberDescr_Type) && is_special_name(name) > 0) {
            found = Py_NewRef(name);
        }
    }
    Py_XDECREF(dict);
    return found;
}

/* Puts a stand-in in place of each slot of a class made just now that has the name of a special method: what is stored
 * there is called with nobody on the stack.  -1 with an exception on error. */
int
keep_slots(PyObject *cls)
{
    PyObject *name;
    while (PyType_Check(cls) && (name = special_slot((PyTypeObject *)cls)) != NULL) {
        PyObject *dict = type_dict((PyTypeObject *)cls), *slot = dict != NULL ? PyDict_GetItemWithError(dict, name) : NULL;
        PyObject *bound = slot != NULL ? PyObject_CallOneArg(special_binder, slot) : NULL;
        int same = bound == slot, status = bound == NULL ? -1 : same ? 0 : PyType_Type.tp_setattro(cls, name, bound);
        Py_XDECREF(bound);
        Py_XDECREF(dict);
        Py_DECREF(name);
        if (status < 0 || same) {
            return status;
        }
    }
    return PyErr_Occurred() ? -1 : 0;
}

/* New reference to a namespace for a class, in which special methods are kept: the same dictionary or a copy. */
PyObject *
kept_namespace(PyObject *namespace, int in_place)
{
    if (special == NULL || namespace == NULL || !PyDict_Check(namespace)) {
        return Py_XNewRef(namespace);
    }
    if (!has_exact_names(namespace)) {
        PyErr_SetString(PyExc_TypeError, "the names in a class must be exactly str");
        return NULL;
    }
    int handed = 0, by_host = core->top_domain(&handed) == NULL && !handed;
    PyObject *result = Py_NewRef(namespace), *items = PyDict_Items(namespace);
    for (Py_ssize_t i = 0; items != NULL && i < PyList_GET_SIZE(items); i++) {
        PyObject *name = PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 0);
        PyObject *value = PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 1);
        PyObject *other = special_method(name, value, by_host);
        int status = other == NULL ? -1 : 0;
        if (status == 0 && other != value) {
            if (!in_place && result == namespace) {
                Py_SETREF(result, PyDict_Copy(namespace));
            }
            status = result == NULL ? -1 : PyDict_SetItem(result, name, other);
        }
        Py_XDECREF(other);
        if (status < 0) {
            Py_CLEAR(items);
        }
    }
    if (items == NULL) {
        Py_CLEAR(result);
    }
    Py_XDECREF(items);
    return result;
}

PyObject *
kept_attribute(PyObject *object, PyObject *name, PyObject *value)
{
    if (core == NULL) {
        return Py_NewRef(value);
    }
    if (PyType_Check(object)) {
        return special_method(name, value, 0);
    }
    int is_factory = keeps_factory(object) && PyUnicode_CheckExact(name) && PyCallable_Check(value)
                     && PyUnicode_CompareWithASCIIString(name, "default_factory") == 0;
    return is_factory ? kept_callable(value, 0) : Py_NewRef(value);
}

/* Sets what this file needs. */
void
special_methods_ready(PyObject *bind_method, PyObject *bind_special, PyObject *names)
{
    method_binder = Py_NewRef(bind_method);
    special_binder = Py_NewRef(bind_special);
    special = Py_NewRef(names);
}
