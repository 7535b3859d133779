/* The module _core: what it is set up with, and what it offers other extensions. */

#include "core.h"

#include "../_core.h"

core_state core;

PyDoc_STRVAR(advance_epoch_doc, "advance_epoch()\n--\n\nForget every remembered answer: a policy has changed.");

static PyObject *
core_advance_epoch(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    PyObject *fresh = PyObject_CallNoArgs((PyObject *)&PyBaseObject_Type);
    if (fresh == NULL) {
        return NULL;
    }
    Py_SETREF(core.epoch, fresh);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(set_host_unrestricted_doc, "set_host_unrestricted(value, /)\n--\n\n"
                                        "Say whether host code has AllPermission, so that it need not be asked.");

static PyObject *
core_set_host_unrestricted(PyObject *Py_UNUSED(module), PyObject *value)
{
    int truth = PyObject_IsTrue(value);
    if (truth < 0) {
        return NULL;
    }
    core.host_unrestricted = truth;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(configure_doc,
             "configure(*, events, decide, decide_event, host, nobody, permission_types, all_permission, context_type,\n"
             "          find_and_load)\n--\n\n"
             "Give the core what it needs to ask.  Once per process; changes nothing until activate().");

static PyObject *
core_configure(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"events", "decide", "decide_event", "host", "nobody", "permission_types", "all_permission",
                            "context_type", "find_and_load", NULL};
    PyObject *events, *decide, *decide_event, *host, *nobody, *types, *all, *context, *find;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "$O!OOO!O!O!OOO!:configure", names, &PyDict_Type, &events, &decide,
                                     &decide_event, core.domain_type, &host, core.domain_type, &nobody, &PyDict_Type,
                                     &types, &all, &context, &PyCode_Type, &find)) {
        return NULL;
    }
    if (core.decide != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "pycage's core is configured already; there is one manager per process");
        return NULL;
    }
    if (event_table_set(events) < 0) {
        return NULL;
    }
    core.decide = Py_NewRef(decide);
    core.decide_event = Py_NewRef(decide_event);
    core.host = Py_NewRef(host);
    core.nobody = Py_NewRef(nobody);
    core.permission_types = Py_NewRef(types); /* live: types that the host registers later are seen */
    core.all_permission = Py_NewRef(all);
    core.context_type = Py_NewRef(context);
    core.find_and_load = Py_NewRef(find);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(activate_doc, "activate(*, allow_subinterpreters)\n--\n\n"
                           "Install the audit hook (once) and start asking.  There is no way back.");

static PyObject *
core_activate(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"allow_subinterpreters", NULL};
    int allow;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "$p:activate", names, &allow)) {
        return NULL;
    }
    if (core.decide == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "configure() comes before activate()");
        return NULL;
    }
    if (!core.active) {
        core.main_thread = PyThread_get_thread_ident();
        /* Raises sys.addaudithook to hooks that are there already; one of them may refuse. */
        if (PySys_AddAuditHook(audit_hook, NULL) < 0) {
            if (!PyErr_Occurred()) {
                PyErr_SetString(PyExc_RuntimeError, "another audit hook of this process refused pycage's hook");
            }
            return NULL;
        }
        core.active = 1;
    }
    core.allow_subinterpreters = allow;
    Py_RETURN_NONE;
}

static PyMethodDef module_functions[] = {
    {"activate", (PyCFunction)(void (*)(void))core_activate, METH_VARARGS | METH_KEYWORDS, activate_doc},
    {"advance_epoch", core_advance_epoch, METH_NOARGS, advance_epoch_doc},
    {"configure", (PyCFunction)(void (*)(void))core_configure, METH_VARARGS | METH_KEYWORDS, configure_doc},
    {"set_host_unrestricted", core_set_host_unrestricted, METH_O, set_host_unrestricted_doc},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef *const functions_of_parts[] = {
    bound_call_functions, checking_functions,   domain_functions,   hand_off_functions,
    openat2_functions,    privileged_functions, snapshot_functions,
};

static PyObject *
domain_of_any_code(PyObject *code)
{
    return domain_of_code(code);
}

static core_api api = {.domain_of_code = domain_of_any_code, .top_domain = top_domain};

static int
core_exec(PyObject *module)
{
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
        PyErr_SetString(PyExc_ImportError, "pycage works in the main interpreter only");
        return -1;
    }
    if (core.interpreter == NULL) {
        core.interpreter = PyInterpreterState_Main();
        core.host_unrestricted = 1;
        core.extra_index = request_extra_index(free_tag);
        if (core.extra_index < 0) {
            PyErr_SetString(PyExc_ImportError, "no slot for tags is left on code objects: too many tools use them");
            return -1;
        }
        core.domain_type = (PyTypeObject *)PyType_FromSpec(&domain_spec);
        core.bound_call_type = (PyTypeObject *)PyType_FromSpec(&bound_call_spec);
        for (int i = 0; i < 2; i++) {
            core.hand_off_types[i] = (PyTypeObject *)PyType_FromSpec(&hand_off_specs[i]);
            if (core.hand_off_types[i] == NULL) {
                return -1;
            }
        }
        core.tally_type = (PyTypeObject *)PyType_FromSpec(&tally_spec);
        core.epoch = PyObject_CallNoArgs((PyObject *)&PyBaseObject_Type);
        if (core.domain_type == NULL || core.bound_call_type == NULL || core.tally_type == NULL || core.epoch == NULL) {
            return -1;
        }
    }
    for (size_t i = 0; i < Py_ARRAY_LENGTH(functions_of_parts); i++) {
        if (PyModule_AddFunctions(module, functions_of_parts[i]) < 0) {
            return -1;
        }
    }
    api.bound_call_type = core.bound_call_type;
    PyObject *capsule = PyCapsule_New(&api, CORE_CAPSULE, NULL);
    if (capsule == NULL || PyModule_AddObject(module, "_capsule", capsule) < 0) {
        Py_XDECREF(capsule);
        return -1;
    }
    if (PyModule_AddObjectRef(module, "Tally", (PyObject *)core.tally_type) < 0) {
        return -1;
    }
    return PyModule_AddObjectRef(module, "Domain", (PyObject *)core.domain_type);
}

static PyModuleDef_Slot core_slots[] = {
    {Py_mod_exec, core_exec},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
    {0, NULL},
};

static struct PyModuleDef core_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "pycage._core",
    .m_doc = "Who is on the stack, and the audit hook that asks.  Not for use outside pycage.",
    .m_methods = module_functions,
    .m_slots = core_slots,
};

PyMODINIT_FUNC
PyInit__core(void)
{
    return PyModuleDef_Init(&core_module);
}
