"""pycage: sandboxes, live permissions and privileged host APIs, as the JVM and io7m's jcage had them.

    import pycage
    from pycage import FilePermission

    with pycage.Sandbox("s", permissions=[FilePermission("/srv/images/-", "read")]) as sandbox:
        sandbox.run("1 + 2").value

From the ground up:

* ``_core``: in C, who is on the stack, and the audit hook;
* ``permissions``, ``codesource``, ``grants``, ``domains``, ``policy``: the algebra;
* ``records``, ``sinks``, ``decisions``: what was answered, and who is told;
* ``contexts``, ``agreement``, ``asking``, ``denials``, ``access``: may this stack do this?
* ``events``, ``handoff``, ``manager``: audit events to questions, contexts to work that runs later;
* ``language``: source to restricted code; ``imports``: what a sandbox can import;
* ``cage``, ``control``, ``sandbox``, ``sandboxes``: all of it together; ``explanations``: why;
* ``policy_files``, ``report``, ``testing``, ``cli``: for people.

A part imports only what stands before it (``tests/test_layers.py`` has the whole order).  This module only re-exports.
"""

from pycage import search_path as search_path  # first: see there

# isort: split
from pycage.access import AccessControlContext as AccessControlContext
from pycage.access import GuardedObject as GuardedObject
from pycage.access import check_permission as check_permission
from pycage.access import do_privileged as do_privileged
from pycage.access import get_context as get_context
from pycage.access import privileged as privileged
from pycage.access import register_permission_type as register_permission_type
from pycage.access import run_as as run_as
from pycage.changes import PolicyChange as PolicyChange
from pycage.changes import Subscription as Subscription
from pycage.codesource import CodeSource as CodeSource
from pycage.decisions import ChainEntry as ChainEntry
from pycage.decisions import Decision as Decision
from pycage.decisions import DecisionLog as DecisionLog
from pycage.decisions import PermissionRequest as PermissionRequest
from pycage.domains import Principal as Principal
from pycage.domains import ProtectionDomain as ProtectionDomain
from pycage.errors import AccessDenied as AccessDenied
from pycage.errors import DuplicateSandboxError as DuplicateSandboxError
from pycage.errors import ImportDenied as ImportDenied
from pycage.errors import LimitExceeded as LimitExceeded
from pycage.errors import ModuleMissingError as ModuleMissingError
from pycage.errors import NotPlainError as NotPlainError
from pycage.errors import PolicyError as PolicyError
from pycage.errors import PolicyFileError as PolicyFileError
from pycage.errors import PycageError as PycageError
from pycage.errors import RestrictedSyntaxError as RestrictedSyntaxError
from pycage.errors import SandboxExited as SandboxExited
from pycage.errors import StackEntry as StackEntry
from pycage.errors import SyntaxProblem as SyntaxProblem
from pycage.errors import WrongLoaderError as WrongLoaderError
from pycage.explanations import Explanation as Explanation
from pycage.explanations import explain_decision as explain_decision
from pycage.grants import Grant as Grant
from pycage.imports import CallableResolver as CallableResolver
from pycage.imports import ChainResolver as ChainResolver
from pycage.imports import Conclusion as Conclusion
from pycage.imports import LoaderPolicy as LoaderPolicy
from pycage.imports import MappingResolver as MappingResolver
from pycage.imports import PathResolver as PathResolver
from pycage.imports import Resolver as Resolver
from pycage.imports import SequentialPolicy as SequentialPolicy
from pycage.imports import Source as Source
from pycage.imports import UnrestrictedPolicy as UnrestrictedPolicy
from pycage.imports import rules as rules
from pycage.imports.vetted import vetted as vetted
from pycage.manager import decisions as decisions
from pycage.manager import get_policy as get_policy
from pycage.manager import install as install
from pycage.permissions import AllPermission as AllPermission
from pycage.permissions import BasicPermission as BasicPermission
from pycage.permissions import EnvPermission as EnvPermission
from pycage.permissions import FilePermission as FilePermission
from pycage.permissions import GrantPermission as GrantPermission
from pycage.permissions import ImportPermission as ImportPermission
from pycage.permissions import LinkPermission as LinkPermission
from pycage.permissions import NativePermission as NativePermission
from pycage.permissions import Permission as Permission
from pycage.permissions import PermissionCollection as PermissionCollection
from pycage.permissions import Permissions as Permissions
from pycage.permissions import ProcessPermission as ProcessPermission
from pycage.permissions import PropertyPermission as PropertyPermission
from pycage.permissions import RuntimePermission as RuntimePermission
from pycage.permissions import SandboxAdminPermission as SandboxAdminPermission
from pycage.permissions import SecurityPermission as SecurityPermission
from pycage.permissions import SocketPermission as SocketPermission
from pycage.permissions import ThreadPermission as ThreadPermission
from pycage.permissions import UnresolvedPermission as UnresolvedPermission
from pycage.permissions import parse as parse
from pycage.plain import plain as plain
from pycage.policy import Policy as Policy
from pycage.policy_files import PolicyFile as PolicyFile
from pycage.policy_files import load_policy as load_policy
from pycage.policy_files import read_policy as read_policy
from pycage.questions import Answer as Answer
from pycage.questions import Question as Question
from pycage.results import Result as Result
from pycage.sandbox import Sandbox as Sandbox
from pycage.sandboxes import Sandboxes as Sandboxes
from pycage.sinks import Delivery as Delivery
from pycage.sinks import JsonLines as JsonLines
from pycage.sinks import ToLogging as ToLogging
from pycage.telemetry import OpenTelemetrySink as OpenTelemetrySink

__all__ = [
    "AccessControlContext",
    "AccessDenied",
    "AllPermission",
    "Answer",
    "BasicPermission",
    "CallableResolver",
    "ChainEntry",
    "ChainResolver",
    "CodeSource",
    "Conclusion",
    "Decision",
    "DecisionLog",
    "Delivery",
    "DuplicateSandboxError",
    "EnvPermission",
    "Explanation",
    "FilePermission",
    "Grant",
    "GrantPermission",
    "GuardedObject",
    "ImportDenied",
    "ImportPermission",
    "JsonLines",
    "LimitExceeded",
    "LinkPermission",
    "LoaderPolicy",
    "MappingResolver",
    "ModuleMissingError",
    "NativePermission",
    "NotPlainError",
    "OpenTelemetrySink",
    "PathResolver",
    "Permission",
    "PermissionCollection",
    "PermissionRequest",
    "Permissions",
    "Policy",
    "PolicyChange",
    "PolicyError",
    "PolicyFile",
    "PolicyFileError",
    "Principal",
    "ProcessPermission",
    "PropertyPermission",
    "ProtectionDomain",
    "PycageError",
    "Question",
    "Resolver",
    "RestrictedSyntaxError",
    "Result",
    "RuntimePermission",
    "Sandbox",
    "SandboxAdminPermission",
    "SandboxExited",
    "Sandboxes",
    "SecurityPermission",
    "SequentialPolicy",
    "SocketPermission",
    "Source",
    "StackEntry",
    "Subscription",
    "SyntaxProblem",
    "ThreadPermission",
    "ToLogging",
    "UnresolvedPermission",
    "UnrestrictedPolicy",
    "WrongLoaderError",
    "check_permission",
    "decisions",
    "do_privileged",
    "explain_decision",
    "get_context",
    "get_policy",
    "install",
    "load_policy",
    "parse",
    "plain",
    "privileged",
    "read_policy",
    "register_permission_type",
    "rules",
    "run_as",
    "vetted",
]
