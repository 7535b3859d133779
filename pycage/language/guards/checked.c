/* Methods that change or read whatever they are called on (object.__setattr__), judged when they are called. */

#include "guards.h"

PyObject *
checked_new(GuardSet *self, PyObject *name, PyObject *real, PyObject *target, int prepend)
{
    Checked *checked = PyObject_GC_New(Checked, &Checked_Type);
    if (checked == NULL) {
        return NULL;
    }
    checked->guards = (GuardSet *)Py_NewRef(self);
    checked->name = Py_NewRef(name);
    checked->real = Py_NewRef(real);
    checked->target = Py_XNewRef(target);
    checked->prepend = prepend;
    PyObject_GC_Track(checked);
    return (PyObject *)checked;
}

/* __init__, __setattr__, __delattr__, __getattribute__, __getattr__: methods that change or read whatever they are
 * called on.  Steals value.  The sandbox's own functions are given as they are; all others so that each call is judged
 * by its target.  NULL with *denied and no exception if the method may not be had. */
PyObject *
judged_method(GuardSet *self, PyObject *object, PyObject *name, PyObject *value, int kind, int *denied)
{
    PyObject *function = PyMethod_Check(value) ? PyMethod_GET_FUNCTION(value) : value;
    if (PyFunction_Check(function) && is_own_code(self, PyFunction_GET_CODE(function))) {
        return value;
    }
    if (Py_IS_TYPE(value, &Checked_Type)) {
        return value;
    }
    PyObject *result = NULL;
    if (PyType_Check(object)) {
        /* The class's own idea of the method, not bound to anything: the first argument is the target. */
        if (PyFunction_Check(value) || Py_IS_TYPE(value, &PyWrapperDescr_Type)
            || Py_IS_TYPE(value, &PyMethodDescr_Type)) {
            result = checked_new(self, name, value, NULL, 0);
        } else {
            *denied = 1;
        }
    } else if (!is_own(self, object)) {
        *denied = 1;
    } else if (kind == MUTATOR && PyUnicode_Compare(name, name_init) == 0) {
        return value;
    } else {
        PyObject *target = is_super(object) ? behind_super(object) : Py_NewRef(object);
        if (target != NULL) {
            result = checked_new(self, name, value, target, 0);
            Py_DECREF(target);
        } else {
            *denied = 1;
        }
    }
    Py_DECREF(value);
    return result;
}

/* Calls __setattr__ or __delattr__; the value, if there is one, stands at `place`. */
static PyObject *
call_storing(PyObject *real, PyObject *target, PyObject *all, Py_ssize_t place)
{
    if (PyTuple_GET_SIZE(all) != place + 1) {
        return PyObject_Call(real, all, NULL);
    }
    PyObject *value = PyTuple_GET_ITEM(all, place);
    PyObject *kept = kept_attribute(target, PyTuple_GET_ITEM(all, place - 1), value);
    PyObject *others = kept == NULL ? NULL : PyTuple_GetSlice(all, 0, place), *result = NULL;
    PyObject *last = others == NULL ? NULL : PyTuple_Pack(1, kept);
    PyObject *joined = last == NULL ? NULL : PySequence_Concat(others, last);
    if (joined != NULL) {
        result = PyObject_Call(real, joined, NULL);
    }
    Py_XDECREF(kept);
    Py_XDECREF(others);
    Py_XDECREF(last);
    Py_XDECREF(joined);
    return result;
}

static PyObject *
checked_call(Checked *self, PyObject *args, PyObject *kwargs)
{
    GuardSet *guards = self->guards;
    PyObject *target = self->target, *all = NULL, *result = NULL;
    Py_ssize_t next = 0;    /* where the name stands, if the method takes one */
    if (target == NULL || self->prepend) {
        if (target == NULL) {
            if (PyTuple_GET_SIZE(args) < 1) {
                PyErr_Format(PyExc_TypeError, "%U needs an argument", self->name);
                return NULL;
            }
            target = PyTuple_GET_ITEM(args, 0);
            all = Py_NewRef(args);
        } else {
            PyObject *first = PyTuple_Pack(1, target);
            all = first == NULL ? NULL : PySequence_Concat(first, args);
            Py_XDECREF(first);
            if (all == NULL) {
                return NULL;
            }
        }
        next = 1;
    } else {
        all = Py_NewRef(args);
    }
    int kind = classify(self->name);
    PyObject *name = PyTuple_GET_SIZE(all) > next ? PyTuple_GET_ITEM(all, next) : NULL;
    if (kind == CHANGER || (kind == MUTATOR && PyUnicode_Compare(self->name, name_init) == 0)) {
        if (is_own(guards, target)) {
            result = PyObject_Call(self->real, all, kwargs);
        } else {
            deny(guards, "write", self->name, target);
        }
    } else if (name == NULL || (kwargs != NULL && PyDict_GET_SIZE(kwargs) > 0)) {
        PyErr_Format(PyExc_TypeError, "%U needs the attribute name, by position", self->name);
    } else if (kind == MUTATOR) {
        if (check_store(guards, target, name) == 0) {
            result = call_storing(self->real, target, all, next + 1);
        }
    } else {
        result = read_through(guards, target, name, self->real, all, NULL);
    }
    Py_DECREF(all);
    return result;
}

/* A class may keep the method: `__setattr__ = object.__setattr__`. */
static PyObject *
checked_get(Checked *self, PyObject *object, PyObject *Py_UNUSED(type))
{
    if (self->target != NULL || object == NULL || object == Py_None) {
        return Py_NewRef(self);
    }
    return checked_new(self->guards, self->name, self->real, object, 1);
}

static int
checked_traverse(Checked *self, visitproc visit, void *arg)
{
    Py_VISIT(self->guards);
    Py_VISIT(self->real);
    Py_VISIT(self->target);
    return 0;
}

static void
checked_dealloc(Checked *self)
{
    PyObject_GC_UnTrack(self);
    Py_XDECREF(self->guards);
    Py_XDECREF(self->name);
    Py_XDECREF(self->real);
    Py_XDECREF(self->target);
    PyObject_GC_Del(self);
}

PyTypeObject Checked_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "pycage.language._guards.checked_method",
    .tp_basicsize = sizeof(Checked),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_call = (ternaryfunc)checked_call,
    .tp_descr_get = (descrgetfunc)checked_get,
    .tp_dealloc = (destructor)checked_dealloc,
    .tp_traverse = (traverseproc)checked_traverse,
};
