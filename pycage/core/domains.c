/* Domains, and the tags that make code theirs. */

#include "core.h"

static int
domain_traverse(domain_object *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->allowed);
    return 0;
}

static int
domain_clear(domain_object *self)
{
    Py_CLEAR(self->allowed);
    return 0;
}

static void
domain_dealloc(domain_object *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_CLEAR(self->allowed);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMemberDef domain_members[] = {
    {"recording", T_BOOL, offsetof(domain_object, recording), 0, "Ask Python every time, so that it can record."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot domain_slots[] = {
    {Py_tp_doc, "Base of ProtectionDomain: what code objects are tagged with."},
    {Py_tp_traverse, domain_traverse},
    {Py_tp_clear, domain_clear},
    {Py_tp_dealloc, domain_dealloc},
    {Py_tp_members, domain_members},
    {0, NULL},
};

PyType_Spec domain_spec = {
    .name = "pycage._core.Domain",
    .basicsize = sizeof(domain_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = domain_slots,
};

/* What the interpreter calls when a code object dies. */
void
free_tag(void *domain)
{
    Py_XDECREF((PyObject *)domain);
}

/* Calls itself for nested code; `check` only looks whether any of it belongs to another domain. */
static int
tag_nested(PyObject *code, PyObject *domain, int check)
{
    PyObject *owner = domain_of_code(code);
    if (owner != NULL && owner != domain) {
        PyErr_SetString(PyExc_ValueError, "this code belongs to another domain already");
        return -1;
    }
    if (!check && owner == NULL) {
        if (code_set_extra(code, core.extra_index, Py_NewRef(domain)) < 0) {
            Py_DECREF(domain);
            return -1;
        }
        core.tagged = 1;
    }
    PyObject *constants = PyObject_GetAttrString(code, "co_consts");
    if (constants == NULL || Py_EnterRecursiveCall(" while tagging nested code")) {
        Py_XDECREF(constants);
        return -1;
    }
    int result = 0;
    for (Py_ssize_t i = 0; result == 0 && i < PyTuple_GET_SIZE(constants); i++) {
        PyObject *constant = PyTuple_GET_ITEM(constants, i);
        if (PyCode_Check(constant)) {
            result = tag_nested(constant, domain, check);
        }
    }
    Py_LeaveRecursiveCall();
    Py_DECREF(constants);
    return result;
}

/* Tags `code` and all code nested in it, or nothing: code of another domain is an error, identity never changes. */
int
tag_code(PyObject *code, PyObject *domain)
{
    return tag_nested(code, domain, 1) < 0 ? -1 : tag_nested(code, domain, 0);
}

PyDoc_STRVAR(tag_doc, "tag(code, domain, /)\n--\n\n"
                      "Make code, and all code nested in it, the code of domain.  Code of another domain: ValueError.");

static PyObject *
core_tag(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2 || !PyCode_Check(arguments[0]) || !PyObject_TypeCheck(arguments[1], core.domain_type)) {
        PyErr_SetString(PyExc_TypeError, "tag(code, domain) needs a code object and a Domain");
        return NULL;
    }
    if (tag_code(arguments[0], arguments[1]) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(code_domain_doc, "code_domain(code, /)\n--\n\nReturn the domain of a code object, or None for host code.");

static PyObject *
core_code_domain(PyObject *Py_UNUSED(module), PyObject *code)
{
    if (!PyCode_Check(code)) {
        PyErr_Format(PyExc_TypeError, "code_domain() needs a code object, got %.100s", Py_TYPE(code)->tp_name);
        return NULL;
    }
    PyObject *domain = domain_of_code(code);
    return Py_NewRef(domain != NULL ? domain : Py_None);
}

PyDoc_STRVAR(function_domain_doc, "function_domain(callable, /)\n--\n\n"
                                  "Return the domain of a Python function's or method's code; None: host, or no function.");

static PyObject *
core_function_domain(PyObject *Py_UNUSED(module), PyObject *callable)
{
    if (Py_IS_TYPE(callable, &PyMethod_Type)) {
        callable = PyMethod_GET_FUNCTION(callable);
    }
    PyObject *domain = PyFunction_Check(callable) ? domain_of_code(PyFunction_GET_CODE(callable)) : NULL;
    return Py_NewRef(domain != NULL ? domain : Py_None);
}

PyDoc_STRVAR(seal_doc, "seal(type, /)\n--\n\n"
                       "Make a class impossible to derive from, and return it; typing.final only tells type checkers.");

static PyObject *
core_seal(PyObject *Py_UNUSED(module), PyObject *type)
{
    if (!PyType_Check(type) || !PyType_HasFeature((PyTypeObject *)type, Py_TPFLAGS_HEAPTYPE)) {
        PyErr_SetString(PyExc_TypeError, "seal() needs a class");
        return NULL;
    }
    /* Not __init_subclass__: a base that stands first and does not call super() would bypass it. */
    ((PyTypeObject *)type)->tp_flags &= ~Py_TPFLAGS_BASETYPE;
    PyType_Modified((PyTypeObject *)type);
    return Py_NewRef(type);
}

PyMethodDef domain_functions[] = {
    {"code_domain", core_code_domain, METH_O, code_domain_doc},
    {"function_domain", core_function_domain, METH_O, function_domain_doc},
    {"seal", core_seal, METH_O, seal_doc},
    {"tag", (PyCFunction)(void (*)(void))core_tag, METH_FASTCALL, tag_doc},
    {NULL, NULL, 0, NULL},
};
