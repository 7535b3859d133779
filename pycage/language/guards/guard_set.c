/* GuardSet: what one sandbox owns, its guards as methods, and what the host may ask. */

#include "guards.h"

/* New reference to the exception that the host's factory makes, which also records it; or NULL with another. */
PyObject *
make_denial(GuardSet *self, const char *reason, PyObject *name, PyObject *object)
{
    if (self->denied == NULL) {
        PyErr_SetString(PyExc_PermissionError, "access denied: the sandbox is closed");
        return NULL;
    }
    const char *type_name = object == NULL ? "" : Py_TYPE(object)->tp_name;
    PyObject *text = PyUnicode_DecodeUTF8(type_name, (Py_ssize_t)strlen(type_name), "replace");
    if (text == NULL) {
        return NULL;
    }
    return PyObject_CallFunction(self->denied, "sON", reason, name == NULL ? Py_None : name, text);
}

/* Sets the exception that the host's factory makes, always something; returns NULL.  Runs the host's code only: it is
 * given the C name of the type, never the object. */
void *
deny(GuardSet *self, const char *reason, PyObject *name, PyObject *object)
{
    PyObject *exception = make_denial(self, reason, name, object);
    if (exception == NULL) {
        return NULL;
    }
    if (PyExceptionInstance_Check(exception)) {
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
    } else {
        PyErr_SetString(PyExc_PermissionError, "access denied");
    }
    Py_DECREF(exception);
    return NULL;
}

PyDoc_STRVAR(caller_doc, "caller(): globals and locals of the guest function that called the calling function.\n\n"
                         "Locals are the namespace itself at module and class level and a copy in a function.\n"
                         "Raises RuntimeError if the caller is not code of this sandbox.");

static PyObject *
guards_caller(GuardSet *self, PyObject *Py_UNUSED(ignored))
{
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    PyFrameObject *back = frame == NULL ? NULL : PyFrame_GetBack(frame);
    PyObject *result = NULL;
    Py_XDECREF(frame);
    if (back != NULL) {
        PyCodeObject *code = PyFrame_GetCode(back);
        if (is_own_code(self, (PyObject *)code)) {
            PyObject *globals = PyFrame_GetGlobals(back);
            PyObject *locals = PyFrame_GetLocals(back);
            if (locals != NULL && (code->co_flags & CO_OPTIMIZED)) {
                /* 3.13: a proxy that writes through to the frame (PEP 667). */
                PyObject *copy = PyDict_New();
                if (copy != NULL && PyDict_Update(copy, locals) < 0) {
                    Py_CLEAR(copy);
                }
                Py_SETREF(locals, copy);
            }
            if (locals != NULL) {
                result = PyTuple_Pack(2, globals, locals);
            }
            Py_XDECREF(globals);
            Py_XDECREF(locals);
        }
        Py_DECREF(code);
        Py_DECREF(back);
    }
    if (result == NULL && !PyErr_Occurred()) {
        PyErr_SetString(PyExc_RuntimeError, "only sandboxed code itself can ask for its namespace");
    }
    return result;
}

PyDoc_STRVAR(own_doc, "own(object, /): whether the object is the sandbox's own.");

static PyObject *
guards_own(GuardSet *self, PyObject *object)
{
    return PyBool_FromLong(is_own(self, object));
}

PyDoc_STRVAR(own_module_doc, "own_module(module, /): from now on the module is the sandbox's own (held weakly).");

static PyObject *
guards_own_module(GuardSet *self, PyObject *module)
{
    if (!PyModule_Check(module)) {
        PyErr_SetString(PyExc_TypeError, "a module is needed");
        return NULL;
    }
    PyObject *key = PyLong_FromVoidPtr(module), *reference = PyWeakref_NewRef(module, NULL);
    int status = key == NULL || reference == NULL || self->modules == NULL
                     ? -1 : PyDict_SetItem(self->modules, key, reference);
    Py_XDECREF(key);
    Py_XDECREF(reference);
    if (status < 0) {
        return PyErr_Occurred() ? NULL : deny(self, "", NULL, NULL);
    }
    Py_RETURN_NONE;
}

