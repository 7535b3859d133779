"""The host's interface to the sandboxed breaker, known on both sides: jcage's SandboxBreakerType."""

from __future__ import annotations

import abc


class SandboxBreakerType(abc.ABC):
    """What the breaker does when it is asked to; each method attempts one thing that a sandbox must not do."""

    @abc.abstractmethod
    def check_permission(self): ...

    @abc.abstractmethod
    def check_permission_create_sandbox(self): ...

    @abc.abstractmethod
    def load_native(self): ...

    @abc.abstractmethod
    def reflection_get_declared(self): ...

    @abc.abstractmethod
    def class_loader_create(self): ...

    @abc.abstractmethod
    def class_loader_get(self): ...

    @abc.abstractmethod
    def class_loader_get_system(self): ...

    @abc.abstractmethod
    def file_write(self): ...

    @abc.abstractmethod
    def get_policy(self): ...

    @abc.abstractmethod
    def set_policy(self): ...

    @abc.abstractmethod
    def disallowed_class(self): ...

    @abc.abstractmethod
    def sandboxes_get(self): ...

    @abc.abstractmethod
    def sandboxes_create(self): ...

    @abc.abstractmethod
    def thread_create(self): ...

    @abc.abstractmethod
    def thread_group_create(self): ...
