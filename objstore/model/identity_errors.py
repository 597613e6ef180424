"""Errors of identities: the codes of IAM and STS, and of sessions."""

from objstore.model.errors import RequestError


class NoSuchEntity(RequestError):
    """There is no such user, group, role, policy or key."""

    message = "The request was rejected because it referenced an entity that does not exist."


class EntityAlreadyExists(RequestError):
    """The name is taken."""

    message = "The request was rejected because it attempted to create a resource that already exists."


class DeleteConflict(RequestError):
    """Something still hangs on what was to be deleted."""

    message = (
        "The request was rejected because it attempted to delete a resource that has attached subordinate entities."
    )


class LimitExceeded(RequestError):
    """There are as many already as there may be."""

    message = "The request was rejected because it attempted to create resources beyond the current account limits."


class MalformedPolicyDocument(RequestError):
    """The document is no policy."""

    message = "The policy document is malformed."


class ValidationError(RequestError):
    """A parameter is missing or not of its form."""

    message = "The input fails to satisfy the constraints specified."


class InvalidInput(RequestError):
    """A parameter's value makes no sense."""

    message = "The request was rejected because an invalid or out-of-range value was supplied."


class InvalidAction(RequestError):
    """There is no such action."""

    message = "The action or operation requested is invalid."


class InvalidClientTokenId(RequestError):
    """The access key of a request to IAM or STS is not known."""

    message = "The security token included in the request is invalid"


class ExpiredToken(RequestError):
    """The session is over."""

    message = "The provided token has expired."


class MalformedPolicy(RequestError):
    """A bucket's policy is none."""

    message = "This policy contains invalid Json"


class MissingAuthenticationToken(RequestError):
    """A request to IAM or STS without a signature."""

    message = "Request is missing Authentication Token"


class InvalidIdentityToken(RequestError):
    """A web identity's token is none that may be taken."""

    message = "The web identity token that was passed could not be validated."


class ExpiredTokenException(RequestError):
    """A web identity's token is too old."""

    message = "The web identity token that was passed is expired or is not valid."


class IDPCommunicationError(RequestError):
    """An identity provider does not say which its keys are."""

    message = "The request could not be fulfilled because the identity provider could not be reached."