static int
guards_clear(GuardSet *self)
{
    memset(self->verdicts, 0, sizeof self->verdicts);
    for (size_t i = 0; i < JUDGED; i++) {
        PyObject *stand_in = self->judged[i].stand_in;
        self->judged[i] = (Judged){0};
        Py_XDECREF(stand_in);
    }
    forget(&self->bases);
    forget(&self->bare);
    forget(&self->honest);
    Py_CLEAR(self->owner);
    Py_CLEAR(self->code_owner);
    Py_CLEAR(self->denied);
    Py_CLEAR(self->stand_ins);
    Py_CLEAR(self->modules);
    Py_CLEAR(self->patterns);
    return 0;
}

PyDoc_STRVAR(own_bases_doc, "own_bases(class, /): a copy of the bases of an own class.  A class made with it is own, too.");

/* What a metaclass is given as well: attrs and six make a class again by `type(c)(name, c.__bases__, namespace)`. */
static PyObject *
guards_own_bases(GuardSet *self, PyObject *cls)
{
    if (!PyType_Check(cls) || !is_own_class(self, (PyTypeObject *)cls)) {
        PyErr_SetString(PyExc_TypeError, "a class of the sandbox is needed");
        return NULL;
    }
    PyObject *bases = fresh_bases(((PyTypeObject *)cls)->tp_bases);
    if (bases != NULL && may_own(bases) && add_bases(self, bases) < 0) {
        Py_CLEAR(bases);
    }
    return bases;
}

PyDoc_STRVAR(close_doc, "close(): own nothing any more; every guard refuses from now on.\n\n"
                        "Guards are constants of code objects, which the cyclic collector does not look into: without\n"
                        "this call a sandbox's domain would live as long as any code of it.");

static PyObject *
guards_close(GuardSet *self, PyObject *Py_UNUSED(ignored))
{
    guards_clear(self);
    Py_RETURN_NONE;
}

static PyMethodDef guards_methods[] = {
    {"write", (PyCFunction)guards_write, METH_O, write_doc},
    {"late", (PyCFunction)guards_late, METH_O, late_doc},
    {"augment", (PyCFunction)(void (*)(void))guards_augment, METH_FASTCALL, augment_doc},
    {"private", (PyCFunction)(void (*)(void))guards_private, METH_FASTCALL, private_doc},
    {"view", (PyCFunction)guards_view, METH_O, view_doc},
    {"view_private", (PyCFunction)(void (*)(void))guards_view_private, METH_FASTCALL, view_private_doc},
    {"format", (PyCFunction)(void (*)(void))guards_format, METH_FASTCALL | METH_KEYWORDS, format_doc},
    {"getattr", (PyCFunction)(void (*)(void))guards_getattr, METH_FASTCALL, getattr_doc},
    {"hasattr", (PyCFunction)(void (*)(void))guards_hasattr, METH_FASTCALL, hasattr_doc},
    {"setattr", (PyCFunction)(void (*)(void))guards_setattr, METH_FASTCALL, setattr_doc},
    {"delattr", (PyCFunction)(void (*)(void))guards_delattr, METH_FASTCALL, delattr_doc},
    {"build_class", (PyCFunction)(void (*)(void))guards_build_class, METH_FASTCALL | METH_KEYWORDS, build_class_doc},
    {"new_type", (PyCFunction)(void (*)(void))guards_new_type, METH_FASTCALL | METH_KEYWORDS, new_type_doc},
    {"pattern", (PyCFunction)guards_pattern, METH_O, pattern_doc},
    {"caught", (PyCFunction)guards_caught, METH_O, caught_doc},
    {"handled", (PyCFunction)guards_handled, METH_NOARGS, handled_doc},
    {"reraise", (PyCFunction)guards_reraise, METH_NOARGS, reraise_doc},
    {"caller", (PyCFunction)guards_caller, METH_NOARGS, caller_doc},
    {"own", (PyCFunction)guards_own, METH_O, own_doc},
    {"own_module", (PyCFunction)guards_own_module, METH_O, own_module_doc},
    {"own_bases", (PyCFunction)guards_own_bases, METH_O, own_bases_doc},
    {"close", (PyCFunction)guards_close, METH_NOARGS, close_doc},
    {NULL, NULL, 0, NULL},
};

