/* Ownership: whose an object is. */

/* Problem.  A read like x._y or a write like x.y = 1 cannot be judged by its name: it is fine on an object that the
 * sandbox made and a breach on one that the host lent.  So something has to know, in a few nanoseconds and without
 * being fooled, whose an object is.
 *
 * Things that do not work:
 *
 * - A mark in the class (an attribute, a slot): guests can set, copy and delete attributes, and namespaces are theirs.
 * - A set of classes: whoever registers "the result of the class statement" registers whatever a guest's metaclass
 *   returned, which may be a class of the host.  And dataclass(slots=True) makes a second class that nobody registered.
 * - Ask for __module__ or __name__: both are ordinary attributes.
 * - A mark at the address of a class: the class dies, and another is made at that address.
 *
 * Idea.  A class is the sandbox's own if and only if its tp_bases *is* a tuple that classes.c created for a class
 * statement of the sandbox.  type.__new__ keeps the tuple it is given, no class that existed before can hold a fresh
 * tuple, __bases__ may be neither read nor written by guests, and a class derived by copying (dataclass(slots=True),
 * attrs) passes the same tuple on and so is rightly own too.  The tuple is known before the class exists, so
 * __init_subclass__ and __set_name__ already see an own class.  An object is own if its class is; a class if it is or
 * its metaclass is; a function if its code is tagged; a module if the host said so.
 *
 * Classes that stand in for another object (GenericAlias, proxies) would make the other object look own, so nothing
 * derived from them is registered.
 *
 * The answer for a class is kept by the addresses of its MRO and its bases, two tuples that the sets below keep alive.
 *
 * What still fails.  A host class derived from a guest's class counts as own if it has the guest's __bases__ tuple or
 * metaclass.  A built-in exception that the host keeps can be written to by a guest that catches it.  What a method of a
 * host base class stores *in* an own object (its __dict__, its slots) is the sandbox's to read.  A class of a sandbox
 * lives as long as the sandbox: its MRO, which is kept alive, has the class in it.
 */

#include "guards.h"

static int mro_is_honest(GuardSet *self, PyObject *mro);

/* By its bases or by its metaclass, and by its MRO: a metaclass with an mro() of its own could let attribute look-up go
 * where no base is.  A class that the sandbox's metaclass makes by a call, meta(name, bases, namespace), is own although
 * nobody registered its bases: the metaclass has had its hands on everything in it.  That is not remembered, because
 * nothing here keeps its bases alive. */
int
judge_class(GuardSet *self, PyTypeObject *type)
{
    if (!has(&self->bases, type->tp_bases)) {
        return has(&self->bases, Py_TYPE(type)->tp_bases)
               && (has(&self->honest, type->tp_mro) || mro_is_honest(self, type->tp_mro));
    }
    if (!mro_is_honest(self, type->tp_mro)) {
        return 0;
    }
    if (has(&self->honest, type->tp_mro)) {     /* unless there was no memory to keep it */
        *verdict_of(self, type) = (Verdict){type->tp_mro, type->tp_bases, 0};
    }
    return 1;
}

/* Adds to one of the sets of a sandbox; what that drops is dropped from the verdicts first. */
int
keep(GuardSet *self, Addresses *set, PyObject *object)
{
    if (is_full(set)) {
        memset(self->verdicts, 0, sizeof self->verdicts);
    }
    return add(set, object);
}

int
add_bases(GuardSet *self, PyObject *bases)
{
    if (self->denied == NULL) {
        deny(self, "", NULL, NULL);
        return -1;
    }
    return keep(self, &self->bases, bases);
}

int
subtype_of_any(PyTypeObject *type, PyObject *types)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(types); i++) {
        if (PyType_IsSubtype(type, (PyTypeObject *)PyTuple_GET_ITEM(types, i))) {
            return 1;
        }
    }
    return 0;
}

/* Whether a class with these bases may count as own. */
int
may_own(PyObject *bases)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(bases); i++) {
        PyObject *base = PyTuple_GET_ITEM(bases, i);
        if (!PyType_Check(base) || PyType_IsSubtype((PyTypeObject *)base, &PySuper_Type)
            || subtype_of_any((PyTypeObject *)base, transparent) || subtype_of_any((PyTypeObject *)base, sealed)) {
            return 0;
        }
    }
    return 1;
}

static int
mro_is_honest(GuardSet *self, PyObject *mro)
{
    if (has(&self->honest, mro)) {
        return 1;
    }
    if (mro == NULL || !PyTuple_CheckExact(mro) || !may_own(mro)) {
        return 0;
    }
    if (keep(self, &self->honest, mro) < 0) {
        PyErr_Clear();
    }
    return 1;
}

