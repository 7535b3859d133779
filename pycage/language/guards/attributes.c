/* The guards of attributes: what `x.a = v`, `x._a`, getattr(x, "a") and the like call in rewritten source. */

#include "guards.h"

DOC(write_doc, "write(object, /): return the object if its attributes may be assigned, raise otherwise.");

static PyObject *refuser_new(GuardSet *self, PyObject *object);

PyObject *
guards_write(GuardSet *self, PyObject *object)
{
    if (is_writable(self, object)) {
        return PyType_Check(object) || keeps_factory(object) ? refuser_new(self, object) : Py_NewRef(object);
    }
    return deny(self, "write", NULL, object);
}

/* The stand-in for an object whose attributes have to be judged one by one. */
static PyObject *
refuser_new(GuardSet *self, PyObject *object)
{
    Refuser *refuser = PyObject_GC_New(Refuser, &Refuser_Type);
    if (refuser == NULL) {
        return NULL;
    }
    refuser->guards = (GuardSet *)Py_NewRef(self);
    refuser->target = Py_NewRef(object);
    PyObject_GC_Track(refuser);
    return (PyObject *)refuser;
}

DOC(late_doc, "late(object, /): a stand-in for it that judges what is assigned or deleted when that happens.");

PyObject *
guards_late(GuardSet *self, PyObject *object)
{
    return refuser_new(self, object);
}

DOC(augment_doc, "augment(object, name, /): as write(), if the attribute may be read as well.");

PyObject *
guards_augment(GuardSet *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2 || !PyUnicode_CheckExact(args[1])) {
        PyErr_SetString(PyExc_TypeError, "augment expected an object and a name");
        return NULL;
    }
    int kind = classify(args[1]), allowed = 0;
    if (kind == OWN) {
        int reach = private_reach(self, args[0], args[1]);
        if (reach < 0) {
            return NULL;
        }
        if (reach == NARROW && !is_super(args[0])) {
            return refuser_new(self, args[0]);
        }
        allowed = reach == FREE;
    } else if (kind == VALUE) {
        PyObject *types = PyDict_GetItemWithError(value_of, args[1]);
        allowed = types != NULL && !concerns(args[0], types);
    }
    if (PyErr_Occurred()) {
        return NULL;
    }
    if (!allowed || !is_writable(self, args[0])) {
        return deny(self, "write", args[1], args[0]);
    }
    return Py_NewRef(args[0]);
}

DOC(private_doc, "private(object, name, /): what the private or special name may be read from.\n\n"
                 "Raises if there is nothing: the object is not the sandbox's own.");

PyObject *
guards_private(GuardSet *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2 || !PyUnicode_CheckExact(args[1])) {
        PyErr_SetString(PyExc_TypeError, "private expected an object and a name");
        return NULL;
    }
    switch (private_reach(self, args[0], args[1])) {
    case FREE:
        return Py_NewRef(args[0]);
    case NARROW:
        return refuser_new(self, args[0]);
    case NOT:
        return deny(self, "private", args[1], args[0]);
    default:
        return NULL;
    }
}

DOC(view_doc, "view(object, /): the object if its attributes may be assigned, else a stand-in that judges\n"
              "each access.");

PyObject *
guards_view(GuardSet *self, PyObject *object)
{
    return is_writable(self, object) && !PyType_Check(object) ? Py_NewRef(object) : refuser_new(self, object);
}

DOC(view_private_doc, "view_private(object, names, /): the object if it is the sandbox's own and all these\n"
                      "private names may be read from it, else as view().  No name may end in an underscore.");

PyObject *
guards_view_private(GuardSet *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2 || !PyTuple_CheckExact(args[1])) {
        PyErr_SetString(PyExc_TypeError, "view_private expected an object and names");
        return NULL;
    }
    PyObject *object = args[0], *names = args[1];
    if ((is_own_and_bare(self, Py_TYPE(object)) && !PyType_Check(object)) || is_inert(object)) {
        return Py_NewRef(object);
    }
    int free = is_own(self, object);
    for (Py_ssize_t i = 0; free && i < PyTuple_GET_SIZE(names); i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i);
        int reach = PyUnicode_CheckExact(name) ? private_reach(self, object, name) : NOT;
        if (reach < 0) {
            return NULL;
        }
        free = reach == FREE;
    }
    return free && !PyType_Check(object) ? Py_NewRef(object) : refuser_new(self, object);
}

DOC(getattr_doc, "getattr(object, name[, default]): as the built-in, for what the object allows.\n\n"
                 "What is refused counts as missing where there is a default.");

PyObject *
guards_getattr(GuardSet *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2 && count != 3) {
        PyErr_Format(PyExc_TypeError, "getattr expected 2 or 3 arguments, got %zd", count);
        return NULL;
    }
    int refused = 0;
    PyObject *value = read_through(self, args[0], args[1], NULL, NULL, count == 3 ? &refused : NULL);
    if (value != NULL || count == 2) {
        return value;
    }
    if (!refused) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) {
            return NULL;
        }
        PyErr_Clear();
    }
    return Py_NewRef(args[2]);
}

DOC(hasattr_doc, "hasattr(object, name): as the built-in; what is refused counts as missing.");