static int
guards_traverse(GuardSet *self, visitproc visit, void *arg)
{
    for (size_t i = 0; self->bases.table != NULL && i <= self->bases.mask; i++) {
        Py_VISIT(self->bases.table[i]);
    }
    for (size_t i = 0; self->bare.table != NULL && i <= self->bare.mask; i++) {
        Py_VISIT(self->bare.table[i]);
    }
    for (size_t i = 0; self->honest.table != NULL && i <= self->honest.mask; i++) {
        Py_VISIT(self->honest.table[i]);
    }
    for (size_t i = 0; i < JUDGED; i++) {
        Py_VISIT(self->judged[i].stand_in);
    }
    Py_VISIT(self->owner);
    Py_VISIT(self->code_owner);
    Py_VISIT(self->denied);
    Py_VISIT(self->stand_ins);
    Py_VISIT(self->modules);
    Py_VISIT(self->patterns);
    return 0;
}

static void
guards_dealloc(GuardSet *self)
{
    PyObject_GC_UnTrack(self);
    if (self->weakrefs != NULL) {
        PyObject_ClearWeakRefs((PyObject *)self);
    }
    guards_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyObject *
guards_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"owner", "code_owner", "denied", "stand_ins", NULL};
    PyObject *owner, *code_owner, *denied, *stand_ins = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOO|O:GuardSet", names, &owner, &code_owner, &denied,
                                     &stand_ins)) {
        return NULL;
    }
    if (kinds == NULL || !PyCallable_Check(code_owner) || !PyCallable_Check(denied)) {
        PyErr_SetString(PyExc_TypeError, "GuardSet: code_owner and denied must be callable, and names configured");
        return NULL;
    }
    GuardSet *self = (GuardSet *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->owner = Py_NewRef(owner);
    self->code_owner = Py_NewRef(code_owner);
    self->denied = Py_NewRef(denied);
    self->stand_ins = stand_ins == Py_None ? NULL : Py_NewRef(stand_ins);
    self->modules = PyDict_New();
    self->patterns = PyDict_New();
    if (self->modules == NULL || self->patterns == NULL) {
        Py_CLEAR(self);
    }
    return (PyObject *)self;
}

PyDoc_STRVAR(guards_doc, "GuardSet(owner, code_owner, denied, stand_ins=None): what one sandbox owns, and its guards.\n\n"
                         "Args:\n"
                         "    owner: What code_owner answers for this sandbox's code; compared by identity.\n"
                         "    code_owner: code object -> its owner, or None.\n"
                         "    denied: (reason, attribute name or None, type name) -> the exception to raise.\n"
                         "    stand_ins: Its read(object, name) gives what a refused attribute has instead, or\n"
                         "        NotImplemented; its store(object, name, value) says whether it did it.");

PyTypeObject GuardSet_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "pycage.language._guards.GuardSet",
    .tp_basicsize = sizeof(GuardSet),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_doc = guards_doc,
    .tp_new = guards_new,
    .tp_dealloc = (destructor)guards_dealloc,
    .tp_traverse = (traverseproc)guards_traverse,
    .tp_clear = (inquiry)guards_clear,
    .tp_weaklistoffset = offsetof(GuardSet, weakrefs),
    .tp_methods = guards_methods,
};
