from __future__ import annotations

import pickle

import pytest

from deixis import errors

INPUT_ERRORS = [errors.ImageError, errors.PhraseError, errors.DataError, errors.ConfigError, errors.CheckpointError]


@pytest.mark.parametrize("kind", INPUT_ERRORS)
def test_input_errors_are_value_errors_of_deixis(kind: type[Exception]) -> None:
    assert issubclass(kind, errors.InputError)
    assert issubclass(kind, errors.DeixisError)
    assert issubclass(kind, ValueError)


def test_the_tree_in_the_docstring_is_the_tree_of_the_module() -> None:
    defined = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert errors.__doc__ is not None
    drawn = {word for word in errors.__doc__.split() if word in defined}
    assert drawn == defined


def test_a_missing_extra_says_what_to_type() -> None:
    error = errors.MissingExtra("torch", "train")
    assert isinstance(error, ImportError)
    assert not isinstance(error, errors.InputError)
    assert str(error) == "torch is needed for this and is not installed: pip install 'deixis[train]'"
    assert (error.package, error.extra) == ("torch", "train")


@pytest.mark.parametrize("error", [errors.MissingExtra("torch", "train"), errors.DataError("a.json: no")])
def test_errors_travel_between_processes(error: Exception) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)
