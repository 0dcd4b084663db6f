"""What can go wrong in the public face, as one small tree; each message is one sentence that says what to do.

GroupNetError
├── BundleError
│   ├── BundleFormatError        the folder is no bundle, or its manifest is not what this version writes
│   ├── BundleDamagedError       a file is missing, cut short or altered
│   └── BundleTargetError        the bundle was compiled for another kind of processor
├── ExportFormatError            the folder is no export that this version can build from
├── OutputFolderError            the result cannot be put where it was asked to go
├── ModelSourceError             MODEL names nothing that can be compiled
├── ReportError                  a file holds no results
├── EvaluationError              a bundle and a data set that do not go together
├── OptionsError                 options of a verb that do not go together
├── TuningError                  no records, or a device that cannot be tuned on
└── RequirementError             something outside Python is not installed
"""


class GroupNetError(Exception):
    """Base of the errors that `groupnet` raises itself; `str` of each is one sentence for the user."""


class BundleError(GroupNetError):
    """A bundle cannot be used."""


class BundleFormatError(BundleError):
    """The folder is no bundle, or its manifest is not what this version of the project writes."""


class BundleDamagedError(BundleError):
    """A file of the bundle is missing, cut short or altered since it was written."""


class BundleTargetError(BundleError):
    """The bundle's code was compiled for a processor that the device does not have."""


class ExportFormatError(GroupNetError):
    """The folder is no export, or none that an executable can be built from."""


class OutputFolderError(GroupNetError):
    """The result cannot be put where it was asked to go."""


class ModelSourceError(GroupNetError):
    """MODEL is no zoo name, no registered architecture, no checkpoint and no exported program."""


class ReportError(GroupNetError):
    """A file holds no results that can be compared."""


class EvaluationError(GroupNetError):
    """The bundle and the data set do not go together."""


class OptionsError(GroupNetError):
    """Options that do not go together."""


class TuningError(GroupNetError):
    """There are no tuning records where they were asked for, or the device cannot be tuned on."""


class RequirementError(GroupNetError):
    """Something outside Python that the verb needs is not installed."""
