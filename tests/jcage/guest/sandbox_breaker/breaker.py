"""Tries to get out, in every way that jcage's SandboxBreaker does.

Nothing here is caught, except where a denial would be the wrong one: then an AssertionError comes out.
"""

import importlib

from jcage_shared import dangerous_get_loader, platform, thing_with_private
from jcage_shared.breaker_type import SandboxBreakerType

from pycage import AccessDenied, FilePermission, SandboxAdminPermission, Sandboxes, check_permission


class SandboxBreaker(SandboxBreakerType):
    """One attempt per method."""

    def check_permission(self):
        check_permission(FilePermission("/tmp/z", "read"))

    def check_permission_create_sandbox(self):
        check_permission(SandboxAdminPermission("*", "createSandbox"))

    def load_native(self):
        platform.load_library("libc.so.6")

    def reflection_get_declared(self):
        thing = thing_with_private.thing()
        if getattr(thing, "_value") == 0:
            setattr(thing, "_value", 23)

    def class_loader_create(self):
        platform.define_class("class Evil: pass", "evil", "exec")

    def class_loader_get(self):
        return getattr(platform, "__loader__")

    def class_loader_get_system(self):
        import pkgutil

        print(list(pkgutil.iter_importers()))

    def file_write(self):
        with open("test.txt", "w") as file:
            file.write("FAILURE")

    def get_policy(self):
        return platform.get_policy()

    def set_policy(self):
        platform.set_policy()

    def disallowed_class(self):
        importlib.import_module("json.decoder")

    def sandboxes_get(self):
        return Sandboxes.get()

    def sandboxes_create(self):
        try:
            registry = Sandboxes.get()
        except AccessDenied as denied:
            raise AssertionError("the registry was refused") from denied
        resolver, unrestricted = dangerous_get_loader.get_loader()
        registry.create("a", resolver=resolver, sandbox_policy=unrestricted, host_policy=unrestricted)

    def thread_create(self):
        ran = []
        platform.start_thread(lambda: ran.append(1))
        return ran

    def thread_group_create(self):
        platform.current_thread().name = "stopped"