PyObject *
guards_hasattr(GuardSet *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2) {
        PyErr_Format(PyExc_TypeError, "hasattr expected 2 arguments, got %zd", count);
        return NULL;
    }
    int refused = 0;
    PyObject *value = read_through(self, args[0], args[1], NULL, NULL, &refused);
    if (value != NULL) {
        Py_DECREF(value);
        Py_RETURN_TRUE;
    }
    if (!refused) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) {
            return NULL;
        }
        PyErr_Clear();
    }
    Py_RETURN_FALSE;
}

/* Assigns or deletes an attribute that no program may store as it stands: 1 if a stand-in did it, 0 if there is none for
 * this object, -1 with an exception. */
static int
store_by_stand_in(GuardSet *self, PyObject *object, PyObject *name, PyObject *value)
{
    if (self->stand_ins == NULL || value == NULL || !PyUnicode_CheckExact(name) || storable(name) != 0) {
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *done = PyObject_CallMethodObjArgs(self->stand_ins, name_store, object, name, value, NULL);
    if (done == NULL) {
        return -1;
    }
    int status = done == Py_True;
    Py_DECREF(done);
    return status;
}

/* 0 if an attribute of that name may be set on that object, else -1 with an exception. */
int
check_store(GuardSet *self, PyObject *object, PyObject *name)
{
    if (!PyUnicode_CheckExact(name)) {
        PyErr_SetString(PyExc_TypeError, "attribute name must be exactly str");
        return -1;
    }
    int allowed = storable(name);
    if (allowed < 0) {
        return -1;
    }
    if (!allowed) {
        deny(self, "never", name, object);
        return -1;
    }
    if (!is_writable(self, object)) {
        deny(self, "write", name, object);
        return -1;
    }
    if (PyType_Check(object) && is_metaclass_method(name)) {
        int found = has_metaclass((PyTypeObject *)object);
        if (found != 0) {
            if (found > 0) {
                deny(self, "metaclass method", name, object);
            }
            return -1;
        }
    }
    return 0;
}

/* Assigns, or deletes if there is no value.  Special methods of classes are called by the interpreter: see
 * special_methods.c. */
static int
store_kept(PyObject *object, PyObject *name, PyObject *value)
{
    PyObject *kept = value == NULL ? NULL : kept_attribute(object, name, value);
    if (kept == NULL && value != NULL) {
        return -1;
    }
    int status = PyObject_SetAttr(object, name, kept);
    Py_XDECREF(kept);
    return status;
}

DOC(setattr_doc, "setattr(object, name, value): as the built-in, on the sandbox's own objects.");

PyObject *
guards_setattr(GuardSet *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 3) {
        PyErr_Format(PyExc_TypeError, "setattr expected 3 arguments, got %zd", count);
        return NULL;
    }
    int done = store_by_stand_in(self, args[0], args[1], args[2]);
    if (done < 0 || (done == 0 && (check_store(self, args[0], args[1]) < 0
                                   || store_kept(args[0], args[1], args[2]) < 0))) {
        return NULL;
    }
    Py_RETURN_NONE;
}

DOC(delattr_doc, "delattr(object, name): as the built-in, on the sandbox's own objects.");

PyObject *
guards_delattr(GuardSet *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2) {
        PyErr_Format(PyExc_TypeError, "delattr expected 2 arguments, got %zd", count);
        return NULL;
    }
    if (check_store(self, args[0], args[1]) < 0 || PyObject_SetAttr(args[0], args[1], NULL) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* Only names that are private, or are stored to, are asked of it. */
static PyObject *
refuser_getattro(Refuser *self, PyObject *name)
{
    int kind = PyUnicode_CheckExact(name) ? classify(name) : NEVER;
    if (kind == PLAIN && is_writable(self->guards, self->target)) {
        return PyObject_GetAttr(self->target, name);    /* the read of `x.a += 1` */
    }
    int reach = kind == OWN ? private_reach(self->guards, self->target, name) : NOT, hidden = 0;
    if (reach < 0 || reach == FREE) {
        return reach < 0 ? NULL : PyObject_GetAttr(self->target, name);
    }
    if (reach == NARROW) {
        PyObject *value = private_get(self->guards, self->target, name, &hidden);
        if (!hidden) {
            return value;
        }
    }
    return kind < 0 ? NULL : deny(self->guards, "private", name, self->target);
}

/* What is not own may still be writable: a plain container of attributes. */
static int
refuser_setattro(Refuser *self, PyObject *name, PyObject *value)
{
    int done = store_by_stand_in(self->guards, self->target, name, value);
    if (done != 0) {
        return done < 0 ? -1 : 0;
    }
    if (check_store(self->guards, self->target, name) < 0) {
        return -1;
    }
    return store_kept(self->target, name, value);
}

static int
refuser_traverse(Refuser *self, visitproc visit, void *arg)
{
    Py_VISIT(self->guards);
    Py_VISIT(self->target);
    return 0;
}

static void
refuser_dealloc(Refuser *self)
{
    PyObject_GC_UnTrack(self);
    Py_XDECREF(self->guards);
    Py_XDECREF(self->target);
    PyObject_GC_Del(self);
}

PyTypeObject Refuser_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "pycage.language._guards.refuser",
    .tp_basicsize = sizeof(Refuser),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_getattro = (getattrofunc)refuser_getattro,
    .tp_setattro = (setattrofunc)refuser_setattro,
    .tp_dealloc = (destructor)refuser_dealloc,
    .tp_traverse = (traverseproc)refuser_traverse,
};
