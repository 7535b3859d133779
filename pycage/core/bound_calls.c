/* Calls bound to a context: what is called counts as called from where it was bound, on whatever stack it runs. */

#include "core.h"

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    PyObject *context;
    PyObject *callable;
} bound_call_object;

static int
bound_call_traverse(bound_call_object *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->context);
    Py_VISIT(self->callable);
    return 0;
}

static int
bound_call_clear(bound_call_object *self)
{
    /* The context stays until the object dies: cleared together with the callable, a cycle could call without it. */
    Py_CLEAR(self->callable);
    return 0;
}

static void
bound_call_dealloc(bound_call_object *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, bound_call_dealloc) /* bound calls of bound calls, a million deep */
    Py_CLEAR(self->callable);
    Py_CLEAR(self->context);
    type->tp_free(self);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

static PyObject *
bound_call_call(bound_call_object *self, PyObject *const *arguments, size_t count, PyObject *keywords)
{
    if (self->callable == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "this bound call is being destroyed");
        return NULL;
    }
    PyObject *callable = Py_NewRef(self->callable), *context = Py_NewRef(self->context);
    PyObject *result = NULL;
    record *rec = enter_record(RECORD_BOUND, context, NULL);
    /* What is bound can lead to another bound call, and so on: all of it C, which nobody else counts. */
    if (rec != NULL && Py_EnterRecursiveCall(" in a bound call") == 0) {
        result = PyObject_Vectorcall(callable, arguments, count, keywords);
        Py_LeaveRecursiveCall();
    }
    if (rec != NULL) {
        leave_record(rec);
    }
    Py_DECREF(callable);
    Py_DECREF(context);
    return result;
}

/* -1 with a TypeError unless it is a context that pycage made. */
int
require_context(PyObject *context)
{
    if ((PyObject *)Py_TYPE(context) != core.context_type) {
        PyErr_Format(PyExc_TypeError, "context must be an AccessControlContext from get_context(), got %.100s",
                     Py_TYPE(context)->tp_name);
        return -1;
    }
    return 0;
}

PyDoc_STRVAR(bind_doc, "bind(context, callable, /)\n--\n\n"
                       "Return a callable that calls callable with context added to whatever stack it runs on.");

static PyObject *
core_bind(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "bind(context, callable)");
        return NULL;
    }
    if (require_context(arguments[0]) < 0) {
        return NULL;
    }
    if (!PyCallable_Check(arguments[1])) {
        PyErr_Format(PyExc_TypeError, "bind() needs something to call, got %.100s", Py_TYPE(arguments[1])->tp_name);
        return NULL;
    }
    bound_call_object *self = PyObject_GC_New(bound_call_object, core.bound_call_type);
    if (self == NULL) {
        return NULL;
    }
    self->vectorcall = (vectorcallfunc)bound_call_call;
    self->context = Py_NewRef(arguments[0]);
    self->callable = Py_NewRef(arguments[1]);
    PyObject_GC_Track(self);
    return (PyObject *)self;
}

static PyMemberDef bound_call_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(bound_call_object, vectorcall), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot bound_call_slots[] = {
    {Py_tp_doc, "A callable tied to an AccessControlContext; shows nothing of either."},
    {Py_tp_traverse, bound_call_traverse},
    {Py_tp_clear, bound_call_clear},
    {Py_tp_dealloc, bound_call_dealloc},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_members, bound_call_members},
    {0, NULL},
};

PyType_Spec bound_call_spec = {
    .name = "pycage._core.BoundCall",
    .basicsize = sizeof(bound_call_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION |
             Py_TPFLAGS_IMMUTABLETYPE,
    .slots = bound_call_slots,
};

PyMethodDef bound_call_functions[] = {
    {"bind", (PyCFunction)(void (*)(void))core_bind, METH_FASTCALL, bind_doc},
    {NULL, NULL, 0, NULL},
};
