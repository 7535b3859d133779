/* Reading: attributes whose names are harmless on most objects, or on the sandbox's own, only. */

#include "guards.h"

/* Whether the object is, stands for, or is a class of one of these types. */
int
concerns(PyObject *object, PyObject *types)
{
    if (subtype_of_any(Py_TYPE(object), types) || subtype_of_any(Py_TYPE(object), transparent)) {
        return 1;
    }
    if (PyType_Check(object) && subtype_of_any((PyTypeObject *)object, types)) {
        return 1;
    }
    if (is_super(object)) {
        PyObject *behind = behind_super(object);
        int found = behind == NULL || is_super(behind) || subtype_of_any(Py_TYPE(behind), types)
                    || (PyType_Check(behind) && subtype_of_any((PyTypeObject *)behind, types));
        Py_XDECREF(behind);
        return found;
    }
    return 0;
}

/* Whether it is what functools.singledispatch() returns, or a method of it: a function that everybody shares, with a
 * register of implementations that everybody can add to. */
static int
is_dispatcher(PyObject *object)
{
    if (PyMethod_Check(object)) {
        object = PyMethod_GET_FUNCTION(object);
    }
    if (!PyFunction_Check(object) || dispatchers == NULL) {
        return 0;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(dispatchers); i++) {
        if (PyTuple_GET_ITEM(dispatchers, i) == PyFunction_GET_CODE(object)) {
            return 1;
        }
    }
    return 0;
}

/* Steals value; a copy of a dictionary or of a mapping proxy, NULL without an exception if it is neither.  A proxy
 * itself is not read-only: `proxy == evil` shows `evil` what is behind it. */
static PyObject *
copy_of_mapping(PyObject *value)
{
    PyObject *copy = NULL;
    if (PyDict_CheckExact(value)) {
        copy = PyDict_Copy(value);
    } else if (Py_IS_TYPE(value, &PyDictProxy_Type)) {
        copy = PyDict_New();
        if (copy != NULL && PyDict_Update(copy, value) < 0) {
            Py_CLEAR(copy);
        }
    }
    Py_DECREF(value);
    return copy;
}

/* Reads an attribute, or lets real(*args) read it, if the object allows that.
 * With refused, a refusal sets *refused and no exception.  May run any Python code. */
