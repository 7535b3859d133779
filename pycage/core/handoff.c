/* Functions that store work for later, and their stand-ins. */

#include "core.h"

/* What stands in place of a function that stores work for later: with only the host on the stack it is that function,
 * otherwise `slow` is called with the same arguments.
 *
 * What asyncio stores for itself passes, because there a walk would be felt: the next step of a task, which belongs to
 * whoever made the task and was bound then, and asyncio's own functions that pass on the result of a future. */
typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    PyObject *original;
    PyObject *slow;
    Py_ssize_t position; /* of the first argument that is stored: without it nothing is */
    int passes;          /* what asyncio stores for itself passes */
} hand_off_object;

static struct {
    PyTypeObject *step_type; /* what an event loop is given for the next step of a task; NULL: not known */
    PyCFunction wakeup;      /* the C function that goes on with a task when what it waits for is done */
    PyObject *passing;       /* tuple: code of asyncio's own functions that only pass on the result of a future */
} asyncio;

static int
passes(PyObject *argument)
{
    if (asyncio.step_type == NULL) {
        return 0;
    }
    if (Py_IS_TYPE(argument, asyncio.step_type)) {
        return 1;
    }
    if (PyCFunction_CheckExact(argument)) {
        return PyCFunction_GET_FUNCTION(argument) == asyncio.wakeup;
    }
    if (Py_IS_TYPE(argument, &PyMethod_Type)) {
        argument = PyMethod_GET_FUNCTION(argument);
    }
    if (PyFunction_Check(argument)) {
        PyObject *code = PyFunction_GET_CODE(argument);
        for (Py_ssize_t i = PyTuple_GET_SIZE(asyncio.passing); i-- > 0;) {
            if (PyTuple_GET_ITEM(asyncio.passing, i) == code) {
                return 1;
            }
        }
    }
    return 0;
}

static PyObject *
hand_off_vectorcall(PyObject *callable, PyObject *const *arguments, size_t flagged, PyObject *keywords)
{
    hand_off_object *self = (hand_off_object *)callable;
    Py_ssize_t count = PyVectorcall_NARGS(flagged);
    int given = count > self->position;
    PyObject *target = self->original;
    if ((given || keywords != NULL) && !(self->passes && given && passes(arguments[self->position])) &&
        (core.tagged || top_record != NULL || !core.host_unrestricted)) {
        walk_result walk;
        if (walk_stack(&walk, PyThreadState_Get()) < 0) {
            return NULL;
        }
        if (!walk_is_trivial(&walk)) {
            target = self->slow;
        }
        walk_clear(&walk);
    }
    return PyObject_Vectorcall(target, arguments, flagged, keywords);
}

static PyObject *
hand_off_get(PyObject *self, PyObject *instance, PyObject *Py_UNUSED(owner))
{
    return instance == NULL || instance == Py_None ? Py_NewRef(self) : PyMethod_New(self, instance);
}

/* Names, documentation, signature: those of the original. */
static PyObject *
hand_off_getattro(PyObject *self, PyObject *name)
{
    PyObject *original = ((hand_off_object *)self)->original;
    if (!PyUnicode_Check(name)) {
        return PyObject_GenericGetAttr(self, name); /* says so */
    }
    if (PyUnicode_CompareWithASCIIString(name, "__wrapped__") == 0) {
        return Py_NewRef(original);
    }
    if (PyUnicode_CompareWithASCIIString(name, "__doc__") != 0 && PyUnicode_CompareWithASCIIString(name, "__module__") != 0) {
        PyObject *found = PyObject_GenericGetAttr(self, name);
        if (found != NULL || !PyErr_ExceptionMatches(PyExc_AttributeError)) {
            return found;
        }
        PyErr_Clear();
    }
    return PyObject_GetAttr(original, name);
}

static PyObject *
hand_off_reduce(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return PyObject_GetAttrString(((hand_off_object *)self)->original, "__qualname__"); /* found by its name */
}

static PyObject *
hand_off_repr(PyObject *self)
{
    return PyUnicode_FromFormat("<hand-off to %R>", ((hand_off_object *)self)->original);
}

static int
hand_off_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((hand_off_object *)self)->original);
    Py_VISIT(((hand_off_object *)self)->slow);
    return 0;
}