/* -1 with an exception if one of these bases may be nobody's. */
int
check_sealed(GuardSet *self, PyObject *bases)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(bases); i++) {
        PyObject *base = PyTuple_GET_ITEM(bases, i);
        if (PyType_Check(base) && subtype_of_any((PyTypeObject *)base, sealed)) {
            const char *text = ((PyTypeObject *)base)->tp_name;
            PyObject *name = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
            if (name != NULL) {
                deny(self, "sealed", name, base);
                Py_DECREF(name);
            }
            return -1;
        }
    }
    return 0;
}

int
is_own_code(GuardSet *self, PyObject *code)
{
    if (self->code_owner == NULL || code == NULL) {
        return 0;
    }
    PyObject *owner = PyObject_CallOneArg(self->code_owner, code);
    if (owner == NULL) {
        PyErr_Clear();
        return 0;
    }
    int own = owner == self->owner && owner != Py_None;
    Py_DECREF(owner);
    return own;
}

static int
is_own_module(GuardSet *self, PyObject *module)
{
    PyObject *key = self->modules == NULL ? NULL : PyLong_FromVoidPtr(module);
    if (key == NULL) {
        PyErr_Clear();
        return 0;
    }
    PyObject *reference = PyDict_GetItemWithError(self->modules, key);
    Py_DECREF(key);
    if (reference == NULL) {
        PyErr_Clear();
        return 0;
    }
    PyObject *target = weak_target(reference);
    int own = target == module;
    Py_XDECREF(target);
    return own;
}

/* New reference to the object behind a super object, or NULL without an exception.  Through super's own descriptor:
 * a subclass may define another __self__. */
PyObject *
behind_super(PyObject *object)
{
    PyObject *self = Py_TYPE(super_self)->tp_descr_get(super_self, object, (PyObject *)Py_TYPE(object));
    if (self == NULL) {
        PyErr_Clear();
        return NULL;
    }
    if (self == Py_None) {
        Py_CLEAR(self);
    }
    return self;
}

int
is_own_slow(GuardSet *self, PyObject *object)
{
    if (PyType_Check(object)) {
        return is_own_class(self, (PyTypeObject *)object);
    }
    if (PyFunction_Check(object)) {
        return is_own_code(self, PyFunction_GET_CODE(object));
    }
    if (PyModule_Check(object)) {
        return is_own_module(self, object);
    }
    if (is_super(object)) {
        PyObject *behind = behind_super(object);
        /* One level: a super object of a super object is nobody's. */
        int own = behind != NULL && !is_super(behind)
                  && (is_own_class(self, Py_TYPE(behind)) || is_own_slow(self, behind));
        Py_XDECREF(behind);
        return own;
    }
    return 0;
}

/* Whether a value that an attribute led to may be handed out: own, or a method made of an own function, or None. */
int
is_own_value(GuardSet *self, PyObject *value)
{
    if (value == Py_None || is_own(self, value)) {
        return 1;
    }
    return PyMethod_Check(value) && is_own(self, PyMethod_GET_FUNCTION(value));
}

/* Whether nothing can be assigned on the object and it has no private names (__special__ ones do not count): it may say
 * so itself, in the words that programs know. */
int
is_inert(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    return object == Py_None || type == &PyLong_Type || type == &PyUnicode_Type || type == &PyBool_Type
           || type == &PyFloat_Type || type == &PyTuple_Type || type == &PyList_Type || type == &PyDict_Type
           || type == &PySet_Type || type == &PyFrozenSet_Type || type == &PyBytes_Type || type == &PyComplex_Type;
}

/* Types that are made while the program runs cannot be listed; who makes them knows them. */
static int
write_rule_allows(PyObject *object)
{
    if (write_rule == NULL) {
        return 0;
    }
    PyObject *answer = PyObject_CallOneArg(write_rule, (PyObject *)Py_TYPE(object));
    int allows = answer == Py_True;
    Py_XDECREF(answer);
    PyErr_Clear();
    return allows;
}

/* What is left of is_writable() for an object whose class is not own. */
int
is_writable_slow(GuardSet *self, PyObject *object)
{
    if (is_inert(object)) {
        return 1;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(safe_types); i++) {
        if (Py_IS_TYPE(object, (PyTypeObject *)PyTuple_GET_ITEM(safe_types, i))) {
            return !has(&shared_objects, object);
        }
    }
    /* `e.args = ...` before raising it again: whoever holds a built-in exception could as well raise another. */
    if (PyExceptionInstance_Check(object) && !(Py_TYPE(object)->tp_flags & Py_TPFLAGS_HEAPTYPE)) {
        return 1;
    }
    int own = is_own_slow(self, object);
    return own != 0 ? own : write_rule_allows(object);
}