PyObject *
read_through(GuardSet *self, PyObject *object, PyObject *name, PyObject *real, PyObject *args, int *refused)
{
    if (!PyUnicode_CheckExact(name)) {
        PyErr_SetString(PyExc_TypeError, "attribute name must be exactly str");
        return NULL;
    }
    int kind = classify(name);
    if (kind < 0) {
        return NULL;
    }
    if (self->denied == NULL) {
        return deny(self, "", NULL, NULL);
    }
#define GET() (real == NULL ? PyObject_GetAttr(object, name) : PyObject_Call(real, args, NULL))
    PyObject *value = NULL;
    switch (kind) {
    case PLAIN:
        return GET();
    case OWN: {
        int reach = private_reach(self, object, name), hidden = 0;
        if (reach < 0 || reach == FREE) {
            return reach < 0 ? NULL : GET();
        }
        if (reach == NARROW && real == NULL) {
            value = private_get(self, object, name, &hidden);
            if (!hidden) {
                return value;
            }
        }
        break;
    }
    case CLASS:
        if (is_own(self, object) || PyExceptionInstance_Check(object)) {
            return GET();
        }
        break;
    case VALUE: {
        PyObject *types = PyDict_GetItemWithError(value_of, name);
        if (types == NULL) {
            if (PyErr_Occurred()) {
                return NULL;
            }
        } else if (PyUnicode_Compare(name, name_registry) == 0 ? !is_dispatcher(object) : !concerns(object, types)) {
            if (PyUnicode_READ_CHAR(name, 0) == '_' && !is_own(self, object)) {
                break;
            }
            return GET();
        }
        /* What an own exception was raised *from* is the guest's choice.  Not so its __context__: the host may have been
         * handling something when it called the guest. */
        int trusted = PyExceptionInstance_Check(object) && is_own(self, object)
                      && PyUnicode_Compare(name, name_cause) == 0;
        value = GET();
        if (value == NULL) {
            return NULL;
        }
        if (trusted || is_own_value(self, value)) {
            return value;
        }
        PyObject *maker = stand_ins == NULL ? NULL : PyDict_GetItemWithError(stand_ins, name);
        PyObject *stand_in = maker == NULL ? NULL : PyObject_CallFunctionObjArgs(maker, object, value, NULL);
        Py_DECREF(value);
        if (stand_in != NULL && stand_in != Py_None) {
            return stand_in;
        }
        if (stand_in == NULL && PyErr_Occurred()) {
            return NULL;
        }
        Py_XDECREF(stand_in);
        break;
    }
    case FORMAT:
        value = GET();
        if (value == NULL) {
            return NULL;
        }
        if (concerns(object, formatters) && !is_own_value(self, value) && !PyCFunction_Check(value)
            && value != str_format && value != str_format_map) {
            Py_DECREF(value);
            break;
        }
        return safe_formatter(self, value, name);
    case COPY:
        /* Because an own class inherits the host's.  The annotations of an own function or class are never a base's. */
        value = GET();
        if (value == NULL) {
            return NULL;
        }
        if (PyUnicode_Compare(name, name_annotations) == 0 && (PyFunction_Check(object) || PyType_Check(object))
            && is_own(self, object)) {
            return value;
        }
        /* A public name, such as metadata: only a read-only view is not what it seems. */
        if (PyUnicode_READ_CHAR(name, 0) != '_') {
            return Py_IS_TYPE(value, &PyDictProxy_Type) ? copy_of_mapping(value) : value;
        }
        if (PyList_CheckExact(value)) {
            Py_SETREF(value, PyList_GetSlice(value, 0, PyList_GET_SIZE(value)));
            return value;
        }
        /* A module or a function can have one of these names, too. */
        if (PyTuple_CheckExact(value) || is_own_value(self, value)
            || (view_type != NULL && Py_IS_TYPE(object, view_type) && !PyDict_CheckExact(value)
                && !Py_IS_TYPE(value, &PyDictProxy_Type))) {
            return value;
        }
        value = copy_of_mapping(value);
        if (value != NULL || PyErr_Occurred()) {
            return value;
        }
        break;
    case DICT: {
        /* All that is in a view may be seen. */
        if (view_type != NULL && Py_IS_TYPE(object, view_type)) {
            return PyDict_Copy(PyModule_GetDict(object));
        }
        if (!is_own(self, object) || is_super(object)) {
            break;
        }
        value = GET();
        if (value == NULL || !(PyType_Check(object) || PyModule_Check(object))) {
            return value;
        }
        value = copy_of_mapping(value);
        if (value != NULL && PyDict_Contains(value, name_builtins) == 1
            && PyDict_DelItem(value, name_builtins) < 0) {
            Py_CLEAR(value);
        }
        if (value != NULL || PyErr_Occurred()) {
            return value;
        }
        break;
    }
    case CHANGER: {
        if (is_dispatcher(object)) {
            break;
        }
        PyObject *types = PyDict_GetItemWithError(value_of, name);
        if (types == NULL && PyErr_Occurred()) {
            return NULL;
        }
        value = GET();
        if (value == NULL || types == NULL || is_own_value(self, value)) {
            return value;
        }
        if (PyTuple_GET_SIZE(types) == 0) {
            if (!PyFunction_Check(value)) {
                return value;
            }
            Py_DECREF(value);
            break;
        }
        if (!concerns(object, types)) {
            return value;
        }
        if (PyMethod_Check(value) && is_own(self, PyMethod_GET_SELF(value))) {
            return value;
        }
        if (PyFunction_Check(value) || Py_IS_TYPE(value, &PyMethodDescr_Type)) {
            Py_SETREF(value, checked_new(self, name, value, NULL, 0));
            return value;
        }
        Py_DECREF(value);
        break;
    }
    case MUTATOR:
    case READER: {
        int denied = 0;
        value = GET();
        if (value == NULL) {
            return NULL;
        }
        value = judged_method(self, object, name, value, kind, &denied);
        if (!denied) {
            return value;
        }
        break;
    }
    default:
        break;
    }
#undef GET
    /* What may not be handed out can have a stand-in, which says as much as a sandbox may know. */
    if (self->stand_ins != NULL) {
        value = PyObject_CallMethodObjArgs(self->stand_ins, name_read, object, name, NULL);
        if (value != Py_NotImplemented) {
            return value;
        }
        Py_DECREF(value);
    }
    const char *reason = kind == NEVER ? "never" : "read";
    if (refused == NULL) {
        return deny(self, reason, name, object);
    }
    /* To the guest it is missing; the host is told all the same, because making the denial records it. */
    PyObject *recorded = make_denial(self, reason, name, object);
    if (recorded != NULL) {
        *refused = 1;
        Py_DECREF(recorded);
    }
    return NULL;
}