static void
hand_off_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_CLEAR(((hand_off_object *)self)->original);
    Py_CLEAR(((hand_off_object *)self)->slow);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef hand_off_methods[] = {
    {"__reduce__", hand_off_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef hand_off_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(hand_off_object, vectorcall), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

/* No tp_clear: a hand-off lives as long as the process, and must never be found half undone. */
static PyType_Slot hand_off_function_slots[] = {
    {Py_tp_doc, "A function that stores work for later; see the original."},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_getattro, hand_off_getattro},
    {Py_tp_repr, hand_off_repr},
    {Py_tp_traverse, hand_off_traverse},
    {Py_tp_dealloc, hand_off_dealloc},
    {Py_tp_methods, hand_off_methods},
    {Py_tp_members, hand_off_members},
    {0, NULL},
};

static PyType_Slot hand_off_method_slots[] = {
    {Py_tp_doc, "A method that stores work for later; see the original."},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_descr_get, hand_off_get},
    {Py_tp_getattro, hand_off_getattro},
    {Py_tp_repr, hand_off_repr},
    {Py_tp_traverse, hand_off_traverse},
    {Py_tp_dealloc, hand_off_dealloc},
    {Py_tp_methods, hand_off_methods},
    {Py_tp_members, hand_off_members},
    {0, NULL},
};

#define HAND_OFF_FLAGS \
    (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE | \
     Py_TPFLAGS_HAVE_VECTORCALL)

PyType_Spec hand_off_specs[2] = {
    {
        .name = "pycage._core.HandOffFunction",
        .basicsize = sizeof(hand_off_object),
        .flags = HAND_OFF_FLAGS,
        .slots = hand_off_function_slots,
    },
    {
        .name = "pycage._core.HandOffMethod",
        .basicsize = sizeof(hand_off_object),
        .flags = HAND_OFF_FLAGS | Py_TPFLAGS_METHOD_DESCRIPTOR,
        .slots = hand_off_method_slots,
    },
};

PyDoc_STRVAR(hand_off_doc, "hand_off(original, slow, /, *, position, method, passes=False)\n--\n\n"
                           "Return a stand-in for original, which stores its argument at position: slow(...) is called\n"
                           "in its place when not only the host is on the stack.");

static PyObject *
core_hand_off(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"", "", "position", "method", "passes", NULL};
    PyObject *original, *slow;
    Py_ssize_t position = 0;
    int method = 0, passes = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|$npp:hand_off", names, &original, &slow, &position, &method,
                                     &passes)) {
        return NULL;
    }
    hand_off_object *self = PyObject_GC_New(hand_off_object, core.hand_off_types[method]);
    if (self == NULL) {
        return NULL;
    }
    self->vectorcall = hand_off_vectorcall;
    self->original = Py_NewRef(original);
    self->slow = Py_NewRef(slow);
    self->position = position;
    self->passes = passes;
    PyObject_GC_Track(self);
    return (PyObject *)self;
}

PyDoc_STRVAR(pass_steps_doc, "pass_steps(step_type, wakeup, passing, /)\n--\n\n"
                             "Say what asyncio stores for itself: the type of a next step, the C function that goes on\n"
                             "when a future is done, and the code of functions that only pass on results.");

static PyObject *
core_pass_steps(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *step_type, *wakeup, *passing;
    if (!PyArg_ParseTuple(args, "O!O!O!:pass_steps", &PyType_Type, &step_type, &PyCFunction_Type, &wakeup, &PyTuple_Type,
                          &passing)) {
        return NULL;
    }
    Py_XSETREF(asyncio.passing, Py_NewRef(passing));
    asyncio.wakeup = PyCFunction_GET_FUNCTION(wakeup);
    Py_XSETREF(asyncio.step_type, (PyTypeObject *)Py_NewRef(step_type));
    Py_RETURN_NONE;
}

PyDoc_STRVAR(replace_method_doc, "replace_method(type, name, value, /)\n--\n\n"
                                 "Replace a method of a type that Python code may not change; callers in C that do not\n"
                                 "look it up keep the old one.");

static PyObject *
core_replace_method(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyTypeObject *type;
    PyObject *name, *value;
    if (!PyArg_ParseTuple(args, "O!UO:replace_method", &PyType_Type, &type, &name, &value)) {
        return NULL;
    }
#if PY_VERSION_HEX >= 0x030C0000
    PyObject *dict = PyType_GetDict(type);
#else
    PyObject *dict = Py_XNewRef(type->tp_dict);
#endif
    if (dict == NULL || PyDict_GetItemWithError(dict, name) == NULL) {
        if (!PyErr_Occurred()) {
            PyErr_Format(PyExc_AttributeError, "type %s has no method %R of its own", type->tp_name, name);
        }
        Py_XDECREF(dict);
        return NULL;
    }
    int failed = PyDict_SetItem(dict, name, value);
    Py_DECREF(dict);
    if (failed) {
        return NULL;
    }
    PyType_Modified(type);
    Py_RETURN_NONE;
}

PyMethodDef hand_off_functions[] = {
    {"hand_off", (PyCFunction)(void (*)(void))core_hand_off, METH_VARARGS | METH_KEYWORDS, hand_off_doc},
    {"pass_steps", core_pass_steps, METH_VARARGS, pass_steps_doc},
    {"replace_method", core_replace_method, METH_VARARGS, replace_method_doc},
    {NULL, NULL, 0, NULL},
};
